"""Which type holds two: no value of either is bent by it."""

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.load.evolve import common, evolve, holds
from syncline.model.job import SchemaPolicy
from syncline.model.ports import Traits
from syncline.model.steps import stepped
from syncline.model.table import field_of

_CASED = Traits(dialect="postgres", schema="s")
_CASELESS = Traits(dialect="duckdb", schema="s", case_sensitive=False)
_TSQL = Traits(dialect="tsql", schema="s", case_sensitive=False)
_T = exp.table_("T")

_FIRST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_LAST = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
#: Types with their extreme values.
_EXTREMES: Mapping[pa.DataType, Sequence[Any]] = {
    pa.int8(): [-(2**7), 2**7 - 1],
    pa.int16(): [-(2**15), 2**15 - 1],
    pa.int32(): [-(2**31), 2**31 - 1],
    pa.int64(): [-(2**63), 2**63 - 1],
    pa.uint8(): [0, 2**8 - 1],
    pa.uint16(): [0, 2**16 - 1],
    pa.uint32(): [0, 2**32 - 1],
    pa.uint64(): [0, 2**64 - 1],
    pa.float32(): [0.1, 3.4e38],
    pa.float64(): [0.1, 1.7e308],
    pa.decimal128(5, 2): [Decimal("-999.99"), Decimal("0.01")],
    pa.decimal128(20): [Decimal("9" * 20)],
    pa.decimal128(38, 9): [Decimal("9" * 29 + "." + "9" * 9)],
    pa.decimal128(38): [Decimal("9" * 38)],
    pa.string(): ["", "é"],
    pa.large_string(): ["x"],
    pa.binary(): [b"\0"],
    pa.large_binary(): [b""],
    pa.bool_(): [True, False],
    pa.date32(): [dt.date.min, dt.date.max],
    pa.date64(): [dt.date.min, dt.date.max],
    pa.time32("s"): [dt.time(23, 59, 59)],
    pa.time64("us"): [dt.time.max],
    pa.timestamp("s"): [_LAST.replace(tzinfo=None)],
    pa.timestamp("us"): [_FIRST.replace(tzinfo=None), _LAST.replace(tzinfo=None)],
    pa.timestamp("us", tz="UTC"): [_FIRST, _LAST],
}
_PAIRS = list(product(_EXTREMES, repeat=2))


@pytest.mark.parametrize(("a", "b"), _PAIRS, ids=[f"{a} and {b}" for a, b in _PAIRS])
def test_a_common_type_holds_every_value_of_both(a: pa.DataType, b: pa.DataType) -> None:
    found = common(a, b)
    assert found == common(b, a)
    if found is None:
        assert a != b
        assert not holds(a, b)
        return
    assert holds(found, a)
    assert holds(found, b)
    for type_ in (a, b):
        values = pa.array(_EXTREMES[type_], type_)
        assert values.cast(found).cast(type_).equals(values)


@pytest.mark.parametrize(
    ("held", "wanted", "fits"),
    [
        (pa.int64(), pa.uint32(), True),
        (pa.int64(), pa.uint64(), False),
        (pa.int16(), pa.uint8(), True),
        (pa.decimal128(20), pa.uint64(), True),
        (pa.decimal128(38, 9), pa.int64(), True),
        (pa.decimal128(38, 9), pa.decimal128(38), False),
        (pa.decimal256(76, 38), pa.decimal128(38, 9), True),
        (pa.float32(), pa.float64(), False),
        (pa.float64(), pa.int64(), False),
        (pa.float64(), pa.decimal128(5, 2), False),
        (pa.string(), pa.int64(), False),
        (pa.timestamp("us", tz="UTC"), pa.timestamp("us"), False),
    ],
    ids=str,
)
def test_what_a_column_holds(held: pa.DataType, wanted: pa.DataType, *, fits: bool) -> None:
    assert holds(held, wanted) is fits


def _changes(held: pa.Schema, wanted: pa.Schema, traits: Traits) -> list[str]:
    return [str(c) for c in evolve(_T, held, wanted, SchemaPolicy.EVOLVE, traits)]


def test_names_are_compared_as_the_database_does() -> None:
    held, wanted = pa.schema([("Id", pa.int64())]), pa.schema([("ID", pa.int64())])
    assert _changes(held, wanted, _CASELESS) == []
    assert _changes(held, wanted, _CASED) == ["add column ID whole number"]


def test_a_column_keeps_its_own_name_when_it_grows() -> None:
    held, wanted = pa.schema([("Id", pa.int32())]), pa.schema([("ID", pa.int64())])
    assert _changes(held, wanted, _CASELESS) == [
        "widen column Id from whole number (32 bit) to whole number"
    ]


def test_columns_that_vanished_are_kept() -> None:
    held = pa.schema([("id", pa.int64()), ("gone", pa.string())])
    assert _changes(held, pa.schema([("id", pa.int32())]), _CASED) == []


def test_json_and_text_are_two_types_only_where_the_database_says_so() -> None:
    json = pa.schema([field_of("v", pa.string(), json=True)])
    text = pa.schema([("v", pa.string())])
    assert _changes(json, text, _CASED) == ["widen column v from JSON to text"]
    with pytest.raises(SchemaRefused, match="'v'"):
        _changes(text, json, _CASED)
    assert _changes(text, json, _TSQL) == []


