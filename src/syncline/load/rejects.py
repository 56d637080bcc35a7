"""The reject table of a target: rows that did not fit, with the reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlglot import exp

from syncline.load import disposition, names
from syncline.load.ddl import add_column, create_table, drop_table
from syncline.load.disposition import Step
from syncline.load.load import Load
from syncline.load.staging import REJECTS, reject_table
from syncline.model.batch import Reject


async def kept_rejects(
    load: Load, rejects: Sequence[Reject], staged: exp.Table, generation: int, now: datetime
) -> list[Step]:
    """Stage the rejects; return the steps that add them to the reject table.

    ``generation``: of the commit.
    """
    if not rejects:
        return []
    traits = load.traits
    target = reject_table_of(load)
    held = await load.destination.describe(target)
    rows = reject_table(rejects, run=load.run, generation=generation, now=now)
    await load.destination.execute(
        [
            drop_table(staged),
            create_table(staged, REJECTS, traits.dialect, temporary=traits.temporary_staging),
        ]
    )
    await load.destination.ingest(staged, rows)
    older = held is not None and "id" not in held.names
    return [
        Step(statement=create_table(target, REJECTS, traits.dialect)),
        *(
            [Step(statement=add_column(target, REJECTS.field("id"), traits.dialect))]
            if older
            else []
        ),
        Step(statement=disposition.copy(REJECTS.names, staged, target)),
        Step(statement=drop_table(staged)),
    ]


def reject_table_of(load: Load) -> exp.Table:
    """Return where the rows of a target that did not fit are kept."""
    return names.table(names.rejects(load.task.target, load.traits), load.schema_name)
