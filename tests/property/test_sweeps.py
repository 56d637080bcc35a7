"""Sweeps over pages that are counted: what lives stays, whatever goes while the keys are read."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.destinations.duckdb import open_duckdb
from syncline.errors import CommitUnknown, Unavailable
from syncline.load import strategy
from syncline.load.checkpoint import last_checkpoint
from syncline.load.sweeping import sweep
from syncline.model.batch import Batch, Cursor
from syncline.model.job import Deletes
from syncline.model.ports import Destination
from syncline.model.run import Result
from syncline.model.table import Value
from syncline.testing.conformance_faults import Died, Faulty, Way
from syncline.testing.conformance_runs import (
    SCHEMA,
    Trial,
    contents,
    leftovers,
    pages,
    task,
    thing,
)

_KEYS = pa.schema([SCHEMA.field("id")])
_SIZE = 3
#: Places in the list of rows that go, and of rows that come.
CHANGES = st.lists(
    st.tuples(st.lists(st.integers(0, 15), max_size=3), st.lists(st.integers(0, 15), max_size=2)),
    max_size=6,
)


class Counting:
    """A list in pages that are counted, which changes between any two while it is the time."""

    def __init__(self, rows: Sequence[int], changes: Sequence[tuple[list[int], list[int]]]) -> None:
        self.rows = list(rows)
        self.always = set(rows)
        self.left = list(changes)
        self.reads: list[bool] = []
        #: Which read of the keys it changes in.
        self.when = 0

    async def read(self, since: Cursor | None, fresh: bool) -> AsyncGenerator[Batch]:  # noqa: FBT001 (see Read)
        """Read all keys, page after page."""
        assert since is None
        self.reads.append(fresh)
        number, whole = len(self.reads) - 1, False
        place = 0
        while not whole:
            found = self.rows[place : place + _SIZE]
            whole = len(found) < _SIZE
            place += _SIZE
            yield _batch(found, complete=whole)
            if number == self.when:
                self._change()

    async def ask(self, key: Value) -> AsyncGenerator[Batch]:
        """Read the key of one row."""
        yield _batch([row for row in self.rows if row == key], complete=True)

    def _change(self) -> None:
        gone, come = self.left.pop(0) if self.left else ((), ())
        for place in gone:
            if place < len(self.rows):
                self.always.discard(self.rows.pop(place))
        for place in come:
            self.rows.insert(min(place, len(self.rows)), 100 + len(self.left) * 10 + place)


def _batch(keys: Sequence[int], *, complete: bool) -> Batch:
    records = pa.RecordBatch.from_pylist([{"id": key} for key in keys], schema=_KEYS)
    return Batch(records=records, complete=complete, requests=1)


async def swept(
    trial: Trial, destination: Destination, listed: Counting, *, asks: bool = False
) -> Result:
    """Sweep a target as a run does."""
    work, _, _ = await trial.begin(destination)
    assert work.last is not None
    schema = destination.traits.schema
    last = await last_checkpoint(destination, schema, strategy.sweep_id(trial.task))
    job = strategy.sweep_of(work, work.last, last)
    return await sweep(job, listed.read, sure=False, ask=listed.ask if asks else None)


@settings(max_examples=6, deadline=None)
@given(
    gone=st.sets(st.integers(0, 9), max_size=9), when=st.integers(0, 1), asks=st.booleans(),
    changes=CHANGES,
)  # fmt: skip
async def test_what_lives_stays_and_what_went_before_goes(
    gone: set[int],
    when: int,
    asks: bool,  # noqa: FBT001 (of hypothesis)
    changes: Sequence[tuple[list[int], list[int]]],
) -> None:
    destination = open_duckdb(":memory:")
    try:
        trial = Trial(task=task(deletes=Deletes.HARD, allow_empty=True))
        await trial.run(destination, pages([thing(n) for n in range(10)], SCHEMA))
        listed = Counting([n for n in range(10) if n not in gone], changes)
        listed.when = when
        await swept(trial, destination, listed, asks=asks)
        left = {row["id"] for row in await contents(destination, trial.task)}
        assert listed.always <= left
        assert not gone & left
        assert listed.reads[0] is False
        assert all(listed.reads[1:])
    finally:
        await destination.aclose()


@pytest.mark.parametrize(
    ("way", "asks"), [(Way.DIES, True), (Way.DIES, False), (Way.LOST_BEFORE, False)]
)
async def test_cut_off_everywhere_it_ends_as_one_clean_sweep(
    tmp_path: Path,
    way: Way,
    *,
    asks: bool,
) -> None:
    path = str(tmp_path / "lake.duckdb")
    destination = open_duckdb(path)
    trial = Trial(task=task(deletes=Deletes.HARD))
    await trial.run(destination, pages([thing(n) for n in range(5)], SCHEMA))
    place = 0
    while True:
        faulty = Faulty(destination, place=place, way=way)
        try:
            await swept(trial, faulty, Counting([0, 2, 3, 4], ()), asks=asks)
            break
        except (Died, Unavailable, CommitUnknown):
            await destination.aclose()
            destination = open_duckdb(path)
        left = {row["id"] for row in await contents(destination, trial.task)}
        assert left >= {0, 2, 3, 4}
        place += 1
    assert place > 1
    assert {row["id"] for row in await contents(destination, trial.task)} == {0, 2, 3, 4}
    assert not await leftovers(destination)
    await destination.aclose()
