"""A complete pass brought to the target in one transaction: swapped in, or written into it."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.load import disposition
from syncline.load.ddl import column, drop_table, truncate_table
from syncline.load.disposition import Shape, Step
from syncline.load.evolve import Change, evolve, refuse_to_drop
from syncline.load.indexes import indexes
from syncline.load.load import Load
from syncline.load.target import changed_target, made_target, refuse_to_mix
from syncline.model.attached import Attached, attached_of
from syncline.model.job import Disposition, ReplaceBy, SchemaPolicy
from syncline.model.table import made_by

_FROZEN = SchemaPolicy.FREEZE


async def put_in_place(
    load: Load, shape: Shape, aside: exp.Table, *, swaps: bool
) -> list[Step] | None:
    """Return what puts the aside table, or its rows in a new table, in the target's place.

    ``swaps``: the aside table has every column of the target. None: the target has something
    that would go with it, so that its rows are to be replaced instead. Raises `SchemaRefused`.
    """
    current = await load.destination.describe(load.target, attached=True)
    if current is not None:
        refuse_to_mix(load, current)
    if current is not None and load.task.schema_policy is SchemaPolicy.FREEZE:
        # Nothing of the old table stays, so only a task that asks for the same one cares.
        evolve(load.target, current, load.target_schema, SchemaPolicy.FREEZE, load.traits)
        refuse_to_drop(load.target, current, load.target_schema, load.traits)
    # Invariant 4: readers see the old contents, then the new ones, nothing between.
    if swaps:
        if current is not None and lost(load, current):
            return None
        return disposition.swap(shape, aside, exists=current is not None)
    return [
        Step(statement=drop_table(load.target)),
        *made_target(load),
        disposition.insert_all(shape, aside),
        Step(statement=drop_table(aside)),
    ]


async def changed_whole(
    load: Load, now: datetime, rows: Sequence[exp.Table]
) -> tuple[list[Change], list[Step]]:
    """Return what makes the target fit for the rows of a whole pass, see `changed_target`."""
    try:
        return await changed_target(load, now, rows)
    except SchemaRefused as error:
        if load.disposition is not Disposition.REPLACE or load.task.schema_policy is _FROZEN:
            raise
        raise SchemaRefused(
            str(error),
            hint="cast the column in the query, name it otherwise, or set 'replace_by: drop': what "
            "hangs on the table goes with it then",
        ) from error


async def staying(load: Load) -> tuple[str, ...]:
    """Return what hangs on the target, for which its rows are replaced where they are."""
    swaps = load.disposition is Disposition.REPLACE and load.task.replace_by is ReplaceBy.SWAP
    if not swaps or load.task.flow is not None or not load.traits.transactional:
        return ()
    current = await load.destination.describe(load.target, attached=True)
    return tuple(lost(load, current)) if current is not None else ()


def lost(load: Load, current: pa.Schema) -> list[str]:
    """Return what a new table in the target's place would not have, in words."""
    fold = str if load.traits.case_sensitive else str.lower
    made = {
        tuple(c.name for c in index.this.args["params"].args["columns"])
        for index in indexes(load.target, load.target_schema, load.key, load.traits)
    }
    found = [str(a) for a in attached_of(current) if not (a.plain and a.columns in made)]
    wanted = {fold(name) for name in load.target_schema.names}
    keyed = {fold(name) for name in load.key}
    for field in current:
        name = fold(field.name)
        if made_by(field):
            found.append(f"{made_by(field)} of {field.name}")
        if name in wanted and name not in keyed and not field.nullable:
            found.append(f"NOT NULL of {field.name}")
    return found


async def replaced(load: Load, shape: Shape, rows: exp.Table) -> list[Step]:
    """Return what replaces the rows of the target, which stays the table it is.

    Where other tables refer to its rows, just those that differ are touched: emptying it would
    be refused, or would empty the others too. Raises `SchemaRefused` if it has no key for that.
    """
    if load.task.replace_by is ReplaceBy.TRUNCATE:
        # Costs nothing, but takes more rights, and a table that no other one refers to.
        empty = Step(statement=truncate_table(shape.target))
        return [empty, disposition.insert_all(shape, rows)]
    referring = await _referring(load)
    if not referring:
        return [disposition.emptied(shape), disposition.insert_all(shape, rows)]
    if not shape.key or shape.every or await _has_twice(load, shape):
        raise SchemaRefused(
            f"{load.task.target}: {', '.join(map(str, referring))} of other tables refer to its "
            "rows, which cannot be replaced without a key",
            hint="keep the table's key in the query or set 'key: [...]', or drop the references",
        )
    kept = Shape(
        target=shape.target, columns=shape.columns, key=shape.key, synced_at=shape.synced_at,
        texts=shape.texts, now=shape.now,
    )  # fmt: skip
    return disposition.difference(kept, rows, removing=True)


async def _referring(load: Load) -> Sequence[Attached]:
    current = await load.destination.describe(load.target, attached=True)
    found = attached_of(current) if current is not None else ()
    return [a for a in found if a.kind == "reference"]


async def _has_twice(load: Load, shape: Shape) -> bool:
    """Say whether several rows of the target have the same key."""
    key = [column(c) for c in shape.key]
    many = exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(1))
    query = exp.select(*(k.copy() for k in key)).from_(shape.target.copy())
    query = query.group_by(*key).having(many).limit(1)
    return bool((await load.destination.fetch(query)).num_rows)


async def applied_whole(load: Load, shape: Shape, rows: exp.Table) -> list[Step]:
    """Return what brings a complete table of rows, one a key, to the target."""
    match load.disposition:
        case Disposition.APPEND if load.key and load.version:
            return [disposition.insert_new_versions(shape, rows)]
        case Disposition.APPEND | Disposition.INSERT:
            return [disposition.insert_all(shape, rows)]
        case Disposition.REPLACE:
            return await replaced(load, shape, rows)
        case Disposition.UPDATE | Disposition.DELETE:
            return [disposition.changed(shape, rows, load.disposition, marked=False)]
        case _:
            return disposition.difference(shape, rows, removing=load.removing)
