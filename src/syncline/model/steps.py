"""Columns of a database that keep times in steps coarser than the unit of their Arrow type."""

from fractions import Fraction

import pyarrow as pa
import pyarrow.compute as pc

_KEY = b"step"
_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def stepped(field: pa.Field, ticks: Fraction | int) -> pa.Field:
    """Return a field of moments or times whose values are whole multiples of a step.

    ``ticks``: the step in units of the type; where it is no whole number, values are the
    multiples rounded. A step of one tick or less says nothing, and is left out.
    """
    if ticks <= 1:
        return field
    return field.with_metadata({**(field.metadata or {}), _KEY: str(ticks).encode()})


def step_of(field: pa.Field) -> Fraction | None:
    """Return the step of a field in units of its type; None: every tick is a value."""
    step: bytes | None = (field.metadata or {}).get(_KEY)
    return Fraction(step.decode()) if step else None


def digits_step(field: pa.Field, digits: int) -> pa.Field:
    """Return a field that keeps so many digits of a second."""
    return stepped(field, _SECOND[field.type.unit] // 10**digits)


def told_step(field: pa.Field) -> str:
    """Return the step of a field in words, or ''."""
    step = step_of(field)
    if step is None:
        return ""
    seconds = step / _SECOND[field.type.unit]
    exact = 10**6 % seconds.denominator == 0
    return f"steps of {f'{float(seconds):g}' if exact else seconds} s"


def on_step(values: pa.Array, field: pa.Field) -> bool:
    """Say whether every value of the field's type is one that a column with its steps has."""
    step = step_of(field)
    if step is None:
        return True
    bits = pa.int32() if values.type.bit_width == 32 else pa.int64()  # noqa: PLR2004 (bits)
    ticks = values.cast(bits).cast(pa.int64())
    period = step.numerator
    # Division cuts towards zero: what is before 1970 leaves a negative rest.
    rest = pc.subtract(ticks, pc.multiply(pc.divide(ticks, period), period))
    rest = pc.if_else(pc.less(rest, 0), pc.add(rest, period), rest)
    found = pa.array([round(step * count) for count in range(step.denominator)], pa.int64())
    return bool(pc.all(pc.is_in(pc.drop_null(rest), value_set=found), min_count=0).as_py())
