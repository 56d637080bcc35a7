"""Schema difference to the changes that close it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.load import indexes
from syncline.load.ddl import add_column, alter_type
from syncline.load.indexes import ChangeIndex
from syncline.model.job import SchemaPolicy
from syncline.model.ports import Traits
from syncline.model.steps import step_of, told_step
from syncline.model.table import field_of, is_json, size_of, units_of
from syncline.model.type_names import told_type
from syncline.model.types import sql_type

_JSON, _PLAIN = field_of("json", pa.string(), json=True), field_of("text", pa.string())
_SIGNED = {t.bit_width: t for t in (pa.int8(), pa.int16(), pa.int32(), pa.int64())}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddColumn:
    """A column that the target lacks."""

    table: exp.Table
    field: pa.Field

    additive = True

    def __str__(self) -> str:
        return f"add column {self.field.name} {told_type(self.field)}"

    def statement(self, dialect: str) -> exp.Expression:
        """Return the statement that makes the change."""
        return add_column(self.table, self.field, dialect)


@dataclass(frozen=True, slots=True, kw_only=True)
class WidenColumn:
    """A column whose values no longer fit, and a type that holds the old and the new ones."""

    table: exp.Table
    field: pa.Field
    before: pa.Field
    #: It is part of the key.
    key: bool = False

    additive = False

    def __str__(self) -> str:
        before, after = map(_told, (self.before, self.field))
        return f"widen column {self.field.name} from {before} to {after}"

    def statement(self, dialect: str) -> exp.Expression:
        """Return the statement that makes the change."""
        return alter_type(self.table, self.field, dialect, key=self.key)


Change = AddColumn | WidenColumn | ChangeIndex


def evolve(
    table: exp.Table,
    current: pa.Schema,
    wanted: pa.Schema,
    policy: SchemaPolicy,
    traits: Traits,
    *,
    key: Sequence[str] = (),
    columnstore: bool = False,
    longest: Mapping[str, int] | None = None,
) -> list[Change]:
    """Return the changes that make room for ``wanted``; raise `SchemaRefused` if none may.

    Columns that vanished at the source are kept: dropping data is never automatic. Names are
    compared as the destination does. ``longest``: lengths of the longest texts at hand, for
    columns whose size nobody has said. A table of ours gets the index on its ``key``.
    """
    changes: list[AddColumn | WidenColumn] = []
    there = {_folded(f.name, traits): f for f in current}
    for field in wanted:
        held = there.get(_folded(field.name, traits))
        if held is None:
            changes.append(AddColumn(table=table, field=field.with_nullable(True)))
        elif not _fits(held, field, traits):
            # Invariant 5: a type that can hold both, or an error; never a lossy cast.
            wider = _wider(held, field, traits)
            if wider is None:
                raise SchemaRefused(
                    f"{table.name}: column {field.name!r} is {told_type(held)} in the target, but "
                    f"the query now yields {told_type(field)}",
                    hint="cast the column in the query, name it otherwise, or run with --full "
                    "and 'write: replace'",
                )
            new = pa.field(held.name, wider, metadata=field.metadata)
            changes.append(WidenColumn(table=table, field=new, before=held, key=field.name in key))
        elif _outgrown(held, field, (longest or {}).get(field.name, 0)):
            changes.append(
                WidenColumn(
                    table=table,
                    field=field.with_name(held.name),
                    before=held,
                    key=field.name in key,
                )
            )
    if changes and policy is SchemaPolicy.FREEZE:
        raise SchemaRefused(
            f"{table.name}: the task's schema is frozen, but needs to "
            f"{', '.join(map(str, changes))}",
            hint="set 'schema_changes: evolve', or leave the new columns out with 'columns:'",
        )
    if policy is SchemaPolicy.FREEZE or not (key or columnstore):
        return [*changes]
    widened = {c.field.name: c.field for c in changes if isinstance(c, WidenColumn)}
    before, after = indexes.changed(table, current, key, widened, traits, columnstore=columnstore)
    return [*before, *changes, *after]


def refuse_to_drop(table: exp.Table, current: pa.Schema, wanted: pa.Schema, traits: Traits) -> None:
    """Refuse to replace a table whose schema is frozen by one that lacks some of its columns."""
    there = {_folded(name, traits) for name in wanted.names}
    gone = [name for name in current.names if _folded(name, traits) not in there]
    if gone:
        raise SchemaRefused(
            f"{table.name}: the task's schema is frozen, but would lose "
            f"{', '.join(map(repr, gone))}",
            hint="set 'schema_changes: evolve', or yield the columns in the query",
        )


def _told(field: pa.Field) -> str:
    told = told_type(field)
    return f"{told} in {told_step(field)}" if told_step(field) else told


def _outgrown(held: pa.Field, wanted: pa.Field, longest: int) -> bool:
    """Say whether a text may be, or is, longer than its column."""
    size = size_of(held)
    if size is None or not _text(wanted.type):
        return False
    # What counts characters takes as many; what counts UTF-16 units may need two for each.
    may = units_of(wanted) if units_of(held) == size else size_of(wanted)
    return (may or longest) > size


def _folded(name: str, traits: Traits) -> str:
    return name if traits.case_sensitive else name.lower()


def _fits(held: pa.Field, wanted: pa.Field, traits: Traits) -> bool:
    """Say whether every value of a field has a place in a column as it is."""
    if pa.types.is_time(wanted.type) and _text(held.type):
        # Where the database has no times, they are texts.
        kinds = [sql_type(f, traits.dialect) for f in (held, wanted)]
        return bool(kinds[0] == kinds[1])
    if step_of(held) is not None and step_of(held) != step_of(wanted):
        # It would round what it is given.
        return False
    return holds(held.type, wanted.type) and _same_text(held, wanted, traits)


def _same_text(held: pa.Field, wanted: pa.Field, traits: Traits) -> bool:
    """Say whether both fields are JSON or neither is, where the database tells them apart."""
    if is_json(held) == is_json(wanted):
        return True
    marked, plain = (sql_type(f, traits.dialect) for f in (_JSON, _PLAIN))
    return bool(marked == plain)


def _wider(held: pa.Field, wanted: pa.Field, traits: Traits) -> pa.DataType | None:
    # Text takes what was JSON, but a column of text may hold what is none.
    if not _same_text(held, wanted, traits) and is_json(wanted):
        return None
    return common(held.type, wanted.type)


def holds(held: pa.DataType, wanted: pa.DataType) -> bool:
    """Say whether every value of ``wanted`` fits a column of type ``held`` unchanged."""
    if held.equals(wanted) or common(held, wanted) == held:
        return True
    digits, needed = _digits(held), _digits(wanted)
    if digits is None or needed is None or not pa.types.is_decimal(held):
        return False
    return digits[0] >= needed[0] and digits[1] >= needed[1]


def common(  # noqa: PLR0911 (a table of cases)
    a: pa.DataType, b: pa.DataType
) -> pa.DataType | None:
    """Return the narrowest type that holds every value of both unchanged, or None."""
    if a.equals(b):
        return a
    if _text(a) and _text(b):
        return pa.string()
    if _binary(a) and _binary(b):
        return pa.binary()
    if pa.types.is_date(a) and pa.types.is_date(b):
        return pa.date32()
    if pa.types.is_timestamp(a) and pa.types.is_timestamp(b) and bool(a.tz) == bool(b.tz):
        return pa.timestamp("us", tz=a.tz)
    if pa.types.is_time(a) and pa.types.is_time(b):
        return pa.time64("us")
    if pa.types.is_floating(a) and pa.types.is_floating(b):
        return pa.float64()
    digits_a, digits_b = _digits(a), _digits(b)
    if digits_a is None or digits_b is None:
        return None
    if pa.types.is_integer(a) and pa.types.is_integer(b):
        return _integer(a, b)
    whole = max(digits_a[0], digits_b[0])
    scale = max(digits_a[1], digits_b[1])
    return pa.decimal128(whole + scale, scale) if whole + scale <= 38 else None  # noqa: PLR2004


def _digits(type_: pa.DataType) -> tuple[int, int] | None:
    """Return how many digits an exact number has before and after the point."""
    if pa.types.is_decimal(type_):
        return type_.precision - type_.scale, type_.scale
    if pa.types.is_integer(type_):
        return {8: 3, 16: 5, 32: 10, 64: 20}[type_.bit_width], 0
    return None


def _integer(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """Return the narrowest integer that holds both; without a sign only if neither has one."""
    if pa.types.is_signed_integer(a) == pa.types.is_signed_integer(b):
        return max((a, b), key=lambda t: t.bit_width)
    bits = max(t.bit_width * (1 if pa.types.is_signed_integer(t) else 2) for t in (a, b))
    return _SIGNED.get(bits, pa.decimal128(20, 0))


def _binary(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_))


def _text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))
