"""What one commit consists of, and its execution in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import RecordRefused
from syncline.load import alone, disposition, names
from syncline.load.ddl import drop_table
from syncline.load.disposition import Counts, Shape, Step
from syncline.load.emptiness import refuse_empty
from syncline.load.evolve import Change, evolve
from syncline.load.finish import finishing
from syncline.load.foreseen import foreseen, listed, without
from syncline.load.load import Load
from syncline.load.ranges import narrowed
from syncline.load.rejects import kept_rejects
from syncline.load.sift import attempted, numbered, only, rejected, sift, sifts
from syncline.load.staging import Staging
from syncline.load.target import changed_target, longest_texts, made
from syncline.load.together import guarded, other, together
from syncline.load.whole import applied_whole, changed_whole, put_in_place
from syncline.model.batch import Checkpoint
from syncline.model.job import Disposition, ReplaceBy, SchemaPolicy, Task
from syncline.model.ports import Destination
from syncline.model.run import Committed, Evolved


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit of a load."""

    load: Load
    staging: Staging
    #: Where the pass is collected; None if the rows go to the target at once.
    aside: exp.Table | None
    #: The aside table has rows of the pass under way.
    begun: bool
    checkpoint: Checkpoint
    #: The pass ends with this commit.
    complete: bool
    #: It is the run's first.
    first: bool = True
    now: datetime
    #: Numbers of all rows, and of those that are written; None: all are.
    rows: Sequence[int] = ()
    only: Sequence[int] | None = None
    #: Numbers of rows that are not written, in a table.
    without: exp.Table | None = None
    #: Steps that belong to it too.
    more: Sequence[Step] = ()


async def tables_of(destination: Destination, schema: str) -> tuple[str, ...]:
    """Return the names of the tables in a schema."""
    query = (
        exp.select(exp.column("table_name"))
        .from_(exp.table_("tables", db="information_schema"))
        .where(exp.column("table_schema").eq(exp.Literal.string(schema)))
    )
    return tuple((await destination.fetch(query)).column(0).to_pylist())


def staging_table(
    destination: Destination,
    schema: str,
    task: Task,
    run: str,
    part: str = "stage",
    *,
    generation: int,
) -> exp.Table:
    """Return the staging table of an attempt, or the files of its commit."""
    if not destination.traits.transactional:
        ending = "" if part == "stage" else f"-{part}"
        name = names.staged(task, generation, run, ending)
        return exp.table_(exp.to_identifier(name, quoted=True))
    name = names.staging(task, run, part)
    if destination.traits.temporary_staging:
        return exp.table_(exp.to_identifier(name, quoted=True))
    return names.table(name, schema)


async def execute(commit: Commit) -> Committed:
    """Run a commit, all or nothing; return what it changed.

    Raises `StaleGeneration`, `SchemaRefused`, `EmptyRefused`; nothing is written then.
    """
    try:
        return await _executed(commit)
    except RecordRefused:
        if not sifts(commit.load):
            raise
        if (rows := await numbered(commit.load, _tables(commit))) is None:
            raise
    load = commit.load
    # Most refusals are those of keys, which a few queries find for all rows at once.
    refused = await foreseen(
        load, load.shape(commit.now), commit.staging.tables, _collected(commit)
    )
    if not refused:
        return await _executed(await _sifted(commit, rows))
    async with listed(load, refused) as numbers:
        commit.staging.rejects.extend(await rejected(load, _tables(commit), refused, numbers))
        fewer = replace(commit, without=numbers)
        try:
            return await _executed(fewer)
        except RecordRefused:
            left = [n for n in rows if n not in refused]
        return await _executed(await _sifted(fewer, left))


def _tables(commit: Commit) -> list[exp.Table]:
    """Return where the rows are that a commit may write."""
    return [*commit.staging.tables, *_collected(commit)]


def _collected(commit: Commit) -> list[exp.Table]:
    return [commit.aside] if commit.aside is not None and commit.begun else []


async def _sifted(commit: Commit, rows: Sequence[int]) -> Commit:
    """Return the commit without the rows that the target refuses, which it rejects instead.

    Invariant 1: nothing is written while they are looked for.
    """
    load = commit.load

    async def attempt(kept: Sequence[int]) -> RecordRefused | None:
        _, steps = await _steps(replace(commit, rows=rows, only=kept))
        return await attempted(load, steps)

    refused = await sift(rows, attempt)
    if refused:
        # The table of what is known already has its name.
        async with listed(load, refused, "halved") as numbers:
            found = await rejected(load, _tables(commit), refused, numbers)
            commit.staging.rejects.extend(found)
    return replace(commit, rows=rows, only=[n for n in rows if n not in refused])


