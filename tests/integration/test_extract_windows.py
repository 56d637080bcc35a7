"""Tables read in disjoint windows of days at the same time."""

import itertools
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from standins.clocks import SkippingClock
from standins.pages import Api, serving
from standins.reading import HEAD, batches_of, ids_of, rows_of, scan_of, source_of
from syncline.extract.itinerary import cut
from syncline.model.table import Operator, Predicate

PAGINATIONS = {
    "next_link": "{type: next_link, path: meta.paging.next}",
    "offset": "{type: offset, total: total}",
}


def profile(style: str, *, probes: bool = True) -> str:
    ends = "earliest: {order: day asc}, latest: {order: day desc}" if probes else ""
    return f"""{HEAD}
limits: {{concurrency: 20}}
defaults:
  records: data
  pagination: {PAGINATIONS[style]}
  page: {{parameter: limit, size: 4}}
tables:
  Hours:
    path: /hours
    primary_key: [id]
    incremental: {{column: updated_at, parameter: updated_since}}
    windows: {{column: day, since: from, until: to, {ends}}}
    columns: {{id: integer, day: date, updated_at: datetime}}
    filters:
      day: [{{parameter: from, operators: [">="]}}, {{parameter: to, operators: ["<="]}}]
"""


def hours(count: int, *, days: int = 90) -> list[dict[str, Any]]:
    draw = random.Random(7)  # noqa: S311 (no secret)
    first = datetime(2026, 1, 1, tzinfo=UTC).toordinal()
    return [
        {
            "id": i,
            "day": datetime.fromordinal(first + draw.randrange(days)).date().isoformat(),
            "updated_at": "2026-01-01T00:00:00Z",
        }
        for i in range(1, count + 1)
    ]


@pytest.mark.parametrize("style", PAGINATIONS)
async def test_every_row_comes_once_and_walks_run_at_once(style: str) -> None:
    api = Api(lists={"/hours": hours(200)}, style=style, delay=0.005)
    async with serving(api), source_of(api, profile(style)) as source:
        batches = await batches_of(source, await scan_of(source, "Hours", parallel=5))
        assert sorted(ids_of(batches)) == list(range(1, 201))
        assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]
        assert api.most_under_way == 5
        assert sum(batch.requests for batch in batches) == len(api.asked)
        windows = {(a.get("from"), a.get("to")) for a in api.asked if a.get("order") is None}
        assert len(windows) == 20
        # The first is open below and the last above: rows may come while we read.
        assert sum(low is None for low, _ in windows) == 1
        assert sum(high is None for _, high in windows) == 1
        probes = [a for a in api.asked if a.get("order")]
        assert [(a.get("order"), a.get("limit")) for a in probes] == [
            ("day asc", "1"),
            ("day desc", "1"),
        ]


