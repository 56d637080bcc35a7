"""Rows that come and go between two pages: offsets notice, and sweeps are not misled."""

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlglot import exp

from standins.clocks import SkippingClock
from standins.pages import Api, Row, serving
from standins.reading import HEAD, batches_of, ids_of, scan_of, source_of
from syncline.destinations.duckdb import open_duckdb
from syncline.errors import EmptyRefused, ResponseRefused
from syncline.model.job import Deletes, Task
from syncline.model.run import Result
from syncline.model.table import Misses, Operator
from syncline.query.plan import plan
from syncline.sync import sync

_PAGES = {
    "offset": "{type: offset}",
    "again": "{type: offset, total: total, again: 2}",
    "total": "{type: offset, total: total}",
    "page_number": "{type: page_number}",
}


def profile(style: str) -> str:
    return f"""{HEAD}
defaults:
  records: data
  pagination: {_PAGES[style]}
  page: {{parameter: limit, size: 4}}
tables:
  Items:
    path: /items
    primary_key: [id]
    incremental: {{column: updated_at, parameter: updated_since}}
    columns: {{id: integer, updated_at: datetime}}
  Asked:
    path: /items
    primary_key: [id]
    incremental: {{column: updated_at, parameter: updated_since}}
    filters: {{id: {{parameter: "ids[]"}}}}
    columns: {{id: integer, updated_at: datetime}}
  Bare:
    path: /items
    columns: {{id: integer}}
  Ones:
    path: /items
    primary_key: [id]
    page: {{parameter: limit, size: 1}}
    columns: {{id: integer}}
  Below:
    path: /items/{{parent.id}}/notes
    primary_key: [item, id]
    incremental: {{column: updated_at, parameter: updated_since}}
    fan_out: {{parent: Items, into: item}}
    columns: {{id: integer, updated_at: datetime}}
"""


def row(number: int) -> Row:
    return {"id": number, "updated_at": "2026-01-01T00:00:00Z"}


def items(count: int, style: str = "page_number") -> Api:
    # The stand-in tells a total that only some of the profiles look at.
    known = {"again": "offset", "total": "offset"}.get(style, style)
    return Api(lists={"/items": [row(n) for n in range(count)]}, style=known)


def before(api: Api, number: int, change: Callable[[list[Row]], object]) -> None:
    """Let something happen to the items before a request from now on; 1 is the next."""
    at = len(api.asked) + number

    async def changing(_: web.Request) -> web.StreamResponse | None:
        if len(api.asked) == at:
            change(api.lists["/items"])
        return None

    api.always = changing


def going(*numbers: int) -> Callable[[list[Row]], object]:
    def change(rows: list[Row]) -> None:
        rows[:] = [each for each in rows if each["id"] not in numbers]

    return change


def places(api: Api) -> list[int]:
    return [int(asked.get("offset") or 0) for asked in api.asked]


@pytest.mark.parametrize("style", ["offset", "again"])
@pytest.mark.parametrize(
    ("gone", "when"),
    [((0,), 2), ((3,), 2), ((0, 1, 2, 3), 2), ((1, 2, 6), 3), (tuple(range(1, 11)), 4), ((12,), 3)],
    ids=["one", "the anchor", "a page", "several", "most", "one not yet read"],
)
async def test_rows_that_go_between_two_pages_hide_no_others(
    style: str, gone: Sequence[int], when: int
) -> None:
    api = items(14, style)
    before(api, when, going(*gone))
    async with serving(api), source_of(api, profile(style)) as source:
        scan = await scan_of(source, "Items")
        assert scan.table.misses is Misses.NEVER
        read = ids_of(await batches_of(source, scan))
    assert set(range(14)) - set(gone) <= set(read)
    assert len(read) == len(set(read))


async def test_nothing_more_is_asked_where_nothing_goes() -> None:
    for count, requests in ((0, 1), (3, 1), (4, 2), (7, 3), (8, 3)):
        api = items(count, "offset")
        async with serving(api), source_of(api, profile("offset")) as source:
            read = ids_of(await batches_of(source, await scan_of(source, "Items")))
            assert read == list(range(count))
            assert len(api.asked) == requests
            assert places(api) == [0, 3, 6][:requests]


async def test_the_walk_steps_back_no_further_than_it_must() -> None:
    api = items(40, "offset")
    before(api, 4, going(0))
    async with serving(api), source_of(api, profile("offset")) as source:
        await batches_of(source, await scan_of(source, "Items"))
    assert places(api)[:6] == [0, 3, 6, 9, 8, 11]


