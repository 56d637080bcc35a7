"""The stand-in for Databricks, with Spark."""

import pytest

from standins.databricks.contract import StandInContract
from standins.databricks.fixture import DatabricksServer


@pytest.fixture
def server(spark_server: DatabricksServer) -> DatabricksServer:
    if spark_server.real:
        pytest.skip("the stand-in is not used")
    return spark_server


class TestSpark(StandInContract):
    pass
