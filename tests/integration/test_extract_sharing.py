"""Pages that several scans of a run need are read once."""

import asyncio
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from standins.clocks import SkippingClock
from standins.pages import Api, saying, serving
from standins.reading import HEAD, NEXT_LINK, batches_of, ids_of, rows_of, scan_of, source_of
from syncline.extract import shared
from syncline.model.table import Operator, Predicate

PROFILE = (
    HEAD
    + NEXT_LINK
    + """
tables:
  Orders:
    path: /orders
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since}
    projection: {parameter: fields, style: braces}
    columns:
      id: integer
      kind: string
      buyer: {object: {id: integer, name: string}}
      updated_at: datetime
    filters:
      kind: {parameter: kind}
    children:
      Lines:
        list: lines
        primary_key: [order_id, id]
        parent: {order_id: id, order_kind: kind}
        columns: {id: integer, price: number, article: {object: {id: integer}}}
  Parcels:
    path: /orders/{parent.id}/parcels
    fan_out: {parent: Orders, into: order_id}
    columns: {id: integer}
"""
)


def orders(count: int) -> Api:
    rows: list[dict[str, Any]] = [
        {
            "id": i,
            "kind": "ab"[i % 2],
            "buyer": {"id": i, "name": f"n{i}"},
            "updated_at": "2026-01-01T00:00:00Z",
            "lines": [{"id": n, "price": n * 1.5, "article": {"id": n}} for n in range(i % 4)],
        }
        for i in range(1, count + 1)
    ]
    parcels = {f"/orders/{i}/parcels": [{"id": i * 10}] for i in range(1, count + 1)}
    return Api(lists={"/orders": rows, **parcels})


async def test_a_table_and_its_child_share_their_pages() -> None:
    clock, api = SkippingClock(), orders(10)

    async def dated(request: web.Request) -> web.StreamResponse:
        response = api._list(request)
        response.headers["Date"] = formatdate(clock.time(), usegmt=True)
        return response

    api.always = dated
    async with serving(api), source_of(api, PROFILE, clock=clock) as source:
        parent = await scan_of(source, "Orders", "id", "buyer_name", "updated_at")
        child = await scan_of(source, "Lines")
        source.expect([parent, child])
        first = await batches_of(source, parent)
        clock.skipped += 5000
        second = await batches_of(source, child)
        assert len(api.asked) == 4
        assert [batch.requests for batch in first] == [1] * 4
        assert [batch.requests for batch in second] == [0] * 4
        assert ids_of(first) == list(range(1, 11))
        assert rows_of(second)[:2] == [
            {"order_id": 1, "order_kind": "b", "id": 0, "price": 0.0, "article_id": 0},
            {"order_id": 2, "order_kind": "a", "id": 0, "price": 0.0, "article_id": 0},
        ]
        assert len(rows_of(second)) == sum(i % 4 for i in range(1, 11))
        fields = {asked.get("fields") for asked in api.asked}
        assert fields == {"id,buyer{name},updated_at,kind,lines{id,price,article}"}
        assert first[0].cursor is not None
        assert second[0].cursor is not None
        # The same moment, though the answers were read again later.
        assert first[0].cursor["started"] == second[0].cursor["started"]
        # Nothing is kept for a third.
        await batches_of(source, child)
        assert len(api.asked) == 8


async def test_alone_it_asks_for_its_own_fields_only() -> None:
    async with serving(orders(2)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Lines", "price")
        source.expect([scan])
        await batches_of(source, scan)
        assert api.asked[0].get("fields") == "id,lines{price}"


@pytest.mark.parametrize("readers", [2, 5])
async def test_at_the_same_time_each_page_is_asked_for_once(readers: int) -> None:
    api = orders(20)
    api.delay = 0.01
    async with serving(api), source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Orders")
        source.expect([scan] * readers)
        reads = await asyncio.gather(*(batches_of(source, scan) for _ in range(readers)))
        assert all(rows_of(read) == rows_of(reads[0]) for read in reads)
        assert len({str(read[-1].cursor) for read in reads}) == 1
        assert len(api.asked) == 7
        assert sum(batch.requests for read in reads for batch in read) == 7


async def test_other_conditions_are_other_pages() -> None:
    async with serving(orders(6)) as api, source_of(api, PROFILE) as source:
        everything = await scan_of(source, "Orders")
        only = Predicate(column="kind", operator=Operator.EQ, values=("a",))
        some = await scan_of(source, "Orders", predicates=(only,))
        source.expect([everything, some])
        assert len(ids_of(await batches_of(source, everything))) == 6
        assert len(ids_of(await batches_of(source, some))) == 3
        assert len(api.asked) == 3


async def test_changes_and_everything_do_not_share() -> None:
    async with serving(orders(6)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Orders")
        (*_, last) = await batches_of(source, scan)
        api.asked.clear()
        source.expect([scan, scan])
        assert ids_of(await batches_of(source, scan, last.cursor)) == []
        assert len(ids_of(await batches_of(source, scan))) == 6
        assert len(api.asked) == 3


async def test_the_keys_of_a_parent_come_from_its_own_read() -> None:
    async with serving(orders(6)) as api, source_of(api, PROFILE) as source:
        parent, child = await scan_of(source, "Orders"), await scan_of(source, "Parcels")
        source.expect([child, parent])
        assert len(ids_of(await batches_of(source, child))) == 6
        assert len(ids_of(await batches_of(source, parent))) == 6
        assert [asked.path for asked in api.asked].count("/orders") == 2


async def test_a_read_that_ends_early_leaves_the_pages_to_the_other() -> None:
    async with serving(orders(12)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Orders")
        source.expect([scan, scan])
        read = source.read(scan, None)
        await anext(read)
        await anext(read)
        await read.aclose()
        assert len(ids_of(await batches_of(source, scan))) == 12
        # A page that was under way at the end comes again, no other.
        assert len(api.asked) in {4, 5}


async def test_an_answer_that_cannot_be_read_is_not_kept() -> None:
    async with serving(orders(3)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Orders")
        source.expect([scan, scan])
        api.faults.append(saying(b"<html>"))
        assert ids_of(await batches_of(source, scan)) == [1, 2, 3]
        assert ids_of(await batches_of(source, scan)) == [1, 2, 3]
        assert len(api.asked) == 2


async def test_what_does_not_fit_in_memory_goes_to_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    # A number, not behaviour: at its real size the test would have to read 64 MB.
    monkeypatch.setattr(shared, "_MEMORY", 300)
    async with serving(orders(30)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Orders")
        source.expect([scan] * 3)
        reads = [await batches_of(source, scan) for _ in range(3)]
        assert rows_of(reads[0]) == rows_of(reads[1]) == rows_of(reads[2])
        assert len(api.asked) == 10
