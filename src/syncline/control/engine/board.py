"""The progress of the task runs of this node, written to the store once a second for all."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from syncline.control.engine.telling import Line, logged, told
from syncline.control.store.database import Store
from syncline.control.store.runs import run_events, runs, task_runs
from syncline.errors import SynclineError
from syncline.model.run import Clock, Committed, Event, Planned, Read, Result, Waiting

_MESSAGE = 2000


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a task run has done."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    rejected: int = 0
    requests: int = 0
    commits: int = 0
    seconds: float = 0.0
    #: Seconds that the source made it wait.
    waited: float = 0.0


COUNTS = tuple(f.name for f in fields(Counts))


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far one task run is; changed by its load, read by the board."""

    run: str
    number: int
    #: What it had done before it came to this node, or was tried again.
    before: Counts = field(default_factory=Counts)
    counts: Counts = field(default_factory=Counts)
    incremental: bool | None = None
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    #: What of its events is kept: error, info or verbose.
    verbosity: str = "info"
    changed: bool = True
    #: Totals of the load before the present one: a sweep counts from nothing again.
    _earlier: tuple[int, int] = (0, 0)
    _latest: tuple[int, int] = (0, 0)

    def saw(self, event: Event, now: datetime) -> None:
        """Take an event in."""
        self.changed = True
        match event:
            case Planned(incremental=incremental):
                self.incremental = incremental
            case Read(rows=rows, requests=requests):
                if rows < self._latest[0] or requests < self._latest[1]:
                    self._earlier = (self.counts.read, self.counts.requests)
                self._latest = (rows, requests)
                self.counts.read = self._earlier[0] + rows
                self.counts.requests = self._earlier[1] + requests
                self.waiting_for = self.waiting_until = None
            case Waiting(seconds=seconds, reason=reason):
                self.waiting_for = reason
                self.counts.waited += seconds
                self.waiting_until = datetime.fromtimestamp(now.timestamp() + seconds, UTC)
            case Committed():
                self.counts.commits += 1
                self.counts.inserted += event.inserted
                self.counts.updated += event.updated
                self.counts.deleted += event.deleted
                self.counts.rejected += event.rejected
            case _:
                pass

    def ended(self, result: Result) -> None:
        """Take the result in: it knows better than the events."""
        for name in ("read", "inserted", "updated", "deleted", "rejected", "requests", "seconds"):
            setattr(self.counts, name, getattr(result, name))
        self.waiting_for = self.waiting_until = None

    def values(self) -> dict[str, Any]:
        """Return the columns of the task run."""
        totals = {n: getattr(self.before, n) + getattr(self.counts, n) for n in COUNTS}
        return totals | {
            "incremental": self.incremental,
            "waiting_for": self.waiting_for,
            "waiting_until": self.waiting_until,
        }


class Board:
    """Collects progress and log lines, and learns which runs shall end."""

    def __init__(self, store: Store, node: str, clock: Clock, *, keep_events: int) -> None:
        self._store = store
        self._node = node
        self._clock = clock
        self._keep = keep_events
        self._shown: dict[tuple[str, int], Progress] = {}
        self._lines: list[dict[str, Any]] = []
        self._written: dict[str, int] = {}
        #: Runs that somebody has cancelled.
        self.cancelled: set[str] = set()

    def now(self) -> datetime:
        """Return the time."""
        return datetime.fromtimestamp(self._clock.time(), UTC)

    def show(self, progress: Progress) -> None:
        """Keep the store up to date about a task run from now on."""
        self._shown[progress.run, progress.number] = progress

    def hide(self, progress: Progress) -> None:
        """Do not any more."""
        self._shown.pop((progress.run, progress.number), None)
        if not any(run == progress.run for run, _ in self._shown):
            self.cancelled.discard(progress.run)
            self._written.pop(progress.run, None)

    def saw(self, progress: Progress, event: Event) -> None:
        """Take in an event of a task run. Never raises, never waits."""
        progress.saw(event, self.now())
        if (line := told(event, progress.verbosity)) is not None:
            self.tell(progress.run, line, number=progress.number)

    def tell(self, run: str, line: Line, *, number: int | None = None) -> None:
        """Add a line to a run's log; it is written with the next progress."""
        logged(line, run=run, task=number, node=self._node)
        self._lines.append(
            {
                "run_id": run,
                "number": number,
                "at": self.now(),
                "level": line.level,
                "kind": line.kind,
                "message": line.message[:_MESSAGE],
                "data": line.data,
            }
        )

    async def write(self) -> None:
        """Write what has changed, and ask which runs are cancelled. Raises what the store does."""
        dirty = [p for p in self._shown.values() if p.changed]
        lines, self._lines = self._lines, []
        if dirty or lines:
            for progress in dirty:
                progress.changed = False
            try:
                await self._written_down(dirty, lines)
            except BaseException:
                self._lines = lines + self._lines
                for progress in dirty:
                    progress.changed = True
                raise
        if self._shown:
            self.cancelled |= await self._cancelled({run for run, _ in self._shown})

    async def keep_writing(self, seconds: float) -> None:
        """Write for ever; a store that does not answer is asked again."""
        while True:
            await self._clock.sleep(seconds)
            # Progress is for people to see; what counts is in the destination.
            with suppress(SynclineError):
                await self.write()

    async def _written_down(self, dirty: Iterable[Progress], lines: list[dict[str, Any]]) -> None:
        rows = [self._row(p) for p in dirty]
        async with self._store.writing() as connection:
            if rows:
                await connection.execute(_UPDATE, rows)
            if lines:
                await connection.execute(insert(run_events), lines)
            for run, count in _counted(lines).items():
                self._written[run] = self._written.get(run, 0) + count
                if self._written[run] > self._keep // 10:
                    self._written[run] = 0
                    await connection.execute(_older(run, self._keep))

    def _row(self, progress: Progress) -> Mapping[str, Any]:
        return progress.values() | {
            "of_run": progress.run,
            "of_number": progress.number,
            "of_node": self._node,
            "progress_at": self.now(),
        }

    async def _cancelled(self, among: set[str]) -> set[str]:
        query = select(runs.c.id).where(runs.c.id.in_(among), runs.c.cancel_at.is_not(None))
        async with self._store.reading() as connection:
            return set((await connection.execute(query)).scalars())


#: Of a task run that has come to another node, nothing of ours is written any more.
_UPDATE = (
    update(task_runs)
    .where(
        task_runs.c.run_id == bindparam("of_run"),
        task_runs.c.number == bindparam("of_number"),
        task_runs.c.node == bindparam("of_node"),
        task_runs.c.finished_at.is_(None),
    )
    .values(
        {
            name: bindparam(name)
            for name in (
                *COUNTS, "incremental", "waiting_for", "waiting_until", "progress_at",
            )
        }
    )
)  # fmt: skip


def _counted(lines: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["run_id"]] = counts.get(line["run_id"], 0) + 1
    return counts


def _older(run: str, keep: int) -> Any:
    """Return what deletes all but the newest events of a run."""
    mine = run_events.c.run_id == run
    oldest = (
        select(run_events.c.id).where(mine).order_by(run_events.c.id.desc()).offset(keep).limit(1)
    )
    return delete(run_events).where(mine, run_events.c.id <= oldest.scalar_subquery())


async def flushed(board: Board) -> None:
    """Write what is left, if the store still answers."""
    with suppress(SynclineError, TimeoutError):
        async with asyncio.timeout(5.0):
            await board.write()
