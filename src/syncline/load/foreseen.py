"""Which rows of a commit the keys of the target refuse, found in a few queries for all of them.

What a key of the target says of a row is known without writing it: whether another row has its
unique value, and whether the row that it refers to is there. What these queries do not find, for
a text that only the target's collation takes for equal, is found by halving (`sift`).
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.errors import ConfigError, DataError, RecordRefused
from syncline.load import disposition, names
from syncline.load.ddl import column, create_table, drop_table
from syncline.load.disposition import GONE, ROWS, SEQUENCE, Shape, Step, named
from syncline.load.load import Load
from syncline.model.attached import Attached, attached_of
from syncline.model.job import Disposition

_OTHER = "_syncline_other"
_GROUP, _COUNT = "_syncline_group", "_syncline_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Key:
    """A key of the target, with its columns as the rows have them."""

    attached: Attached
    columns: tuple[str, ...]

    def refusal(self) -> RecordRefused:
        told = ", ".join(self.columns)
        if self.attached.unique:
            return RecordRefused(
                f"the target refuses a row: there is another one with its {told} "
                f"({self.attached.name})"
            )
        return RecordRefused(
            f"the target refuses a row: {self.attached.table} has no row for its {told} "
            f"({self.attached.name})"
        )


async def foreseen(
    load: Load,
    shape: Shape,
    staged: Sequence[exp.Table],
    collected: Sequence[exp.Table],
    upto: int | None = None,
) -> dict[int, RecordRefused]:
    """Return rows of some tables that the target's keys refuse, by number, with the reason.

    ``staged``: those whose rows may be removals. Of several rows with one unique value the first
    stays. ``upto``: only rows up to this number.
    """
    keys = await _keys(load, shape)
    found: dict[int, RecordRefused] = {}
    while keys:
        async with _gathered(load, shape, (staged, collected), upto, found) as rows:
            new = await _refused(load, shape, keys, rows)
        found |= new
        # Without the last version of a row, an earlier one counts.
        if not new or not _by_key(load, shape):
            break
    return found


@asynccontextmanager
async def listed(
    load: Load, numbers: Iterable[int], part: str = "numbers"
) -> AsyncIterator[exp.Table]:
    """Keep numbers of rows in a table for as long as the context lasts."""
    table, traits = _own(load, part), load.traits
    schema = pa.schema([pa.field(SEQUENCE, pa.int64())])
    made = create_table(table, schema, traits.dialect, temporary=traits.temporary_staging)
    await load.destination.execute([drop_table(table), made])
    rows = pa.table([pa.array(sorted(numbers), pa.int64())], schema=schema)
    await load.destination.ingest(table, rows)
    try:
        yield table
    finally:
        await load.destination.execute([drop_table(table)])


def among(numbers: exp.Table) -> exp.Expr:
    """Return whether a row's number is one of a table of numbers."""
    query = exp.select(column(SEQUENCE)).from_(numbers.copy())
    return exp.In(this=column(SEQUENCE), query=query.subquery())


def without(rows: exp.Table, numbers: exp.Table | None) -> list[Step]:
    """Return what takes the rows of some numbers out of a table."""
    if numbers is None:
        return []
    return [Step(statement=exp.Delete(this=rows.copy(), where=exp.Where(this=among(numbers))))]


def _own(load: Load, part: str) -> exp.Table:
    name = names.staging(load.task, load.run, part)
    if load.traits.temporary_staging:
        return exp.table_(exp.to_identifier(name, quoted=True))
    return names.table(name, load.schema_name)


def _by_key(load: Load, shape: Shape) -> bool:
    kinds = {Disposition.MERGE, Disposition.UPDATE, Disposition.REPLACE}
    return load.disposition in kinds and bool(shape.key) and not shape.every


