"""Files in the volume: those that a pass needs stay, others go, and none is read twice."""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp

from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.settings import settings_of
from syncline.destinations.databricks import Databricks
from syncline.destinations.databricks_connection import Settings, Workspace
from syncline.errors import QueryError, ResponseRefused, Unavailable
from syncline.load import names
from syncline.load.loader import load, pour
from syncline.model.batch import Batch, Reject
from syncline.model.job import Disposition
from syncline.testing.conformance_runs import (
    SCHEMA,
    Trial,
    contents,
    ordered,
    reading,
    task,
    thing,
)

_ROWS = [thing(number) for number in range(8)]


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    # The driver writes every message it sends, and pytest would keep them all.
    logging.getLogger("databricks.sql").setLevel(logging.WARNING)
    with running_databricks() as server:
        yield server


@pytest.fixture
def settings(server: DatabricksServer) -> Settings:
    return replace(settings_of(server), patience=20.0, retry_seconds=0.1)


@pytest_asyncio.fixture
async def hasty(settings: Settings) -> AsyncIterator[Databricks]:
    """Takes every file of others for one that was left over."""
    destination = Databricks(settings, left_over=0.0)
    yield destination
    await destination.aclose()


class _Eager(Databricks):
    """Uploads a file at each call."""

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        await super().ingest(table, records)
        await self._call(self._files.finish)


def _folders(settings: Settings, trial: Trial) -> list[str]:
    workspace = Workspace(settings)
    found = workspace.entries(f"{workspace.volume}/{names.folder(trial.task)}")
    return sorted(str(entry["path"]).rpartition("/")[2] for entry in found)


async def _begun(destination: Databricks, trial: Trial, batches: list[Batch]) -> None:
    """Load the first batches of a pass, and be interrupted."""
    with pytest.raises(ResponseRefused):
        await trial.run(destination, batches, run="begins")


@pytest.mark.parametrize("disposition", [Disposition.APPEND, Disposition.REPLACE])
async def test_files_of_a_pass_under_way_are_no_leftovers(
    settings: Settings, hasty: Databricks, disposition: Disposition
) -> None:
    trial = Trial(task=task(disposition=disposition, commit_rows=2, rejects=True))
    trial = trial.but(key=(), version=None)
    batches = trial.rows(_ROWS)
    await _begun(hasty, trial, batches[:2])
    # What an attempt has staged and not removed, of the same pass and of one before.
    (kept, *_) = _folders(settings, trial)
    workspace = Workspace(settings)
    for name in ("0-deadbeef", kept.replace("1-", "1-dead")):
        path = f"{workspace.volume}/{names.folder(trial.task)}/{name}/part-0.parquet"
        workspace.upload(path, b"", 0)
    batches[2] = replace(batches[2], rejects=(Reject(record="{}", reason="no"),))
    await trial.run(hasty, batches, run="goes on")
    assert await contents(hasty, trial.task) == ordered(_ROWS)
    assert "0-deadbeef" not in _folders(settings, trial)


async def test_a_pass_whose_files_are_gone_begins_anew(
    settings: Settings, hasty: Databricks
) -> None:
    trial = Trial(task=task(disposition=Disposition.APPEND, commit_rows=2))
    trial = trial.but(key=(), version=None)
    batches = trial.rows(_ROWS)
    await _begun(hasty, trial, batches[:2])
    workspace = Workspace(settings)
    gone = _folders(settings, trial)[0]
    workspace.remove(f"{workspace.volume}/{names.folder(trial.task)}/{gone}")
    outcome = await trial.run(hasty, batches, run="goes on")
    assert "is gone" in outcome.decision.full_because
    assert await contents(hasty, trial.task) == ordered(_ROWS)


@pytest.mark.parametrize("status", [403, 503])
async def test_rows_that_were_thrown_away_do_not_come_back(
    server: DatabricksServer, settings: Settings, status: int
) -> None:
    """Also where their files cannot be removed: by PUT alone, or not now."""
    by_put = status == 403
    chosen = replace(settings, staging_method="PUT") if by_put else settings
    destination = _Eager(chosen)
    destination.traits = replace(destination.traits, ingest_rows=1)
    trial = Trial(task=task(disposition=Disposition.APPEND, commit_rows=100), has_cursor=False)
    trial = trial.but(key=(), version=None)
    pages = [replace(b, cursor=None, complete=False) for b in trial.rows(_ROWS)]
    again = [replace(pages[0], restarted=True), replace(pages[1], complete=True)]
    server.fault(f"(DELETE|GET) /api/2.0/fs/.*{chosen.schema}", "status", status=status, times=100)
    work, _, _ = await trial.begin(destination, run="begins")
    loading = load(reading([*pages, *again], None), work)
    if by_put:
        await loading
    else:
        with pytest.raises(Unavailable, match="cannot be removed"):
            await loading
        server.clear()
        await trial.run(destination, [replace(again[0], restarted=False), again[1]], run="again")
    assert await contents(destination, trial.task) == ordered(_ROWS[:4])
    server.clear()
    await destination.aclose()


