"""Tables that are listed once per parent or per value."""

from typing import Any

import pytest
from aiohttp import web

from standins.pages import Api, failure, serving
from standins.reading import HEAD, NEXT_LINK, batches_of, ids_of, rows_of, scan_of, source_of
from syncline.errors import PermissionRefused
from syncline.model.table import Operator, Predicate

PROFILE = (
    HEAD
    + NEXT_LINK
    + """
limits: {concurrency: 4}
tables:
  Clients:
    path: /clients
    primary_key: [id]
    columns: {id: integer, name: string}
  Rates:
    path: /clients/{parent.id}/rates
    parameters: {of: "client {parent.id}"}
    primary_key: [client_id, id]
    fan_out: {parent: Clients, into: client_id}
    columns: {id: integer, amount: number}
    children:
      Steps:
        list: steps
        primary_key: [client, rate_id, level]
        parent: {rate_id: id, client: client_id}
        columns: {level: integer}
  Bare:
    path: /clients/{parent.id}/rates
    fan_out: {parent: Clients}
    columns: {id: integer}
  Notes:
    path: /notes
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since, overlap: 0}
    fan_out: {parameter: kind, values: [Matter, Contact, Firm], column: kind}
    columns: {id: integer, kind: string, updated_at: datetime}
  Moods:
    path: /notes
    fan_out: {parameter: kind, values: [Matter, Contact, Firm], into: which}
    columns: {id: integer}
"""
)


def clients(count: int, *, rates: int = 4) -> Api:
    lists: dict[str, list[dict[str, Any]]] = {
        # Not in order, and not on one page.
        "/clients": [{"id": i, "name": "x"} for i in range(count, 0, -1)],
        "/notes": [
            {"id": i, "kind": ["Contact", "Matter"][i % 2], "updated_at": "2026-01-01T00:00:00Z"}
            for i in range(10)
        ],
    }
    for row in lists["/clients"]:
        own = [
            {"id": n, "amount": n / 2, "steps": [{"level": s} for s in range(n % 3)]}
            for n in range(rates if row["id"] != 2 else 0)
        ]
        lists[f"/clients/{row['id']}/rates"] = own
    return Api(lists=lists)


async def test_one_walk_per_parent_in_the_order_of_their_keys() -> None:
    async with serving(clients(10)) as api, source_of(api, PROFILE) as source:
        batches = await batches_of(source, await scan_of(source, "Rates"))
        expected = [
            {"id": n, "amount": n / 2, "client_id": c}
            for c in range(1, 11)
            if c != 2
            for n in range(4)
        ]
        assert rows_of(batches) == expected
        assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]
        assert sum(batch.requests for batch in batches) == len(api.asked)
        walks = [asked for asked in api.asked if asked.path == "/clients/3/rates"]
        assert [asked.get("of") for asked in walks] == ["client 3", "client 3"]


async def test_parents_are_read_once_for_all_tables() -> None:
    async with serving(clients(4)) as api, source_of(api, PROFILE) as source:
        await batches_of(source, await scan_of(source, "Rates"))
        await batches_of(source, await scan_of(source, "Bare"))
        assert [asked.path for asked in api.asked].count("/clients") == 2


async def test_walks_are_under_way_at_once_but_not_too_many() -> None:
    api = clients(20)
    api.delay = 0.01
    async with serving(api), source_of(api, PROFILE) as source:
        batches = await batches_of(source, await scan_of(source, "Rates"))
        assert len(rows_of(batches)) == 19 * 4
        assert api.most_under_way == 4


async def test_going_on_from_any_cursor_gives_exactly_the_rest() -> None:
    for table in ("Rates", "Notes", "Moods", "Steps"):
        async with serving(clients(5)) as api:
            async with source_of(api, PROFILE) as source:
                batches = await batches_of(source, await scan_of(source, table))
            assert all(batch.cursor for batch in batches)
            for read, batch in enumerate(batches[:-1], 1):
                async with source_of(api, PROFILE) as source:
                    rest = await batches_of(source, await scan_of(source, table), batch.cursor)
                    assert rows_of(batches[:read]) + rows_of(rest) == rows_of(batches)


async def test_parents_that_came_or_went_meanwhile() -> None:
    async with serving(clients(6)) as api:
        async with source_of(api, PROFILE) as source:
            scan = await scan_of(source, "Rates")
            batches = await batches_of(source, scan)
        within = next(b.cursor for b in batches if b.cursor and "'value': 3" in str(b.cursor["at"]))
        del api.lists["/clients/3/rates"]
        api.lists["/clients"] = [row for row in api.lists["/clients"] if row["id"] != 3]
        async with source_of(api, PROFILE) as source:
            rest = await batches_of(source, scan, within)
        assert sorted(set(ids_of(rest, "client_id"))) == [4, 5, 6]
        assert not any(batch.restarted for batch in rest)


