"""Transactions, locks, deadlocks and application locks."""

import threading
import time
from collections.abc import Callable, Iterator

import mssql_python
import pytest

from standins.driving import error_number, last_rows, quietly_close, refused, rows
from standins.tds.fixture import TdsServer

_GET_LOCK = (
    "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'{}', @LockMode = 'Exclusive', "
    "@LockOwner = '{}', @LockTimeout = {}; SELECT @r"
)
Opener = Callable[[], mssql_python.Connection]


@pytest.fixture
def opened(tds: TdsServer) -> Iterator[Opener]:
    """Opens connections that are closed at the end; statements are in transactions."""
    made: list[mssql_python.Connection] = []

    def connect() -> mssql_python.Connection:
        made.append(tds.connect(autocommit=False))
        return made[-1]

    yield connect
    for connection in made:
        quietly_close(connection)


@pytest.fixture
def table(cursor: mssql_python.Cursor) -> str:
    cursor.execute("DROP TABLE IF EXISTS dbo.kept")
    cursor.execute("CREATE TABLE dbo.kept (id int NOT NULL PRIMARY KEY, v int)")
    cursor.execute("INSERT INTO dbo.kept VALUES (1, 0)")
    return "dbo.kept"


def count(cursor: mssql_python.Cursor) -> int:
    return int(rows(cursor, "SELECT COUNT(*) FROM dbo.kept")[0][0])


def test_definitions_roll_back(cursor: mssql_python.Cursor, opened: Opener, table: str) -> None:
    connection = opened()
    inner = connection.cursor()
    inner.execute("CREATE TABLE dbo.fresh (id int NOT NULL PRIMARY KEY)")
    inner.execute("INSERT INTO dbo.fresh VALUES (1)")
    inner.execute(f"ALTER TABLE {table} ADD zz int NULL")
    inner.execute(f"EXEC sp_rename N'{table}', N'other'")
    inner.execute("TRUNCATE TABLE dbo.other")
    assert rows(inner, "SELECT @@TRANCOUNT") == [(1,)]
    connection.rollback()
    ids = "SELECT OBJECT_ID(N'dbo.fresh'), COL_LENGTH(N'dbo.kept', N'zz'), OBJECT_ID(N'dbo.other')"
    assert rows(cursor, ids) == [(None, None, None)]
    assert count(cursor) == 1


