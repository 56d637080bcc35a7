"""The source in memory keeps the promises of the port."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from query_tables import ACTIVITIES, ALLOCATIONS, MATTERS, USERS
from syncline.errors import ProfileError, QueryError, Unavailable
from syncline.model.batch import Batch, Cursor
from syncline.model.ports import Source
from syncline.model.table import Operator, Predicate, Scan
from syncline.testing.source import MemorySource

START = datetime(2025, 1, 1, tzinfo=UTC)


def matter(number: int, **values: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "Description": f"matter {number}",
        "UpdatedAt": START + timedelta(hours=number),
        **values,
    }


SCAN = Scan(table=replace(MATTERS), columns=("Id", "Status", "DeletedAt"))


def asking(scan: Scan, column: str, operator: str, *values: Any) -> Scan:
    predicate = Predicate(column=column, operator=Operator(operator), values=values)
    return replace(scan, predicates=(*scan.predicates, predicate))


async def read(source: Source, scan: Scan, since: Cursor | None = None) -> list[Batch]:
    batches = [batch async for batch in source.read(scan, since)]
    assert all(batch.records.schema.equals(scan.schema, check_metadata=True) for batch in batches)
    assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]
    return batches


def ids(batches: list[Batch]) -> list[int]:
    return [row["Id"] for batch in batches for row in batch.records.to_pylist()]


async def test_pages_end_where_one_can_stop_and_the_last_is_complete() -> None:
    source = MemorySource([MATTERS], {"Matters": [matter(n) for n in range(7)]}, page_size=3)
    batches = await read(source, SCAN)
    assert [batch.records.num_rows for batch in batches] == [3, 3, 1]
    assert source.requests == sum(batch.requests for batch in batches) == 3
    assert ids(await read(source, SCAN, batches[0].cursor)) == [3, 4, 5, 6]
    assert source.reads[-1] == (SCAN, batches[0].cursor)


async def test_a_later_read_yields_changes_and_an_overlap() -> None:
    source = MemorySource([MATTERS], {"Matters": [matter(n) for n in range(4)]}, overlap=1)
    done = (await read(source, SCAN))[-1].cursor
    assert ids(await read(source, SCAN, done)) == [3]
    source.put("Matters", matter(1), matter(9))
    assert ids(await read(source, SCAN, done)) == [3, 1, 9]


async def test_what_changes_during_a_read_belongs_to_the_next() -> None:
    source = MemorySource([MATTERS], {"Matters": [matter(n) for n in range(4)]}, page_size=2)
    first = (await read(source, SCAN))[0].cursor
    source.put("Matters", matter(0), matter(3))
    resumed = await read(source, SCAN, first)
    assert ids(resumed) == [2]
    assert ids(await read(source, SCAN, resumed[-1].cursor)) == [0, 3]


async def test_tables_without_cursor_column_are_read_whole() -> None:
    source = MemorySource([USERS], {"Users": [{"Id": 1}, {"Id": 2}]})
    scan = Scan(table=USERS, columns=("Id",))
    done = (await read(source, scan))[-1].cursor
    assert ids(await read(source, scan, done)) == [1, 2]


async def test_rows_marked_as_deleted_come_on_demand() -> None:
    source = MemorySource([MATTERS], {"Matters": [matter(1), matter(2, DeletedAt=START)]})
    assert ids(await read(source, SCAN)) == [1]
    assert ids(await read(source, replace(SCAN, deleted=True))) == [1, 2]
    source.drop("Matters", 1)
    assert [row["Id"] for row in source.rows("Matters")] == [2]


async def test_declared_predicates_are_answered() -> None:
    rows = [
        {"Id": n, "MatterId": n % 2, "Date": START.date() + timedelta(days=n), "Total": n}
        for n in range(4)
    ]
    source = MemorySource([ACTIVITIES], {"Activities": [*rows, {"Id": 9}]})
    scan = Scan(table=ACTIVITIES, columns=("Id", "Tag"))
    assert ids(await read(source, asking(scan, "MatterId", "=", 1))) == [1, 3]
    assert ids(await read(source, asking(scan, "MatterId", "in", 1, 0))) == [0, 1, 2, 3]
    assert ids(await read(source, asking(scan, "Date", ">=", "2025-01-03"))) == [2, 3]
    # Total is not exact: the source answers with more than was asked for.
    assert ids(await read(source, asking(scan, "Total", ">", 2))) == [0, 1, 2, 3, 9]
    assert ids(await read(source, replace(scan, limit=2))) == [0, 1]


async def test_filter_only_columns_repeat_what_was_asked() -> None:
    source = MemorySource([ACTIVITIES], {"Activities": [{"Id": 1, "Tag": "a"}, {"Id": 2}]})
    scan = Scan(table=ACTIVITIES, columns=("Id", "Tag"))
    (batch,) = await read(source, asking(scan, "Tag", "=", "a"))
    assert batch.records.to_pylist() == [{"Id": 1, "Tag": "a"}]
    (batch,) = await read(source, scan)
    assert batch.records.to_pylist() == [{"Id": 1, "Tag": None}, {"Id": 2, "Tag": None}]


async def test_what_was_not_declared_is_refused() -> None:
    source = MemorySource([ACTIVITIES, ALLOCATIONS])
    activities = Scan(table=ACTIVITIES, columns=("Id",))
    with pytest.raises(QueryError, match="Note"):
        await read(source, asking(activities, "Note", "=", "x"))
    with pytest.raises(QueryError, match="StartDate"):
        await read(source, Scan(table=ALLOCATIONS, columns=("Job",)))
    with pytest.raises(ProfileError, match="Nope"):
        source.put("Activities", {"Nope": 1})


async def test_it_fails_when_told_to() -> None:
    source = MemorySource([MATTERS], {"Matters": [matter(n) for n in range(9)]}, page_size=3)
    source.fail_at = 2
    reading = source.read(SCAN, None)
    found = [await anext(reading), await anext(reading)]
    with pytest.raises(Unavailable):
        await anext(reading)
    assert ids(found) == [0, 1, 2, 3, 4, 5]
    source.fail_at = None
    assert ids(await read(source, SCAN, found[-1].cursor)) == [6, 7, 8]


async def test_it_describes_itself() -> None:
    source = MemorySource([MATTERS])
    source.expect([SCAN])
    assert source.expected == (SCAN,)
    assert await source.tables() == {"Matters": MATTERS}
    await source.aclose()