def test_a_frozen_schema_says_all_that_it_would_need() -> None:
    held = pa.schema([("a", pa.int32())])
    wanted = pa.schema([("a", pa.int64()), ("b", pa.string())])
    with pytest.raises(SchemaRefused, match=r"widen column a.*add column b") as refused:
        evolve(_T, held, wanted, SchemaPolicy.FREEZE, _CASED)
    assert refused.value.hint
    assert evolve(_T, held, held, SchemaPolicy.FREEZE, _CASED) == []


_KEYED = Traits(
    dialect="tsql", schema="s", case_sensitive=False, index_bytes=1700, columnstore=True
)


def _keyed(held: pa.Schema, wanted: pa.Schema, *, columnstore: bool = False) -> list[str]:
    changes = evolve(
        _T, held, wanted, SchemaPolicy.EVOLVE, _KEYED, key=("id",), columnstore=columnstore
    )
    return [str(c) for c in changes]


def test_a_table_without_an_index_on_its_key_gets_one() -> None:
    schema = pa.schema([("ID", pa.int64()), ("v", pa.int64())])
    wanted = pa.schema([("id", pa.int64())])
    assert _keyed(schema, wanted) == ["add an index on ID"]
    indexed = pa.schema([field_of("ID", pa.int64(), indexed=True)])
    assert _keyed(indexed, wanted) == []
    assert evolve(_T, schema, wanted, SchemaPolicy.FREEZE, _KEYED, key=("id",)) == []
    assert evolve(_T, schema, wanted, SchemaPolicy.EVOLVE, _TSQL, key=("id",)) == []


@pytest.mark.parametrize(
    "held",
    [
        pa.field("id", pa.string()),
        field_of("id", pa.string(), size=851, utf16=True),
        pa.field("id", pa.binary()),
    ],
)
def test_a_key_that_no_index_holds_stays_without(held: pa.Field) -> None:
    assert _keyed(pa.schema([held]), pa.schema([held])) == []


def test_the_index_goes_while_a_column_of_it_grows() -> None:
    held = pa.schema([field_of("id", pa.int32(), indexed=True), ("v", pa.int32())])
    assert _keyed(held, pa.schema([("id", pa.int64()), ("v", pa.int64())])) == [
        "drop the index _syncline_key for a while",
        "widen column id from whole number (32 bit) to whole number",
        "widen column v from whole number (32 bit) to whole number",
        "add an index on id",
    ]
    assert _keyed(held, pa.schema([("id", pa.int32()), ("v", pa.int64())])) == [
        "widen column v from whole number (32 bit) to whole number"
    ]


def test_a_table_comes_to_be_kept_by_columns() -> None:
    held = pa.schema([field_of("id", pa.int32(), indexed=True), ("v", pa.int32())])
    assert _keyed(held, held, columnstore=True) == [
        "drop the index _syncline_key for a while",
        "keep the table by columns",
        "add an index on id",
    ]
    kept = held.with_metadata({"columnstore": "true"})
    assert _keyed(kept, held, columnstore=True) == []
    assert _keyed(kept, held) == []
    assert _keyed(kept, pa.schema([("id", pa.int32()), ("v", pa.int64())])) == [
        "drop the index _syncline_columns for a while",
        "widen column v from whole number (32 bit) to whole number",
        "keep the table by columns",
    ]


@pytest.mark.parametrize(
    ("held", "wanted", "longest", "change"),
    [
        ({"size": 40, "utf16": True}, {"size": 20}, 40, ""),
        ({"size": 39, "utf16": True}, {"size": 20}, 0, "text(39) to text(20)"),
        ({"size": 20}, {"size": 20}, 0, ""),
        ({"size": 20}, {"size": 21}, 0, "text(20) to text(21)"),
        ({"size": 20}, {}, 20, ""),
        ({"size": 20}, {}, 21, "text(20) to text"),
        ({}, {"size": 20}, 21, ""),
    ],
)
def test_a_text_column_grows_with_what_may_be_in_it(
    held: dict[str, Any], wanted: dict[str, Any], longest: int, change: str
) -> None:
    changes = evolve(
        _T,
        pa.schema([field_of("v", pa.string(), **held)]),
        pa.schema([field_of("v", pa.string(), **wanted)]),
        SchemaPolicy.EVOLVE,
        _TSQL,
        longest={"v": longest},
    )
    assert [str(c) for c in changes] == ([f"widen column v from {change}"] if change else [])


def test_a_column_of_coarse_steps_is_widened() -> None:
    held = pa.schema([stepped(pa.field("at", pa.timestamp("us")), 1000)])
    wanted = pa.schema([("at", pa.timestamp("us"))])
    (change,) = evolve(_T, held, wanted, SchemaPolicy.EVOLVE, _CASED)
    assert str(change).endswith("from timestamp in steps of 0.001 s to timestamp")
    assert evolve(_T, wanted, wanted, SchemaPolicy.EVOLVE, _CASED) == []
