"""A source that answers nothing where there were rows."""

from sqlglot import exp

from syncline.errors import EmptyRefused
from syncline.load import disposition
from syncline.load.ddl import column
from syncline.load.finish import declared
from syncline.load.load import Load
from syncline.load.remains import kept_files
from syncline.load.staging import Staging
from syncline.model.batch import Checkpoint
from syncline.model.job import Disposition
from syncline.model.ports import Destination


async def refuse_empty(
    load: Load, checkpoint: Checkpoint, staging: Staging, aside: exp.Table, *, begun: bool
) -> None:
    """Invariant 4: a source that answers nothing where there were rows is not believed."""
    if load.task.allow_empty or staging.rows > staging.removals:
        return
    if begun and not load.kept and await count(load.destination, aside):
        return
    if begun and load.kept and await _kept_rows(load, checkpoint, aside):
        return
    if await load.destination.describe(load.target) is None:
        return
    rows = await count(load.destination, load.target, alive=_alive(load))
    if rows:
        raise EmptyRefused(
            f"the source has no rows for {load.task.target}, which holds {rows}; "
            "nothing was changed",
            hint="if the table is really empty now, run again with 'allow_empty: true'",
        )


async def _kept_rows(load: Load, checkpoint: Checkpoint, aside: exp.Table) -> int:
    """Return the rows that were staged in earlier commits of the pass."""
    files = await kept_files(load.destination, load.task, checkpoint, aside.name)
    await load.destination.execute([declared(load, files).statement])
    return await count(load.destination, files)


async def count(
    destination: Destination, table: exp.Table, *, alive: exp.Expr | None = None
) -> int:
    """Return the number of rows of a table."""
    query = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(table.copy())
    if alive is not None:
        query = query.where(alive)
    return int((await destination.fetch(query)).column(0)[0].as_py())


def _alive(load: Load) -> exp.Expr | None:
    """Return which rows of the target are not marked as gone; None: all."""
    if load.disposition is Disposition.HISTORY:
        return column(disposition.ACTIVE)
    return exp.Is(this=column(disposition.DELETED_AT), expression=exp.null()) if load.soft else None
