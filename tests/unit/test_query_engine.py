"""The engine of queries touches neither files nor network, and makes room on disk all the same."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from syncline.errors import QueryError, RecordRefused
from syncline.query.engine import connect, constant, describe, known_functions, translated


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd.csv'",
        "SELECT * FROM glob('/*')",
        "COPY (SELECT 1) TO '{path}/out.csv'",
        "ATTACH '{path}/other.db' AS other",
        "EXPORT DATABASE '{path}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET memory_limit = '900GB'",
        "CREATE SECRET s (TYPE s3)",
    ],
)
def test_the_engine_is_shut_off(sql: str, tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    with connect(str(own)) as engine, pytest.raises(duckdb.Error):
        engine.execute(sql.format(path=other))
    assert list(other.iterdir()) == []


def test_variables_of_the_program_are_not_tables() -> None:
    secrets = pa.table({"a": [1]})
    with connect() as engine, pytest.raises(duckdb.CatalogException):
        engine.sql("SELECT * FROM secrets")
    assert secrets.num_rows == 1


def test_time_is_utc_whatever_the_machine_says() -> None:
    sql = "SELECT current_setting('TimeZone')"
    with connect() as engine, engine.cursor() as cursor:
        assert engine.sql(sql).fetchall() == cursor.sql(sql).fetchall() == [("UTC",)]


def test_rows_beyond_memory_go_to_the_directory(tmp_path: Path) -> None:
    with connect(str(tmp_path), memory="40MB") as engine:
        page = pa.table({"n": range(20_000), "s": ["x" * 200] * 20_000})
        engine.register("page", page)
        engine.execute("CREATE TABLE t AS FROM page")
        for number in range(1, 20):
            engine.execute("INSERT INTO t SELECT n + ? * 20000, s || n FROM page", [number])
        assert list(tmp_path.iterdir())
        assert engine.sql("SELECT count(DISTINCT n) FROM t").fetchall() == [(400_000,)]


def test_describe_says_types_and_calls() -> None:
    schema = pa.schema([("a", pa.int64()), ("t", pa.timestamp("us", tz="UTC"))])
    found = describe("SELECT a + 1 AS b, upper('x') AS u, t FROM r", {"r": schema})
    assert [name for name, _, _ in found.columns] == ["b", "u", "t"]
    assert [type_ for _, type_, _ in found.columns] == [pa.int64(), pa.string(), schema.types[1]]
    assert "upper" in found.calls
    assert found.per_row()
    assert not describe("SELECT max(a) AS m FROM r", {"r": schema}).per_row()
    assert not describe("SELECT a FROM r WHERE t > current_timestamp", {"r": schema}).per_row()
    assert not describe("SELECT unnest([1, 2]) AS m FROM r", {"r": schema}).per_row()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM r",
        "SELECT * FROM elsewhere",
        "SELECT current_setting('memory_limit') AS x",
        "SELECT * FROM range(5)",
        "DROP TABLE r",
        "SELEC",
    ],
)
def test_describe_refuses_what_no_query_may_do(sql: str) -> None:
    with pytest.raises(QueryError):
        describe(sql, {"r": pa.schema([("a", pa.int64())])})


def test_constants_are_computed() -> None:
    assert (
        constant("CAST(DATE '2025-01-31' + INTERVAL 1 MONTH AS VARCHAR)") == "2025-02-28 00:00:00"
    )
    with pytest.raises(QueryError):
        constant("CAST('x' AS DATE)")


def test_functions_that_reach_outside_are_not_known() -> None:
    known = known_functions()
    assert {"upper", "sum", "now", "coalesce", "strftime"} <= known | {"coalesce"}
    assert not known & {
        "read_csv", "read_text", "glob", "query", "getvariable", "current_setting", "setseed",
        "nextval", "write_log", "sleep_ms", "pg_sleep", "error", "duckdb_settings", "getenv",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.ConversionException("Conversion Error: no\n\nLINE 1: x"), RecordRefused),
        (duckdb.OutOfRangeException("too great"), RecordRefused),
        (pa.ArrowInvalid("does not fit"), RecordRefused),
        (duckdb.OutOfMemoryException("Out of Memory Error: no room"), QueryError),
        (duckdb.IOException("disk"), QueryError),
    ],
)
def test_errors_of_libraries_are_translated(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, translated():
        raise error
    assert "LINE" not in str(caught.value)
