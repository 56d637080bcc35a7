"""The suite that every destination must pass; use it in the tests of your own.

Needs `pytest` and `pytest-asyncio`. Subclass it where pytest collects, and give it a fixture::

    class TestMine(DestinationConformance):
        @pytest_asyncio.fixture
        async def open_destination(self) -> AsyncIterator[Opener]:
            ...  # make an empty database (or schema) of its own for this test
            yield lambda: open_mine(...)  # an awaitable of a new connection to it
            ...  # close what is open, drop it

What a test asks for follows from the destination's traits alone; nothing is skipped otherwise.
"""

from collections.abc import AsyncIterator

import pytest_asyncio

from syncline.model.ports import Destination
from syncline.testing.conformance_crashes import CrashesConformance
from syncline.testing.conformance_deletes import DeletesConformance
from syncline.testing.conformance_dispositions import DispositionsConformance
from syncline.testing.conformance_evolution import EvolutionConformance
from syncline.testing.conformance_history import HistoryConformance
from syncline.testing.conformance_ledger import LedgerConformance
from syncline.testing.conformance_names import NamesConformance
from syncline.testing.conformance_runs import Opener
from syncline.testing.conformance_types import TypesConformance

__all__ = ["DestinationConformance", "FailuresConformance", "Opener", "RowsConformance"]


class _Opened:
    @pytest_asyncio.fixture
    async def destination(self, open_destination: Opener) -> AsyncIterator[Destination]:
        """One connection, closed when the test ends."""
        destination = await open_destination()
        yield destination
        await destination.aclose()


class RowsConformance(
    _Opened,
    TypesConformance,
    NamesConformance,
    DispositionsConformance,
    DeletesConformance,
    HistoryConformance,
    EvolutionConformance,
    LedgerConformance,
):
    """Every promise but those for calls that fail and processes that die."""


class FailuresConformance(_Opened, CrashesConformance):
    """The rest: it takes about as long, so it can be run beside."""


class DestinationConformance(RowsConformance, FailuresConformance):
    """Every promise of `syncline.model.ports.Destination`, as the load algorithm relies on it."""
