"""Databricks' own SQL, as Spark and Delta Lake understand it: the loads that matter most."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlglot import exp

from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks, open_databricks
from syncline.destinations.databricks_connection import Settings
from syncline.model.job import Deletes, Disposition
from syncline.model.ports import Destination
from syncline.testing.conformance_dispositions import DispositionsConformance
from syncline.testing.conformance_history import HistoryConformance
from syncline.testing.conformance_runs import (
    Opener,
    Trial,
    contents,
    gone,
    ordered,
    task,
    thing,
)


@pytest.fixture(scope="module")
def spark_settings(spark_server: DatabricksServer) -> Settings:
    return settings_of(spark_server)


@pytest_asyncio.fixture
async def spark(spark_server: DatabricksServer) -> AsyncIterator[Databricks]:
    destination = Databricks(settings_of(spark_server))
    yield destination
    await destination.aclose()


async def test_a_merge_with_removals(spark: Databricks) -> None:
    trial = Trial(task=task(commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2), thing(3)]))
    (batch,) = trial.rows([thing(2, "new", minute=1), thing(4)], at=100)
    outcome = await trial.run(spark, [replace(batch, complete=False), gone([3], at=110)])
    assert (outcome.result.inserted, outcome.result.updated, outcome.result.deleted) == (1, 1, 1)
    wanted = [thing(1), thing(2, "new", minute=1), thing(4)]
    assert await contents(spark, trial.task) == ordered(wanted)


async def test_soft_deletes(spark: Databricks) -> None:
    trial = Trial(task=task(deletes=Deletes.SOFT, synced_at=True, commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2)]))
    outcome = await trial.run(spark, [gone([2], at=110)])
    assert (outcome.result.updated, outcome.result.deleted) == (0, 1)
    rows = {r["id"]: r for r in await contents(spark, trial.task)}
    assert rows[2]["_deleted_at"] == rows[2]["_synced_at"]
    assert rows[1]["_deleted_at"] is None


async def test_history_is_one_merge(spark: Databricks, spark_server: DatabricksServer) -> None:
    trial = Trial(task=task(disposition=Disposition.HISTORY, commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2)]))
    before = len(spark_server.log())
    await trial.run(spark, trial.rows([thing(1, "new", minute=5), thing(3)], at=100))
    merges = [s for s in spark_server.log()[before:] if s.startswith("MERGE") and "things" in s]
    assert len([s for s in merges if "_syncline_checkpoints` AS" not in s.split("USING")[0]]) == 1
    found = await contents(spark, trial.task, "id", "name", "_active")
    assert found == ordered(
        [
            {"id": 1, "name": "name 1", "_active": False},
            {"id": 1, "name": "new", "_active": True},
            {"id": 2, "name": "name 2", "_active": True},
            {"id": 3, "name": "name 3", "_active": True},
        ]
    )


@pytest.mark.parametrize("keyed", [True, False])
async def test_replace_in_one_commit(spark: Databricks, *, keyed: bool) -> None:
    trial = Trial(task=task(disposition=Disposition.REPLACE), has_cursor=False)
    trial = trial if keyed else trial.but(key=(), version=None)
    await trial.run(spark, trial.rows([thing(1), thing(2), thing(3)]))
    await trial.run(spark, trial.rows([thing(2, "x"), thing(4)]))
    assert await contents(spark, trial.task) == ordered([thing(2, "x"), thing(4)])


async def test_append_adds_every_file_once(spark: Databricks) -> None:
    trial = Trial(task=task(disposition=Disposition.APPEND), key=(), version=None, has_cursor=False)
    rows = [thing(1), thing(1), thing(2)]
    await trial.run(spark, trial.rows(rows))
    await trial.run(spark, trial.rows(rows, at=100))
    assert await contents(spark, trial.task) == ordered([*rows, *rows])


async def test_a_table_is_kept_as_it_should_be(spark: Databricks) -> None:
    trial = Trial(task=task(commit_rows=100))
    await trial.run(spark, trial.rows([thing(1)]))
    name = exp.table_("things", db=spark.traits.schema, quoted=True).sql("databricks")
    detail = spark._sent(f"DESCRIBE DETAIL {name}").to_pylist()[0]
    assert detail["clusteringColumns"] == ["id"]
    properties = dict(detail["properties"])
    assert properties["delta.columnMapping.mode"] == "name"
    assert properties["delta.enableTypeWidening"] == "true"


class TestDispositions(DispositionsConformance):
    @pytest_asyncio.fixture
    async def destination(self, spark: Databricks) -> AsyncIterator[Destination]:
        yield spark


class TestHistory(HistoryConformance):
    @pytest_asyncio.fixture
    async def destination(self, spark: Databricks) -> AsyncIterator[Destination]:
        yield spark

    @pytest_asyncio.fixture
    async def open_destination(self, spark_settings: Settings) -> AsyncIterator[Opener]:
        async def opened() -> Destination:
            return open_databricks(spark_settings)

        yield opened
