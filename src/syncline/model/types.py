"""The one type table: Arrow to SQL per dialect, lossless or refused."""

from collections.abc import Iterable, Mapping

import pyarrow as pa
from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.model.table import is_json, units_of

_INTEGERS: Mapping[str, tuple[str, str, str]] = {
    # dialect: 16, 32 and 64 bits
    "duckdb": ("SMALLINT", "INT", "BIGINT"),
    "postgres": ("SMALLINT", "INT", "BIGINT"),
    "tsql": ("SMALLINT", "INT", "BIGINT"),
    "databricks": ("SMALLINT", "INT", "BIGINT"),
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "duckdb": {
        "bool": "BOOLEAN", "double": "DOUBLE", "float": "FLOAT", "date": "DATE", "time": "TIME",
        "instant": "TIMESTAMPTZ", "datetime": "TIMESTAMP", "binary": "BLOB", "json": "JSON",
        "nanoseconds": "TIMESTAMP_NS",
    },
    "postgres": {
        "bool": "BOOLEAN", "double": "DOUBLE PRECISION", "float": "REAL", "date": "DATE",
        "time": "TIME", "instant": "TIMESTAMPTZ", "datetime": "TIMESTAMP", "binary": "BYTEA",
        "json": "JSONB",
    },
    "tsql": {
        "bool": "BIT", "double": "FLOAT", "float": "FLOAT(24)", "date": "DATE", "time": "TIME(6)",
        "instant": "DATETIMEOFFSET(6)", "datetime": "DATETIME2(6)", "binary": "VARBINARY(MAX)",
        "json": "NVARCHAR(MAX)",
    },
    "databricks": {
        "bool": "BOOLEAN", "double": "DOUBLE", "float": "FLOAT", "date": "DATE", "time": "STRING",
        "instant": "TIMESTAMP", "datetime": "TIMESTAMP_NTZ", "binary": "BINARY", "json": "STRING",
    },
}  # fmt: skip
#: Digits of an exact number in every dialect.
_DIGITS = 38
#: PostgreSQL's numeric without bounds holds every exact number; Arrow's nearest type to it.
UNBOUNDED = pa.decimal256(76, 38)
#: UTF-16 units of SQL Server's text: in a key of which nothing is known, so that it fits the 900
#: bytes of a clustered index; and in any text that has a bound.
KEY_TEXT, _TSQL_TEXT = 450, 4000
#: Bytes that values of a type take in an index of SQL Server.
_TSQL_BYTES: Mapping[str, int] = {
    "BIT": 1, "TINYINT": 1, "SMALLINT": 2, "INTEGER": 4, "INT": 4, "BIGINT": 8, "REAL": 4,
    "FLOAT": 8, "DATE": 3, "TIME": 5, "DATETIME2": 8, "DATETIMEOFFSET": 10,
    "UNIQUEIDENTIFIER": 16, "DECIMAL": 17, "NUMERIC": 17,
}  # fmt: skip


def sql_type(field: pa.Field, dialect: str, *, key: bool = False) -> exp.DataType:
    """Return the SQL type that holds every value of an Arrow field.

    ``key``: the column is part of a key, which some databases allow for bounded types only.
    Raises `SchemaRefused` where there is no such type.
    """
    return exp.DataType.build(_word(field, dialect, key=key), dialect=dialect, udt=False)


def key_bytes(kinds: Iterable[exp.DataType]) -> int | None:
    """Return the bytes that a key of such columns may take in an index of SQL Server.

    None: a type is not allowed in an index.
    """
    sizes = [_key_bytes(kind) for kind in kinds]
    return None if None in sizes else sum(filter(None, sizes))


def _key_bytes(kind: exp.DataType) -> int | None:
    name, _, size = kind.sql(dialect="tsql").upper().rstrip(")").partition("(")
    if name in {"NVARCHAR", "NCHAR", "VARCHAR", "VARBINARY"}:
        return None if size == "MAX" else int(size or 1) * (2 if name.startswith("N") else 1)
    return _TSQL_BYTES.get(name, 8)


def _word(field: pa.Field, dialect: str, *, key: bool) -> str:
    words, type_ = _WORDS[dialect], field.type
    if is_json(field):
        return words["json"]
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return _text(units_of(field), dialect, key=key)
    if pa.types.is_integer(type_):
        return _integer(type_, dialect)
    if pa.types.is_decimal(type_) and (type_.precision <= _DIGITS or dialect == "postgres"):
        bounds = f"({type_.precision}, {type_.scale})"
        return "DECIMAL" if type_.equals(UNBOUNDED) else f"DECIMAL{bounds}"
    if pa.types.is_timestamp(type_) and type_.unit != "ns":
        return words["instant" if type_.tz else "datetime"]
    for name, is_type in (
        ("bool", pa.types.is_boolean),
        ("double", pa.types.is_float64),
        ("float", pa.types.is_float32),
        ("date", pa.types.is_date),
        ("time", pa.types.is_time),
        ("binary", pa.types.is_binary),
        ("binary", pa.types.is_large_binary),
        ("nanoseconds", _in_nanoseconds),
    ):
        if is_type(type_) and name in words:
            return words[name]
    raise SchemaRefused(
        f"column {field.name!r}: no {dialect} type holds every value of {type_}",
        hint="cast the column in the task's query, for example CAST(x AS VARCHAR)",
    )


def _in_nanoseconds(type_: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(type_)) and type_.unit == "ns" and type_.tz is None


def _text(units: int | None, dialect: str, *, key: bool) -> str:
    if dialect == "tsql":
        units = units or (KEY_TEXT if key else None)
        return f"NVARCHAR({units})" if units and units <= _TSQL_TEXT else "NVARCHAR(MAX)"
    # Elsewhere a bound buys nothing and would refuse rows that the API allows itself.
    return "STRING" if dialect == "databricks" else "TEXT"


def _integer(type_: pa.DataType, dialect: str) -> str:
    small, middle, large = _INTEGERS[dialect]
    bits = type_.bit_width * (1 if pa.types.is_signed_integer(type_) else 2)
    if bits <= 16:  # noqa: PLR2004 (bits)
        return small
    if bits <= 32:  # noqa: PLR2004 (bits)
        return middle
    return large if bits <= 64 else "DECIMAL(20, 0)"  # noqa: PLR2004 (bits)
