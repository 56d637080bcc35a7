"""Connections, encryption, logins, packets, parameters, results, attention and pooling."""

import datetime as dt
import decimal
import hashlib
import time
import uuid

import mssql_python
import pytest

from standins.driving import last_rows, refused, rows
from standins.tds.fixture import TdsServer, running_tds


@pytest.mark.parametrize("encrypt", ["no", "optional", "yes", "mandatory"])
def test_every_encryption_the_client_may_want(tds: TdsServer, encrypt: str) -> None:
    connection = tds.connect(Encrypt=encrypt)
    assert rows(connection.cursor(), "SELECT 1, N'é'") == [(1, "é")]
    connection.close()


@pytest.mark.parametrize(("mode", "encrypt"), [("off", "no"), ("required", "no")])
def test_every_encryption_the_server_may_want(mode: str, encrypt: str) -> None:
    with running_tds(None, "--encryption", mode) as server:
        if server.real:
            pytest.skip("a real server decides for itself")
        connection = server.connect(Encrypt=encrypt)
        assert rows(connection.cursor(), "SELECT 1") == [(1,)]
        connection.close()


def test_logins_that_are_refused(tds: TdsServer) -> None:
    refused("login failed", lambda: tds.connect(PWD="x"))
    refused("login failed", lambda: tds.connect(Database="nope", ConnectRetryCount="0"))


@pytest.mark.parametrize("size", ["512", "4096", "8000", "32767"])
def test_packet_sizes(tds: TdsServer, size: str) -> None:
    connection = tds.connect(PacketSize=size)
    found = rows(connection.cursor(), "SELECT REPLICATE(N'ab', 3000)")
    assert found == [("ab" * 3000,)]
    connection.close()


def test_the_server_tells_about_itself(tds: TdsServer, cursor: mssql_python.Cursor) -> None:
    cursor.execute(
        "SET NOCOUNT OFF SET XACT_ABORT OFF SET ANSI_NULLS ON SET QUOTED_IDENTIFIER ON "
        "SET LOCK_TIMEOUT 1000 SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
    )
    version, product, name, now, count = rows(
        cursor,
        "SELECT @@VERSION, SERVERPROPERTY('ProductVersion'), DB_NAME(), SYSUTCDATETIME(), "
        "@@TRANCOUNT",
    )[0]
    assert "Microsoft SQL Server" in version
    assert product
    assert name == tds.database
    assert isinstance(now, dt.datetime)
    assert count == 0


