"""Plans run over sources in memory: what comes out, when, and with which cursor."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from query_tables import ACTIVITIES, ALLOCATIONS, LINES, MATTERS, TABLES, USERS
from syncline.errors import QueryError, RecordRefused, ResponseRefused, Unavailable
from syncline.model.batch import Batch, Cursor, Reject
from syncline.model.table import Operator, Predicate, Scan, Table
from syncline.query.execute import execute
from syncline.query.plan import Plan, plan
from syncline.testing.source import MemorySource

START = datetime(2025, 1, 1, tzinfo=UTC)


def activity(number: int, **values: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "MatterId": number % 3,
        "UserId": number % 2,
        "Type": "Time" if number % 2 else "Expense",
        "Note": f"note {number}",
        "Date": date(2025, 1, 1) + timedelta(days=number),
        "Hours": number / 2,
        "Billed": number % 2 == 0,
        "UpdatedAt": START + timedelta(hours=number),
        **values,
    }


def matter(number: int, **values: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "Number": f"000{number}",
        "Description": f"matter {number}",
        "Status": "Open" if number % 2 else "Closed",
        "UpdatedAt": START + timedelta(hours=number),
        **values,
    }


def firm(**rows: Iterable[Mapping[str, Any]]) -> MemorySource:
    return MemorySource([ACTIVITIES, MATTERS, USERS, ALLOCATIONS, LINES], rows)


class Fixed:
    """Yields the batches it is given, whatever is asked."""

    def __init__(self, *batches: Batch, error: Exception | None = None) -> None:
        self.batches = batches
        self.error = error
        self.closed = False
        self.since: Cursor | None = None
        self.scans: list[Scan] = []

    async def tables(self) -> Mapping[str, Table]:
        return TABLES

    def expect(self, scans: Sequence[Scan]) -> None:
        self.scans.extend(scans)

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        self.scans.append(scan)
        self.since = since
        try:
            for batch in self.batches:
                yield batch
            if self.error:
                raise self.error
        finally:
            self.closed = True

    async def aclose(self) -> None:
        self.closed = True


async def run(
    found: Plan, source: Any, since: Cursor | None = None, *, changes: bool = False
) -> list[Batch]:
    batches = [batch async for batch in execute(found, source, since, changes=changes)]
    for batch in batches:
        assert batch.records.schema.equals(found.schema, check_metadata=True)
        if batch.removed is not None:
            expected = pa.schema([found.schema.field(name) for name in found.key])
            assert batch.removed.schema.equals(expected, check_metadata=True)
    return batches


async def rows(sql: str, source: MemorySource, **arguments: Any) -> list[dict[str, Any]]:
    batches = await run(plan(sql, TABLES, **arguments), source)
    assert batches[-1].complete
    return [row for batch in batches for row in batch.records.to_pylist()]


async def test_projection_passes_pages_and_cursors_through() -> None:
    source = firm(Activities=[activity(n) for n in range(7)])
    batches = await run(plan("SELECT Id AS k, Note FROM Activities", TABLES), source)
    assert [b.records.num_rows for b in batches] == [3, 3, 1]
    assert [b.complete for b in batches] == [False, False, True]
    assert all(b.cursor is not None for b in batches)
    assert batches[0].records.to_pylist()[0] == {"k": 0, "Note": "note 0"}


def batch_of(scan: Scan, records: Sequence[Mapping[str, Any]], **about: Any) -> Batch:
    return Batch(records=pa.RecordBatch.from_pylist(records, schema=scan.schema), **about)


async def test_projection_hands_over_the_very_buffers() -> None:
    found = plan("SELECT Note AS n, Id FROM Activities", TABLES)
    page = batch_of(found.scans[0], [activity(1), activity(2)], cursor={}, complete=True)
    (out,) = await run(found, Fixed(page))
    sent, received = page.records.column("Note"), out.records.column("n")
    assert received.buffers()[2].address == sent.buffers()[2].address


async def test_filter_and_expressions_run_on_gathered_pages() -> None:
    source = firm(Activities=[activity(n) for n in range(8)])
    found = plan(
        "SELECT Id, Note + '!' AS Loud FROM Activities WHERE Billed = 'true' AND Hours > 0", TABLES
    )
    (batch,) = await run(found, source)
    assert batch.records.to_pylist() == [{"Id": n, "Loud": f"note {n}!"} for n in (2, 4, 6)]
    assert (batch.complete, batch.requests) == (True, 2)
    assert source.reads[0][0].predicates == (
        Predicate(column="Billed", operator=Operator.EQ, values=(True,)),
    )


async def test_unknown_is_not_met() -> None:
    source = firm(Activities=[activity(1, Hours=None), activity(2, Hours=5.0)])
    assert await rows("SELECT Id FROM Activities WHERE NOT (Hours > 1)", source) == []
    assert await rows("SELECT Id FROM Activities WHERE Hours > 1", source) == [{"Id": 2}]


async def test_filter_only_column_shows_what_was_asked() -> None:
    source = firm(
        Activities=[activity(1, Tag="urgent"), activity(2, Tag="later"), activity(3, Tag="urgent")]
    )
    assert await rows("SELECT Id, Tag FROM Activities WHERE Tag = 'urgent'", source) == [
        {"Id": 1, "Tag": "urgent"},
        {"Id": 3, "Tag": "urgent"},
    ]
    assert await rows("SELECT Id FROM Activities WHERE Tag IN ('urgent', 'later')", source) == [
        {"Id": 1},
        {"Id": 2},
        {"Id": 3},
    ]
    assert await rows("SELECT Tag FROM Activities", source) == [{"Tag": None}] * 3


async def test_no_rows_is_one_complete_batch() -> None:
    for sql in (
        "SELECT Id FROM Activities",
        "SELECT Id FROM Activities WHERE Hours > 1",
        "SELECT Id FROM Activities ORDER BY Id",
        "SELECT TOP 3 Id FROM Activities",
    ):
        (batch,) = await run(plan(sql, TABLES), firm())
        assert (batch.records.num_rows, batch.complete) == (0, True)
        assert batch.cursor is not None


async def test_changes_remove_rows_that_left_the_filter() -> None:
    source = firm(Activities=[activity(n) for n in range(4)])
    found = plan("SELECT Id AS k, Hours FROM Activities WHERE Billed = 1", TABLES)
    first = await run(found, source)
    source.put("Activities", activity(2, Billed=False), activity(1, Billed=True))
    (batch,) = await run(found, source, first[-1].cursor, changes=True)
    assert batch.records.to_pylist() == [{"k": 1, "Hours": 0.5}]
    # Number 3, read again because of the overlap, never was in the target: harmless.
    assert batch.removed is not None
    assert batch.removed.to_pylist() == [{"k": 3}, {"k": 2}]
    assert source.reads[-1][0].predicates == ()


async def test_changes_keep_predicates_that_cannot_change_sides() -> None:
    source = firm(Activities=[activity(n, Tag="urgent") for n in range(3)])
    found = plan("SELECT Id FROM Activities WHERE Id = 1 AND Tag = 'urgent' AND Billed = 0", TABLES)
    await run(found, source, {"since": 0}, changes=True)
    assert {p.column for p in source.reads[-1][0].predicates} == {"Id", "Tag"}
    await run(found, source)
    assert {p.column for p in source.reads[-1][0].predicates} == {"Id", "Tag", "Billed"}


async def test_changes_of_a_query_without_key_only_add() -> None:
    source = firm(Activities=[activity(1), activity(2)])
    found = plan("SELECT Note FROM Activities WHERE Billed = 1", TABLES)
    assert found.key == ()
    source.put("Activities", activity(2, Billed=False))
    (batch,) = await run(found, source, {"since": 2}, changes=True)
    assert (batch.records.num_rows, batch.removed) == (0, None)
    assert [p.column for p in source.reads[-1][0].predicates] == ["Billed"]


async def test_rows_marked_as_deleted_are_not_part_of_the_table() -> None:
    table = replace(MATTERS, filters={})
    source = MemorySource([table], {"Matters": [matter(1), matter(2, DeletedAt=START)]})
    for sql in (
        "SELECT Id FROM Matters",
        "SELECT Id + 0 AS Id FROM Matters",
        "SELECT COUNT(*) AS Id FROM Matters",
        "SELECT TOP 5 Id FROM Matters",
    ):
        found = plan(sql, {"Matters": table})
        page = batch_of(
            found.scans[0], [matter(2, DeletedAt=START), matter(1)], cursor={}, complete=True
        )
        # This source yields marked rows although the scan does not ask for them.
        batches = await run(found, Fixed(page))
        assert [r for b in batches for r in b.records.to_pylist()] == [{"Id": 1}]
    assert [b.records.to_pylist() for b in await run(found, source)] == [[{"Id": 1}]]


async def test_kept_deleted_rows_are_rows_like_others() -> None:
    found = plan("SELECT Id FROM Matters WHERE Status = 'Open'", TABLES, keep_deleted=True)
    page = batch_of(found.scans[0], [matter(1, DeletedAt=START)], cursor={}, complete=True)
    for changes in (False, True):
        source = Fixed(page)
        (batch,) = await run(found, source, changes=changes)
        assert (batch.records.to_pylist(), batch.removed) == ([{"Id": 1}], None)
        assert [p.column for p in source.scans[0].predicates] == ["Status"]
        assert not source.scans[0].deleted


@pytest.mark.parametrize(
    "sql", ["SELECT Id AS k FROM Matters", "SELECT Id AS k FROM Matters WHERE Number <> 'x'"]
)
async def test_changes_remove_rows_marked_as_deleted(sql: str) -> None:
    source = firm(Matters=[matter(1), matter(2), matter(3)])
    found = plan(sql, TABLES)
    since = (await run(found, source))[-1].cursor
    source.put("Matters", matter(2, DeletedAt=START), matter(4))
    (batch,) = await run(found, source, since, changes=True)
    assert source.reads[-1][0].deleted
    assert batch.records.to_pylist() == [{"k": 3}, {"k": 4}]
    assert batch.removed is not None
    assert batch.removed.to_pylist() == [{"k": 2}]


async def test_the_last_change_of_a_row_wins() -> None:
    found = plan("SELECT Id AS k, Number FROM Matters WHERE Status = 'Open'", TABLES)
    page = batch_of(
        found.scans[0],
        [
            matter(1, Number="old"),
            matter(5, DeletedAt=START),
            matter(3, Number="gone"),
            matter(1, Number="new"),
            matter(3, Status="Closed"),
            matter(5, Number="back"),
        ],
        cursor={},
        complete=True,
    )
    (batch,) = await run(found, Fixed(page), {}, changes=True)
    assert batch.records.to_pylist() == [{"k": 1, "Number": "new"}, {"k": 5, "Number": "back"}]
    assert batch.removed is not None
    assert batch.removed.to_pylist() == [{"k": 3}]


async def test_key_columns_keep_names_order_and_types_in_removals() -> None:
    found = plan(
        "SELECT \"Line No\" AS n, [Select], [Order] AS o FROM [Order Lines] WHERE [Select] = 'y'",
        TABLES,
    )
    page = batch_of(
        found.scans[0], [{"Order": 1, "Line No": 2, "Select": None}], cursor={}, complete=True
    )
    (batch,) = await run(found, Fixed(page), {}, changes=True)
    assert batch.removed is not None
    assert batch.removed.to_pylist() == [{"o": 1, "n": 2}]
    assert batch.removed.schema.types == [pa.int64(), pa.int32()]


def pages(found: Plan, count: int, size: int, **about: Any) -> list[Batch]:
    (scan,) = found.scans
    return [
        batch_of(
            scan,
            [activity(page * size + n) for n in range(size)],
            cursor={"page": page},
            requests=1,
            **about,
        )
        for page in range(count)
    ]


async def test_pages_are_gathered_and_cursors_wait_for_their_rows() -> None:
    found = plan("SELECT Id + 0 AS k FROM Activities", TABLES)
    all_pages = pages(found, 60, 1000)
    # Every third page is a place to stop.
    source = Fixed(
        *(b if n % 3 == 2 else replace(b, cursor=None) for n, b in enumerate(all_pages[:-1])),
        replace(all_pages[-1], complete=True),
    )
    batches = await run(found, source)
    seen, ends = 0, []
    for batch in batches:
        seen += batch.records.num_rows
        if batch.cursor is not None:
            ends.append((batch.cursor["page"], seen))
    # A cursor comes with exactly the rows up to its page.
    assert ends == [(17, 18_000), (35, 36_000), (53, 54_000), (59, 60_000)]
    assert sum(b.requests for b in batches) == 60
    assert [b.complete for b in batches] == [False, False, False, True]


async def test_rows_behind_the_last_place_to_stop_go_without_cursor_when_they_are_many() -> None:
    found = plan("SELECT Id + 0 AS k FROM Activities", TABLES)
    all_pages = [replace(b, cursor=None) for b in pages(found, 50, 1000)]
    all_pages[2] = replace(all_pages[2], cursor={"page": 2})
    all_pages[-1] = replace(all_pages[-1], cursor={"end": 1}, complete=True)
    batches = await run(found, Fixed(*all_pages))
    assert [(b.records.num_rows, b.cursor, b.complete) for b in batches] == [
        (3000, {"page": 2}, False),
        (20_000, None, False),
        (20_000, None, False),
        (7000, {"end": 1}, True),
    ]


async def test_no_row_waits_long_for_others() -> None:
    found = plan("SELECT Id + 0 AS k FROM Activities", TABLES)
    now = iter(float(n) for n in range(1000))
    source = Fixed(*pages(found, 9, 2))
    batches = [
        b
        async for b in execute(found, source, None, changes=False, monotonic=lambda: next(now) * 2)
    ]
    assert len(batches) > 1
    assert sum(b.records.num_rows for b in batches) == 18
    assert [b.cursor for b in batches][-1] == {"page": 8}


async def test_rejects_requests_and_restarts_are_passed_on() -> None:
    reject = Reject(record="{}", reason="odd")
    for sql in ("SELECT Id FROM Activities", "SELECT Id + 0 AS Id FROM Activities"):
        found = plan(sql, TABLES)
        one, two, three = pages(found, 3, 2)
        source = Fixed(
            replace(one, rejects=(reject,)),
            replace(two, restarted=True, cursor=None),
            replace(three, complete=True),
        )
        batches = await run(found, source)
        restarted = [b.restarted for b in batches].index(True)
        assert sum(b.records.num_rows for b in batches[:restarted]) == 2
        assert [r for b in batches[:restarted] for r in b.rejects] == [reject]
        assert sum(b.requests for b in batches) == 3


async def test_everything_else_reads_all_and_then_answers() -> None:
    source = firm(Activities=[activity(n) for n in range(6)], Matters=[matter(n) for n in range(3)])
    found = await rows(
        "SELECT m.Description, COUNT(*) AS n, SUM(a.Hours) AS h, SUM(a.Id) AS ids "
        "FROM Activities a JOIN Matters m ON m.Id = a.MatterId "
        "GROUP BY m.Description ORDER BY m.Description",
        source,
    )
    assert found == [
        {"Description": "matter 0", "n": 2, "h": 1.5, "ids": 3},
        {"Description": "matter 1", "n": 2, "h": 2.5, "ids": 5},
        {"Description": "matter 2", "n": 2, "h": 3.5, "ids": 7},
    ]
    assert [since for _, since in source.reads] == [None, None]


async def test_large_results_come_in_batches() -> None:
    source = MemorySource(
        [ACTIVITIES], {"Activities": [activity(n) for n in range(500)]}, page_size=500
    )
    sql = (
        "SELECT a.Id * 1000 + b.Id AS n FROM Activities a, Activities b WHERE b.Id < 100 ORDER BY 1"
    )
    batches = await run(plan(sql, TABLES), source)
    assert sum(b.records.num_rows for b in batches) == 50_000
    assert len(batches) > 2
    assert [b.complete for b in batches] == [False] * (len(batches) - 1) + [True]
    assert [b.cursor for b in batches] == [None] * (len(batches) - 1) + [{}]
    assert sum(b.requests for b in batches) == source.requests
    numbers = [n for b in batches for n in b.records.column("n").to_pylist()]
    assert numbers == sorted(numbers)


async def test_one_scan_serves_several_occurrences() -> None:
    source = firm(Activities=[activity(n) for n in range(4)])
    found = await rows(
        "SELECT a.Id FROM Activities a JOIN Activities b ON b.Id = a.Id + 1 ORDER BY a.Id", source
    )
    assert found == [{"Id": 0}, {"Id": 1}, {"Id": 2}]
    assert len(source.reads) == 1


async def test_an_unfinished_scan_is_refused() -> None:
    for sql in ("SELECT COUNT(*) AS n FROM Activities", "SELECT TOP 100 Id FROM Activities"):
        found = plan(sql, TABLES)
        source = Fixed(batch_of(found.scans[0], [activity(1)], cursor={"page": 1}))
        with pytest.raises(ResponseRefused, match="Activities"):
            await run(found, source)


async def test_a_restart_begins_the_table_anew() -> None:
    found = plan("SELECT COUNT(*) AS n, MIN(Id) AS least FROM Activities", TABLES)
    one, two, three = pages(found, 3, 2)
    source = Fixed(one, replace(two, restarted=True), replace(three, complete=True))
    (batch,) = await run(found, source)
    assert batch.records.to_pylist() == [{"n": 4, "least": 2}]


async def test_first_rows_stop_the_reading() -> None:
    source = firm(Activities=[activity(n) for n in range(30)])
    found = plan("SELECT Id FROM Activities WHERE Note <> 'note 1' LIMIT 3 OFFSET 2", TABLES)
    assert found.scans[0].limit is None
    batches = await run(found, source)
    assert [r for b in batches for r in b.records.to_pylist()] == [{"Id": 3}, {"Id": 4}, {"Id": 5}]
    assert batches[-1].complete
    assert source.requests == 2
    assert await rows("SELECT TOP 2 Id FROM Activities", source) == [{"Id": 0}, {"Id": 1}]
    assert source.reads[-1][0].limit == 2
    assert await rows("SELECT Id FROM Activities LIMIT 0", source) == []


async def test_a_restart_begins_the_first_rows_anew() -> None:
    found = plan("SELECT TOP 3 Id FROM Activities WHERE Note <> ''", TABLES)
    one, two, three = pages(found, 3, 2)
    source = Fixed(one, replace(two, restarted=True), replace(three, complete=True))
    batches = await run(found, source)
    restarted = [b.restarted for b in batches].index(True)
    after = [r["Id"] for b in batches[restarted:] for r in b.records.to_pylist()]
    assert after == [2, 3, 4]


async def test_values_that_do_not_fit_are_refused() -> None:
    source = firm(Activities=[activity(1, Note="x")])
    for sql in (
        "SELECT Id, CAST(Note AS INT) AS n FROM Activities",
        "SELECT SUM(CAST(Note AS INT)) AS n FROM Activities",
        "SELECT TOP 5 CAST(Note AS INT) AS n FROM Activities",
        "SELECT Hours / (Hours - Hours) AS n FROM Activities",
        "SELECT Id / (Id - Id) AS n FROM Activities",
    ):
        with pytest.raises(RecordRefused, match="does not fit") as caught:
            await run(plan(sql, TABLES), source)
        assert "TRY_CAST" in caught.value.hint


async def test_a_sum_too_great_for_its_type_is_refused() -> None:
    source = firm(Activities=[activity(1, UserId=2**62), activity(2, UserId=2**62)])
    with pytest.raises(RecordRefused):
        await run(plan("SELECT SUM(UserId) AS s FROM Activities", TABLES), source)


async def test_errors_of_the_source_arrive_and_the_source_is_let_go() -> None:
    for sql in (
        "SELECT Id FROM Activities",
        "SELECT Id + 0 AS k FROM Activities",
        "SELECT COUNT(*) AS n FROM Activities",
        "SELECT TOP 9 Id FROM Activities",
    ):
        found = plan(sql, TABLES)
        source = Fixed(*pages(found, 1, 2), error=Unavailable("gone"))
        with pytest.raises(Unavailable):
            await run(found, source)
        assert source.closed


async def test_leaving_early_lets_the_source_go() -> None:
    for sql in ("SELECT Id FROM Activities", "SELECT Id + 0 AS k FROM Activities"):
        found = plan(sql, TABLES)
        source = Fixed(*pages(found, 30, 1000))
        read = execute(found, source, None, changes=False)
        await anext(read)
        await read.aclose()
        assert source.closed


async def test_cancelling_stops_the_query() -> None:
    source = MemorySource(
        [ACTIVITIES], {"Activities": [activity(n) for n in range(2000)]}, page_size=2000
    )
    found = plan(
        "SELECT COUNT(*) AS n FROM Activities a, Activities b, Activities c WHERE "
        "a.Id + b.Id = c.Hours * 7.1 OR a.Id * b.Id = c.Id",
        TABLES,
    )
    running = asyncio.ensure_future(run(found, source))
    await asyncio.wait({running}, timeout=0.3)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_system_tables_tell_what_the_source_offers() -> None:
    source = firm()
    assert await rows(
        "SELECT TableName, IsIncremental, Description FROM sys_tables ORDER BY TableName", source
    ) == [
        {"TableName": "Activities", "IsIncremental": True, "Description": "Time and expenses."},
        {"TableName": "Allocations", "IsIncremental": False, "Description": ""},
        {"TableName": "Matters", "IsIncremental": True, "Description": "Cases of clients."},
        {"TableName": "Order Lines", "IsIncremental": True, "Description": ""},
        {"TableName": "Users", "IsIncremental": False, "Description": ""},
    ]
    columns = await rows(
        "SELECT ColumnName, DataTypeName, Length, NumericPrecision, NumericScale, IsNullable, "
        "IsKey, IsHidden, Ordinal FROM SYS_TABLECOLUMNS WHERE TableName = 'Activities' "
        "AND ColumnName IN ('Id', 'Type', 'Total', 'Tag') ORDER BY Ordinal",
        source,
    )
    assert [tuple(row.values()) for row in columns] == [
        ("Id", "BIGINT", 8, 19, 0, False, True, False, 1),
        ("Type", "VARCHAR", 20, None, None, False, False, False, 4),
        ("Total", "DECIMAL", None, 12, 2, True, False, False, 8),
        ("Tag", "VARCHAR", None, None, None, True, False, True, 13),
    ]
    assert source.reads == []


async def test_system_tables_join_with_tables_of_the_source() -> None:
    source = firm(Users=[{"Id": 1, "Name": "Matters"}])
    found = await rows(
        "SELECT t.TableName FROM sys_tables t JOIN Users u ON u.Name = t.TableName", source
    )
    assert found == [{"TableName": "Matters"}]


async def test_a_source_may_have_a_table_of_a_system_name() -> None:
    own = replace(USERS, name="sys_tables", filters={})
    source = MemorySource([own], {"sys_tables": [{"Id": 1, "Name": "x"}]})
    found = plan("SELECT Id, Name FROM SYS_TABLES ORDER BY Id", await source.tables())
    (batch,) = await run(found, source)
    assert batch.records.to_pylist() == [{"Id": 1, "Name": "x"}]


@pytest.mark.parametrize(
    ("since", "expected"),
    [({"since": 0, "done": 2, "until": 4}, [2, 3]), (None, [0, 1, 2, 3])],
)
async def test_a_read_goes_on_where_it_stopped(since: Cursor | None, expected: list[int]) -> None:
    source = firm(Activities=[activity(n) for n in range(4)])
    batches = await run(plan("SELECT Id FROM Activities", TABLES), source, since)
    assert [r["Id"] for b in batches for r in b.records.to_pylist()] == expected


async def test_types_of_the_source_come_out_as_they_are() -> None:
    schema = pa.schema(
        [
            pa.field("i8", pa.int8()),
            pa.field("f4", pa.float32()),
            pa.field("ls", pa.large_string()),
            pa.field("ms", pa.timestamp("ms", tz="UTC")),
            pa.field("local", pa.timestamp("us")),
            pa.field("t", pa.time32("s")),
            pa.field("b", pa.binary()),
            pa.field("d", pa.decimal128(20, 5)),
        ]
    )
    table = Table(name="T", schema=schema)
    source = MemorySource([table], {"T": [{"i8": 1, "f4": 0.5, "ls": "x", "b": b"y"}, {}]})
    for sql in ("SELECT * FROM T", "SELECT * FROM T WHERE i8 > 0", "SELECT * FROM T ORDER BY i8"):
        found = plan(sql, {"T": table})
        assert found.schema.types == schema.types
        batches = await run(found, source)
        assert batches[0].records.to_pylist()[-1 if "ORDER" in sql else 0]["b"] == b"y"


def test_plans_are_pure_and_stable() -> None:
    sql = "SELECT Id, Note FROM Activities WHERE Billed = 1"
    one, other = plan(sql, TABLES), plan(sql, TABLES)
    assert one.fingerprint == other.fingerprint
    assert one.sql == other.sql
    same: Callable[..., str] = lambda text, **more: plan(text, TABLES, **more).fingerprint  # noqa: E731 (a name for four uses)
    assert same("select id, [note] from ACTIVITIES where billed=1 -- yes") == one.fingerprint
    different = {
        same("SELECT Id, Note FROM Activities WHERE Billed = 0"),
        same("SELECT Id, Note AS n FROM Activities WHERE Billed = 1"),
        same(sql, key=("Note",)),
        same(sql, keep_deleted=True),
        same("SELECT Id, Note FROM Activities"),
        one.fingerprint,
    }
    assert len(different) == 6
    with_parameter = "SELECT Id FROM Activities WHERE MatterId = @m"
    assert same(with_parameter, parameters={"m": 1}) != same(with_parameter, parameters={"m": 2})


def test_a_new_filter_of_the_source_is_not_a_new_content() -> None:
    sql = "SELECT Id FROM Activities WHERE Note = 'x'"
    more = replace(
        ACTIVITIES, filters={**ACTIVITIES.filters, "Note": ACTIVITIES.filters["MatterId"]}
    )
    before, after = plan(sql, TABLES), plan(sql, {"Activities": more})
    assert before.scans[0].predicates != after.scans[0].predicates
    assert before.fingerprint == after.fingerprint


def test_tables_that_differ_only_in_case_are_ambiguous() -> None:
    tables = {"Users": USERS, "USERS": replace(USERS, name="USERS")}
    with pytest.raises(QueryError, match="may be USERS or Users"):
        plan("SELECT Id FROM users", tables)


def test_the_rows_of_another_place_are_other_rows() -> None:
    text = "SELECT id, note FROM Activities"
    here = plan(text, TABLES)
    moved = {n: replace(t, origin="https://eu.example.com/v4") for n, t in TABLES.items()}
    there = plan(text, moved)
    assert there.fingerprint != here.fingerprint
    assert plan(text, moved).fingerprint == there.fingerprint
