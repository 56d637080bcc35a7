"""What the walks of a fan-out are for: values of a parent's columns, or values that are listed."""

import json
from collections.abc import Mapping, Sequence

from syncline.model.table import Value
from syncline.profile.schema import ApiTable, ParentFanOut, ValueFanOut


def walk_of(fan_out: ParentFanOut, row: Sequence[Value]) -> Value:
    """Return what a walk is for: a value of the parent's column, or several values as one text."""
    return json.dumps(list(row)) if fan_out.also else row[0]


def parts_of(fan_out: ParentFanOut, walk: Value | None) -> Sequence[Value | None]:
    """Return the values of the parent's columns that a walk is for."""
    if not fan_out.also:
        return (walk,)
    found: list[Value] = json.loads(str(walk))
    return found


def walked_values(table: ApiTable, walk: Value) -> Mapping[str, Value | None]:
    """Return the columns that repeat what a walk is for, and their values."""
    match table.fan_out:
        case ParentFanOut(into=into, also=also) as fan_out:
            found = zip((into, *also.values()), parts_of(fan_out, walk), strict=True)
            return {name: part for name, part in found if name is not None}
        case ValueFanOut(into=str(into)):
            return {into: walk}
        case _:
            return {}


def walked_column(table: ApiTable) -> str | None:
    """Return the column that has the value of the walk, if there is one."""
    match table.fan_out:
        case ParentFanOut(into=into):
            return into
        case ValueFanOut(column=column, into=into):
            return column or into
        case _:
            return None
