"""Reading what has changed: watermarks, overlaps, deleted rows, several passes."""

from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from standins.clocks import SkippingClock
from standins.pages import Api, serving
from standins.reading import HEAD, NEXT_LINK, batches_of, ids_of, scan_of, source_of
from syncline.errors import ConfigError
from syncline.model.table import Operator, Predicate

PROFILE = (
    HEAD
    + NEXT_LINK
    + """
tables:
  Items:
    path: /items
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since, overlap: 90}
    deleted: {column: deleted_at, parameters: {include_deleted: "true"}}
    columns: {id: integer, updated_at: datetime, deleted_at: datetime}
    filters:
      updated_at: {parameter: updated_since, operators: [">="], exact: false, widen: 5}
  Plain:
    path: /items
    columns: {id: integer}
"""
)


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def changing(clock: SkippingClock, *, ahead: float = 0.0) -> Api:
    """Return an API whose clock is ours, or ahead of it."""
    api = Api(lists={"/items": []})

    async def dated(request: web.Request) -> web.StreamResponse:
        response = api._list(request)
        response.headers["Date"] = formatdate(clock.time() + ahead, usegmt=True)
        return response

    api.always = dated
    return api


def row(number: int, moment: float) -> dict[str, Any]:
    return {"id": number, "updated_at": at(moment), "deleted_at": None}


@pytest.mark.parametrize("ahead", [0.0, 4000.0, -4000.0])
async def test_a_pass_reads_what_changed_since_the_last_one_began(ahead: float) -> None:
    clock = SkippingClock()
    api = changing(clock, ahead=ahead)
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        scan = await scan_of(source, "Items")
        rows = api.lists["/items"]
        rows += [row(n, clock.time() + ahead - 1000) for n in range(1, 6)]
        begun = clock.time() + ahead
        batches = await batches_of(source, scan)
        assert ids_of(batches) == [1, 2, 3, 4, 5]
        cursor = batches[-1].cursor
        assert cursor is not None
        watermark = datetime.fromisoformat(str(cursor["watermark"])).timestamp()
        # By the server's clock, and not later than it began.
        assert begun - 2 <= watermark <= begun
        clock.skipped += 3600
        rows += [row(6, clock.time() + ahead), row(7, watermark), row(8, watermark - 80)]
        api.asked.clear()
        batches = await batches_of(source, scan, cursor)
        assert ids_of(batches) == [6, 7, 8]
        (asked,) = api.asked
        assert asked.get("updated_since") == at(watermark - 90)


async def test_the_watermark_is_kept_over_an_interruption() -> None:
    clock = SkippingClock()
    api = changing(clock)
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        scan = await scan_of(source, "Items")
        api.lists["/items"] += [row(n, clock.time() - 1000) for n in range(1, 10)]
        first = await batches_of(source, scan)
        clock.skipped += 3600
        rest = await batches_of(source, scan, first[0].cursor)
        assert ids_of(rest) == list(range(4, 10))
        assert rest[-1].cursor == first[-1].cursor


async def test_a_clock_set_back_never_moves_the_watermark_back() -> None:
    clock = SkippingClock()
    api = changing(clock)
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        scan = await scan_of(source, "Items")
        (last,) = await batches_of(source, scan)
        clock.skipped -= 86400
        (again,) = await batches_of(source, scan, last.cursor)
        assert again.cursor == last.cursor


async def test_a_server_without_a_clock() -> None:
    clock = SkippingClock()

    async def undated(request: web.Request) -> web.StreamResponse:
        response = api._list(request)
        response.headers["Date"] = "never"
        return response

    api = Api(lists={"/items": [row(1, 0)]}, always=undated)
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        begun = clock.time()
        (batch,) = await batches_of(source, await scan_of(source, "Items"))
        assert batch.cursor is not None
        watermark = datetime.fromisoformat(str(batch.cursor["watermark"])).timestamp()
        assert begun - 1 <= watermark <= begun + 0.5


async def test_the_query_s_own_bound_counts_if_it_is_later() -> None:
    clock = SkippingClock()
    api = changing(clock)
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        scan = await scan_of(source, "Items")
        (last,) = await batches_of(source, scan)
        for days, expected in ((-1, -90), (1, 86400 - 5)):
            bound = datetime.fromtimestamp(clock.time(), UTC) + timedelta(days=days)
            later = Predicate(
                column="updated_at", operator=Operator.GE, values=(bound.isoformat(" "),)
            )
            api.asked.clear()
            await batches_of(
                source, await scan_of(source, "Items", predicates=(later,)), last.cursor
            )
            sent = datetime.fromisoformat(str(api.asked[0].get("updated_since"))).timestamp()
            assert abs(sent - (clock.time() + expected)) < 4
            assert len(api.asked[0].all("updated_since")) == 1


async def test_deleted_rows_come_when_they_are_asked_for() -> None:
    async with (
        serving(Api(lists={"/items": [row(1, 0)]})) as api,
        source_of(api, PROFILE) as source,
    ):
        await batches_of(source, await scan_of(source, "Items"))
        *_, last = await batches_of(source, await scan_of(source, "Items", deleted=True))
        await batches_of(source, await scan_of(source, "Items", deleted=True), last.cursor)
        assert [a.get("include_deleted") for a in api.asked] == [None, "true", "true"]


async def test_without_a_cursor_column_every_read_is_whole() -> None:
    async with (
        serving(Api(lists={"/items": [row(n, 0) for n in range(5)]})) as api,
        source_of(api, PROFILE) as source,
    ):
        scan = await scan_of(source, "Plain")
        *_, last = await batches_of(source, scan)
        assert last.cursor == {"watermark": None}
        assert len(ids_of(await batches_of(source, scan, last.cursor))) == 5
        assert not any(asked.get("updated_since") for asked in api.asked)


@pytest.mark.parametrize(
    "cursor",
    [
        {},
        {"watermark": 5},
        {"watermark": "yesterday"},
        {"since": None, "started": "2026-01-01T00:00:00Z"},
        {"since": None, "started": "2026-01-01T00:00:00Z", "at": None},
        {"since": None, "started": "2026-01-01T00:00:00Z", "at": {"request": 5}},
        {"since": None, "started": "2026-01-01T00:00:00Z", "at": {"request": {"url": 1}}},
        {"since": None, "started": "2026-01-01T00:00:00Z", "at": {"windows": 5}},
        {"since": None, "started": "2026-01-01T00:00:00Z", "at": {"windows": [{}]}},
    ],
)
async def test_a_cursor_of_somebody_else_is_refused(cursor: Any) -> None:
    async with serving(Api(lists={"/items": []})) as api, source_of(api, PROFILE) as source:
        with pytest.raises(ConfigError, match="none of this source"):
            await batches_of(source, await scan_of(source, "Items"), cursor)
