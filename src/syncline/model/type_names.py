"""The names of types as people read them: in pages, on the command line, in errors and logs."""

import pyarrow as pa

from syncline.model.table import is_json, size_of

#: Bits that go without saying.
_USUAL = 64


def told_type(field: pa.Field) -> str:
    """Return the name of a field's type: text(80), whole number, decimal(9,2), timestamp."""
    if is_json(field):
        return "JSON"
    name = type_name(field.type)
    size = size_of(field)
    return f"{name}({size})" if size and name == "text" else name


def type_name(type_: pa.DataType) -> str:
    """Return the name of an Arrow type; of one that has no place in tables, Arrow's own."""
    if pa.types.is_integer(type_):
        sign = "" if pa.types.is_signed_integer(type_) else ", unsigned"
        usual = type_.bit_width == _USUAL and not sign
        return "whole number" if usual else f"whole number ({type_.bit_width} bit{sign})"
    if pa.types.is_floating(type_):
        usual = type_.bit_width == _USUAL
        return "number" if usual else f"number ({type_.bit_width} bit)"
    if pa.types.is_decimal(type_):
        return f"decimal({type_.precision},{type_.scale})"
    if pa.types.is_timestamp(type_):
        return "timestamp with zone" if type_.tz else "timestamp"
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return f"list of {type_name(type_.value_type)}"
    return next((name for name, is_one in _PLAIN if is_one(type_)), str(type_))


_PLAIN = (
    ("text", lambda t: pa.types.is_string(t) or pa.types.is_large_string(t)),
    ("yes or no", pa.types.is_boolean),
    ("date", pa.types.is_date),
    ("time", pa.types.is_time),
    ("bytes", lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t)),
    ("nothing", pa.types.is_null),
)