async def test_a_parent_deleted_while_we_read_is_left_out() -> None:
    async with serving(clients(5)) as api:
        for gone in (1, 3, 5):
            del api.lists[f"/clients/{gone}/rates"]
        async with source_of(api, PROFILE) as source:
            batches = await batches_of(source, await scan_of(source, "Rates"))
        assert sorted(set(ids_of(batches, "client_id"))) == [4]
        assert batches[-1].complete
        for client in (2, 4):
            del api.lists[f"/clients/{client}/rates"]
        async with source_of(api, PROFILE) as source:
            (*_, last) = await batches_of(source, await scan_of(source, "Rates"))
        assert last.complete


async def test_other_refusals_of_a_parent_are_errors() -> None:
    async def closed(request: web.Request) -> web.StreamResponse | None:
        return failure(403, "Forbidden", "closed") if "/3/" in request.path else None

    api = clients(5)
    api.always = closed
    async with serving(api), source_of(api, PROFILE) as source:
        with pytest.raises(PermissionRefused):
            await batches_of(source, await scan_of(source, "Rates"))


async def test_no_parents_no_rows() -> None:
    async with serving(Api(lists={"/clients": []})) as api, source_of(api, PROFILE) as source:
        (batch,) = await batches_of(source, await scan_of(source, "Rates"))
        assert batch.complete
        assert batch.records.num_rows == 0
        assert batch.requests == 1


async def test_a_filter_on_the_parent_leaves_out_walks_and_the_parents_too() -> None:
    async with serving(clients(9)) as api, source_of(api, PROFILE) as source:
        tables = await source.tables()
        assert tables["Rates"].filters["client_id"].operators == {Operator.EQ, Operator.IN}
        only = Predicate(column="client_id", operator=Operator.IN, values=(8, 5, 77))
        batches = await batches_of(source, await scan_of(source, "Rates", predicates=(only,)))
        assert sorted(set(ids_of(batches, "client_id"))) == [5, 8]
        assert not any(asked.path == "/clients" for asked in api.asked)
        only = Predicate(column="client", operator=Operator.EQ, values=(5,))
        batches = await batches_of(source, await scan_of(source, "Steps", predicates=(only,)))
        assert set(ids_of(batches, "client")) == {5}
        assert rows_of(batches)[0] == {"rate_id": 1, "client": 5, "level": 0}


async def test_one_walk_per_value() -> None:
    async with serving(clients(1)) as api, source_of(api, PROFILE) as source:
        batches = await batches_of(source, await scan_of(source, "Notes"))
        assert ids_of(batches, "kind") == ["Matter"] * 5 + ["Contact"] * 5
        assert {asked.get("kind") for asked in api.asked} == {"Matter", "Contact", "Firm"}
        moods = await batches_of(source, await scan_of(source, "Moods"))
        assert ids_of(moods, "which") == ["Matter"] * 5 + ["Contact"] * 5
        assert moods[0].records.schema.names == ["id", "which"]


@pytest.mark.parametrize(
    ("operator", "values", "asked_for"),
    [
        (Operator.EQ, ("Contact",), {"Contact"}),
        (Operator.IN, ("Contact", "Matter", "x"), {"Contact", "Matter"}),
        (Operator.EQ, ("x",), set()),
    ],
)
async def test_a_filter_on_the_value_leaves_out_walks(
    operator: Operator, values: tuple[str, ...], asked_for: set[str]
) -> None:
    async with serving(clients(1)) as api, source_of(api, PROFILE) as source:
        for table, column in (("Notes", "kind"), ("Moods", "which")):
            api.asked.clear()
            only = Predicate(column=column, operator=operator, values=values)
            scan = await scan_of(source, table, predicates=(only,))
            batches = await batches_of(source, scan)
            assert set(ids_of(batches, column)) == asked_for
            assert {asked.get("kind") for asked in api.asked} == asked_for
            assert batches[-1].complete


async def test_changes_are_asked_for_in_every_walk_since_the_parents_were_read() -> None:
    async with serving(clients(1)) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Notes")
        *_, last = await batches_of(source, scan)
        api.asked.clear()
        *_, again = await batches_of(source, scan, last.cursor)
        assert {asked.get("kind") for asked in api.asked} == {"Matter", "Contact", "Firm"}
        assert len({asked.get("updated_since") for asked in api.asked} - {None}) == 1
        assert again.records.num_rows == 0
        assert again.cursor is not None
