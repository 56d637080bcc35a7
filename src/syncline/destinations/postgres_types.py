"""PostgreSQL's types as Arrow's: what a column is, what COPY takes, what a query gives back."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from syncline.errors import RecordRefused
from syncline.model.steps import digits_step
from syncline.model.table import field_of, is_json
from syncline.model.types import UNBOUNDED

_KINDS: Mapping[str, pa.DataType] = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
#: Take text as it is, too.
_TEXTS = {"", "citext", "char"}
_TIMED = {"time", "timestamp", "timestamptz"}
_OTHERS = {"numeric", "text", "varchar", "bpchar", "name", "json", "jsonb", "unknown"}
#: PostgreSQL keeps sizes in a modifier that counts four bytes of header.
_HEADER = 4
#: The binary form of jsonb is one byte of version, then the text.
_JSONB_VERSION = "\x01"
#: Arrow integers by the widest of their values, as `model.types` maps them to SQL.
_INTEGERS: Mapping[pa.DataType, pa.DataType] = {
    pa.int8(): pa.int16(),
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.decimal128(20, 0),
}


def arrow_field(
    *,
    name: str,
    kind: str,
    modifier: int = -1,
    required: bool = False,
    made_by: str = "",
    indexed: bool = False,
) -> pa.Field:
    """Return a column of the catalog as an Arrow field; types that Arrow lacks are text."""
    type_ = _numeric(modifier) if kind == "numeric" else _KINDS.get(kind, pa.string())
    size = modifier - _HEADER if kind in {"varchar", "bpchar"} and modifier > _HEADER else None
    json = kind in {"json", "jsonb"}
    field = field_of(
        name,
        type_,
        nullable=not required,
        size=size,
        json=json,
        made_by=made_by,
        indexed=indexed,
        native="" if kind in _KINDS or kind in _OTHERS or kind in _TEXTS else kind,
        uncompared=kind == "json",
    )
    # Moments and times have six digits of a second, or as many as the modifier says.
    return digits_step(field, modifier) if kind in _TIMED and modifier >= 0 else field


def strangers(schema: pa.Schema) -> set[str]:
    """Return the columns of an answer whose types Arrow has no word for."""
    return {
        field.name
        for field in schema
        if (kind := _kind(field)) not in _KINDS and kind not in _OTHERS and kind
    }


def fetched(rows: pa.Table) -> pa.Table:
    """Return a query's rows with the types of their columns, which the driver tells apart."""
    columns, fields = [], []
    for column, field in zip(rows.columns, rows.schema, strict=True):
        told, kind = field.metadata or {}, _kind(field)
        plain = column
        if isinstance(field.type, pa.BaseExtensionType):
            plain = pa.chunked_array(
                [c.storage for c in column.chunks], type=field.type.storage_type
            )
        modifier = int(told.get(b"POSTGRESQL:typmod", b"-1"))
        wanted = arrow_field(name=field.name, kind=kind, modifier=modifier)
        if kind in _KINDS or kind == "numeric":
            plain = _cast(plain, wanted.type, field.name)
        else:
            wanted = wanted.with_type(plain.type)
        columns.append(plain)
        fields.append(wanted)
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def staged(records: pa.Table) -> pa.Table:
    """Return rows in exactly the types that COPY takes for the columns made for them."""
    columns, fields = [], []
    for column, field in zip(records.columns, records.schema, strict=True):
        wanted = _copied(field.type)
        taken = column if wanted.equals(field.type) else _cast(column, wanted, field.name)
        if is_json(field):
            taken = pc.binary_join_element_wise(
                pa.scalar(_JSONB_VERSION), taken.cast(pa.string()), pa.scalar("")
            )
        columns.append(taken)
        fields.append(pa.field(field.name, taken.type))
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))


def _kind(field: pa.Field) -> str:
    """Return PostgreSQL's name of the type of a column of an answer."""
    kind: bytes = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return kind.decode()


def _copied(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_integer(type_):
        return _INTEGERS.get(type_, type_)
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz=type_.tz)
    if pa.types.is_time(type_):
        return pa.time64("us")
    if pa.types.is_date(type_):
        return pa.date32()
    if pa.types.is_decimal(type_) and type_.precision <= 38:  # noqa: PLR2004 (Arrow's smaller one)
        return pa.decimal128(type_.precision, type_.scale)
    return type_


def _numeric(modifier: int) -> pa.DataType:
    if modifier < _HEADER:
        return UNBOUNDED
    precision, scale = (modifier - _HEADER) >> 16, (modifier - _HEADER) & 0x7FF
    # The scale is a signed number of eleven bits.
    scale = (scale ^ 0x400) - 0x400
    if precision <= 38:  # noqa: PLR2004 (digits of Arrow's smaller decimal)
        return pa.decimal128(precision, scale)
    return pa.decimal256(precision, scale) if precision <= 76 else UNBOUNDED  # noqa: PLR2004


def _cast(column: pa.ChunkedArray, wanted: pa.DataType, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(wanted)
    except pa.ArrowInvalid as error:
        raise RecordRefused(
            f"column {name!r}: a value does not fit {wanted}: {error}",
            hint="cast the column in the task's query, for example CAST(x AS VARCHAR)",
        ) from error
