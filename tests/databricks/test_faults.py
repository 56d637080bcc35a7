"""Every fault at every request of a load, statements and uploads: nothing of it can be seen after.

Each load that is disturbed once has to go through by itself, and to end with the rows and the
checkpoint of one that was left alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from standins.databricks.disturbing import NEW, Ending, counted, loaded, revived
from standins.databricks.fixture import DatabricksServer, running_databricks
from syncline.testing.conformance_crashes import STORIES, Story

#: Loads at the same time: each waits some seconds where the server says that it cannot now.
_AT_ONCE: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """A fault, and what it takes for it to happen."""

    action: str
    options: Mapping[str, int]
    #: With tokens that end.
    machine: bool = False


_FAULTS: Final[Mapping[str, Disturbance]] = {
    "unavailable": Disturbance(action="status", options={"status": 503}),
    "too many": Disturbance(action="status", options={"status": 429, "retry_after": 1}),
    "dropped before": Disturbance(action="drop_before", options={}),
    "dropped after": Disturbance(action="drop_after", options={}),
    "token expired": Disturbance(action="expire", options={}, machine=True),
}
#: Each fault at loads by MERGE (of a table that gets a column) and by COPY INTO, and those that
#: leave most to chance at every other kind.
_CASES: Final = [
    *((load, fault) for load in ("increment", "append without a key") for fault in _FAULTS),
    *(
        (load, fault)
        for load in ("new schema", "replace", "history")
        for fault in ("unavailable", "dropped after")
    ),
]
_STORIES: Final[Mapping[str, Story]] = {**STORIES, "new schema": NEW}


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    with running_databricks() as started:
        if started.real:
            pytest.skip("faults are those of the stand-in")
        yield started


async def _together(works: list[Callable[[], Awaitable[Ending]]]) -> list[Ending]:
    """Await so many at once, each call that blocks on a thread of its own."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * _AT_ONCE))
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Callable[[], Awaitable[Ending]]) -> Ending:
        async with free:
            return await work()

    return await asyncio.gather(*map(one, works))


@pytest.mark.parametrize(("load", "fault"), _CASES)
async def test_a_fault_at_every_request(server: DatabricksServer, load: str, fault: str) -> None:
    story, chosen = _STORIES[load], _FAULTS[fault]
    requests, clean = await counted(server, story)
    assert requests > 8
    assert clean[0]

    def disturbed(number: int) -> Callable[[], Awaitable[Ending]]:
        def disturb(schema: str) -> None:
            server.fault(schema, chosen.action, nth=number, **chosen.options)

        return lambda: loaded(server, story, disturb, machine=chosen.machine)

    found = await _together([disturbed(number + 1) for number in range(requests)])
    wrong = [number for number, ending in enumerate(found) if ending != clean]
    assert not wrong, found[wrong[0]]


@pytest.mark.parametrize(
    ("load", "action"),
    [
        ("increment", "die_before"),
        ("increment", "die_after"),
        ("append without a key", "die_after"),
    ],
)
async def test_the_server_is_killed_at_every_request(
    server: DatabricksServer, load: str, action: str
) -> None:
    story = _STORIES[load]
    requests, clean = await counted(server, story)
    with revived(server):
        for number in range(requests):

            def disturb(schema: str, nth: int = number + 1) -> None:
                server.fault(schema, action, nth=nth)

            assert await loaded(server, story, disturb, machine=False) == clean
