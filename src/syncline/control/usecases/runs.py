"""Runs of jobs: started, cancelled, looked at, by those who may."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from syncline.control.access import Actor
from syncline.control.paging import allowed
from syncline.control.plane import Plane, Work
from syncline.control.runs import (
    Reason,
    Run,
    RunEvent,
    RunOptions,
    State,
    Wanted,
    cancelled,
    events_of,
    find_run,
    get_run,
    list_runs,
    requested,
)
from syncline.control.store.labels import job_labels
from syncline.control.store.runs import runs
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases.jobs import Job, get_job
from syncline.errors import Missing


async def start_run(
    plane: Plane,
    actor: Actor,
    job: str,
    options: RunOptions | None = None,
    *,
    reason: Reason = Reason.MANUAL,
) -> str:
    """Ask for a run of a job and return its id; a node takes it up soon. Needs jobs.run.

    Raises `Missing`, `Forbidden`, and `Conflict` while another run of the job is going on.
    """
    async with plane.changing(actor) as work:
        found = await get_job(work, job, permission="jobs.run")
        wanted = Wanted(
            job_id=found.id,
            job=found.name,
            reason=reason,
            requested_by=actor.name,
            options=options or RunOptions(),
        )
        run = await requested(work.connection, wanted, work.now)
        await work.record("jobs.run", "job", found.name, {"run": (None, run)})
    return run


async def stop_run(plane: Plane, actor: Actor, run: str) -> State:
    """Ask a run to end at its next commit; return the state it has now. Needs jobs.run."""
    found = await see_run(plane, actor, run)
    async with plane.changing(actor) as work:
        actor.require("jobs.run", found.job, await _labels(work, found.job_id))
        if await cancelled(work.connection, found.id, actor.name, work.now):
            await work.record("jobs.cancel", "job", found.job, {"run": (found.id, None)})
    return (await get_run(plane.store, found.id)).state


async def see_run(plane: Plane, actor: Actor, run: str) -> Run:
    """Return a run and its task runs. Needs runs.view. ``run``: its id, or how it begins.

    Raises `Missing`, also for a run that the actor may not see.
    """
    found = await get_run(plane.store, await find_run(plane.store, run))
    async with plane.looking(actor) as work:
        if not actor.may("runs.view", found.job, await _labels(work, found.job_id)):
            raise Missing(f"there is no run {run!r}", hint="see the list of runs")
    return found


async def job_of_run(work: Work, run: Run) -> tuple[Job, Mapping[int, str]]:
    """Return the job of a run as it is now, and the ids of its tasks by their numbers in the run.

    Needs jobs.view. Raises `Missing` if it was deleted meanwhile.
    """
    job = await get_job(work, run.job)
    if job.id != run.job_id:
        raise Missing(f"there is no job {run.job!r} any more", hint="see the list of jobs")
    ids = {
        task.id: task_id
        for task, task_id in zip(all_tasks_of(job.name, job.spec), job.task_ids, strict=True)
    }
    return job, {task.number: ids[task.task] for task in run.tasks if task.task in ids}


async def see_runs(
    plane: Plane,
    actor: Actor,
    *,
    job: str | None = None,
    states: Sequence[State] = (),
    before: Run | None = None,
    limit: int = 50,
) -> tuple[Run, ...]:
    """Return the runs that the actor may see, the newest first. Needs runs.view.

    ``before``: the last one of the page seen last.
    """
    among = allowed(
        actor.limits("runs.view"), runs.c.job, runs.c.job_id, job_labels.c.job_id,
        job_labels.c.label,
    )  # fmt: skip
    job_id = None
    if job is not None:
        async with plane.looking(actor) as work:
            job_id = (await get_job(work, job)).id
    return await list_runs(
        plane.store,
        job_id=job_id,
        states=states,
        before=(before.created_at, before.id) if before else None,
        among=among,
        limit=limit,
    )


async def see_events(
    plane: Plane, actor: Actor, run: str, *, after: int = 0, limit: int = 500
) -> tuple[RunEvent, ...]:
    """Return the log of a run after a line, oldest first. Needs runs.view."""
    found = await see_run(plane, actor, run)
    return await events_of(plane.store, found.id, after=after, limit=limit)


async def _labels(work: Work, job_id: str) -> tuple[str, ...]:
    query = select(job_labels.c.label).where(job_labels.c.job_id == job_id)
    return tuple((await work.connection.execute(query)).scalars())
