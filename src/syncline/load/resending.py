"""Rows of a reject table, mended by people, on their way to the target again."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import DestinationRefused, Missing, RecordRefused, SynclineError
from syncline.load import commit, names
from syncline.load.ddl import column
from syncline.load.disposition import Step
from syncline.load.flow import fit
from syncline.load.load import Load
from syncline.load.loader import suited
from syncline.load.mapping import Pair
from syncline.load.rejects import reject_table_of
from syncline.load.staging import Staging
from syncline.model.batch import Batch, Checkpoint, Json, Reject
from syncline.model.job import Disposition, RowErrors, Task
from syncline.model.ports import Destination
from syncline.model.run import Committed
from syncline.model.type_names import told_type


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReject:
    """A row of a reject table."""

    #: None: it was kept before such rows had names, and cannot be sent again.
    id: str | None
    rejected_at: datetime
    column: str | None
    reason: str
    #: The row as JSON text.
    record: str


async def kept(
    destination: Destination, task: Task, run: str, limit: int
) -> tuple[int, tuple[KeptReject, ...]]:
    """Return how many rows of a target are kept of a run, and the first of them.

    ``run``: how the ids of its attempts begin; letters, digits and slashes.
    """
    table = _table(task, destination)
    held = await destination.describe(table)
    if held is None:
        return 0, ()
    mine = exp.Like(this=column("run"), expression=exp.Literal.string(f"{run}%"))
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(table.copy())
    total = int((await destination.fetch(counted.where(mine.copy()))).column(0)[0].as_py())
    named = "id" in held.names
    order = ["rejected_at", *(["id"] if named else [])]
    wanted = ["rejected_at", "column", "reason", "record", *(["id"] if named else [])]
    query = exp.select(*(column(name) for name in wanted)).from_(table.copy()).where(mine)
    query = query.order_by(*(exp.Ordered(this=column(name)) for name in order)).limit(limit)
    found = (await destination.fetch(query)).to_pylist()
    return total, tuple(
        KeptReject(
            id=row.get("id"),
            rejected_at=_aware(row["rejected_at"]),
            column=row["column"],
            reason=row["reason"],
            record=row["record"],
        )
        for row in found
    )


async def records_of(destination: Destination, task: Task, ids: Sequence[str]) -> Mapping[str, str]:
    """Return the rows of these ids as JSON texts. Raises `Missing` if one is not there."""
    table = _table(task, destination)
    query = exp.select(column("id"), column("record")).from_(table)
    rows = (await destination.fetch(query.where(_among(ids)))).to_pylist()
    found = {row["id"]: row["record"] for row in rows}
    if set(ids) - set(found):
        raise Missing(
            "some of these rows are no longer among the rejected ones",
            hint="somebody has sent them meanwhile; look at the rows anew",
        )
    return found


async def resend(
    load: Load,
    last: Checkpoint,
    source: pa.Schema,
    pairs: Sequence[Pair],
    rows: Mapping[str, Mapping[str, Json]],
) -> Committed:
    """Write rows to the target and take them out of the reject table, in one commit.

    Where there are no transactions, they are taken out after they are written, and writing them
    twice changes nothing. ``last``: the task's checkpoint, which stays what it is but for its
    generation. ``source``: of the query; ``rows``: by their ids. Rows that do not fit again are
    rejected again, as they were mended. Raises `RecordRefused` for values of another type than
    the query's, and what a commit raises.
    """
    records = _records(list(rows.values()), source, pairs)
    rejects: list[Reject] = []
    if load.task.flow is not None:
        records, rejects = fit(records, pairs, load.task.flow, policy=RowErrors.REDIRECT)
    load, batches = suited(_direct(load), _one(records, rejects))
    mine = replace(last, generation=last.generation + 1, run=load.run)
    staging = Staging(
        destination=load.destination,
        table=commit.staging_table(
            load.destination, load.schema_name, load.task, load.run, generation=mine.generation
        ),
        schema=load.schema,
        key=load.key,
        keep_rejects=True,
        first=last.generation << 32,
    )
    try:
        async for batch in batches:
            await staging.add(batch)
        await staging.flush()
        return await commit.execute(
            commit.Commit(
                load=load,
                staging=staging,
                aside=None,
                begun=False,
                checkpoint=mine,
                complete=False,
                now=datetime.fromtimestamp(load.clock.time(), UTC),
                more=[_taken_out(load, tuple(rows))],
            )
        )
    finally:
        # What cannot be dropped now is collected by the next run.
        with suppress(SynclineError):
            await staging.drop()


def _direct(load: Load) -> Load:
    """Return a load whose commits add to the target, whatever a whole pass would do to it."""
    every = load.disposition is Disposition.INSERT or (
        load.disposition is Disposition.REPLACE and not load.key
    )
    if (every or not load.key) and not load.traits.transactional:
        raise DestinationRefused(
            f"{load.task.target} has no key, so rows cannot be added to it exactly once",
            hint="change the task and run it again with everything",
        )
    if every:
        return replace(load, disposition=Disposition.APPEND, version=None, direct=True)
    if load.disposition is Disposition.REPLACE:
        return replace(load, disposition=Disposition.MERGE, direct=True)
    return replace(load, direct=True)


async def _one(records: pa.RecordBatch, rejects: Sequence[Reject]) -> AsyncGenerator[Batch]:
    yield Batch(records=records, rejects=tuple(rejects))


def _taken_out(load: Load, ids: Sequence[str]) -> Step:
    table = reject_table_of(load)
    statement = exp.Delete(this=table, where=exp.Where(this=_among(ids)))
    return Step(statement=statement, after=not load.traits.transactional)


def _among(ids: Sequence[str]) -> exp.In:
    return exp.In(this=column("id"), expressions=[exp.Literal.string(i) for i in ids])


def _table(task: Task, destination: Destination) -> exp.Table:
    traits = destination.traits
    return names.table(names.rejects(task.target, traits), names.schema(task, traits))


def _records(
    rows: Sequence[Mapping[str, Json]], schema: pa.Schema, pairs: Sequence[Pair]
) -> pa.RecordBatch:
    """Return rows as the query has them, named as it names its columns or as the table does."""
    theirs = {pair.target.name.lower(): pair.source.name for pair in pairs}
    named = [_named(row, schema.names, theirs) for row in rows]
    columns = [
        pa.array([_value(row[field.name], field) for row in named], field.type) for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _named(
    row: Mapping[str, Json], columns: Sequence[str], theirs: Mapping[str, str]
) -> Mapping[str, Json]:
    ours = {name.lower(): name for name in columns}
    given = {key.lower(): value for key, value in row.items()}
    for known in (ours, theirs):
        if set(given) == set(known):
            return {known[key]: value for key, value in given.items()}
    missing = [name for key, name in ours.items() if key not in given]
    more = [key for key in row if key.lower() not in ours]
    told = [f"it lacks {', '.join(map(repr, missing))}"] if missing else []
    told += [f"the query has no {', '.join(map(repr, more))}"] if more else []
    raise RecordRefused(
        f"this is not a row of the query: {'; '.join(told)}",
        hint=f"write a value, or null, for each of {', '.join(columns)}",
    )


def _value(value: Json, field: pa.Field) -> object:
    """Return a JSON value as one of the column's type. Raises `RecordRefused`."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
        return text
    try:
        (scalar,) = pa.array([text], pa.string()).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise RecordRefused(
            f"{field.name}: {text[:60]!r} is no {told_type(field)}", hint="mend the value"
        ) from None
    return scalar


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
