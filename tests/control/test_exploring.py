"""The explorer looks, and never changes or reaches further."""

import pytest

from syncline.control.usecases.exploring import looking_only, mistake_of
from syncline.errors import QueryError


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM Matters",
        "SELECT 1; DROP TABLE Matters",
        "INSERT INTO a SELECT * FROM b",
        "SELECT * INTO a FROM b",
        "WITH gone AS (DELETE FROM a RETURNING *) SELECT * FROM gone",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT getenv('HOME')",
        "COPY a TO '/tmp/a'",
        "ATTACH 'other.db'",
        "PRAGMA version",
        "SET memory_limit = '1TB'",
        "",
        "SELECT",
        "SELECT FROM WHERE",
    ],
)
@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "tsql"])
def test_what_is_not_looking_is_refused(sql: str, dialect: str) -> None:
    with pytest.raises(QueryError):
        looking_only(sql, dialect)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM Matters WHERE id > 3 ORDER BY id",
        "WITH open AS (SELECT * FROM Matters) SELECT status, COUNT(*) FROM open GROUP BY status",
        "SELECT a.id, UPPER(b.name) FROM a LEFT JOIN s.b ON a.id = b.id",
        "SELECT id FROM a UNION ALL SELECT id FROM b",
    ],
)
def test_what_is_looking_is_not(sql: str) -> None:
    assert looking_only(sql, "duckdb").sql("duckdb")


def test_a_mistake_knows_its_word() -> None:
    text = "there is no column 'Nme'\nline 2:\n  SELECT Nme\n         ^^^"
    found = mistake_of(QueryError(text, hint="did you mean Name?"))
    assert (found.message, found.line, found.column, found.length) == (
        "there is no column 'Nme'", 2, 7, 3,
    )  # fmt: skip