async def test_rows_that_come_shift_others_and_come_once() -> None:
    api = items(14, "offset")
    before(api, 3, lambda rows: rows.insert(0, row(100)))
    async with serving(api), source_of(api, profile("offset")) as source:
        read = ids_of(await batches_of(source, await scan_of(source, "Items")))
    assert sorted(read) == list(range(14))


async def test_a_limit_counts_rows_and_not_repeats() -> None:
    api = items(14, "offset")
    async with serving(api), source_of(api, profile("offset")) as source:
        read = ids_of(await batches_of(source, await scan_of(source, "Items", limit=8)))
    assert len(set(read)) >= 8


@pytest.mark.parametrize("table", ["Bare", "Ones"])
async def test_without_a_key_or_on_pages_of_one_row_there_is_nothing_to_join(table: str) -> None:
    api = items(5, "offset")
    async with serving(api), source_of(api, profile("offset")) as source:
        scan = await scan_of(source, table)
        assert scan.table.misses is Misses.GONE
        assert ids_of(await batches_of(source, scan)) == list(range(5))


async def test_rows_without_order_are_refused() -> None:
    api, draw = items(5000, "offset"), random.Random(5)  # noqa: S311 (no secret)

    async def shuffled(_: web.Request) -> web.StreamResponse | None:
        draw.shuffle(api.lists["/items"])
        return None

    api.always = shuffled
    async with serving(api), source_of(api, profile("offset")) as source:
        scan = await scan_of(source, "Items")
        with pytest.raises(ResponseRefused, match="in another order with every page"):
            await batches_of(source, scan)
    assert len(api.asked) < 100


async def test_an_api_that_ignores_the_offset_is_still_noticed() -> None:
    api = items(14, "next_link")
    async with serving(api), source_of(api, profile("offset")) as source:
        scan = await scan_of(source, "Items")
        with pytest.raises(ResponseRefused, match="the same records as the page before"):
            await batches_of(source, scan)


async def test_a_page_with_a_row_that_does_not_fit_is_joined_all_the_same() -> None:
    api = items(10, "offset")
    api.lists["/items"][3]["updated_at"] = "yesterday"
    before(api, 2, going(0))
    async with serving(api), source_of(api, profile("offset")) as source:
        scan = await scan_of(source, "Items", keep_rejects=True)
        batches = await batches_of(source, scan)
    assert sorted(ids_of(batches)) == [0, 1, 2, *range(4, 10)]
    assert sum(len(batch.rejects) for batch in batches) == 1


async def test_what_a_table_tells_of_what_it_misses() -> None:
    expected = {
        "offset": Misses.NEVER,
        "again": Misses.NEVER,
        "total": Misses.EXCHANGED,
        "page_number": Misses.GONE,
    }
    for style, misses in expected.items():
        api = items(0, style)
        async with serving(api), source_of(api, profile(style)) as source:
            tables = await source.tables()
        assert tables["Items"].misses is misses
        assert tables["Below"].misses is misses
        assert tables["Asked"].asked_by is Operator.EQ
        assert tables["Items"].asked_by is None
        notes = plan("SELECT * FROM Below", tables).notes
        assert any("its pages are counted" in n for n in notes) is (misses is Misses.GONE)


class Swept:
    """A task that looks for deleted rows, and what its target holds."""

    def __init__(self, api: Api, path: Path, table: str, style: str = "page_number") -> None:
        self.api = api
        self._path = str(path / "lake.duckdb")
        self._style = style
        self._task = Task(
            id="t", query=f"SELECT * FROM {table}", target="Target", deletes=Deletes.HARD
        )
        self._runs = 0

    async def run(self, *, sweep: bool = True, slices: bool = False, **more: Any) -> Result:
        self._runs += 1
        lake = open_duckdb(self._path)
        try:
            async with source_of(self.api, profile(self._style)) as source:
                return await sync(
                    self._task,
                    source,
                    lake,
                    run=f"run-{self._runs}",
                    clock=SkippingClock(),
                    observe=lambda _: None,
                    sweep=sweep,
                    stop=lambda: slices,
                    **more,
                )
        finally:
            await lake.aclose()

    async def rows(self, column: str = "id") -> list[int]:
        lake = open_duckdb(self._path)
        try:
            found = await lake.fetch(exp.select(column).from_("main.Target"))
            return sorted(found.column(0).to_pylist())
        finally:
            await lake.aclose()

    def nothing_new(self) -> None:
        """Let reads of changes find nothing."""
        for each in (each for rows in self.api.lists.values() for each in rows):
            each["updated_at"] = "2020-01-01T00:00:00Z"


