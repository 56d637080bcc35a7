"""T-SQL: control flow, queries, changes of rows, definitions, the catalog."""

import datetime as dt
from collections.abc import Iterator

import mssql_python
import pytest

from standins.driving import error_number, last_rows, refused, rows
from standins.tds.fixture import TdsServer

Cursor = mssql_python.Cursor


@pytest.fixture
def things(tds: TdsServer) -> Iterator[Cursor]:
    """A cursor, and dbo.things with the rows 1 to 3; dbo.news with 1, 2 changed and 4."""
    connection = tds.connect()
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS dbo.things, dbo.news")
    cursor.execute(
        "CREATE TABLE dbo.things (id int NOT NULL PRIMARY KEY, a nvarchar(10) NULL, "
        "n decimal(9,2) NULL)"
    )
    cursor.execute("INSERT INTO dbo.things VALUES (1,N'x',1.5),(2,N'y',NULL),(3,N'z',3)")
    cursor.execute("SELECT TOP 0 * INTO dbo.news FROM dbo.things")
    cursor.execute("INSERT INTO dbo.news VALUES (1,N'x',1.5),(2,N'Y2',2),(4,N'new',4)")
    yield cursor
    connection.close()


def test_loops_conditions_and_variables(cursor: Cursor) -> None:
    found = last_rows(
        cursor,
        "SET NOCOUNT ON; DECLARE @i int = 0, @s nvarchar(max) = N''; WHILE @i < 5 BEGIN "
        "SET @i += 1; IF @i % 2 = 0 CONTINUE; IF @i = 5 BREAK; "
        "SET @s = @s + CAST(@i AS nvarchar(10)) + N',' END "
        "IF EXISTS (SELECT 1 WHERE 1 = 2) BEGIN PRINT N'there' END ELSE PRINT N'not' "
        "SELECT @i AS i, @s AS s",
    )
    assert found == [(5, "1,3,")]


def test_errors_are_caught_and_thrown_again(cursor: Cursor) -> None:
    batch = "BEGIN TRY SELECT * FROM dbo.nope END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH"
    assert last_rows(cursor, batch) == [(208,)]
    refused(
        "mine x",
        cursor.execute,
        "BEGIN TRY RAISERROR(N'mine %s', 16, 1, N'x') END TRY BEGIN CATCH THROW END CATCH",
    )
    assert error_number(cursor, "THROW 50123, N'mine', 1") == 50123


def test_select_assigns_variables(cursor: Cursor) -> None:
    batch = (
        "DECLARE @a int, @b nvarchar(9); SELECT @a = v, @b = N'z' FROM (VALUES (1), (2)) AS t(v) "
        "WHERE v = 2; SELECT @a, @b, @@ROWCOUNT"
    )
    assert last_rows(cursor, batch) == [(2, "z", 1)]


def test_text_is_executed_with_and_without_parameters(cursor: Cursor) -> None:
    batch = "DECLARE @q nvarchar(99) = N'SELECT @x * 2'; EXEC sp_executesql @q, N'@x int', @x = 21"
    assert last_rows(cursor, batch) == [(42,)]
    assert last_rows(cursor, "EXEC (N'SELECT 7')") == [(7,)]
    batch = "DECLARE @x int = 1; EXEC (N'SELECT @x')"
    assert error_number(cursor, batch) == 137


def test_rowcount_after_statements(things: Cursor) -> None:
    batch = "EXEC (N'UPDATE dbo.things SET n = 1'); DECLARE @n int; SET @n = @@ROWCOUNT; SELECT @n"
    assert last_rows(things, batch) == [(3,)]
    batch = "EXEC (N'CREATE TABLE dbo.nothing (i int)'); SELECT @@ROWCOUNT"
    assert last_rows(things, batch) == [(0,)]
    things.execute("DROP TABLE dbo.nothing")


