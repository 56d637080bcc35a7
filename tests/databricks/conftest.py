"""The warehouse that the suite talks to: of the quick engine, of Spark, or a real one."""

import logging
import os
from collections.abc import Iterator

import pytest

from standins.databricks.fixture import ENGINE, DatabricksServer, running_databricks


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
