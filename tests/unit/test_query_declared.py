"""The columns that REPLICATE declares: names, order, types and sizes of what a query yields."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from query_tables import TABLES
from syncline.errors import QueryError, RecordRefused
from syncline.model.job import DeclaredColumn
from syncline.model.table import is_json, size_of
from syncline.query.execute import execute
from syncline.query.plan import Plan, plan
from syncline.testing.source import MemorySource

ROW = {
    "Id": 7,
    "MatterId": 300,
    "Type": "Time",
    "Note": "twelve signs",
    "Date": date(2025, 1, 31),
    "Hours": 1.75,
    "Billed": True,
    "UpdatedAt": datetime(2025, 2, 1, 9, 30, tzinfo=UTC),
    "Extra": "{}",
}


def declared(**columns: str) -> tuple[DeclaredColumn, ...]:
    return tuple(DeclaredColumn(name=name, type=type_) for name, type_ in columns.items())


def planned(sql: str, columns: tuple[DeclaredColumn, ...]) -> Plan:
    return plan(sql, TABLES, columns=columns)


async def rows(found: Plan, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    source = MemorySource([TABLES["Activities"]], {"Activities": [row]})
    batches = [b.records async for b in execute(found, source, None, changes=False)]
    answer: list[dict[str, Any]] = pa.Table.from_batches(batches, found.schema).to_pylist()
    return answer


async def test_types_and_names_and_their_order() -> None:
    found = planned(
        "SELECT * FROM Activities",
        declared(
            updatedat="datetime", NOTE="nvarchar(20)", Id="int", hours="decimal(9,1)",
            Billed="bit", date="date", MatterId="varchar(10)", Extra="nvarchar(max)",
        ),
    )  # fmt: skip
    assert [str(t) for t in found.schema.types] == [
        "timestamp[us]", "string", "int32", "decimal128(9, 1)", "bool", "date32[day]", "string",
        "string",
    ]  # fmt: skip
    assert [size_of(field) for field in found.schema] == [
        None, 20, None, None, None, None, 10, None,
    ]  # fmt: skip
    assert not any(is_json(field) for field in found.schema)
    (row,) = await rows(found, ROW)
    assert [str(value) for value in row.values()] == [
        "2025-02-01 09:30:00", "twelve signs", "7", "1.8", "True", "2025-01-31", "300", "{}",
    ]  # fmt: skip
    assert list(row) == [
        "updatedat", "NOTE", "Id", "hours", "Billed", "date", "MatterId", "Extra",
    ]  # fmt: skip


@pytest.mark.parametrize("type_", ["int", "bigint", "varchar(20)"])
def test_a_key_of_another_type_is_still_the_key(type_: str) -> None:
    found = planned("SELECT * FROM Activities", declared(Id=type_, UpdatedAt="datetimeoffset"))
    assert found.key == ("Id",)
    assert found.incremental
    assert found.version == "UpdatedAt"
    assert not any("whose key changes" in note for note in found.notes)


def test_a_type_that_makes_values_equal_is_no_key() -> None:
    assert planned("SELECT * FROM Activities", declared(Id="bit")).key == ()


async def test_texts_are_not_cut() -> None:
    found = planned("SELECT * FROM Activities", declared(Note="varchar(5)"))
    assert await rows(found, ROW) == [{"Note": "twelve signs"}]


async def test_numbers_that_do_not_fit_are_an_error() -> None:
    found = planned("SELECT * FROM Activities", declared(MatterId="tinyint"))
    with pytest.raises(RecordRefused, match="out of range"):
        await rows(found, ROW)


async def test_what_is_sorted_or_counted_is_so_before_it_gets_its_type() -> None:
    found = planned("SELECT TOP 1 Id, Type FROM Activities ORDER BY Id DESC",
                    declared(Type="text", Id="varchar(9)"))  # fmt: skip
    assert await rows(found, ROW) == [{"Type": "Time", "Id": "7"}]
    found = planned("SELECT Type, COUNT(*) AS n FROM Activities GROUP BY Type",
                    declared(n="int", Type="varchar(20)"))  # fmt: skip
    assert await rows(found, ROW) == [{"n": 1, "Type": "Time"}]
    found = planned("SELECT Id FROM Activities UNION ALL SELECT MatterId FROM Activities",
                    declared(Id="varchar(9)"))  # fmt: skip
    assert sorted(row["Id"] for row in await rows(found, ROW)) == ["300", "7"]


@pytest.mark.parametrize(
    ("sql", "columns", "complaint"),
    [
        ("SELECT Id FROM Activities", declared(Id="int", Nte="text"), "declares the column Nte"),
        ("SELECT Id, Note FROM Activities", declared(Id="int"), "does not declare the column Note"),
        ("SELECT Id FROM Activities", declared(Id="xml"), "no type XML"),
        ("SELECT Id FROM Activities", declared(Id="a b c"), "this is no type"),
    ],
)
def test_what_does_not_fit_the_query_is_refused(
    sql: str, columns: tuple[DeclaredColumn, ...], complaint: str
) -> None:
    with pytest.raises(QueryError, match=complaint):
        planned(sql, columns)
