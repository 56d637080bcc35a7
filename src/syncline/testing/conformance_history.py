"""Conformance: a target that keeps every version of its rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncline.errors import EmptyRefused, ResponseRefused, SchemaRefused
from syncline.model.job import Deletes, Disposition
from syncline.model.ports import Destination
from syncline.testing.conformance_runs import Trial, contents, gone, task, thing

_HISTORY = Trial(task=task(disposition=Disposition.HISTORY))
_START: datetime = thing(0)["changed"]


def _minute(number: int) -> datetime:
    return _START + timedelta(minutes=number)


async def _versions(destination: Destination, trial: Trial, number: int) -> list[tuple[Any, ...]]:
    """Return a row's versions, oldest first: name, since when, until when, whether it counts."""
    rows = await contents(destination, trial.task)
    mine = [
        (row["name"], row["_valid_from"], row["_valid_to"], row["_active"])
        for row in rows
        if row["id"] == number
    ]
    return sorted(mine, key=lambda version: (version[1], not version[3]))


@pytest.mark.asyncio
class HistoryConformance:
    """Each change adds a version, deletions close the last one, repeats do nothing."""

    async def test_versions_of_a_row(self, destination: Destination) -> None:
        """They follow each other without gap, and one is active."""
        trial = _HISTORY
        await trial.run(destination, trial.rows([thing(1, "a"), thing(2, "x")]))
        outcome = await trial.run(destination, trial.rows([thing(1, "b", minute=5)], at=100))
        await trial.run(destination, trial.rows([thing(1, "c", minute=9)], at=200))
        assert await _versions(destination, trial, 1) == [
            ("a", _minute(0), _minute(5), False),
            ("b", _minute(5), _minute(9), False),
            ("c", _minute(9), None, True),
        ]
        assert await _versions(destination, trial, 2) == [("x", _minute(0), None, True)]
        assert (outcome.result.inserted, outcome.result.updated) == (1, 1)

    async def test_pages_that_come_late_or_again(self, destination: Destination) -> None:
        """Neither an older version nor the same one adds anything."""
        trial = _HISTORY
        await trial.run(destination, trial.rows([thing(1, "b", minute=5)]))
        await trial.run(destination, trial.rows([thing(1, "a", minute=1)], at=100))
        await trial.run(destination, trial.rows([thing(1, "b", minute=5)], at=200))
        await trial.run(destination, trial.rows([thing(1, "b", minute=5)], at=300), full=True)
        assert await _versions(destination, trial, 1) == [("b", _minute(5), None, True)]

    async def test_a_row_that_goes_and_comes_back(self, destination: Destination) -> None:
        """Its last version is closed; coming back is a new one."""
        trial = _HISTORY.but(task=replace(_HISTORY.task, deletes=Deletes.HARD))
        await trial.run(destination, trial.rows([thing(1, "a"), thing(2)]))
        outcome = await trial.run(destination, [gone([1], at=100)])
        assert outcome.result.deleted == 1
        (closed,) = await _versions(destination, trial, 1)
        assert closed[2] is not None
        assert not closed[3]
        assert (await trial.run(destination, [gone([1], at=150)])).result.deleted == 0
        # It says that it changed while it was still there, but it was away since then.
        await trial.run(destination, trial.rows([thing(1, "a")], at=200))
        versions = await _versions(destination, trial, 1)
        assert versions == [closed, ("a", closed[2], None, True)]
        await trial.run(destination, [gone([1], at=250)])
        *_, again = await _versions(destination, trial, 1)
        await trial.run(destination, trial.rows([thing(1, "a", minute=7)], at=300))
        versions = await _versions(destination, trial, 1)
        assert versions == [closed, again, ("a", _minute(7), None, True)]

    async def test_the_difference_between_versions(self, destination: Destination) -> None:
        """What changed gets a version, what is gone is closed, the rest stays as it was."""
        trial = _HISTORY
        await trial.run(destination, trial.rows([thing(n, "a") for n in range(4)]))
        now = [thing(0, "a"), thing(1, "b", minute=3), thing(9, "n")]
        batches = trial.rows(now, at=100)
        with pytest.raises(ResponseRefused):
            await trial.run(destination, batches[:1], full=True)
        assert len(await contents(destination, trial.task)) == 4
        result = (await trial.run(destination, batches, full=True)).result
        assert (result.inserted, result.updated, result.deleted) == (2, 1, 2)
        assert await _versions(destination, trial, 0) == [("a", _minute(0), None, True)]
        assert [v[3] for v in await _versions(destination, trial, 1)] == [False, True]
        assert [v[3] for v in await _versions(destination, trial, 2)] == [False]
        again = await trial.run(destination, trial.rows(now, at=300), full=True)
        assert (again.result.inserted, again.result.updated, again.result.deleted) == (0, 0, 0)
        with pytest.raises(EmptyRefused):
            await trial.run(destination, trial.rows([], at=400), full=True)

    async def test_a_table_that_begins_to_keep_its_history(self, destination: Destination) -> None:
        """The rows that are there become first versions; there is no way back by itself."""
        merge = Trial(task=task())
        await merge.run(destination, merge.rows([thing(1, "a"), thing(2, "x")]))
        trial = _HISTORY
        rows = [thing(1, "b", minute=5), thing(2, "x")]
        await trial.run(destination, trial.rows(rows, at=100))
        assert await _versions(destination, trial, 1) == [
            ("a", _minute(0), _minute(5), False),
            ("b", _minute(5), None, True),
        ]
        assert await _versions(destination, trial, 2) == [("x", _minute(0), None, True)]
        for disposition in (Disposition.MERGE, Disposition.REPLACE):
            back = trial.but(task=replace(trial.task, disposition=disposition))
            with pytest.raises(SchemaRefused) as refused:
                await back.run(destination, trial.rows(rows, at=300))
            assert "history" in refused.value.hint
        assert len(await contents(destination, trial.task)) == 3

    async def test_deleted_rows_that_begin_to_have_a_history(
        self, destination: Destination
    ) -> None:
        """A row that was marked as deleted is a version that has ended then."""
        soft = Trial(task=task(deletes=Deletes.SOFT))
        await soft.run(destination, soft.rows([thing(1, "a"), thing(2, "x")]))
        await soft.run(destination, [gone([1], at=100)])
        (deleted,) = [
            row["_deleted_at"] for row in await contents(destination, soft.task) if row["id"] == 1
        ]
        trial = _HISTORY.but(task=replace(_HISTORY.task, deletes=Deletes.HARD))
        await trial.run(destination, trial.rows([thing(2, "x"), thing(3, "n")], at=200))
        assert await _versions(destination, trial, 1) == [("a", _minute(0), deleted, False)]
        assert await _versions(destination, trial, 2) == [("x", _minute(0), None, True)]

    async def test_without_a_time_of_change(self, destination: Destination) -> None:
        """A version begins with the commit that brought it."""
        trial = _HISTORY.but(version=None)
        await trial.run(destination, trial.rows([thing(1, "a")]))
        await trial.run(destination, trial.rows([thing(1, "b")], at=100))
        (first, second) = await _versions(destination, trial, 1)
        assert first[2] == second[1]
        assert first[1] < second[1]
        assert (first[3], second[3]) == (False, True)
