"""The destination contract where rows and checkpoint are one transaction of Databricks."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest_asyncio

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks, open_databricks
from syncline.destinations.databricks_check import checks
from syncline.model.ports import Destination
from syncline.testing.conformance import FailuresConformance, Opener
from syncline.testing.conformance_dispositions import DispositionsConformance
from syncline.testing.conformance_runs import Trial, contents, gone, ordered, task, thing


class TestTransactions(FailuresConformance, DispositionsConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, databricks_server: DatabricksServer) -> AsyncIterator[Opener]:
        chosen = replace(settings_of(databricks_server), transactions="On")

        async def opened() -> Destination:
            return open_databricks(chosen)

        yield opened


async def test_rows_and_checkpoint_on_spark(spark_server: DatabricksServer) -> None:
    destination = Databricks(replace(settings_of(spark_server), transactions="On"))
    before, trial = len(spark_server.log()), Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
    (batch,) = trial.rows([thing(2, "new", minute=1), thing(4)], at=100)
    outcome = await trial.run(destination, [replace(batch, complete=False), gone([3], at=110)])
    assert (outcome.result.inserted, outcome.result.updated, outcome.result.deleted) == (1, 1, 1)
    wanted = [thing(1), thing(2, "new", minute=1), thing(4)]
    assert await contents(destination, trial.task) == ordered(wanted)
    # Those of a workspace are not told.
    if not spark_server.real:
        blocks = [s for s in spark_server.log()[before:] if s.startswith("BEGIN ATOMIC")]
        assert len(blocks) == 2
    await destination.aclose()


async def test_the_connection_is_tested_with_sql_of_spark(spark_server: DatabricksServer) -> None:
    settings = settings_of(spark_server)
    for _ in range(2):
        found = [check async for check in checks(settings, lambda _: None)]
        assert [(check.name, check.error) for check in found if check.error] == []
        assert len(found) == 6
