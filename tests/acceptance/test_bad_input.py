"""What is wrong is told once, in one line, with what to do; and nothing is lost by it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from acceptance.processes import Finished, Processes
from acceptance.serving import UNLIMITED, Watched, options, serving
from acceptance.support import Project, contents, results, run, small_clio, written
from syncline.sandbox.faults import Fault

_CANARY = "canary-7f3a9d"
_ACTIVITIES = {"table": "Activities", "commit_rows": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A place to do things wrong in."""

    processes: Processes
    watched: Watched
    folder: Path

    def project(self, *tasks: Any, **more: Any) -> Project:
        source = {"OAuthClientSecret": f"{_CANARY}-client", "Password": f"{_CANARY}-word"}
        given = {"source": {**source, **more.pop("source", {})}, **more}
        profile = given.pop("profile", None) or small_clio(self.folder)
        return written(
            self.folder, self.watched, *(tasks or (_ACTIVITIES,)), profile=profile, **given
        )

    async def refused(
        self,
        *arguments: str | Path,
        error: str,
        words: Sequence[str],
        code: int = 2,
        **more: Any,
    ) -> Finished:
        """Run ``syncline``, which must say this, once, and what to do, and no secret."""
        ended = await self.processes.run(*arguments, cwd=self.folder, **more)
        assert ended.code == code, ended
        said = ended.err + (ended.out if arguments[0] == "check" else "")
        assert said.count("error [") == 1, said
        assert f"error [{error}] " in said, said
        for each in words:
            assert each in said, said
        assert "\n  → " in said, "a hint is missing: " + said
        assert "Traceback" not in ended.err + ended.out
        self.check_secrets(ended)
        return ended

    def check_secrets(self, ended: Finished) -> None:
        """Assert that no secret is in anything that was written."""
        written_by_us = self.folder / "project.yaml"
        known = yaml.safe_load(written_by_us.read_text("utf-8")) if written_by_us.exists() else {}
        api = known.get("connections", {}).get("api", {}).get("properties", {})
        given = api if isinstance(api, dict) else {}
        secrets = {_CANARY, *(str(v) for k, v in given.items() if k.endswith("Token"))}
        for secret in secrets:
            assert secret not in ended.out + ended.err
            for path in self.folder.rglob("*"):
                if path.is_file() and path != written_by_us:
                    assert secret.encode() not in path.read_bytes(), path


@pytest.fixture
async def bench(processes: Processes, tmp_path: Path) -> AsyncIterator[Bench]:
    async with serving(options(60)) as watched:
        yield Bench(processes=processes, watched=watched, folder=tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"profile": "Clioo"}, "config.profile", ["no profile is called 'Clioo'", "clio"]),
        (
            {"source": {"OAuthClientIdd": "x"}},
            "config.property",
            ["connection api: unknown property 'OAuthClientIdd'", "did you mean OAuthClientId?"],
        ),
        (
            {"source": {"InitiateOAuth": "MAYBE"}},
            "config.property",
            ["connection api: the property InitiateOAuth", "GETANDREFRESH"],
        ),
        ({"source": {"AuthScheme": "Kerberos"}}, "config.property", ["Kerberos", "OAuth"]),
        ({"settings": {"Regoin": "x"}}, "config.property", ["Regoin", "Region"]),
        ({"settings": {"Region": "xx"}}, "config.property", ["Region", "eu.app.clio.com"]),
        ({"lake": {"Databse": "x"}}, "config.property", ["connection lake", "Database"]),
        ({"lake": {"Threads": "many"}}, "config.property", ["connection lake", "Threads"]),
        (
            {"source": {"OAuthRefreshToken": "${CANARY_TOKEN}"}},
            "config.project",
            ["connections.api.OAuthRefreshToken", "CANARY_TOKEN is not set", "export CANARY_TOKEN"],
        ),
    ],
)
async def test_wrong_connections(
    bench: Bench, changes: dict[str, Any], error: str, words: Sequence[str]
) -> None:
    project = bench.project(**changes)
    await bench.refused("run", project.file, error=error, words=words)
    assert not bench.watched.asked


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"table": "Mattters"}, ["'Mattters'", "Matters"]),
        ({"table": "Activities", "columns": ["id", "totl"]}, ["totl", "total"]),
        ({"table": "Activities", "where": "dat > '2026-01-01'"}, ["dat", "^^^", "date"]),
        ({"table": "Activities", "where": "date > AND total"}, ["AND", "^^^"]),
        ({"query": "SELECT id FRM Activities", "into": "x"}, ["line 1:", "^"]),
        ({"query": "SELECT id FROM Activities WHERE id = @id", "into": "x"}, ["@id"]),
        ({"query": "SELECT nonsense(id) AS n FROM Activities", "into": "x"}, ["nonsense"]),
        ({"query": "DELETE FROM Activities", "into": "x"}, ["SELECT"]),
        ({"table": "BillableMatters", "write": "merge", "columns": ["client_name"]}, ["key"]),
        ({"table": "Activities", "write": "append", "deletes": "soft"}, ["deletes: soft"]),
    ],
)
async def test_wrong_tasks(bench: Bench, task: dict[str, Any], words: Sequence[str]) -> None:
    project = bench.project(task)
    await bench.refused("run", project.file, error="config.query", words=words)
    await bench.refused("check", project.file, error="config.query", words=words)
    assert not bench.watched.asked


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("commit_rows: 1", "commit_rows: many", ["project.yaml:", "commit_rows", "whole number"]),
        ("commit_rows: 1", "comit_rows: 1", ["project.yaml:", "comit_rows", "commit_rows"]),
        ("commit_rows: 1", "deletes: sometimes", ["project.yaml:", "deletes", "soft"]),
        ("commit_rows: 1", "commit_rows: 0", ["project.yaml:", "commit_rows", "greater than 0"]),
        ("commit_rows: 1", "query: SELECT 1", ["project.yaml:", "either 'table' or 'query'"]),
        ("tasks:", "taks:", ["project.yaml:", "taks", "tasks"]),
        ("destination: lake", "destination: lak", ["no connection 'lak'", "lake"]),
        ("source: api", "source: lake", ["'lake' is no source"]),
        ("type: duckdb", "type: oracle", ["project.yaml:", "duckdb"]),
        ("jobs:", "jobs: [", ["project.yaml:"]),
    ],
)
async def test_wrong_yaml(bench: Bench, old: str, new: str, words: Sequence[str]) -> None:
    project = bench.project()
    text = project.file.read_text("utf-8")
    assert old in text
    project.file.write_text(text.replace(old, new, 1), "utf-8")
    ended = await bench.processes.run("run", project.file.name, cwd=bench.folder)
    assert ended.code == 2
    assert ended.err.count("error [config.project] ") == 1, ended.err
    for each in words:
        assert each in ended.err, ended.err
    assert "Traceback" not in ended.err
    if words[0] == "project.yaml:" and "[" not in new:
        line = project.file.read_text("utf-8").split(new)[0].count("\n") + 1
        near = {f"project.yaml:{line + shift}:" for shift in (-1, 0)}
        assert any(place in ended.err for place in near), (line, ended.err)
    assert _CANARY not in ended.err + ended.out


