"""Conformance: a crash at any place, then a rerun, ends as one clean run does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.errors import CommitUnknown, Unavailable
from syncline.load import checkpoint, names, strategy
from syncline.load.checkpoint import text
from syncline.load.ddl import column
from syncline.model.batch import Batch
from syncline.model.job import Deletes, Disposition
from syncline.model.ports import Destination
from syncline.testing.conformance_faults import Died, Faulty, Way
from syncline.testing.conformance_runs import (
    SCHEMA,
    Opener,
    Trial,
    contents,
    gone,
    leftovers,
    ordered,
    pages,
    task,
    thing,
)

_WIDE = pa.schema([("id", pa.int64()), ("name", pa.string()), ("changed", SCHEMA[2].type)])
_MORE = pa.schema([*_WIDE, ("more", pa.decimal128(20, 4))])
_KEYS = pa.schema([SCHEMA.field("id")])


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What was loaded before, and the run that crashes."""

    options: Mapping[str, Any]
    before: Sequence[Batch] = ()
    #: How the crashing run differs from the trial of the one before.
    trial: Mapping[str, Any] | None = None
    batches: Sequence[Batch]
    full: bool = False
    #: Which columns to compare; none: all.
    columns: Sequence[str] = ()
    #: The run is a sweep, and the batches are the keys it finds.
    sweeps: bool = False

    def of(self, number: int) -> Trial:
        """Return the trial, with a target of its own."""
        trial = Trial(task=task(f"Target {number}", **self.options))
        return trial.but(**(self.trial or {}))

    async def prepare(self, destination: Destination, number: int) -> None:
        """Load what was there before."""
        await checkpoint.prepare(destination, self.options.get("schema", destination.traits.schema))
        if self.before:
            trial = Trial(task=task(f"Target {number}", **self.options, commit_rows=100))
            key = {n: v for n, v in (self.trial or {}).items() if n != "schema"}
            await trial.but(**key).run(destination, self.before)

    async def run(self, destination: Destination, number: int) -> None:
        """Run the load that may crash."""
        trial = self.of(number)
        if self.sweeps:
            work, _, _ = await trial.begin(destination)
            await trial.sweep(work, self.batches)
        else:
            await trial.run(destination, self.batches, full=self.full)


def _rows(*names: str, at: int = 0) -> list[Batch]:
    return pages([thing(n, name) for n, name in enumerate(names) if name], SCHEMA, at=at)


_GROWN = [
    *pages(
        [thing(1, "new", minute=1) | {"more": None}, thing(7) | {"more": 1}], _MORE, at=100, size=2
    )[:1],
    gone([0, 2], at=110),
]
_GROWN[0] = replace(_GROWN[0], complete=False)

STORIES: Mapping[str, Story] = {
    "first merge": Story(options={}, batches=_rows("a", "b", "c", "d")),
    "increment": Story(
        options={}, before=_rows("a", "b", "c"), trial={"schema": _MORE}, batches=_GROWN
    ),
    "full read": Story(
        options={}, before=_rows("a", "b", "c"), batches=_rows("A", "", "c", "d", at=100), full=True
    ),
    "soft deletes": Story(
        options={"deletes": Deletes.SOFT},
        before=_rows("a", "b", "c"),
        batches=[replace(_rows("A", at=100)[0], complete=False), gone([1], at=110)],
    ),
    "replace": Story(
        options={"disposition": Disposition.REPLACE},
        before=_rows("a", "b"),
        batches=_rows("x", "y", "z", at=100),
    ),
    "append of versions": Story(
        options={"disposition": Disposition.APPEND},
        before=_rows("a", "b"),
        batches=_rows("a", "B", "c", at=100),
    ),
    "history": Story(
        options={"disposition": Disposition.HISTORY},
        before=_rows("a", "b", "c"),
        batches=[
            replace(pages([thing(1, "B", minute=5)], SCHEMA, at=100)[0], complete=False),
            gone([2], at=110),
        ],
        columns=(*SCHEMA.names, "_active"),
    ),
    "append without a key": Story(
        options={"disposition": Disposition.APPEND},
        before=_rows("a"),
        trial={"key": (), "version": None, "has_cursor": False},
        batches=_rows("a", "b", "c", at=100),
    ),
    "rejects": Story(
        options={"rejects": True},
        batches=pages([thing(1), thing(2) | {"id": None}, thing(3)], SCHEMA, size=2),
    ),
    "sweep": Story(
        options={"deletes": Deletes.HARD},
        before=_rows("a", "b", "c", "d"),
        batches=pages([{"id": 0}, {"id": 2}, {"id": 3}], _KEYS, at=0),
        sweeps=True,
    ),
}
_EACH = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
#: Generations of the task and its sweep in the ledger, and what the target holds.
_State: TypeAlias = tuple[tuple[int, ...], list[dict[str, Any]]]
_CUT = (Died, Unavailable, CommitUnknown)


