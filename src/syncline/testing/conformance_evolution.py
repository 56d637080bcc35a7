"""Conformance: the source's schema moves, and the target with it as far as it may."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from syncline.errors import ResponseRefused, SchemaRefused
from syncline.load.evolve import holds
from syncline.model.job import Disposition, SchemaPolicy
from syncline.model.ports import Destination
from syncline.model.run import Evolved
from syncline.model.table import field_of
from syncline.testing.conformance_runs import (
    Outcome,
    Trial,
    contents,
    ordered,
    table_of,
    task,
)

#: From a type with a value to one that needs more room, with a value that shows it.
_WIDER: Mapping[str, tuple[pa.DataType, Any, pa.DataType, Any]] = {
    "int16 to int32": (pa.int16(), -1, pa.int32(), 2**31 - 1),
    "int32 to int64": (pa.int32(), 2**31 - 1, pa.int64(), -(2**63)),
    "int64 to uint64": (pa.int64(), -(2**63), pa.uint64(), 2**64 - 1),
    "int32 to decimal": (pa.int32(), 7, pa.decimal128(20, 4), Decimal("1.2345")),
    "more digits": (pa.decimal128(9, 2), Decimal("1.25"), pa.decimal128(20, 6), Decimal("1E-6")),
    "float to double": (pa.float32(), 0.5, pa.float64(), 0.1),
}
_REFUSED: Mapping[str, tuple[pa.DataType, Any, pa.DataType, Any]] = {
    "number to text": (pa.int64(), 1, pa.string(), "x"),
    "text to number": (pa.string(), "x", pa.int64(), 1),
    "instant to date": (pa.timestamp("us", tz="UTC"), None, pa.date32(), date(2026, 1, 1)),
    "instant to local": (pa.timestamp("us", tz="UTC"), None, pa.timestamp("us"), None),
    "number to boolean": (pa.int64(), 1, pa.bool_(), True),
    "double to decimal": (pa.float64(), 0.1, pa.decimal128(38, 9), Decimal("0.1")),
    "too many digits": (pa.decimal128(38, 0), Decimal(1), pa.decimal128(38, 9), Decimal("0.1")),
}


def _trial(*fields: tuple[str, pa.DataType] | pa.Field, **options: Any) -> Trial:
    schema = pa.schema([("id", pa.int64()), *fields])
    return Trial(task=task("Moving", **options), schema=schema, version=None)


def _changes(outcome: Outcome) -> list[str]:
    return [c for e in outcome.events if isinstance(e, Evolved) for c in e.changes]


@pytest.mark.asyncio
class EvolutionConformance:
    """Columns come, go, come back and grow; nothing else is done by itself."""

    @pytest.mark.parametrize("full", [False, True], ids=["increment", "full"])
    async def test_a_column_comes(self, destination: Destination, *, full: bool) -> None:
        """It is added, and rows that were there before have none of it."""
        before, after = _trial(("a", pa.string())), _trial(("b", pa.int64()), ("a", pa.string()))
        await before.run(destination, before.rows([{"id": 1, "a": "x"}, {"id": 2, "a": "y"}]))
        rows = [{"id": 2, "a": "y", "b": 5}, {"id": 3, "a": "z", "b": None}]
        kept = [{"id": 1, "a": "x", "b": None}]
        sent = [*kept, *rows] if full else rows
        outcome = await after.run(destination, after.rows(sent, at=100), full=full)
        assert len(_changes(outcome)) == 1
        assert await contents(destination, after.task) == ordered([*kept, *rows])
        assert not _changes(await after.run(destination, after.rows(sent, at=200), full=full))

    async def test_a_column_goes_and_comes_back(self, destination: Destination) -> None:
        """What it held stays while it is gone; then it is filled again."""
        both, one = _trial(("a", pa.string()), ("b", pa.int64())), _trial(("a", pa.string()))
        await both.run(destination, both.rows([{"id": 1, "a": "x", "b": 1}]))
        await one.run(destination, one.rows([{"id": 1, "a": "y"}, {"id": 2, "a": "z"}], at=100))
        wanted = [{"id": 1, "a": "y", "b": 1}, {"id": 2, "a": "z", "b": None}]
        assert await contents(destination, both.task) == ordered(wanted)
        await both.run(destination, both.rows([{"id": 2, "a": "z", "b": 2}], at=200))
        assert await contents(destination, both.task) == [
            {"id": 1, "a": "y", "b": 1},
            {"id": 2, "a": "z", "b": 2},
        ]

    @pytest.mark.parametrize("case", _WIDER.values(), ids=_WIDER.keys())
    async def test_a_column_grows(
        self, destination: Destination, case: tuple[pa.DataType, Any, pa.DataType, Any]
    ) -> None:
        """It gets a type that holds the old values and the new; going back changes nothing."""
        type_, value, wider, greater = case
        before, after = _trial(("v", type_)), _trial(("v", wider))
        await before.run(destination, before.rows([{"id": 1, "v": value}]))
        outcome = await after.run(destination, after.rows([{"id": 2, "v": greater}], at=100))
        wanted = [{"id": 1, "v": value}, {"id": 2, "v": greater}]
        assert await contents(destination, after.task) == wanted
        made = await destination.describe(table_of(after.task, destination.traits))
        assert made is not None
        assert holds(made.field("v").type, type_)
        assert holds(made.field("v").type, wider)
        assert len(_changes(outcome)) == 1
        again = await before.run(destination, before.rows([{"id": 1, "v": value}], at=200))
        assert not _changes(again)
        assert again.result.updated == 0
        assert await contents(destination, after.task) == wanted

    async def test_a_text_grows(self, destination: Destination) -> None:
        """A text of a size gets more room when the size grows, and all there is without one."""
        sizes = [5, 10, None, 7]
        rows: list[dict[str, Any]] = []
        for number, size in enumerate(sizes):
            trial = _trial(field_of("v", pa.string(), size=size))
            sent = [{"id": number, "v": "😀" * (size or 3000)}]
            rows += sent
            outcome = await trial.run(destination, trial.rows(sent, at=100 * number))
            assert await contents(destination, trial.task) == ordered(rows)
        assert not _changes(outcome)

    async def test_json_becomes_text(self, destination: Destination) -> None:
        """A column of JSON takes other text when it is no longer JSON."""
        before = _trial(field_of("v", pa.string(), json=True))
        after = _trial(("v", pa.string()))
        await before.run(destination, before.rows([{"id": 1, "v": "[1]"}]))
        await after.run(destination, after.rows([{"id": 2, "v": "not json"}], at=100))
        assert await contents(destination, after.task) == [
            {"id": 1, "v": "[1]"},
            {"id": 2, "v": "not json"},
        ]

    @pytest.mark.parametrize("case", _REFUSED.values(), ids=_REFUSED.keys())
    async def test_a_change_that_would_bend_values(
        self, destination: Destination, case: tuple[pa.DataType, Any, pa.DataType, Any]
    ) -> None:
        """It is refused with the column's name, and neither rows nor checkpoint move."""
        type_, value, other, later = case
        before, after = _trial(("v", type_)), _trial(("v", other))
        first = await before.run(destination, before.rows([{"id": 1, "v": value}]))
        with pytest.raises(SchemaRefused, match="'v'") as refused:
            await after.run(destination, after.rows([{"id": 2, "v": later}], at=100))
        assert refused.value.hint
        assert await contents(destination, before.task) == [{"id": 1, "v": value}]
        work, _, _ = await before.begin(destination)
        assert work.last == first.checkpoint

    @pytest.mark.parametrize("case", _REFUSED.values(), ids=_REFUSED.keys())
    async def test_a_replaced_table_takes_any_type(
        self, destination: Destination, case: tuple[pa.DataType, Any, pa.DataType, Any]
    ) -> None:
        """Nothing of the old contents stays, so nothing of it could be bent."""
        type_, value, other, later = case
        before = _trial(("v", type_), disposition=Disposition.REPLACE)
        after = _trial(("v", other), disposition=Disposition.REPLACE)
        await before.run(destination, before.rows([{"id": 1, "v": value}]))
        await after.run(destination, after.rows([{"id": 2, "v": later}], at=100))
        assert await contents(destination, after.task) == [{"id": 2, "v": later}]

    @pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
    async def test_a_frozen_schema(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """No column is added or widened; a load that needs none goes through."""
        frozen = {"schema_policy": SchemaPolicy.FREEZE, "disposition": disposition}
        before = _trial(("a", pa.int32()), **frozen)
        await before.run(destination, before.rows([{"id": 1, "a": 1}]))
        for fields in ([("a", pa.int32()), ("b", pa.int32())], [("a", pa.int64())]):
            after = _trial(*fields, **frozen)
            with pytest.raises(SchemaRefused, match="frozen"):
                await after.run(destination, after.rows([{"id": 1, "a": 2}], at=100))
            assert await contents(destination, before.task) == [{"id": 1, "a": 1}]
        await before.run(destination, before.rows([{"id": 1, "a": 3}], at=200))
        assert await contents(destination, before.task) == [{"id": 1, "a": 3}]

    @pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
    async def test_a_column_grows_while_a_pass_is_under_way(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """The pass goes on with the wider column."""
        before = _trial(("v", pa.int16()), disposition=disposition).but(has_cursor=False)
        after = _trial(("v", pa.int64()), ("w", pa.string()), disposition=disposition)
        after = after.but(has_cursor=False)
        batches = before.rows([{"id": n, "v": n} for n in range(4)])
        with pytest.raises(ResponseRefused):
            await before.run(destination, [replace(b, complete=False) for b in batches])
        rows = [{"id": n, "v": n, "w": "w"} for n in range(4)]
        later = [{"id": 9, "v": 2**40, "w": "x"}]
        outcome = await after.run(destination, after.rows([*rows, *later]))
        assert outcome.decision.resuming
        found = {r["id"]: r["v"] for r in await contents(destination, after.task)}
        assert found == {0: 0, 1: 1, 2: 2, 3: 3, 9: 2**40}

    @pytest.mark.parametrize("disposition", [Disposition.APPEND, Disposition.REPLACE])
    async def test_a_column_grows_while_rows_without_a_key_are_collected(
        self, destination: Destination, disposition: Disposition
    ) -> None:
        """The pass goes on, or begins anew: every row is there once."""
        before, after = (
            _trial(("v", type_), disposition=disposition).but(key=(), version=None)
            for type_ in (pa.int16(), pa.int64())
        )
        rows = [{"id": n, "v": n} for n in range(4)]
        with pytest.raises(ResponseRefused):
            await before.run(destination, before.rows(rows)[:1])
        rows.append({"id": 9, "v": 2**40})
        await after.run(destination, after.rows(rows))
        assert await contents(destination, after.task) == ordered(rows)

    @pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
    async def test_a_key_grows(self, destination: Destination, disposition: Disposition) -> None:
        """In a target that has rows, and while a pass is under way."""
        small, large = (
            Trial(
                task=task("Moving", disposition=disposition),
                schema=pa.schema([("id", type_), ("code", pa.string())]),
                key=("id", "code"),
                version=None,
                has_cursor=False,
            )
            for type_ in (pa.int32(), pa.int64())
        )
        rows = [{"id": n, "code": f"c{n}"} for n in range(4)]
        await small.run(destination, small.rows(rows))
        with pytest.raises(ResponseRefused):
            await small.run(
                destination, [replace(b, complete=False) for b in small.rows(rows, at=100)]
            )
        more = [*rows, {"id": 2**40, "code": "c4"}]
        outcome = await large.run(destination, large.rows(more, at=100))
        assert outcome.decision.resuming
        assert await contents(destination, large.task) == ordered(more)
        made = await destination.describe(table_of(large.task, destination.traits))
        assert made is not None
        assert made.field("id").type == pa.int64()
        again = await small.run(destination, small.rows(more[:4], at=200))
        assert again.result.updated == 0