def test_a_failed_statement_leaves_the_transaction(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    connection = opened()
    inner = connection.cursor()
    inner.execute(f"INSERT INTO {table} VALUES (2, 0)")
    refused("duplicate", inner.execute, f"INSERT INTO {table} VALUES (5, 0), (2, 0)")
    inner.execute(f"INSERT INTO {table} VALUES (3, 0)")
    connection.commit()
    assert count(cursor) == 3


def test_xact_abort_ends_the_transaction(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    inner = opened().cursor()
    inner.execute("SET XACT_ABORT ON")
    inner.execute(f"INSERT INTO {table} VALUES (3, 0)")
    refused("duplicate", inner.execute, f"INSERT INTO {table} VALUES (1, 0)")
    assert rows(inner, "SELECT @@TRANCOUNT") in ([(0,)], [(1,)])
    assert count(cursor) == 1


def test_a_doomed_transaction_can_only_be_rolled_back(
    cursor: mssql_python.Cursor, table: str
) -> None:
    batch = (
        f"SET XACT_ABORT ON; BEGIN TRAN; BEGIN TRY INSERT INTO {table} VALUES (1, 0) END TRY "
        f"BEGIN CATCH SELECT XACT_STATE() AS s; BEGIN TRY INSERT INTO {table} VALUES (9, 0) "
        "END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH; ROLLBACK; END CATCH; "
        "SELECT XACT_STATE(), @@TRANCOUNT; SET XACT_ABORT OFF"
    )
    assert last_rows(cursor, batch) == [(0, 0)]
    assert count(cursor) == 1
    batch = "BEGIN TRAN; BEGIN TRY SELECT CAST(N'x' AS int) END TRY BEGIN CATCH END CATCH"
    refused("uncommittable", last_rows, cursor, batch)


def test_savepoints(cursor: mssql_python.Cursor, table: str) -> None:
    last_rows(
        cursor,
        f"BEGIN TRAN; INSERT INTO {table} VALUES (10, 0); SAVE TRAN s1; "
        f"INSERT INTO {table} VALUES (11, 0); ROLLBACK TRAN s1; "
        f"INSERT INTO {table} VALUES (12, 0); COMMIT",
    )
    ids = f"SELECT id FROM {table} WHERE id >= 10 ORDER BY id"
    assert rows(cursor, ids) == [(10,), (12,)]


def test_writers_wait_and_then_see_what_was_committed(opened: Opener, table: str) -> None:
    first, second = opened(), opened()
    one, two = first.cursor(), second.cursor()
    two.execute("SELECT 1")
    two.fetchall()
    one.execute(f"UPDATE {table} SET v = v + 1 WHERE id = 1")
    committing = threading.Timer(0.3, first.commit)
    committing.start()
    two.execute(f"UPDATE {table} SET v = v + 1 WHERE id = 1")
    committing.join()
    assert rows(two, f"SELECT v FROM {table}") == [(2,)]
    second.commit()


def test_rows_can_be_held_for_a_later_write(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    holder = opened()
    assert rows(holder.cursor(), f"SELECT v FROM {table} WITH (UPDLOCK, HOLDLOCK)") == [(0,)]
    cursor.execute("SET LOCK_TIMEOUT 100")
    assert error_number(cursor, f"UPDATE {table} SET v = 2") == 1222
    assert rows(cursor, f"SELECT v FROM {table}") == [(0,)]
    holder.rollback()
    assert error_number(cursor, f"UPDATE {table} SET v = 2") == 0


def test_readers_see_the_last_committed_rows(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    writer = opened()
    writer.cursor().execute(f"UPDATE {table} SET v = 7")
    assert rows(cursor, f"SELECT v FROM {table}") == [(0,)]
    writer.commit()
    assert rows(cursor, f"SELECT v FROM {table}") == [(7,)]


def test_a_transaction_reads_what_others_commit_meanwhile(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    cursor.execute("CREATE TABLE dbo.state (n int)")
    cursor.execute("INSERT INTO dbo.state VALUES (1)")
    connection = opened()
    inner = connection.cursor()
    inner.execute(f"INSERT INTO {table} VALUES (2, 0)")
    cursor.execute("UPDATE dbo.state SET n = 2")
    assert rows(inner, "SELECT n FROM dbo.state") == [(2,)]
    assert rows(inner, f"SELECT COUNT(*) FROM {table}") == [(2,)]
    connection.commit()


def test_snapshot_isolation(tds: TdsServer, opened: Opener, table: str) -> None:
    inner = opened().cursor()
    assert error_number(inner, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT") in {0, 3952}
    tds.execute(f"ALTER DATABASE [{tds.database}] SET ALLOW_SNAPSHOT_ISOLATION ON")
    connection = opened()
    inner = connection.cursor()
    inner.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
    assert rows(inner, f"SELECT v FROM {table}") == [(0,)]
    tds.execute(f"UPDATE {table} SET v = 5")
    assert rows(inner, f"SELECT v FROM {table}") == [(0,)]
    refused("snapshot isolation", inner.execute, f"UPDATE {table} SET v = 6")


def test_lock_timeouts(cursor: mssql_python.Cursor, opened: Opener, table: str) -> None:
    holder = opened()
    holder.cursor().execute(f"UPDATE {table} SET v = 1")
    cursor.execute("SET LOCK_TIMEOUT 100")
    assert error_number(cursor, f"UPDATE {table} SET v = 2") == 1222
    cursor.execute("SET LOCK_TIMEOUT -1")
    holder.rollback()


def test_a_definition_that_changes_keeps_others_out(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    holder = opened()
    holder.cursor().execute(f"ALTER TABLE {table} ADD later int NULL")
    cursor.execute("SET LOCK_TIMEOUT 100")
    assert error_number(cursor, f"SELECT * FROM {table}") == 1222
    holder.rollback()
    assert count(cursor) == 1


def test_deadlocks_have_a_victim(tds: TdsServer, opened: Opener, table: str) -> None:
    tds.execute("IF OBJECT_ID(N'dbo.other') IS NULL CREATE TABLE dbo.other (id int)")
    tds.execute("INSERT INTO dbo.other VALUES (1)")
    first, second = opened(), opened()
    one, two = first.cursor(), second.cursor()
    one.execute(f"UPDATE {table} SET v = 1")
    two.execute("UPDATE dbo.other SET id = 2")
    failures: list[str] = []

    def cross(cursor: mssql_python.Cursor, statement: str) -> None:
        try:
            cursor.execute(statement)
        except mssql_python.Error as error:
            failures.append(str(error))

    crossing = threading.Thread(target=cross, args=(one, "UPDATE dbo.other SET id = 3"))
    crossing.start()
    cross(two, f"UPDATE {table} SET v = 2")
    crossing.join()
    assert len(failures) == 1
    assert "deadlock" in failures[0]


def test_application_locks_of_a_session(tds: TdsServer, cursor: mssql_python.Cursor) -> None:
    other = tds.connect()
    inner = other.cursor()
    assert last_rows(cursor, _GET_LOCK.format("res", "Session", 0)) == [(0,)]
    assert last_rows(inner, _GET_LOCK.format("res", "Session", 50)) == [(-1,)]
    assert last_rows(inner, _GET_LOCK.format("res", "Transaction", 0)) == [(-999,)]
    release = "EXEC sp_releaseapplock @Resource = N'res', @LockOwner = 'Session'"
    releasing = threading.Timer(0.3, lambda: cursor.execute(release))
    releasing.start()
    assert last_rows(inner, _GET_LOCK.format("res", "Session", 5000)) == [(1,)]
    releasing.join()
    assert error_number(cursor, release) == 1223
    other.close()
    deadline = time.monotonic() + 5
    while last_rows(cursor, _GET_LOCK.format("res", "Session", 50)) != [(0,)]:
        assert time.monotonic() < deadline
    cursor.execute(release)


def test_application_locks_of_a_transaction(
    cursor: mssql_python.Cursor, opened: Opener, table: str
) -> None:
    connection = opened()
    inner = connection.cursor()
    inner.execute(f"UPDATE {table} SET v = 1")
    assert last_rows(inner, _GET_LOCK.format("own", "Transaction", 0)) == [(0,)]
    assert last_rows(cursor, _GET_LOCK.format("own", "Session", 0)) == [(-1,)]
    connection.commit()
    assert last_rows(cursor, _GET_LOCK.format("own", "Session", 0)) == [(0,)]


def test_writers_behind_an_application_lock_lose_nothing(
    tds: TdsServer, cursor: mssql_python.Cursor, table: str
) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            connection = tds.connect(autocommit=False)
            inner = connection.cursor()
            for _ in range(5):
                got = last_rows(inner, _GET_LOCK.format("turn", "Transaction", 20000))
                assert got[0][0] in {0, 1}
                value = rows(inner, f"SELECT v FROM {table}")[0][0]
                inner.execute(f"UPDATE {table} SET v = ?", value + 1)
                connection.commit()
            connection.close()
        except (mssql_python.Error, AssertionError) as error:
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert rows(cursor, f"SELECT v FROM {table}") == [(15,)]
