"""Conformance: the ledger fences runs off, two writers do not meet, leftovers are collected."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.errors import (
    DestinationBusy,
    DestinationRefused,
    ResponseRefused,
    StaleGeneration,
    SynclineError,
)
from syncline.load import checkpoint, names
from syncline.load.checkpoint import KEPT, last_checkpoint
from syncline.load.ddl import column, create_table, drop_table
from syncline.load.fence import record
from syncline.load.loader import load
from syncline.model.batch import Batch, Checkpoint
from syncline.model.job import Deletes, Disposition, ReplaceBy
from syncline.model.ports import Destination
from syncline.testing.conformance_faults import Overtaken
from syncline.testing.conformance_runs import (
    SCHEMA,
    Opener,
    Trial,
    contents,
    leftovers,
    ordered,
    reading,
    table_of,
    tables,
    task,
    thing,
)

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_DISPOSITIONS = pytest.mark.parametrize(
    "disposition", [Disposition.MERGE, Disposition.REPLACE, Disposition.APPEND]
)


def _checkpoint(generation: int, **fields: object) -> Checkpoint:
    nothing = Checkpoint(
        task="task-Things",
        generation=generation,
        cursor=None,
        passes=1,
        fingerprint="f",
        aside=None,
        passes_since_sweep=0,
        run=f"run {generation}",
    )
    return replace(nothing, **fields)  # type: ignore[arg-type]  # whatever the test is about


async def _generations(destination: Destination, id_: str) -> list[int]:
    ledger = names.table(names.LEDGER, destination.traits.schema)
    mine = column("task").eq(exp.Literal.string(id_))
    query = exp.select(column("generation")).from_(ledger).where(mine)
    return sorted((await destination.fetch(query)).column(0).to_pylist())


async def _load(trial: Trial, destination: Destination, batches: Sequence[Batch]) -> str:
    """Run a trial; return how it ended."""
    try:
        await trial.run(destination, batches)
    except (StaleGeneration, DestinationBusy) as error:
        return error.code
    return "done"


@pytest.mark.asyncio
class LedgerConformance:
    """Checkpoints, generations, and everything that two runs at a time could spoil."""

    @_DISPOSITIONS
    async def test_a_table_of_others_is_not_taken(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """What was there before, with another column, is refused and stays as it is."""
        trial = Trial(task=task(disposition=disposition))
        theirs = table_of(trial.task, destination.traits)
        await checkpoint.prepare(destination, destination.traits.schema)
        wider = SCHEMA.append(pa.field("note", pa.string()))
        made = create_table(theirs, wider, destination.traits.dialect)
        await destination.execute([made])
        with pytest.raises(DestinationRefused, match="did not make it") as caught:
            await trial.run(destination, trial.rows([thing(1)]))
        assert "existing: true" in str(caught.value.hint)
        assert await contents(destination, trial.task) == []
        await destination.execute([drop_table(theirs)])
        await trial.run(destination, trial.rows([thing(1)]))
        await trial.but(task=replace(trial.task, id="renamed")).run(
            destination, trial.rows([thing(1)])
        )
        assert thing(1) in await contents(destination, trial.task)

    async def test_a_checkpoint_comes_back(self, destination: Destination) -> None:
        """Whatever a source puts into its cursor, and every other field."""
        schema = destination.traits.schema
        await checkpoint.prepare(destination, schema)
        assert await last_checkpoint(destination, schema, "task-Things") is None
        cursor = {
            "text": "it's \"quoted\" \\ back \\' \n\t 😀 -- /* %s :x ${y} */ \u2028",
            "number": 2**53,
            "float": 0.1,
            "nothing": None,
            "list": [1, {"a": [True]}],
            "long": "x" * 100_000,
        }
        told = _checkpoint(1, cursor=cursor, passes=7, aside="a\"b'c", run="r'1")
        await destination.execute(record(told, schema, _NOW, destination.traits))
        assert await last_checkpoint(destination, schema, "task-Things") == told

    async def test_tasks_do_not_see_each_other(self, destination: Destination) -> None:
        """Many tasks share a ledger; each has its own generations."""
        schema = destination.traits.schema
        await checkpoint.prepare(destination, schema)
        for id_ in ("a", "A", "a'", "a#sweep"):
            for generation in (1, 2):
                mark = _checkpoint(generation, task=id_)
                await destination.execute(record(mark, schema, _NOW, destination.traits))
        for id_ in ("a", "A", "a'", "a#sweep"):
            found = await last_checkpoint(destination, schema, id_)
            assert found == _checkpoint(2, task=id_)
        assert await last_checkpoint(destination, schema, "b") is None

    async def test_a_ledger_is_pruned(self, destination: Destination) -> None:
        """It keeps so many generations of a task, and refuses all it ever had."""
        schema = destination.traits.schema
        await checkpoint.prepare(destination, schema)
        ends = KEPT + 20
        for generation in range(1, ends + 1):
            mark = _checkpoint(generation)
            await destination.execute(record(mark, schema, _NOW, destination.traits))
        kept = await _generations(destination, "task-Things")
        assert kept == list(range(ends - KEPT + 1, ends + 1))
        refused = [1, 2, ends - KEPT, ends - KEPT + 1, ends + 2, ends + 1000]
        if destination.traits.transactional:
            # Elsewhere it is the same statement sent twice, which changes nothing.
            refused.append(ends)
        for generation in refused:
            with pytest.raises(StaleGeneration):
                await destination.execute(
                    record(_checkpoint(generation), schema, _NOW, destination.traits)
                )
        assert await _generations(destination, "task-Things") == kept

    @_DISPOSITIONS
    async def test_a_stale_run_leaves_nothing(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """Its rows are refused together with its checkpoint, whatever it was about to do."""
        trial = Trial(task=task(disposition=disposition))
        await trial.run(destination, trial.rows([thing(1)]))
        early, _, _ = await trial.begin(destination)
        await trial.run(destination, trial.rows([thing(2)], at=100))
        before = await contents(destination, trial.task)
        with pytest.raises(StaleGeneration) as refused:
            await load(reading(trial.rows([thing(3)], at=200), None), early)
        assert refused.value.hint
        assert await contents(destination, trial.task) == before
        outcome = await trial.run(destination, trial.rows([thing(4)], at=300))
        assert {row["id"] for row in await contents(destination, trial.task)} >= {4}
        assert outcome.checkpoint.generation == 3
        assert not await leftovers(destination)

    @pytest.mark.parametrize("given", [[], [thing(3)]], ids=["no rows", "rows"])
    @pytest.mark.parametrize(
        "how",
        [
            {"disposition": Disposition.REPLACE, "replace_by": ReplaceBy.TRUNCATE},
            {"disposition": Disposition.MERGE},
            {"disposition": Disposition.MERGE, "deletes": Deletes.SOFT},
            {"disposition": Disposition.HISTORY},
        ],
        ids=["replace", "merge", "soft deletes", "history"],
    )
    async def test_a_run_that_is_overtaken_leaves_nothing(
        self, open_destination: Opener, how: dict[str, Any], given: list[dict[str, Any]]
    ) -> None:
        """Another run comes between its claim and its rows; also if the source has none now."""
        destination, other = await open_destination(), await open_destination()
        trial = Trial(task=task(allow_empty=True, commit_rows=100, **how), has_cursor=False)
        await trial.run(destination, trial.rows([thing(1), thing(2)]))
        found: list[dict[str, Any]] = []

        async def overtake() -> None:
            await trial.run(other, trial.rows([thing(7), thing(8)], at=200), run="another")
            found.extend(await contents(other, trial.task))

        slow = Overtaken(destination, trial.task.target, overtake)
        with pytest.raises(StaleGeneration):
            await trial.run(slow, trial.rows(given, at=100), run="slow")
        assert {7, 8} <= {row["id"] for row in found}
        assert await contents(destination, trial.task) == found
        await destination.aclose()
        await other.aclose()

    @pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
    async def test_a_stale_run_whose_pass_another_has_ended(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """The table where it collects is gone; it is told why."""
        trial = Trial(task=task(disposition=disposition), has_cursor=False)
        batches = trial.rows([thing(n) for n in range(6)])
        with pytest.raises(ResponseRefused):
            await trial.run(destination, [replace(b, complete=False) for b in batches[:1]])
        early, decision, _ = await trial.begin(destination)
        await trial.run(destination, batches)
        with pytest.raises(StaleGeneration) as refused:
            await load(reading(batches, decision.since), early)
        assert refused.value.hint
        assert await contents(destination, trial.task) == [thing(n) for n in range(6)]
        assert not await leftovers(destination)

    async def test_a_run_that_slept_through_a_hundred_others(
        self, destination: Destination
    ) -> None:
        """The fence holds for a generation that the ledger has long forgotten."""
        trial = Trial(task=task())
        await trial.run(destination, trial.rows([thing(1)]))
        early, _, _ = await trial.begin(destination)
        schema = destination.traits.schema
        last = await last_checkpoint(destination, schema, trial.task.id)
        assert last is not None
        for generation in range(2, KEPT + 10):
            mark = replace(last, generation=generation)
            await destination.execute(record(mark, schema, _NOW, destination.traits))
        with pytest.raises(StaleGeneration):
            await load(reading(trial.rows([thing(3)], at=200), None), early)
        assert await contents(destination, trial.task) == [thing(1)]

    async def test_two_first_runs_of_a_task(self, open_destination: Opener) -> None:
        """At the same time, in a schema that is not there: one ends whole, the other is told."""
        one, other = await open_destination(), await open_destination()
        # Of one clock, so that each run has a name of its own.
        trial = Trial(task=task())
        rows = [thing(n) for n in range(6)]
        ends = await asyncio.gather(*(_load(trial, d, trial.rows(rows)) for d in (one, other)))
        assert "done" in ends
        assert set(ends) <= {"done", StaleGeneration.code, DestinationBusy.code}
        assert await contents(one, trial.task) == rows
        await one.aclose()
        await other.aclose()

    @_DISPOSITIONS
    async def test_two_runs_of_a_task(
        self, open_destination: Opener, disposition: Disposition
    ) -> None:
        """At the same time, both from the same checkpoint: the target is that of one of them."""
        one, other = await open_destination(), await open_destination()
        trial = Trial(task=task(disposition=disposition))
        await trial.run(one, trial.rows([thing(1)]))
        rows = [thing(n, "new", minute=1) for n in range(1, 6)]
        ends = await asyncio.gather(
            _load(trial, one, trial.rows(rows, at=100)),
            _load(trial, other, trial.rows(rows, at=100)),
        )
        assert "done" in ends
        kept = [thing(1)] if disposition is Disposition.APPEND else []
        assert await contents(one, trial.task) == ordered([*kept, *rows])
        await one.aclose()
        await other.aclose()

    @pytest.mark.parametrize("shared", [True, False], ids=["one connection", "two connections"])
    async def test_different_tasks_at_the_same_time(
        self, open_destination: Opener, *, shared: bool
    ) -> None:
        """They do not get into each other's way, from the first table of a schema on."""
        one = await open_destination()
        other = one if shared else await open_destination()
        trials = [Trial(task=task(f"T{n}")) for n in range(4)]
        rows = [thing(n) for n in range(6)]
        ends = await asyncio.gather(
            *(_load(t, (one, other)[n % 2], t.rows(rows)) for n, t in enumerate(trials))
        )
        assert ends == ["done"] * 4
        for trial in trials:
            assert await contents(one, trial.task) == rows
        assert not await leftovers(one)
        await one.aclose()
        if not shared:
            await other.aclose()

    async def test_leftovers_are_collected(self, destination: Destination) -> None:
        """Tables of earlier attempts go, but not those of other tasks or of the pass under way."""
        trial = Trial(task=task(disposition=Disposition.REPLACE), has_cursor=False)
        batches = trial.rows([thing(n) for n in range(4)])
        with pytest.raises(ResponseRefused):
            await trial.run(destination, [replace(b, complete=False) for b in batches[:1]])
        under_way = await leftovers(destination)
        assert len(under_way) == 1
        schema, dialect = destination.traits.schema, destination.traits.dialect
        stay = {
            names.staging(task("Other"), "old run"),
            # Of a run that has taken the task over since.
            names.aside(trial.task, 77),
        }
        made = [
            names.staging(trial.task, "old run"),
            names.staging(trial.task, "old run", "reject"),
            names.aside(trial.task, 0),
            *stay,
        ]
        await destination.execute(
            [create_table(names.table(name, schema), SCHEMA, dialect) for name in made]
        )
        with pytest.raises(ResponseRefused):
            await trial.run(destination, [replace(b, complete=False) for b in batches[:2]])
        assert await leftovers(destination) == under_way | stay
        await trial.run(destination, batches)
        assert await leftovers(destination) == stay
        assert await contents(destination, trial.task) == [thing(n) for n in range(4)]

    async def test_execute_is_all_or_nothing(self, destination: Destination) -> None:
        """A statement that fails takes the ones before it along, tables they made included.

        Where there are no transactions, each statement counts the rows it changed all the same.
        """
        trial = Trial(task=task())
        await trial.run(destination, trial.rows([thing(1)]))
        target = table_of(trial.task, destination.traits)
        made = names.table("Made", destination.traits.schema)
        bad = exp.Delete(this=names.table("Missing", destination.traits.schema))
        statements = [
            create_table(made, SCHEMA, destination.traits.dialect),
            exp.Delete(this=target.copy()),
        ]
        if not destination.traits.transactional:
            with pytest.raises(SynclineError):
                await destination.execute([bad, *statements], lock="x")
            assert await contents(destination, trial.task) == [thing(1)]
            assert list(await destination.execute(statements, lock="x")) == [0, 1]
            assert await contents(destination, trial.task) == []
            return
        with pytest.raises(SynclineError):
            await destination.execute([*statements, bad], lock="x")
        assert await contents(destination, trial.task) == [thing(1)]
        assert "Made" not in await tables(destination)
        assert list(await destination.execute(statements, lock="x")) == [0, 1]
        assert await contents(destination, trial.task) == []
        assert "Made" in await tables(destination)

    async def test_a_call_that_is_cancelled(self, open_destination: Opener) -> None:
        """It leaves nothing of a transaction, and the connection can be used on."""
        destination = await open_destination()
        trial = Trial(task=task(commit_rows=100_000))
        await trial.run(destination, trial.rows([thing(1)]))
        batches = trial.rows([thing(n) for n in range(30_000)], at=100, size=10_000)
        for _ in range(3):
            running = asyncio.ensure_future(trial.run(destination, batches))
            await asyncio.sleep(0.02)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert await contents(destination, trial.task, "id") == [{"id": 1}]
        await trial.run(destination, batches)
        assert len(await contents(destination, trial.task, "id")) == 30_000
        await destination.aclose()
