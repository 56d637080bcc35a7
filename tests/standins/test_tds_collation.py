"""How text compares, and what of it is kept."""

import mssql_python

from standins.driving import error_number, rows

Cursor = mssql_python.Cursor


def test_collations_decide_what_is_equal(cursor: Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.words (id int NOT NULL, ci nvarchar(9), "
        "bin nvarchar(9) COLLATE Latin1_General_100_BIN2)"
    )
    cursor.execute("INSERT INTO dbo.words VALUES (1, N'Abc', N'Abc'), (2, N'x ', N'x ')")

    def found(condition: str) -> list[tuple[int, ...]]:
        return rows(cursor, f"SELECT id FROM dbo.words WHERE {condition}")

    assert found("ci = N'ABC'") == [(1,)]
    assert found("bin = N'ABC'") == []
    assert found("ci = N'x' AND bin = N'x'") == [(2,)]
    assert found("ci COLLATE Latin1_General_100_BIN2 = N'abc'") == []
    assert found("ci LIKE N'ab%'") == [(1,)]
    assert found("EXISTS (SELECT ci EXCEPT SELECT N'abc')") == [(2,)]
    assert error_number(cursor, "SELECT * FROM dbo.words WHERE ci = bin") == 468
    assert error_number(cursor, "SELECT ci FROM dbo.words EXCEPT SELECT bin FROM dbo.words") == 468
    binary = "Latin1_General_100_BIN2"
    assert found(f"EXISTS (SELECT ci COLLATE {binary} EXCEPT SELECT bin)") == []
    assert found(f"EXISTS (SELECT UPPER(ci) COLLATE {binary} EXCEPT SELECT bin)") == [(1,), (2,)]
    assert found(f"ci COLLATE {binary} = bin") == [(1,), (2,)]
    assert found("ci = bin COLLATE DATABASE_DEFAULT") == [(1,), (2,)]
    cursor.execute("CREATE UNIQUE INDEX ux_words ON dbo.words (ci)")
    assert error_number(cursor, "INSERT INTO dbo.words (id, ci) VALUES (3, N'ABC ')") == 2601


def test_spaces_at_the_end_are_kept(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.spaced (id int NOT NULL, a nvarchar(9))")
    cursor.execute("INSERT INTO dbo.spaced VALUES (1, N'a  '), (2, N'b')")
    cursor.execute("UPDATE t SET a = s.a FROM dbo.spaced AS t, dbo.spaced AS s WHERE s.id = 1")
    found = rows(cursor, "SELECT a, DATALENGTH(a), LEN(a) FROM dbo.spaced WHERE id = 2")
    assert found == [("a  ", 6, 1)]


def test_varchar_loses_what_its_code_page_lacks(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.narrow (id int, v varchar(20), n nvarchar(20))")
    cursor.execute("INSERT INTO dbo.narrow VALUES (1, N'Größe € 東京 😀', N'Größe € 東京 😀')")
    cursor.execute("INSERT INTO dbo.narrow (v, id) SELECT n, 2 FROM dbo.narrow")
    cursor.execute("UPDATE dbo.narrow SET v = N'東' WHERE id = 2")
    assert rows(cursor, "SELECT v FROM dbo.narrow ORDER BY id") == [("Größe € ?? ??",), ("?",)]
    lost = (
        "SELECT COUNT(*) FROM dbo.narrow WHERE n <> CONVERT(nvarchar(max), "
        "CONVERT(varchar(max), n COLLATE Latin1_General_CI_AS)) COLLATE Latin1_General_100_BIN2"
    )
    assert rows(cursor, lost) == [(1,)]
