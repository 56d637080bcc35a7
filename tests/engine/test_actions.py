"""Actions before and after runs and tasks: in order, by policy, not twice if that can be."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from aiohttp import web
from pydantic import ValidationError
from sqlglot import exp, parse_one

from acceptance import serving, support
from acceptance.processes import Process, Processes
from control.conftest import new_database
from engine.test_command_line import said
from engine.workers import over, until
from standins import postgres
from standins.listening import hook
from syncline.cli.control import sitting_here
from syncline.control.action_specs import ActionSpec
from syncline.control.actions import Place, perform
from syncline.control.commands import run_command
from syncline.control.connections import opener
from syncline.control.plane import open_plane
from syncline.control.project import Project, load_project
from syncline.control.runs import Run, State, events_of, get_run, list_runs
from syncline.control.store.database import Store
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job, job_of
from syncline.errors import (
    AddressRefused,
    ConfigError,
    NotFound,
    PermissionRefused,
    ProjectError,
    QueryError,
    ResponseRefused,
    Unavailable,
)
from syncline.model.reach import Reach

ONE_FILE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
HERE = Reach(private=True)
PYTHON = sys.executable


@pytest.fixture
def place(tmp_path: Path) -> Place:
    file = tmp_path / "lake.duckdb"
    connections = {
        "api": {"type": "api", "properties": {"Profile": "clio"}},
        "lake": {"type": "duckdb", "properties": {"Database": str(file)}},
    }
    project = tmp_path / "project.yaml"
    project.write_text(yaml.safe_dump({"connections": connections}))
    loaded = load_project(project)

    async def start(name: str) -> str:
        return f"started {name}"

    return Place(
        job="nightly", run="r1", task="", phase="after", state="succeeded", mark="r1/after/0",
        destination=opener(loaded, "lake"), start=start, reach=HERE,
        environment={"TOKEN": "hunter2", "SYNCLINE_SECRET_KEY": "ours", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip


def action(**given: Any) -> ActionSpec:
    return ActionSpec.model_validate(given)


async def test_statements_are_all_or_nothing(place: Place, tmp_path: Path) -> None:
    made = action(sql="CREATE TABLE t (n INT); INSERT INTO t VALUES (1), (2)")
    assert await perform(made, place) == "2 statements, 2 rows changed"
    with pytest.raises(Exception, match="nowhere"):
        await perform(action(sql="DELETE FROM t; DELETE FROM nowhere"), place)
    for wrong in ("DELETE FROM", " ; "):
        with pytest.raises(QueryError):
            await perform(action(sql=wrong), place)
    with duckdb.connect(str(tmp_path / "lake.duckdb")) as connection:
        assert connection.sql("SELECT count(*) FROM t").fetchall() == [(2,)]


async def test_a_request_says_what_it_is_about(place: Place) -> None:
    async with hook() as web_hook:
        url = f"http://{web_hook.url}/refresh"
        headers = {"Authorization": "Bearer ${TOKEN}"}
        came = await perform(action(http={"url": url, "headers": headers}), place)
        assert came == "the answer was 200"
        assert web_hook.got == [
            {"job": "nightly", "run": "r1", "phase": "after", "state": "succeeded"}
        ]
        assert web_hook.headers[0]["Authorization"] == "Bearer hunter2"
        assert web_hook.headers[0]["Idempotency-Key"] == "r1/after/0"
        for wrong in ("${NOT_SET}", "${SYNCLINE_SECRET_KEY}"):
            with pytest.raises(ProjectError):
                await perform(action(http={"url": url, "body": wrong}), place)
        for status, error in ((404, NotFound), (422, ResponseRefused), (503, Unavailable)):
            web_hook.answer = _answering(status)
            with pytest.raises(error, match=str(status)) as refused:
                await perform(action(http={"url": url, "headers": headers}), place)
            assert "hunter2" not in str(refused.value)
        before = len(web_hook.got)
        with pytest.raises(AddressRefused):
            await perform(action(http={"url": url}), replace(place, reach=Reach()))
        assert len(web_hook.got) == before


def _answering(status: int) -> Any:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    return answer


async def test_only_programs_that_are_allowed_are_run(place: Place, tmp_path: Path) -> None:
    with pytest.raises(PermissionRefused, match="not allowed on this node"):
        await perform(action(command="dbt build"), place)
    allowed = {**place.environment, "SYNCLINE_COMMANDS": f"dbt, {PYTHON}"}
    there = replace(place, environment=allowed)
    code = "import os; print(os.getcwd(), os.environ['RUN_JOB'], sorted(os.environ))"
    came = await perform(action(command=f'{PYTHON} -c "{code}"', folder=str(tmp_path)), there)
    assert came.startswith(f"{tmp_path} nightly")
    assert "TOKEN" in came
    assert "SYNCLINE" not in came
    with pytest.raises(NotFound, match="dbt cannot be started"):
        await perform(action(command="dbt build"), there)
    with pytest.raises(ResponseRefused, match="ended with 3: it broke"):
        await perform(action(command=f"{PYTHON} -c \"print('it broke'); exit(3)\""), there)
    # No shell reads it: this is one argument.
    assert await perform(action(command=f"{PYTHON} -c print(1) ; exit 4"), there) == "1"


async def test_a_program_that_is_given_up_is_gone(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"import time; open('{mark}', 'w').close(); time.sleep(3600)"
    running = asyncio.create_task(
        run_command(f'{PYTHON} -c "{code}"', folder=None, more={},
                    environment={"SYNCLINE_COMMANDS": PYTHON})
    )  # fmt: skip
    await until(mark.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    "given",
    [{}, {"sql": "x", "job": "y"}, {"sql": "x", "folder": "/"}, {"command": ""},
     {"command": "dbt 'build"}, {"http": {"url": "x", "method": "SEND"}}],
)  # fmt: skip
def test_actions_that_contradict_themselves(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        action(**given)


async def _stored(address: str, file: Path, jobs: Mapping[str, Mapping[str, Any]]) -> None:
    loaded = load_project(file)
    async with open_plane(address, environment={}) as plane:
        async with plane.changing(sitting_here()) as work:
            for name, connection in loaded.connections.items():
                await create_connection(work, name, connection)
        async with plane.changing(sitting_here()) as work:
            common = loaded.jobs["job"].model_dump(mode="json", by_alias=True,
                                                   exclude_defaults=True)  # fmt: skip
            for name, given in jobs.items():
                await create_job(work, name, job_of({**common, **given}))


async def _ran(processes: Processes, address: str, folder: Path, store: Store, job: str) -> Run:
    await processes.run("jobs", "run", job, "--wait", "--store", address, cwd=folder)
    (run, *_) = [run for run in await list_runs(store) if run.job == job]
    return await get_run(store, run.id)


async def _worker(processes: Processes, address: str, folder: Path, **environment: str) -> Process:
    known = {"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "true", **environment}
    worker = await processes.start("worker", "--store", address, cwd=folder, env=known)
    await said(worker, "runs the jobs of the store")
    return worker


@ONE_FILE
async def test_actions_around_a_run_and_its_tasks(
    address: str, store: Store, tmp_path: Path, processes: Processes
) -> None:
    async with serving.serving() as watched, hook() as web_hook:
        url = f"http://{web_hook.url}/done"
        project = support.written(tmp_path, watched, {"table": "Users"}, job={"retries": 0})
        note = "INSERT INTO notes VALUES ('{}')"
        around = {
            "before": [{"sql": "CREATE TABLE IF NOT EXISTS notes (said TEXT)"},
                       {"sql": "INSERT INTO nowhere VALUES (1)", "on_error": "go_on"}],
            "tasks": [{"table": "Users", "before": [{"sql": note.format("before Users")}],
                       "after": [{"sql": note.format("after Users")},
                                 {"sql": note.format("never"), "when": "failed"}]}],
            "after": [{"job": "second"}, {"command": f"{PYTHON} -c print(6*7)"},
                      {"http": {"url": url}, "when": "ended"}],
        }  # fmt: skip
        stopped = {
            "before": [{"command": "rm -rf /"}, {"sql": "CREATE TABLE never (n INT)"}],
            "after": [{"sql": "CREATE TABLE never (n INT)"},
                      {"http": {"url": url}, "when": "failed"}],
        }  # fmt: skip
        late = {"after": [{"sql": "DELETE FROM nowhere"}, {"http": {"url": url}}]}
        task = {"tasks": [{"table": "Users", "after": [{"sql": "DELETE FROM nowhere"}]}]}
        jobs: dict[str, dict[str, Any]] = {
            "second": {}, "first": around, "stopped": stopped, "late": late, "task": task,
        }  # fmt: skip
        await _stored(address, project.file, jobs)
        worker = await _worker(processes, address, tmp_path, SYNCLINE_COMMANDS=PYTHON)
        first = await _ran(processes, address, tmp_path, store, "first")
        assert first.state is State.SUCCEEDED, worker.said()
        lines = [(e.number, e.level, e.message) for e in await events_of(store, first.id)
                 if e.kind == "action" and ": " in e.message.partition(": ")[2]]  # fmt: skip
        assert [(n, level) for n, level, _ in lines] == [
            (None, "info"), (None, "warning"), (0, "info"), (0, "info"), (None, "info"),
            (None, "info"), (None, "info"),
        ]  # fmt: skip
        assert "nowhere" in lines[1][2]
        assert "start of the job second: run " in lines[4][2]
        assert lines[5][2].endswith(": 42")
        assert web_hook.got.pop()["state"] == "succeeded"
        seconds = [run for run in await list_runs(store) if run.job == "second"]
        assert [(r.reason, r.requested_by) for r in seconds] == [("after", "first")]

        refused = await _ran(processes, address, tmp_path, store, "stopped")
        assert refused.failure is not None
        assert refused.failure.code == "config.permission"
        assert "before: command rm: the program rm is not allowed" in refused.failure.message
        assert [t.state for t in refused.tasks] == [State.SKIPPED]
        assert web_hook.got.pop()["state"] == "failed"

        after = await _ran(processes, address, tmp_path, store, "late")
        assert after.state is State.FAILED
        assert [t.state for t in after.tasks] == [State.SUCCEEDED]
        assert after.failure is not None
        assert "after: SQL on the destination" in after.failure.message
        of_task = await _ran(processes, address, tmp_path, store, "task")
        assert of_task.state is State.FAILED
        assert [t.state for t in of_task.tasks] == [State.FAILED]
        assert web_hook.got == []
        worker.signal(signal.SIGTERM)
        assert (await worker.finished()).code == 0
    with duckdb.connect(str(project.database)) as connection:
        notes = connection.sql(f"SELECT said FROM {support.SCHEMA}.notes").fetchall()
        found = connection.sql("SELECT table_name FROM information_schema.tables").fetchall()
    assert notes == [("before Users",), ("after Users",)]
    assert ("never",) not in found


@ONE_FILE
async def test_after_a_kill_what_was_done_is_not_done_again(
    address: str, store: Store, tmp_path: Path, processes: Processes
) -> None:
    async with serving.serving() as watched, hook() as web_hook:
        url = f"http://{web_hook.url}/done"
        project = support.written(tmp_path, watched, {"table": "Users"})
        count = {"sql": "CREATE TABLE IF NOT EXISTS n (i INT); INSERT INTO n VALUES (1)"}
        jobs: dict[str, dict[str, Any]] = {"second": {}, "first": {"before": [count],
                "after": [{"job": "second"}, {"http": {"url": url}}]}}  # fmt: skip
        await _stored(address, project.file, jobs)
        never = asyncio.Event()

        async def hang(_: web.Request) -> web.StreamResponse:
            await never.wait()
            return web.Response()

        web_hook.answer = hang
        worker = await _worker(processes, address, tmp_path)
        await processes.run("jobs", "run", "first", "--store", address, cwd=tmp_path)
        await until(lambda: web_hook.got)
        await worker.kill()
        web_hook.answer = None
        again = await _worker(processes, address, tmp_path)
        await until(lambda: len(web_hook.got) > 1)
        (run,) = [run for run in await list_runs(store) if run.job == "first"]
        assert (await over(store, run.id)).state is State.SUCCEEDED
        again.signal(signal.SIGTERM)
        await again.finished()
    marks = {headers["Idempotency-Key"] for headers in web_hook.headers}
    assert marks == {f"{run.id}/after/1"}
    assert len([r for r in await list_runs(store) if r.job == "second"]) == 1
    with duckdb.connect(str(project.database)) as connection:
        assert connection.sql(f"SELECT count(*) FROM {support.SCHEMA}.n").fetchall() == [(1,)]


@ONE_FILE
async def test_a_cancelled_run_leaves_off_and_does_what_is_for_its_end(
    address: str, store: Store, tmp_path: Path, processes: Processes
) -> None:
    async with serving.serving() as watched, hook() as web_hook:
        url = {"url": f"http://{web_hook.url}/"}
        project = support.written(tmp_path, watched, {"table": "Users"})
        after = [{"http": url}, {"http": url, "when": "failed"}, {"http": url, "when": "ended"}]
        await _stored(address, project.file, {"first": {"before": [{"http": url}], "after": after}})
        never = asyncio.Event()

        async def hang(_: web.Request) -> web.StreamResponse:
            await never.wait()
            return web.Response()

        web_hook.answer = hang
        worker = await _worker(processes, address, tmp_path)
        await processes.run("jobs", "run", "first", "--store", address, cwd=tmp_path)
        await until(lambda: web_hook.got)
        web_hook.answer = None
        (run,) = await list_runs(store)
        await processes.run("runs", "cancel", run.id, "--store", address, cwd=tmp_path)
        ended = await over(store, run.id)
        await worker.kill()
    assert (ended.state, [t.state for t in ended.tasks]) == (State.CANCELLED, [State.SKIPPED])
    assert [told["phase"] for told in web_hook.got] == ["before", "after"]
    assert web_hook.got[1]["state"] == "cancelled"


async def test_statements_of_postgresql(postgres_server: postgres.Server, place: Place) -> None:
    database = (await new_database(postgres_server)).rpartition("/")[2]
    connections = {
        "api": {"type": "api", "properties": {"Profile": "clio"}},
        "pg": {
            "type": "postgres",
            "properties": {
                "Server": "127.0.0.1",
                "Port": postgres_server.port,
                "User": postgres.USER,
                "Password": postgres.PASSWORD,
                "Database": database,
                "Schema": "law",
            },
        },
    }
    there = replace(
        place, destination=opener(Project.model_validate({"connections": connections}), "pg")
    )
    made = """
        CREATE TABLE t (n INT PRIMARY KEY);
        CREATE PROCEDURE fill(most INT) LANGUAGE SQL
            AS $$ INSERT INTO law.t SELECT generate_series(1, most) $$;
        CALL law.fill(3);
        WITH low AS (DELETE FROM t WHERE n < 2 RETURNING n) INSERT INTO t SELECT n + 10 FROM low;
        CREATE VIEW v AS SELECT count(*) AS many FROM t
    """
    assert "5 statements" in await perform(action(sql=made), there)
    with pytest.raises(ConfigError):
        await perform(action(sql="DELETE FROM t; DELETE FROM nowhere"), there)
    destination = await there.destination()
    query = parse_one("SELECT n FROM law.t ORDER BY n")
    assert isinstance(query, exp.Query)
    found = await destination.fetch(query)
    await destination.aclose()
    assert found.column(0).to_pylist() == [2, 3, 11]
