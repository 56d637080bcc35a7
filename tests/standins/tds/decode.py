"""How values of every data type are read from the wire: parameters and bulk loads."""

import datetime as dt
import decimal
import math
import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from standins.tds.encode import (
    DAY_MICROSECONDS,
    DAYS_1900,
    EPOCH_DAYS,
    LONG_TOKENS,
    NUMBERS,
    PLP_NULL,
    SIZED,
    TIME_TOKENS,
)
from standins.tds.errors import ServerError
from standins.tds.sqltypes import BINARY, DECIMALS, INT, MAX, SqlType, time_length

#: (buffer, position) -> (value, position after it).
Decode = Callable[[bytes, int], tuple[Any, int]]
#: (buffer, position, length) -> value.
_Value = Callable[[bytes, int, int], Any]

_FIXED = {
    0x30: "tinyint",
    0x32: "bit",
    0x34: "smallint",
    0x38: "int",
    0x3A: "smalldatetime",
    0x3B: "real",
    0x3C: "money",
    0x3D: "datetime",
    0x3E: "float",
    0x7A: "smallmoney",
    0x7F: "bigint",
}
_NULL_TYPE = 0x1F
_VARIABLE = {token: name for name, token in SIZED.items()}
_SCALED = {token: name for name, token in TIME_TOKENS.items()}
_LONG = {token: name for name, token in LONG_TOKENS.items()}
_whole = int.from_bytes


class Reader:
    """Reads one message from its start."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes. Raises 4002 when the message is too short."""
        start = self.position
        if start + count > len(self.data):
            raise ServerError(
                4002, "The incoming tabular data stream (TDS) protocol stream is incorrect. "
                "The stream ended unexpectedly."
            )  # fmt: skip
        self.position = start + count
        return self.data[start : self.position]

    def number(self, size: int) -> int:
        """Return an unsigned little-endian number."""
        return _whole(self.take(size), "little")

    def text(self, characters: int) -> str:
        """Return UTF-16 text of so many code units."""
        return self.take(characters * 2).decode("utf-16-le", "surrogatepass")

    @property
    def more(self) -> bool:
        """Whether bytes are left."""
        return self.position < len(self.data)


def read_type(reader: Reader) -> tuple[SqlType, bool]:
    """Read TYPE_INFO; the flag says that values have no length (a fixed type)."""
    token = reader.number(1)
    if token in _FIXED:
        return SqlType(name=_FIXED[token]), True
    if token == _NULL_TYPE:
        return INT, True
    return _read_variable(reader, token), False


def _read_variable(reader: Reader, token: int) -> SqlType:
    if any(token == known for known, _ in _VARIABLE):
        return SqlType(name=_VARIABLE[token, reader.number(1) or 16])
    if token in {0x6A, 0x6C}:
        _, precision, scale = reader.take(3)
        name = "decimal" if token == 0x6A else "numeric"
        return SqlType(name=name, precision=precision, scale=scale)
    if token == 0x28:
        return SqlType(name="date")
    if token in _SCALED:
        return SqlType(name=_SCALED[token], scale=reader.number(1))
    if token in _LONG:
        return _read_long(reader, _LONG[token])
    if token == 0xF1:
        if reader.number(1):
            for size in (1, 1, 2):
                reader.text(reader.number(size))
        return SqlType(name="xml", length=MAX)
    raise ServerError(4002, f"The stand-in does not know TDS type 0x{token:02x}.")


