"""The warehouse that the suite talks to: of the quick engine, of Spark, or a real one."""

import logging
import os
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest
import pytest_asyncio

from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.destinations.databricks_connection import Settings

#: The engine of the whole contract, ``quick`` or ``spark``.
ENGINE: Final = "SYNCLINE_DATABRICKS_ENGINE"


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    # The driver writes every message it sends, and pytest would keep them all.
    logging.getLogger("databricks.sql").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def databricks_server() -> Iterator[DatabricksServer]:
    chosen = os.environ.get(ENGINE, "quick")
    with running_databricks(chosen, "--few-rows") as server:
        yield server


@pytest.fixture(scope="session")
def spark_server() -> Iterator[DatabricksServer]:
    with running_databricks("spark", "--few-rows") as server:
        yield server


@pytest.fixture
def settings(databricks_server: DatabricksServer) -> Settings:
    return settings_of(databricks_server)


@pytest_asyncio.fixture
async def opened(settings: Settings) -> AsyncIterator[Databricks]:
    destination = Databricks(settings)
    yield destination
    await destination.aclose()
