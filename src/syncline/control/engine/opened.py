"""What the tasks of one run share on this node, opened when the first of them needs it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from syncline.control.engine.job import Jobs, RunnableJob
from syncline.errors import SynclineError
from syncline.model.job import Task
from syncline.model.ports import Source
from syncline.model.run import Clock, Event, Observer
from syncline.query.plan import Plan
from syncline.sync import plan_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A job of a run, its source open."""

    job: RunnableJob
    source: Source
    plans: Mapping[str, Plan]

    def task(self, key: str) -> Task | None:
        """Return the job's task of this id, if it still has it."""
        return next((t for t in self.job.tasks if t.id == key), None)


@dataclass(slots=True, kw_only=True)
class _Shared:
    holders: int = 0
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    job: RunnableJob | None = None
    opened: Opened | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    listeners: list[Observer] = field(default_factory=list)

    def heard(self, event: Event) -> None:
        for listen in self.listeners:
            listen(event)


class OpenRuns:
    """The runs that have tasks on this node."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._runs: dict[str, _Shared] = {}

    @asynccontextmanager
    async def held(self, run: str) -> AsyncIterator[None]:
        """Keep what a run has opened here until the block ends."""
        shared = self._runs.setdefault(run, _Shared())
        shared.holders += 1
        try:
            yield
        finally:
            shared.holders -= 1
            if shared.holders == 0:
                del self._runs[run]
                # Nobody is left who could be told; what was read is committed.
                with suppress(SynclineError):
                    await shared.stack.aclose()

    def listen(self, run: str, observe: Observer) -> None:
        """Let an observer hear of what the shared source waits for."""
        self._runs[run].listeners.append(observe)

    def unlisten(self, run: str, observe: Observer) -> None:
        """Undo `listen`."""
        self._runs[run].listeners.remove(observe)

    async def job(self, run: str, job_id: str) -> RunnableJob:
        """Return the job of a run that is held, as it was when first asked for."""
        shared = self._runs[run]
        if shared.job is None:
            shared.job = await self._jobs.find(job_id)
        return shared.job

    async def opened(self, run: str, job_id: str) -> Opened:
        """Return what is open for a run that is held. Raises what opening it raises."""
        job = await self.job(run, job_id)
        shared = self._runs[run]
        async with shared.opening:
            if shared.opened is None:
                async with AsyncExitStack() as stack:
                    opened = await self._open(stack, job, shared.heard)
                    # From here on it is the run's, and closed with it.
                    shared.stack = stack.pop_all()
                    shared.opened = opened
            return shared.opened

    async def _open(self, stack: AsyncExitStack, job: RunnableJob, heard: Observer) -> Opened:
        source = await stack.enter_async_context(job.source(self._clock, heard))
        tables = await source.tables()
        plans: dict[str, Plan] = {}
        for task in job.tasks:
            # A task that cannot be planned says so itself when its turn comes.
            with suppress(SynclineError):
                plans[task.id] = plan_of(task, tables, self._clock)
            # Each takes some hundredths of a second; pages and other runs wait for no more.
            await asyncio.sleep(0)
        source.expect([scan for planned in plans.values() for scan in planned.scans])
        # A database that cannot be opened is told before any request; and a file that stays open
        # from task to task need not be opened for each.
        destination = await job.destination(heard)
        stack.push_async_callback(destination.aclose)
        return Opened(job=job, source=source, plans=plans)
