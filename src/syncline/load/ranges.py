"""Rows with new keys beyond all others, as a first load has them, need not be looked for."""

from dataclasses import replace
from typing import Final

import pyarrow as pa
from sqlglot import exp

from syncline.load.ddl import column
from syncline.load.disposition import Shape
from syncline.load.load import Load

#: A database finds fewer keys than these in an index one by one.
FEWEST: Final = 5_000


def orderable(schema: pa.Schema, key: tuple[str, ...]) -> str | None:
    """Return the column of a key that an index on it is sorted by, if its order is ours too.

    Texts have an order of their own in each database, and keys of text are seldom in order.
    """
    if not key:
        return None
    type_ = schema.field(key[0]).type
    sorted_ = (pa.types.is_integer, pa.types.is_date, pa.types.is_timestamp)
    return key[0] if any(is_(type_) for is_ in sorted_) else None


def first_between(target: exp.Table, name: str, rows: exp.Table) -> exp.Select:
    """Select one row if the target has a value between the rows' least and greatest.

    The least of the target's from the rows' least on is what an index finds at once, whatever
    the database believes about how many there are.
    """
    least = exp.select(exp.Min(this=column(name))).from_(rows.copy()).subquery()
    most = exp.select(exp.Max(this=column(name))).from_(rows.copy()).subquery()
    found = exp.select(exp.Min(this=column(name))).from_(target.copy())
    found = found.where(exp.GTE(this=column(name), expression=least))
    return exp.select(exp.Literal.number(1)).where(exp.LTE(this=found.subquery(), expression=most))


async def narrowed(load: Load, shape: Shape, rows: exp.Table, count: int) -> Shape:
    """Return the shape with the range of keys told, where it leaves nothing of the target.

    Without it every commit of a first load is compared with all that came before it. It is a
    hint and no more: the statements are right whatever another run has added meanwhile. A range
    that holds rows is not told: they may be many, in which case the range is of no use.
    """
    name = orderable(load.schema, shape.key)
    if not load.traits.index_bytes or name is None or count < FEWEST:
        return shape
    if await load.destination.describe(shape.target) is None:
        return shape
    found = await load.destination.fetch(first_between(shape.target, name, rows))
    return shape if found.num_rows else replace(shape, range=name)