class _Dying(Databricks):
    """Is cut off when rows were copied, before the checkpoint says so."""

    def _sent(self, text: str, *, changes: bool = False) -> pa.Table:
        found = super()._sent(text, changes=changes)
        if text.startswith("COPY"):
            raise Unavailable("cut off")
        return found


@pytest.mark.parametrize("how", ["as it was", "by PUT alone", "another type", "another query"])
@pytest.mark.parametrize("disposition", [Disposition.APPEND, Disposition.INSERT])
async def test_rows_that_were_copied_are_not_copied_again(
    server: DatabricksServer, settings: Settings, how: str, disposition: Disposition
) -> None:
    by_put = how == "by PUT alone"
    chosen = replace(settings, staging_method="PUT") if by_put else settings
    if by_put:
        server.fault(f"/api/2.0/fs/.*{chosen.schema}", "status", status=403, times=400)
    trial = Trial(task=task(disposition=disposition), has_cursor=False)
    trial = trial.but(key=(), version=None)
    dying = _Dying(chosen)
    with pytest.raises(Unavailable):
        await trial.run(dying, trial.rows(_ROWS), run="is cut off")
    await dying.aclose()
    destination = Databricks(chosen)
    if how == "another type":
        trial = trial.but(schema=SCHEMA.set(0, SCHEMA.field("id").with_type(pa.int32())))
    if how == "another query":
        other = trial.but(fingerprint="other")
        with pytest.raises(QueryError, match="there twice"):
            await other.begin(destination)
    work, decision, _ = await trial.begin(destination, run="goes on")
    assert decision.resuming
    await pour(work)
    assert await contents(destination, trial.task) == ordered(_ROWS)
    server.clear()
    await destination.aclose()


class _Noted(Databricks):
    """Is cut off when a checkpoint was written, before the run has heard of it."""

    def _sent(self, text: str, *, changes: bool = False) -> pa.Table:
        found = super()._sent(text, changes=changes)
        if "`generation` > 0 THEN INSERT" in text:
            raise Unavailable("cut off")
        return found


@pytest.mark.parametrize("size", [2, 100])
@pytest.mark.parametrize("disposition", [Disposition.APPEND, Disposition.INSERT])
async def test_files_that_a_checkpoint_covers_stay(
    settings: Settings, disposition: Disposition, size: int
) -> None:
    """Of a part of the pass, and of a pass that was read whole."""
    trial = Trial(task=task(disposition=disposition, commit_rows=size))
    trial = trial.but(key=(), version=None)
    pages = trial.rows(_ROWS)
    cut = _Noted(settings)
    with pytest.raises(Unavailable):
        await trial.run(cut, pages, run="is cut off")
    await cut.aclose()
    destination = Databricks(settings)
    work, decision, _ = await trial.begin(destination, run="goes on")
    assert decision.resuming
    if work.last and work.last.collected:
        await pour(work)
    else:
        await load(reading(pages[1:], decision.since), work)
    assert await contents(destination, trial.task) == ordered(_ROWS)
    await destination.aclose()


async def test_a_commit_of_which_every_row_was_refused(settings: Settings) -> None:
    """It is a part of the pass, too."""
    destination = Databricks(settings)
    schema = pa.schema([("id", pa.int64()), ("day", pa.date64())])
    trial = Trial(task=task(disposition=Disposition.APPEND, commit_rows=2, rejects=True))
    trial = trial.but(key=(), version=None, schema=schema)
    day = date(2026, 1, 1)
    batches = trial.rows([{"id": n, "day": day} for n in range(4)])
    # A day and a millisecond has no place in a column of days.
    odd = pa.array([1, 86_400_001], pa.int64()).cast(pa.date64())
    batches[0] = replace(batches[0], records=batches[0].records.set_column(1, "day", odd))
    await _begun(destination, trial, batches[:1])
    outcome = await trial.run(destination, batches, run="goes on")
    assert outcome.decision.resuming
    assert [row["id"] for row in await contents(destination, trial.task)] == [2, 3]
    await destination.aclose()
