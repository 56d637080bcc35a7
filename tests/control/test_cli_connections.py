"""The command that tests a connection, of a store and of a project file."""

from pathlib import Path

import pytest

from acceptance.processes import Processes
from standins.databricks.fixture import running_databricks
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN, Options
from syncline.sandbox.server import running

_DATABRICKS = """\
connections:
  lakehouse:
    type: databricks
    properties:
      Server: localhost
      Port: {port}
      HTTPPath: /sql/1.0/warehouses/local
      Token: dapi-test
      Schema: law
      SSLCert: {certificate}
"""
_OTHERS = """\
connections:
  time: {{type: api, properties: {{Profile: clicktime, ProfileSettings: {{BaseURL: "{url}",
         APIKey: {key}}}}}}}
  lake: {{type: duckdb, properties: {{Database: lake.duckdb}}}}
"""


async def test_databricks_in_a_project_file_and_in_a_store(
    processes: Processes, tmp_path: Path
) -> None:
    store = f"--store=sqlite:///{tmp_path / 'store.db'}"
    with running_databricks() as server:
        server.warehouse(stopped=True, starts_in=0.2, missing=["CREATE VOLUME"])
        file = tmp_path / "p.yaml"
        file.write_text(_DATABRICKS.format(port=server.port, certificate=server.certificate))
        test = ("connections", "test", "lakehouse")
        failed = await processes.run(*test, "--file", str(file), cwd=tmp_path)
        assert failed.code == 1
        assert "the warehouse local is stopped: starting it …" in failed.err
        assert "ok warehouse: was stopped, and started in" in failed.out
        assert "failed volume: CREATE VOLUME on the schema main.law is missing" in failed.out
        grant = "GRANT CREATE VOLUME ON SCHEMA `main`.`law` TO `tester@example.com`"
        assert grant in failed.out
        server.warehouse(missing=[])
        assert (await processes.run("apply", str(file), store, cwd=tmp_path)).code == 0
        right = await processes.run(*test, store, cwd=tmp_path)
    assert right.code == 0
    assert [line.split()[0] for line in right.out.splitlines()] == ["ok"] * 7
    assert "dapi-test" not in right.out + right.err + failed.out + failed.err


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [("time", 0, "ok read: read"), ("lake", 0, "ok query"), ("sea", 2, "")],
)
async def test_other_connections(
    processes: Processes, tmp_path: Path, name: str, code: int, told: str
) -> None:
    file = tmp_path / "p.yaml"
    async with running(Options(rows=20, rate_limit=0)) as sandbox:
        file.write_text(_OTHERS.format(url=sandbox.url, key=DEFAULT_CLICKTIME_TOKEN))
        found = await processes.run("connections", "test", name, "--file", str(file), cwd=tmp_path)
    assert (found.code, told in found.out) == (code, True)
