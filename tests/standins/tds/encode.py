"""How values of every data type are written on the wire."""

import decimal
import struct
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from standins.tds.sqltypes import BINARY, DECIMALS, MAX, SqlType, decimal_length, time_length

#: SQL_Latin1_General_CP1_CI_AS on the wire.
COLLATION = b"\x09\x04\xd0\x00\x34"
#: Days from 0001-01-01, and from 1900-01-01, to 1970-01-01.
EPOCH_DAYS = 719162
DAYS_1900 = 25567
DAY_MICROSECONDS = 86_400_000_000
PLP_NULL = 0xFFFFFFFFFFFFFFFF

#: Token and size of types whose size is part of the token.
SIZED = {
    "bit": (0x68, 1),
    "tinyint": (0x26, 1),
    "smallint": (0x26, 2),
    "int": (0x26, 4),
    "bigint": (0x26, 8),
    "real": (0x6D, 4),
    "float": (0x6D, 8),
    "money": (0x6E, 8),
    "smallmoney": (0x6E, 4),
    "datetime": (0x6F, 8),
    "smalldatetime": (0x6F, 4),
    "uniqueidentifier": (0x24, 16),
}
TIME_TOKENS = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
LONG_TOKENS = {
    "nvarchar": 0xE7,
    "nchar": 0xEF,
    "varchar": 0xA7,
    "char": 0xAF,
    "varbinary": 0xA5,
    "binary": 0xAD,
}
#: struct formats of plain numbers, without byte order.
NUMBERS = {
    "tinyint": "B",
    "smallint": "h",
    "int": "i",
    "bigint": "q",
    "bit": "?",
    "real": "f",
    "float": "d",
}

Encode = Callable[[Any], bytes]


def type_info(kind: SqlType) -> bytes:
    """Return TYPE_INFO of a column or return value."""
    name = kind.name
    if name in SIZED:
        return bytes(SIZED[name])
    if name in DECIMALS:
        token = 0x6C if name == "numeric" else 0x6A
        return bytes((token, decimal_length(kind.precision), kind.precision, kind.scale))
    if name in TIME_TOKENS:
        return bytes((TIME_TOKENS[name], kind.scale))
    if name == "date":
        return b"\x28"
    if name == "xml":
        return b"\xf1\x00"
    size = 0xFFFF if kind.length == MAX else kind.length * 2 if kind.is_unicode else kind.length
    head = struct.pack("<BH", LONG_TOKENS[name], size)
    return head + (COLLATION if kind.is_text else b"")


def encoder(kind: SqlType) -> tuple[Encode, bytes]:
    """Return how one value that is not NULL is written, and what NULL is.

    Dates are days since 1970, times microseconds; everything else is what Arrow gives.
    """
    name = kind.name
    if name in NUMBERS:
        return _number(name), b"\0"
    if name in DECIMALS:
        return _decimal(kind), b"\0"
    if name in {"money", "smallmoney"}:
        return _money(name), b"\0"
    if name == "uniqueidentifier":
        return _identifier, b"\0"
    if name in _TIMES:
        return _TIMES[name](kind), b"\0"
    return _long(kind)


def _number(name: str) -> Encode:
    pack = struct.Struct("<B" + NUMBERS[name]).pack
    size = SIZED[name][1]
    return lambda value: pack(size, value)


def _decimal(kind: SqlType) -> Encode:
    size, scale, context = decimal_length(kind.precision), kind.scale, decimal.Context(prec=80)

    def encode(value: Any) -> bytes:
        exact = context.scaleb(decimal.Decimal(value), scale)
        whole = abs(int(exact.to_integral_value(decimal.ROUND_HALF_UP)))
        return bytes((size, value >= 0)) + whole.to_bytes(size - 1, "little")

    return encode


def _money(name: str) -> Encode:
    def encode(value: Any) -> bytes:
        units = int(decimal.Decimal(value).scaleb(4))
        if name == "smallmoney":
            return struct.pack("<Bi", 4, units)
        return struct.pack("<BiI", 8, units >> 32, units & 0xFFFFFFFF)

    return encode


def _identifier(value: Any) -> bytes:
    if isinstance(value, bytes):
        value = uuid.UUID(bytes=value)
    elif not isinstance(value, uuid.UUID):
        value = uuid.UUID(value)
    return b"\x10" + bytes(value.bytes_le)


def _date(_: SqlType) -> Encode:
    return lambda value: b"\3" + (value + EPOCH_DAYS).to_bytes(3, "little")


def _scaled(microseconds: int, scale: int) -> int:
    if scale >= 6:
        return int(microseconds * 10 ** (scale - 6))
    return int((microseconds + 5 * 10 ** (5 - scale)) // 10 ** (6 - scale))


def _time(kind: SqlType) -> Encode:
    size, scale = time_length(kind.scale), kind.scale
    return lambda value: bytes((size,)) + _scaled(value, scale).to_bytes(size, "little")


def _datetime2(kind: SqlType) -> Encode:
    size, scale = time_length(kind.scale), kind.scale
    offset = b"\0\0" if kind.name == "datetimeoffset" else b""
    head = bytes((size + 3 + len(offset),))

    def encode(value: int) -> bytes:
        days, rest = divmod(value, DAY_MICROSECONDS)
        day = (days + EPOCH_DAYS).to_bytes(3, "little")
        return head + _scaled(rest, scale).to_bytes(size, "little") + day + offset

    return encode


def _datetime(_: SqlType) -> Encode:
    def encode(value: int) -> bytes:
        ticks = (value % DAY_MICROSECONDS * 3 + 5000) // 10000
        days = value // DAY_MICROSECONDS + DAYS_1900 + ticks // 25920000
        return struct.pack("<BiI", 8, days, ticks % 25920000)

    return encode


def _smalldatetime(_: SqlType) -> Encode:
    def encode(value: int) -> bytes:
        days, minutes = divmod((value + 30_000_000) // 60_000_000, 1440)
        return struct.pack("<BHH", 4, days + DAYS_1900, minutes)

    return encode


_TIMES: dict[str, Callable[[SqlType], Encode]] = {
    "date": _date,
    "time": _time,
    "datetime2": _datetime2,
    "datetimeoffset": _datetime2,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
}


def _raw(kind: SqlType) -> Encode:
    if kind.name in BINARY:
        return bytes
    if kind.name in {"varchar", "char"}:
        return lambda value: bytes(value.encode("cp1252", "replace"))
    return lambda value: bytes(value.encode("utf-16-le", "surrogatepass"))


def _long(kind: SqlType) -> tuple[Encode, bytes]:
    raw = _raw(kind)

    def chunked(value: Any) -> bytes:
        data = raw(value)
        if not data:
            return bytes(12)
        return struct.pack("<QI", len(data), len(data)) + data + b"\0\0\0\0"

    def short(value: Any) -> bytes:
        data = raw(value)
        return len(data).to_bytes(2, "little") + data

    if kind.length == MAX:
        return chunked, struct.pack("<Q", PLP_NULL)
    return short, b"\xff\xff"


def arrow_values(column: pa.ChunkedArray) -> list[Any]:
    """Return a column's values as `encoder` takes them."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return list(column.cast(pa.timestamp("us", kind.tz)).cast(pa.int64()).to_pylist())
    if pa.types.is_time(kind):
        return list(column.cast(pa.time64("us")).cast(pa.int64()).to_pylist())
    if pa.types.is_date(kind):
        return list(column.cast(pa.date32()).cast(pa.int32()).to_pylist())
    if isinstance(kind, pa.BaseExtensionType):
        return list(column.cast(kind.storage_type).to_pylist())
    return list(column.to_pylist())