async def _steps(commit: Commit) -> tuple[list[Change], list[Step]]:
    if commit.load.sweeps is not None:
        return [], await _sweep(commit)
    if commit.aside is None:
        return await _direct(commit)
    return await _aside(commit, commit.aside)


async def _executed(commit: Commit) -> Committed:
    load = commit.load
    changes, steps = await _steps(commit)
    rejected = len(commit.staging.rejects)
    staged = staging_table(
        load.destination,
        load.schema_name,
        load.task,
        load.run,
        "reject",
        generation=commit.checkpoint.generation,
    )
    steps += await kept_rejects(
        load,
        commit.staging.rejects,
        staged,
        commit.checkpoint,
        commit.now,
        first=commit.first,
    )
    steps += commit.more
    done = await together(
        load,
        steps,
        commit.checkpoint,
        commit.now,
        drop=() if load.kept else commit.staging.tables,
        claiming=commit.first,
    )
    if changes:
        load.observe(Evolved(changes=tuple(map(str, changes))))
    return replace(done, rows=commit.staging.rows, rejected=rejected)


async def _direct(commit: Commit) -> tuple[list[Change], list[Step]]:
    load, staging = commit.load, commit.staging
    changes, steps = await changed_target(load, commit.now, staging.tables)
    if staging.rows:
        shape = guarded(load, await _shape(load, commit.now), commit.checkpoint)
        shape = replace(shape, distinct=staging.has_distinct_keys())
        ways = disposition if load.traits.transactional else alone
        # What is made here has no rows yet, however often the commit is tried.
        empty = any(isinstance(step.statement, exp.Create) for step in steps)
        if not empty:
            shape = await narrowed(load, shape, staging)
        rest = _apply(load, shape, staging, empty=empty)
        steps += without(staging.table, commit.without)
        steps += only(staging.table, commit.rows, commit.only)
        if not (shape.distinct and load.traits.transactional):
            steps.append(rest.pop(0))
        if load.sweep_aside:
            # A row that came after a sweep began is not among the keys the sweep has read.
            keys = names.table(load.sweep_aside, load.schema_name)
            steps.append(ways.insert_keys(shape, staging.table, keys))
        steps += rest
    return changes, steps


async def _shape(load: Load, now: datetime) -> Shape:
    """Return what it takes to write to the target now, in the way that costs least there."""
    shape = load.shape(now)
    if not load.traits.rewrites or shape.history or load.task.flow is not None:
        return shape
    current = await load.destination.describe(load.target)
    # What others keep in columns of their own stays with the row.
    ours = {*shape.columns, *disposition.ADDED}
    return replace(shape, rewritten=current is None or ours.issuperset(current.names))


def _apply(load: Load, shape: Shape, staging: Staging, *, empty: bool) -> list[Step]:
    ways = disposition if load.traits.transactional else alone
    match load.disposition:
        case Disposition.APPEND:
            appended: list[Step] = ways.append(shape, staging.table)
            return appended
        case Disposition.UPDATE | Disposition.DELETE if not load.traits.transactional:
            return alone.changed(shape, staging.table, load.disposition, staged=True)
        case Disposition.UPDATE | Disposition.DELETE:
            changed = disposition.changed(shape, staging.table, load.disposition, marked=True)
            return [*disposition.latest_only(shape, staging.table), changed]
        case _:
            removing = load.removing and staging.removals > 0
            if load.traits.transactional:
                return disposition.merge(shape, staging.table, removing=removing)
            return alone.merge(shape, staging.table, removing=removing, empty=empty)


async def _aside(commit: Commit, aside: exp.Table) -> tuple[list[Change], list[Step]]:
    load = commit.load
    if not load.traits.transactional:
        return await _aside_alone(commit, aside)
    replacing = load.disposition is Disposition.REPLACE
    whole = replacing and load.task.flow is None
    swapped = whole and load.task.replace_by is ReplaceBy.SWAP
    shape = replace(
        load.shape(commit.now),
        target=aside,
        columns=(*load.schema.names, *((disposition.SEQUENCE,) if load.numbered else ())),
        soft=False,
        history=False,
        version=load.version if load.disposition is Disposition.APPEND else None,
        synced_at=load.task.synced_at and swapped,
    )
    steps = await _collect(commit, aside, shape, columnstore=swapped and load.task.columnstore)
    if not swapped:
        # Rows count when they reach the target.
        steps = [replace(s, counts=Counts.NOTHING) for s in steps]
    if not commit.complete:
        return [], steps
    if replacing or load.removing:
        await refuse_empty(load, commit.checkpoint, commit.staging, aside, begun=commit.begun)
    if commit.checkpoint.collected:
        return [], steps
    if whole and load.task.replace_by is not ReplaceBy.TRUNCATE:
        placed = await put_in_place(load, load.shape(commit.now), aside, swaps=swapped)
        if placed is not None:
            return [], [*steps, *placed]
        steps = [replace(s, counts=Counts.NOTHING) for s in steps]
    rows = _tables(commit)
    changes, before = await changed_whole(load, commit.now, rows)
    final = await applied_whole(load, await _shape(load, commit.now), aside)
    steps += [*without(aside, commit.without), *only(aside, commit.rows, commit.only)]
    return changes, [*before, *steps, *final, Step(statement=drop_table(aside))]


