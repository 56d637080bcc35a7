"""Broken connections, injected errors, and a server that is killed and started again."""

import time
from pathlib import Path

import mssql_python
import pyarrow as pa
import pytest

from standins.driving import error_number, quietly_close, refused, rows
from standins.tds.fixture import TdsServer, running_tds

Cursor = mssql_python.Cursor


@pytest.fixture
def table(tds: TdsServer, cursor: Cursor) -> str:
    if tds.real:
        pytest.skip("a real server has no faults on request")
    cursor.execute("EXEC sp_fault_clear")
    cursor.execute("DROP TABLE IF EXISTS dbo.f")
    cursor.execute("CREATE TABLE dbo.f (id int NOT NULL PRIMARY KEY, s nvarchar(9))")
    return "dbo.f"


@pytest.mark.parametrize(("action", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_the_connection_breaks_at_the_commit(
    tds: TdsServer, cursor: Cursor, table: str, action: str, kept: int
) -> None:
    connection = tds.connect(autocommit=False)
    connection.cursor().execute(f"INSERT INTO {table} VALUES (1, N'a')")
    tds.fault("^COMMIT", action)
    refused("", connection.commit)
    quietly_close(connection)
    assert rows(cursor, f"SELECT COUNT(*) FROM {table}") == [(kept,)]


def test_the_connection_breaks_at_the_nth_statement(
    tds: TdsServer, cursor: Cursor, table: str
) -> None:
    tds.fault("^INSERT INTO dbo.f", "drop_before", 3)
    connection = tds.connect(autocommit=False)
    inner = connection.cursor()
    for number in (1, 2):
        inner.execute(f"INSERT INTO {table} VALUES ({number}, N'a')")
    refused("", inner.execute, f"INSERT INTO {table} VALUES (3, N'a')")
    quietly_close(connection)
    assert rows(cursor, f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_an_error_is_injected(tds: TdsServer, cursor: Cursor, table: str) -> None:
    tds.fault("UPDATE dbo.f", "error", 2, 1205)
    cursor.execute(f"UPDATE {table} SET s = N'1'")
    assert error_number(cursor, f"UPDATE {table} SET s = N'2'") == 1205
    assert error_number(cursor, f"UPDATE {table} SET s = N'3'") == 0


def test_a_statement_is_slow(tds: TdsServer, cursor: Cursor, table: str) -> None:
    tds.fault(f"SELECT COUNT... FROM {table}", "delay", 1, 0.4)
    started = time.monotonic()
    rows(cursor, f"SELECT COUNT(*) FROM {table}")
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize(("action", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_the_connection_breaks_in_a_bulk_copy(
    tds: TdsServer, cursor: Cursor, table: str, action: str, kept: int
) -> None:
    tds.fault("BULK LOAD f", action)
    data = pa.table({"id": pa.array([50], pa.int32()), "s": ["a"]})
    refused("", cursor.bulkcopy_arrow, table, data)
    assert rows(cursor, f"SELECT COUNT(*) FROM {table}") == [(kept,)]


@pytest.mark.parametrize(("action", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_the_connection_breaks_at_a_request(
    tds: TdsServer, cursor: Cursor, table: str, action: str, kept: int
) -> None:
    connection = tds.connect()
    tds.fault("INSERT INTO dbo.f", action, place="request")
    batch = f"SET NOCOUNT ON; INSERT INTO {table} VALUES (1, N'a'); SET NOCOUNT OFF"
    refused("", connection.cursor().execute, batch)
    quietly_close(connection)
    assert rows(cursor, f"SELECT COUNT(*) FROM {table}") == [(kept,)]


def test_an_unknown_fault_is_refused(tds: TdsServer, table: str) -> None:
    refused("sp_fault knows", lambda: tds.fault(table, "explode"))


def test_sessions_can_be_killed(tds: TdsServer, cursor: Cursor) -> None:
    connection = tds.connect()
    number = rows(connection.cursor(), "SELECT @@SPID")[0][0]
    cursor.execute(f"KILL {number}")
    refused("", connection.cursor().execute, "SELECT 1")
    quietly_close(connection)


def test_a_killed_server_keeps_what_was_committed(tmp_path: Path) -> None:
    with running_tds(tmp_path) as server:
        if server.real:
            pytest.skip("a real server is not ours to kill")
        connection = server.connect(autocommit=False)
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE dbo.kept (id int IDENTITY PRIMARY KEY, s nvarchar(9))")
        cursor.execute("INSERT INTO dbo.kept VALUES (N'a')")
        connection.commit()
        cursor.execute("INSERT INTO dbo.kept VALUES (N'b')")
        server.kill()
        refused("", cursor.execute, "SELECT 1")
        quietly_close(connection)
        server.restart()
        again = server.connect()
        cursor = again.cursor()
        assert rows(cursor, "SELECT id, s FROM dbo.kept") == [(1, "a")]
        cursor.execute("INSERT INTO dbo.kept VALUES (N'c')")
        assert rows(cursor, "SELECT id, s FROM dbo.kept ORDER BY id") == [(1, "a"), (2, "c")]
        assert error_number(cursor, "CREATE TABLE dbo.kept (i int)") == 2714
        again.close()
