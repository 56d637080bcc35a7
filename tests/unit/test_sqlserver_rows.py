"""What goes into a bulk copy, and what is refused before the driver bends it."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from syncline.destinations.sqlserver_rows import fit
from syncline.destinations.sqlserver_types import Column, arrow_type, plain, schema_of
from syncline.errors import RecordRefused, SchemaRefused
from syncline.model.table import size_of


def column(type_: str, **options: Any) -> Column:
    return Column(name="v", type=type_, **options)


def fitted(values: list[Any], type_: pa.DataType, into: Column) -> pa.Table:
    return fit(pa.table({"v": pa.array(values, type_)}), [into])


_FIRST = datetime(1, 1, 1)  # noqa: DTZ001 (a local time)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001 (a local time)
TEXT = column("nvarchar", length=10)
LONG_TEXT = column("nvarchar", length=-1)


@pytest.mark.parametrize(
    ("values", "type_", "into"),
    [
        ([2**64 - 1, None], pa.uint64(), column("decimal", precision=20, scale=0)),
        ([255, 0], pa.uint8(), column("smallint")),
        ([1.5, None], pa.float16(), column("real")),
        ([1.5], pa.float32(), column("float")),
        ([7], pa.int32(), column("decimal", precision=20, scale=4)),
        ([7], pa.int32(), column("float")),
        ([Decimal("1.5")], pa.decimal128(3, 1), column("decimal", precision=20, scale=4)),
        ([Decimal("1.5")], pa.decimal256(50, 1), column("decimal", precision=20, scale=4)),
        (["é", None, ""], pa.large_string(), TEXT),
        (["a\0b"], pa.string(), LONG_TEXT),
        ([b"\0", b""], pa.large_binary(), column("varbinary", length=-1)),
        ([b"\0\1"], pa.binary(2), column("varbinary", length=2)),
        ([date.min, date.max], pa.date64(), column("date")),
        ([time(1, 2, 3, 4)], pa.time64("ns"), column("time", scale=6)),
        ([datetime(2024, 1, 1)], pa.timestamp("s"), column("datetime2", scale=6)),  # noqa: DTZ001 (a local time)
        ([_FIRST, _LAST], pa.timestamp("us"), column("datetime2", scale=6)),
        (
            [datetime(1, 1, 1, tzinfo=UTC)],
            pa.timestamp("us", "UTC"),
            column("datetimeoffset", scale=6),
        ),
        ([None, None], pa.null(), column("int")),
        ([True, None], pa.bool_(), column("bit")),
        (["6F9619FF-8B86-D011-B42D-00C04FC964FF"], pa.string(), column("uniqueidentifier")),
    ],
    ids=str,
)
def test_values_take_the_type_of_their_column(
    values: list[Any], type_: pa.DataType, into: Column
) -> None:
    made = fitted(values, type_, into)
    assert made.schema.field("v").type == arrow_type(into)
    assert made.column("v").to_pylist() == values


def test_dictionaries_are_spelled_out() -> None:
    values = pa.array(["a", "b", None, "a"]).dictionary_encode()
    made = fit(pa.table({"v": values}), [TEXT])
    assert made.column("v").to_pylist() == ["a", "b", None, "a"]


def test_an_instant_elsewhere_is_the_same_instant() -> None:
    moment = datetime(2024, 7, 1, 12, tzinfo=UTC)
    made = fitted([moment], pa.timestamp("us", "Europe/Berlin"), column("datetimeoffset", scale=6))
    assert made.schema.field("v").type == pa.timestamp("us", tz="UTC")
    assert made.column("v").to_pylist() == [moment]


def test_columns_are_found_by_name_whatever_its_case() -> None:
    records = pa.table({"NAME": ["x"], "id": [1]})
    columns = [
        Column(name="Id", type="bigint"),
        Column(name="other", type="int"),
        Column(name="Name", type="nvarchar", length=-1),
    ]
    made = fit(records, columns)
    assert made.schema.names == ["Name", "Id"]
    assert made.to_pylist() == [{"Name": "x", "Id": 1}]


@pytest.mark.parametrize(
    ("values", "type_", "into", "says"),
    [
        ([float("nan")], pa.float64(), column("float"), "NaN or infinity"),
        ([1.0, float("-inf")], pa.float32(), column("real"), "NaN or infinity"),
        (["123456"], pa.string(), column("nvarchar", length=10), r"nvarchar\(5\)"),
        (["ok", "😀😀😀"], pa.string(), column("nvarchar", length=10), "6 characters"),
        ([b"abc"], pa.binary(), column("varbinary", length=2), "3 bytes"),
        ([1, None], pa.int64(), column("bigint", nullable=False), r"1 row\(s\) have no value"),
        ([2**63], pa.uint64(), column("bigint"), "does not fit bigint"),
        ([Decimal("1.234")], pa.decimal128(4, 3), column("decimal", precision=5, scale=2), "fit"),
        ([Decimal("1234.5")], pa.decimal128(5, 1), column("decimal", precision=3, scale=1), "fit"),
        ([0.1], pa.float64(), column("real"), "rounded"),
        ([2**53 + 1], pa.int64(), column("float"), "fit"),
        ([1001], pa.timestamp("ns"), column("datetime2", scale=6), "fit"),
        ([1001], pa.time64("ns"), column("time", scale=6), "fit"),
        ([10**18], pa.timestamp("us"), column("datetime2", scale=6), "years 1 to 9999"),
        ([-(10**17)], pa.timestamp("us", "UTC"), column("datetimeoffset", scale=6), "years 1 to"),
        ([10**7], pa.date32(), column("date"), "years 1 to 9999"),
        ([datetime(2024, 1, 1, 0, 0, 0, 1)], pa.timestamp("us"), column("datetime"), "fit"),  # noqa: DTZ001 (a local time)
    ],
    ids=str,
)
def test_a_value_that_would_be_bent_is_refused(
    values: list[Any], type_: pa.DataType, into: Column, says: str
) -> None:
    with pytest.raises(RecordRefused, match=says) as refused:
        fitted(values, type_, into)
    assert "'v'" in str(refused.value)


@pytest.mark.parametrize(
    ("type_", "into"),
    [
        (pa.int64(), LONG_TEXT),
        (pa.string(), column("int")),
        (pa.timestamp("us"), column("datetimeoffset", scale=6)),
        (pa.timestamp("us", "UTC"), column("datetime2", scale=6)),
        (pa.bool_(), column("int")),
        (pa.date32(), column("datetime2", scale=6)),
        (pa.list_(pa.int64()), LONG_TEXT),
        (pa.duration("us"), column("bigint")),
    ],
    ids=str,
)
def test_another_kind_of_values_is_refused(type_: pa.DataType, into: Column) -> None:
    with pytest.raises(SchemaRefused, match="'v'") as refused:
        fitted([None], type_, into)
    assert refused.value.hint


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(SchemaRefused, match="'v'"):
        fitted([1], pa.int64(), Column(name="w", type="bigint"))


def test_text_as_long_as_its_column_fits() -> None:
    values = ["é" * 5, "😀😀", None]
    made = fitted(values, pa.string(), column("nvarchar", length=10))
    assert made.column("v").to_pylist() == values


@pytest.mark.parametrize(
    ("into", "type_"),
    [
        (column("tinyint"), pa.int16()),
        (column("money"), pa.decimal128(19, 4)),
        (column("numeric", precision=38, scale=9), pa.decimal128(38, 9)),
        (column("datetime2", scale=7), pa.timestamp("us")),
        (column("datetime2", scale=3), pa.timestamp("ms")),
        (column("datetimeoffset", scale=0), pa.timestamp("s", "UTC")),
        (column("datetime"), pa.timestamp("ms")),
        (column("time", scale=6), pa.time64("us")),
        (column("time", scale=2), pa.time32("ms")),
        (column("varbinary", length=4), pa.binary()),
        (column("xml", length=-1), pa.string()),
        (column("geography", length=-1), pa.binary()),
    ],
    ids=str,
)
def test_every_type_has_an_arrow_type(into: Column, type_: pa.DataType) -> None:
    assert arrow_type(into) == type_


def test_a_schema_tells_sizes_and_nulls() -> None:
    schema = schema_of(
        [
            Column(name="a", type="nvarchar", length=36, nullable=False),
            Column(name="b", type="varchar", length=36),
            Column(name="c", type="nvarchar", length=-1),
        ]
    )
    assert [size_of(f) for f in schema] == [18, 36, None]
    assert [f.nullable for f in schema] == [False, True, True]


def test_fetched_rows_have_the_types_we_use() -> None:
    fetched = pa.table(
        {
            "a": pa.array(["x"], pa.large_string()),
            "b": pa.array([b"x"], pa.large_binary()),
            "c": pa.array([1500], pa.time64("ns")),
            "d": pa.array([0], pa.timestamp("us", "+00:00")),
            "e": pa.array([255], pa.uint8()),
            "f": pa.array([1], pa.int64()),
        }
    )
    assert plain(fetched).schema.types == [
        pa.string(), pa.binary(), pa.time64("us"), pa.timestamp("us", "UTC"), pa.int16(),
        pa.int64(),
    ]  # fmt: skip