async def _state(destination: Destination, story: Story, number: int) -> _State:
    this = story.of(number).task
    ledger = names.table(names.LEDGER, destination.traits.schema)
    last = exp.select(exp.alias_(exp.Max(this=column("generation")), "last")).from_(ledger)
    generations = []
    for id_ in (this.id, strategy.sweep_id(this)):
        found = await destination.fetch(last.copy().where(column("task").eq(text(id_))))
        generations += [g for g in found.column(0).to_pylist() if g is not None]
    return tuple(generations), await contents(destination, this, *story.columns)


async def _clean(destination: Destination, story: Story) -> tuple[list[_State], Mapping[Way, int]]:
    """Return the states that a run passes through undisturbed, and where it could fail."""
    await story.prepare(destination, 0)
    states = [await _state(destination, story, 0)]
    watched = Faulty(destination)

    async def note() -> None:
        states.append(await _state(destination, story, 0))

    watched.done = note
    await story.run(watched, 0)
    return states, watched.passed


def _is_a_moment(state: _State, clean: Sequence[_State], destination: Destination) -> bool:
    """Say whether rows and checkpoint are those of one moment of a clean run.

    Without transactions, rows may be there before the checkpoint that covers them, and columns
    before their rows.
    """
    if destination.traits.transactional:
        return state in clean
    rows = [_filled(moment[1]) for moment in clean]
    return _filled(state[1]) in rows


def _filled(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return ordered([{k: v for k, v in row.items() if v is not None} for row in rows])


@pytest.mark.asyncio
class CrashesConformance:
    """Invariants 1 to 4 at every place where a load can be cut off."""

    @_EACH
    @pytest.mark.parametrize("way", [Way.DIES, Way.LOST_BEFORE])
    async def test_cut_off_everywhere(
        self, open_destination: Opener, story: Story, way: Way
    ) -> None:
        """Cut off at the first place, run again, cut off one place later, until it is through.

        Places are every commit and, for a process that dies, every write and statement.
        """
        destination = await open_destination()
        clean, places = await _clean(destination, story)
        await story.prepare(destination, 1)
        known, place, cuts = clean[0], 0, 0
        while True:
            try:
                await story.run(Faulty(destination, place=place, way=way), 1)
                break
            except _CUT:
                cuts += 1
            if way is Way.DIES:
                await destination.aclose()
                destination = await open_destination()
            state = await _state(destination, story, 1)
            # Invariant 1: rows and checkpoint are those of one moment of a clean run.
            assert _is_a_moment(state, clean, destination)
            if not destination.traits.transactional and state[0] >= clean[-1][0]:
                # It had only to tidy up; the next run would have nothing to do, and die of it.
                await story.run(destination, 1)
                break
            # After a commit, the run that goes on is cut off from its first place on. Without
            # transactions, a place between two statements would move it for ever.
            if state == known or not destination.traits.transactional:
                place += 1
            else:
                place, known = 0, state
            assert cuts <= 2 * places[way]
        assert cuts >= places[way] // (2 if destination.traits.transactional else 4)
        await self._ended(destination, story, 1, clean)
        await destination.aclose()

    @_EACH
    @pytest.mark.parametrize("way", [Way.FAILS, Way.LOST_AFTER])
    async def test_a_call_fails(self, destination: Destination, story: Story, way: Way) -> None:
        """Each call, reading or writing, and each commit that was done and not told.

        The load gets over it, or finds its rows committed, or the next one does.
        """
        clean, places = await _clean(destination, story)
        number = 0
        for place in range(places[way]):
            if number == 0:
                number = place + 1
                await story.prepare(destination, number)
            try:
                await story.run(Faulty(destination, place=place, way=way), number)
            except (CommitUnknown, Unavailable):
                state = await _state(destination, story, number)
                assert _is_a_moment(state, clean, destination)
                if state == clean[0] and place + 1 < places[way]:
                    # Nothing was done, so the next run fails at the next place.
                    continue
                await story.run(destination, number)
            await self._ended(destination, story, number, clean)
            number = 0

    async def _ended(
        self, destination: Destination, story: Story, number: int, clean: Sequence[_State]
    ) -> None:
        state = await _state(destination, story, number)
        if not destination.traits.transactional:
            # A run that dies after its last checkpoint is followed by one with nothing to do.
            assert state[1] == clean[-1][1]
            assert state[0] >= clean[-1][0]
        else:
            assert state == clean[-1]
        assert not await leftovers(destination)

    async def test_the_process_dies_in_a_new_schema(self, open_destination: Opener) -> None:
        """While the schema and its ledger are made, in the first load of all."""
        destination = await open_destination()
        trial = Trial(task=task())
        batches = trial.rows([thing(1), thing(2)])
        for place in range(8):
            with pytest.raises(Died):
                await trial.run(Faulty(destination, place=place), batches)
            await destination.aclose()
            destination = await open_destination()
            found = await contents(destination, trial.task)
            # Rows come before their checkpoint where each statement commits for itself.
            assert found == [] or (
                found == [thing(1), thing(2)] and not destination.traits.transactional
            )
        await trial.run(destination, batches)
        assert await contents(destination, trial.task) == [thing(1), thing(2)]
        await destination.aclose()
