"""One task run after another against a destination, from batches made by hand."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pyarrow as pa
from sqlglot import exp

from syncline.load import names, strategy
from syncline.load.checkpoint import last_checkpoint, read_ledger
from syncline.load.ddl import column
from syncline.load.load import Load, keeps_files
from syncline.load.loader import load
from syncline.load.ownership import note_id
from syncline.load.remains import is_gone, standing
from syncline.model.batch import Batch, Checkpoint, Cursor
from syncline.model.job import Task
from syncline.model.ports import Destination, Traits
from syncline.model.run import Event, Result

#: Opens a new connection to the one database of a test.
Opener: TypeAlias = Callable[[], Awaitable[Destination]]
Row: TypeAlias = Mapping[str, Any]

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("name", pa.string()),
        ("changed", pa.timestamp("us", tz="UTC")),
    ]
)
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class StepClock:
    """A clock that the test moves: one second for every question."""

    def __init__(self) -> None:
        self.now = _EPOCH.timestamp()

    def time(self) -> float:
        """Seconds since the epoch, UTC."""
        self.now += 1
        return self.now

    def monotonic(self) -> float:
        """Seconds that only grow; no time passes between two commits."""
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.now += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one run did."""

    result: Result
    checkpoint: Checkpoint
    decision: strategy.Decision
    events: Sequence[Event]
    #: What was loaded, for a sweep after it.
    load: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A task as it is run again and again, as `syncline.sync.sync` does it."""

    task: Task
    schema: pa.Schema = SCHEMA
    key: tuple[str, ...] = ("id",)
    version: str | None = "changed"
    has_cursor: bool = True
    fingerprint: str = "query"
    clock: StepClock = field(default_factory=StepClock)

    async def run(
        self,
        destination: Destination,
        batches: Sequence[Batch],
        *,
        full: bool = False,
        run: str = "",
    ) -> Outcome:
        """Run the task once; the batches are what a source has after the last checkpoint."""
        work, decision, events = await self.begin(destination, full=full, run=run)
        result, done = await load(reading(batches, decision.since), work)
        return Outcome(result=result, checkpoint=done, decision=decision, events=events, load=work)

    async def begin(
        self, destination: Destination, *, full: bool = False, run: str = ""
    ) -> tuple[Load, strategy.Decision, list[Event]]:
        """Read the last checkpoint and decide, without loading yet."""
        strategy.check_columns(self.schema, destination.traits)
        schema = self.task.schema or destination.traits.schema
        ids = self.task.id, strategy.sweep_id(self.task), note_id(self.task, destination)
        ledger = await read_ledger(destination, schema, ids)
        sweeping = await standing(destination, self.task, ledger.newest.get(ids[1]))
        last = ledger.newest.get(self.task.id)
        kept = keeps_files(destination.traits, self.key, self.task.disposition)
        gone = last is not None and await is_gone(destination, self.task, last, kept=kept)
        decision = strategy.decide(
            self.task,
            has_cursor=self.has_cursor,
            key=self.key,
            version=self.version,
            fingerprint=self.fingerprint,
            last=last,
            full=full,
            missing=gone,
            kept=self.schema if kept else None,
        )
        events: list[Event] = []
        work = Load(
            task=self.task,
            disposition=decision.disposition,
            schema=self.schema,
            key=self.key,
            version=self.version,
            direct=decision.direct,
            fingerprint=decision.fingerprint,
            last=decision.last,
            sweep_aside=sweeping.aside if sweeping else None,
            ledger=ledger,
            destination=destination,
            run=run or f"run-{self.clock.time()}",
            clock=self.clock,
            observe=events.append,
        )
        return work, decision, events

    async def sweep(
        self, work: Load, batches: Sequence[Batch], *, done: Checkpoint | None = None
    ) -> Result:
        """Look for rows that are gone: the batches have the keys that are there.

        ``done``: the checkpoint that the load ended with; the one it began from by default.
        """
        schema = self.task.schema or work.destination.traits.schema
        last = await last_checkpoint(work.destination, schema, strategy.sweep_id(self.task))
        done = done or work.last
        if done is None:
            raise ValueError("a sweep needs a load before it")
        sweeper = strategy.sweep_of(work, done, last)
        since = sweeper.last.cursor if sweeper.last else None
        result, _ = await load(reading(batches, since), sweeper)
        return result

    def but(self, **changes: Any) -> "Trial":
        """Return the same trial with other fields."""
        return replace(self, **changes)

    def rows(self, rows: Sequence[Row], *, at: int = 0, size: int = 2) -> list[Batch]:
        """Return rows as batches of a complete read, with cursors from ``at`` on."""
        return pages(rows, self.schema, at=at, size=size)


def task(target: str = "Things", **options: Any) -> Task:
    """Return a task that commits after every second row."""
    chosen: dict[str, Any] = {"id": f"task-{target}", "commit_rows": 2} | options
    return Task(query="", target=target, **chosen)


def pages(rows: Sequence[Row], schema: pa.Schema, *, at: int = 0, size: int = 2) -> list[Batch]:
    """Return batches of ``size`` rows; the last one ends the pass. No rows: one empty batch."""
    starts = range(0, max(len(rows), 1), size)
    return [
        Batch(
            records=pa.RecordBatch.from_pylist(list(rows[i : i + size]), schema=schema),
            cursor={"at": at + i + size},
            complete=i + size >= len(rows),
            requests=1,
        )
        for i in starts
    ]


def gone(
    keys: Sequence[Any], schema: pa.Schema = SCHEMA, *, at: int, complete: bool = True
) -> Batch:
    """Return a batch that says that these ids are gone."""
    return Batch(
        records=pa.RecordBatch.from_pylist([], schema=schema),
        removed=pa.RecordBatch.from_pydict(
            {"id": list(keys)}, schema=pa.schema([schema.field("id")])
        ),
        cursor={"at": at},
        complete=complete,
        requests=1,
    )


def thing(number: int, name: str = "", *, minute: int = 0) -> dict[str, Any]:
    """Return a row of `SCHEMA`."""
    changed = _EPOCH + timedelta(minutes=minute)
    return {"id": number, "name": name or f"name {number}", "changed": changed}


async def reading(batches: Sequence[Batch], since: Cursor | None) -> AsyncGenerator[Batch]:
    """Yield the batches after the one with the cursor, as a source goes on from a checkpoint."""
    cursors = [b.cursor for b in batches]
    start = cursors.index(since) + 1 if since is not None and since in cursors else 0
    for batch in batches[start:]:
        yield batch
    if start == len(batches):
        nothing = batches[-1].records.slice(0, 0)
        yield Batch(records=nothing, cursor=since, complete=True, requests=1)


def table_of(trial_task: Task, traits: Traits) -> exp.Table:
    """Return the target of a task."""
    name = names.target(trial_task.target, traits)
    return names.table(name, names.schema(trial_task, traits))


async def table(destination: Destination, trial_task: Task) -> pa.Table:
    """Return a task's target as it is."""
    target = table_of(trial_task, destination.traits)
    return await destination.fetch(exp.select("*").from_(target))


