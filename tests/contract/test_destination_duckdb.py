"""DuckDB keeps the destination contract, in memory and in a file."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest_asyncio

from syncline.destinations.duckdb import open_duckdb
from syncline.model.ports import Destination
from syncline.testing.conformance import DestinationConformance, Opener


class TestInMemory(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self) -> AsyncIterator[Opener]:
        # A named database in memory lives as long as one connection to it.
        name = f":memory:{uuid4().hex}"
        anchor = open_duckdb(name, schema="clio")

        async def opened() -> Destination:
            return open_duckdb(name, schema="clio")

        yield opened
        await anchor.aclose()


class TestInFile(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, tmp_path: Path) -> AsyncIterator[Opener]:
        async def opened() -> Destination:
            return open_duckdb(str(tmp_path / "test.duckdb"))

        yield opened
