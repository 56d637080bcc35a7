"""SQL Server's native numbers for what goes wrong, and its limits."""

from collections.abc import Iterator

import mssql_python
import pytest

from standins.driving import error_number, last_rows, refused, rows
from standins.tds.fixture import TdsServer

Cursor = mssql_python.Cursor


@pytest.fixture(scope="module")
def target(tds: TdsServer) -> Iterator[Cursor]:
    """A cursor, and tables with every kind of constraint."""
    connection = tds.connect()
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE dbo.e (id int NOT NULL PRIMARY KEY, s nvarchar(3) NULL, "
        "n int NOT NULL DEFAULT 1, d decimal(5,2), t tinyint, vb varbinary(2), u int NULL, "
        "v varchar(3), o int CONSTRAINT positive CHECK (o > 0))"
    )
    cursor.execute("CREATE UNIQUE INDEX ux ON dbo.e (u)")
    cursor.execute("INSERT INTO dbo.e (id, u) VALUES (1, 1), (2, 2)")
    cursor.execute("CREATE TABLE dbo.child (id int NOT NULL, e int REFERENCES dbo.e (id))")
    cursor.execute("INSERT INTO dbo.child VALUES (1, 2)")
    yield cursor
    connection.close()


@pytest.mark.parametrize(
    ("number", "statement"),
    [
        (208, "SELECT * FROM dbo.nope"),
        (208, "INSERT INTO dbo.nope VALUES (1)"),
        (207, "SELECT nope FROM dbo.e"),
        (207, "INSERT INTO dbo.e (nope) VALUES (1)"),
        (207, "UPDATE dbo.e SET nope = 1"),
        (4104, "SELECT x.id FROM dbo.e"),
        (2627, "INSERT INTO dbo.e (id, u) VALUES (1, 7)"),
        (2627, "INSERT INTO dbo.e (id, u) VALUES (8, 8), (8, 9)"),
        (2601, "INSERT INTO dbo.e (id, u) VALUES (9, 1)"),
        (2601, "UPDATE dbo.e SET u = 1"),
        (515, "INSERT INTO dbo.e (id, n) VALUES (9, NULL)"),
        (515, "INSERT INTO dbo.e (s) VALUES (N'a')"),
        (515, "UPDATE dbo.e SET n = NULL"),
        (547, "INSERT INTO dbo.e (id, o) VALUES (9, 0)"),
        (547, "INSERT INTO dbo.child VALUES (2, 77)"),
        (547, "DELETE FROM dbo.e WHERE id = 2"),
        (3726, "DROP TABLE dbo.e"),
        (4712, "TRUNCATE TABLE dbo.e"),
        (2628, "INSERT INTO dbo.e (id, s) VALUES (9, N'abcd')"),
        (2628, "UPDATE dbo.e SET s = N'😀😀' WHERE id = 1"),
        (2628, "INSERT INTO dbo.e (id, vb) VALUES (9, 0x010203)"),
        (245, "SELECT CAST(N'x' AS int)"),
        (245, "INSERT INTO dbo.e (id) VALUES (N'x')"),
        (8114, "SELECT CAST(N'x' AS decimal(5,2))"),
        (8115, "INSERT INTO dbo.e (id, u, d) VALUES (9, 9, 12345.67)"),
        (241, "SELECT CAST(N'2024-13-45' AS date)"),
        (8169, "SELECT CAST(N'x' AS uniqueidentifier)"),
        (8134, "SELECT 1 / 0"),
        (
            8672,
            (
                "MERGE dbo.e AS t USING (SELECT 1 AS id UNION ALL SELECT 1) AS s ON t.id = s.id "
                "WHEN MATCHED THEN UPDATE SET n = 2"
            ),
        ),
        (2714, "CREATE TABLE dbo.e (a int)"),
        (2705, "ALTER TABLE dbo.e ADD s int"),
        (4902, "ALTER TABLE dbo.nope ADD s int"),
        (4901, "ALTER TABLE dbo.e ADD required int NOT NULL"),
        (4924, "ALTER TABLE dbo.e DROP COLUMN nope"),
        (5074, "ALTER TABLE dbo.e DROP COLUMN id"),
        (5074, "ALTER TABLE dbo.e ALTER COLUMN id bigint NOT NULL"),
        (3701, "DROP TABLE dbo.nope"),
        (4701, "TRUNCATE TABLE dbo.nope"),
        (2760, "CREATE TABLE nope.x (a int)"),
        (2715, "CREATE TABLE dbo.x (a nope)"),
        (15225, "EXEC sp_rename N'dbo.nope', N'x'"),
        (911, "USE nope"),
        (2812, "EXEC nope"),
        (137, "SELECT @nope"),
        (195, "SELECT nope(1)"),
        (1913, "CREATE INDEX ux ON dbo.e (n)"),
        (1505, "CREATE UNIQUE INDEX uy ON dbo.e (n)"),
        (1902, "CREATE CLUSTERED INDEX second ON dbo.e (n)"),
        (8111, "CREATE TABLE dbo.x (a int NULL, PRIMARY KEY (a))"),
        (213, "INSERT INTO dbo.child VALUES (1)"),
        (109, "INSERT INTO dbo.child (id, e) VALUES (1)"),
        (110, "INSERT INTO dbo.child (id) VALUES (1, 2)"),
        (264, "INSERT INTO dbo.child (id, ID) VALUES (1, 2)"),
        (50123, "THROW 50123, N'mine', 1"),
    ],
)
def test_native_numbers(target: Cursor, number: int, statement: str) -> None:
    assert error_number(target, statement) == number
    assert rows(target, "SELECT COUNT(*) FROM dbo.e") == [(2,)]