async def contents(
    destination: Destination, trial_task: Task, *columns: str
) -> list[dict[str, Any]]:
    """Return the rows of a task's target in a stable order; ``columns``: just these."""
    target = table_of(trial_task, destination.traits)
    if await destination.describe(target) is None:
        return []
    chosen: list[exp.Expression] = [column(c) for c in columns]
    found = await destination.fetch(exp.select(*(chosen or [exp.Star()])).from_(target))
    if not destination.traits.instants:
        found = found.cast(pa.schema([_instant(f) for f in found.schema]))
    return ordered(found.to_pylist())


def _instant(field: pa.Field) -> pa.Field:
    naive = pa.types.is_timestamp(field.type) and not field.type.tz
    return field.with_type(pa.timestamp("us", tz="UTC")) if naive else field


def ordered(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows in an order that depends on nothing but them."""
    return sorted((dict(row) for row in rows), key=lambda row: repr(sorted(row.items())))


async def tables(destination: Destination, schema: str | None = None) -> set[str]:
    """Return the names of the tables in a schema, the default one unless another is named."""
    query = (
        exp.select(exp.column("table_name"))
        .from_(exp.table_("tables", db="information_schema"))
        .where(
            exp.column("table_schema").eq(exp.Literal.string(schema or destination.traits.schema))
        )
    )
    return set((await destination.fetch(query)).column(0).to_pylist())


async def leftovers(destination: Destination, schema: str | None = None) -> set[str]:
    """Return the staging and aside tables that stand in a schema."""
    marks = ("_syncline_stage_", "_syncline_new_", "_syncline_reject_")
    return {name for name in await tables(destination, schema) if name.startswith(marks)}
