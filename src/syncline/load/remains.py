"""What a checkpoint tells of, besides rows of the target: whether it is still there."""

from dataclasses import replace

from sqlglot import exp

from syncline.load import names
from syncline.load.ddl import column
from syncline.model.batch import Checkpoint
from syncline.model.job import Task
from syncline.model.ports import Destination


async def is_gone(
    destination: Destination, task: Task, last: Checkpoint, *, kept: bool = False
) -> bool:
    """Say whether the table that a checkpoint is about is not there any more.

    That is the target, or what a pass under way has collected; ``kept``: as staged files.
    """
    schema = names.schema(task, destination.traits)
    if last.aside is None:
        table = names.table(names.target(task.target, destination.traits), schema)
    elif kept:
        collected = replace(last, generation=last.generation + 1, collected=True)
        table = await kept_files(destination, task, collected, last.aside)
    else:
        table = names.table(last.aside, schema)
    return await destination.describe(table) is None


async def standing(
    destination: Destination, task: Task, last: Checkpoint | None
) -> Checkpoint | None:
    """Return the checkpoint of what goes on beside a task.

    Its pass begins anew if somebody has dropped the table where it was collected.
    """
    if last is None or last.aside is None or not await is_gone(destination, task, last):
        return last
    return replace(last, cursor=None, aside=None, collected=False)


async def kept_files(
    destination: Destination, task: Task, checkpoint: Checkpoint, aside: str
) -> exp.Table:
    """Return the files that the commits of a pass have staged, the one under way included.

    ``aside``: the name of the pass, which tells when it began. Unless ``checkpoint`` says that
    the pass is ``collected``, its own commit has staged files too.

    Other attempts may have staged files too: those of a commit are in the ledger.
    """
    ledger = names.table(names.LEDGER, names.schema(task, destination.traits))
    query = (
        exp.select(column("generation"), column("run"))
        .from_(ledger)
        .where(
            column("task").eq(exp.Literal.string(checkpoint.task)),
            column("generation") >= exp.Literal.number(names.begun(aside)),
            column("generation") < exp.Literal.number(checkpoint.generation),
        )
        .order_by(column("generation"))
    )
    rows = (await destination.fetch(query)).to_pylist()
    parts = [names.staged_part(row["generation"], row["run"]) for row in rows]
    if not checkpoint.collected:
        parts.append(names.staged_part(checkpoint.generation, checkpoint.run))
    name = names.staged_parts(task, parts)
    return exp.table_(exp.to_identifier(name, quoted=True))
