"""The schedule of a job in the store: written with the job, looked at before it is saved."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from syncline.control.calendar import next_runs
from syncline.control.plane import Work
from syncline.control.store.jobs import jobs
from syncline.control.store.schedules import schedules
from syncline.control.timetable import ScheduleSpec
from syncline.errors import Invalid

_FIRST_YEAR, _LAST_YEAR = 1971, 2500


def previewed(schedule: ScheduleSpec, after: datetime, count: int = 5) -> tuple[datetime, ...]:
    """Return the next starts of a schedule, stored or not; none if only an event starts it.

    Raises `Invalid` for a moment that no calendar of ours reaches.
    """
    if not _FIRST_YEAR <= after.year <= _LAST_YEAR:
        raise Invalid(
            f"a schedule has no starts in the year {after.year}",
            hint=f"choose a year from {_FIRST_YEAR} to {_LAST_YEAR}",
        )
    return next_runs(schedule, after, count) if schedule.by_clock else ()


async def put_schedule(
    work: Work, job_id: str, name: str, schedule: ScheduleSpec | None, *, paused: bool
) -> None:
    """Write a job's schedule; what is written already and stays keeps its next start.

    Raises `Invalid` if the job would run after itself, or after one that does not exist.
    """
    c = schedules.c
    if schedule is None:
        await work.connection.execute(delete(schedules).where(c.job_id == job_id))
        return
    values = {
        "spec": schedule.model_dump(mode="json", exclude_defaults=True),
        "enabled": schedule.enabled and not paused,
        "after_job_id": await _before(work, job_id, name, schedule),
    }
    query = select(c.spec, c.enabled, c.next_run_at).where(c.job_id == job_id)
    old = (await work.connection.execute(query)).one_or_none()
    if old is None or (old.spec, old.enabled) != (values["spec"], values["enabled"]):
        values["next_run_at"] = _next(schedule, work.now) if values["enabled"] else None
    if old is None:
        await work.connection.execute(insert(schedules).values(job_id=job_id, **values))
    else:
        await work.connection.execute(update(schedules).where(c.job_id == job_id).values(**values))


def _next(schedule: ScheduleSpec, now: datetime) -> datetime | None:
    if schedule.continuous is not None:
        return now
    return next(iter(next_runs(schedule, now)), None)


async def _before(work: Work, job_id: str, name: str, schedule: ScheduleSpec) -> str | None:
    """Return the job that this one runs after, unless that would go round in a circle."""
    if schedule.after is None:
        return None
    wanted = select(jobs.c.id).where(jobs.c.folded == schedule.after.job.lower())
    first = await work.connection.scalar(wanted)
    if first is None:
        raise Invalid(
            f"jobs.{name}.schedule.after: there is no job {schedule.after.job!r}",
            hint="name a job of the list of jobs",
        )
    step: str | None = first
    while step is not None:
        if step == job_id:
            raise Invalid(
                f"jobs.{name}.schedule.after: {name} would run after itself",
                hint="begin the chain with a job that starts by the clock",
            )
        step = await work.connection.scalar(
            select(schedules.c.after_job_id).where(schedules.c.job_id == step)
        )
    return str(first)
