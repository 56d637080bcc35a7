"""Conformance: append, replace and merge; empty loads, repeats, rows without a key."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from syncline.errors import EmptyRefused, QueryError, RecordRefused, ResponseRefused
from syncline.load import names
from syncline.load.ddl import add_column, create_table, drop_table
from syncline.model.batch import Batch, Reject
from syncline.model.job import Disposition, ReplaceBy
from syncline.model.ports import Destination
from syncline.model.table import is_columnstore, is_indexed
from syncline.testing.conformance_runs import (
    SCHEMA,
    Trial,
    contents,
    leftovers,
    ordered,
    table_of,
    task,
    thing,
)

_MERGE = Trial(task=task())
_REPLACE = Trial(task=task(disposition=Disposition.REPLACE), has_cursor=False)
_APPEND = Trial(task=task(disposition=Disposition.APPEND))
_KEYLESS = Trial(task=task(disposition=Disposition.APPEND), key=(), version=None, has_cursor=False)
_ALL = pytest.mark.parametrize(
    "trial", [_MERGE, _REPLACE, _APPEND, _KEYLESS], ids=["merge", "replace", "append", "keyless"]
)


@pytest.mark.asyncio
class DispositionsConformance:
    """How rows meet the rows already there."""

    @_ALL
    async def test_the_first_load(self, destination: Destination, trial: Trial) -> None:
        """Every row is there, once, and nothing else stands beside it."""
        rows = [thing(n) for n in range(5)]
        outcome = await trial.run(destination, trial.rows(rows))
        assert await contents(destination, trial.task) == ordered(rows)
        assert (outcome.result.read, outcome.result.inserted) == (5, 5)
        assert (outcome.result.updated, outcome.result.deleted) == (0, 0)
        assert outcome.checkpoint.passes == 1
        assert not await leftovers(destination)

    @_ALL
    async def test_an_empty_first_load(self, destination: Destination, trial: Trial) -> None:
        """A source without rows makes an empty table with every column."""
        await trial.run(destination, trial.rows([]))
        made = await destination.describe(table_of(trial.task, destination.traits))
        assert made is not None
        assert made.names == SCHEMA.names
        assert await contents(destination, trial.task) == []

    async def test_merge_updates_inserts_and_leaves(self, destination: Destination) -> None:
        """Rows with a known key change if they differ; others come in; the rest stays."""
        trial = _MERGE
        await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
        later = [thing(2, "new", minute=1), thing(3), thing(4)]
        outcome = await trial.run(destination, trial.rows(later, at=100))
        assert outcome.decision.incremental
        assert (outcome.result.inserted, outcome.result.updated) == (1, 1)
        assert await contents(destination, trial.task) == ordered([thing(1), *later])

    async def test_an_empty_increment(self, destination: Destination) -> None:
        """An incremental read without rows moves the checkpoint and nothing else."""
        trial = _MERGE
        await trial.run(destination, trial.rows([thing(1)]))
        outcome = await trial.run(destination, trial.rows([], at=100))
        assert await contents(destination, trial.task) == [thing(1)]
        assert outcome.checkpoint.cursor == {"at": 102}
        assert outcome.checkpoint.passes == 2

    @pytest.mark.parametrize("trial", [_MERGE, _REPLACE], ids=["merge", "replace"])
    @pytest.mark.parametrize("size", [1, 2, 10])
    async def test_the_last_of_repeated_rows_wins(
        self, destination: Destination, trial: Trial, size: int
    ) -> None:
        """The same key twice in a batch, in a commit, or in two commits of one load."""
        rows = [thing(1, "first"), thing(1, "second"), thing(2), thing(1, "third"), thing(2, "x")]
        await trial.run(destination, trial.rows(rows, size=size))
        wanted = ordered([thing(1, "third"), thing(2, "x")])
        assert await contents(destination, trial.task) == wanted
        await trial.run(destination, trial.rows(rows, at=100, size=size), full=True)
        assert await contents(destination, trial.task) == wanted

    async def test_merge_on_several_columns(self, destination: Destination) -> None:
        """A key of two columns is one key."""
        trial = _MERGE.but(key=("id", "name"))
        rows = [thing(1, "a"), thing(1, "b"), thing(2, "a")]
        await trial.run(destination, trial.rows(rows))
        later = thing(1, "b", minute=5)
        await trial.run(destination, trial.rows([later], at=100))
        assert await contents(destination, trial.task) == ordered([rows[0], later, rows[2]])

    async def test_merge_with_nothing_but_the_key(self, destination: Destination) -> None:
        """A table of keys only has nothing to update."""
        trial = _MERGE.but(schema=pa.schema([("id", pa.int64())]), version=None)
        await trial.run(destination, trial.rows([{"id": 1}, {"id": 2}]))
        result = (await trial.run(destination, trial.rows([{"id": 2}, {"id": 3}], at=9))).result
        assert await contents(destination, trial.task) == [{"id": 1}, {"id": 2}, {"id": 3}]
        assert (result.inserted, result.updated) == (1, 0)

    async def test_nulls_are_values_like_others(self, destination: Destination) -> None:
        """A column that becomes NULL, or stops being it, is a change; NULL for NULL is none."""
        trial = _MERGE
        none = {"id": 1, "name": None, "changed": None}
        await trial.run(destination, trial.rows([none]))
        same = await trial.run(destination, trial.rows([none], at=100))
        assert same.result.updated == 0
        filled = await trial.run(destination, trial.rows([thing(1)], at=200))
        assert filled.result.updated == 1
        emptied = await trial.run(destination, trial.rows([none], at=300))
        assert emptied.result.updated == 1
        assert await contents(destination, trial.task) == [none]

    async def test_synced_at_moves_with_the_row_only(self, destination: Destination) -> None:
        """A row that did not change keeps the time of the commit that last changed it."""
        trial = Trial(task=task(synced_at=True))
        await trial.run(destination, trial.rows([thing(1), thing(2)]))
        before = {r["id"]: r for r in await contents(destination, trial.task)}
        await trial.run(destination, trial.rows([thing(1), thing(2, "new")], at=100))
        after = {r["id"]: r for r in await contents(destination, trial.task)}
        assert before[1] == after[1]
        assert before[2]["_synced_at"] < after[2]["_synced_at"]

    async def test_replace_leaves_only_the_new(self, destination: Destination) -> None:
        """Rows that are gone are gone, and so is a column that is no longer read."""
        trial = _REPLACE
        await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
        result = (await trial.run(destination, trial.rows([thing(2, "x"), thing(4)]))).result
        assert await contents(destination, trial.task) == ordered([thing(2, "x"), thing(4)])
        assert result.inserted == 2
        narrow = trial.but(schema=pa.schema([SCHEMA.field("id")]), version=None, fingerprint="2")
        await narrow.run(destination, narrow.rows([{"id": 7}]))
        assert await contents(destination, trial.task) == [{"id": 7}]

    @pytest.mark.parametrize("way", ReplaceBy)
    async def test_every_way_to_replace(self, destination: Destination, way: ReplaceBy) -> None:
        """The new rows are there, and of the old table what the way promises to keep."""
        chosen = task(disposition=Disposition.REPLACE, replace_by=way, synced_at=True)
        trial = _REPLACE.but(task=chosen)
        await trial.run(destination, trial.rows([thing(n) for n in range(5)]))
        table = table_of(trial.task, destination.traits)
        noted = pa.field("noted", pa.string())
        await destination.execute([add_column(table, noted, destination.traits.dialect)])
        new = [thing(n, "new") for n in range(3, 6)]
        result = (await trial.run(destination, trial.rows(new, at=100))).result
        assert (result.inserted, result.updated, result.deleted) == (3, 0, 0)
        assert await contents(destination, trial.task, *SCHEMA.names) == ordered(new)
        made = await destination.describe(table)
        assert made is not None
        assert ("noted" in made.names) is (way is ReplaceBy.TRUNCATE)
        assert None not in [r["_synced_at"] for r in await contents(destination, trial.task)]
        with pytest.raises(EmptyRefused):
            await trial.run(destination, trial.rows([], at=200))
        assert await contents(destination, trial.task, *SCHEMA.names) == ordered(new)
        assert not await leftovers(destination)

    @pytest.mark.parametrize(
        "disposition", [Disposition.MERGE, Disposition.REPLACE, Disposition.HISTORY]
    )
    async def test_a_table_kept_by_columns(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """It is so from the start, or from when the task says so, where there is a choice."""
        plain = Trial(task=task(disposition=disposition))
        by_columns = plain.but(task=task(disposition=disposition, columnstore=True))
        table = table_of(plain.task, destination.traits)
        await plain.run(destination, plain.rows([thing(n) for n in range(3)]))
        made = await destination.describe(table)
        assert made is not None
        assert not is_columnstore(made)
        for minute, trial in enumerate((by_columns, by_columns, plain), 1):
            rows = [thing(n, f"at {minute}", minute=minute) for n in range(4)]
            await trial.run(destination, trial.rows(rows, at=100 * minute), full=True)
            found = await contents(destination, trial.task)
            assert [r["id"] for r in found if r["name"] == f"at {minute}"] == [0, 1, 2, 3]
            made = await destination.describe(table)
            assert made is not None
            stays = disposition is not Disposition.REPLACE or trial is by_columns
            assert is_columnstore(made) is (destination.traits.columnstore and stays)

    async def test_the_key_of_a_table_has_an_index(self, destination: Destination) -> None:
        """Where tables get one: from the start, and when there is none."""
        trial = _MERGE
        table = table_of(trial.task, destination.traits)
        await trial.run(destination, trial.rows([thing(1)]))
        wanted = bool(destination.traits.index_bytes)
        for run in range(2):
            made = await destination.describe(table)
            assert made is not None
            assert is_indexed(made.field("id")) is wanted
            if wanted:
                await destination.execute(
                    [drop_table(table), create_table(table, SCHEMA, destination.traits.dialect)]
                )
            await trial.run(destination, trial.rows([thing(2, f"run {run}")], at=100 * (run + 1)))

    async def test_replace_without_a_key_keeps_equal_rows(self, destination: Destination) -> None:
        """Two rows alike are two rows."""
        trial = _REPLACE.but(key=(), version=None)
        rows = [thing(1), thing(1), thing(2)]
        await trial.run(destination, trial.rows(rows))
        await trial.run(destination, trial.rows(rows))
        assert await contents(destination, trial.task) == ordered(rows)

    async def test_replace_goes_on_where_it_stopped(self, destination: Destination) -> None:
        """Until the last row is there readers see the old contents; what was read is kept."""
        trial = _REPLACE
        await trial.run(destination, trial.rows([thing(1)]))
        batches = trial.rows([thing(n, "new") for n in range(6)], at=100)
        with pytest.raises(ResponseRefused):
            await trial.run(destination, [replace(b, complete=False) for b in batches[:2]])
        assert await contents(destination, trial.task) == [thing(1)]
        outcome = await trial.run(destination, batches)
        assert outcome.decision.resuming
        assert outcome.result.read == 2
        assert len(await contents(destination, trial.task)) == 6
        assert not await leftovers(destination)

    async def test_a_restarted_pass_begins_anew(self, destination: Destination) -> None:
        """Rows of a pass that the source had to begin again do not stay."""
        trial = _REPLACE
        batches = trial.rows([thing(n) for n in range(4)])
        with pytest.raises(ResponseRefused):
            await trial.run(destination, [replace(b, complete=False) for b in batches])
        anew = trial.rows([thing(n, "anew") for n in range(1, 4)], at=500)
        anew[0] = replace(anew[0], restarted=True)
        await trial.run(destination, anew)
        assert await contents(destination, trial.task) == [thing(n, "anew") for n in range(1, 4)]

    @pytest.mark.parametrize("trial", [_MERGE, _REPLACE], ids=["merge", "replace"])
    async def test_an_empty_full_read_is_not_believed(
        self, destination: Destination, trial: Trial
    ) -> None:
        """A source that answers nothing where there were rows is refused unless allowed."""
        await trial.run(destination, trial.rows([thing(1)]))
        with pytest.raises(EmptyRefused) as refused:
            await trial.run(destination, trial.rows([], at=100), full=True)
        assert refused.value.hint
        assert await contents(destination, trial.task) == [thing(1)]
        allowed = trial.but(task=replace(trial.task, allow_empty=True))
        await allowed.run(destination, trial.rows([], at=200), full=True)
        assert await contents(destination, trial.task) == []

    async def test_append_of_versions(self, destination: Destination) -> None:
        """With a key and a version, each version of a row comes in once, however often read."""
        trial = _APPEND
        first = [thing(1), thing(2)]
        await trial.run(destination, trial.rows(first))
        second = [thing(2), thing(2, "new", minute=1), thing(3)]
        outcome = await trial.run(destination, trial.rows(second, at=100))
        assert outcome.result.inserted == 2
        await trial.run(destination, trial.rows([*first, *second], at=200), full=True)
        wanted = ordered([thing(1), thing(2), thing(2, "new", minute=1), thing(3)])
        assert await contents(destination, trial.task) == wanted

    async def test_append_without_a_key(self, destination: Destination) -> None:
        """Every pass is added whole, equal rows included; a pass cut short adds nothing."""
        trial = _KEYLESS
        rows = [thing(1), thing(1), thing(2)]
        await trial.run(destination, trial.rows(rows))
        cut = [replace(b, complete=False) for b in trial.rows(rows, at=100)]
        with pytest.raises(ResponseRefused):
            await trial.run(destination, cut)
        assert await contents(destination, trial.task) == ordered(rows)
        await trial.run(destination, trial.rows(rows, at=100))
        assert await contents(destination, trial.task) == ordered([*rows, *rows])

    @pytest.mark.parametrize("trial", [_MERGE, _REPLACE], ids=["merge", "replace"])
    async def test_rows_without_a_key(self, destination: Destination, trial: Trial) -> None:
        """They are refused, or kept aside with their reason."""
        rows = [thing(1), thing(2) | {"id": None}, thing(3) | {"id": None}]
        with pytest.raises(RecordRefused, match="'id'") as refused:
            await trial.run(destination, trial.rows(rows, size=3))
        assert refused.value.hint
        assert await contents(destination, trial.task) == []
        keeping = trial.but(task=replace(trial.task, rejects=True))
        outcome = await keeping.run(destination, trial.rows(rows, size=3), run="the-run")
        assert outcome.result.rejected == 2
        assert await contents(destination, trial.task) == [thing(1)]
        kept = names.rejects(trial.task.target, destination.traits)
        rejects = await contents(destination, task(kept))
        assert [json.loads(r["record"])["name"] for r in rejects] == ["name 2", "name 3"]
        assert {r["run"] for r in rejects} == {"the-run"}
        assert {r["column"] for r in rejects} == {"id"}
        assert not await leftovers(destination)

    async def test_rejects_of_the_source(self, destination: Destination) -> None:
        """What the source could not make a row of is kept with the commit that passed it by."""
        trial = Trial(task=task(rejects=True))
        (batch,) = trial.rows([thing(1)])
        bad = Reject(record='{"id": "x😀\'"}', reason="not a number", column="id")
        outcome = await trial.run(destination, [replace(batch, rejects=(bad,))])
        assert outcome.result.rejected == 1
        kept = names.rejects(trial.task.target, destination.traits)
        (row,) = await contents(destination, task(kept))
        assert (row["record"], row["reason"], row["column"]) == (bad.record, bad.reason, "id")

    async def test_a_read_that_ends_early_is_an_error(self, destination: Destination) -> None:
        """What came before its last cursor is kept, and the next run goes on from there."""
        trial = _MERGE
        batches = trial.rows([thing(n) for n in range(6)])
        with pytest.raises(ResponseRefused):
            await trial.run(destination, batches[:2])
        assert await contents(destination, trial.task) == [thing(n) for n in range(4)]
        outcome = await trial.run(destination, batches)
        assert outcome.decision.resuming
        assert outcome.result.read == 2
        assert await contents(destination, trial.task) == [thing(n) for n in range(6)]

    async def test_batches_without_a_cursor_wait(self, destination: Destination) -> None:
        """A batch that is no place to stop is committed with the next one that is."""
        trial = _MERGE
        batches = trial.rows([thing(n) for n in range(6)])
        unmarked: list[Batch] = [replace(batches[0], cursor=None), *batches[1:]]
        with pytest.raises(ResponseRefused):
            await trial.run(destination, unmarked[:1])
        assert await contents(destination, trial.task) == []
        outcome = await trial.run(destination, unmarked)
        assert outcome.result.read == 6
        assert outcome.checkpoint.generation == 2

    async def test_merge_needs_a_key(self, destination: Destination) -> None:
        """A merge without one is refused before anything is read."""
        trial = Trial(task=task(disposition=Disposition.MERGE), key=())
        with pytest.raises(QueryError):
            await trial.run(destination, trial.rows([thing(1)]))

    async def test_a_large_load(self, destination: Destination) -> None:
        """Many rows in few commits, then some of them with new ones, and a full read."""
        trial = Trial(task=task(commit_rows=20_000))
        rows = [thing(n) for n in range(50_000)]
        first = (await trial.run(destination, trial.rows(rows, size=5_000))).result
        assert (first.inserted, first.updated) == (50_000, 0)
        rows += [thing(n) for n in range(50_000, 60_000)]
        later = trial.rows(rows[45_000:], at=100_000, size=5_000)
        result = (await trial.run(destination, later)).result
        assert (result.inserted, result.updated) == (10_000, 0)
        result = (await trial.run(destination, trial.rows(rows[1:], size=5_000), full=True)).result
        assert (result.inserted, result.updated, result.deleted) == (0, 0, 1)
        assert len(await contents(destination, trial.task, "id")) == len(rows) - 1
