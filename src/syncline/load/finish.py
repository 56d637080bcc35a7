"""The end of a pass where each statement commits for itself: from collected rows to the target."""

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.load import alone, fence
from syncline.load.ddl import create_table, drop_table, remade_by
from syncline.load.disposition import GONE, SEQUENCE, Shape, Step
from syncline.load.evolve import Change, evolve, refuse_to_drop
from syncline.load.load import Load
from syncline.load.remains import kept_files
from syncline.load.staging import Staging
from syncline.load.target import changed_target, made_target, refuse_to_mix
from syncline.load.together import guarded
from syncline.model.batch import Checkpoint
from syncline.model.job import Disposition, ReplaceBy, SchemaPolicy
from syncline.model.types import sql_type


async def finishing(
    load: Load, checkpoint: Checkpoint, now: datetime, staging: Staging | None, aside: exp.Table
) -> tuple[list[Change], list[Step]]:
    """Return what brings a complete pass to the target.

    ``staging``: the pass, or its end, is still as it was staged; else it is in the aside table.
    """
    shape = guarded(load, load.shape(now), checkpoint)
    before: list[Step] = []
    rows: exp.Expression = aside
    after = [Step(statement=drop_table(aside))]
    if load.kept:
        parts = await kept_files(load.destination, load.task, checkpoint, aside.name)
        before, rows, after = [declared(load, parts)], parts, [Step(statement=drop_table(parts))]
    elif staging is not None:
        rows, after = staging.table if staging.rows else _nothing(load, checkpoint), []
    staged = rows is not aside
    if load.disposition is Disposition.REPLACE:
        changes: list[Change] = []
        source = _source(shape, rows, staged=staged)
        if load.task.flow is not None or load.task.replace_by is ReplaceBy.TRUNCATE:
            changes, steps = await changed_target(load, now, [])
            steps.append(alone.overwrite(shape, source))
        else:
            steps = await _replaced(load, shape, source)
    else:
        changes, steps = await changed_target(load, now, [])
        steps += _applied(load, shape, rows, staged=staged)
    return changes, [*before, *steps, *after]


def declared(load: Load, files: exp.Table) -> Step:
    """Return what tells the destination which columns staged files have."""
    schema = pa.schema([*load.schema, (SEQUENCE, pa.int64()), (GONE, pa.bool_())])
    dialect = load.traits.dialect
    return Step(statement=create_table(files, schema, dialect, temporary=True))


def _source(shape: Shape, rows: exp.Expression, *, staged: bool) -> exp.Select:
    if not staged:
        return alone.plain(shape, rows)
    if not shape.key or shape.every:
        return alone.every(shape, rows)
    return alone.alive(shape, rows)


async def _replaced(load: Load, shape: Shape, source: exp.Select) -> list[Step]:
    current = await load.destination.describe(load.target)
    if current is None:
        return [*made_target(load), alone.overwrite(shape, source)]
    refuse_to_mix(load, current)
    if load.task.schema_policy is SchemaPolicy.FREEZE:
        # Nothing of the old table stays, so only a task that asks for the same one cares.
        evolve(load.target, current, load.target_schema, SchemaPolicy.FREEZE, load.traits)
        refuse_to_drop(load.target, current, load.target_schema, load.traits)
    if _words(load, current) == _words(load, load.target_schema):
        return [alone.overwrite(shape, source)]
    kept = remade_by(load.target_schema, shape.key, load.traits.dialect)
    return [alone.recreate(shape, source, kept)]


def _words(load: Load, schema: pa.Schema) -> Sequence[tuple[str, str]]:
    dialect = load.traits.dialect
    return sorted((f.name.lower(), sql_type(f, dialect).sql(dialect)) for f in schema)


def _applied(load: Load, shape: Shape, rows: exp.Expression, *, staged: bool) -> list[Step]:
    match load.disposition:
        case Disposition.APPEND:
            return alone.append(shape, rows, staged=staged)
        case Disposition.UPDATE | Disposition.DELETE:
            return alone.changed(shape, rows, load.disposition, staged=staged)
        case _:
            return alone.difference(shape, rows, removing=load.removing, staged=staged)


def _nothing(load: Load, checkpoint: Checkpoint) -> exp.Subquery:
    """Return no rows, in the place of staged ones."""
    columns = [*load.schema, pa.field(SEQUENCE, pa.int64()), pa.field(GONE, pa.bool_())]
    rows = fence.nothing(checkpoint, load.schema_name, columns, load.traits.dialect)
    return rows.subquery("_syncline_nothing")
