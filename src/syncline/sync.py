"""The engine, whole: one task, read to committed; and a target compared with its source."""

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pyarrow as pa

from syncline.errors import Missing, QueryError
from syncline.load import names, ownership, resending, strategy, verify, whole
from syncline.load.checkpoint import Ledger, read_ledger
from syncline.load.flow import fitted, matched
from syncline.load.load import Load, keeps_files
from syncline.load.loader import load, pour, suited_load
from syncline.load.mapping import Pair
from syncline.load.remains import is_gone, standing
from syncline.load.resending import records_of
from syncline.load.strategy import Decision
from syncline.load.sweeping import sweep as sweep_keys
from syncline.load.verify import Comparison
from syncline.model.batch import Batch, Checkpoint, Cursor, Json
from syncline.model.job import Deletes, Task
from syncline.model.ports import Destination, Source, Traits
from syncline.model.run import Clock, Committed, Observer, Planned, Result, Stop, never
from syncline.model.table import Misses, Operator, Predicate, Scan, Table, Value
from syncline.query.execute import execute
from syncline.query.plan import Plan, plan
from syncline.query.pushdown import lasting


async def sync(
    task: Task,
    source: Source,
    destination: Destination,
    *,
    run: str,
    clock: Clock,
    observe: Observer,
    planned: Plan | None = None,
    full: bool = False,
    sweep: bool = False,
    stop: Stop = never,
) -> Result:
    """Bring a task's target table up to date.

    Safe to call again after any failure: it goes on from what the destination holds. ``run``
    is an id of this attempt and of no other. ``planned``: `plan_of` the task, if it is known.
    ``full``: read everything again; ``sweep``: look for deleted rows in any case. ``stop``: may
    end the run at a commit; the same call again goes on. Raises `syncline.errors`; what was
    committed stays.
    """
    planned = planned or plan_of(task, await source.tables(), clock)
    ledger, last, sweeping = await _ledger(task, destination, strategy.sweep_id(task))
    sweeping = await standing(destination, task, sweeping)
    kept = keeps_files(destination.traits, planned.key, task.disposition)
    missing = last is not None and await is_gone(destination, task, last, kept=kept)
    decision = _decision(task, planned, last, destination.traits, full=full, missing=missing)
    observe(
        Planned(
            scans=len(planned.scans),
            incremental=decision.incremental,
            resuming=decision.resuming,
            full_because=decision.full_because,
        )
    )
    pairs = await matched(task, planned.schema, destination, planned.key)
    work = _load(
        task, planned, pairs, decision, destination, ledger=ledger, run=run, clock=clock,
        observe=observe,
    )  # fmt: skip
    work = replace(work, sweep_aside=sweeping.aside if sweeping else None, stop=stop)
    if decision.last is not None and decision.last.collected:
        return (await pour(work))[0]
    batches = execute(planned, source, decision.since, changes=decision.incremental)
    if task.flow is not None:
        batches = fitted(batches, pairs, task.flow)
    result, done = await load(batches, work)
    wanted = strategy.wants_sweep(work, done, marked=_marked(planned), asked=sweep)
    if result.stopped or not wanted:
        return result
    swept = await _sweep(work, planned, source, done, sweeping)
    return replace(
        result,
        deleted=result.deleted + swept.deleted,
        requests=result.requests + swept.requests,
        seconds=result.seconds + swept.seconds,
        stopped=swept.stopped,
    )


async def foresee(
    task: Task, planned: Plan, destination: Destination, clock: Clock
) -> tuple[str, ...]:
    """Look at a task's target as a run does before it reads; return what hangs on it and stays.

    Raises what the run would raise then: `DestinationRefused` for a table of others.
    """
    decision = _decision(task, planned, None, destination.traits, full=False)
    ledger, _, _ = await _ledger(task, destination, strategy.sweep_id(task))
    work = _load(
        task, planned, (), decision, destination, ledger=ledger, run="", clock=clock,
        observe=_nothing,
    )  # fmt: skip
    work = suited_load(work)
    await ownership.refuse_foreign(work)
    return await whole.staying(work)


async def compare(
    task: Task,
    source: Source,
    destination: Destination,
    *,
    run: str,
    clock: Clock,
    observe: Observer,
    repair: bool = False,
) -> tuple[Comparison, Committed | None]:
    """Read everything and compare it with the target; with ``repair``, write what differs.

    The rows are collected beside the target, so a comparison of hours goes on where it stopped.
    Raises `QueryError` for a task without key, and what `sync` raises.
    """
    if task.flow is not None:
        raise QueryError(
            f"{task.id} writes to a table that others may write to as well, so it cannot be "
            "compared with one source"
        )
    planned = plan_of(task, await source.tables(), clock)
    ledger, own, earlier = await _ledger(task, destination, f"{task.id}#verify")
    earlier = await standing(destination, task, earlier)
    decision = _decision(task, planned, own, destination.traits, full=True)
    if not decision.disposition.keyed:
        raise QueryError(
            f"{task.id}: rows are compared by key, and 'write: {decision.disposition}' has none",
            hint="verify is for 'write: merge' and 'write: history'",
        )
    every = _load(
        task, planned, (), decision, destination, ledger=ledger, run=run, clock=clock,
        observe=observe,
    )  # fmt: skip
    work = verify.comparing(every, earlier)
    since = work.last.cursor if work.last else None
    _, collected = await load(execute(planned, source, since, changes=False), work)
    found = await verify.compare(work, collected)
    if repair and not found.equal:
        return found, await verify.repair(work, collected, own)
    await verify.forget(work, collected)
    return found, None


