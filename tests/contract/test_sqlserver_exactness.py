"""Where SQL Server by itself would take two values for one, or another table for ours."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp

from standins.tds.fixture import TdsServer
from syncline.destinations.sqlserver import SQLServer, open_sqlserver
from syncline.destinations.sqlserver_connection import Settings, missing_libraries
from syncline.model.job import Deletes, Disposition, Flow
from syncline.testing.conformance_runs import Trial, contents, ordered, table_of, task

_SCHEMA = pa.schema([("code", pa.string()), ("name", pa.string()), ("raw", pa.binary())])
_TRIAL = Trial(task=task("T", deletes=Deletes.HARD), schema=_SCHEMA, key=("code",), version=None)
_MADE_BY_OTHERS = """
CREATE TABLE [{schema}].[T] (
    number INT IDENTITY(1, 1) NOT NULL,
    code NVARCHAR(20) COLLATE Latin1_General_CI_AS NOT NULL PRIMARY KEY,
    name VARCHAR(50) NULL,
    raw VARBINARY(20) NULL,
    entered DATETIME2 NOT NULL DEFAULT SYSUTCDATETIME()
)
"""


@pytest.fixture
def settings(sqlserver_server: TdsServer) -> Settings:
    return Settings(
        server=sqlserver_server.host,
        port=sqlserver_server.port,
        user=sqlserver_server.user,
        password=sqlserver_server.password,
        database=sqlserver_server.database,
        schema=f"exact {uuid4().hex}",
        trust_server_certificate=True,
    )


@pytest_asyncio.fixture
async def opened(settings: Settings) -> AsyncIterator[SQLServer]:
    destination = open_sqlserver(settings)
    yield destination
    await destination.aclose()


def _row(code: str, name: str | None = "n", raw: bytes | None = b"r") -> dict[str, Any]:
    return {"code": code, "name": name, "raw": raw}


async def test_keys_that_differ_in_case_accents_or_blanks(opened: SQLServer) -> None:
    rows = [_row(code) for code in ("a", "A", "a ", "á", "a\u0301", "", " ", "ß", "ss")]
    await _TRIAL.run(opened, _TRIAL.rows(rows, size=20))
    assert await contents(opened, _TRIAL.task) == ordered(rows)
    changed = [_row("a ", "blank"), _row("A", "upper")]
    outcome = await _TRIAL.run(opened, _TRIAL.rows(changed, at=100, size=20))
    assert (outcome.result.inserted, outcome.result.updated) == (0, 2)
    found = {r["code"]: r["name"] for r in await contents(opened, _TRIAL.task)}
    assert {c for c, n in found.items() if n != "n"} == {"a ", "A"}
    left = rows[:1]
    outcome = await _TRIAL.run(opened, _TRIAL.rows(left, at=200, size=20), full=True)
    assert outcome.result.deleted == 8
    assert await contents(opened, _TRIAL.task) == left


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_row("k", "x"), _row("k", "X")),
        (_row("k", "x"), _row("k", "x ")),
        (_row("k", ""), _row("k", " ")),
        (_row("k", ""), _row("k", None)),
        (_row("k", "x"), _row("k", "x\0")),
        (_row("k", raw=b"x"), _row("k", raw=b"x\0")),
        (_row("k", raw=b""), _row("k", raw=None)),
    ],
    ids=repr,
)
async def test_small_changes_are_changes(
    opened: SQLServer, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await _TRIAL.run(opened, _TRIAL.rows([before]))
    same = await _TRIAL.run(opened, _TRIAL.rows([before], at=100))
    assert same.result.updated == 0
    other = await _TRIAL.run(opened, _TRIAL.rows([after], at=200))
    assert other.result.updated == 1
    assert await contents(opened, _TRIAL.task) == [after]


async def test_a_table_made_by_others_keeps_what_it_has(
    opened: SQLServer, sqlserver_server: TdsServer, settings: Settings
) -> None:
    sqlserver_server.execute(f"CREATE SCHEMA [{settings.schema}]")
    sqlserver_server.execute(_MADE_BY_OTHERS.format(schema=settings.schema))
    upsert = task("T", disposition=Disposition.MERGE, deletes=Deletes.IGNORE, flow=Flow())
    trial = _TRIAL.but(task=upsert)
    first = [_row("a"), _row("b", "two"), _row("ö", None, None)]
    await trial.run(opened, trial.rows(first, size=10))
    second = [_row("a"), _row("b", "TWO"), _row("c")]
    outcome = await trial.run(opened, trial.rows(second, at=100, size=10))
    assert (outcome.result.inserted, outcome.result.updated) == (1, 1)
    found = await contents(opened, _TRIAL.task, *_SCHEMA.names)
    assert found == ordered([*second, first[2]])
    made = await opened.describe(table_of(_TRIAL.task, opened.traits))
    assert made is not None
    assert made.names == ["number", "code", "name", "raw", "entered"]
    assert [f.name for f in made if not f.nullable] == ["number", "code", "entered"]


async def test_a_query_of_its_own(opened: SQLServer) -> None:
    query = exp.select(
        exp.alias_(exp.Literal.string("Zoë's 😀"), "t"),
        exp.alias_(exp.Literal.number(1), "n"),
        exp.alias_(exp.Count(this=exp.Star()), "rows"),
    ).from_(exp.table_("tables", db="information_schema"))
    found = await opened.fetch(query)
    assert found.column("t").to_pylist() == ["Zoë's 😀"]
    assert found.column("n").to_pylist() == [1]
    assert found.schema.field("rows").type == pa.int64()


_OPEN = """
import asyncio
from sqlglot import exp
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.errors import DestinationRefused

async def main():
    destination = open_sqlserver(Settings(server="127.0.0.1", port=9, user="u", password="p"))
    try:
        await destination.describe(exp.table_("t", db="dbo"))
    except DestinationRefused as refused:
        print(refused, refused.hint)

asyncio.run(main())
"""


@pytest.mark.skipif(not missing_libraries(), reason="every library of the ODBC driver is here")
def test_a_driver_that_cannot_be_loaded_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OPEN],
        env=os.environ | {"MSSQL_PYTHON_NATIVE_PROVIDER": "msodbcsql18"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "libltdl" in done.stdout
    assert "apt-get install -y libltdl7 libkrb5-3 libgssapi-krb5-2" in done.stdout
