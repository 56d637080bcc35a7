"""One task run on this node: a load that goes on from slice to slice, until told to stop."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import select, update

from syncline.control.engine.board import COUNTS, Board, Counts, Progress
from syncline.control.engine.job import RunnableJob
from syncline.control.engine.lineage import Kind, Lineage, TaskPlace, tables_of
from syncline.control.engine.opened import Opened, OpenRuns
from syncline.control.engine.patience import patiently
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.telling import Line
from syncline.control.runs import RunOptions, State, options_of
from syncline.control.store.database import Store
from syncline.control.store.runs import runs, task_runs
from syncline.errors import (
    Missing,
    OutOfTime,
    StaleGeneration,
    SynclineError,
    TransientError,
)
from syncline.model.job import Task
from syncline.model.run import Clock, Event, Result
from syncline.sync import sync

_LOG = logging.getLogger(__name__)
#: How often a load is looked after, in seconds.
_LOOK = 0.25
#: A wait between two attempts is never longer, in seconds.
_LONGEST = 600.0

#: What a slice says: ``next`` is more, retry or over; over has a ``state``. JSON.
Said: TypeAlias = dict[str, Any]
MORE: Said = {"next": "more"}
_ENDS: Mapping[State, Kind] = {State.SUCCEEDED: "COMPLETE", State.FAILED: "FAIL"}
#: Code, message and hint of what should not have happened.
BROKE = (
    "defect",
    "Syncline itself made a mistake; the log of the node has the details",
    "please report it",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every task run on a node works with."""

    node: str
    store: Store
    board: Board
    open_runs: OpenRuns
    settings: EngineSettings
    clock: Clock
    #: The node shall end: loads stop at their next commit, and nothing is begun.
    draining: asyncio.Event
    #: Says whether the engine still names this node as the one that runs a workflow.
    owns: Callable[[str], Awaitable[bool]]
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    job_id: str
    task: str
    options: RunOptions
    deadline: datetime | None


