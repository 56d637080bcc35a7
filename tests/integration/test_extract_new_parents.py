"""Parents and values that are new to a table which is read by what has changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from standins.pages import Api, Row, serving
from standins.reading import HEAD, NEXT_LINK, batches_of, ids_of, scan_of, source_of
from syncline.errors import ConfigError
from syncline.extract.roll import number, packed, unpacked
from syncline.model.batch import Batch, Cursor
from syncline.model.table import Operator, Predicate

OLD = "2020-01-01T00:00:00Z"
PROFILE = (
    HEAD.replace("  Key:", "  Kinds: {description: with commas}\n  Key:")
    + NEXT_LINK
    + """
limits: {concurrency: 4}
tables:
  Items:
    path: /items
    primary_key: [id]
    columns: {id: integer}
  Notes:
    path: /items/{parent.id}/notes
    primary_key: [item, id]
    incremental: {column: updated_at, parameter: updated_since}
    fan_out: {parent: Items, into: item}
    columns: {id: integer, updated_at: datetime}
  Stepped:
    path: /items/{parent.id}/notes
    primary_key: [item, id]
    incremental:
      {column: updated_at, parameter: updated_since, until: updated_until, step: 864000000,
       start: "1999-01-01", granularity: 1}
    fan_out: {parent: Items, into: item}
    columns: {id: integer, updated_at: datetime}
  Searched:
    path: /items/{parent.id}/notes
    primary_key: [item, id]
    incremental:
      column: updated_at
      parameter: updated_since
      changes: {path: "/items/{parent.id}/changes", records: found, pagination: {type: none}}
    fan_out: {parent: Items, into: item}
    columns: {id: integer, updated_at: datetime}
  Kinds:
    path: /kinds
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since}
    fan_out: {parameter: kind, setting: Kinds, into: which}
    columns: {id: integer, updated_at: datetime}
