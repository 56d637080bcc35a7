"""What a commit runs as one: steps, the checkpoint that covers them, and what is dropped then."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlglot import exp

from syncline.errors import (
    CommitUnknown,
    DestinationBusy,
    DestinationRefused,
    StaleGeneration,
    Unavailable,
)
from syncline.load import fence, ownership
from syncline.load.checkpoint import last_checkpoint
from syncline.load.ddl import drop_table, identity_switch
from syncline.load.disposition import Counts, Shape, Step
from syncline.load.fence import record
from syncline.load.load import Load
from syncline.model.batch import Checkpoint
from syncline.model.ports import Merged
from syncline.model.run import Committed


def with_identity(load: Load, steps: Sequence[Step]) -> Sequence[Step]:
    """Let the steps write the values of an identity column, where that is asked for."""
    flow = load.task.flow
    if flow is None or not flow.identity_insert:
        return steps
    if not load.traits.identity_switch:
        return [_overriding(load, step) for step in steps]
    on, off = (
        Step(statement=identity_switch(load.target, load.traits, on=on)) for on in (True, False)
    )
    return [on, *steps, off]


def _overriding(load: Load, step: Step) -> Step:
    """Return a step whose values stand even where the database would always make its own."""
    statement = step.statement
    if load.traits.dialect != "postgres" or not isinstance(statement, exp.Insert):
        return step
    if statement.this.find(exp.Table) != load.target:
        return step
    statement = statement.copy()
    statement.set("settings", exp.Var(this="OVERRIDING SYSTEM VALUE"))
    return replace(step, statement=statement)


async def together(
    load: Load,
    steps: Sequence[Step],
    checkpoint: Checkpoint,
    now: datetime,
    *,
    drop: Sequence[exp.Table] = (),
    claiming: bool = True,
) -> Committed:
    """Run steps and the checkpoint that covers them, and drop the table they took rows from.

    Invariant 1: all in one transaction. Where there are none, the checkpoint comes after what
    it covers, so that a crash between them repeats what changes nothing then. ``claiming``: it
    is the run's first commit.
    """
    last = [Step(statement=drop_table(table)) for table in drop]
    noted = [*map(_step, record(checkpoint, load.schema_name, now, load.traits))]
    if load.traits.transactional:
        noted += ownership.notes(load, now) if claiming else []
        steps = [*with_identity(load, steps), *noted, *last]
    else:
        steps = _in_order(load, [*steps, *last], noted, checkpoint, now, claiming=claiming)
    changed = await _committed(load, checkpoint, [step.statement for step in steps])
    count = dict.fromkeys(Counts, 0)
    for step, rows in zip(steps, changed, strict=False):
        if not isinstance(rows, Merged):
            count[step.counts] += rows
            continue
        if step.counts is not Counts.MERGED:
            count[step.counts] += rows.inserted + rows.updated + rows.deleted
            continue
        gone = await _removed(load, step, rows)
        count[Counts.INSERTED] += rows.inserted
        count[Counts.UPDATED] += rows.updated - gone
        count[Counts.DELETED] += rows.deleted + gone
    rewritten = count[Counts.REWRITTEN]
    return Committed(
        generation=checkpoint.generation,
        rows=0,
        inserted=count[Counts.INSERTED] - rewritten,
        updated=count[Counts.UPDATED] + rewritten,
        deleted=count[Counts.DELETED],
    )


async def _committed(
    load: Load, mine: Checkpoint, statements: Sequence[exp.Expression]
) -> Sequence[int | Merged]:
    try:
        async with asyncio.timeout(load.timeout):
            return await load.destination.execute(
                statements, lock=f"{load.schema_name}.{load.task.target}"
            )
    except TimeoutError:
        raise Unavailable(
            f"the commit took longer than the {load.timeout:g} seconds that the task allows; "
            "nothing of it was written",
            hint="raise 'timeout', or write fewer rows at once with 'batch_size'",
        ) from None
    except (DestinationRefused, DestinationBusy) as error:
        # What a statement did not find, another run of the task may have moved or dropped.
        found = await last_checkpoint(load.destination, load.schema_name, mine.task)
        if found is None or found.generation < mine.generation:
            raise
        raise StaleGeneration(
            "another run has committed this task since this one read its checkpoint; "
            "nothing of this commit was written",
            hint="let one run of a task go on at a time; run it again to see that it is complete",
        ) from error
    except CommitUnknown:
        # The ledger went with the rows: it tells whether they are there.
        found = await last_checkpoint(load.destination, load.schema_name, mine.task)
        if found is None or (found.generation, found.run) != (mine.generation, mine.run):
            raise
        return ()


def other(load: Load, checkpoint: Checkpoint, now: datetime) -> list[Step]:
    """Return the steps that add a checkpoint of another task besides the commit's own."""
    written = record(checkpoint, load.schema_name, now, load.traits)
    if load.traits.transactional:
        return [*map(_step, written)]
    claim = fence.claim(checkpoint, load.schema_name, now)
    # The others are refused unless it is the run's own.
    return [Step(statement=claim, first=True), *(Step(statement=s, after=True) for s in written)]


def guarded(load: Load, shape: Shape, *checkpoints: Checkpoint) -> Shape:
    """Return the shape whose statements are refused unless all checkpoints may be written."""
    if load.traits.transactional:
        return shape
    guards = [fence.held(c, load.schema_name) for c in checkpoints]
    return replace(shape, guard=exp.and_(*guards) if guards else None)


def _in_order(
    load: Load,
    steps: Sequence[Step],
    checkpoint: Sequence[Step],
    mine: Checkpoint,
    now: datetime,
    *,
    claiming: bool,
) -> list[Step]:
    """Return steps for a database where each commits for itself."""
    dropping = [s for s in steps if isinstance(s.statement, exp.Drop)]
    before = [s for s in steps if s.first]
    after = [s for s in steps if s.after]
    found = [s for s in steps if s not in dropping and s not in before and s not in after]
    if claiming:
        found.insert(0, ownership.claim(load, mine, now))
        first = next((i for i, s in enumerate(found) if _writes(load, s)), None)
        if first is not None and load.task.flow is None:
            found.insert(first, _step(fence.mark(load.target, load.run)))
    # What is dropped may be needed again until the checkpoint is there.
    return [*before, *found, *checkpoint, *after, *dropping]


def _writes(load: Load, step: Step) -> bool:
    """Say whether a statement writes rows of the target."""
    statement = step.statement
    if isinstance(statement, exp.Alter | exp.Drop):
        return False
    if isinstance(statement, exp.Create) and statement.expression is None:
        return False
    table = statement.find(exp.Table)
    return table is not None and (table.name, table.db) == (load.target.name, load.target.db)


async def _removed(load: Load, step: Step, rows: Merged) -> int:
    if step.removals is None or not rows.updated:
        return 0
    return int((await load.destination.fetch(step.removals)).column(0)[0].as_py())


def _step(statement: exp.Expression) -> Step:
    return Step(statement=statement)
