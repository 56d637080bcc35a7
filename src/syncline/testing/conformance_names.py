"""Conformance: every name means itself, whatever characters it has and however long it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

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
#: All in one table, where case may not count.
_COLUMNS = tuple(name for name in _NAMES.values() if name != "SELECT")
_ODD = pytest.mark.parametrize("name", _NAMES.values(), ids=_NAMES.keys())


def _schema(*columns: str) -> pa.Schema:
    return pa.schema([("id", pa.int64()), *((c, pa.string()) for c in columns)])


@pytest.mark.asyncio
class NamesConformance:
    """Odd names of tables, columns and schemas through every statement we send."""

    async def test_of_columns(self, destination: Destination) -> None:
        """Odd columns are added, loaded, merged and read back under their names."""
        odd = _COLUMNS
        held = [names.fitting(name, destination.traits) for name in odd]
        trial = Trial(task=task("Odd"), schema=_schema(*odd), version=None)
        plain = trial.but(schema=_schema())
        await plain.run(destination, plain.rows([{"id": 1}, {"id": 2}]))
        for at, text in ((100, "a"), (200, "b")):
            rows: list[dict[str, Any]] = [
                {"id": 2, **{name: f"{text} {n}" for n, name in enumerate(odd)}}
            ]
            outcome = await trial.run(destination, trial.rows(rows, at=at))
            assert outcome.result.updated == 1
            added = [c for e in outcome.events if isinstance(e, Evolved) for c in e.changes]
            assert len(added) == (len(odd) if at == 100 else 0)
        wanted: list[dict[str, Any]] = [
            {"id": 1, **dict.fromkeys(held)},
            {"id": 2, **{name: f"b {n}" for n, name in enumerate(held)}},
        ]
        assert await contents(destination, trial.task) == ordered(wanted)

    async def test_of_a_key(self, destination: Destination) -> None:
        """Odd key columns find their rows, and their removals."""
        odd = _COLUMNS
        held = [names.fitting(name, destination.traits) for name in odd]
        schema = pa.schema([*((name, pa.int64()) for name in odd), ("v", pa.string())])
        trial = Trial(task=task("Odd"), schema=schema, key=tuple(odd), version=None)

        def row(number: int, value: str, columns: Sequence[str] = odd) -> dict[str, Any]:
            return {**dict.fromkeys(columns, number), "v": value}

        await trial.run(destination, trial.rows([row(n, "a") for n in range(4)]))
        (batch,) = trial.rows([row(1, "b")], at=100)
        keys = pa.RecordBatch.from_pylist([row(3, "")], schema=pa.schema(list(schema)[:-1]))
        await trial.run(destination, [replace(batch, removed=keys)])
        wanted = [row(0, "a", held), row(1, "b", held), row(2, "a", held)]
        assert await contents(destination, trial.task) == ordered(wanted)
        await trial.run(destination, trial.rows([row(1, "b")], at=400), full=True)
        assert await contents(destination, trial.task) == [row(1, "b", held)]

    @_ODD
    async def test_of_a_table(self, destination: Destination, name: str) -> None:
        """An odd target is made, merged into, replaced, and gets its reject table."""
        schema = destination.traits.schema
        trial = Trial(task=task(name, rejects=True), schema=_schema("v"), version=None)
        await trial.run(destination, trial.rows([{"id": 1, "v": "a"}, {"id": None, "v": "b"}]))
        merged = [{"id": 1, "v": "b"}, {"id": 2, "v": "b"}]
        await trial.run(destination, trial.rows(merged, at=100))
        assert await contents(destination, trial.task) == merged
        replaced = trial.but(task=task(name, id="another", disposition=Disposition.REPLACE))
        await replaced.run(destination, trial.rows([{"id": 3, "v": "c"}]))
        assert await contents(destination, trial.task) == [{"id": 3, "v": "c"}]
        assert {
            names.target(name, destination.traits),
            names.rejects(name, destination.traits),
        } < await tables(destination)
        assert not await leftovers(destination, schema)

    @_ODD
    async def test_of_a_schema(self, destination: Destination, name: str) -> None:
        """A schema that is not there yet is made, ledger and all."""
        # Unlike any other, even where case does not count.
        schema = names.target(f"{name} of {destination.traits.schema}", destination.traits)
        trial = Trial(task=task("Odd", schema=schema), schema=_schema("v"), version=None)
        await trial.run(destination, trial.rows([{"id": 1, "v": "a"}]))
        assert await contents(destination, trial.task) == [{"id": 1, "v": "a"}]
        made = {names.target("Odd", destination.traits), names.LEDGER}
        assert await tables(destination, schema) == made

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
