"""Every fault at every request of a load, statements and uploads: nothing of it can be seen after.

Each load that is disturbed once has to go through by itself, and to end with the rows and the
checkpoint of one that was left alone.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event, Thread
from typing import Any, Final, TypeAlias

import pytest
from sqlglot import exp

from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.load import names
from syncline.load.ddl import column
from syncline.model.ports import Destination
from syncline.testing.conformance_crashes import STORIES, Story
from syncline.testing.conformance_runs import SCHEMA, contents, pages, thing

#: Times that a fault may happen, to count how often it could.
_MANY: Final = 10**6
#: Loads at the same time: each waits some seconds where the server says that it cannot now.
_AT_ONCE: Final = 24
_PATIENCE: Final = 90.0

_Ending: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]]]


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
_NEW: Final = Story(options={"synced_at": True}, batches=pages([thing(1), thing(2)], SCHEMA))
#: Statements of every kind that there are; what is staged is uploaded in each.
_LOADS: Final[Mapping[str, Story]] = {
    "new schema": _NEW,
    **{
        name: STORIES[name]
        for name in ("increment", "soft deletes", "append without a key", "replace", "history")
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    with running_databricks() as started:
        if started.real:
            pytest.skip("faults are those of the stand-in")
        yield started


@asynccontextmanager
async def _opened(server: DatabricksServer, *, machine: bool) -> AsyncIterator[Databricks]:
    chosen = replace(settings_of(server), patience=_PATIENCE)
    if machine:
        chosen = replace(
            chosen,
            auth_scheme="OAuthM2M",
            client_id=server.client_id,
            client_secret=server.client_secret,
        )
    destination = Databricks(chosen)
    try:
        yield destination
    finally:
        await destination.aclose()


async def _ending(destination: Destination, story: Story) -> _Ending:
    """Return the rows of the target and those of the ledger."""
    ledger = names.table(names.LEDGER, destination.traits.schema)
    kept = ("task", "generation", "cursor", "passes", "aside", "run")
    query = exp.select(*(column(name) for name in kept)).from_(ledger)
    held = (await destination.fetch(query)).to_pylist()
    return await contents(destination, story.of(0).task), sorted(held, key=repr)


async def _loaded(
    server: DatabricksServer, story: Story, disturb: Callable[[str], None], *, machine: bool
) -> _Ending:
    """Load what was there before, let a fault come, and load."""
    async with _opened(server, machine=machine) as destination:
        schema = destination.traits.schema
        if story is not _NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(disturb, schema)
        await story.run(destination, 0)
        await asyncio.to_thread(server.clear, schema)
        return await _ending(destination, story)


async def _counted(server: DatabricksServer, story: Story) -> tuple[int, _Ending]:
    """Return how many requests an undisturbed load makes, and how it ends."""
    async with _opened(server, machine=False) as destination:
        schema = destination.traits.schema
        if story is not _NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(lambda: server.fault(schema, "delay", times=_MANY))
        await story.run(destination, 0)
        (left,) = await asyncio.to_thread(server.clear, schema)
        return _MANY - left["times"], await _ending(destination, story)


async def _together(works: list[Callable[[], Awaitable[_Ending]]]) -> list[_Ending]:
    """Await so many at once, each call that blocks on a thread of its own."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * _AT_ONCE))
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Callable[[], Awaitable[_Ending]]) -> _Ending:
        async with free:
            return await work()

    return await asyncio.gather(*map(one, works))


@pytest.mark.parametrize("fault", _FAULTS)
@pytest.mark.parametrize("load", _LOADS)
async def test_a_fault_at_every_request(server: DatabricksServer, load: str, fault: str) -> None:
    story, chosen = _LOADS[load], _FAULTS[fault]
    requests, clean = await _counted(server, story)
    assert requests > 8
    assert clean[0]

    def disturbed(number: int) -> Callable[[], Awaitable[_Ending]]:
        def disturb(schema: str) -> None:
            server.fault(schema, chosen.action, nth=number, **chosen.options)

        return lambda: _loaded(server, story, disturb, machine=chosen.machine)

    found = await _together([disturbed(number + 1) for number in range(requests)])
    wrong = [number for number, ending in enumerate(found) if ending != clean]
    assert not wrong, found[wrong[0]]


@contextmanager
def _revived(server: DatabricksServer) -> Iterator[None]:
    """Start the server again whenever its process has ended."""
    over = Event()

    def watch() -> None:
        while not over.is_set() and server.process:
            with suppress(subprocess.TimeoutExpired):
                server.process.wait(0.1)
                server.start()

    watching = Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


@pytest.mark.parametrize("load", ["new schema", "increment", "append without a key"])
@pytest.mark.parametrize("action", ["die_before", "die_after"])
async def test_the_server_is_killed_at_every_request(
    server: DatabricksServer, load: str, action: str
) -> None:
    story = _LOADS[load]
    requests, clean = await _counted(server, story)
    with _revived(server):
        for number in range(requests):

            def disturb(schema: str, nth: int = number + 1) -> None:
                server.fault(schema, action, nth=nth)

            assert await _loaded(server, story, disturb, machine=False) == clean
