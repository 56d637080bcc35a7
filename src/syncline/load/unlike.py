"""Which rows of a target and of a complete table of rows are not alike. Pure."""

from sqlglot import exp

from syncline.load.ddl import column
from syncline.load.disposition import ACTIVE, DELETED_AT, ROWS, Shape, named, same_key


def only_in(shape: Shape, rows: exp.Table, *, here: bool) -> exp.Select:
    """Select the keys that only the target has (``here``), or only the rows."""
    if here:
        keys = (column(c, shape.target.name) for c in shape.key)
        query = exp.select(*keys).from_(shape.target.copy())
        query = query.where(exp.Not(this=exp.Exists(this=same_key(shape, rows))))
        alive = _alive(shape)
        return query.where(alive) if alive else query
    same = [column(c, ROWS).eq(column(c, shape.target.name)) for c in shape.key]
    there = exp.select("1").from_(shape.target.copy()).where(*same)
    alive = _alive(shape)
    there = there.where(alive) if alive else there
    query = exp.select(*(column(c, ROWS) for c in shape.key)).from_(named(rows, ROWS))
    return query.where(exp.Not(this=exp.Exists(this=there)))


def unequal(shape: Shape, rows: exp.Table) -> exp.Select:
    """Select the keys of rows that differ from the target's in any column."""
    same = [column(c, ROWS).eq(column(c, shape.target.name)) for c in shape.key]
    alive = _alive(shape)
    differs: list[exp.Expr] = [
        exp.NullSafeNEQ(this=column(c, shape.target.name), expression=column(c, ROWS))
        for c in shape.columns
        if c not in shape.key
    ]
    return (
        exp.select(*(column(c, ROWS) for c in shape.key))
        .from_(named(rows, ROWS))
        .join(shape.target.copy(), on=exp.and_(*same, *([alive] if alive else [])))
        .where(exp.or_(*differs) if differs else exp.false())
    )


def _alive(shape: Shape) -> exp.Expr | None:
    """Return which rows of the target are not marked as gone; None: all."""
    if shape.history:
        return column(ACTIVE, shape.target.name)
    if shape.soft:
        return exp.Is(this=column(DELETED_AT, shape.target.name), expression=exp.null())
    return None
