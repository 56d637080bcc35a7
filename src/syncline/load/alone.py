"""The dispositions as single statements, for databases where each statement commits for itself.

What `disposition` does to a table in several statements of one transaction is one MERGE here,
from rows of which the last one of each key counts. Every statement may be run twice, and is
refused as a whole if the run has lost its claim (`fence`).
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from syncline.load.checkpoint import instant
from syncline.load.ddl import column, identifier
from syncline.load.disposition import (
    ACTIVE,
    DELETED_AT,
    GONE,
    SEQUENCE,
    SYNCED_AT,
    VALID_FROM,
    VALID_TO,
    Counts,
    Shape,
    Step,
)
from syncline.model.job import Disposition

_HELD = "_syncline_held"
_ROWS = "_syncline_rows"
_ALL = "_syncline_all"
_NUMBER = "_syncline_number"
_AGAIN = "_syncline_again"
_ENDED = "_syncline_ended"


def merge(shape: Shape, rows: exp.Table, *, removing: bool, empty: bool = False) -> list[Step]:
    """Update rows with the same key if they differ, insert the others, remove what is gone.

    Invariant 2: applying it twice changes nothing. ``empty``: the target has just been made.
    """
    if empty and not shape.history:
        # Nothing can match, and the rows are read once instead of twice.
        inserted = [_inserted(shape, exp.Not(this=_gone()))]
        statement = _merge(shape, latest(shape, rows, shape.key), inserted)
        return [Step(statement=statement, counts=Counts.MERGED)]
    whens = [
        *([_removed(shape, _gone())] if removing else []),
        *_updated(shape, exp.Not(this=_gone())),
        _inserted(shape, exp.Not(this=_gone())),
    ]
    return [_counted(shape, _merge(shape, latest(shape, rows, shape.key), whens), removing)]


def difference(
    shape: Shape, rows: exp.Expression, *, removing: bool, staged: bool = False
) -> list[Step]:
    """Make the target equal to complete rows, touching only those that differ.

    ``staged``: the rows are as they arrived, else one of each key.
    """
    source = alive(shape, rows) if staged else plain(shape, rows)
    whens = [*_updated(shape), _inserted(shape)]
    if removing:
        whens.append(_removed(shape, by_source=True))
    return [_counted(shape, _merge(shape, source, whens), removing)]


def append(shape: Shape, rows: exp.Expression, *, staged: bool = True) -> list[Step]:
    """Insert the versions of rows that are not there yet."""
    identity = (*shape.key, *([shape.version] if shape.version else []))
    source = alive(shape, rows, identity) if staged else plain(shape, rows)
    statement = _merge(shape, source, [_inserted(shape)], identity)
    return [Step(statement=statement, counts=Counts.INSERTED)]


def collect(shape: Shape, rows: exp.Table) -> list[Step]:
    """Bring rows into an aside table, the last one of each key (and version, if any)."""
    identity = (*shape.key, *([shape.version] if shape.version else []))
    sets = [exp.EQ(this=column(c), expression=column(c, _ROWS)) for c in shape.columns]
    if shape.synced_at:
        sets.append(exp.EQ(this=column(SYNCED_AT), expression=instant(shape.now)))
    whens = [
        exp.When(matched=True, source=False, condition=_gone(), then=exp.Var(this="DELETE")),
        exp.When(matched=True, source=False, then=exp.Update(expressions=sets)),
        _inserted(shape, exp.Not(this=_gone())),
    ]
    source = latest(shape, rows, identity)
    return [Step(statement=_merge(shape, source, whens, identity), counts=Counts.INSERTED)]


def changed(shape: Shape, rows: exp.Expression, kind: Disposition, *, staged: bool) -> list[Step]:
    """Update or delete the target's rows that have the key of a row; add none."""
    source = alive(shape, rows) if staged else plain(shape, rows)
    if kind is Disposition.UPDATE:
        whens, counts = _updated(shape), Counts.UPDATED
    else:
        whens, counts = [_removed(shape)], Counts.DELETED
    if not whens:
        return []
    return [Step(statement=_merge(shape, source, whens), counts=counts)]


