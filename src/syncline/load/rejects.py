"""The reject table of a target: rows that did not fit, with the reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlglot import exp

from syncline.load import disposition, fence, names
from syncline.load.ddl import add_column, column, create_table, drop_table
from syncline.load.disposition import Step
from syncline.load.load import Load
from syncline.load.staging import REJECTS, reject_table
from syncline.model.batch import Checkpoint, Reject

_HELD, _ROWS = "_syncline_held", "_syncline_rows"


async def kept_rejects(
    load: Load,
    rejects: Sequence[Reject],
    staged: exp.Table,
    checkpoint: Checkpoint,
    now: datetime,
    *,
    first: bool,
) -> list[Step]:
    """Stage the rejects; return the steps that add them to the reject table.

    ``checkpoint``: of the commit. ``first``: it is the run's first.
    """
    traits = load.traits
    target = reject_table_of(load)
    # Where each statement commits for itself, a run may have died between its rejects and its
    # checkpoint: those of the commit that is repeated have the same ids, and are replaced.
    prefix = f"{load.run if traits.transactional else load.task.id}/{checkpoint.generation}/"
    if not rejects:
        repeats = first and load.task.rejects and not traits.transactional
        there = await load.destination.describe(target) if repeats else None
        if there is None or "id" not in there.names:
            return []
        rows = fence.nothing(checkpoint, load.schema_name, REJECTS, traits.dialect)
        return [Step(statement=_replacing(target, rows, prefix))]
    held = await load.destination.describe(target)
    rows = reject_table(rejects, run=load.run, prefix=prefix, now=now)
    await load.destination.execute(
        [
            drop_table(staged),
            create_table(staged, REJECTS, traits.dialect, temporary=traits.temporary_staging),
        ]
    )
    await load.destination.ingest(staged, rows)
    older = held is not None and "id" not in held.names
    if traits.transactional:
        added: exp.Expression = disposition.copy(REJECTS.names, staged, target)
    else:
        taken = exp.select(*(column(name) for name in REJECTS.names)).from_(staged.copy())
        taken = taken.where(fence.held(checkpoint, load.schema_name))
        added = _replacing(target, taken, prefix)
    return [
        Step(statement=create_table(target, REJECTS, traits.dialect)),
        *(
            [Step(statement=add_column(target, REJECTS.field("id"), traits.dialect))]
            if older
            else []
        ),
        Step(statement=added),
        Step(statement=drop_table(staged)),
    ]


def reject_table_of(load: Load) -> exp.Table:
    """Return where the rows of a target that did not fit are kept."""
    return names.table(names.rejects(load.task.target, load.traits), load.schema_name)


def _replacing(target: exp.Table, rows: exp.Select, prefix: str) -> exp.Merge:
    """Return what puts the rejects of a commit in the place of those of an earlier attempt."""
    taken = [column(name, _ROWS) for name in REJECTS.names]
    sets = [
        exp.EQ(this=column(name), expression=column(name, _ROWS))
        for name in REJECTS.names
        if name != "id"
    ]
    insert = exp.Insert(
        this=exp.Tuple(expressions=[column(name) for name in REJECTS.names]),
        expression=exp.Tuple(expressions=taken),
    )
    gone = exp.StartsWith(this=column("id", _HELD), expression=exp.Literal.string(prefix))
    return exp.Merge(
        this=exp.alias_(target.copy(), _HELD, table=True),
        using=rows.subquery(_ROWS),
        on=column("id", _HELD).eq(column("id", _ROWS)),
        whens=exp.Whens(
            expressions=[
                exp.When(matched=True, source=False, then=exp.Update(expressions=sets)),
                exp.When(matched=False, source=False, then=insert),
                exp.When(matched=False, source=True, condition=gone, then=exp.Var(this="DELETE")),
            ]
        ),
    )
