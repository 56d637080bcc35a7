"""Conformance: rows that are gone at the source, however that is found out."""

from dataclasses import replace

import pyarrow as pa
import pytest

from syncline.errors import EmptyRefused, ResponseRefused, StaleGeneration
from syncline.load import verify
from syncline.load.checkpoint import last_checkpoint
from syncline.load.loader import load
from syncline.model.batch import Batch
from syncline.model.job import Deletes
from syncline.model.ports import Destination
from syncline.testing.conformance_runs import (
    SCHEMA,
    Trial,
    contents,
    gone,
    leftovers,
    ordered,
    pages,
    reading,
    task,
    thing,
)

_HARD = Trial(task=task(deletes=Deletes.HARD))
_SOFT = Trial(task=task(deletes=Deletes.SOFT))
_IGNORE = Trial(task=task(deletes=Deletes.IGNORE))
_KEYS = pa.schema([SCHEMA.field("id")])
_RULES = pytest.mark.parametrize("trial", [_HARD, _SOFT, _IGNORE], ids=["hard", "soft", "ignore"])


def _keys(*ids: int, at: int = 0) -> list[Batch]:
    return pages([{"id": n} for n in ids], _KEYS, at=at)


async def _alive(destination: Destination, trial: Trial) -> list[int]:
    """Return the ids of the rows that are not marked as deleted."""
    rows = await contents(destination, trial.task)
    return sorted(r["id"] for r in rows if r.get("_deleted_at") is None)


async def _there(destination: Destination, trial: Trial) -> list[int]:
    return sorted(r["id"] for r in await contents(destination, trial.task))


async def _check(destination: Destination, trial: Trial, left: list[int], all_: list[int]) -> None:
    """Check which rows live and which stand, by the task's rule for deletes."""
    rule = trial.task.deletes
    assert await _alive(destination, trial) == (all_ if rule is Deletes.IGNORE else left)
    assert await _there(destination, trial) == (left if rule is Deletes.HARD else all_)


