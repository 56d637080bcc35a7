"""The destination contract where rows and checkpoint are one transaction of Databricks."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import open_databricks
from syncline.model.ports import Destination
from syncline.testing.conformance import FailuresConformance, Opener
from syncline.testing.conformance_dispositions import DispositionsConformance


class TestTransactions(FailuresConformance, DispositionsConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, databricks_server: DatabricksServer) -> AsyncIterator[Opener]:
        chosen = replace(settings_of(databricks_server), transactions="On")

        async def opened() -> Destination:
            return open_databricks(chosen)

        yield opened