async def test_windows_of_so_many_days_come_one_after_the_other() -> None:
    api = Api(lists={"/hours": hours(120)}, style="offset", delay=0.001)
    async with serving(api), source_of(api, profile("offset")) as source:
        scan = await scan_of(source, "Hours", window_days=30)
        batches = await batches_of(source, scan)
        assert sorted(ids_of(batches)) == list(range(1, 121))
        assert api.most_under_way == 1
        asked = [(a.get("from"), a.get("to")) for a in api.asked if a.get("order") is None]
        windows = list(dict.fromkeys(asked))
        assert len(windows) == 3
        assert windows == sorted(windows, key=lambda window: window[0] or "")
        # What is done with is not read again: the rest of the first window, and the others.
        cursors = [b.cursor for b in batches if b.cursor is not None]
        before = len(api.asked)
        rest = await batches_of(source, scan, cursors[len(cursors) // 2])
        assert len(api.asked) - before < len(asked)
        assert set(ids_of(rest)) < set(ids_of(batches))


@pytest.mark.parametrize("style", PAGINATIONS)
async def test_going_on_from_any_cursor_gives_exactly_the_rest(style: str) -> None:
    async with serving(Api(lists={"/hours": hours(60)}, style=style, delay=0.001)) as api:
        async with source_of(api, profile(style)) as source:
            scan = await scan_of(source, "Hours", parallel=3)
            batches = await batches_of(source, scan)
        cursors = [(n, b.cursor) for n, b in enumerate(batches, 1) if b.cursor and not b.complete]
        assert len(cursors) >= 10
        everything = sorted(row["id"] for row in rows_of(batches))
        for read, cursor in cursors:
            async with source_of(api, profile(style)) as source:
                rest = await batches_of(source, scan, cursor)
            assert sorted(ids_of(batches[:read]) + ids_of(rest)) == everything
            assert rest[-1].cursor == batches[-1].cursor
            # Nor does it matter with how many walkers it goes on.
            async with source_of(api, profile(style)) as source:
                alone = await scan_of(source, "Hours", parallel=1)
                rest = await batches_of(source, alone, cursor)
            assert sorted(ids_of(batches[:read]) + ids_of(rest)) == everything


async def test_a_lost_place_in_one_window_begins_the_read_again() -> None:
    async with serving(Api(lists={"/hours": hours(60)})) as api:
        async with source_of(api, profile("next_link")) as source:
            scan = await scan_of(source, "Hours", parallel=3)
            batches = await batches_of(source, scan)
        cursor = batches[4].cursor

        async def forgetful(request: web.Request) -> web.StreamResponse | None:
            return web.json_response({}, status=410) if "token" in request.query else None

        api.faults.extend([forgetful] * 3)
        async with source_of(api, profile("next_link")) as source:
            rest = await batches_of(source, scan, cursor)
        assert sum(batch.restarted for batch in rest) == 1
        begin = next(n for n, batch in enumerate(rest) if batch.restarted)
        assert sorted(ids_of(rest[begin:])) == list(range(1, 61))


@pytest.mark.parametrize("count", [0, 1])
async def test_too_little_for_windows(count: int) -> None:
    async with (
        serving(Api(lists={"/hours": hours(count)})) as api,
        source_of(api, profile("next_link")) as source,
    ):
        batches = await batches_of(source, await scan_of(source, "Hours", parallel=4))
        assert len(ids_of(batches)) == count
        assert batches[-1].complete


async def test_changes_are_few_and_read_in_one_walk() -> None:
    async with (
        serving(Api(lists={"/hours": hours(30)})) as api,
        source_of(api, profile("next_link")) as source,
    ):
        scan = await scan_of(source, "Hours", parallel=4)
        *_, last = await batches_of(source, scan)
        api.asked.clear()
        await batches_of(source, scan, last.cursor)
        (asked,) = api.asked
        assert asked.get("updated_since") is not None
        assert asked.get("from") is None


@pytest.mark.parametrize("parallel", [1, 4])
async def test_a_start_leaves_out_what_was_before_it(parallel: int) -> None:
    rows = hours(60)
    start = datetime(2026, 2, 10, 15, 0, tzinfo=UTC)
    wanted = sorted(row["id"] for row in rows if row["day"] >= "2026-02-10")
    clock = SkippingClock()
    clock.skipped += datetime(2026, 3, 20, tzinfo=UTC).timestamp() - clock.time()
    async with serving(Api(lists={"/hours": rows})) as api:
        for text in (profile("next_link"), profile("next_link", probes=False)):
            async with source_of(api, text, clock=clock) as source:
                scan = await scan_of(source, "Hours", parallel=parallel, start=start)
                assert sorted(ids_of(await batches_of(source, scan))) == wanted


async def test_conditions_of_the_query_bound_the_windows() -> None:
    rows = hours(60)
    wanted = sorted(row["id"] for row in rows if "2026-02-01" <= row["day"] <= "2026-02-20")
    async with (
        serving(Api(lists={"/hours": rows})) as api,
        source_of(api, profile("next_link")) as source,
    ):
        bounds = (
            Predicate(column="day", operator=Operator.GE, values=("2026-02-01",)),
            Predicate(column="day", operator=Operator.LE, values=("2026-02-20",)),
        )
        scan = await scan_of(source, "Hours", parallel=4, predicates=bounds)
        assert sorted(ids_of(await batches_of(source, scan))) == wanted
        assert not any(asked.get("order") for asked in api.asked)
        windows = sorted({(a.get("from"), a.get("to")) for a in api.asked}, key=str)
        assert len(windows) == 16
        assert windows[0][0] == "2026-02-01"
        assert windows[-1][1] == "2026-02-20"


@given(
    first=st.dates(),
    days=st.integers(1, 5000),
    parallel=st.integers(1, 20),
    open_below=st.booleans(),
    open_above=st.booleans(),
)
@settings(max_examples=200)
def test_windows_hold_every_day_once(
    first: Any, days: int, parallel: int, *, open_below: bool, open_above: bool
) -> None:
    begin = min(first.toordinal(), 3_600_000)
    earliest, latest = (datetime.fromordinal(begin + d).date() for d in (0, days - 1))
    windows = cut(earliest, latest, parallel, open_below=open_below, open_above=open_above)
    assert len(windows) == min(days, 4 * parallel)
    assert windows[0].since == (None if open_below else earliest)
    assert windows[-1].until == (None if open_above else latest)
    for window, following in itertools.pairwise(windows):
        assert window.until is not None
        assert following.since is not None
        assert following.since.toordinal() == window.until.toordinal() + 1
        if window.since is not None:
            assert window.since <= window.until


ENDS = "earliest: {order: day asc}, latest: {order: day desc}"


@pytest.mark.parametrize("first", [True, False], ids=["nulls first", "nulls last"])
@pytest.mark.parametrize(
    ("ends", "day", "windows"),
    [
        (ENDS, "date", False),
        ("earliest: {order: day asc}", "date", False),
        ("earliest: {order: day asc}", "{type: date, required: true}", True),
    ],
    ids=["both ends", "one end", "never null"],
)
async def test_rows_without_a_day_are_in_no_window(
    ends: str,
    day: str,
    *,
    first: bool,
    windows: bool,
) -> None:
    """Such rows stand at one of the ends: with one end known, it may be the other one."""
    rows = hours(60)
    if not windows:
        for row in rows[::7]:
            row["day"] = None
    text = profile("next_link").replace(ENDS, ends).replace("day: date", f"day: {day}")
    api = Api(lists={"/hours": rows}, nulls_first=first)
    clock = SkippingClock()
    clock.skipped += datetime(2026, 4, 20, tzinfo=UTC).timestamp() - clock.time()
    async with serving(api), source_of(api, text, clock=clock) as source:
        scan = await scan_of(source, "Hours", parallel=4)
        assert sorted(ids_of(await batches_of(source, scan))) == list(range(1, 61))
        asked = {(a.get("from"), a.get("to")) for a in api.asked if a.get("order") is None}
        assert (len(asked) > 1) is windows
        # A first day leaves such rows out, in windows as without.
        start = datetime(2026, 2, 1, tzinfo=UTC)
        api.asked.clear()
        for parallel in (1, 4):
            scan = await scan_of(source, "Hours", parallel=parallel, start=start)
            wanted = [row["id"] for row in rows if row["day"] and row["day"] >= "2026-02-01"]
            assert sorted(ids_of(await batches_of(source, scan))) == sorted(wanted)