async def test_names_that_are_not_there(bench: Bench) -> None:
    project = bench.project()
    for arguments, error, words in (
        (["run", project.file, "--job", "jib"], "config.project", ["no job 'jib'", "job"]),
        (["run", project.file, "--task", "Notes"], "config.project", ["'Notes'", "Activities"]),
        (["run", "other.yaml"], "config.project", ["there is no file other.yaml"]),
        (["columns", f"{project.file}:api", "Matter"], "config.query", ["Matter", "Matters"]),
        (["tables", f"{project.file}:apy"], "config.project", ["'apy'", "api"]),
        (["tables", "Profile=clio;Regoin=x"], "config.property", ["Regoin"]),
        (["tables", f"Profile=clio;Password='{_CANARY}"], "config.property", ["Password"]),
        (["profile", "check", "cleo"], "config.profile", ["cleo"]),
        (
            ["query", f"{project.file}:api", "SELECT id, nam FROM Users"],
            "config.query",
            ["nam", "^^^", "name"],
        ),
        (
            ["query", f"{project.file}:api", "SELECT id FROM Users", "-o", "no/such/file.csv"],
            "config.property",
            ["no/such"],
        ),
    ):
        await bench.refused(*arguments, error=error, words=words)


async def test_files_that_cannot_be_read(bench: Bench) -> None:
    folder = bench.folder / "folder.yaml"
    folder.mkdir()
    (bench.folder / "latin.yaml").write_bytes("connections: {a: é}".encode("latin-1"))
    for name in ("folder.yaml", "latin.yaml"):
        await bench.refused("run", name, error="config.project", words=[f"cannot read {name}"])


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, "config.credential"), (403, "config.permission"), (404, "config.not_found")],
)
async def test_an_api_that_refuses(bench: Bench, status: int, error: str) -> None:
    project = bench.project()
    bench.watched.sandbox.fault(Fault(fault="status", status=status, times=UNLIMITED))
    words = ["Activities: ", str(status), "/api/v4/activities.json"]
    if status == 401:
        # The token is renewed first, and our client's secret is not the right one.
        words = ["Activities: ", "invalid_client"]
    await bench.refused("run", project.file, error=error, words=words)


async def test_an_api_that_is_not_there(bench: Bench) -> None:
    project = bench.project(settings={"BaseURL": "http://127.0.0.1:9"})
    await bench.refused(
        "run", project.file, error="transient.unavailable", words=["127.0.0.1:9"], code=3
    )


async def test_an_empty_source_under_replace(bench: Bench) -> None:
    project = bench.project({"table": "Activities", "write": "replace"})
    results(await run(project))
    before = contents(project.database)
    sandbox = bench.watched.sandbox
    sandbox.delete("activities", [row["id"] for row in sandbox.truth("activities", fields="id")])
    await bench.refused(
        "run", project.file, error="data.empty", words=["holds 60", "allow_empty"], code=1
    )
    assert contents(project.database) == before


async def test_errors_of_tasks_as_json(bench: Bench) -> None:
    project = bench.project(_ACTIVITIES, {"table": "Nothing"})
    ended = await bench.processes.run("run", project.file, "--format", "json", cwd=bench.folder)
    assert ended.code == 2
    good, bad = (yaml.safe_load(line) for line in ended.out.splitlines())
    assert (good["task"], good["state"], good["inserted"]) == ("Activities", "ok", 60)
    assert (bad["task"], bad["state"], bad["code"]) == ("Nothing", "failed", "config.query")
    assert len(contents(project.database)["Activities"]) == 60
