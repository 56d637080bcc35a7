"""The reject table of a target: rows that did not fit, with the reason."""

from collections.abc import Sequence
from datetime import datetime

from sqlglot import exp

from syncline.load import disposition, names
from syncline.load.ddl import create_table, drop_table
from syncline.load.disposition import Step
from syncline.load.load import Load
from syncline.load.staging import REJECTS, reject_table
from syncline.model.batch import Reject


async def kept_rejects(
    load: Load, rejects: Sequence[Reject], staged: exp.Table, now: datetime
) -> list[Step]:
    """Stage the rejects; return the steps that add them to the reject table."""
    if not rejects:
        return []
    traits = load.traits
    target = names.table(names.rejects(load.task.target, traits), load.schema_name)
    rows = reject_table(rejects, run=load.run, now=now)
    await load.destination.execute(
        [
            drop_table(staged),
            create_table(staged, REJECTS, traits.dialect, temporary=traits.temporary_staging),
        ]
    )
    await load.destination.ingest(staged, rows)
    return [
        Step(statement=create_table(target, REJECTS, traits.dialect)),
        Step(statement=disposition.copy(REJECTS.names, staged, target)),
        Step(statement=drop_table(staged)),
    ]
