"""What a load says to its destination: no more than it has to."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from contract.test_task_kinds import PEOPLE, person
from syncline.destinations.duckdb import open_duckdb
from syncline.load import names, ownership
from syncline.load.staging import Staging
from syncline.model.job import Deletes, Disposition, Flow, Task
from syncline.model.ports import Destination, Merged, Traits
from syncline.sync import sync
from syncline.testing.conformance_runs import (
    SCHEMA,
    StepClock,
    Trial,
    contents,
    pages,
    task,
    thing,
)
from syncline.testing.source import MemorySource

_MEMORY = ":memory:"


class Heard:
    """A destination that also writes down what it is asked."""

    def __init__(self, inner: Destination) -> None:
        self._inner = inner
        self.described: list[str] = []
        self.fetched: list[exp.Query] = []
        self.executed: list[exp.Expression] = []
        self.ingested: list[int] = []

    @property
    def traits(self) -> Traits:
        return self._inner.traits

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        self.described.append(table.name)
        return await self._inner.describe(table, attached=attached)

    async def fetch(self, query: exp.Query) -> pa.Table:
        self.fetched.append(query)
        return await self._inner.fetch(query)

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        self.ingested.append(records.num_rows)
        await self._inner.ingest(table, records)

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int | Merged]:
        self.executed += statements
        return await self._inner.execute(statements, lock=lock)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def repeats(self) -> int:
        """Return how often rows were looked for that have the key of another one."""
        return sum(isinstance(s, exp.Delete) and s.find(exp.Max) is not None for s in self.executed)


@pytest.fixture
async def heard() -> AsyncIterator[Heard]:
    destination = Heard(open_duckdb(_MEMORY, memory_limit="1GB"))
    yield destination
    await destination.aclose()


async def test_a_run_that_finds_nothing_stages_nothing(heard: Heard) -> None:
    trial = Trial(task=task())
    await trial.run(heard, trial.rows([thing(1), thing(2)]))
    before = len(heard.executed)
    heard.described.clear()
    heard.fetched.clear()
    await trial.run(heard, pages([], SCHEMA, at=9))
    said = heard.executed[before:]
    assert {t.name for s in said for t in s.find_all(exp.Table)} == {names.LEDGER}
    assert not any(isinstance(s, exp.Create | exp.Drop) for s in said)
    # What the ledger says is read once, whatever it is asked for.
    assert heard.described.count(names.LEDGER) == 1
    ledger = [
        q for q in heard.fetched if any(t.name == names.LEDGER for t in q.find_all(exp.Table))
    ]
    assert len(ledger) == 1


async def test_keys_that_are_all_different_are_not_looked_for_twice(heard: Heard) -> None:
    trial = Trial(task=task(commit_rows=100))
    rows = [thing(n) for n in range(9)]
    await trial.run(heard, trial.rows(rows))
    assert heard.repeats() == 0
    await trial.run(heard, trial.rows([thing(1, "old"), thing(2), thing(1, "new")], at=50))
    assert heard.repeats() == 1
    rows[1]["name"] = "new"
    assert await contents(heard, trial.task) == rows


async def test_rows_are_handed_over_before_they_are_too_many_bytes(heard: Heard) -> None:
    text = "x" * (9 << 20)
    trial = Trial(task=task(commit_rows=100))
    rows = [thing(n, f"{n}{text}") for n in range(10)]
    await trial.run(heard, trial.rows(rows, size=1))
    assert heard.ingested == [8, 2]
    assert await contents(heard, trial.task) == rows


_IDLE = open_duckdb(_MEMORY)


def _staging(schema: pa.Schema, **options: Any) -> Staging:
    """Return staging of rows whose columns are all of the key; nothing is handed over."""
    return Staging(
        destination=_IDLE, table=exp.to_table("t"), schema=schema, key=schema.names,
        keep_rejects=True, **options,
    )  # fmt: skip


_VALUES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.int64(): st.integers(-3, 3),
    pa.int32(): st.integers(-3, 3),
    pa.string(): st.sampled_from(["a", "A", "a ", "", "ä", "\U0001f600"]),
    pa.date32(): st.dates().map(lambda d: d.replace(year=2026, month=1)),
    pa.timestamp("us", tz="UTC"): st.integers(0, 3),
}


@given(data=st.data())
def test_whether_keys_are_all_different(data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(_VALUES)), min_size=1, max_size=3))
    schema = pa.schema([(f"k{n}", kind) for n, kind in enumerate(kinds)])
    keys = data.draw(st.lists(st.tuples(*(_VALUES[k] for k in kinds)), min_size=1, max_size=8))
    columns = [pa.array(c, k) for c, k in zip(zip(*keys, strict=True), kinds, strict=True)]
    rows = pa.RecordBatch.from_arrays(columns, schema=schema)
    staging = _staging(schema)
    cut = data.draw(st.integers(0, len(keys)))
    for part in (rows.slice(0, cut), rows.slice(cut)):
        staging._gather(part, gone=False)
    assert staging.has_distinct_keys() == (len(set(keys)) == len(keys))


def test_keys_are_forgotten_for_good_when_they_are_too_many() -> None:
    """Rejected rows do not make the rows fewer again: the first key would be missing."""
    schema = pa.schema([("id", pa.int64())])
    staging = _staging(schema, remembered=3)
    for ids in ([1, 2], [3, 4], [1]):
        staging._gather(pa.record_batch({"id": ids}, schema=schema), gone=False)
    staging.rows -= 3
    assert staging.keys() is None
    assert not staging.has_distinct_keys()
    staging.reset(staging.table)
    staging._gather(pa.record_batch({"id": [7]}, schema=schema), gone=False)
    assert staging.has_distinct_keys()


def _staged(kind: pa.DataType, *batches: pa.Array) -> Staging:
    schema = pa.schema([("id", kind)])
    staging = _staging(schema)
    for values in batches:
        staging._gather(pa.record_batch({"id": values}), gone=False)
    return staging


def test_keys_that_differ_by_less_than_a_database_keeps_may_be_the_same() -> None:
    for unit, differ in (("us", True), ("ns", False)):
        kind = pa.timestamp(unit)
        assert _staged(kind, pa.array([1, 2], kind)).has_distinct_keys() is differ
    days = pa.array([0, 1000], pa.int64()).cast(pa.date64())
    assert not _staged(pa.date64(), days).has_distinct_keys()


def test_keys_of_another_type_are_not_compared() -> None:
    """Of removals, say: the destination tells what is wrong with them."""
    for other in (pa.array(["x"]), pa.array([[1]])):
        staging = _staged(pa.int64(), pa.array([1, 2]), other)
        assert staging.keys() is None
        assert not staging.has_distinct_keys()


async def test_a_table_that_got_an_owner_meanwhile_stays_the_owners(heard: Heard) -> None:
    """The owner's first run ends while the flow is still looking at the table."""
    clock, people = StepClock(), MemorySource([PEOPLE], {"People": [person(1)]})
    own = Task(id="own", query="SELECT id, name FROM People", target="Hours")
    guest = Task(
        id="guest", query=own.query, target="Hours", flow=Flow(), deletes=Deletes.IGNORE,
        disposition=Disposition.MERGE,
    )  # fmt: skip

    async def run(task: Task, destination: Destination) -> None:
        await sync(task, people, destination, run=uuid4().hex, clock=clock, observe=lambda _: None)

    class Meanwhile(Heard):
        async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
            if table.name == "Hours" and not self.described.count("Hours"):
                self.described.append("Hours")
                await run(own, heard)
            return await super().describe(table, attached=attached)

    await run(guest, Meanwhile(heard))
    assert await ownership.standing(heard, own) == ownership.OURS
    await run(own, heard)
