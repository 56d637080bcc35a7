"""Rows that a run has rejected: looked at, mended, sent again."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from syncline.control.access import Actor
from syncline.control.connections import described, opener
from syncline.control.plane import Plane
from syncline.control.project import Project
from syncline.control.runs import State, list_runs
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases.jobs import Job, get_job
from syncline.control.usecases.runs import see_run
from syncline.control.usecases.tasks import stored_project
from syncline.errors import Conflict, Invalid, Missing, StaleGeneration
from syncline.load.resending import KeptReject, kept
from syncline.model.batch import Json
from syncline.model.job import Task
from syncline.sync import resend

#: Rows that are shown, or sent, at once.
MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRows:
    """The rows that a task run has rejected and that are still kept."""

    #: The table that keeps them, beside the target.
    table: str
    total: int
    #: The first of them.
    rows: tuple[KeptReject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """What became of rows that were sent again."""

    written: int
    #: They did not fit again, and are kept as they are now.
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    run: str
    job: Job
    task: Task
    project: Project


async def see_rejects(
    plane: Plane, actor: Actor, run: str, number: int, *, limit: int = 100
) -> RejectedRows:
    """Return the rows that a task run has rejected. Needs jobs.edit: they are the source's data.

    Raises `Missing`, and what connecting raises.
    """
    if not 0 < limit <= MOST:
        raise Invalid(f"1 to {MOST} rows can be shown", hint="change limit")
    found = await _found(plane, actor, run, number)
    destination = await opener(found.project, found.job.spec.destination)()
    try:
        total, rows = await kept(destination, found.task, f"{found.run}/{number}/", limit)
    finally:
        await destination.aclose()
    return RejectedRows(table=f"{found.task.target}_rejects", total=total, rows=rows)


async def send_rejects(
    plane: Plane,
    actor: Actor,
    run: str,
    number: int,
    rows: Mapping[str, Mapping[str, Json] | None],
) -> Resent:
    """Write rejected rows to the target and take them out of the reject table, at once.

    ``rows``: what the rows of these ids shall be; None: as they are. They go the way of the task
    as it is now. Needs jobs.edit. Raises `Conflict` while the job runs, `Missing`, what a row
    that cannot be one raises, and what connecting raises.
    """
    if not 0 < len(rows) <= MOST:
        raise Invalid(f"1 to {MOST} rows can be sent at once", hint="choose some")
    found = await _found(plane, actor, run, number)
    under_way = (State.QUEUED, State.RUNNING)
    if await list_runs(plane.store, job_id=found.job.id, states=under_way, limit=1):
        raise Conflict(f"the job {found.job.name} is running", hint="wait until it has ended")
    destination = await opener(found.project, found.job.spec.destination)()
    try:
        done = await resend(
            found.task,
            described(found.project, found.job.spec.source),
            destination,
            rows,
            run=f"{found.run}/{number}/{uuid.uuid4().hex[:8]}",
            clock=plane.clock,
            observe=lambda _: None,
        )
    except StaleGeneration as error:
        raise Conflict(
            "something else was written to the target at the same time; nothing was sent",
            hint="look at the rows anew",
        ) from error
    finally:
        await destination.aclose()
    sent = Resent(written=len(rows) - done.rejected, rejected=done.rejected)
    async with plane.changing(actor) as work:
        told = {"target": (None, found.task.target), "rows": (None, sent.written)}
        await work.record("jobs.resend", "job", found.job.name, told)
    return sent


async def _found(plane: Plane, actor: Actor, run: str, number: int) -> _Found:
    seen = await see_run(plane, actor, run)
    async with plane.looking(actor) as work:
        job = await get_job(work, seen.job, permission="jobs.edit")
        target = next((task.task for task in seen.tasks if task.number == number), None)
        tasks = all_tasks_of(job.name, job.spec)
        task = next((task for task in tasks if task.id == target), None)
        if job.id != seen.job_id or task is None:
            raise Missing("the job has no such task any more", hint="see the list of its tasks")
        return _Found(
            run=seen.id,
            job=job,
            task=task,
            project=await stored_project(work, job.spec),
        )