"""
)


def items(*numbers: int) -> list[Row]:
    return [{"id": n} for n in numbers]


def api_of(*numbers: int) -> Api:
    """Return an API with parents, four old rows below each."""
    lists: dict[str, list[dict[str, Any]]] = {"/items": items(*numbers)}
    for n in range(1, 10):
        lists[f"/items/{n}/notes"] = [{"id": 10 * n + k, "updated_at": OLD} for k in range(4)]
    return Api(lists=lists)


def last_of(batches: Sequence[Batch]) -> Cursor:
    assert batches[-1].complete
    assert batches[-1].cursor is not None
    return batches[-1].cursor


def whole(api: Api) -> set[str]:
    """Return the lists that were asked for from their beginning."""
    return {a.path for a in api.asked if a.get("updated_since") is None and a.path != "/items"}


async def read(api: Api, since: Cursor | None, table: str = "Notes", **more: Any) -> list[Batch]:
    """Read as a run does: with a source of its own."""
    api.asked.clear()
    async with source_of(api, PROFILE, **more) as source:
        return await batches_of(source, await scan_of(source, table), since)


async def test_rows_below_a_parent_that_came_later_come_whole() -> None:
    async with serving(api_of(1, 3)) as api:
        cursor = last_of(await read(api, None))
        api.lists["/items"] = items(1, 2, 3)
        batches = await read(api, cursor)
        assert sorted(ids_of(batches)) == [20, 21, 22, 23]
        assert whole(api) == {"/items/2/notes"}
        # One request for each parent, and the second page of the new one's.
        assert len(api.asked) == 1 + 3 + 1
        assert ids_of(await read(api, last_of(batches))) == []
        assert whole(api) == set()


async def test_a_parent_that_went_and_returned_is_new() -> None:
    async with serving(api_of(1, 2)) as api:
        cursor = last_of(await read(api, None))
        api.lists["/items"] = items(1)
        cursor = last_of(await read(api, cursor))
        api.lists["/items"] = items(1, 2)
        assert sorted(ids_of(await read(api, cursor))) == [20, 21, 22, 23]


async def test_a_parent_whose_list_was_not_there_is_new_until_it_is() -> None:
    async with serving(api_of(1, 2, 3)) as api:
        held = api.lists.pop("/items/2/notes")
        cursor = last_of(await read(api, None))
        cursor = last_of(await read(api, cursor))
        api.lists["/items/2/notes"] = held
        assert sorted(ids_of(await read(api, cursor))) == [20, 21, 22, 23]


async def test_of_a_cursor_without_values_all_count_as_read() -> None:
    async with serving(api_of(1, 2)) as api:
        cursor = last_of(await read(api, None))
        batches = await read(api, {"watermark": cursor["watermark"]})
        assert ids_of(batches) == []
        assert whole(api) == set()
        api.lists["/items"] = items(1, 2, 3)
        assert len(ids_of(await read(api, last_of(batches)))) == 4


@pytest.mark.parametrize("table", ["Stepped", "Kinds"])
async def test_so_it_is_with_steps_of_time_and_with_values(table: str) -> None:
    kinds = {"Kinds": "a,c"}
    async with serving(api_of(1, 3)) as api:
        api.lists["/kinds"] = [
            {"id": n, "kind": kind, "updated_at": OLD} for n, kind in enumerate("aabbcc")
        ]
        batches = await read(api, None, table, settings=kinds)
        assert len(ids_of(batches)) == (4 if table == "Kinds" else 8)
        api.lists["/items"], kinds = items(1, 2, 3), {"Kinds": "b,a,c"}
        batches = await read(api, last_of(batches), table, settings=kinds)
        assert sorted(ids_of(batches)) == ([2, 3] if table == "Kinds" else [20, 21, 22, 23])
        assert ids_of(await read(api, last_of(batches), table, settings=kinds)) == []


async def test_where_changes_are_another_request_a_new_parent_is_asked_by_the_first() -> None:
    async with serving(api_of(1, 3)) as api:
        cursor = last_of(await read(api, None, "Searched"))
        api.lists["/items"] = items(1, 2, 3)

        async def changes(request: Any) -> Any:
            found = {"found": [{"id": 99, "updated_at": OLD}]}
            return web.json_response(found) if request.path.endswith("/changes") else None

        api.always = changes
        batches = await read(api, cursor, "Searched")
        assert sorted(ids_of(batches)) == [20, 21, 22, 23, 99, 99]
        asked = [a.path for a in api.asked if a.path != "/items"]
        assert sorted(asked) == [
            "/items/1/changes", "/items/2/notes", "/items/2/notes", "/items/3/changes",
        ]  # fmt: skip


@pytest.mark.parametrize("first", [True, False], ids=["the first pass", "a later pass"])
async def test_a_pass_that_goes_on_knows_what_it_has_asked_for(first: bool) -> None:  # noqa: FBT001 (of pytest)
    async with serving(api_of(2, 4, 6, 8)) as api:
        since = None
        if not first:
            api.lists["/items"] = items(2, 6)
            since = last_of(await read(api, None))
            api.lists["/items"] = items(2, 4, 6, 8)
        batches = await read(api, since)
        known = set() if first else set(range(20, 24)) | set(range(60, 64))
        for count, batch in enumerate(batches[:-1], 1):
            # It is killed here; a parent comes before the place, one after it, and one goes.
            api.lists["/items"] = items(1, 2, 5, 6, 8)
            rest = await read(api, batch.cursor)
            found = {*known, *ids_of(batches[:count]), *ids_of(rest)}
            later = await read(api, last_of(rest))
            found |= set(ids_of(later))
            wanted = {10 * n + k for n in (1, 2, 5, 6, 8) for k in range(4)}
            assert wanted <= found
            assert ids_of(await read(api, last_of(later))) == []


async def test_what_a_query_asks_for_is_all_that_counts() -> None:
    only = Predicate(column="item", operator=Operator.IN, values=(2, 7))
    async with serving(api_of()) as api, source_of(api, PROFILE) as source:
        scan = await scan_of(source, "Notes", predicates=(only,))
        held = api.lists.pop("/items/7/notes")
        cursor = last_of(await batches_of(source, scan))
        api.lists["/items/7/notes"] = held
        assert sorted(ids_of(await batches_of(source, scan, cursor))) == [70, 71, 72, 73]


@given(
    st.sets(st.integers(-(2**70), 2**70) | st.text() | st.booleans() | st.floats(allow_nan=False))
)
def test_a_set_of_values_is_what_it_was(values: set[Any]) -> None:
    assert unpacked(packed(values)) == {number(value) for value in values}


def test_a_set_of_many_values_takes_little_room() -> None:
    assert len(packed(range(100_000))) < 2_000
    assert len(packed(str(n) for n in range(10_000))) < 100_000


@pytest.mark.parametrize("seen", ["x", "AAAA", 5, ["a"]])
async def test_a_set_that_is_none_is_refused(seen: Any) -> None:
    cursor: Mapping[str, Any] = {"watermark": "2026-01-01T00:00:00+00:00", "seen": seen}
    async with serving(api_of(1)) as api:
        with pytest.raises(ConfigError, match="none of this source"):
            await read(api, cursor)
