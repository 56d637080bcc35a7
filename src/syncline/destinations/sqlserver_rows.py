"""Arrow rows made ready for a bulk copy: what the driver would bend or refuse, said clearly first.

The driver cuts nanoseconds silently, names no column when a text is too long, and refuses whole
loads for one NaN; rows come here before they go there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from syncline.destinations.sqlserver_types import Column, arrow_type
from syncline.errors import RecordRefused, SchemaRefused

_FIRST = (date.min - date(1970, 1, 1)).days
_LAST = (date.max - date(1970, 1, 1)).days
_SHOWN = 80
_TICKS: Mapping[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000}

_Check = Callable[[pa.DataType], bool]
#: Values pass from one type of a family to another only where they stay the same.
_FAMILIES: Sequence[tuple[str, tuple[_Check, ...]]] = (
    ("bool", (pa.types.is_boolean,)),
    ("number", (pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating)),
    ("text", (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)),
    (
        "bytes",
        (
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_fixed_size_binary,
            pa.types.is_binary_view,
        ),
    ),
    ("date", (pa.types.is_date,)),
    ("time", (pa.types.is_time,)),
    ("instant", (lambda t: bool(pa.types.is_timestamp(t)) and t.tz is not None,)),
    ("datetime", (lambda t: bool(pa.types.is_timestamp(t)) and t.tz is None,)),
)


def fit(records: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """Return the records with the types that a bulk copy into these columns takes.

    Raises `RecordRefused` for a value that its column cannot hold unchanged, `SchemaRefused` for
    a column that is not there or has another kind of values. Invariant 5.
    """
    exact = {c.name: c for c in columns}
    folded = {c.name.lower(): c for c in columns}
    names, arrays = [], []
    for name, values in zip(records.schema.names, records.columns, strict=True):
        column = exact.get(name) or folded.get(name.lower())
        if column is None:
            raise SchemaRefused(f"there is no column {name!r} in the table that the rows go to")
        names.append(column.name)
        arrays.append(_fitted(values, column))
    return pa.table(arrays, names=names)


def _fitted(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if not column.nullable and values.null_count:
        raise RecordRefused(
            f"column {column.name!r}: {values.null_count} row(s) have no value, and the column "
            "does not allow that",
            hint="leave such rows out with 'where', or choose another column",
        )
    if pa.types.is_null(values.type):
        return values.cast(arrow_type(column))
    wanted = arrow_type(column)
    have, want = _family(values.type), _family(wanted)
    if have is None or have != want:
        raise SchemaRefused(
            f"column {column.name!r}: {values.type} does not go into {column.type} unchanged",
            hint="cast the column in the task's query",
        )
    if have == "number":
        _refuse_unreal(values, column)
    if not values.type.equals(wanted):
        values = _cast(values, wanted, column)
    _CHECKS.get(have, _accept)(values, column)
    return values


def _cast(values: pa.ChunkedArray, wanted: pa.DataType, column: Column) -> pa.ChunkedArray:
    try:
        result = values.cast(wanted)
    except pa.ArrowInvalid as error:
        raise _misfit(column, str(error).splitlines()[0][:_SHOWN]) from error
    # Arrow rounds to a float without a word.
    if pa.types.is_floating(wanted) and not result.cast(values.type).equals(values):
        raise _misfit(column, "a number would be rounded")
    return result


def _misfit(column: Column, reason: str) -> RecordRefused:
    return RecordRefused(
        f"column {column.name!r}: a value does not fit {column.type} unchanged: {reason}",
        hint="cast or round the column in the task's query",
    )


def _refuse_unreal(values: pa.ChunkedArray, column: Column) -> None:
    if not pa.types.is_floating(values.type):
        return
    if pc.all(pc.is_finite(values), min_count=0).as_py():
        return
    raise RecordRefused(
        f"column {column.name!r} has NaN or infinity, which SQL Server cannot store",
        hint="turn them into NULL in the task's query, for example "
        "CASE WHEN isfinite(x) THEN x END",
    )


def _refuse_long_text(values: pa.ChunkedArray, column: Column) -> None:
    limit = column.characters
    # UTF-8 never has fewer bytes than UTF-16 has units.
    if limit is None or (pc.max(pc.binary_length(values)).as_py() or 0) <= limit:
        return
    candidates = values.filter(pc.greater(pc.binary_length(values), limit))
    for value in pc.drop_null(candidates).to_pylist():
        units = len(value.encode("utf-16-le")) // 2
        if column.is_wide and units > limit:
            raise RecordRefused(
                f"column {column.name!r}: a text of {units} characters does not fit "
                f"{column.type}({limit})",
                hint="give the column a greater size in the profile, or cut it in the query",
            )


def _refuse_long_bytes(values: pa.ChunkedArray, column: Column) -> None:
    longest = pc.max(pc.binary_length(values)).as_py() or 0
    if column.length > 0 and longest > column.length:
        raise RecordRefused(
            f"column {column.name!r}: {longest} bytes do not fit {column.type}({column.length})"
        )


def _refuse_far_date(values: pa.ChunkedArray, column: Column) -> None:
    _refuse_outside(values.cast(pa.int32()), _FIRST, _LAST, column)


def _refuse_far_instant(values: pa.ChunkedArray, column: Column) -> None:
    ticks = _TICKS[values.type.unit]
    first = int(datetime.min.replace(tzinfo=UTC).timestamp()) * ticks
    after = (int(datetime.max.replace(tzinfo=UTC, microsecond=0).timestamp()) + 1) * ticks
    _refuse_outside(values.cast(pa.int64()), first, after - 1, column)


def _refuse_outside(values: pa.ChunkedArray, first: int, last: int, column: Column) -> None:
    found = pc.min_max(values).as_py()
    if found["min"] is not None and (found["min"] < first or found["max"] > last):
        raise RecordRefused(
            f"column {column.name!r} has a date outside the years 1 to 9999, which SQL Server "
            "cannot store",
            hint="turn such values into NULL in the task's query",
        )


def _accept(values: pa.ChunkedArray, column: Column) -> None:
    """Take the values as they are."""


_CHECKS: Mapping[str, Callable[[pa.ChunkedArray, Column], None]] = {
    "text": _refuse_long_text,
    "bytes": _refuse_long_bytes,
    "date": _refuse_far_date,
    "instant": _refuse_far_instant,
    "datetime": _refuse_far_instant,
}


def _family(type_: pa.DataType) -> str | None:
    return next((name for name, checks in _FAMILIES if any(is_(type_) for is_ in checks)), None)
