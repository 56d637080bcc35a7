"""Rows and checkpoint in one transaction of Databricks, and without it where there is none."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.destinations.databricks_atomic import block, with_files
from syncline.errors import DestinationRefused, StaleGeneration
from syncline.load import names
from syncline.load.loader import load
from syncline.model.job import Deletes
from syncline.testing.conformance_runs import (
    Trial,
    contents,
    gone,
    ordered,
    reading,
    task,
    thing,
)

_CHECKPOINT = "_syncline_rows`.`generation` > 0 THEN INSERT"


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    logging.getLogger("databricks.sql").setLevel(logging.ERROR)
    with running_databricks() as server:
        yield server


@pytest.fixture(scope="module")
def without() -> Iterator[DatabricksServer]:
    with running_databricks("quick", "--no-transactions") as server:
        yield server


def _opened(server: DatabricksServer, transactions: str = "On") -> Databricks:
    return Databricks(replace(settings_of(server), transactions=transactions))


def _blocks(server: DatabricksServer, since: int) -> list[str]:
    return [s for s in server.log()[since:] if s.startswith("BEGIN ATOMIC")]


def _asked(server: DatabricksServer, since: int) -> list[str]:
    return [s for s in server.log()[since:] if s.startswith("SHOW TBLPROPERTIES")]


@pytest.mark.parametrize("deletes", [Deletes.HARD, Deletes.SOFT])
async def test_rows_and_checkpoint_are_one_transaction(
    server: DatabricksServer, deletes: Deletes
) -> None:
    before, destination = len(server.log()), _opened(server)
    trial = Trial(task=task(deletes=deletes))
    await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
    (batch,) = trial.rows([thing(2, "new", minute=1), thing(4)], at=100)
    outcome = await trial.run(destination, [replace(batch, complete=False), gone([3], at=110)])
    result = outcome.result
    assert (result.inserted, result.updated, result.deleted) == (1, 1, 1)
    rows = [r for r in await contents(destination, trial.task) if not r.get("_deleted_at")]
    assert sorted(r["id"] for r in rows) == [1, 2, 4]
    blocks = _blocks(server, before)
    # Pages of two rows: each commit is one.
    assert len(blocks) >= 2
    assert all("READ_FILES" in text and _CHECKPOINT in text for text in blocks)
    merges = [s for s in server.log()[before:] if s.startswith("MERGE")]
    assert not [s for s in merges if "`things`" in s.partition("USING")[0]]
    await destination.aclose()


async def test_what_fails_leaves_nothing(server: DatabricksServer) -> None:
    destination = _opened(server)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    server.fault("BEGIN ATOMIC", "error", message="[DELTA_CONCURRENT_APPEND] others", times=2)
    before = len(server.log())
    rows = [thing(1), thing(2)]
    await trial.run(destination, trial.rows(rows, at=100))
    assert await contents(destination, trial.task) == ordered(rows)
    assert len(_blocks(server, before)) >= 2
    await destination.aclose()


@pytest.mark.parametrize("action", ["drop_before", "drop_after"])
async def test_a_transaction_that_is_sent_twice(server: DatabricksServer, action: str) -> None:
    destination = _opened(server)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    server.fault("BEGIN ATOMIC", action)
    rows = [thing(1, "new", minute=1), thing(2)]
    await trial.run(destination, trial.rows(rows, at=100))
    assert await contents(destination, trial.task) == ordered(rows)
    assert not server.clear()
    await destination.aclose()


@pytest.mark.parametrize("transactions", ["On", "Off"])
async def test_a_stale_run_is_refused_as_a_whole(
    server: DatabricksServer, transactions: str
) -> None:
    first = _opened(server, transactions)
    second = Databricks(first._settings)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(first, trial.rows([thing(1)]))

    work, decision, _ = await trial.begin(first, run="first")
    await trial.run(second, trial.rows([thing(2)], at=100), run="second")
    with pytest.raises(StaleGeneration):
        await load(reading(trial.rows([thing(3)], at=200), decision.since), work)
    found = await contents(first, trial.task)
    assert {r["id"] for r in found} == {1, 2}
    await first.aclose()
    await second.aclose()


async def test_tables_that_are_not_managed_are_written_one_by_one(
    server: DatabricksServer,
) -> None:
    before, destination = len(server.log()), _opened(server, "Auto")
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    await trial.run(destination, trial.rows([thing(2)], at=100))
    assert not _asked(server, before)
    again = Databricks(destination._settings)
    for at in (200, 300):
        await trial.run(again, trial.rows([thing(at)], at=at))
    # Of those that another connection has made: of one that is none, the others need not be known.
    assert len(_asked(server, before)) == 1
    assert not _blocks(server, before)
    await destination.aclose()
    await again.aclose()


async def test_a_warehouse_without_transactions(without: DatabricksServer) -> None:
    destination = _opened(without)
    trial = Trial(task=task(commit_rows=100))
    rows = [thing(1), thing(2)]
    await trial.run(destination, trial.rows(rows))
    assert await contents(destination, trial.task) == ordered(rows)
    made = [s for s in without.log() if "catalogManaged" in s]
    # Tried once, and never again.
    assert len(made) == 1
    await destination.aclose()


async def test_a_transaction_that_is_refused_is_tried_once(server: DatabricksServer) -> None:
    destination = _opened(server)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    again = Databricks(destination._settings)
    refusal = "[TRANSACTION_NOT_SUPPORTED.COMMAND] not here"
    server.fault("BEGIN ATOMIC", "error", message=refusal, times=5)
    before = len(server.log())
    for at in (100, 200):
        await trial.run(again, trial.rows([thing(at)], at=at))
    assert len(_blocks(server, before)) == 1
    assert {r["id"] for r in await contents(again, trial.task)} == {1, 100, 200}
    server.clear()
    await destination.aclose()
    await again.aclose()


async def test_a_transaction_that_cannot_be_read(server: DatabricksServer) -> None:
    """Its refusal repeats every statement, and so what a statement would say of a stale run."""
    destination = _opened(server)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    server.fault("BEGIN ATOMIC", "error", message="[PARSE_SYNTAX_ERROR] Syntax error.", times=5)
    again = Databricks(destination._settings)
    await trial.run(again, trial.rows([thing(2)], at=100))
    assert {r["id"] for r in await contents(again, trial.task)} == {1, 2}
    assert server.clear()[0]["times"] == 4
    await destination.aclose()
    await again.aclose()


async def test_a_statement_that_is_wrong_by_itself(server: DatabricksServer) -> None:
    destination = _opened(server)
    trial = Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1)]))
    ledger = f"{names.LEDGER}` AS _syncline_held"
    server.fault(f"MERGE INTO .*{ledger}", "error", message="[DOWN] no", times=9)
    with pytest.raises(DestinationRefused, match="DOWN"):
        await trial.run(destination, trial.rows([thing(2)], at=100))
    server.clear()
    await destination.aclose()


def test_files_are_allowed_in_a_transaction() -> None:
    text = "MERGE USING (SELECT * FROM READ_FILES('/a)\\'(', schema => '`x` DECIMAL(3, 1)')) AS r"
    wanted = text.replace("1)')", "1)') WITH (allow_nontransactional_reads = true)")
    assert with_files(text) == wanted
    assert with_files(wanted[:5]) == wanted[:5]
    assert block(["A", "B"]) == "BEGIN ATOMIC\nA;\nB;\nEND"
