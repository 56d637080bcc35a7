"""Loads that are disturbed, and what is left of that: the rows and the ledger."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from threading import Event, Thread
from typing import Any, Final, TypeAlias

from sqlglot import exp

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.load import names
from syncline.load.ddl import column
from syncline.model.ports import Destination
from syncline.testing.conformance_crashes import Story
from syncline.testing.conformance_runs import SCHEMA, contents, pages, thing

#: Rows of the target, and of the ledger.
Ending: TypeAlias = tuple[list[dict[str, Any]], list[dict[str, Any]]]
#: A load into a schema that is not there.
NEW: Final = Story(options={"synced_at": True}, batches=pages([thing(1), thing(2)], SCHEMA))
#: Times that a fault may happen, to count how often it could.
_MANY: Final = 10**6
_PATIENCE: Final = 90.0


@asynccontextmanager
async def opened_with(server: DatabricksServer, *, machine: bool) -> AsyncIterator[Databricks]:
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


async def ending(destination: Destination, story: Story) -> Ending:
    """Return the rows of the target and those of the ledger."""
    ledger = names.table(names.LEDGER, destination.traits.schema)
    kept = ("task", "generation", "cursor", "passes", "aside", "run")
    query = exp.select(*(column(name) for name in kept)).from_(ledger)
    held = (await destination.fetch(query)).to_pylist()
    return await contents(destination, story.of(0).task), sorted(held, key=repr)


async def loaded(
    server: DatabricksServer, story: Story, disturb: Callable[[str], None], *, machine: bool
) -> Ending:
    """Load what was there before, let a fault come, and load."""
    async with opened_with(server, machine=machine) as destination:
        schema = destination.traits.schema
        if story is not NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(disturb, schema)
        await story.run(destination, 0)
        left = await asyncio.to_thread(server.clear, schema)
        if left:
            raise AssertionError(f"the fault never happened: {left}")
        return await ending(destination, story)


async def counted(server: DatabricksServer, story: Story) -> tuple[int, Ending]:
    """Return how many requests an undisturbed load makes, and how it ends."""
    async with opened_with(server, machine=False) as destination:
        schema = destination.traits.schema
        if story is not NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(lambda: server.fault(schema, "delay", times=_MANY))
        await story.run(destination, 0)
        (left,) = await asyncio.to_thread(server.clear, schema)
        return _MANY - left["times"], await ending(destination, story)


@contextmanager
def revived(server: DatabricksServer) -> Iterator[None]:
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
