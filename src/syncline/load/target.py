"""The target of a load: made if it is not there, changed where it has no room for the rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.load.checkpoint import instant
from syncline.load.ddl import column, create_table
from syncline.load.disposition import ACTIVE, DELETED_AT, VALID_FROM, VALID_TO, Shape, Step
from syncline.load.evolve import Change, evolve
from syncline.load.indexes import indexes
from syncline.load.load import Load
from syncline.model.job import Disposition
from syncline.model.table import size_of
from syncline.model.types import KEY_TEXT


def made(
    load: Load, table: exp.Table, schema: pa.Schema, key: Sequence[str], *, columnstore: bool
) -> list[Step]:
    """Return what makes a table, and the index on its key."""
    many = {Disposition.HISTORY, Disposition.APPEND, Disposition.INSERT}
    unique = load.disposition not in many
    created = create_table(table, schema, load.traits.dialect, key=load.key, unique=unique)
    found = indexes(table, schema, key, load.traits, columnstore=columnstore)
    return [Step(statement=statement) for statement in (created, *found)]


def made_target(load: Load) -> list[Step]:
    """Return what makes the target."""
    by_columns = load.task.columnstore
    return made(load, load.target, load.target_schema, load.key, columnstore=by_columns)


async def changed_target(
    load: Load, now: datetime, rows: Sequence[exp.Table]
) -> tuple[list[Change], list[Step]]:
    """Return what makes the target fit for the rows of some tables."""
    dialect = load.destination.traits.dialect
    current = await load.destination.describe(load.target)
    if load.task.flow is not None:
        # The table is not ours: what was matched when the run began is what is written.
        return [], []
    if current is None:
        return [], made_target(load)
    history = load.disposition is Disposition.HISTORY
    refuse_to_mix(load, current)
    changes = evolve(
        load.target,
        current,
        load.target_schema,
        load.task.schema_policy,
        load.traits,
        key=load.key,
        columnstore=load.task.columnstore,
        longest=await longest_texts(load, current, rows),
    )
    steps = [Step(statement=c.statement(dialect)) for c in changes]
    if history and ACTIVE not in current.names:
        steps.extend(begin_history(load.shape(now), marked=DELETED_AT in current.names))
    return changes, steps


def begin_history(shape: Shape, *, marked: bool) -> list[Step]:
    """Make the rows of a table that had no history their first versions.

    ``marked``: it marked deleted rows, whose versions ended when they were.
    """
    began: exp.Expr = instant(shape.now)
    if shape.version:
        began = exp.func("COALESCE", column(shape.version), began)
    new = exp.Is(this=column(ACTIVE), expression=exp.null())
    steps = []
    if marked:
        gone = column(DELETED_AT)
        earlier = exp.If(this=exp.LT(this=gone, expression=began.copy()), true=gone.copy())
        ended = exp.Case(ifs=[earlier], default=began.copy())
        sets = {ACTIVE: exp.false(), VALID_FROM: ended, VALID_TO: gone.copy()}
        dead = exp.Is(this=gone.copy(), expression=exp.null()).not_()
        steps.append(_set(shape, sets, exp.and_(new.copy(), dead)))
    return [*steps, _set(shape, {ACTIVE: exp.true(), VALID_FROM: began}, new)]


def _set(shape: Shape, values: Mapping[str, exp.Expr], where: exp.Expr) -> Step:
    sets = [exp.EQ(this=column(name), expression=value) for name, value in values.items()]
    statement = exp.Update(this=shape.target.copy(), expressions=sets, where=exp.Where(this=where))
    return Step(statement=statement)


async def longest_texts(
    load: Load, current: pa.Schema, rows: Sequence[exp.Table]
) -> Mapping[str, int]:
    """Return how long the texts are that go to columns with a bound, where nobody says it."""
    fold = str if load.traits.case_sensitive else str.lower
    sizes = {fold(f.name): size for f in current if (size := size_of(f))}
    wanted = [
        f.name
        for f in load.schema
        if fold(f.name) in sizes
        and not size_of(f)
        # No longer ones are staged.
        and not (f.name in load.key and sizes[fold(f.name)] >= KEY_TEXT)
    ]
    found = dict.fromkeys(wanted, 0)
    for table in rows if wanted else ():
        longest = (exp.Max(this=exp.Length(this=column(name))) for name in wanted)
        query = exp.select(*(exp.alias_(e, f"c{i}") for i, e in enumerate(longest)))
        (row,) = (await load.destination.fetch(query.from_(table.copy()))).to_pylist()
        found = {n: max(found[n], v or 0) for n, v in zip(wanted, row.values(), strict=True)}
    return found


def refuse_to_mix(load: Load, current: pa.Schema) -> None:
    if ACTIVE in current.names and load.disposition is not Disposition.HISTORY:
        raise SchemaRefused(
            f"{load.task.target} keeps the history of its rows, which "
            f"'write: {load.disposition}' would destroy",
            hint="set 'write: history', or let 'into' name another table",
        )