async def _keys(load: Load, shape: Shape) -> Sequence[_Key]:
    """Return the keys of the target that rows of this load may break, and that we can read."""
    kinds = {Disposition.MERGE, Disposition.UPDATE, Disposition.REPLACE, Disposition.INSERT}
    plain = load.disposition is Disposition.APPEND and not (shape.key and shape.version)
    if not (plain or load.disposition in kinds):
        return ()
    current = await load.destination.describe(load.target, attached=True)
    fold = str if load.traits.case_sensitive else str.lower
    ours = {fold(name): name for name in load.schema.names}
    found = []
    for attached in attached_of(current) if current is not None else ():
        written = [ours.get(fold(name)) for name in attached.columns]
        columns = tuple(name for name in written if name)
        refers = bool(attached.table and len(attached.referenced) == len(columns))
        if columns and len(columns) == len(written) and (attached.unique or refers):
            found.append(_Key(attached=attached, columns=columns))
    return found


@asynccontextmanager
async def _gathered(
    load: Load,
    shape: Shape,
    tables: tuple[Sequence[exp.Table], Sequence[exp.Table]],
    upto: int | None,
    known: Mapping[int, RecordRefused],
) -> AsyncIterator[exp.Table]:
    """Keep the rows that would be written in one table for as long as the context lasts."""
    rows, traits = _own(load, "sift"), load.traits
    given = [*load.schema.names, SEQUENCE]
    schema = pa.schema([*load.schema, (SEQUENCE, pa.int64()), (GONE, pa.bool_())])
    made = create_table(
        rows, schema, traits.dialect, key=shape.key, temporary=traits.temporary_staging
    )
    steps: list[exp.Expression] = [drop_table(rows), made]
    staged, collected = tables
    for table in (*staged, *collected):
        marked = table in staged
        moved = disposition.copy([*given, *([GONE] if marked else [])], table, rows)
        if not marked:
            # Rows that were collected are there.
            moved.this.append("expressions", exp.to_identifier(GONE, quoted=True))
            moved.expression.select(exp.alias_(exp.false(), GONE, quoted=True), copy=False)
        if upto is not None:
            due = column(SEQUENCE) <= exp.Literal.number(upto)
            moved.expression.where(due, copy=False)
        steps.append(moved)
    await load.destination.execute(steps)
    try:
        if known:
            async with listed(load, known, "known") as numbers:
                await load.destination.execute([s.statement for s in without(rows, numbers)])
        if _by_key(load, shape):
            last = disposition.latest_only(_plain(shape), rows)
            await load.destination.execute([step.statement for step in last])
        yield rows
    finally:
        await load.destination.execute([drop_table(rows)])


def _plain(shape: Shape) -> Shape:
    return Shape(target=shape.target, columns=shape.columns, key=shape.key, now=shape.now)


async def _refused(
    load: Load, shape: Shape, keys: Sequence[_Key], rows: exp.Table
) -> dict[int, RecordRefused]:
    found: dict[int, RecordRefused] = {}
    groups: list[tuple[_Key, Mapping[int, int]]] = []
    for key in keys:
        identity = _by_key(load, shape) and set(key.columns) == set(shape.key)
        if key.attached.unique and identity:
            # Rows meet by it.
            continue
        try:
            if key.attached.unique:
                groups.append((key, await _repeated(load, shape, key, rows)))
            alone = _taken if key.attached.unique else _missing
            query = alone(load, shape, key, rows)
            numbers = await _numbers(load, query) if query is not None else []
        except (ConfigError, DataError):
            # A table that we may not read, or values that do not compare: halving finds them.
            continue
        found.update((n, key.refusal()) for n in numbers if n not in found)
    taken: set[tuple[str, int]] = set()
    for number in sorted({n for _, members in groups for n in members}):
        mine = [(key, (key.attached.name, members[number]))
                for key, members in groups if number in members]  # fmt: skip
        if number in found:
            continue
        broken = next((key for key, value in mine if value in taken), None)
        if broken is None:
            taken.update(value for _, value in mine)
        else:
            found[number] = broken.refusal()
    return found


async def _numbers(load: Load, query: exp.Select) -> list[int]:
    return list((await load.destination.fetch(query)).column(0).to_pylist())