class Work:
    """A task run as long as it is on this node."""

    def __init__(self, desk: Desk, run: str, number: int, workflow: str) -> None:
        self._desk = desk
        self._workflow = workflow
        self._progress = Progress(run=run, number=number)
        self._load: asyncio.Task[Result] | None = None
        self._begun: _Begun | None = None
        self._since: float | None = None
        self._place: TaskPlace | None = None
        self._not_before = 0.0
        #: Waits for the node to end, with nothing under way.
        self.parked = False

    async def slice(self, attempt: int) -> Said:
        """Go on until it is time to note how far it is, or it is over.

        Whatever is under way goes on between two slices. ``attempt``: from 1.
        """
        if self._load is None:
            await self._begin(attempt)
        if self._load is None:
            try:
                done = self._progress.before.commits
                return await self._over(State.CANCELLED if done else State.SKIPPED)
            finally:
                self._desk.board.hide(self._progress)
        await self._until_due(self._load)
        load = self._load
        if not load.done():
            return MORE
        self._load = None
        try:
            return await self._ended(load, attempt)
        finally:
            self._desk.board.hide(self._progress)

    async def aclose(self) -> None:
        """End what is under way; what it has committed stays."""
        load, self._load = self._load, None
        if load is not None:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        self._desk.board.hide(self._progress)

    async def _begin(self, attempt: int) -> None:
        """Begin to load, unless the run is cancelled; wait if the node ends or has lost it."""
        while not self._stopped() and self._desk.clock.monotonic() < self._not_before:
            await self._desk.clock.sleep(_LOOK)
        # Invariant 3: a node that was frozen must not take the generation from its successor.
        if self._desk.draining.is_set() or not await self._desk.owns(self._workflow):
            self.parked = True
            await asyncio.Event().wait()
        self._progress = Progress(run=self._progress.run, number=self._progress.number)
        self._since = None
        self._begun = await patiently(self._desk.clock, lambda: self._claimed(attempt))
        self._desk.board.show(self._progress)
        if not self._cancelled():
            self._load = asyncio.create_task(self._loaded(self._begun))

    async def _claimed(self, attempt: int) -> _Begun:
        """Write down that this node has the task run now; return what it shall do."""
        desk, progress = self._desk, self._progress
        of_task = (task_runs.c.run_id == progress.run) & (task_runs.c.number == progress.number)
        now = desk.board.now()
        async with desk.store.writing() as connection:
            query = (
                select(
                    task_runs, runs.c.job_id, runs.c.options, runs.c.deadline_at, runs.c.cancel_at
                )
                .join(runs, runs.c.id == task_runs.c.run_id)
                .where(of_task)
            )
            row = (await connection.execute(query)).mappings().one()
            await connection.execute(
                update(task_runs)
                .where(of_task, task_runs.c.finished_at.is_(None))
                .values(
                    state=State.RUNNING, attempt=attempt, node=desk.node, progress_at=now,
                    started_at=row["started_at"] or now, error_code=None, error=None, hint=None,
                )
            )  # fmt: skip
        if row["cancel_at"] is not None:
            desk.board.cancelled.add(progress.run)
        progress.before = Counts(**{name: row[name] for name in COUNTS})
        if row["started_at"] is not None and attempt == 1:
            desk.board.tell(
                progress.run,
                Line(kind="taken over", message=f"goes on with node {desk.node}"),
                number=progress.number,
            )
        return _Begun(
            job_id=row["job_id"],
            task=row["task"],
            options=options_of(row["options"]),
            deadline=row["deadline_at"],
        )

    async def _loaded(self, begun: _Begun) -> Result:
        desk, run = self._desk, self._progress.run
        opened = await desk.open_runs.opened(run, begun.job_id)
        self._progress.verbosity = opened.job.verbosity
        task = opened.task(begun.task)
        if task is None:
            raise Missing(
                f"the job has no task {begun.task} any more", hint="it was removed while the run"
                " was going on; nothing needs to be done",
            )  # fmt: skip
        self._lineage_begins(opened, task)
        destination = await opened.job.destination(self._saw)
        desk.open_runs.listen(run, self._saw)
        try:
            return await sync(
                task,
                opened.source,
                destination,
                run=f"{run}/{self._progress.number}/{uuid.uuid4().hex[:8]}",
                clock=desk.clock,
                observe=self._saw,
                planned=opened.plans.get(task.id),
                full=begun.options.full,
                sweep=begun.options.sweep,
                stop=self._stopped,
            )
        finally:
            desk.open_runs.unlisten(run, self._saw)
            await destination.aclose()

    def _lineage_begins(self, opened: Opened, task: Task) -> None:
        plan, job = opened.plans.get(task.id), opened.job
        if self._desk.lineage is None:
            return
        begun = self._place is None and not self._progress.before.commits
        self._place = TaskPlace(
            run=self._progress.run, number=self._progress.number, job=job.name,
            source=job.source_name, tables=tables_of(plan.scans if plan else ()),
            destination=job.destination_name,
            target=f"{task.schema}.{task.target}" if task.schema else task.target,
        )  # fmt: skip
        kind: Kind = "START" if begun else "RUNNING"
        self._desk.lineage.tell(kind, self._place, self._desk.board.now())

    def _lineage_ends(self, state: State, error: str) -> None:
        if self._desk.lineage is None or self._place is None:
            return
        totals = self._progress.values()
        kind: Kind = _ENDS.get(state, "ABORT")
        self._desk.lineage.tell(
            kind, self._place, self._desk.board.now(), read=totals["read"], error=error,
            changed=totals["inserted"] + totals["updated"] + totals["deleted"],
        )  # fmt: skip

    def _saw(self, event: Event) -> None:
        self._desk.board.saw(self._progress, event)

    def _late(self) -> bool:
        deadline = self._begun.deadline if self._begun else None
        return deadline is not None and self._desk.board.now() >= deadline

    def _cancelled(self) -> bool:
        return self._progress.run in self._desk.board.cancelled

    def _stopped(self) -> bool:
        return self._desk.draining.is_set() or self._cancelled() or self._late()

    async def _until_due(self, load: asyncio.Task[Result]) -> None:
        """Wait until the load has ended, or has committed after the slice's time."""
        clock, settings = self._desk.clock, self._desk.settings
        due = clock.monotonic() + settings.slice_seconds
        commits = None
        while not load.done():
            await asyncio.wait({load}, timeout=_LOOK)
            now = clock.monotonic()
            if self._stopped():
                self._since = now if self._since is None else self._since
                if now - self._since > settings.grace:
                    # It has no place to stop at, or takes too long to get there. Not again at
                    # every look: what it has opened must be closed.
                    load.cancel()
                    self._since = now
            elif now >= due:
                commits = self._progress.counts.commits if commits is None else commits
                if self._progress.counts.commits > commits:
                    return

    async def _ended(self, load: asyncio.Task[Result], attempt: int) -> Said:
        try:
            result = load.result()
        except asyncio.CancelledError:
            return await self._stopped_early()
        except SynclineError as error:
            return await self._failed(error, attempt)
        except Exception:  # noqa: BLE001 (a defect ends its task run, not the node)
            _LOG.exception("task run %s of %s broke", self._progress.number, self._progress.run)
            code, message, hint = BROKE
            return await self._over(State.FAILED, code=code, message=message, hint=hint)
        self._progress.ended(result)
        if result.stopped:
            return await self._stopped_early()
        return await self._over(State.SUCCEEDED)

    async def _stopped_early(self) -> Said:
        if self._cancelled():
            return await self._over(State.CANCELLED)
        if self._late():
            return await self._refused(OutOfTime(
                "the run has taken longer than the job allows; what was committed stays",
                hint="the next run goes on from there; or raise the job's timeout",
            ))  # fmt: skip
        with suppress(SynclineError):
            await self._desk.board.write()
        return MORE

    async def _failed(self, error: SynclineError, attempt: int) -> Said:
        if self._stopped():
            return await self._stopped_early()
        passing = isinstance(error, TransientError | StaleGeneration)
        job = await self._job()
        if not passing or job is None or attempt > job.retries:
            return await self._refused(error)
        wait = min(_LONGEST, job.retry_seconds * 2 ** (attempt - 1))
        if isinstance(error, TransientError) and error.retry_after is not None:
            wait = max(wait, min(_LONGEST, error.retry_after))
        self._not_before = self._desk.clock.monotonic() + wait
        self._desk.board.tell(
            self._progress.run,
            Line(
                kind="retry",
                level="warning",
                message=f"{error}; trying again in {wait:.0f} s",
                data={"code": error.code, "hint": error.hint, "seconds": wait},
            ),
            number=self._progress.number,
        )
        with suppress(SynclineError):
            await self._desk.board.write()
        return {"next": "retry"}

    async def _job(self) -> RunnableJob | None:
        with suppress(SynclineError):
            if self._begun is not None:
                return await self._desk.open_runs.job(self._progress.run, self._begun.job_id)
        return None

    async def _refused(self, error: SynclineError) -> Said:
        return await self._over(State.FAILED, code=error.code, message=str(error), hint=error.hint)

    async def _over(
        self, state: State, *, code: str | None = None, message: str = "", hint: str = ""
    ) -> Said:
        """Write down how the task run ended."""
        desk, progress = self._desk, self._progress
        failed = state is State.FAILED
        desk.board.tell(
            progress.run,
            Line(
                kind=str(state),
                message=message or str(state),
                level="error" if failed else "info",
                data={"code": code, "hint": hint} if failed else None,
            ),
            number=progress.number,
        )
        await patiently(desk.clock, desk.board.write)
        end = {
            "state": state, "finished_at": desk.board.now(), "error_code": code,
            "error": message if failed else None, "hint": hint if failed else None,
        }  # fmt: skip

        async def write() -> None:
            async with desk.store.writing() as connection:
                await connection.execute(
                    update(task_runs)
                    .where(
                        task_runs.c.run_id == progress.run,
                        task_runs.c.number == progress.number,
                        task_runs.c.node == desk.node,
                        task_runs.c.finished_at.is_(None),
                    )
                    .values(progress.values() | end)
                )

        await patiently(desk.clock, write)
        self._lineage_ends(state, message if failed else "")
        return {"next": "over", "state": str(state)}