def test_names_may_be_anything(cursor: Cursor) -> None:
    cursor.execute("CREATE SCHEMA [my sch]")
    cursor.execute(
        "CREATE TABLE [my sch].[a]]b] ([c d] int NOT NULL, [größe] nvarchar(5) "
        "COLLATE Latin1_General_100_BIN2 NULL, CONSTRAINT [PK x] PRIMARY KEY NONCLUSTERED ([c d]))"
    )
    cursor.execute("INSERT [my sch].[a]]b] ([c d], [größe]) VALUES (1, N'q''q')")
    found = rows(
        cursor,
        "SELECT [C D], [größe] FROM [my sch].[A]]B] "
        "WHERE [größe] COLLATE Latin1_General_100_BIN2 = N'q''q'",
    )
    assert found == [(1, "q'q")]
    found = rows(
        cursor,
        "SELECT i.name, i.is_primary_key, i.type_desc, c.name FROM sys.indexes i "
        "JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id "
        "JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id "
        "JOIN sys.tables t ON t.object_id = i.object_id JOIN sys.schemas s "
        "ON s.schema_id = t.schema_id WHERE s.name = N'MY SCH' AND i.index_id > 0",
    )
    assert found == [("PK x", True, "NONCLUSTERED", "c d")]
    found = rows(
        cursor,
        "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, IS_NULLABLE, COLLATION_NAME "
        "FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA=? AND TABLE_NAME=? "
        "ORDER BY ORDINAL_POSITION",
        "my sch",
        "a]b",
    )
    assert found == [
        ("c d", "int", None, "NO", None),
        ("größe", "nvarchar", 5, "YES", "Latin1_General_100_BIN2"),
    ]