@asynccontextmanager
async def swept(
    tmp_path: Path, table: str, count: int, style: str = "page_number"
) -> AsyncIterator[Swept]:
    trial = Swept(items(count, style), tmp_path, table, style)
    async with serving(trial.api):
        await trial.run()
        trial.nothing_new()
        trial.api.asked.clear()
        yield trial


def keys_read(api: Api) -> list[str | None]:
    """Return the pages of keys that were asked for."""
    return [a.get("page") for a in api.asked if a.get("updated_since") is None]


@pytest.mark.parametrize("table", ["Items", "Asked"])
async def test_a_sweep_that_would_remove_nothing_asks_for_nothing_more(
    tmp_path: Path, table: str
) -> None:
    async with swept(tmp_path, table, 10) as trial:
        result = await trial.run()
        assert keys_read(trial.api) == ["1", "2", "3"]
        assert result.deleted == 0
        assert result.requests == len(trial.api.asked)
        assert await trial.rows() == list(range(10))


@pytest.mark.parametrize(("table", "more"), [("Items", ["1", "2", "3"]), ("Asked", ["1"])])
async def test_a_row_that_moved_is_not_taken_for_one_that_went(
    tmp_path: Path, table: str, more: list[str]
) -> None:
    async with swept(tmp_path, table, 10) as trial:
        api = trial.api
        # One request asks for changes; then row 0 goes after the first page, and 4 moves there.
        before(api, 3, going(0))
        result = await trial.run()
        # Row 0 was read before it went; the next sweep removes it.
        assert await trial.rows() == list(range(10))
        assert result.deleted == 0
        assert keys_read(trial.api) == ["1", "2", "3", *more]
        assert result.requests == len(trial.api.asked)


@pytest.mark.parametrize("style", ["page_number", "total"])
async def test_what_is_gone_is_removed(tmp_path: Path, style: str) -> None:
    for table in ("Items", "Asked"):
        path = tmp_path / table
        path.mkdir()
        async with swept(path, table, 10, style) as trial:
            going(2, 9)(trial.api.lists["/items"])
            assert (await trial.run()).deleted == 2
            assert await trial.rows() == [0, 1, 3, 4, 5, 6, 7, 8]


async def test_offsets_that_join_are_believed_at_once(tmp_path: Path) -> None:
    async with swept(tmp_path, "Items", 10, "offset") as trial:
        going(2)(trial.api.lists["/items"])
        assert (await trial.run()).deleted == 1
        assert places(trial.api) == [0, 0, 3, 6]


async def test_an_api_that_has_nothing_is_not_believed_and_not_asked_twice(tmp_path: Path) -> None:
    async with swept(tmp_path, "Items", 10) as trial:
        trial.api.lists["/items"].clear()
        with pytest.raises(EmptyRefused):
            await trial.run()
        assert keys_read(trial.api) == ["1"]
        assert await trial.rows() == list(range(10))


async def test_a_sweep_in_slices_comes_to_its_end(tmp_path: Path) -> None:
    """Parents are places to stop at: a read of their rows goes on at the next one."""
    api = items(2)
    api.lists |= {f"/items/{n}/notes": [row(n), row(n + 50)] for n in range(2)}
    trial = Swept(api, tmp_path, "Below")
    async with serving(api):
        await trial.run()
        trial.nothing_new()
        api.lists["/items/1/notes"].pop()
        slices = [await trial.run(slices=True)]
        while slices[-1].stopped:
            assert len(slices) < 40
            slices.append(await trial.run(slices=True))
    # Every slice of a sweep comes after a whole read of what has changed; all keys are read twice.
    assert len(slices) > 5
    assert sum(result.deleted for result in slices) == 1
    assert await trial.rows() == [0, 1, 50]


async def test_parents_are_read_anew_before_rows_below_them_are_removed(tmp_path: Path) -> None:
    api = items(8)
    api.lists |= {f"/items/{n}/notes": [row(n)] for n in range(8)}
    trial = Swept(api, tmp_path, "Below")
    async with serving(api):
        await trial.run()
        api.asked.clear()
        trial.nothing_new()
        # Parent 4 moves to the first page after that was read, and none of its rows is asked for.
        before(api, 2, going(0))
        await trial.run()
    assert 4 in await trial.rows()
