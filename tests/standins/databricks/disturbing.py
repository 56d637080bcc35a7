"""Loads that are disturbed, and what is left of that: the rows and the ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TypeAlias

from sqlglot import exp

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.destinations.databricks_connection import Settings
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
async def opened_with(chosen: Settings) -> AsyncIterator[Databricks]:
    destination = Databricks(chosen)
    try:
        yield destination
    finally:
        await destination.aclose()


def _chosen(server: DatabricksServer, options: Mapping[str, Any]) -> Settings:
    """Return settings with a schema and a warehouse that nobody else uses, of the same name.

    So a fault can be meant for this load only, whatever it asks for.
    """
    given = settings_of(server)
    path = f"/sql/1.0/warehouses/{given.schema}"
    chosen = replace(given, http_path=path, patience=_PATIENCE, **options)
    if chosen.auth_scheme == "OAuthM2M":
        return replace(chosen, client_id=server.client_id, client_secret=server.client_secret)
    return chosen


async def ending(destination: Destination, story: Story) -> Ending:
    """Return the rows of the target and those of the ledger."""
    ledger = names.table(names.LEDGER, destination.traits.schema)
    kept = ("task", "generation", "cursor", "passes", "aside", "run")
    query = exp.select(*(column(name) for name in kept)).from_(ledger)
    held = (await destination.fetch(query)).to_pylist()
    return await contents(destination, story.of(0).task), sorted(held, key=repr)


async def loaded(
    server: DatabricksServer, story: Story, disturb: Callable[[str], None], **options: Any
) -> tuple[int, Ending]:
    """Load what was there before, let a fault come, and load, from first to last request.

    Returns how often the fault has happened, and the ending.
    """
    chosen = _chosen(server, options)
    async with opened_with(chosen) as destination:
        if story is not NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(disturb, chosen.schema)
        async with opened_with(chosen) as disturbed:
            await story.run(disturbed, 0)
        left = await asyncio.to_thread(server.clear, chosen.schema)
        if any(not fault["of"] for fault in left):
            raise AssertionError(f"the fault never happened: {left}")
        happened = left[0]["times"] if left else 1
        return happened, await ending(destination, story)


async def counted(
    server: DatabricksServer, story: Story, *, differing: bool = False, **options: Any
) -> tuple[int, Ending]:
    """Return how many requests an undisturbed load makes, and how it ends.

    ``differing``: those that ask for the same are one.
    """

    def watch(schema: str) -> None:
        server.fault(schema, "delay", **({"of": 1} if differing else {"times": _MANY}))

    chosen = _chosen(server, options)
    async with opened_with(chosen) as destination:
        if story is not NEW:
            await story.prepare(destination, 0)
        await asyncio.to_thread(watch, chosen.schema)
        async with opened_with(chosen) as watched:
            await story.run(watched, 0)
        (left,) = await asyncio.to_thread(server.clear, chosen.schema)
        count = left["times"] if differing else _MANY - left["times"]
        return count, await ending(destination, story)
