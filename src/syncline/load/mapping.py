"""Which column of a query goes to which column of a table that exists, and what forbids it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from syncline.load.evolve import holds
from syncline.model.job import Flow
from syncline.model.steps import step_of, told_step
from syncline.model.table import is_padded, is_uncompared, made_by, native_of, size_of
from syncline.model.type_names import told_type

_UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A column of the query and the column of the table that takes it."""

    source: pa.Field
    target: pa.Field

    def __str__(self) -> str:
        ends = (self.source, self.target)
        told = " → ".join(f"{end.name} {told_type(end)}" for end in ends)
        if not _narrows(self.source, self.target):
            return told
        step = told_step(self.target)
        return f"{told} (values may not fit{', ' * bool(step)}{step}; rows that do not are refused)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why rows cannot be written, and at which column of the query or of the table."""

    text: str
    source: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A query's columns beside those of the table that is to take them."""

    target: pa.Schema
    pairs: tuple[Pair, ...]
    #: Empty: rows can be written.
    problems: tuple[Problem, ...]


def examined(
    flow: Flow,
    source: pa.Schema,
    target: pa.Schema,
    *,
    changes: Collection[str] = (),
    key: Collection[str] = (),
) -> Examined:
    """Return which column goes where: as the mapping says, else by equal name in any case.

    With every problem at once: names that are not there, types that cannot fit, columns that
    need a value and get none, columns that take none. ``changes``: columns of the query whose
    values are changed in rows that are there; ``key``: those by which rows meet.
    """
    there = {f.name.lower(): f for f in target}
    have = {f.name.lower() for f in source}
    wanted = {k.lower(): v for k, v in flow.mapping.items()}
    problems = [
        Problem(text=f"the query has no column {name!r}", source=name)
        for name in flow.mapping
        if name.lower() not in have
    ]
    pairs: list[Pair] = []
    for field in source:
        name = wanted.get(field.name.lower(), field.name)
        held = there.get(name.lower())
        if held is not None:
            pairs.append(Pair(source=field, target=held))
            problems += _misfits(flow, pairs[-1], changes=field.name in changes)
            if field.name in key and is_uncompared(held):
                text = f"{held.name!r} has a type without equality and cannot be a key"
                problems.append(Problem(text=text, source=field.name, target=held.name))
            if field.name in key and is_padded(held):
                # Every run would write the rows again, beside those that are there.
                text = (
                    f"{held.name!r} is CHAR, filled with blanks that the query's values lack, and "
                    "cannot be a key (make it VARCHAR or STRING)"
                )
                problems.append(Problem(text=text, source=field.name, target=held.name))
        elif field.name.lower() in wanted:
            problems.append(
                Problem(text=f"the table has no column {name!r}", source=field.name, target=name)
            )
        else:
            problems.append(Problem(text=f"no column takes {field.name!r}", source=field.name))
    taken = [p.target.name for p in pairs]
    problems += [
        Problem(text=f"{name!r} is mapped twice", target=name)
        for name in dict.fromkeys(taken)
        if taken.count(name) > 1
    ]
    problems += [
        Problem(text=f"{f.name!r} needs a value and gets none", target=f.name)
        for f in target
        if f.name not in taken and not f.nullable and not made_by(f)
    ]
    return Examined(target=target, pairs=tuple(pairs), problems=tuple(problems))


def _misfits(flow: Flow, pair: Pair, *, changes: bool) -> list[Problem]:
    """Return why no value of the source column could go into the target column."""
    problems: list[str] = []
    made = made_by(pair.target)
    if made == "expression":
        problems.append(f"{pair.target.name!r} is computed by the database and takes no value")
    if made == "identity" and not flow.identity_insert:
        problems.append(
            f"{pair.target.name!r} is numbered by the database (set 'identity_insert: true')"
        )
    if made == "identity" and flow.identity_insert and changes:
        problems.append(
            f"{pair.target.name!r} is numbered by the database, which does not let it change in "
            "rows that are there: only a key may be such a column"
        )
    native = native_of(pair.target)
    if native or not _compatible(pair.source.type, pair.target.type):
        problems.append(
            f"{pair.target.name!r} is {native or told_type(pair.target)}, and "
            f"{pair.source.name!r} {told_type(pair.source)}"
        )
    return [
        Problem(text=text, source=pair.source.name, target=pair.target.name) for text in problems
    ]


def _narrows(source: pa.Field, target: pa.Field) -> bool:
    """Say whether some values of a type that is compatible would change in the other."""
    have, want = source.type, target.type
    if _kind(want) == "text":
        size, longest = size_of(target), size_of(source)
        return size is not None and (longest is None or longest > size)
    if _kind(want) in {"moment", "time"} and _kind(have) != "date":
        return step_of(target) is not None or _UNITS.index(want.unit) < _UNITS.index(have.unit)
    if _kind(want) != "number" or _kind(have) == "boolean" or have.equals(want):
        return False
    if pa.types.is_floating(want) and not pa.types.is_decimal(have):
        # Bits of a whole number that a float has room for.
        room = {16: 11, 32: 24, 64: 53}[want.bit_width]
        return bool(have.bit_width > (want.bit_width if pa.types.is_floating(have) else room))
    return not holds(want, have)


def _compatible(source: pa.DataType, target: pa.DataType) -> bool:
    """Say whether values of one type can be values of the other without a change of meaning."""
    kinds: Mapping[str, Sequence[str]] = {
        "text": ("text",),
        "number": ("number",),
        "boolean": ("boolean", "number"),
        "date": ("date", "moment"),
        "moment": ("moment",),
        "time": ("time",),
        "binary": ("binary",),
    }
    return _kind(target) in kinds.get(_kind(source), ())


def _kind(type_: pa.DataType) -> str:
    for kind, is_kind in (
        ("text", pa.types.is_string),
        ("text", pa.types.is_large_string),
        ("number", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("number", pa.types.is_decimal),
        ("boolean", pa.types.is_boolean),
        ("date", pa.types.is_date),
        ("moment", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("binary", pa.types.is_binary),
        ("binary", pa.types.is_large_binary),
    ):
        if is_kind(type_):
            return kind
    return str(type_)