def remove_missing(shape: Shape, keys: exp.Table) -> Step:
    """Delete (or mark as deleted, or close) the target's rows whose key is not among the keys."""
    chosen = replace(shape, columns=shape.key)
    statement = _merge(shape, distinct(chosen, keys), [_removed(shape, by_source=True)])
    return Step(statement=statement, counts=Counts.DELETED)


def insert_keys(shape: Shape, rows: exp.Table, keys: exp.Table) -> Step:
    """Add the keys of staged rows to the table of a sweep."""
    chosen = replace(
        shape, target=keys, columns=shape.key, version=None, history=False, soft=False,
        synced_at=False,
    )  # fmt: skip
    return replace(append(chosen, rows)[0], counts=Counts.NOTHING)


def overwrite(shape: Shape, source: exp.Select) -> Step:
    """Put rows in the place of all rows. Invariant 4: in one commit of the table."""
    names = [identifier(c) for c in shape.columns]
    if shape.synced_at:
        names.append(identifier(SYNCED_AT))
    statement = exp.Insert(
        this=exp.Schema(this=shape.target.copy(), expressions=names),
        expression=_stamped(shape, source),
        overwrite=True,
    )
    return Step(statement=statement, counts=Counts.INSERTED)


def recreate(shape: Shape, source: exp.Select, kept: Sequence[exp.Expression]) -> Step:
    """Put a table of other columns in the target's place. Invariant 4: in one commit.

    ``kept``: its properties.
    """
    statement = exp.Create(
        this=shape.target.copy(),
        kind="TABLE",
        replace=True,
        properties=exp.Properties(expressions=list(kept)) if kept else None,
        expression=_stamped(shape, source),
    )
    return Step(statement=statement, counts=Counts.INSERTED)


def latest(shape: Shape, rows: exp.Expression, by: Sequence[str]) -> exp.Select:
    """Select the row that arrived last of those with the same key, removals too."""
    names = [column(c) for c in (*shape.columns, GONE)]
    if shape.distinct:
        return _guarded(shape, exp.select(*names).from_(rows.copy()))
    number = exp.Window(
        this=exp.RowNumber(),
        partition_by=[column(c) for c in by],
        order=exp.Order(
            expressions=[exp.Ordered(this=column(SEQUENCE), desc=True, nulls_first=False)]
        ),
    )
    numbered = exp.select(*names, exp.alias_(number, _NUMBER, quoted=True)).from_(rows.copy())
    chosen = exp.select(*(n.copy() for n in names)).from_(numbered.subquery(_ALL))
    return _guarded(shape, chosen.where(column(_NUMBER).eq(exp.Literal.number(1))))


def alive(shape: Shape, rows: exp.Expression, by: Sequence[str] = ()) -> exp.Select:
    """Select the row that arrived last of each key, unless it is a removal."""
    return latest(shape, rows, by or shape.key).where(exp.Not(this=column(GONE)))


def every(shape: Shape, rows: exp.Expression) -> exp.Select:
    """Select all staged rows but removals."""
    chosen = exp.select(*(column(c) for c in shape.columns)).from_(rows.copy())
    return _guarded(shape, chosen.where(exp.Not(this=column(GONE))))


def plain(shape: Shape, rows: exp.Expression) -> exp.Select:
    """Select the rows of a table."""
    chosen = exp.select(*(column(c) for c in shape.columns)).from_(rows.copy())
    return _guarded(shape, chosen)


def distinct(shape: Shape, rows: exp.Expression) -> exp.Select:
    """Select each row of a table once."""
    return plain(shape, rows).distinct()


def copied(shape: Shape, rows: exp.Table) -> Step:
    """Add every staged row, for a database that remembers which files it has added."""
    names = [identifier(c) for c in shape.columns]
    chosen = exp.select(*(column(c) for c in shape.columns)).from_(rows.copy())
    if shape.synced_at:
        names.append(identifier(SYNCED_AT))
        chosen = chosen.select(exp.alias_(instant(shape.now), SYNCED_AT, quoted=True))
    statement = exp.Insert(
        this=exp.Schema(this=shape.target.copy(), expressions=names), expression=chosen
    )
    return Step(statement=statement, counts=Counts.INSERTED)


