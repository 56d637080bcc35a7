"""``query``, ``tables`` and ``columns``: every form of connection, every format of rows."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from acceptance.processes import Finished, Processes
from acceptance.serving import Watched, options, serving
from acceptance.support import written
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN

_QUERY = """
    SELECT TOP 3 id, name AS [User], enabled, rate, created_at
    FROM Users WHERE enabled = 'true' ORDER BY id
"""
_NAMES = ["id", "User", "enabled", "rate", "created_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """A folder with a project file, and commands run in it."""

    processes: Processes
    watched: Watched
    folder: Path

    async def run(self, *arguments: str | Path, **more: Any) -> Finished:
        ended = await self.processes.run(*arguments, cwd=self.folder, **more)
        assert ended.code == 0, ended
        return ended

    @property
    def expected(self) -> list[dict[str, Any]]:
        fields = "id,name,enabled,rate"
        rows = self.watched.sandbox.truth("users", fields=fields)
        enabled = sorted((r for r in rows if r["enabled"]), key=lambda r: str(r["id"]))
        return [
            {"id": r["id"], "User": r["name"], "enabled": True, "rate": r["rate"]}
            for r in enabled[:3]
        ]


@pytest.fixture
async def shell(processes: Processes, tmp_path: Path) -> AsyncIterator[Shell]:
    async with serving(options(40)) as watched:
        written(tmp_path, watched, {"table": "Users"})
        yield Shell(processes=processes, watched=watched, folder=tmp_path)


async def test_json_lines(shell: Shell) -> None:
    ended = await shell.run("query", "project.yaml:api", _QUERY, "--format", "json")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    assert [{k: row[k] for k in row if k != "created_at"} for row in rows] == shell.expected
    assert list(rows[0]) == _NAMES
    assert ended.err == ""
    (asked,) = shell.watched.asked
    assert sorted(asked.query["fields"].split(",")) == sorted(
        ["id", "name", "enabled", "rate", "created_at"]
    )


async def test_csv(shell: Shell) -> None:
    ended = await shell.run("query", "project.yaml:api", _QUERY, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert list(rows[0]) == _NAMES
    assert [row["User"] for row in rows] == [row["User"] for row in shell.expected]
    assert {row["enabled"] for row in rows} == {"true"}
    assert all(row["created_at"].endswith("+00:00") for row in rows)


async def test_parquet(shell: Shell) -> None:
    await shell.run("query", "project.yaml:api", _QUERY, "-f", "parquet", "-o", "users.parquet")
    table = pq.read_table(shell.folder / "users.parquet")
    assert table.column_names == _NAMES
    assert [str(f.type) for f in table.schema] == [
        "int64", "string", "bool", "double", "timestamp[us, tz=UTC]",
    ]  # fmt: skip
    assert table.drop_columns(["created_at"]).to_pylist() == shell.expected


async def test_a_table_for_people(shell: Shell) -> None:
    ended = await shell.run("query", "project.yaml:api", _QUERY)
    lines = ended.out.splitlines()
    assert lines[0].split()[:1] == ["id"]
    assert "3 rows" in ended.out
    for row in shell.expected:
        assert any(row["User"] in line and str(row["id"]) in line for line in lines)


@pytest.mark.parametrize("format_", ["json", "csv", "table"])
async def test_output_files_hold_what_would_be_shown(shell: Shell, format_: str) -> None:
    shown = await shell.run("query", "project.yaml:api", _QUERY, "-f", format_)
    hidden = await shell.run("query", "project.yaml:api", _QUERY, "-f", format_, "-o", "rows")
    assert hidden.out == ""
    text = (shell.folder / "rows").read_text("utf-8")
    assert text.split() == shown.out.split()


async def test_from_standard_input_with_parameters(shell: Shell) -> None:
    first = shell.expected[0]
    ended = await shell.run(
        "query", "project.yaml:api", "-", "-p", f"wanted={first['id']}", "--parameter",
        "@name=%", "-f", "json",
        given="SELECT id, name FROM Users WHERE id = @wanted\n AND name LIKE @name\n",
    )  # fmt: skip
    assert json.loads(ended.out) == {"id": first["id"], "name": first["User"]}


async def test_a_connection_string(shell: Shell) -> None:
    string = (
        f"Profile=ClickTime;ProfileSettings='BaseURL={shell.watched.url};"
        f"APIKey={DEFAULT_CLICKTIME_TOKEN}'"
    )
    query = "SELECT COUNT(*) AS n, MIN(Month) AS first FROM Allocations WHERE UserIsActive = 'true'"
    ended = await shell.run("query", string, query, "-f", "json")
    assert json.loads(ended.out)["n"] > 0
    assert shell.watched.asked[0].query["UserIsActive"] == "true"


async def test_joins_across_tables(shell: Shell) -> None:
    query = """
        SELECT u.name, COUNT(*) AS entries, ROUND(SUM(a.total), 2) AS total
        FROM Activities a JOIN Users u ON u.id = a.user_id
        GROUP BY u.name HAVING COUNT(*) > 1 ORDER BY entries DESC, u.name
    """
    ended = await shell.run("query", "project.yaml:api", query, "-f", "json")
    rows = [json.loads(line) for line in ended.out.splitlines()]
    counted: dict[str, int] = {}
    for row in shell.watched.sandbox.truth("activities", fields="user{name}"):
        user = row["user"]
        if isinstance(user, dict):
            counted[user["name"]] = counted.get(user["name"], 0) + 1
    assert {r["name"]: r["entries"] for r in rows} == {k: n for k, n in counted.items() if n > 1}


async def test_tables_and_columns_need_no_request(shell: Shell) -> None:
    ended = await shell.run("tables", "project.yaml:api", "-f", "json")
    tables = {row["table"]: row for row in map(json.loads, ended.out.splitlines())}
    assert len(tables) == 117
    assert tables["Activities"]["key"] == "id"
    assert tables["Activities"]["incremental_by"] == "updated_at"
    ended = await shell.run("columns", "project.yaml:api", "activities", "-f", "json")
    columns = {row["column"]: row for row in map(json.loads, ended.out.splitlines())}
    assert columns["id"]["key"] is True
    assert columns["total"]["type"] == "number"
    assert ">=" in columns["date"]["filters"]
    shown = await shell.run("tables", "clicktime")
    assert "Allocations" in shown.out
    assert not shell.watched.asked


async def test_the_tables_of_a_source_as_rows(shell: Shell) -> None:
    ended = await shell.run("query", "project.yaml:api", "SELECT * FROM sys_tables", "-f", "json")
    assert len(ended.out.splitlines()) == 117
    query = "SELECT * FROM sys_tablecolumns WHERE TableName = 'Users'"
    ended = await shell.run("query", "project.yaml:api", query, "-f", "json")
    names = [json.loads(line)["ColumnName"] for line in ended.out.splitlines()]
    assert {"id", "name", "email", "updated_at"} <= set(names)
    assert not shell.watched.asked
