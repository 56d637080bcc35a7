"""A job, run once: its tasks in order or side by side, from one source to one destination."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from syncline.errors import SynclineError
from syncline.model.job import Task
from syncline.model.ports import Destination, Source
from syncline.model.run import Clock, Event, Result
from syncline.query.plan import Plan
from syncline.sync import plan_of, sync

#: Receives the events of all tasks of a job. Must not raise and must not block.
JobObserver: TypeAlias = Callable[[Task, Event], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one task of a job run ended; both None: it was not begun."""

    task: Task
    result: Result | None = None
    error: SynclineError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run of a job: what to run it with."""

    #: Of this run and no other.
    id: str
    tasks: Sequence[Task]
    source: Source
    #: Opens the destination; each task has a connection of its own.
    destination: Callable[[], Awaitable[Destination]]
    clock: Clock
    observe: JobObserver
    parallel_tasks: int = 1
    continue_on_error: bool = True
    full: bool = False
    sweep: bool = False


async def run_job(job: JobRun) -> tuple[Outcome, ...]:
    """Run every task; return how each ended, in the order of the tasks.

    Errors of a task end up in its outcome; what is wrong with the destination as a whole, such as a
    file that another process holds, is raised. Cancellation ends all tasks at their last commit.
    """
    tables = await job.source.tables()
    plans: dict[str, Plan] = {}
    # A task that cannot be planned says so itself when its turn comes.
    for task in job.tasks:
        with suppress(SynclineError):
            plans[task.id] = plan_of(task, tables, job.clock)
    job.source.expect([scan for planned in plans.values() for scan in planned.scans])
    places = asyncio.Semaphore(job.parallel_tasks)
    failed = asyncio.Event()

    async def one(task: Task) -> Outcome:
        async with places:
            if failed.is_set() and not job.continue_on_error:
                return Outcome(task=task)
            try:
                return Outcome(task=task, result=await _run(job, task, plans.get(task.id)))
            except SynclineError as error:
                failed.set()
                return Outcome(task=task, error=error)

    # A database that cannot be opened is told once, before any request; and a file that stays
    # open from task to task need not be opened for each.
    held = await job.destination()
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(task)) for task in job.tasks]
    finally:
        await held.aclose()
    return tuple(task.result() for task in running)


async def _run(job: JobRun, task: Task, planned: Plan | None) -> Result:
    destination = await job.destination()
    try:
        return await sync(
            task,
            job.source,
            destination,
            run=f"{job.id}/{task.id}",
            clock=job.clock,
            observe=lambda event: job.observe(task, event),
            planned=planned,
            full=job.full,
            sweep=job.sweep,
        )
    finally:
        await destination.aclose()
