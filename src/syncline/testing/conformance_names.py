"""Conformance: every name means itself, whatever characters it has and however long it is."""

import pyarrow as pa
import pytest

from syncline.errors import QueryError, SchemaRefused
from syncline.load import names
from syncline.model.job import Deletes, Disposition
from syncline.model.ports import Destination
from syncline.model.run import Evolved
from syncline.testing.conformance_runs import (
    Trial,
    contents,
    gone,
    leftovers,
    ordered,
    table_of,
    tables,
    task,
    thing,
)

_NAMES = {
    "brackets": "a]b[c]]",
    "quotes": 'it\'s "quoted" `twice`',
    "spaces": " two  words ",
    "dots": "dbo.table.column",
    "unicode": "Größe 名前 😀",
    "percent": "100%s {x} :name ?1 $1",
    "semicolon": "x; DROP TABLE y; --",
    "slashes": "a\\b/c",
    "word": "select",
    "our own alias": "staged",
    "upper": "SELECT",
    "digits": "1st",
    "128 characters": "x" * 128,
    "128 wide characters": "é" * 128,
}
_ODD = pytest.mark.parametrize("name", _NAMES.values(), ids=_NAMES.keys())
_OURS = (Disposition.REPLACE, Disposition.MERGE)


def _schema(*columns: str) -> pa.Schema:
    return pa.schema([("id", pa.int64()), *((c, pa.string()) for c in columns)])


