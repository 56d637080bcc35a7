"""How staged rows meet the rows already there: pure functions from names to statements.

Each returns the statements that make the target right, given a staging table with the same
columns plus `SEQUENCE` (order of arrival) and `GONE` (the row is a removal). None of them knows
a destination; dialects are sqlglot's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlglot import exp

from syncline.load.checkpoint import instant
from syncline.load.ddl import column, drop_table, identifier, rename_table
from syncline.model.job import Disposition

SEQUENCE = "_syncline_seq"
GONE = "_syncline_gone"
DELETED_AT = "_deleted_at"
SYNCED_AT = "_synced_at"
#: What the staged or collected rows are called in a statement; no target has this name.
ROWS = "_syncline_rows"
ACTIVE = "_active"
VALID_FROM = "_valid_from"
VALID_TO = "_valid_to"
#: Every column that we may add to a target.
ADDED = frozenset({DELETED_AT, SYNCED_AT, ACTIVE, VALID_FROM, VALID_TO})


class Counts(StrEnum):
    """What the rows that a statement changes are counted as."""

    NOTHING = ""
    INSERTED = "inserted"
    UPDATED = "updated"
    DELETED = "deleted"
    #: Deleted to be inserted again: updated, and not inserted.
    REWRITTEN = "rewritten"
    #: As each of them was, which the database tells.
    MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One statement of a commit."""

    statement: exp.Expression
    counts: Counts = Counts.NOTHING
    #: Asks afterwards how many of the rows that were updated were marked as gone.
    removals: exp.Select | None = None
    #: Where there are no transactions: it comes before all others, or after the checkpoint.
    first: bool = False
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Between which values a column of the key lies in the rows; the bounds are among them."""

    column: str
    least: exp.Expr
    most: exp.Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What every disposition needs to know of a target."""

    target: exp.Table
    columns: tuple[str, ...]
    key: tuple[str, ...]
    #: With the key, identifies one version of a row; for append and history.
    version: str | None = None
    #: Rows with the same key are different rows all the same.
    every: bool = False
    #: No two staged rows have the same key.
    distinct: bool = False
    #: The target keeps every version of a row.
    history: bool = False
    #: Deleted rows stay and get `DELETED_AT`.
    soft: bool = False
    #: Changed rows get `SYNCED_AT`.
    synced_at: bool = False
    #: Changed rows are deleted and inserted again; there are no columns but ours.
    rewritten: bool = False
    #: Columns whose type has no equality: they are compared as texts.
    texts: tuple[str, ...] = ()
    #: Bounds of the rows' keys between which the target has few rows, or none.
    range: Range | None = None
    #: True, or fails its statement: see `fence.held`.
    guard: exp.Expr | None = None
    now: datetime


def latest_only(shape: Shape, staging: exp.Table) -> list[Step]:
    """Keep the row that arrived last of those with the same key (and version, if any)."""
    if shape.distinct:
        return []
    by = [*shape.key, *([shape.version] if shape.version else [])]
    last = exp.select(exp.Max(this=column(SEQUENCE))).from_(staging.copy())
    last = last.group_by(*(column(c) for c in by))
    where = exp.Not(this=exp.In(this=column(SEQUENCE), query=last.subquery()))
    return [Step(statement=exp.Delete(this=staging.copy(), where=exp.Where(this=where)))]


def merge(shape: Shape, staging: exp.Table, *, removing: bool) -> list[Step]:
    """Update rows with the same key if they differ, insert the others, remove what is gone.

    Invariant 2: applying it twice changes nothing.
    """
    steps = latest_only(replace(shape, version=None), staging)
    if removing:
        gone = same_key(shape, staging).where(column(GONE, ROWS))
        steps.append(remove(shape, gone, gone=True))
    return steps + _upsert(shape, staging, marked=True)


def append(shape: Shape, staging: exp.Table) -> list[Step]:
    """Insert every row; with a key and a version, only versions that are not there yet."""
    if not (shape.key and shape.version):
        return [_insert(shape, staging, exp.Not(this=column(GONE, ROWS)))]
    return [
        *latest_only(shape, staging),
        _insert_missing(shape, staging, (*shape.key, shape.version)),
    ]


