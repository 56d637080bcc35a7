"""Reads that are ended early, or cancelled, leave nothing behind; pages are fetched ahead."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from standins.pages import Api, answering, serving
from standins.reading import HEAD, ITEMS, NEXT_LINK, batches_of, items, scan_of, source_of
from syncline.errors import ProfileError
from syncline.extract.ahead import LEAD

PROFILE = HEAD + NEXT_LINK + ITEMS


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """Fail if the test leaves tasks, or errors that nobody has seen."""
    loop = asyncio.get_running_loop()
    unseen: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert [t for t in asyncio.all_tasks() if "syncline" in repr(t)] == []
    assert unseen == []


def reading_tasks() -> int:
    return sum("_Runner._run" in repr(task) for task in asyncio.all_tasks())


async def test_closing_a_read_ends_its_tasks() -> None:
    async with (
        serving(Api(lists={"/items": items(300)}, delay=0.005)) as api,
        source_of(api, PROFILE) as source,
    ):
        read = source.read(await scan_of(source, "Items"), None)
        await anext(read)
        assert reading_tasks() == 1
        await read.aclose()
        assert reading_tasks() == 0


async def test_leaving_the_loop_ends_its_tasks() -> None:
    async with (
        serving(Api(lists={"/items": items(300)}, delay=0.005)) as api,
        source_of(api, PROFILE) as source,
    ):
        async with aclosing(source.read(await scan_of(source, "Items"), None)) as batches:
            async for _ in batches:
                break
        assert reading_tasks() == 0


@pytest.mark.parametrize("after", [0.0, 0.02, 0.1])
async def test_cancelling_a_reader_ends_its_tasks(after: float) -> None:
    async with (
        serving(Api(lists={"/items": items(3000)}, delay=0.005)) as api,
        source_of(api, PROFILE) as source,
    ):
        task = asyncio.create_task(batches_of(source, await scan_of(source, "Items")))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert reading_tasks() == 0


async def test_an_error_ahead_of_a_reader_who_left_is_nobodys() -> None:
    async with (
        serving(Api(lists={"/items": items(30)})) as api,
        source_of(api, PROFILE) as source,
    ):
        api.faults.extend([None, answering(400)])
        read = source.read(await scan_of(source, "Items"), None)
        await anext(read)
        await asyncio.sleep(0.05)
        await read.aclose()


async def test_a_read_that_is_dropped_is_closed_by_the_loop() -> None:
    async with (
        serving(Api(lists={"/items": items(300)}, delay=0.005)) as api,
        source_of(api, PROFILE) as source,
    ):
        read = source.read(await scan_of(source, "Items"), None)
        await anext(read)
        del read
        gc.collect()
        await asyncio.sleep(0.05)
        assert reading_tasks() == 0


async def test_pages_are_fetched_ahead_but_not_without_end() -> None:
    async with (
        serving(Api(lists={"/items": items(300)})) as api,
        source_of(api, PROFILE) as source,
    ):
        read = source.read(await scan_of(source, "Items"), None)
        await anext(read)
        await asyncio.sleep(0.5)
        # One handed on, so many waiting, one that does not fit among them, and the one after it.
        assert len(api.asked) == LEAD + 3
        await read.aclose()


async def test_the_next_page_is_under_way_while_this_one_is_worked_on() -> None:
    api = Api(lists={"/items": items(30)}, delay=0.05)
    async with serving(api), source_of(api, PROFILE) as source:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        async for _ in source.read(await scan_of(source, "Items"), None):
            await asyncio.sleep(0.04)
        # Ten pages of 0.05 s, and the work on the last; one after the other it would be 0.9 s.
        assert loop.time() - begun < 0.75


async def test_an_error_ends_all_walks_of_a_read() -> None:
    profile = f"""{HEAD}{NEXT_LINK}
tables:
  Kinds:
    path: /items
    fan_out: {{parameter: kind, values: [a, b, c, d, e, f], into: which}}
    columns: {{id: integer}}
"""
    rows = [{"id": n, "kind": "abcdef"[n % 6]} for n in range(600)]
    async with (
        serving(Api(lists={"/items": rows}, delay=0.005)) as api,
        source_of(api, profile) as source,
    ):
        api.faults.extend([None] * 20 + [answering(400)])
        with pytest.raises(ProfileError):
            await batches_of(source, await scan_of(source, "Kinds"))
        assert reading_tasks() == 0
