"""CData's REPLICATE statement."""

import pytest

from syncline.errors import QueryError
from syncline.model.job import DeclaredColumn
from syncline.query.replicate import Replicate, parse_replicate

FULL_NAME = """SELECT DateModified, CONCAT(FirstName, ' ', LastName) AS FullName
FROM [Table] WHERE FirstName LIKE '%Tim;%'"""
COLUMNS = """Id int NOT NULL, [Full Name] varchar(50), Total decimal(12, 2) NULL,
PRIMARY  key (Id, [Full Name])"""


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("REPLICATE Matters", Replicate(target="Matters", query="SELECT * FROM [Matters]")),
        (
            "replicate [Our Matters] Matters;",
            Replicate(target="Our Matters", query="SELECT * FROM [Matters]"),
        ),
        (
            "REPLICATE REP_Table SELECT * FROM Table",
            Replicate(target="REP_Table", query="SELECT * FROM Table"),
        ),
        (
            f"REPLICATE REP_Table {FULL_NAME} ;",
            Replicate(target="REP_Table", query=FULL_NAME),
        ),
        (
            "REPLICATE [table] WITH IncrementalCheckColumns = 'updated'",
            Replicate(
                target="table",
                query="SELECT * FROM [table]",
                options={"IncrementalCheckColumns": "updated"},
            ),
        ),
        (
            "REPLICATE T WITH DropTable, AlterSchema=false, BatchSize = 500, Mode=Fast Source",
            Replicate(
                target="T",
                query="SELECT * FROM [Source]",
                options={
                    "DropTable": True,
                    "AlterSchema": False,
                    "BatchSize": 500,
                    "Mode": "Fast",
                },
            ),
        ),
        (
            "REPLICATE T WITH recent AS (SELECT * FROM Matters) SELECT * FROM recent",
            Replicate(
                target="T", query="WITH recent AS (SELECT * FROM Matters) SELECT * FROM recent"
            ),
        ),
        (
            "REPLICATE T (SELECT Id FROM a) UNION (SELECT Id FROM b)",
            Replicate(target="T", query="(SELECT Id FROM a) UNION (SELECT Id FROM b)"),
        ),
        (
            f"REPLICATE dbo.T ({COLUMNS}) WITH TruncateTable=true SELECT Id FROM Matters",
            Replicate(
                target="dbo.T",
                query="SELECT Id FROM Matters",
                columns=(
                    DeclaredColumn(name="Id", type="int"),
                    DeclaredColumn(name="Full Name", type="varchar(50)"),
                    DeclaredColumn(name="Total", type="decimal(12, 2)"),
                ),
                key=("Id", "Full Name"),
                options={"TruncateTable": True},
            ),
        ),
        (
            "REPLICATE Kept [api].[Clio].[Bill Items]",
            Replicate(target="Kept", query="SELECT * FROM [api].[Clio].[Bill Items]"),
        ),
        (
            "REPLICATE [dbo].[Matters] WITH DropTable",
            Replicate(
                target="dbo.Matters", query="SELECT * FROM [Matters]", options={"DropTable": True}
            ),
        ),
        (
            "REPLICATE Kept CData..Matters",
            Replicate(target="Kept", query="SELECT * FROM [CData]..[Matters]"),
        ),
        (
            "REPLICATE [a.b].[c] Matters",
            Replicate(target="[a.b].c", query="SELECT * FROM [Matters]"),
        ),
    ],
)
def test_statement_is_read(sql: str, expected: Replicate) -> None:
    assert parse_replicate(sql) == expected


@pytest.mark.parametrize(
    "sql", ["", "SELECT 1", "-- REPLICATE T", "[REPLICATE] T", "'REPLICATE' T"]
)
def test_other_texts_are_not_statements(sql: str) -> None:
    assert parse_replicate(sql) is None


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("REPLICATE", r"name of the table to write is missing\nline 1:\n  REPLICATE\n {11}\^"),
        ("REPLICATE 'T'", "name of the table to write is expected"),
        ("REPLICATE T (Id", "type of the column is missing"),
        ("REPLICATE T (Id int", ", is missing"),
        ("REPLICATE T (Id int, PRIMARY KEY Id) M", r"\( is expected here"),
        ("REPLICATE T (Id int, id text) M", r"id is declared twice"),
        ("REPLICATE T (Id int PRIMARY KEY, PRIMARY KEY (Id)) M", "a PRIMARY KEY already"),
        ("REPLICATE T (Id int NOT NULL) M", "NOT NULL has no equal here"),
        ("REPLICATE T (Id int IDENTITY(1,1)) M", "IDENTITY of a column has no equal here"),
        ("REPLICATE T (Id int DEFAULT 1) M", "DEFAULT of a column has no equal here"),
        ("REPLICATE T (Id int, CONSTRAINT k PRIMARY KEY (Id)) M", "constraints have no names"),
        ("REPLICATE T (Id int Matters", r"a comma or \) is expected here"),
        ("REPLICATE T (Id decimal(3", r"\) after the size is missing"),
        ("REPLICATE T (Id, Name) M", "type of the column is expected here"),
        ("REPLICATE T WITH a = 1, A = 2 M", "the option A is given twice"),
        ("REPLICATE T WITH", "name of an option is missing"),
        ("REPLICATE T WITH a =", "value of the option is missing"),
        ("REPLICATE T Matters WHERE Id = 1", "nothing is expected after the table"),
        ("REPLICATE T 'Matters", "never closed"),
    ],
)
def test_other_statements_are_refused(sql: str, complaint: str) -> None:
    with pytest.raises(QueryError, match=complaint):
        parse_replicate(sql)