def collect(shape: Shape, staging: exp.Table) -> list[Step]:
    """Bring rows into an aside table: by key if there is one, so that repeats do no harm."""
    if not shape.key or shape.every:
        return [_insert(shape, staging, exp.Not(this=column(GONE, ROWS)))]
    known = exp.and_(exp.Exists(this=same_key(shape, staging)), *within(shape))
    return [
        *latest_only(shape, staging),
        Step(statement=exp.Delete(this=shape.target.copy(), where=exp.Where(this=known))),
        _insert(shape, staging, exp.Not(this=column(GONE, ROWS))),
    ]


def swap(shape: Shape, aside: exp.Table, *, exists: bool) -> list[Step]:
    """Put the aside table in the target's place. Invariant 4: within one transaction."""
    rename = Step(statement=rename_table(aside, shape.target.name))
    return [Step(statement=drop_table(shape.target)), rename] if exists else [rename]


def difference(shape: Shape, aside: exp.Table, *, removing: bool) -> list[Step]:
    """Make the target equal to a complete aside table, touching only rows that differ."""
    steps = [remove(shape, same_key(shape, aside), gone=False)] if removing else []
    return steps + _upsert(shape, aside, marked=False)


def changed(shape: Shape, rows: exp.Table, kind: Disposition, *, marked: bool) -> Step:
    """Update or delete the target's rows that have the key of a row; add none."""
    if kind is Disposition.UPDATE:
        return _update(shape, rows, marked=marked)
    return remove(shape, same_key(shape, rows), gone=True)


def emptied(shape: Shape) -> Step:
    """Delete every row of the target, which stays the table it is."""
    return Step(statement=exp.Delete(this=shape.target.copy()))


def take(rows: exp.Table, columns: Sequence[str], into: exp.Table, upto: int) -> list[Step]:
    """Move the rows up to a number in sequence from one table to another."""
    due = column(SEQUENCE) <= exp.Literal.number(upto)
    moved = copy(columns, rows, into)
    moved.expression.where(due.copy(), copy=False)
    return [
        Step(statement=moved),
        Step(statement=exp.Delete(this=rows.copy(), where=exp.Where(this=due))),
    ]


def remove(shape: Shape, present: exp.Select, *, gone: bool) -> Step:
    """Delete (or mark as deleted, or close) the target rows for which ``present`` finds a row.

    ``gone`` False: those for which it finds none.
    """
    found: exp.Expression = exp.Exists(this=present)
    where = found if gone else exp.Not(this=found)
    if shape.history:
        statement: exp.Expression = exp.Update(
            this=shape.target.copy(),
            expressions=[
                exp.EQ(this=column(ACTIVE), expression=exp.false()),
                exp.EQ(this=column(VALID_TO), expression=instant(shape.now)),
            ],
            where=exp.Where(this=exp.and_(column(ACTIVE, shape.target.name), where)),
        )
    elif not shape.soft:
        statement = exp.Delete(this=shape.target.copy(), where=exp.Where(this=where))
    else:
        sets = [exp.EQ(this=column(DELETED_AT), expression=instant(shape.now))]
        if shape.synced_at:
            sets.append(exp.EQ(this=column(SYNCED_AT), expression=instant(shape.now)))
        alive = exp.Is(this=column(DELETED_AT, shape.target.name), expression=exp.null())
        statement = exp.Update(
            this=shape.target.copy(),
            expressions=sets,
            where=exp.Where(this=exp.and_(alive, where)),
        )
    return Step(statement=statement, counts=Counts.DELETED)


def same_key(shape: Shape, rows: exp.Table) -> exp.Select:
    """Select the rows that have the key of the target's row at hand."""
    return exp.select("1").from_(named(rows, ROWS)).where(*_same(shape))


