"""Whatever way rows are cut into batches and commits, the table is the same."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.destinations.duckdb import open_duckdb
from syncline.errors import EmptyRefused, ResponseRefused
from syncline.model.batch import Batch
from syncline.model.job import Deletes, Disposition, Task
from syncline.testing.conformance_runs import SCHEMA, Outcome, Row, Trial, contents, ordered, task

_KEYS = pa.schema([SCHEMA.field("id")])
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

_quick = settings(max_examples=30, deadline=None)

ids = st.integers(0, 5)
things = st.builds(
    lambda i, name, minute: {
        "id": i,
        "name": name,
        "changed": None if minute is None else _EPOCH + timedelta(minutes=minute),
    },
    ids,
    st.one_of(st.none(), st.text(alphabet="ab'\\😀 ", max_size=3)),
    st.one_of(st.none(), st.integers(0, 3)),
)
#: Rows in order of arrival, and (an int) keys that are gone.
changes = st.lists(st.one_of(things, ids), max_size=12)
flags = st.lists(st.booleans(), min_size=12, max_size=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How rows are cut into batches and commits."""

    #: Before which of them a batch begins.
    begins: Sequence[bool]
    #: After which batches there is a place to stop.
    stops: Sequence[bool]
    commit_rows: int


cuts = st.builds(Cut, begins=flags, stops=flags, commit_rows=st.integers(1, 20))


def batches(arriving: Sequence[Row | int], cut: Cut, *, at: int = 0) -> list[Batch]:
    """Return one complete read of rows and removals, cut as told."""
    groups: list[list[Row | int]] = [[]]
    for number, item in enumerate(arriving):
        removal = isinstance(item, int)
        # In a batch, removals come after rows: a row after a removal begins another batch.
        if groups[-1] and (cut.begins[number] or (not removal and isinstance(groups[-1][-1], int))):
            groups.append([])
        groups[-1].append(item)
    made = []
    for number, group in enumerate(groups):
        last = number == len(groups) - 1
        keys = [item for item in group if isinstance(item, int)]
        rows = [dict(item) for item in group if not isinstance(item, int)]
        made.append(
            Batch(
                records=pa.RecordBatch.from_pylist(rows, schema=SCHEMA),
                removed=pa.RecordBatch.from_pydict({"id": keys}, schema=_KEYS) if keys else None,
                cursor={"at": at + number} if last or cut.stops[number] else None,
                complete=last,
            )
        )
    return made


def merged(before: Sequence[Row], arriving: Sequence[Row | int]) -> list[dict[str, Any]]:
    """Return what a merge leaves, by the plainest means there are."""
    held = {row["id"]: dict(row) for row in before}
    for item in arriving:
        if isinstance(item, int):
            held.pop(item, None)
        else:
            held[item["id"]] = dict(item)
    return ordered(list(held.values()))


class Database:
    """One database for all examples of a module; each has tables of its own."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._numbers = count()
        self.destination = open_duckdb(":memory:", schema="clio", threads=1)

    def task(self, **options: Any) -> Task:
        return task(f"Things {next(self._numbers)}", **options)

    def run(self, trial: Trial, made: Sequence[Batch], *, full: bool = False) -> Outcome:
        return self._runner.run(trial.run(self.destination, made, full=full))

    def rows(self, trial: Trial) -> list[dict[str, Any]]:
        return self._runner.run(contents(self.destination, trial.task))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with asyncio.Runner() as runner:
        database = Database(runner)
        yield database
        runner.run(database.destination.aclose())


@_quick
@given(changes, changes, cuts)
def test_any_cut_of_a_merge_gives_the_same_table(
    database: Database,
    first: list[Row | int],
    second: list[Row | int],
    cut: Cut,
) -> None:
    trial = Trial(task=database.task(commit_rows=cut.commit_rows, deletes=Deletes.HARD))
    database.run(trial, batches(first, cut))
    assert database.rows(trial) == merged([], first)
    more = batches(second, cut, at=100)
    database.run(trial, more)
    expected = merged(merged([], first), second)
    assert database.rows(trial) == expected
    # Merge twice is merge once.
    again = [replace(b, cursor={"at": 200 + n}) for n, b in enumerate(more)]
    outcome = database.run(trial, again)
    assert database.rows(trial) == expected
    if len(again) == 1:
        assert outcome.result.updated == outcome.result.inserted == 0


@_quick
@given(
    st.lists(things, max_size=12),
    st.lists(things, max_size=12),
    cuts,
    st.sampled_from([Disposition.MERGE, Disposition.REPLACE]),
)
def test_a_full_read_leaves_exactly_what_it_read(
    database: Database,
    first: list[Row],
    second: list[Row],
    cut: Cut,
    disposition: Disposition,
) -> None:
    trial = Trial(task=database.task(disposition=disposition, commit_rows=cut.commit_rows))
    database.run(trial, batches(first, cut))
    more = batches(second, cut, at=100)
    if first and not second:
        with pytest.raises(EmptyRefused):
            database.run(trial, more, full=True)
        assert database.rows(trial) == merged([], first)
    else:
        database.run(trial, more, full=True)
        assert database.rows(trial) == merged([], second)


@_quick
@given(st.lists(things, max_size=12), st.lists(things, max_size=12), cuts)
def test_append_keeps_every_version_once(
    database: Database,
    first: list[Row],
    second: list[Row],
    cut: Cut,
) -> None:
    trial = Trial(task=database.task(disposition=Disposition.APPEND, commit_rows=cut.commit_rows))
    database.run(trial, batches(first, cut))
    database.run(trial, batches(second, cut, at=100))
    found = database.rows(trial)
    versions = [(row["id"], row["changed"]) for row in found]
    assert len(versions) == len(set(versions))
    assert set(versions) == {(row["id"], row["changed"]) for row in [*first, *second]}
    assert all(row in [*first, *second] for row in found)


@_quick
@given(
    st.lists(things, max_size=12),
    cuts,
    st.sampled_from([Disposition.APPEND, Disposition.REPLACE]),
)
def test_rows_without_a_key_all_stay(
    database: Database,
    rows: list[Row],
    cut: Cut,
    disposition: Disposition,
) -> None:
    trial = Trial(
        task=database.task(disposition=disposition, commit_rows=cut.commit_rows),
        key=(),
        version=None,
        has_cursor=False,
    )
    database.run(trial, batches(rows, cut))
    assert database.rows(trial) == ordered(rows)


@_quick
@given(
    changes,
    cuts,
    st.integers(1, 12),
    st.sampled_from([Disposition.MERGE, Disposition.REPLACE]),
)
def test_a_read_that_breaks_off_is_taken_up_again(
    database: Database,
    arriving: list[Row | int],
    cut: Cut,
    broken: int,
    disposition: Disposition,
) -> None:
    trial = Trial(task=database.task(disposition=disposition, commit_rows=cut.commit_rows))
    whole = batches(arriving, cut)
    partly = [replace(b, complete=False) for b in whole[:broken]]
    with pytest.raises(ResponseRefused):
        database.run(trial, partly)
    database.run(trial, whole)
    assert database.rows(trial) == merged([], arriving)
