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
    assert _changes(held, wanted, _CASED) == ["add column ID int64"]


def test_a_column_keeps_its_own_name_when_it_grows() -> None:
    held, wanted = pa.schema([("Id", pa.int32())]), pa.schema([("ID", pa.int64())])
    assert _changes(held, wanted, _CASELESS) == ["widen column Id from int32 to int64"]


def test_columns_that_vanished_are_kept() -> None:
    held = pa.schema([("id", pa.int64()), ("gone", pa.string())])
    assert _changes(held, pa.schema([("id", pa.int32())]), _CASED) == []


def test_json_and_text_are_two_types_only_where_the_database_says_so() -> None:
    json = pa.schema([field_of("v", pa.string(), json=True)])
    text = pa.schema([("v", pa.string())])
    assert _changes(json, text, _CASED) == ["widen column v from string to string"]
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
