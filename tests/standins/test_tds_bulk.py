"""Bulk copies with every type, what they refuse, and a load as the destination does it."""

import datetime as dt
import decimal
import uuid
from collections.abc import Callable
from typing import Any

import mssql_python
import pyarrow as pa
import pytest

from standins.driving import error_number, last_rows, refused, rows
from standins.tds.fixture import TdsServer

Cursor = mssql_python.Cursor
_ROWS = 3000
_MOMENT = dt.datetime(2001, 2, 3, 4, 5, 6, 789012)  # noqa: DTZ001 (a type without zone)


def exact(value: int, scale: int) -> decimal.Decimal:
    return decimal.Context(prec=50).scaleb(decimal.Decimal(value), -scale)


def instant(number: int) -> dt.datetime:
    return (_MOMENT + dt.timedelta(seconds=number)).replace(tzinfo=dt.UTC)


#: Name and T-SQL type, Arrow type, and the value of a row.
COLUMNS: dict[str, tuple[pa.DataType, Callable[[int], Any]]] = {
    "b bit": (pa.bool_(), lambda i: i % 2 == 0),
    "ti tinyint": (pa.uint8(), lambda i: i % 256),
    "si smallint": (pa.int16(), lambda i: i % 60000 - 30000),
    "i4 int": (pa.int32(), lambda i: i * 1000 - 2**31 if i else 2**31 - 1),
    "i8 bigint": (pa.int64(), lambda i: i * 10**14 - 2**62),
    "r4 real": (pa.float32(), lambda i: i * 0.25),
    "f8 float": (pa.float64(), lambda i: i / 7),
    "d9 decimal(9,2)": (pa.decimal128(9, 2), lambda i: exact(i * 7 - 5000, 2)),
    "d19 decimal(19,4)": (pa.decimal128(19, 4), lambda i: exact(i * 10**12 - 5, 4)),
    "d28 decimal(28,9)": (pa.decimal128(28, 9), lambda i: -exact(i * 10**21 + 1, 9)),
    "d38 decimal(38,9)": (pa.decimal128(38, 9), lambda i: exact(i * 10**33 + 123456789, 9)),
    "m money": (pa.decimal128(19, 4), lambda i: exact(i * 12345 - 9, 4)),
    "nv nvarchar(50)": (pa.string(), lambda i: f"Größe 東京 😀 {i} "),
    "nm nvarchar(max)": (pa.string(), lambda i: "x" * (i % 300) + "é" if i % 7 else ""),
    "vc varchar(40)": (pa.string(), lambda i: f"ascii {i}"),
    "vb varbinary(20)": (pa.binary(), lambda i: i.to_bytes(8, "big")),
    "vm varbinary(max)": (pa.binary(), lambda i: bytes(i % 100)),
    "da date": (pa.date32(), lambda i: dt.date(1, 1, 1) + dt.timedelta(days=i * 100)),
    "t6 time(6)": (pa.time64("us"), lambda i: instant(i).time()),
    "t0 time(0)": (pa.time64("us"), lambda i: instant(i).time().replace(microsecond=0)),
    "d2 datetime2(6)": (pa.timestamp("us"), lambda i: _MOMENT + dt.timedelta(microseconds=i)),
    "d3 datetime2(3)": (
        pa.timestamp("ms"),
        lambda i: dt.datetime(1899, 12, 31) + dt.timedelta(milliseconds=i * 997),  # noqa: DTZ001 (no zone)
    ),
    "do datetimeoffset(6)": (pa.timestamp("us", "UTC"), instant),
    "g uniqueidentifier": (pa.string(), lambda i: str(uuid.UUID(int=i * 7919**9 % 2**128))),
}
DEFINITIONS = ["id int NOT NULL", *COLUMNS]


def column(kind: pa.DataType, value: Callable[[int], Any], count: int) -> pa.Array:
    return pa.array([None if i % 11 == 5 else value(i) for i in range(count)], kind)


@pytest.fixture(scope="module")
def everything() -> pa.Table:
    """Rows of every type, a NULL now and then."""
    columns = {"id": pa.array(range(_ROWS), pa.int32())}
    columns |= {name.split()[0]: column(*how, _ROWS) for name, how in COLUMNS.items()}
    return pa.table(columns)


