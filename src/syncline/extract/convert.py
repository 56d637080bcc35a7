"""Values of one column to an Arrow array, exactly or not at all."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa

from syncline.profile.columns import arrow_type

#: What a value of a type is decoded to, before Arrow has it.
_DECODED: dict[str, type] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "date": str,
    "datetime": str,
    "time": str,
    "json": msgspec.Raw,
    "scalar": msgspec.Raw,
}
_arrow_type = lru_cache(arrow_type)
_MICROSECONDS = re.compile(r"([.,]\d{6})(\d+)")
_NULL = b"null"
_WHOLE_FLOATS = 2**53
_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError,
            UnicodeError, ValueError)  # fmt: skip


class Misfit(Exception):
    """A value does not fit its column's type."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def decoded(type_: str, *, lenient: bool) -> tuple[Any, Any]:
    """Return what JSON is decoded to for a column of a type, and the value where it is missing.

    Lenient: a whole number may be written with a fraction of zero.
    """
    if type_ in {"json", "scalar"}:
        return msgspec.Raw, msgspec.Raw()
    if type_ == "integer" and lenient:
        return int | float | None, None
    found: Any = _DECODED.get(type_, Decimal)
    return found | None, None


def array(type_: str, values: Sequence[Any]) -> pa.Array:
    """Return the values as Arrow, nulls included.

    Raises `Misfit` for the first value that has no exact equal in the type.
    """
    make, arrow = _MAKERS.get(type_, _plain), _arrow_type(type_)
    try:
        return make(values, arrow)
    except _REFUSED as error:
        for index, value in enumerate(values):
            try:
                make([value], arrow)
            except _REFUSED as own:
                raise Misfit(index, f"{_shown(value)} is no {type_}{_why(own)}") from own
        raise Misfit(0, f"the values together are no {type_} column: {error}") from error


def head(value: object) -> str:
    """Return the beginning of a value as JSON text, for messages."""
    text = bytes(value) if isinstance(value, msgspec.Raw) else msgspec.json.encode(value)
    shown = text.decode("utf-8", "replace")
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


_SHOWN = 80


def _plain(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(values, type_)


def _integers(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    # Arrow would cut off the fraction without a word.
    return pa.array([_whole(v) if isinstance(v, float) else v for v in values], type_)


def _whole(value: float) -> int:
    if not value.is_integer() or abs(value) > _WHOLE_FLOATS:
        raise ValueError("not a whole number")
    return int(value)


def _json(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    texts = [bytes(value) if value else None for value in values]
    return pa.array([None if text == _NULL else text for text in texts], type_)


def _scalars(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array([_scalar(bytes(value)) if value else None for value in values], type_)


def _scalar(text: bytes) -> str | None:
    """Return a text as it is, a number or boolean as it is written."""
    if text.startswith(b'"'):
        return msgspec.json.decode(text, type=str)
    if text.startswith((b"{", b"[")):
        raise ValueError("a text, number or boolean is needed")
    return None if text == _NULL else text.decode()


def _dates(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    texts = pa.array(values, pa.string())
    try:
        return texts.cast(type_)
    except pa.ArrowInvalid:
        return pa.array(_each(_date, values), type_)


def _instants(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    texts = pa.array(values, pa.string())
    # With zones, then all without (which count as UTC), then one by one.
    for as_read in (type_, pa.timestamp("us")):
        try:
            return texts.cast(as_read).cast(type_)
        except pa.ArrowInvalid:
            continue
    return pa.array(_each(_instant, values), type_)


def _times(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    return pa.array(_each(_time, values), type_)


def _each(read: Callable[[str], object], values: Sequence[Any]) -> list[object]:
    return [None if value is None else read(value) for value in values]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        if moment.time() != time():
            raise ValueError("it has a time of day") from None
        return moment.date()


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(_to_microseconds(text))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(text: str) -> time:
    moment = time.fromisoformat(_to_microseconds(text))
    if moment.tzinfo is not None:
        raise ValueError("it has a zone")
    return moment


def _to_microseconds(text: str) -> str:
    def cut(match: re.Match[str]) -> str:
        # Invariant 5: only zeros may be cut off.
        if match[2].strip("0"):
            raise ValueError("it is more exact than a microsecond")
        return match[1]

    return _MICROSECONDS.sub(cut, text)


_MAKERS: dict[str, Callable[[Sequence[Any], pa.DataType], pa.Array]] = {
    "json": _json,
    "scalar": _scalars,
    "date": _dates,
    "datetime": _instants,
    "time": _times,
}


def whole(values: Sequence[Any]) -> pa.Array:
    """Return numbers, some of them written with a fraction of zero, as an integer array.

    Raises `Misfit`.
    """
    try:
        return _integers(values, pa.int64())
    except _REFUSED:
        for index, value in enumerate(values):
            try:
                _integers([value], pa.int64())
            except _REFUSED as own:
                raise Misfit(index, f"{_shown(value)} is no integer{_why(own)}") from own
        raise


def _shown(value: object) -> str:
    try:
        return head(value)
    except (TypeError, UnicodeError, msgspec.MsgspecError):
        return ascii(value)[:_SHOWN]


def _why(error: Exception) -> str:
    own = str(error)
    return (
        f": {own}" if own.startswith(("it ", "not a whole", "Decimal value", "Rescaling")) else ""
    )
