"""Columns as Unity Catalog tells them, and rows as Parquet files of exactly their types."""

import re
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from syncline.errors import RecordRefused
from syncline.model.table import field_of

_PLAIN: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "byte": pa.int8(),
    "smallint": pa.int16(),
    "short": pa.int16(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "long": pa.int64(),
    "float": pa.float32(),
    "real": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestamp_ltz": pa.timestamp("us", tz="UTC"),
    "timestamp_ntz": pa.timestamp("us"),
    "binary": pa.binary(),
    "string": pa.string(),
}
_DECIMAL: Final = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_SIZED: Final = re.compile(r"(?:var)?char(?:acter)?\((\d+)\)")


def arrow_field(row: Mapping[str, str | None]) -> pa.Field:
    """Return a row of ``information_schema.columns`` as a field."""
    kind = (row["full_data_type"] or "string").lower()
    size = _SIZED.match(kind)
    made_by = (
        "identity"
        if row["is_identity"] == "YES"
        else "expression"
        if row["generation_expression"]
        else "default"
        if row["column_default"]
        else ""
    )
    return field_of(
        row["column_name"] or "",
        _type(kind),
        nullable=row["is_nullable"] != "NO",
        size=int(size[1]) if size else None,
        padded=kind.startswith("char"),
        made_by=made_by,
    )


def _type(kind: str) -> pa.DataType:
    exact = _DECIMAL.match(kind)
    if exact:
        return pa.decimal128(int(exact[1]), int(exact[2]))
    # What has no type of its own here is read as text.
    return _PLAIN.get(kind, pa.string())


def file_type(type_: pa.DataType) -> pa.DataType:
    """Return the type that a column of an Arrow type has in a file.

    Spark reads it as exactly the type that the table has for it; it refuses nanoseconds, times
    and half floats, and takes an unsigned number for a decimal.
    """
    if pa.types.is_integer(type_):
        bits = type_.bit_width * (1 if pa.types.is_signed_integer(type_) else 2)
        widths = {8: pa.int16(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}
        return widths.get(bits, pa.decimal128(20, 0))
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC" if type_.tz else None)
    for is_kind, plain in (
        (pa.types.is_date, pa.date32()),
        (pa.types.is_time, pa.string()),
        (pa.types.is_float16, pa.float32()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_large_binary, pa.binary()),
        (pa.types.is_fixed_size_binary, pa.binary()),
    ):
        if is_kind(type_):
            return plain
    return type_


def file_rows(records: pa.Table) -> pa.Table:
    """Return rows as a file has them. Raises `RecordRefused` where a value has no such form."""
    columns = []
    fields = []
    for field, column in zip(records.schema, records.columns, strict=True):
        type_ = file_type(field.type)
        try:
            columns.append(column if column.type.equals(type_) else _cast(column, type_))
        except pa.ArrowInvalid as error:
            raise RecordRefused(
                f"a value of {field.name!r} does not fit its column: {error}",
                hint="cast the column in the task's query",
            ) from error
        fields.append(pa.field(field.name, type_))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _cast(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_time(column.type):
        return pc.cast(column.cast(pa.time64("us")), pa.string())
    return column.cast(type_)