async def resend(
    task: Task,
    tables: Mapping[str, Table],
    destination: Destination,
    rows: Mapping[str, Mapping[str, Json] | None],
    *,
    run: str,
    clock: Clock,
    observe: Observer,
) -> Committed:
    """Write rows of a target's reject table to the target, and take them out of there.

    Exactly once, also if others do the same at the same time. ``rows``: what the rows of these
    ids shall be now; None: as they are. Raises `Missing` if one has gone, `StaleGeneration` if
    something else has committed meanwhile, `RecordRefused` for what is not a row of the query.
    """
    planned = plan_of(task, tables, clock)
    ledger, last, sweeping = await _ledger(task, destination, strategy.sweep_id(task))
    sweeping = await standing(destination, task, sweeping)
    # After the checkpoint: whoever takes them out meanwhile makes this one stale.
    held = await records_of(destination, task, tuple(rows))
    if last is None:
        raise Missing("nothing has run here yet", hint="run the job first")
    wanted = {i: row if row is not None else json.loads(held[i]) for i, row in rows.items()}
    pairs = await matched(task, planned.schema, destination, planned.key)
    decision = _decision(task, planned, last, destination.traits, full=False)
    work = _load(
        task, planned, pairs, decision, destination, ledger=ledger, run=run, clock=clock,
        observe=observe,
    )  # fmt: skip
    work = replace(work, sweep_aside=sweeping.aside if sweeping else None)
    return await resending.resend(work, last, planned.schema, pairs, wanted)


def plan_of(task: Task, tables: Mapping[str, Table], clock: Clock) -> Plan:
    """Return the plan of a task's query, its scans set up as the task says."""
    planned = plan(
        task.query,
        tables,
        parameters=task.parameters,
        key=task.key,
        columns=task.columns,
        keep_deleted=task.deletes is Deletes.IGNORE,
        now=datetime.fromtimestamp(clock.time(), UTC),
    )
    scans = tuple(
        replace(
            s,
            parallel=task.parallel,
            start=task.start,
            window_days=task.window_days,
            keep_rejects=task.rejects,
        )
        for s in planned.scans
    )
    return replace(planned, scans=scans)


async def _ledger(
    task: Task, destination: Destination, other: str
) -> tuple[Ledger, Checkpoint | None, Checkpoint | None]:
    """Read the ledger; return it, and the checkpoints of the task and of what goes on beside it."""
    ids = (task.id, other, ownership.note_id(task, destination))
    ledger = await read_ledger(destination, names.schema(task, destination.traits), ids)
    return ledger, ledger.newest.get(task.id), ledger.newest.get(other)


def _nothing(_: object) -> None:
    """Observe nothing."""


def _decision(
    task: Task,
    planned: Plan,
    last: Checkpoint | None,
    traits: Traits,
    *,
    full: bool,
    missing: bool = False,
) -> Decision:
    kept = keeps_files(traits, planned.key, task.disposition)
    decision = strategy.decide(
        task,
        has_cursor=planned.incremental,
        key=planned.key,
        version=planned.version,
        fingerprint=planned.fingerprint,
        last=last,
        full=full,
        missing=missing,
        kept=planned.schema if kept else None,
    )
    strategy.check_sweep(task, decision, marked=_marked(planned))
    return decision


def _load(
    task: Task,
    planned: Plan,
    pairs: tuple[Pair, ...],
    decision: Decision,
    destination: Destination,
    *,
    ledger: Ledger,
    run: str,
    clock: Clock,
    observe: Observer,
) -> Load:
    strategy.check_columns(planned.schema, destination.traits)
    named = {p.source.name: p.target.name for p in pairs}
    return Load(
        task=task,
        disposition=decision.disposition,
        schema=pa.schema([p.target for p in pairs]) if pairs else planned.schema,
        key=tuple(named.get(name, name) for name in planned.key),
        version=named.get(planned.version or "", planned.version),
        direct=decision.direct,
        fingerprint=decision.fingerprint,
        last=decision.last,
        ledger=ledger,
        destination=destination,
        run=run,
        clock=clock,
        observe=observe,
    )


async def _sweep(
    work: Load, planned: Plan, source: Source, done: Checkpoint, last: Checkpoint | None
) -> Result:
    """Read all keys, and remove the target's rows without one."""
    table = planned.scans[0].table
    columns = tuple(name for name in table.schema.names if name in table.primary_key)
    kept = lasting(table, planned.scans[0].predicates)
    keys = Scan(table=table, columns=columns, predicates=kept)

    def read(
        since: Cursor | None,
        fresh: bool,  # noqa: FBT001 (see Read)
        *more: Predicate,
    ) -> AsyncGenerator[Batch]:
        scan = replace(keys, predicates=(*kept, *more), fresh=fresh)
        return strategy.renamed(source.read(scan, since), table.primary_key, planned.key)

    def ask(operator: Operator, key: Value) -> AsyncGenerator[Batch]:
        only = Predicate(column=table.primary_key[0], operator=operator, values=(key,))
        return read(None, True, only)

    # A condition of the query on the key may take the parameter that asks for a row.
    by = None if any(p.column in table.primary_key for p in kept) else table.asked_by
    return await sweep_keys(
        strategy.sweep_of(work, done, last),
        read,
        sure=table.misses is Misses.NEVER,
        ask=partial(ask, by) if by else None,
    )


def _marked(planned: Plan) -> bool:
    return planned.scans[0].table.deleted is not None