def _merge(
    shape: Shape, source: exp.Select, whens: Sequence[exp.When], identity: Sequence[str] = ()
) -> exp.Merge:
    on: list[exp.Expr] = [_same(shape, c) for c in identity or shape.key]
    using: exp.Query = source
    if shape.history:
        using = _with_closed(shape, source)
        on += [column(ACTIVE, _HELD), exp.Not(this=column(_AGAIN, _ROWS))]
    return exp.Merge(
        this=exp.alias_(shape.target.copy(), _HELD, table=True),
        using=using.subquery(_ROWS),
        on=exp.and_(*on),
        whens=exp.Whens(expressions=list(whens)),
    )


def _same(shape: Shape, name: str) -> exp.Expr:
    held, staged = column(name, _HELD), column(name, _ROWS)
    if name == shape.version and name not in shape.key:
        return exp.NullSafeEQ(this=held, expression=staged)
    return held.eq(staged)


def _with_closed(shape: Shape, source: exp.Select) -> exp.Query:
    """Add each row that closes an active version once more, to be inserted as the next one."""
    again = [exp.alias_(exp.true(), _AGAIN, quoted=True)]
    whole = exp.Column(this=exp.Star(), table=identifier(_ALL))
    first = exp.select(whole, exp.alias_(exp.false(), _AGAIN, quoted=True))
    first = first.from_(source.subquery(_ALL))
    if shape.version:
        # A join: a subquery may not name what a MERGE is into, for some engines.
        same_key = [column(c, _HELD).eq(column(c, _ALL)) for c in shape.key]
        held = exp.select(*(column(c) for c in shape.key)).from_(shape.target.copy())
        ended = exp.alias_(exp.Max(this=column(VALID_TO)), _ENDED, quoted=True)
        held = held.select(ended).group_by(*(column(c) for c in shape.key))
        first = first.select(column(_ENDED, _HELD))
        first = first.join(held.subquery(_HELD), on=exp.and_(*same_key), join_type="left")
        again.append(exp.alias_(exp.cast(exp.null(), "TIMESTAMPTZ"), _ENDED, quoted=True))
    where = [_differs(shape), *_newer(shape)]
    if _is_marked(source):
        where.append(exp.Not(this=_gone()))
    names = [column(c, _ROWS) for c in source.named_selects]
    same = exp.and_(*(_same(shape, c) for c in shape.key), column(ACTIVE, _HELD))
    repeated = (
        exp.select(*names, *again)
        .from_(source.copy().subquery(_ROWS))
        .join(exp.alias_(shape.target.copy(), _HELD, table=True), on=same)
        .where(*where)
    )
    return exp.union(first, repeated, distinct=False)


def _is_marked(source: exp.Select) -> bool:
    return GONE in source.named_selects


def _updated(shape: Shape, where: exp.Expr | None = None) -> list[exp.When]:
    rest = [c for c in shape.columns if c not in shape.key]
    if not rest and not shape.soft:
        return []
    more: list[exp.Expr] = [where] if where else []
    if shape.history:
        since = _since(shape)
        sets = [
            exp.EQ(this=column(ACTIVE), expression=exp.false()),
            exp.EQ(this=column(VALID_TO), expression=since),
        ]
        more += _newer(shape)
    else:
        sets = [exp.EQ(this=column(c), expression=column(c, _ROWS)) for c in rest]
    if shape.soft:
        sets.append(exp.EQ(this=column(DELETED_AT), expression=exp.null()))
    if shape.synced_at:
        sets.append(exp.EQ(this=column(SYNCED_AT), expression=instant(shape.now)))
    # A row that did not change is not written: it keeps its _synced_at, and costs nothing.
    condition = exp.and_(*more, exp.paren(_differs(shape)))
    return [
        exp.When(matched=True, source=False, condition=condition, then=exp.Update(expressions=sets))
    ]


def _differs(shape: Shape) -> exp.Expr:
    differs: list[exp.Expr] = [
        exp.NullSafeNEQ(this=column(c, _HELD), expression=column(c, _ROWS))
        for c in shape.columns
        if c not in shape.key
    ]
    if shape.soft:
        dead = exp.Is(this=column(DELETED_AT, _HELD), expression=exp.null())
        differs.append(exp.Not(this=dead))
    return exp.paren(exp.or_(*differs)) if differs else exp.false()