def copy(cursor: Cursor, table: str, data: pa.Table, **options: Any) -> int:
    """Copy rows by column name; return how many arrived."""
    mapping: Any = [(name, name) for name in data.column_names]
    copied = cursor.bulkcopy_arrow(table, data, timeout=0, column_mappings=mapping, **options)
    return int(copied["rows_copied"])


def load(tds: TdsServer, data: pa.Table, fence: int, cursor_value: str) -> None:
    """Stage, apply and note the checkpoint, as a destination does."""
    plain = tds.connect()
    staging = f"[dbo].[_stg_{uuid.uuid4().hex[:12]}]"
    plain.cursor().execute(f"SELECT TOP 0 * INTO {staging} FROM dbo.loaded")
    options = {"table_lock": True, "keep_nulls": True}
    assert copy(plain.cursor(), staging, data, **options) == data.num_rows
    plain.close()
    connection = tds.connect(autocommit=False)
    cursor = connection.cursor()
    names = [f"[{name}]" for name in data.column_names]
    changes = ",".join(f"{n}=s.{n}" for n in names[1:])
    try:
        cursor.execute("SET XACT_ABORT ON")
        lock = (
            "DECLARE @r int; EXEC @r=sp_getapplock @Resource=N'dbo.loaded',"
            "@LockMode='Exclusive',@LockOwner='Transaction',@LockTimeout=30000; SELECT @r"
        )
        assert last_rows(cursor, lock)[0][0] >= 0
        cursor.execute(
            f"UPDATE t SET {changes} FROM dbo.loaded AS t INNER JOIN {staging} AS s "
            "ON t.[id]=s.[id]"
        )
        cursor.execute(
            f"INSERT INTO dbo.loaded ({','.join(names)}) "
            f"SELECT {','.join('s.' + n for n in names)} FROM {staging} AS s "
            "WHERE NOT EXISTS (SELECT 1 FROM dbo.loaded AS t WHERE t.[id]=s.[id])"
        )
        cursor.execute(
            "UPDATE dbo.fences SET cur=? WHERE stream=N's' AND fence=?", cursor_value, fence
        )
        if cursor.rowcount != 1:
            raise LookupError("lost the lease")
        cursor.execute(f"DROP TABLE {staging}")
        connection.commit()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def target(tds: TdsServer) -> None:
    tds.execute(f"CREATE TABLE dbo.loaded ({', '.join(DEFINITIONS)}, PRIMARY KEY (id))")
    tds.execute(
        "CREATE TABLE dbo.fences (stream nvarchar(200) NOT NULL PRIMARY KEY, "
        "fence bigint NOT NULL, cur nvarchar(max) NULL)"
    )
    tds.execute("INSERT INTO dbo.fences VALUES (N's',1,N'0')")


@pytest.mark.usefixtures("target")
def test_a_load_of_every_type_comes_back_the_same(
    tds: TdsServer, cursor: Cursor, everything: pa.Table
) -> None:
    load(tds, everything, 1, "1")
    load(tds, everything.slice(0, 100), 1, "2")
    cursor.execute("SELECT * FROM dbo.loaded ORDER BY id")
    found = cursor.arrow(batch_size=10000)
    for field in everything.schema:
        got, expected = found.column(field.name), everything.column(field.name)
        if field.name == "g":
            assert [v and v.lower() for v in got.to_pylist()] == expected.to_pylist()
        else:
            assert got.cast(field.type).equals(expected), field.name
    assert rows(cursor, "SELECT cur FROM dbo.fences") == [("2",)]


@pytest.mark.usefixtures("target")
def test_a_stale_load_changes_nothing(tds: TdsServer, cursor: Cursor, everything: pa.Table) -> None:
    before = rows(cursor, "SELECT COUNT(*), MAX(nv) FROM dbo.loaded")
    index = everything.schema.get_field_index("nv")
    stale = everything.slice(0, 10).set_column(index, "nv", pa.array(["zzz"] * 10))
    with pytest.raises(LookupError):
        load(tds, stale, 99, "6")
    assert rows(cursor, "SELECT COUNT(*), MAX(nv) FROM dbo.loaded") == before


@pytest.mark.usefixtures("target")
def test_a_connection_lost_after_the_commit_is_told_by_the_checkpoint(
    tds: TdsServer, cursor: Cursor, everything: pa.Table
) -> None:
    if tds.real:
        pytest.skip("a real server breaks no connections on request")
    tds.fault("COMMIT", "drop_after")
    with pytest.raises(mssql_python.Error):
        load(tds, everything.slice(0, 5), 1, "9")
    assert rows(cursor, "SELECT cur FROM dbo.fences") == [("9",)]