def copy(columns: Sequence[str], source: exp.Table, target: exp.Table) -> exp.Insert:
    """Insert all rows of a table into another, by column name."""
    return exp.Insert(
        this=exp.Schema(this=target.copy(), expressions=[identifier(c) for c in columns]),
        expression=exp.select(*(column(c) for c in columns)).from_(source.copy()),
    )


def insert_keys(shape: Shape, staging: exp.Table, keys: exp.Table) -> Step:
    """Add the keys of staged rows to the table of a sweep; a key may stand there twice."""
    statement = copy(shape.key, staging, keys)
    statement.expression.where(exp.Not(this=column(GONE)), copy=False)
    return Step(statement=statement)


def _upsert(shape: Shape, rows: exp.Table, *, marked: bool) -> list[Step]:
    if not shape.rewritten:
        return [
            _update(shape, rows, marked=marked),
            _insert_missing(shape, rows, shape.key, marked=marked),
        ]
    # Rows that did not change are not written: they leave the staged ones first.
    held = exp.select("1").from_(shape.target.copy())
    held = held.where(*_same(shape), exp.Not(this=exp.paren(_differing(shape))))
    known = same_key(shape, rows)
    if marked:
        known = known.where(exp.Not(this=column(GONE, ROWS)))
    unchanged, changed_rows = exp.Exists(this=held), exp.Exists(this=known)
    return [
        Step(statement=exp.Delete(this=named(rows, ROWS), where=exp.Where(this=unchanged))),
        Step(
            statement=exp.Delete(this=shape.target.copy(), where=exp.Where(this=changed_rows)),
            counts=Counts.REWRITTEN,
        ),
        _insert(shape, rows, exp.Not(this=column(GONE, ROWS)) if marked else None),
    ]


def within(shape: Shape) -> list[exp.Expr]:
    """Return what holds for every row of the target that has the key of a row, and few others."""
    if shape.range is None:
        return []
    held = column(shape.range.column, shape.target.name)
    return [
        exp.GTE(this=held, expression=shape.range.least.copy()),
        exp.LTE(this=held.copy(), expression=shape.range.most.copy()),
    ]


def _same(shape: Shape) -> list[exp.Expr]:
    return [column(c, ROWS).eq(column(c, shape.target.name)) for c in shape.key]


def _differing(shape: Shape) -> exp.Expr:
    """Return whether a row differs from the target's of its key, or that one counts as gone."""
    differs: list[exp.Expr] = [
        exp.NullSafeNEQ(
            this=_comparable(shape, c, shape.target.name), expression=_comparable(shape, c, ROWS)
        )
        for c in shape.columns
        if c not in shape.key
    ]
    if shape.soft:
        dead = exp.Is(this=column(DELETED_AT, shape.target.name), expression=exp.null())
        differs.append(exp.Not(this=dead))
    return exp.or_(*differs) if differs else exp.false()


def _comparable(shape: Shape, name: str, table: str) -> exp.Expr:
    value = column(name, table)
    return exp.cast(value, exp.DataType.Type.TEXT) if name in shape.texts else value


def _update(shape: Shape, rows: exp.Table, *, marked: bool = True) -> Step:
    """Change rows that differ; of a history, close their active version."""
    rest = [c for c in shape.columns if c not in shape.key]
    where = [*_same(shape), *within(shape)]
    if marked:
        where.append(exp.Not(this=column(GONE, ROWS)))
    if shape.history:
        sets, more = _closing(shape)
        where += more
    else:
        sets = [exp.EQ(this=column(c), expression=column(c, ROWS)) for c in rest]
    if shape.soft:
        sets.append(exp.EQ(this=column(DELETED_AT), expression=exp.null()))
    if shape.synced_at:
        sets.append(exp.EQ(this=column(SYNCED_AT), expression=instant(shape.now)))
    # A row that did not change is not written: it keeps its _synced_at, and costs nothing.
    differs = _differing(shape)
    where.append(differs if isinstance(differs, exp.Boolean) else exp.paren(differs))
    if not sets:
        sets = [exp.EQ(this=column(shape.key[0]), expression=column(shape.key[0], ROWS))]
    statement = exp.Update(
        this=shape.target.copy(),
        expressions=sets,
        from_=exp.From(this=named(rows, ROWS)),
        where=exp.Where(this=exp.and_(*where)),
    )
    return Step(statement=statement, counts=Counts.UPDATED)


