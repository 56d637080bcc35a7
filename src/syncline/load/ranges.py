"""Rows with new keys beyond all others, as a first load has them, need not be looked for."""

from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from syncline.errors import DestinationBusy, DestinationRefused
from syncline.load.ddl import column
from syncline.load.disposition import Range, Shape
from syncline.load.load import Load
from syncline.load.staging import Staging

#: A database finds fewer keys than these in an index one by one.
FEWEST: Final = 5_000


def range_of(keys: pa.Table) -> Range | None:
    """Return the bounds of the first column of keys, if an index on it is sorted as ours are.

    Texts have an order of their own in each database, and keys of text are seldom in order.
    """
    name, values = keys.column_names[0], keys.column(0)
    if not (pa.types.is_integer(values.type) or pa.types.is_date(values.type)):
        return None
    found = pc.min_max(values)
    try:
        return Range(column=name, least=_literal(found["min"]), most=_literal(found["max"]))
    except OverflowError:  # Days before the year 1 or after 9999, which some databases have.
        return None


def _literal(value: pa.Scalar) -> exp.Expr:
    if pa.types.is_integer(value.type):
        return exp.Literal.number(value.as_py())
    return exp.cast(exp.Literal.string(value.as_py().isoformat()), exp.DataType.Type.DATE)


def first_between(target: exp.Table, range_: Range) -> exp.Select:
    """Select one row if the target has a value between the bounds.

    The least of the target's from the lower bound on is what an index finds at once, whatever
    the database believes about how many there are.
    """
    found = exp.select(exp.Min(this=column(range_.column))).from_(target.copy())
    found = found.where(exp.GTE(this=column(range_.column), expression=range_.least.copy()))
    return exp.select(exp.Literal.number(1)).where(
        exp.LTE(this=found.subquery(), expression=range_.most.copy())
    )


async def narrowed(load: Load, shape: Shape, staging: Staging) -> Shape:
    """Return the shape with the range of keys told, where it leaves nothing of its target.

    Without it every commit of a first load is compared with all that came before it. It is a
    hint and no more: the statements are right whatever another run has added meanwhile. A range
    that holds rows is not told: they may be many, in which case the range is of no use.
    """
    if not load.traits.index_bytes or staging.rows < FEWEST:
        return shape
    keys = staging.keys()
    found = range_of(keys) if keys is not None else None
    if found is None:
        return shape
    try:
        between = await load.destination.fetch(first_between(shape.target, found))
    except (DestinationRefused, DestinationBusy):
        # Another run may have taken the table away: that is for the commit to find out.
        return shape
    return shape if between.num_rows else replace(shape, range=found)