def _newer(shape: Shape) -> list[exp.Expr]:
    """Return when a staged row may close an active version: a page may come late."""
    if not shape.version:
        return []
    held, staged = column(shape.version, _HELD), column(shape.version, _ROWS)
    newer = exp.GTE(this=staged, expression=held.copy())
    return [exp.paren(exp.or_(exp.Is(this=held, expression=exp.null()), newer))]


def _inserted(shape: Shape, where: exp.Expr | None = None) -> exp.When:
    names = [column(c) for c in shape.columns]
    values: list[exp.Expr] = [column(c, _ROWS) for c in shape.columns]
    if shape.history:
        names += [column(ACTIVE), column(VALID_FROM)]
        values += [exp.true(), _begun(shape)]
    if shape.synced_at:
        names.append(column(SYNCED_AT))
        values.append(instant(shape.now))
    insert = exp.Insert(this=exp.Tuple(expressions=names), expression=exp.Tuple(expressions=values))
    return exp.When(matched=False, source=False, condition=where, then=insert)


def _removed(shape: Shape, where: exp.Expr | None = None, *, by_source: bool = False) -> exp.When:
    conditions: list[exp.Expr] = [where] if where else []
    then: exp.Expression = exp.Var(this="DELETE")
    if shape.history:
        conditions.append(column(ACTIVE, _HELD))
        sets = [
            exp.EQ(this=column(ACTIVE), expression=exp.false()),
            exp.EQ(this=column(VALID_TO), expression=instant(shape.now)),
        ]
        then = exp.Update(expressions=sets)
    elif shape.soft:
        conditions.append(exp.Is(this=column(DELETED_AT, _HELD), expression=exp.null()))
        sets = [exp.EQ(this=column(DELETED_AT), expression=instant(shape.now))]
        if shape.synced_at:
            sets.append(exp.EQ(this=column(SYNCED_AT), expression=instant(shape.now)))
        then = exp.Update(expressions=sets)
    return exp.When(
        matched=not by_source,
        source=by_source,
        condition=exp.and_(*conditions) if conditions else None,
        then=then,
    )


def _counted(shape: Shape, statement: exp.Merge, removing: bool) -> Step:  # noqa: FBT001 (one use)
    """Return the step; the marks that removals leave are counted apart from updates."""
    if not (removing and (shape.soft or shape.history)):
        return Step(statement=statement, counts=Counts.MERGED)
    marked = DELETED_AT if shape.soft else VALID_TO
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(shape.target.copy())
    query = query.where(column(marked).eq(instant(shape.now)))
    if shape.history and not shape.version:
        # Versions that were followed by another one have ended at the same moment.
        same = [column(c, _ROWS).eq(column(c, shape.target.name)) for c in shape.key]
        there = exp.select("1").from_(exp.alias_(shape.target.copy(), _ROWS, table=True))
        there = there.where(*same, column(ACTIVE, _ROWS))
        query = query.where(exp.Not(this=exp.Exists(this=there)))
    return Step(statement=statement, counts=Counts.MERGED, removals=query)


def _begun(shape: Shape) -> exp.Expr:
    """Return when a version begins to hold: not before the last one of its row has ended."""
    since = _since(shape)
    if not shape.version:
        return since
    ended = column(_ENDED, _ROWS)
    later = exp.If(this=exp.GT(this=ended, expression=since), true=ended.copy())
    return exp.Case(ifs=[later], default=since.copy())


def _since(shape: Shape) -> exp.Expr:
    """Return when a staged version began: when its row changed, if the row says so."""
    if shape.version is None:
        return instant(shape.now)
    return exp.func("COALESCE", column(shape.version, _ROWS), instant(shape.now))


def _stamped(shape: Shape, source: exp.Select) -> exp.Select:
    names = [column(c) for c in shape.columns]
    chosen = exp.select(*names).from_(source.subquery(_ROWS))
    if shape.synced_at:
        chosen = chosen.select(exp.alias_(instant(shape.now), SYNCED_AT, quoted=True))
    return chosen


def _guarded(shape: Shape, query: exp.Select) -> exp.Select:
    return query.where(shape.guard.copy()) if shape.guard else query


def _gone() -> exp.Column:
    return column(GONE, _ROWS)