def test_the_catalog_describes_types(cursor: Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.described (d decimal(38,10), nv nvarchar(20), nm nvarchar(max), "
        "d2 datetime2(6), o datetimeoffset(6), u uniqueidentifier, b varbinary(7), i bigint)"
    )
    found = rows(
        cursor,
        "SELECT c.name, t.name, c.max_length, c.precision, c.scale FROM sys.columns c "
        "JOIN sys.types t ON t.user_type_id = c.user_type_id "
        "WHERE c.object_id = OBJECT_ID(N'dbo.described') ORDER BY column_id",
    )
    assert found == [
        ("d", "decimal", 17, 38, 10),
        ("nv", "nvarchar", 40, 0, 0),
        ("nm", "nvarchar", -1, 0, 0),
        ("d2", "datetime2", 8, 26, 6),
        ("o", "datetimeoffset", 10, 33, 6),
        ("u", "uniqueidentifier", 16, 0, 0),
        ("b", "varbinary", 7, 0, 0),
        ("i", "bigint", 8, 19, 0),
    ]
    found = rows(
        cursor,
        "SELECT COL_LENGTH(N'dbo.described', N'nv'), COL_LENGTH(N'dbo.described', N'zz'), "
        "OBJECT_ID(N'dbo.zz'), SCHEMA_ID(N'zz'), SCHEMA_ID(N'DBO'), "
        "TYPE_NAME(231), OBJECT_ID(N'dbo.described', N'V')",
    )
    assert found == [(40, None, None, None, 1, "nvarchar", None)]
    tables = "SELECT COUNT(*) FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = N'DESCRIBED'"
    assert rows(cursor, tables) == [(1,)]


def test_update_from_changes_only_what_differs(things: Cursor) -> None:
    things.execute(
        "UPDATE t SET t.a = s.a, t.n = s.n FROM dbo.things AS t INNER JOIN dbo.news AS s "
        "ON t.id = s.id WHERE EXISTS (SELECT s.a, s.n EXCEPT SELECT t.a, t.n)"
    )
    assert things.rowcount == 1
    things.execute(
        "INSERT INTO dbo.things (id, a, n) SELECT s.id, s.a, s.n FROM dbo.news AS s "
        "WHERE NOT EXISTS (SELECT 1 FROM dbo.things AS t WHERE t.id = s.id)"
    )
    assert things.rowcount == 1
    assert rows(things, "SELECT id, a FROM dbo.things ORDER BY id") == [
        (1, "x"),
        (2, "Y2"),
        (3, "z"),
        (4, "new"),
    ]


def test_merge_with_every_branch(things: Cursor) -> None:
    things.execute(
        "MERGE dbo.things WITH (HOLDLOCK) AS t USING (SELECT *, ROW_NUMBER() OVER "
        "(PARTITION BY id ORDER BY n DESC) AS rn FROM dbo.news) AS s ON t.id = s.id AND s.rn = 1 "
        "WHEN MATCHED AND t.id = 1 THEN UPDATE SET t.a = s.a + N'!', n = NULL "
        "WHEN NOT MATCHED BY TARGET THEN INSERT (id, a) VALUES (s.id, s.a) "
        "WHEN NOT MATCHED BY SOURCE THEN DELETE;"
    )
    assert things.rowcount == 3
    assert rows(things, "SELECT * FROM dbo.things ORDER BY id") == [
        (1, "x!", None),
        (2, "y", None),
        (4, "new", None),
    ]
    output = rows(
        things,
        "MERGE INTO dbo.things AS t USING (VALUES (1, N'q'), (9, N'r')) AS s (id, a) "
        "ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a) OUTPUT $action, inserted.id;",
    )
    assert sorted(output) == [("INSERT", 9), ("UPDATE", 1)]


def test_delete_in_all_its_forms(things: Cursor) -> None:
    things.execute("DELETE t FROM dbo.things AS t JOIN dbo.news AS s ON s.id = t.id WHERE s.id = 1")
    assert things.rowcount == 1
    things.execute(
        "WITH d AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS rn FROM dbo.things) "
        "DELETE FROM d WHERE rn > 1"
    )
    assert rows(things, "SELECT id FROM dbo.things") == [(2,)]
    assert rows(things, "DELETE FROM dbo.things OUTPUT deleted.id WHERE id = 2") == [(2,)]
    things.execute("DELETE TOP (2) FROM dbo.news")
    assert rows(things, "SELECT COUNT(*) FROM dbo.news") == [(1,)]
    things.execute("DELETE dbo.news WHERE id > 0")
    assert rows(things, "SELECT COUNT(*) FROM dbo.news") == [(0,)]


def test_update_top_and_common_tables(things: Cursor) -> None:
    things.execute("UPDATE TOP (2) dbo.things SET a = N'u'")
    assert things.rowcount == 2
    things.execute(
        "WITH s AS (SELECT id, a FROM dbo.news) INSERT INTO dbo.things (id, a) "
        "SELECT id, a FROM s WHERE id = 4"
    )
    things.execute(
        "WITH s AS (SELECT id, a FROM dbo.news) UPDATE t SET a = s.a FROM dbo.things AS t "
        "JOIN s ON s.id = t.id WHERE t.id = 2"
    )
    assert rows(things, "SELECT a FROM dbo.things WHERE id IN (2, 4) ORDER BY id") == [
        ("Y2",),
        ("new",),
    ]


def test_order_top_and_offset(things: Cursor) -> None:
    page = "SELECT id FROM dbo.things ORDER BY id OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY"
    assert rows(things, page) == [(2,), (3,)]
    assert rows(things, "SELECT TOP (1) id FROM dbo.things ORDER BY id DESC") == [(3,)]
    distinct = "SELECT id FROM dbo.things WHERE n IS NOT DISTINCT FROM NULL"
    assert rows(things, distinct) == [(2,)]


def test_select_into_keeps_types_and_identity(cursor: Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.source (id int IDENTITY(5,5), s nvarchar(10) "
        "COLLATE Latin1_General_100_BIN2 NOT NULL, n nvarchar(7))"
    )
    cursor.execute("SELECT TOP 0 * INTO dbo.copied FROM dbo.source")
    found = rows(
        cursor,
        "SELECT name, max_length, is_nullable, is_identity, collation_name FROM sys.columns "
        "WHERE object_id = OBJECT_ID(N'dbo.copied') ORDER BY column_id",
    )
    assert found == [
        ("id", 4, False, True, None),
        ("s", 20, False, False, "Latin1_General_100_BIN2"),
        ("n", 14, True, False, "SQL_Latin1_General_CP1_CI_AS"),
    ]
    batch = "SELECT s, n INTO #tmp FROM dbo.source; SELECT COUNT(*) FROM #tmp; DROP TABLE #tmp"
    assert last_rows(cursor, batch) == [(0,)]


def test_altering_renaming_and_truncating(cursor: Cursor) -> None:
    cursor.execute(
        "IF OBJECT_ID(N'dbo.al') IS NULL CREATE TABLE dbo.al (id int NOT NULL, x nvarchar(10))"
    )
    cursor.execute("INSERT INTO dbo.al VALUES (1, N'12'), (2, NULL)")
    cursor.execute(
        "ALTER TABLE dbo.al ADD a nvarchar(5) NULL, b int NOT NULL CONSTRAINT df_b DEFAULT 7, "
        "c datetime2(6) NULL"
    )
    cursor.execute("ALTER TABLE dbo.al ALTER COLUMN x nvarchar(max) NULL")
    cursor.execute("ALTER TABLE dbo.al ADD CONSTRAINT pk_al PRIMARY KEY CLUSTERED (id)")
    cursor.execute("ALTER TABLE dbo.al DROP COLUMN a, c")
    cursor.execute("CREATE INDEX ix_al ON dbo.al (b) INCLUDE (x)")
    cursor.execute("EXEC sp_rename N'dbo.al.x', N'y', N'COLUMN'")
    assert rows(cursor, "SELECT * FROM dbo.al ORDER BY id") == [(1, "12", 7), (2, None, 7)]
    cursor.execute("EXEC sp_rename N'dbo.al', N'al2'")
    names = (
        "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID(N'dbo.al2') ORDER BY column_id"
    )
    assert rows(cursor, names) == [("id",), ("y",), ("b",)]
    assert error_number(cursor, "INSERT INTO dbo.al2 (id) VALUES (1)") == 2627
    default = (
        "SELECT name, definition FROM sys.default_constraints "
        "WHERE parent_object_id = OBJECT_ID('dbo.al2')"
    )
    assert rows(cursor, default) == [("df_b", "(7)")]
    indexes = (
        "SELECT name FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.al2') ORDER BY index_id"
    )
    assert rows(cursor, indexes) == [("pk_al",), ("ix_al",)]
    cursor.execute("ALTER TABLE dbo.al2 DROP CONSTRAINT df_b")
    cursor.execute("DROP INDEX ix_al ON dbo.al2")
    cursor.execute("TRUNCATE TABLE dbo.al2")
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.al2") == [(0,)]
    cursor.execute("DROP TABLE IF EXISTS dbo.al2, dbo.nothing")


def test_sp_rename_takes_the_new_name_as_it_is(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.[old name] (i int)")
    cursor.execute("EXEC sp_rename N'[dbo].[old name]', N'new.name'")
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.[new.name]") == [(0,)]
    cursor.execute("EXEC sp_rename N'dbo.[new.name]', N'[x]'")
    assert rows(cursor, "SELECT COUNT(*) FROM dbo.[[x]]]") == [(0,)]


def test_identity_columns(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.idt (id bigint IDENTITY(10,5) PRIMARY KEY, v nvarchar(9))")
    cursor.execute("INSERT INTO dbo.idt VALUES (N'a'), (N'b')")
    assert rows(cursor, "SELECT id, v FROM dbo.idt ORDER BY id") == [(10, "a"), (15, "b")]
    assert rows(cursor, "INSERT INTO dbo.idt (v) OUTPUT inserted.id VALUES (N'c')") == [(20,)]
    assert rows(cursor, "SELECT SCOPE_IDENTITY()") == [(20,)]
    assert error_number(cursor, "INSERT INTO dbo.idt (id, v) VALUES (1, N'x')") == 544
    cursor.execute("SET IDENTITY_INSERT dbo.idt ON")
    cursor.execute("INSERT INTO dbo.idt (id, v) VALUES (100, N'x')")
    assert error_number(cursor, "INSERT INTO dbo.idt (v) VALUES (N'x')") == 545
    cursor.execute("SET IDENTITY_INSERT dbo.idt OFF")
    assert error_number(cursor, "UPDATE dbo.idt SET id = 3") == 8102
    cursor.execute("INSERT INTO dbo.idt VALUES (N'y')")
    assert rows(cursor, "SELECT MAX(id) FROM dbo.idt") == [(105,)]
    cursor.execute(
        "MERGE dbo.idt AS t USING (SELECT N'm' AS v) AS s ON t.v = s.v "
        "WHEN NOT MATCHED THEN INSERT (v) VALUES (s.v);"
    )
    assert rows(cursor, "SELECT id FROM dbo.idt WHERE v = N'm'") == [(110,)]
    cursor.execute("TRUNCATE TABLE dbo.idt")
    cursor.execute("INSERT INTO dbo.idt VALUES (N'z')")
    assert rows(cursor, "SELECT id FROM dbo.idt") == [(10,)]


def test_defaults_and_computed_columns(cursor: Cursor) -> None:
    cursor.execute(
        "CREATE TABLE dbo.made (id int NOT NULL, n int NOT NULL DEFAULT 1, "
        "t datetime2(6) NOT NULL DEFAULT SYSUTCDATETIME(), s AS id * 2, "
        "v nvarchar(5) DEFAULT N'd''d')"
    )
    cursor.execute("INSERT INTO dbo.made (id) VALUES (4)")
    number, count, when, double, text = rows(cursor, "SELECT * FROM dbo.made")[0]
    assert (number, count, double, text) == (4, 1, 8, "d'd")
    assert isinstance(when, dt.datetime)
    assert error_number(cursor, "INSERT INTO dbo.made (id, s) VALUES (1, 2)") == 271
    assert error_number(cursor, "UPDATE dbo.made SET s = 2") == 271
    computed = (
        "SELECT name, is_computed FROM sys.columns "
        "WHERE object_id = OBJECT_ID(N'dbo.made') AND is_computed = 1"
    )
    assert rows(cursor, computed) == [("s", True)]


def test_views_are_read_and_simple_ones_written_through(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.base (id int NOT NULL PRIMARY KEY, s nvarchar(5), x int)")
    cursor.execute("CREATE VIEW dbo.seen AS SELECT id, s FROM dbo.base WHERE x IS NULL")
    cursor.execute("INSERT INTO dbo.seen (id, s) VALUES (1, N'a')")
    assert rows(cursor, "SELECT * FROM dbo.seen") == [(1, "a")]
    cursor.execute("UPDATE dbo.seen SET s = N'b' WHERE id = 1")
    assert rows(cursor, "SELECT s FROM dbo.base") == [("b",)]
    views = "SELECT name, OBJECT_ID(N'dbo.seen', N'V') - object_id FROM sys.views"
    assert rows(cursor, views) == [("seen", 0)]
    kinds = "SELECT TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'seen'"
    assert rows(cursor, kinds) == [("VIEW",)]
    cursor.execute("DROP VIEW dbo.seen")


def test_columnstores_are_accepted(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.history (id int NOT NULL, s nvarchar(max))")
    cursor.execute("CREATE CLUSTERED COLUMNSTORE INDEX cci ON dbo.history")
    kinds = "SELECT type, type_desc FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.history')"
    assert rows(cursor, kinds) == [(5, "CLUSTERED COLUMNSTORE")]
    cursor.execute("INSERT INTO dbo.history VALUES (1, N'a')")