def test_errors_name_what_is_wrong(target: Cursor) -> None:
    refused("PRIMARY KEY constraint 'PK__e", target.execute, "INSERT INTO dbo.e (id) VALUES (1)")
    refused("unique index 'ux'", target.execute, "UPDATE dbo.e SET u = 1")
    refused("column 's'", target.execute, "UPDATE dbo.e SET s = N'abcd'")
    refused("column 'n', table", target.execute, "UPDATE dbo.e SET n = NULL")
    refused('constraint "positive"', target.execute, "UPDATE dbo.e SET o = 0")
    refused("'dbo.nope'", target.execute, "SELECT * FROM dbo.nope")
    refused("duplicate key", target.execute, "INSERT INTO dbo.e (id) VALUES (?)", 1)


def test_text_that_is_no_statement(target: Cursor) -> None:
    refused("syntax", target.execute, "SELEKT 1 FROM")
    refused("unclosed quotation", target.execute, "SELECT N'a")
    refused(
        "terminated by a semi-colon",
        target.execute,
        "MERGE dbo.e AS t USING dbo.child AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
    )


def test_statements_that_must_be_first(target: Cursor) -> None:
    refused("first statement", target.execute, "SELECT 1; CREATE SCHEMA second")
    guard = "IF SCHEMA_ID(N'made') IS NULL EXEC (N'CREATE SCHEMA made')"
    target.execute(guard)
    target.execute(guard)
    assert rows(target, "SELECT COUNT(*) FROM sys.schemas WHERE name = N'made'") == [(1,)]


def test_numbers_that_are_none(target: Cursor) -> None:
    target.execute("CREATE TABLE dbo.floats (f float)")
    refused("", target.execute, "INSERT INTO dbo.floats VALUES (?)", float("nan"))
    assert rows(target, "SELECT COUNT(*) FROM dbo.floats") == [(0,)]


def test_limits_of_names_columns_and_rows(cursor: Cursor) -> None:
    refused("is too long", cursor.execute, f"CREATE TABLE dbo.[{'n' * 129}] (a int)")
    cursor.execute(f"CREATE TABLE dbo.[{'n' * 128}] ([{'c' * 128}] int)")
    refused("is too long", cursor.execute, f"CREATE TABLE [#{'n' * 117}] (a int)")
    columns = ", ".join(f"c{n} int" for n in range(1025))
    assert error_number(cursor, f"CREATE TABLE dbo.wide ({columns})") == 1702
    columns = ", ".join(f"c{n} int" for n in range(1024))
    cursor.execute(f"CREATE TABLE dbo.wide ({columns})")
    assert error_number(cursor, "ALTER TABLE dbo.wide ADD more int") == 1702
    columns = ", ".join(f"c{n} nchar(1000)" for n in range(5))
    assert error_number(cursor, f"CREATE TABLE dbo.fixed ({columns})") == 1701


def test_limits_of_keys(cursor: Cursor) -> None:
    def key(kind: str, clustered: str = "CLUSTERED") -> int:
        statement = (
            f"CREATE TABLE dbo.keyed (a {kind} NOT NULL, v int, PRIMARY KEY {clustered} (a))"
        )
        number = error_number(cursor, statement)
        if not number:
            cursor.execute("DROP TABLE dbo.keyed")
        return number

    assert key("nvarchar(max)") == 1919
    assert key("nvarchar(450)") == 0
    assert key("nchar(451)") == 1944
    assert key("nchar(850)", "NONCLUSTERED") == 0
    assert key("nchar(851)", "NONCLUSTERED") == 1944
    cursor.execute("CREATE TABLE dbo.long (a nvarchar(500) NOT NULL PRIMARY KEY)")
    assert error_number(cursor, "INSERT INTO dbo.long VALUES (REPLICATE(N'x', 451))") == 1946
    cursor.execute("INSERT INTO dbo.long VALUES (REPLICATE(N'x', 450))")


