"""Databricks as a destination, on the stand-in's quick engine: one load of each kind.

The whole contract, on Spark and under faults, is the business of ``make test-databricks``.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
import pytest_asyncio

from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.errors import DestinationRefused
from syncline.load import names
from syncline.model.batch import Reject
from syncline.model.job import Deletes, Disposition
from syncline.model.table import field_of
from syncline.testing.conformance_runs import (
    SCHEMA,
    Trial,
    contents,
    gone,
    ordered,
    task,
    thing,
)


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    # The driver writes every message it sends, and pytest would keep them all.
    logging.getLogger("databricks.sql").setLevel(logging.WARNING)
    with running_databricks() as server:
        yield server


@pytest_asyncio.fixture
async def destination(server: DatabricksServer) -> AsyncIterator[Databricks]:
    destination = Databricks(settings_of(server))
    yield destination
    await destination.aclose()


@pytest.mark.parametrize("deletes", [Deletes.HARD, Deletes.SOFT])
async def test_merge(destination: Databricks, deletes: Deletes) -> None:
    trial = Trial(task=task(deletes=deletes))
    await trial.run(destination, trial.rows([thing(n) for n in range(5)]))
    changed = [thing(1, "new", minute=1), thing(7)]
    (batch,) = trial.rows(changed, at=100)
    outcome = await trial.run(destination, [replace(batch, complete=False), gone([3], at=110)])
    assert (outcome.result.inserted, outcome.result.updated, outcome.result.deleted) == (1, 1, 1)
    alive = [r for r in await contents(destination, trial.task) if not r.get("_deleted_at")]
    assert sorted(r["id"] for r in alive) == [0, 1, 2, 4, 7]


_WIDE = [(f"c{n:02}", pa.int32()) for n in range(40)]


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
@pytest.mark.parametrize(
    ("before", "row"),
    [
        # Only the first 32 columns have the statistics that clustering needs.
        (_WIDE, {name: 1 for name, _ in _WIDE}),
        # These have none at all.
        ([("flag", pa.bool_()), ("bytes", pa.binary())], {"flag": True, "bytes": b"x"}),
    ],
    ids=["wide", "types"],
)
async def test_keys_that_a_table_cannot_be_clustered_by(
    destination: Databricks,
    disposition: Disposition,
    before: list[tuple[str, pa.DataType]],
    row: dict[str, Any],
) -> None:
    """When a table is made, and when one of other columns takes its place."""
    schema = pa.schema([*before, *SCHEMA])
    trial = Trial(task=task("Wide", disposition=disposition), schema=schema)
    trial = trial.but(key=(before[-1][0], "id"), has_cursor=disposition is Disposition.MERGE)
    await trial.run(destination, trial.rows([thing(1) | row]))
    trial = trial.but(schema=pa.schema([*schema, ("more", pa.int32())]))
    rows = [thing(1, "new", minute=1) | row | {"more": 1}]
    await trial.run(destination, trial.rows(rows, at=100))
    assert await contents(destination, trial.task) == rows


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
async def test_times_without_a_zone_come_later(
    destination: Databricks, disposition: Disposition
) -> None:
    """Twice: a table has to be told of them once, and may be told again."""
    trial = Trial(task=task("Local", disposition=disposition))
    trial = trial.but(has_cursor=disposition is Disposition.MERGE)
    await trial.run(destination, trial.rows([thing(1)]))
    row = thing(1, "new", minute=1)
    for number, name in enumerate(("begins", "ends")):
        trial = trial.but(schema=pa.schema([*trial.schema, (name, pa.timestamp("us"))]))
        row |= {name: datetime(2026, 3, 29, 2, 30 + number)}  # noqa: DTZ001 (it has no zone)
        await trial.run(destination, trial.rows([row], at=100 + number))
        assert await contents(destination, trial.task) == [row]


@pytest.mark.parametrize("transactions", ["Off", "On"])
async def test_values_that_look_like_variables(server: DatabricksServer, transactions: str) -> None:
    """As keys, which a merge names in ranges, and as a cursor, which the checkpoint names."""
    schema = pa.schema([("id", pa.string()), *list(SCHEMA)[1:]])
    trial = Trial(task=task(commit_rows=100), schema=schema)
    given = ["${spark.app.name}", "${x}", "a${env:HOME}", "\\${x}'\n", "${", "é"]
    destination = Databricks(replace(settings_of(server), transactions=transactions))
    for at, name in ((0, "first"), (100, "second")):
        rows = [thing(1, name) | {"id": value} for value in given]
        (batch,) = trial.rows(rows, at=at, size=100)
        await trial.run(destination, [replace(batch, cursor={"after": given, "at": at})])
    for number, value in enumerate(given):
        (batch,) = trial.rows([thing(1, f"new {value}") | {"id": value}], at=200 + number)
        await trial.run(destination, [batch])
    found = await contents(destination, trial.task, "id", "name")
    assert found == ordered([{"id": value, "name": f"new {value}"} for value in given])
    await destination.aclose()


async def test_append_without_a_key(destination: Databricks, server: DatabricksServer) -> None:
    trial = Trial(task=task(disposition=Disposition.APPEND), key=(), version=None, has_cursor=False)
    rows = [thing(1), thing(1), thing(2)]
    for at in (0, 100):
        await trial.run(destination, trial.rows(rows, at=at))
    assert await contents(destination, trial.task) == ordered([*rows, *rows])
    # The driver sends a statement again after a lost connection: rows would be there twice.
    assert not [s for s in server.log() if s.startswith("INSERT INTO")]


async def test_replace_and_history(destination: Databricks) -> None:
    replaced = Trial(task=task("R", disposition=Disposition.REPLACE), has_cursor=False)
    await replaced.run(destination, replaced.rows([thing(1), thing(2)]))
    await replaced.run(destination, replaced.rows([thing(3)]))
    assert await contents(destination, replaced.task) == [thing(3)]
    kept = Trial(task=task("H", disposition=Disposition.HISTORY))
    await kept.run(destination, kept.rows([thing(1)]))
    await kept.run(destination, kept.rows([thing(1, "new", minute=5)], at=100))
    found = await contents(destination, kept.task, "name", "_active")
    assert found == ordered(
        [{"name": "name 1", "_active": False}, {"name": "new", "_active": True}]
    )


async def test_rejects_of_a_run_that_died_are_replaced(
    destination: Databricks, server: DatabricksServer
) -> None:
    """Each statement commits for itself: a run that dies later has written its rejects already."""
    trial = Trial(task=task("Rejecting", rejects=True))
    rejects = task(names.rejects(trial.task.target, destination.traits))
    (batch,) = trial.rows([thing(1)])
    bad = [Reject(record=f'{{"id": "x{n}"}}', reason="not a number", column="id") for n in range(3)]
    for number, kept in enumerate((bad, bad[:2], [])):
        # The checkpoint comes after everything else.
        server.fault("_syncline_rows`.`generation` > 0 THEN INSERT", "error", message="[DOWN] no")
        with pytest.raises(DestinationRefused):
            await trial.run(destination, [replace(batch, rejects=tuple(kept))], run=f"run {number}")
        assert not server.clear()
        found = await contents(destination, rejects, "record", "run")
        assert found == ordered([{"record": r.record, "run": f"run {number}"} for r in kept])
    await trial.run(destination, [replace(batch, rejects=tuple(bad))], run="last")
    found = await contents(destination, rejects, "id", "run")
    assert found == [{"id": f"{trial.task.id}/1/{n}", "run": "last"} for n in range(3)]
    # Another commit adds its own.
    (later,) = trial.rows([thing(2)], at=100)
    await trial.run(destination, [replace(later, rejects=(bad[0],))], run="next")
    assert len(await contents(destination, rejects)) == 4


async def test_a_table_is_told_what_it_is(server: DatabricksServer) -> None:
    before, chosen = len(server.log()), settings_of(server)
    number = field_of("id", pa.int64(), description="Number")
    described = pa.schema([number, *(f for f in SCHEMA if f.name != "id")])
    for name, disposition, clustering in (
        ("Merged", Disposition.MERGE, "Key"),
        ("Kept", Disposition.HISTORY, "Auto"),
    ):
        destination = Databricks(replace(chosen, clustering=clustering))
        trial = Trial(task=task(name, disposition=disposition), schema=described)
        await trial.run(destination, trial.rows([thing(1)]))
        await destination.aclose()
    made = {
        name: next(s for s in server.log()[before:] if s.startswith("CREATE TABLE") and name in s)
        for name in ("`merged`", "`kept`")
    }
    assert all("`id` BIGINT NOT NULL COMMENT 'Number'" in text for text in made.values())
    assert all("CLUSTER BY (`id`)" in text for text in made.values())
    assert "PRIMARY KEY (`id`) NOT ENFORCED" in made["`merged`"]
    # Several versions have the same key.
    assert "PRIMARY KEY" not in made["`kept`"]
    automatic = [s for s in server.log()[before:] if s.endswith("CLUSTER BY AUTO")]
    assert automatic == [f"ALTER TABLE `{chosen.schema}`.`kept` CLUSTER BY AUTO"]


async def test_a_collation_that_cannot_be_compared(
    destination: Databricks, server: DatabricksServer
) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows([thing(1)]))
    text = (
        "[COLLATION_MISMATCH.IMPLICIT] Could not determine which collation to use. SQLSTATE: 42P22"
    )
    server.fault(f"MERGE INTO `{destination.traits.schema}`.`things`", "error", message=text)
    with pytest.raises(DestinationRefused) as refused:
        await trial.run(destination, trial.rows([thing(2)], at=100))
    assert "STRING COLLATE UTF8_BINARY" in refused.value.hint
    await trial.run(destination, trial.rows([thing(2)], at=100))
    assert await contents(destination, trial.task) == ordered([thing(1), thing(2)])
