"""Databricks keeps the destination contract, all of it.

On the quick engine; with SYNCLINE_DATABRICKS_ENGINE=spark on Spark, which takes an hour.
"""

import os
import re
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from standins.databricks.fixture import ENGINE, DatabricksServer
from standins.databricks.settings import borrowed
from syncline.destinations.databricks import open_databricks
from syncline.model.ports import Destination
from syncline.testing.conformance import DestinationConformance, Opener

#: Names that Databricks takes, but not the catalog or the folders of Spark by itself.
_NOT_SPARK: Final = re.compile(
    r"of_a_(?:schema|table)"
    r"\[(?:128 wide characters|brackets|percent|quotes|semicolon|slashes|unicode)"
)


class TestDatabricks(DestinationConformance):
    @pytest.fixture(autouse=True)
    def taken(self, request: pytest.FixtureRequest) -> None:
        if os.environ.get(ENGINE) == "spark" and _NOT_SPARK.search(request.node.name):
            pytest.skip("Spark's own catalog takes letters, digits and _ only")

    @pytest_asyncio.fixture
    async def open_destination(self, databricks_server: DatabricksServer) -> AsyncIterator[Opener]:
        with borrowed(databricks_server) as chosen:

            async def opened() -> Destination:
                return open_databricks(chosen)

            yield opened