def test_limits_of_statements(target: Cursor) -> None:
    values = ", ".join(f"({n}, NULL)" for n in range(1001))
    assert error_number(target, f"INSERT INTO dbo.child VALUES {values}") == 10738
    marks = ", ".join("?" * 2101)
    refused("", target.execute, f"SELECT 1 WHERE 1 IN ({marks})", *range(2101))


def test_only_one_null_in_a_unique_index(cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.nulls (a int UNIQUE)")
    cursor.execute("INSERT INTO dbo.nulls VALUES (NULL)")
    assert error_number(cursor, "INSERT INTO dbo.nulls VALUES (NULL)") == 2627


def test_a_read_only_database(tds: TdsServer, cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.frozen (a int)")
    tds.execute(f"ALTER DATABASE [{tds.database}] SET READ_ONLY")
    try:
        assert error_number(cursor, "INSERT INTO dbo.frozen VALUES (1)") == 3906
        assert error_number(cursor, "CREATE TABLE dbo.frozen2 (a int)") == 3906
        assert rows(cursor, "SELECT COUNT(*) FROM dbo.frozen") == [(0,)]
    finally:
        tds.execute(f"ALTER DATABASE [{tds.database}] SET READ_WRITE")


@pytest.mark.parametrize(("what", "number"), [("log", 9002), ("data", 1105)])
def test_a_full_database(cursor: Cursor, what: str, number: int) -> None:
    cursor.execute("IF OBJECT_ID(N'dbo.filled') IS NULL CREATE TABLE dbo.filled (a int)")
    cursor.execute(f"EXEC sp_full N'{what}'")
    try:
        assert error_number(cursor, "INSERT INTO dbo.filled VALUES (1)") == number
    finally:
        cursor.execute("EXEC sp_full N''")
    cursor.execute("INSERT INTO dbo.filled VALUES (1)")


def test_permissions(tds: TdsServer, cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.guarded (a int)")
    name = f"limited_{tds.database}"
    cursor.execute(f"CREATE LOGIN [{name}] WITH PASSWORD = 'Oth3r_Passw0rd'")
    refused(
        "login failed",
        lambda: tds.connect(UID=name, PWD="Oth3r_Passw0rd", ConnectRetryCount="0"),
    )
    cursor.execute(f"CREATE USER [{name}] FOR LOGIN [{name}]")
    cursor.execute(f"GRANT SELECT ON dbo.guarded TO [{name}]")
    connection = tds.connect(UID=name, PWD="Oth3r_Passw0rd")
    inner = connection.cursor()
    assert rows(inner, "SELECT COUNT(*) FROM dbo.guarded") == [(0,)]
    assert error_number(inner, "INSERT INTO dbo.guarded VALUES (1)") == 229
    assert error_number(inner, "CREATE TABLE dbo.own (a int)") == 262
    assert error_number(inner, "ALTER TABLE dbo.guarded ADD b int") == 1088
    assert error_number(inner, "TRUNCATE TABLE dbo.guarded") == 4701
    assert error_number(inner, "DROP TABLE dbo.guarded") == 3701
    cursor.execute(f"GRANT INSERT, ALTER ON SCHEMA::dbo TO [{name}]")
    cursor.execute(f"GRANT CREATE TABLE TO [{name}]")
    inner.execute("INSERT INTO dbo.guarded VALUES (1)")
    inner.execute("CREATE TABLE dbo.own (a int)")
    cursor.execute(f"DENY INSERT ON dbo.guarded TO [{name}]")
    assert error_number(inner, "INSERT INTO dbo.guarded VALUES (1)") == 229
    connection.close()


def test_permissions_follow_the_table(tds: TdsServer, cursor: Cursor) -> None:
    cursor.execute("CREATE TABLE dbo.followed (a int)")
    name = f"follower_{tds.database}"
    cursor.execute(f"CREATE LOGIN [{name}] WITH PASSWORD = 'Oth3r_Passw0rd'")
    cursor.execute(f"CREATE USER [{name}] FOR LOGIN [{name}]")
    cursor.execute(f"GRANT SELECT ON OBJECT::dbo.followed TO [{name}]")
    cursor.execute("ALTER TABLE dbo.followed ADD b int")
    cursor.execute("EXEC sp_rename N'dbo.followed', N'renamed'")
    granted = (
        "SELECT permission_name, state_desc FROM sys.database_permissions "
        "WHERE major_id = OBJECT_ID(N'dbo.renamed')"
    )
    assert rows(cursor, granted) == [("SELECT", "GRANT")]
    cursor.execute("DROP TABLE dbo.renamed")
    assert last_rows(cursor, granted) == []