def _chosen(load: Load, shape: Shape, key: _Key, rows: exp.Table) -> exp.Select:
    """Select the rows that would be written with a value of a key."""
    query = exp.select().from_(named(rows, ROWS)).where(exp.Not(this=column(GONE, ROWS)))
    for name in key.columns:
        query = query.where(exp.Not(this=exp.Is(this=column(name, ROWS), expression=exp.null())))
    if load.disposition is Disposition.UPDATE:
        held = exp.select("1").from_(shape.target.copy())
        held = held.where(*(_same(shape.target.name, c, ROWS, c) for c in shape.key))
        query = query.where(exp.Exists(this=held))
    return query


def _taken(load: Load, shape: Shape, key: _Key, rows: exp.Table) -> exp.Select | None:
    """Select the rows whose unique value another row of the target has, which keeps it."""
    if load.disposition is Disposition.REPLACE:
        return None
    target = shape.target.name
    there = exp.select("1").from_(shape.target.copy())
    pairs = zip(key.attached.columns, key.columns, strict=True)
    there = there.where(*(_same(target, theirs, ROWS, mine) for theirs, mine in pairs))
    if _by_key(load, shape):
        # A row of the target that is written too may have another value then.
        written = exp.select("1").from_(named(rows, _OTHER))
        written = written.where(*(_same(target, c, _OTHER, c) for c in shape.key))
        there = there.where(exp.Not(this=exp.Exists(this=written)))
    query = _chosen(load, shape, key, rows).select(column(SEQUENCE, ROWS))
    return query.where(exp.Exists(this=there))


def _missing(load: Load, shape: Shape, key: _Key, rows: exp.Table) -> exp.Select:
    """Select the rows that refer to a row that is not there."""
    attached = key.attached
    other = names.table(attached.table, attached.schema)
    fold = str if load.traits.case_sensitive else str.lower
    itself = (fold(other.db), fold(other.name)) == (
        fold(shape.target.db), fold(shape.target.name)
    )  # fmt: skip
    pairs = list(zip(attached.referenced, key.columns, strict=True))
    query = _chosen(load, shape, key, rows).select(column(SEQUENCE, ROWS))
    if not (itself and load.disposition is Disposition.REPLACE):
        there = exp.select("1").from_(named(other, _OTHER))
        there = there.where(*(_same(_OTHER, theirs, ROWS, mine) for theirs, mine in pairs))
        query = query.where(exp.Not(this=exp.Exists(this=there)))
    if itself:
        ours = {fold(name): name for name in load.schema.names}
        beside = exp.select("1").from_(named(rows, _OTHER))
        known = [(ours.get(fold(theirs)), mine) for theirs, mine in pairs]
        if all(name for name, _ in known):
            beside = beside.where(*(_same(_OTHER, name or "", ROWS, mine) for name, mine in known))
            query = query.where(exp.Not(this=exp.Exists(this=beside)))
    return query


async def _repeated(load: Load, shape: Shape, key: _Key, rows: exp.Table) -> Mapping[int, int]:
    """Return the rows whose unique value other rows have too, each with the first of them."""
    by = [column(name, ROWS) for name in key.columns]
    number = column(SEQUENCE, ROWS)
    first = exp.Window(this=exp.Min(this=number.copy()), partition_by=by)
    count = exp.Window(this=exp.Count(this=exp.Star()), partition_by=[c.copy() for c in by])
    inner = _chosen(load, shape, key, rows).select(
        number,
        exp.alias_(first, _GROUP, quoted=True),
        exp.alias_(count, _COUNT, quoted=True),
    )
    many = exp.GT(this=column(_COUNT), expression=exp.Literal.number(1))
    query = exp.select(column(SEQUENCE), column(_GROUP)).from_(inner.subquery(_OTHER)).where(many)
    found = await load.destination.fetch(query)
    numbers, groups = (c.to_pylist() for c in found.columns)
    return dict(zip(numbers, groups, strict=True))


def _same(table: str, name: str, other: str, others: str) -> exp.Expr:
    return column(name, table).eq(column(others, other))