VALUES = {
    "b bit": True,
    "ti tinyint": 255,
    "si smallint": -32768,
    "i int": 2**31 - 1,
    "bi bigint": -(2**63),
    "r real": 1.5,
    "f float": 1 / 3,
    "d decimal(38,10)": decimal.Decimal("-1234567890123456789012345678.0123456789"),
    "m money": decimal.Decimal("922337203685477.5807"),
    "nv nvarchar(20)": "a😀' ",
    "nm nvarchar(max)": "y" * 5000,
    "vc varchar(10)": "abc",
    "vb varbinary(10)": b"\0\1",
    "vm varbinary(max)": b"z" * 9000,
    "da date": dt.date(9999, 12, 31),
    "tm time(6)": dt.time(23, 59, 59, 999999),
    "d2 datetime2(6)": dt.datetime(1, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001 (a type without zone)
    "dto datetimeoffset(6)": dt.datetime(2024, 7, 1, 12, 0, 0, 5, dt.UTC),
    "dt datetime": dt.datetime(2024, 2, 29, 1, 2, 3, 123000),  # noqa: DTZ001 (a type without zone)
    "g uniqueidentifier": uuid.UUID(int=2**100 + 5),
    "sd smalldatetime": dt.datetime(2024, 1, 1, 1, 1),  # noqa: DTZ001 (a type without zone)
}


def test_every_type_as_a_parameter_and_back(cursor: mssql_python.Cursor) -> None:
    cursor.execute(f"CREATE TABLE dbo.types ({', '.join(VALUES)})")
    marks = ",".join("?" * len(VALUES))
    cursor.execute(f"INSERT INTO dbo.types VALUES ({marks})", *VALUES.values())
    assert cursor.rowcount == 1
    cursor.execute("INSERT INTO dbo.types (b) VALUES (NULL)")
    full, empty = rows(cursor, "SELECT * FROM dbo.types ORDER BY i DESC")
    for name, expected, found in zip(VALUES, VALUES.values(), full, strict=True):
        value = uuid.UUID(str(found)) if isinstance(expected, uuid.UUID) else found
        assert value == expected, name
    assert empty == (None,) * len(VALUES)


def test_literals_casts_and_functions(cursor: mssql_python.Cursor) -> None:
    expected: dict[str, object] = {
        "CAST(1 AS bit)": True,
        "CAST('2024-02-29' AS date)": dt.date(2024, 2, 29),
        "CAST(N'12:00:01.5' AS time(1))": dt.time(12, 0, 1, 500000),
        "CAST('2024-02-29T01:02:03' AS datetime2(0))": dt.datetime(2024, 2, 29, 1, 2, 3),  # noqa: DTZ001 (no zone)
        "CAST(1.25 AS money)": decimal.Decimal("1.25"),
        "0x0AFF": b"\x0a\xff",
        "CAST(N'x' AS nvarchar(max))": "x",
        "CAST(N'abcdef' AS nvarchar(3))": "abc",
        "CONVERT(varbinary(8), N'é')": "é".encode("utf-16-le"),
        "LEN(N'ab ')": 2,
        "LEN(N'😀')": 2,
        "DATALENGTH(N'ab ')": 6,
        "ISNULL(NULL, 3)": 3,
        "N'a' + N'b'": "ab",
        "CONVERT(int, N'42')": 42,
        "CAST(2.9 AS int)": 2,
        "TRY_CONVERT(int, N'x')": None,
        "TRY_CAST(N'2024-13-01' AS date)": None,
        "IIF(1=1, 'y', 'n')": "y",
        "COALESCE(NULL, N'z')": "z",
        "QUOTENAME(N'a]b')": "[a]]b]",
        "CONCAT(N'a', NULL, 1)": "a1",
        "CAST(CAST(1 AS bit) AS nvarchar(5))": "1",
        "CHARINDEX(N'b', N'abc')": 2,
        "7 / 2": 3,
        "STUFF(N'abc', 2, 1, N'x')": "axc",
        "DB_ID(N'nope')": None,
    }
    found = rows(cursor, f"SELECT {', '.join(expected)}")[0]
    assert dict(zip(expected, found, strict=True)) == expected


def test_hashes_are_of_the_bytes_that_the_server_keeps(cursor: mssql_python.Cursor) -> None:
    found = rows(
        cursor,
        "SELECT CONVERT(varchar(64), HASHBYTES('SHA2_256', N'é😀'), 2), HASHBYTES('SHA2_256', '')",
    )
    expected = hashlib.sha256("é😀".encode("utf-16-le"))
    assert found == [(expected.hexdigest().upper(), hashlib.sha256(b"").digest())]


def test_prepared_statements_and_many_rows(cursor: mssql_python.Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.many (id int PRIMARY KEY, s nvarchar(50), f float, x nvarchar(9))"
    )
    given = [(i, f"é{i}", i / 3, None) for i in range(500)]
    cursor.executemany("INSERT INTO dbo.many VALUES (?,?,?,?)", given)
    assert rows(cursor, "SELECT COUNT(*), SUM(id), MAX(x) FROM dbo.many") == [(500, 124750, None)]
    for at in range(5):
        assert rows(cursor, "SELECT s FROM dbo.many WHERE id = ?", at) == [(f"é{at}",)]


def test_times_are_compared_and_moved(cursor: mssql_python.Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.leases (until datetime2(6), seen datetimeoffset(6))")
    cursor.execute(
        "INSERT INTO dbo.leases VALUES (DATEADD(second, 30, SYSUTCDATETIME()), "
        "SYSDATETIMEOFFSET() AT TIME ZONE 'UTC')"
    )
    assert rows(
        cursor,
        "SELECT COUNT(*) FROM dbo.leases WHERE until > SYSUTCDATETIME() "
        "AND until < DATEADD(minute, 1, SYSUTCDATETIME()) "
        "AND DATEDIFF(second, seen, SYSDATETIMEOFFSET()) BETWEEN 0 AND 20",
    ) == [(1,)]


def test_several_statements_of_a_batch(cursor: mssql_python.Cursor) -> None:
    found = last_rows(
        cursor,
        "CREATE TABLE dbo.several (id int); INSERT INTO dbo.several VALUES (1); SELECT 1 AS a; "
        "UPDATE dbo.several SET id = 2; SELECT 2 AS b, 3 AS c",
    )
    assert found == [(2, 3)]


def test_a_statement_is_cancelled_and_the_session_goes_on(tds: TdsServer) -> None:
    connection = tds.connect()
    connection.timeout = 1
    cursor = connection.cursor()
    started = time.monotonic()
    refused("", cursor.execute, "WAITFOR DELAY '00:00:20'")
    assert time.monotonic() - started < 6
    assert rows(cursor, "SELECT 5") == [(5,)]
    connection.close()


def test_a_pooled_connection_comes_back_clean(tds: TdsServer) -> None:
    plain = tds.connect().cursor()
    plain.execute("CREATE TABLE dbo.pooled (id int)")
    left = "SELECT COUNT(*), @@TRANCOUNT, OBJECT_ID(N'#mine') FROM dbo.pooled"
    mssql_python.pooling(enabled=True)
    try:
        first = tds.connect(autocommit=False)
        first.cursor().execute("INSERT INTO dbo.pooled VALUES (300)")
        first.cursor().execute("SELECT 1 AS a INTO #mine")
        first.close()
        second = tds.connect()
        assert rows(second.cursor(), left) == [(0, 0, None)]
        second.close()
    finally:
        mssql_python.pooling(enabled=False)
    plain.connection.close()


def test_databases(tds: TdsServer, cursor: mssql_python.Cursor) -> None:
    # A client tries again, ten seconds later, when a database cannot be opened (4060).
    other = tds.new_database()
    connection = other.connect()
    there = connection.cursor()
    there.execute("CREATE TABLE dbo.a (i int)")
    there.execute(f"INSERT INTO [{other.database}].dbo.a VALUES (4)")
    assert rows(cursor, f"SELECT i FROM [{other.database}].dbo.a") == [(4,)]
    assert rows(cursor, f"SELECT i FROM [{other.database}]..a") == [(4,)]
    connection.close()
    other.drop_database()
    refused("login failed", lambda: other.connect(ConnectRetryCount="0"))
