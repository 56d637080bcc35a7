"""The engine, whole: one task, read to committed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa

from syncline.load import strategy
from syncline.load.checkpoint import last_checkpoint
from syncline.load.flow import fitted, matched
from syncline.load.load import Load
from syncline.load.loader import load, pour
from syncline.model.job import Deletes, Task
from syncline.model.ports import Destination, Source
from syncline.model.run import Clock, Observer, Planned, Result
from syncline.model.table import Scan, Table
from syncline.query.execute import execute
from syncline.query.plan import Plan, plan


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
) -> Result:
    """Bring a task's target table up to date.

    Safe to call again after any failure: it goes on from what the destination holds. ``run``
    is an id of this attempt and of no other. ``planned``: `plan_of` the task, if it is known.
    ``full``: read everything again; ``sweep``: look
    for deleted rows in any case. Raises `syncline.errors`; what was committed stays.
    """
    planned = planned or plan_of(task, await source.tables(), clock)
    strategy.check_columns(planned.schema, destination.traits)
    schema = task.schema or destination.traits.schema
    last = await last_checkpoint(destination, schema, task.id)
    sweeping = await last_checkpoint(destination, schema, strategy.sweep_id(task))
    decision = strategy.decide(
        task,
        has_cursor=planned.incremental,
        key=planned.key,
        version=planned.version,
        fingerprint=planned.fingerprint,
        last=last,
        full=full,
    )
    observe(
        Planned(
            scans=len(planned.scans),
            incremental=decision.incremental,
            resuming=decision.resuming,
            full_because=decision.full_because,
        )
    )
    pairs = await matched(task, planned.schema, destination) if task.flow else ()
    named = {p.source.name: p.target.name for p in pairs}
    work = Load(
        task=task,
        disposition=decision.disposition,
        schema=pa.schema([p.target for p in pairs]) if pairs else planned.schema,
        key=tuple(named.get(name, name) for name in planned.key),
        version=named.get(planned.version or "", planned.version),
        direct=decision.direct,
        fingerprint=decision.fingerprint,
        last=decision.last,
        sweep_aside=sweeping.aside if sweeping else None,
        destination=destination,
        run=run,
        clock=clock,
        observe=observe,
    )
    if decision.last is not None and decision.last.collected:
        return (await pour(work))[0]
    batches = execute(planned, source, decision.since, changes=decision.incremental)
    if task.flow is not None:
        batches = fitted(batches, pairs, task.flow)
    result, done = await load(batches, work)
    marked = planned.scans[0].table.deleted is not None
    if not strategy.wants_sweep(work, done, marked=marked, asked=sweep):
        return result
    sweeper = strategy.sweep_of(work, done, sweeping)
    table = planned.scans[0].table
    columns = tuple(name for name in table.schema.names if name in table.primary_key)
    since = sweeper.last.cursor if sweeper.last else None
    read = source.read(Scan(table=table, columns=columns), since)
    keys = strategy.renamed(read, table.primary_key, planned.key)
    swept, _ = await load(keys, sweeper)
    return replace(
        result,
        deleted=result.deleted + swept.deleted,
        requests=result.requests + swept.requests,
        seconds=result.seconds + swept.seconds,
    )


def plan_of(task: Task, tables: Mapping[str, Table], clock: Clock) -> Plan:
    """Return the plan of a task's query, its scans set up as the task says."""
    planned = plan(
        task.query,
        tables,
        parameters=task.parameters,
        key=task.key,
        keep_deleted=task.deletes is Deletes.IGNORE,
        now=datetime.fromtimestamp(clock.time(), UTC),
    )
    scans = tuple(
        replace(s, parallel=task.parallel, start=task.start, keep_rejects=task.rejects)
        for s in planned.scans
    )
    return replace(planned, scans=scans)