@pytest.mark.asyncio
class DeletesConformance:
    """Removals in a read, differences after a full one, and sweeps."""

    @_RULES
    async def test_removals(self, destination: Destination, trial: Trial) -> None:
        """Keys that the source says are gone, known and unknown ones."""
        await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
        outcome = await trial.run(destination, [gone([2, 99], at=100)])
        await _check(destination, trial, [1, 3], [1, 2, 3])
        assert outcome.result.deleted == (0 if trial.task.deletes is Deletes.IGNORE else 1)
        again = await trial.run(destination, [gone([2], at=200)])
        assert again.result.deleted == 0

    async def test_removed_and_back_within_a_load(self, destination: Destination) -> None:
        """The last word counts: gone, then back; changed, then gone."""
        trial = Trial(task=task(deletes=Deletes.HARD, commit_rows=100))
        await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
        batches = [
            gone([1, 3], at=100, complete=False),
            *trial.rows([thing(1, "back"), thing(2, "changed")], at=110),
        ]
        batches[-1] = replace(batches[-1], complete=False)
        await trial.run(destination, [*batches, gone([2], at=120)])
        assert await contents(destination, trial.task) == [thing(1, "back")]

    async def test_removed_before_it_ever_came(self, destination: Destination) -> None:
        """A row that was made and removed between two reads leaves no trace."""
        trial = Trial(task=task(commit_rows=100))
        await trial.run(destination, trial.rows([thing(1)]))
        batches = [replace(b, complete=False) for b in trial.rows([thing(2)], at=100)]
        outcome = await trial.run(destination, [*batches, gone([2], at=200)])
        assert await contents(destination, trial.task) == [thing(1)]
        assert (outcome.result.inserted, outcome.result.deleted) == (0, 0)

    async def test_a_soft_deleted_row_that_comes_back(self, destination: Destination) -> None:
        """It loses its mark, even if nothing else of it changed."""
        trial = _SOFT
        await trial.run(destination, trial.rows([thing(1), thing(2)]))
        await trial.run(destination, [gone([1], at=100)])
        assert await _alive(destination, trial) == [2]
        outcome = await trial.run(destination, trial.rows([thing(1)], at=200))
        assert outcome.result.updated == 1
        assert await _alive(destination, trial) == [1, 2]

    async def test_the_mark_keeps_its_time(self, destination: Destination) -> None:
        """A row already marked as deleted is not marked again."""
        trial = Trial(task=task(deletes=Deletes.SOFT, synced_at=True))
        await trial.run(destination, trial.rows([thing(1), thing(2)]))
        await trial.run(destination, [gone([1], at=100)])
        before = await contents(destination, trial.task)
        await trial.run(destination, [gone([1], at=200)])
        await trial.run(destination, trial.rows([thing(2)], at=300), full=True)
        assert await contents(destination, trial.task) == before

    @_RULES
    async def test_the_difference_after_a_full_read(
        self, destination: Destination, trial: Trial
    ) -> None:
        """A full read touches what differs: new, changed, gone; the target is never empty."""
        await trial.run(destination, trial.rows([thing(n) for n in range(5)]))
        now = [thing(1), thing(2, "new"), thing(4), thing(7)]
        batches = trial.rows(now, at=100)
        with pytest.raises(ResponseRefused):
            await trial.run(destination, batches[:1], full=True)
        assert await _alive(destination, trial) == [0, 1, 2, 3, 4]
        outcome = await trial.run(destination, batches, full=True)
        assert outcome.decision.resuming
        await _check(destination, trial, [1, 2, 4, 7], [0, 1, 2, 3, 4, 7])
        gone_now = 0 if trial.task.deletes is Deletes.IGNORE else 2
        result = outcome.result
        assert (result.inserted, result.updated, result.deleted) == (1, 1, gone_now)
        assert not await leftovers(destination)

    @pytest.mark.parametrize("trial", [_HARD, _SOFT], ids=["hard", "soft"])
    async def test_a_sweep(self, destination: Destination, trial: Trial) -> None:
        """Rows whose key the source no longer lists are removed; the others keep all columns."""
        await trial.run(destination, trial.rows([thing(n) for n in range(5)]))
        outcome = await trial.run(destination, trial.rows([thing(5)], at=100))
        result = await trial.sweep(outcome.load, _keys(0, 2, 3, 5), done=outcome.checkpoint)
        assert (result.deleted, result.inserted, result.updated) == (2, 0, 0)
        await _check(destination, trial, [0, 2, 3, 5], [0, 1, 2, 3, 4, 5])
        kept = await contents(destination, trial.task, *SCHEMA.names)
        assert ordered([thing(0), thing(2), thing(3), thing(5)]) == [
            row for row in kept if row["id"] not in {1, 4}
        ]
        assert not await leftovers(destination)

    async def test_a_sweep_that_was_cut_short_goes_on(self, destination: Destination) -> None:
        """Rows that come between its two halves are not taken for gone."""
        trial = _HARD
        await trial.run(destination, trial.rows([thing(n) for n in range(4)]))
        outcome = await trial.run(destination, trial.rows([], at=100))
        keys = _keys(0, 1, 3, at=0)
        with pytest.raises(ResponseRefused):
            await trial.sweep(outcome.load, keys[:1], done=outcome.checkpoint)
        assert await _there(destination, trial) == [0, 1, 2, 3]
        between = await trial.run(destination, trial.rows([thing(8)], at=200))
        result = await trial.sweep(between.load, keys, done=between.checkpoint)
        assert (result.read, result.deleted) == (1, 1)
        assert await _there(destination, trial) == [0, 1, 3, 8]
        assert not await leftovers(destination)

    async def test_an_empty_sweep_is_not_believed(self, destination: Destination) -> None:
        """A source that lists no key at all does not empty the target."""
        trial = _HARD
        await trial.run(destination, trial.rows([thing(1)]))
        outcome = await trial.run(destination, trial.rows([], at=100))
        with pytest.raises(EmptyRefused):
            await trial.sweep(outcome.load, _keys(), done=outcome.checkpoint)
        assert await _there(destination, trial) == [1]

    async def test_a_run_from_before_a_sweep_may_not_commit(self, destination: Destination) -> None:
        """It could bring back rows that the sweep has removed."""
        trial = _HARD
        await trial.run(destination, trial.rows([thing(1), thing(2)]))
        outcome = await trial.run(destination, trial.rows([], at=100))
        early, _, _ = await trial.begin(destination)
        await trial.sweep(outcome.load, _keys(1), done=outcome.checkpoint)
        with pytest.raises(StaleGeneration):
            await load(reading(trial.rows([thing(2)], at=200), None), early)
        assert await _there(destination, trial) == [1]

    async def test_a_repair_by_a_run_of_its_own(self, destination: Destination) -> None:
        """What differs from the source is written, and the task goes on after it."""
        trial = Trial(task=task(commit_rows=100))
        await trial.run(destination, trial.rows([thing(1), thing(2)]), run="loads")
        own = await last_checkpoint(destination, destination.traits.schema, trial.task.id)
        work = verify.comparing((await trial.begin(destination, run="repairs"))[0], None)
        rows = [thing(1, "changed"), thing(3)]
        _, collected = await load(reading(trial.rows(rows, at=50), None), work)
        found = await verify.compare(work, collected)
        assert (found.missing, found.extra, found.different) == (1, 1, 1)
        done = await verify.repair(work, collected, own)
        assert (done.inserted, done.updated, done.deleted) == (1, 1, 1)
        assert await contents(destination, trial.task) == ordered(rows)
        await trial.run(destination, trial.rows([thing(4)], at=100), run="goes on")
        assert await contents(destination, trial.task) == ordered([*rows, thing(4)])
        assert not await leftovers(destination)
