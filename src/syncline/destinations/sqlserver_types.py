"""Columns of SQL Server as its catalog tells them, and the Arrow types that hold their values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import pyarrow as pa

from syncline.model.steps import digits_step, stepped
from syncline.model.table import field_of

#: Compares text by its UTF-16 units: the only kind of collation that tells all keys apart.
BINARY_COLLATION = "Latin1_General_100_BIN2"
#: ``length`` of nvarchar(max), varchar(max) and varbinary(max).
MAX = -1

_WIDE = frozenset({"nvarchar", "nchar", "ntext"})
_NARROW = frozenset({"varchar", "char", "text"})
_PADDED = frozenset({"nchar", "char", "binary"})
_BINARY = frozenset({"varbinary", "binary", "image"})
#: Cannot be compared before they are converted.
_INCOMPARABLE = frozenset({"ntext", "text", "image", "xml", "json"})
#: Take neither text nor bytes as they are.
_OPAQUE = frozenset({"sql_variant", "hierarchyid", "geometry", "geography", "vector"})
_PLAIN: Mapping[str, pa.DataType] = {
    "bit": pa.bool_(),
    # An unsigned byte; the smallest signed type that holds it, so that it can be widened.
    "tinyint": pa.int16(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "money": pa.decimal128(19, 4),
    "smallmoney": pa.decimal128(10, 4),
    "date": pa.date32(),
    "datetime": pa.timestamp("ms"),
    "smalldatetime": pa.timestamp("s"),
    "uniqueidentifier": pa.string(),
    "xml": pa.string(),
    "json": pa.string(),
    "sql_variant": pa.string(),
}

#: In milliseconds, and in seconds.
_STEPS: Mapping[str, Fraction] = {"datetime": Fraction(10, 3), "smalldatetime": Fraction(60)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One row of ``sys.columns``."""

    name: str
    #: Name of the system type, lower case.
    type: str
    #: In bytes, or `MAX`.
    length: int = 0
    precision: int = 0
    scale: int = 0
    nullable: bool = True
    collation: str | None = None
    #: "default", "identity" or "expression" if the server makes values itself.
    made_by: str = ""
    #: An index begins with it.
    indexed: bool = False
    #: Its table is kept by columns.
    in_columnstore: bool = False
    #: Only clients with its key can write it.
    encrypted: bool = False

    @property
    def is_text(self) -> bool:
        """Compared by a collation."""
        return self.type in _WIDE or self.type in _NARROW or self.type in {"xml", "json"}

    @property
    def is_wide(self) -> bool:
        """Text in UTF-16."""
        return self.type in _WIDE

    @property
    def is_narrow(self) -> bool:
        """Text in a code page, which lacks most characters."""
        return self.type in _NARROW and not (self.collation or "").upper().endswith("_UTF8")

    @property
    def is_binary(self) -> bool:
        """A string of bytes."""
        return self.type in _BINARY

    @property
    def is_padded(self) -> bool:
        """Always filled to its whole length."""
        return self.type in _PADDED

    @property
    def is_incomparable(self) -> bool:
        """A type that ``=`` refuses."""
        return self.type in _INCOMPARABLE

    @property
    def characters(self) -> int | None:
        """How many UTF-16 units (or bytes, of narrow text) a text may have; None: no bound."""
        if self.type in _WIDE and self.type != "ntext":
            return None if self.length == MAX else self.length // 2
        if self.type in {"varchar", "char"}:
            return None if self.length == MAX else self.length
        return None


def schema_of(columns: Iterable[Column]) -> pa.Schema:
    """Return the Arrow schema of a table with these columns."""
    columns = list(columns)
    by_columns = any(column.in_columnstore for column in columns)
    metadata = {"columnstore": "true"} if by_columns else None
    return pa.schema([field(column) for column in columns], metadata=metadata)


def field(column: Column) -> pa.Field:
    """Return the Arrow field whose type holds every value of a column."""
    held = field_of(
        column.name,
        arrow_type(column),
        nullable=column.nullable,
        size=column.characters,
        made_by=column.made_by,
        utf16=column.is_wide,
        indexed=column.indexed,
        native=_native(column),
    )
    if column.type in {"datetime2", "datetimeoffset", "time"}:
        return digits_step(held, column.scale)
    return stepped(held, _STEPS[column.type]) if column.type in _STEPS else held


def _native(column: Column) -> str:
    """Return what a column takes no values of ours as; '' if it takes them."""
    if column.encrypted:
        return f"encrypted {column.type}"
    return column.type if column.type in _OPAQUE else ""


def arrow_type(column: Column) -> pa.DataType:
    """Return the Arrow type of a column; types without a counterpart are opaque bytes."""
    if column.type in {"decimal", "numeric"}:
        return pa.decimal128(column.precision, column.scale)
    if column.is_text:
        return pa.string()
    if column.type == "datetime2":
        return pa.timestamp(_unit(column.scale))
    if column.type == "datetimeoffset":
        return pa.timestamp(_unit(column.scale), tz="UTC")
    if column.type == "time":
        unit = _unit(column.scale)
        return pa.time64(unit) if unit == "us" else pa.time32(unit)
    return _PLAIN.get(column.type, pa.binary())


def plain(rows: pa.Table) -> pa.Table:
    """Return fetched rows with the types that the rest of Syncline uses.

    The driver yields large text, nanoseconds and "+00:00" where we say text, microseconds and
    UTC. Times keep microseconds.
    """
    fields = [f.with_type(_plain_type(f.type)) for f in rows.schema]
    columns = [
        # The seventh digit of a time cannot be kept in microseconds, as that of a datetime2.
        column.cast(f.type, safe=not pa.types.is_time(f.type))
        for column, f in zip(rows.columns, fields, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def _plain_type(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(type_):
        return pa.string()
    if pa.types.is_large_binary(type_):
        return pa.binary()
    if pa.types.is_time64(type_):
        return pa.time64("us")
    if pa.types.is_timestamp(type_) and type_.tz:
        return pa.timestamp(type_.unit, tz="UTC")
    return pa.int16() if pa.types.is_uint8(type_) else type_


def _unit(scale: int) -> str:
    if scale == 0:
        return "s"
    return "ms" if scale <= 3 else "us"  # noqa: PLR2004 (digits of a second)