@pytest.mark.asyncio
class NamesConformance:
    """Odd names of tables, columns and schemas through every statement we send."""

    @_ODD
    async def test_of_a_column(self, destination: Destination, name: str) -> None:
        """An odd column is loaded, merged, added and read back under its name."""
        trial = Trial(task=task("Odd"), schema=_schema(name), version=None)
        held = names.fitting(name, destination.traits)
        await trial.run(destination, trial.rows([{"id": 1, name: "a"}, {"id": 2, name: "b"}]))
        outcome = await trial.run(destination, trial.rows([{"id": 2, name: "c"}], at=100))
        assert not [e for e in outcome.events if isinstance(e, Evolved)]
        assert outcome.result.updated == 1
        wanted = [{"id": 1, held: "a"}, {"id": 2, held: "c"}]
        assert await contents(destination, trial.task) == ordered(wanted)
        added = trial.but(task=task("Plain"))
        plain = added.but(schema=_schema())
        await plain.run(destination, plain.rows([{"id": 1}]))
        await added.run(destination, added.rows([{"id": 1, name: "x"}], at=100))
        assert await contents(destination, added.task) == [{"id": 1, held: "x"}]

    @_ODD
    async def test_of_a_key(self, destination: Destination, name: str) -> None:
        """An odd key column finds its rows, and its removals."""
        schema = pa.schema([(name, pa.int64()), ("v", pa.string())])
        trial = Trial(task=task("Odd"), schema=schema, key=(name,), version=None)
        held = names.fitting(name, destination.traits)
        await trial.run(destination, trial.rows([{name: n, "v": "a"} for n in range(4)]))
        removal = gone([], schema=_schema(), at=300)
        keys = pa.RecordBatch.from_pydict({name: [3]}, schema=pa.schema([schema.field(name)]))
        batches = [*trial.rows([{name: 1, "v": "b"}], at=100)]
        last = type(removal)(
            records=batches[-1].records, removed=keys, cursor={"at": 300}, complete=True
        )
        await trial.run(destination, [last])
        wanted = [{held: 0, "v": "a"}, {held: 1, "v": "b"}, {held: 2, "v": "a"}]
        assert await contents(destination, trial.task) == ordered(wanted)
        await trial.run(destination, trial.rows([{name: 1, "v": "b"}], at=400), full=True)
        assert await contents(destination, trial.task) == [{held: 1, "v": "b"}]

    @pytest.mark.parametrize("disposition", _OURS)
    @_ODD
    async def test_of_a_table(
        self, destination: Destination, name: str, disposition: Disposition
    ) -> None:
        """An odd target is made, merged into, replaced, and gets its reject table."""
        trial = Trial(task=task(name, disposition=disposition, rejects=True), schema=_schema("v"))
        trial = trial.but(version="v")
        await trial.run(destination, trial.rows([{"id": 1, "v": "a"}, {"id": None, "v": "b"}]))
        await trial.run(destination, trial.rows([{"id": 2, "v": "b"}], at=100))
        found = await contents(destination, trial.task, "id")
        replaced = disposition is Disposition.REPLACE
        assert found == ([{"id": 2}] if replaced else [{"id": 1}, {"id": 2}])
        assert {
            names.fitting(name, destination.traits),
            names.rejects(name, destination.traits),
        } < await tables(destination)
        assert not await leftovers(destination)

    @_ODD
    async def test_of_a_schema(self, destination: Destination, name: str) -> None:
        """A schema that is not there yet is made, ledger and all."""
        schema = names.fitting(f"{name} of tables", destination.traits)
        trial = Trial(task=task("Odd", schema=schema), schema=_schema("v"), version=None)
        await trial.run(destination, trial.rows([{"id": 1, "v": "a"}]))
        await trial.run(destination, trial.rows([{"id": 1, "v": "b"}], at=100), full=True)
        assert await contents(destination, trial.task) == [{"id": 1, "v": "b"}]
        assert "Odd" in await tables(destination, schema)
        assert not await leftovers(destination, schema)

    async def test_of_long_columns_that_begin_alike(self, destination: Destination) -> None:
        """Two long names that differ at their ends stay two columns."""
        one, other = "c" * 300 + "1", "c" * 300 + "2"
        trial = Trial(task=task("Long"), schema=_schema(one, other), version=None)
        await trial.run(destination, trial.rows([{"id": 1, one: "1", other: "2"}]))
        await trial.run(destination, trial.rows([{"id": 1, one: "3", other: "4"}], at=100))
        held = [names.fitting(n, destination.traits) for n in (one, other)]
        assert await contents(destination, trial.task) == [{"id": 1, held[0]: "3", held[1]: "4"}]
        assert len(set(held)) == 2

    async def test_of_columns_equal_but_for_case(self, destination: Destination) -> None:
        """Two columns where the database can tell them apart; refused where it cannot."""
        trial = Trial(task=task("Case"), schema=_schema("Name", "name"), version=None)
        rows = [{"id": 1, "Name": "a", "name": "b"}]
        if not destination.traits.case_sensitive:
            with pytest.raises(SchemaRefused, match="Name"):
                await trial.run(destination, trial.rows(rows))
            return
        first = trial.but(schema=_schema("Name"))
        await first.run(destination, first.rows([{"id": 1, "Name": "x"}]))
        await trial.run(destination, trial.rows(rows, at=100))
        assert await contents(destination, trial.task) == rows

    async def test_of_a_column_that_changes_its_case(self, destination: Destination) -> None:
        """A new column where case counts; the same one elsewhere."""
        first = Trial(task=task("Case"), schema=_schema("Name"), version=None)
        await first.run(destination, first.rows([{"id": 1, "Name": "x"}]))
        later = first.but(schema=_schema("NAME"))
        await later.run(destination, later.rows([{"id": 1, "NAME": "y"}], at=100))
        made = await destination.describe(table_of(first.task, destination.traits))
        assert made is not None
        wanted = ["id", "Name", "NAME"] if destination.traits.case_sensitive else ["id", "Name"]
        assert made.names == wanted

    async def test_of_a_table_like_its_columns(self, destination: Destination) -> None:
        """A target, a key and a column of one name are three things."""
        schema = pa.schema([("same", pa.int64()), ("v", pa.string())])
        trial = Trial(task=task("same"), schema=schema, key=("same",), version=None)
        await trial.run(destination, trial.rows([{"same": 1, "v": "a"}, {"same": 2, "v": "b"}]))
        changed = trial.rows([{"same": 2, "v": "c"}], at=100)
        await trial.run(destination, changed)
        assert len(await contents(destination, trial.task)) == 2
        await trial.run(destination, changed, full=True)
        assert await contents(destination, trial.task) == [{"same": 2, "v": "c"}]

    @pytest.mark.parametrize("name", [names.LEDGER, "_Syncline_new_1"])
    async def test_of_our_own_tables(self, destination: Destination, name: str) -> None:
        """A task may not write to the tables that the load itself keeps."""
        trial = Trial(task=task(name, disposition=Disposition.REPLACE))
        with pytest.raises(QueryError, match=name) as refused:
            await trial.run(destination, trial.rows([thing(1)]))
        assert refused.value.hint

    @pytest.mark.parametrize("name", ["_synced_at", "_deleted_at", "_syncline_seq"])
    async def test_of_our_own_columns(self, destination: Destination, name: str) -> None:
        """A query may not yield columns that we add."""
        trial = Trial(task=task(deletes=Deletes.SOFT), schema=_schema(name), version=None)
        with pytest.raises(SchemaRefused, match=name):
            await trial.run(destination, trial.rows([{"id": 1}]))