def _closing(shape: Shape) -> tuple[list[exp.EQ], list[exp.Expr]]:
    """Return what closes an active version, and when a staged row may close it."""
    sets = [
        exp.EQ(this=column(ACTIVE), expression=exp.false()),
        exp.EQ(this=column(VALID_TO), expression=_since(shape)),
    ]
    where: list[exp.Expr] = [column(ACTIVE, shape.target.name)]
    if shape.version:
        held, staged = column(shape.version, shape.target.name), column(shape.version, ROWS)
        # A page that comes late has an older version than the one we hold.
        newer = exp.GTE(this=staged, expression=held.copy())
        where.append(exp.paren(exp.or_(exp.Is(this=held, expression=exp.null()), newer)))
    return sets, where


def _since(shape: Shape) -> exp.Expr:
    """Return when a staged version began: when its row changed, if the row says so."""
    if shape.version is None:
        return instant(shape.now)
    return exp.func("COALESCE", column(shape.version, ROWS), instant(shape.now))


def _begun(shape: Shape) -> exp.Expr:
    """Return when a version begins to hold: not before the last one of its row has ended.

    A row that was gone and came back may say that it changed while it was still there.
    """
    if shape.version is None:
        return _since(shape)
    held = "_syncline_held"
    ended = exp.select(exp.Max(this=column(VALID_TO, held))).from_(named(shape.target, held))
    ended = ended.where(*(column(c, held).eq(column(c, ROWS)) for c in shape.key))
    later = exp.GT(this=ended.subquery(), expression=_since(shape))
    return exp.Case(ifs=[exp.If(this=later, true=ended.copy().subquery())], default=_since(shape))


def _insert_missing(
    shape: Shape, rows: exp.Table, identity: Sequence[str], *, marked: bool = True
) -> Step:
    same = [
        exp.NullSafeEQ(this=column(c, shape.target.name), expression=column(c, ROWS))
        if c == shape.version and c not in shape.key
        else column(c, shape.target.name).eq(column(c, ROWS))
        for c in identity
    ]
    there = exp.select("1").from_(shape.target.copy()).where(*same, *within(shape))
    if shape.history:
        there = there.where(column(ACTIVE, shape.target.name))
    missing: exp.Expr = exp.Not(this=exp.Exists(this=there))
    if marked:
        missing = exp.and_(exp.Not(this=column(GONE, ROWS)), missing)
    return _insert(shape, rows, missing)


def _insert(shape: Shape, rows: exp.Table, where: exp.Expr | None) -> Step:
    names = [identifier(c) for c in shape.columns]
    values: list[exp.Expr] = [column(c, ROWS) for c in shape.columns]
    if shape.history:
        names += [identifier(ACTIVE), identifier(VALID_FROM)]
        values += [exp.true(), _begun(shape)]
    if shape.synced_at:
        names.append(identifier(SYNCED_AT))
        values.append(instant(shape.now))
    query = exp.select(*values).from_(named(rows, ROWS))
    statement = exp.Insert(
        this=exp.Schema(this=shape.target.copy(), expressions=names),
        expression=query.where(where) if where else query,
    )
    return Step(statement=statement, counts=Counts.INSERTED)


def insert_all(shape: Shape, rows: exp.Table) -> Step:
    """Insert every row of a complete aside table."""
    return _insert(shape, rows, None)


def insert_new_versions(shape: Shape, rows: exp.Table) -> Step:
    """Insert the rows of a complete aside table whose key and version are not there yet."""
    identity = (*shape.key, *([shape.version] if shape.version else []))
    return _insert_missing(shape, rows, identity, marked=False)


def named(rows: exp.Table, name: str) -> exp.Expr:
    """Return a table as it stands in a query, under a name there."""
    return exp.alias_(rows.copy(), name, table=True)
