"""Databricks keeps the destination contract, all of it.

On the quick engine; with SYNCLINE_DATABRICKS_ENGINE=spark on Spark, which takes an hour.
"""

from collections.abc import AsyncIterator

import pytest_asyncio

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import borrowed
from syncline.destinations.databricks import open_databricks
from syncline.model.ports import Destination
from syncline.testing.conformance import DestinationConformance, Opener


class TestDatabricks(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, databricks_server: DatabricksServer) -> AsyncIterator[Opener]:
        with borrowed(databricks_server) as chosen:

            async def opened() -> Destination:
                return open_databricks(chosen)

            yield opened