def _read_long(reader: Reader, name: str) -> SqlType:
    size = reader.number(2)
    if name not in BINARY:
        reader.take(5)
    if size == 0xFFFF:
        return SqlType(name=name, length=MAX)
    return SqlType(name=name, length=size // 2 if name in {"nvarchar", "nchar"} else size)


def decoder(kind: SqlType, *, fixed: bool) -> Decode:
    """Return how one value is read.

    Times are microseconds, dates days since 1970, decimals and money unscaled integers.
    """
    value = _value(kind)
    if value is None:
        return _long(kind)
    if fixed:
        size = SIZED[kind.name][1]
        return lambda data, at: (value(data, at, size), at + size)

    def sized(data: bytes, at: int) -> tuple[Any, int]:
        count = data[at]
        at += 1
        return (value(data, at, count), at + count) if count else (None, at)

    return sized


def _value(kind: SqlType) -> _Value | None:
    name = kind.name
    if name in NUMBERS:
        get = struct.Struct("<" + NUMBERS[name]).unpack_from
        return lambda data, at, _: get(data, at)[0]
    if name in DECIMALS:
        return _signed
    if name in TIME_TOKENS:
        return _scaled_time(kind)
    return _PLAIN.get(name)


def _signed(data: bytes, at: int, size: int) -> int:
    value = _whole(data[at + 1 : at + size], "little")
    return value if data[at] else -value


def _money(data: bytes, at: int, _: int) -> int:
    return (_whole(data[at : at + 4], "little", signed=True) << 32) + _whole(
        data[at + 4 : at + 8], "little"
    )


def _datetime(data: bytes, at: int, _: int) -> int:
    days = _whole(data[at : at + 4], "little", signed=True) - DAYS_1900
    # Ticks of 1/300 s, which SQL Server shows rounded to milliseconds.
    ticks = _whole(data[at + 4 : at + 8], "little")
    return days * DAY_MICROSECONDS + (ticks * 10 + 1) // 3 * 1000


def _smalldatetime(data: bytes, at: int, _: int) -> int:
    days = _whole(data[at : at + 2], "little") - DAYS_1900
    return days * DAY_MICROSECONDS + _whole(data[at + 2 : at + 4], "little") * 60_000_000


_PLAIN: dict[str, _Value] = {
    "money": _money,
    "smallmoney": lambda data, at, _: _whole(data[at : at + 4], "little", signed=True),
    # The wire's mixed-endian bytes; turned into text with the whole column.
    "uniqueidentifier": lambda data, at, _: data[at : at + 16],
    "date": lambda data, at, _: _whole(data[at : at + 3], "little") - EPOCH_DAYS,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
}


def _scaled_time(kind: SqlType) -> _Value:
    size = time_length(kind.scale)
    up, down = int(10 ** max(0, 6 - kind.scale)), int(10 ** max(0, kind.scale - 6))
    if kind.name == "time":
        return lambda data, at, _: _whole(data[at : at + size], "little") * up // down

    def value(data: bytes, at: int, _: int) -> int:
        day = _whole(data[at + size : at + size + 3], "little") - EPOCH_DAYS
        return _whole(data[at : at + size], "little") * up // down + day * DAY_MICROSECONDS

    return value


def _long(kind: SqlType) -> Decode:
    convert: Callable[[bytes], Any] = bytes
    if kind.name in {"varchar", "char"}:
        convert = _from_code_page
    elif kind.name not in BINARY:
        convert = _from_utf16

    def chunked(data: bytes, at: int) -> tuple[Any, int]:
        total = _whole(data[at : at + 8], "little")
        at += 8
        if total == PLP_NULL:
            return None, at
        parts = []
        while count := _whole(data[at : at + 4], "little"):
            parts.append(data[at + 4 : at + 4 + count])
            at += 4 + count
        return convert(b"".join(parts)), at + 4

    def short(data: bytes, at: int) -> tuple[Any, int]:
        count = data[at] | data[at + 1] << 8
        at += 2
        if count == 0xFFFF:
            return None, at
        return convert(data[at : at + count]), at + count

    return chunked if kind.length == MAX else short


def _from_code_page(data: bytes) -> str:
    return data.decode("cp1252", "replace")


def _from_utf16(data: bytes) -> str:
    return data.decode("utf-16-le", "surrogatepass")


_ARROW = {
    "bit": pa.bool_(),
    "tinyint": pa.uint8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float64(),
    "varbinary": pa.large_binary(),
    "binary": pa.large_binary(),
}


def to_arrow(kind: SqlType, values: Sequence[Any]) -> pa.Array:
    """Return decoded values of one column as Arrow."""
    name = kind.name
    if name in DECIMALS or name in {"money", "smallmoney"}:
        return _decimals(kind, values)
    if name in {"datetime2", "datetime", "smalldatetime", "datetimeoffset"}:
        zone = "UTC" if name == "datetimeoffset" else None
        return pa.array(values, pa.int64()).cast(pa.timestamp("us", zone))
    if name == "time":
        return pa.array(values, pa.int64()).cast(pa.time64("us"))
    if name == "date":
        return pa.array(values, pa.int32()).cast(pa.date32())
    if name == "uniqueidentifier":
        texts = [None if v is None else str(uuid.UUID(bytes_le=v)) for v in values]
        return pa.array(texts, pa.string())
    return pa.array(values, _ARROW.get(name, pa.large_string()))


def _decimals(kind: SqlType, values: Sequence[Any]) -> pa.Array:
    precision, scale = {"money": (19, 4), "smallmoney": (10, 4)}.get(
        kind.name, (kind.precision, kind.scale)
    )
    data = b"".join([(v or 0).to_bytes(16, "little", signed=True) for v in values])
    mask = None
    if None in values:
        mask = pa.array([v is not None for v in values], pa.bool_()).buffers()[1]
    buffers = [mask, pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(values), buffers)


def to_python(kind: SqlType, value: Any) -> Any:
    """Return a decoded parameter value as DuckDB takes it."""
    if value is None:
        return None
    name = kind.name
    if isinstance(value, float) and not math.isfinite(value):
        raise ServerError(
            8023, "The incoming tabular data stream (TDS) remote procedure call (RPC) protocol "
            "stream is incorrect. The supplied value is not a valid instance of data type "
            f"{name}. Check the source data for invalid values."
        )  # fmt: skip
    if name in DECIMALS or name in {"money", "smallmoney"}:
        scale = 4 if "money" in name else kind.scale
        return decimal.Decimal(value).scaleb(-scale, decimal.Context(prec=80))
    if name in {"datetime2", "datetime", "smalldatetime", "datetimeoffset"}:
        text = _moment(value).isoformat(" ")
        return text + "+00" if name == "datetimeoffset" else text
    if name == "date":
        return dt.date.fromordinal(value + EPOCH_DAYS + 1)
    if name == "time":
        return _moment(value).time()
    return uuid.UUID(bytes_le=value) if name == "uniqueidentifier" else value


def _moment(microseconds: int) -> dt.datetime:
    epoch = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (a value without zone)
    return epoch + dt.timedelta(microseconds=microseconds)