def numbers(count: int, first: int = 0) -> pa.Table:
    ids = pa.array(range(first, first + count), pa.int32())
    return pa.table({"id": ids, "s": pa.array(["a"] * count)})


def test_what_a_bulk_copy_refuses_leaves_nothing(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.bk (id int NOT NULL PRIMARY KEY, s nvarchar(3) NULL)")
    twice = pa.table({"id": pa.array([1, 1], pa.int32()), "s": ["a", "b"]})
    refused("2627", copy, cursor, "dbo.bk", twice)
    long = pa.table({"id": pa.array([1], pa.int32()), "s": ["abcd"]})
    refused("", copy, cursor, "dbo.bk", long)
    empty = pa.table({"id": pa.array([None], pa.int32()), "s": ["a"]})
    refused("", copy, cursor, "dbo.bk", empty)
    refused("", copy, cursor, "dbo.nope", numbers(1))
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.bk") == [(0,)]
    assert copy(cursor, "dbo.bk", numbers(10), batch_size=3) == 10
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.bk") == [(10,)]


def test_defaults_identity_and_missing_columns(cursor: Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.filled (n int IDENTITY(5,1), id int NOT NULL, "
        "s nvarchar(3) DEFAULT N'def', x int DEFAULT 7)"
    )
    some = pa.table({"id": pa.array([1, 2], pa.int32()), "s": pa.array([None, "a"])})
    copy(cursor, "dbo.filled", some)
    copy(cursor, "dbo.filled", some, keep_nulls=True)
    assert rows(cursor, "SELECT * FROM dbo.filled ORDER BY n") == [
        (5, 1, "def", 7),
        (6, 2, "a", 7),
        (7, 1, None, 7),
        (8, 2, "a", 7),
    ]
    required = pa.table({"s": ["a"]})
    refused("515", copy, cursor, "dbo.filled", required)
    kept = pa.table({"n": pa.array([50], pa.int32()), "id": pa.array([3], pa.int32())})
    copy(cursor, "dbo.filled", kept, keep_identity=True)
    assert rows(cursor, "SELECT id FROM dbo.filled WHERE n = 50") == [(3,)]


def test_constraints_hold_in_bulk(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.checked (id int NOT NULL, s nvarchar(9) CHECK (s <> N'bad'))")
    bad = pa.table({"id": pa.array([1], pa.int32()), "s": ["bad"]})
    refused("547", lambda: copy(cursor, "dbo.checked", bad, check_constraints=True))
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.checked") == [(0,)]


def test_tuples(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.tuples (id int NOT NULL PRIMARY KEY, s nvarchar(3) NULL)")
    cursor.bulkcopy("dbo.tuples", [(100, "x"), (101, None)])
    assert rows(cursor, "SELECT * FROM dbo.tuples ORDER BY id") == [(100, "x"), (101, None)]


def test_large_empty_and_no_values(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.large (s nvarchar(max), b varbinary(max))")
    data = pa.table({"s": ["x" * 4_000_000, ""], "b": [b"", b"y" * 9_000_000]})
    copy(cursor, "dbo.large", data)
    copy(cursor, "dbo.large", data.slice(0, 0))
    found = rows(cursor, "SELECT s, b FROM dbo.large")
    assert sorted((len(s), len(b)) for s, b in found) == [(0, 9_000_000), (4_000_000, 0)]


def test_permissions_of_bulk_copies(tds: TdsServer, cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.watched (id int, s nvarchar(3))")
    name = f"copier_{tds.database}"
    cursor.execute(f"CREATE LOGIN [{name}] WITH PASSWORD = 'Oth3r_Passw0rd'")
    cursor.execute(f"CREATE USER [{name}] FOR LOGIN [{name}]")
    cursor.execute(f"GRANT SELECT ON dbo.watched TO [{name}]")
    connection = tds.connect(UID=name, PWD="Oth3r_Passw0rd")
    refused("229", copy, connection.cursor(), "dbo.watched", numbers(1))
    cursor.execute(f"GRANT INSERT ON dbo.watched TO [{name}]")
    assert copy(connection.cursor(), "dbo.watched", numbers(1)) == 1
    assert error_number(connection.cursor(), "DELETE FROM dbo.watched") == 229
    connection.close()
