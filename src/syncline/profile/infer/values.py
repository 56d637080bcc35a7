"""The types of columns, from the values that were seen in them."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?")
_NUMBER = re.compile(r"-?\d+\.\d+")
_LONG = 2**63
_LONGEST = 10**20


def type_of(values: Iterable[Any]) -> str | None:
    """Return the narrowest type that fits every value; None if all are null."""
    found: str | None = None
    for value in values:
        if value is None:
            continue
        own = _type(value)
        found = own if found is None else _wider(found, own)
        if found == "json":
            break
    return found


def looks_decimal(values: Iterable[Any]) -> tuple[int, int] | None:
    """Return precision and scale if all values are numbers with a fraction, written as texts."""
    texts = [value for value in values if value is not None]
    if not texts or not all(isinstance(t, str) and _NUMBER.fullmatch(t) for t in texts):
        return None
    whole = max(len(t.lstrip("-").partition(".")[0]) for t in texts)
    scale = max(len(t.partition(".")[2]) for t in texts)
    return whole + scale, scale


def _type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            if -_LONG <= value < _LONG:
                return "integer"
            return "decimal(20,0)" if abs(value) < _LONGEST else "scalar"
        case float():
            return "number"
        case str():
            return _text(value)
        case _:
            return "json"


def _text(value: str) -> str:
    try:
        if _DAY.fullmatch(value):
            date.fromisoformat(value)
            return "date"
        if _MOMENT.fullmatch(value):
            datetime.fromisoformat(value)
            return "datetime"
    except ValueError:
        pass
    return "string"


def _wider(one: str, other: str) -> str:
    both = {one, other}
    if len(both) == 1:
        return one
    if "json" in both:
        return "json"
    if both == {"integer", "number"}:
        return "number"
    if both == {"integer", "decimal(20,0)"}:
        return "decimal(20,0)"
    if both <= {"string", "date", "datetime"}:
        # A day among moments is not a moment: nobody said in which zone it begins.
        return "string"
    return "scalar"
