"""``run``, ``check``, ``preview``, ``profile``, ``demo`` and ``sandbox``, as a user runs them."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from acceptance.processes import Finished, Processes
from acceptance.serving import Watched, options, serving
from acceptance.support import Project, contents, written

_TOTALS = "SELECT user_id, sum(total) AS total FROM Activities GROUP BY user_id"


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with serving(options(60)) as running:
        yield running


def _project(folder: Path, watched: Watched) -> Project:
    project = written(
        folder,
        watched,
        {"table": "Activities", "columns": ["id", "date", {"total": "amount"}, "updated_at"]},
        {"query": _TOTALS, "into": "totals", "write": "replace"},
    )
    known = yaml.safe_load(project.file.read_text("utf-8"))
    known["jobs"]["other"] = {
        "source": "api",
        "destination": "lake",
        "tasks": [{"table": "Users", "write": "replace"}],
    }
    project.file.write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")
    return project


def _facts(ended: Finished) -> dict[str, dict[str, Any]]:
    assert ended.code == 0, ended
    return {row["task"]: row for row in map(json.loads, ended.out.splitlines())}


async def test_all_jobs_or_one_or_one_task(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    json_of = ("--format", "json")
    only = await processes.run("run", project.file, "-j", "other", *json_of, cwd=tmp_path)
    assert set(_facts(only)) == set(contents(project.database)) == {"Users"}
    task = await processes.run(
        "run", project.file, "--job", "job", "--task", "TOTALS", *json_of, cwd=tmp_path
    )
    assert set(_facts(task)) == {"totals"}
    users = await processes.run("run", project.file, "-t", "Users", *json_of, cwd=tmp_path)
    assert set(_facts(users)) == {"Users"}
    facts = _facts(await processes.run("run", project.file, *json_of, cwd=tmp_path))
    assert set(facts) == {"Activities", "totals", "Users"}
    assert facts["Activities"] == {
        "job": "job", "task": "Activities", "state": "ok", "read": 60, "inserted": 60,
        "updated": 0, "deleted": 0, "rejected": 0, "requests": 1,
        "seconds": facts["Activities"]["seconds"],
    }  # fmt: skip
    assert facts["Users"]["job"] == "other"
    with duckdb.connect(str(project.database)) as lake:
        names = [c[0] for c in lake.execute("FROM clio.Activities LIMIT 0").description or ()]
    assert names == ["id", "date", "amount", "updated_at"]


async def test_a_job_that_cannot_begin_does_not_hold_up_the_others(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    known = yaml.safe_load(project.file.read_text("utf-8"))
    known["connections"]["attic"] = {"type": "duckdb", "properties": {"Database": "no/such.duckdb"}}
    known["jobs"]["job"]["destination"] = "attic"
    project.file.write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")
    ended = await processes.run("run", project.file, "--format", "json", cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.count("error [config.destination] ") == ended.err.count("error [") == 1
    assert json.loads(ended.out)["task"] == "Users"


async def test_a_run_as_people_see_it(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    ended = await processes.run("run", project.file, "--job", "job", cwd=tmp_path)
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines() if line.strip()]
    assert lines[0] == ["job"]
    assert lines[1] == ["task", "read", "inserted", "updated", "deleted", "API", "calls", "seconds"]
    (activities,) = [line for line in lines if line[0] == "Activities"]
    assert activities[1:6] == ["60", "60", "0", "0", "1"]
    assert any(line[0] == "total" for line in lines)


async def test_full_and_sweep(processes: Processes, watched: Watched, tmp_path: Path) -> None:
    """A plain run spends nothing on rows that are gone; a sweep or a full read finds them."""
    project = written(tmp_path, watched, {"table": "Activities"}, {"table": "Tasks"})
    command = ("run", project.file, "--format", "json")
    await processes.run(*command, cwd=tmp_path)
    sandbox = watched.sandbox
    sandbox.advance(3600)
    gone = sandbox.mutate("activities", delete=2)["deleted"]
    sandbox.mutate("tasks", delete=1)
    sandbox.advance(3600)
    plain = _facts(await processes.run(*command, cwd=tmp_path))
    assert (plain["Activities"]["read"], plain["Activities"]["deleted"]) == (0, 0)
    only = ("--task", "Activities")
    swept = _facts(await processes.run(*command, "--sweep", *only, cwd=tmp_path))
    assert (swept["Activities"]["deleted"], swept["Activities"]["requests"]) == (2, 2)
    full = _facts(await processes.run(*command, "--full", cwd=tmp_path))
    assert (full["Activities"]["read"], full["Activities"]["deleted"]) == (58, 0)
    assert (full["Tasks"]["deleted"], full["Tasks"]["inserted"]) == (1, 0)
    found = {row[0] for row in contents(project.database)["Activities"]}
    assert not found & set(gone)
    assert len(found) == 58


async def test_check_tells_how_tasks_will_run(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    ended = await processes.run("check", project.file, cwd=tmp_path)
    assert ended.code == 0
    said = ended.out + ended.err
    assert "job: api → lake" in said
    assert re.search(r"ok Activities: merge by id, incremental, 4 columns", said)
    assert re.search(r"ok totals: replace, reads everything each time, 2 columns", said)
    assert "other: api → lake" in said
    assert "changed rows are read" in said
    assert "changes nothing" not in said
    assert not watched.asked
    assert not project.database.exists()


async def test_check_tells_what_is_asked_for_in_vain(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    known = yaml.safe_load(project.file.read_text("utf-8"))
    known["jobs"]["job"]["tasks"][0]["write"] = "replace"
    known["jobs"]["other"]["tasks"][0]["parallel"] = 4
    project.file.write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")
    ended = await processes.run("check", project.file, cwd=tmp_path)
    said = " ".join((ended.out + ended.err).split())
    assert "everything is read every time, because of 'write: replace'" in said
    assert "parallel changes nothing: Users cannot be read in windows of time" in said


async def test_preview_writes_nothing(
    processes: Processes, watched: Watched, tmp_path: Path
) -> None:
    project = _project(tmp_path, watched)
    ended = await processes.run(
        "preview", project.file, "Activities", "--format", "json", cwd=tmp_path
    )
    assert ended.code == 0, ended
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert len(rows) == 60
    assert list(rows[0]) == ["id", "date", "amount", "updated_at"]
    assert not project.database.exists()


async def test_profiles(processes: Processes, tmp_path: Path) -> None:
    listed = await processes.run("profile", "show", cwd=tmp_path)
    assert listed.code == 0
    assert "clio" in listed.out
    assert "clicktime" in listed.out
    shown = await processes.run("profile", "show", "Clio", cwd=tmp_path)
    for word in ("Clio Manage", "Region", "eu.app.clio.com", "BankTransactions", "updated_at"):
        assert word in shown.out
    schema = await processes.run("profile", "schema", cwd=tmp_path)
    document = json.loads(schema.out)
    assert document["$schema"].endswith("2020-12/schema")
    assert {"name", "auth", "base_url", "tables"} <= set(document["required"])
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: Own\nauth: [{scheme: None}]\nbase_url: https://api.example\n"
        "tables:\n  Things:\n    path: /things\n    primary_key: [id]\n"
        "    columns: {id: integer, name: string}\n",
        "utf-8",
    )
    good = await processes.run("profile", "check", "own.yaml", cwd=tmp_path)
    assert good.code == 0
    assert "1 tables, 2 columns" in good.out + good.err
    own.write_text(own.read_text("utf-8").replace("id: integer", "id: whole"), "utf-8")
    bad = await processes.run("profile", "check", "own.yaml", cwd=tmp_path)
    assert bad.code == 2
    assert bad.err.startswith("error [config.profile] own.yaml:8:")
    assert "expected one of string, integer" in bad.err


async def test_demo(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "demo.duckdb").write_text("an earlier demonstration's file", "utf-8")
    ended = await processes.run("demo", "--folder", tmp_path, "--rows", "100", cwd=tmp_path)
    assert ended.code == 0, ended
    for words in ("First load of 16 tables", "At the source: 73 rows inserted", "Done in"):
        assert words in ended.out
    assert "Traceback" not in ended.err
    tables = contents(tmp_path / "demo.duckdb")
    assert len(tables) == 16
    # Of a hundred, 15 went, and 40 came.
    assert len(tables["Activities"]) == 125


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_sandbox_serves_until_ctrl_c(
    processes: Processes, tmp_path: Path, number: signal.Signals
) -> None:
    process = await processes.start("sandbox", "--port", "0", "--rows", "20", cwd=tmp_path)
    while not (found := re.search(r"at (http://\S+);", process.said())):
        assert process.running, process.said()
        await asyncio.sleep(0.02)
    connection = re.search(r"ClickTime: (\S+)", process.said())
    assert connection is not None
    assert found[1] in connection[1]
    query = "SELECT COUNT(*) AS n FROM TimeEntries"
    asked = await processes.run("query", connection[1], query, "-f", "json", cwd=tmp_path)
    assert json.loads(asked.out) == {"n": 20}
    process.signal(number)
    ended = await process.finished()
    assert ended.code in {0, 130}
    assert "Traceback" not in ended.err
    taken = await processes.run("sandbox", "--host", "203.0.113.1", "--rows", "20", cwd=tmp_path)
    assert taken.code == 2
    assert taken.err.count("error [config.property] cannot listen at 203.0.113.1") == 1