async def _aside_alone(commit: Commit, aside: exp.Table) -> tuple[list[Change], list[Step]]:
    """Collect, and bring what is collected to the target, a statement for each table.

    A pass that ends in its first commit goes to the target right from staging.
    """
    load, staging = commit.load, commit.staging
    replacing = load.disposition is Disposition.REPLACE
    whole = commit.complete and not commit.begun and not load.compares
    steps: list[Step] = []
    if not (whole or load.kept):
        shape = replace(
            guarded(load, load.shape(commit.now), commit.checkpoint),
            target=aside,
            soft=False,
            history=False,
            version=load.version if load.disposition is Disposition.APPEND else None,
            synced_at=False,
        )
        steps = [replace(s, counts=Counts.NOTHING) for s in await _collect(commit, aside, shape)]
    if not commit.complete:
        return [], steps
    if replacing or load.removing:
        await refuse_empty(load, commit.checkpoint, commit.staging, aside, begun=commit.begun)
    if commit.checkpoint.collected:
        return [], steps
    changes, final = await finishing(
        load, commit.checkpoint, commit.now, staging if whole or load.kept else None, aside
    )
    return changes, [*steps, *final]


async def _collect(
    commit: Commit, aside: exp.Table, shape: Shape, *, columnstore: bool = False
) -> list[Step]:
    load = commit.load
    schema = load.target_schema if shape.synced_at else load.schema
    if load.numbered:
        schema = schema.append(pa.field(disposition.SEQUENCE, pa.int64()))
    dialect = load.traits.dialect
    key = () if shape.every else load.key
    if not commit.begun:
        steps = made(load, aside, schema, key, columnstore=columnstore)
        if load.traits.transactional:
            steps.insert(0, Step(statement=drop_table(aside)))
    elif load.last and commit.checkpoint.generation == load.last.generation + 1:
        # The source's schema may have moved since an earlier run began to collect.
        held = await load.destination.describe(aside)
        changes = evolve(
            aside,
            held or schema,
            schema,
            SchemaPolicy.EVOLVE,
            load.traits,
            key=key,
            columnstore=columnstore,
            longest=await longest_texts(load, held or schema, commit.staging.tables),
        )
        steps = [Step(statement=c.statement(dialect)) for c in changes]
    else:
        steps = []
    if commit.staging.rows:
        ways = disposition if load.traits.transactional else alone
        if commit.begun:
            shape = await narrowed(load, shape, commit.staging)
        shape = replace(shape, distinct=commit.staging.has_distinct_keys())
        steps += ways.collect(shape, commit.staging.table)
    return steps


async def _sweep(commit: Commit) -> list[Step]:
    load, aside = commit.load, commit.aside
    if aside is None or load.sweeps is None:
        raise AssertionError("a sweep is collected aside")
    # The task's own generation moves too: a run that began before the sweep may not commit.
    own = replace(
        load.sweeps,
        generation=load.sweeps.generation + 1,
        passes_since_sweep=0,
        run=commit.checkpoint.run,
    )
    shape = guarded(load, load.shape(commit.now), commit.checkpoint, own)
    keys = replace(
        guarded(load, shape, commit.checkpoint),
        target=aside,
        columns=load.key,
        version=None,
        soft=False,
        history=False,
        synced_at=False,
    )
    steps = [replace(s, counts=Counts.NOTHING) for s in await _collect(commit, aside, keys)]
    if not commit.complete:
        return steps
    await refuse_empty(load, commit.checkpoint, commit.staging, aside, begun=commit.begun)
    if load.confirms:
        return steps
    removal = alone.remove_missing(shape, aside)
    if load.traits.transactional:
        removal = disposition.remove(shape, disposition.same_key(shape, aside), gone=False)
    return [*steps, removal, Step(statement=drop_table(aside)), *other(load, own, commit.now)]
