"""How far tasks are behind: since when each has not succeeded, and which of them is late."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, select

from syncline.control.calendar import next_runs
from syncline.control.paging import allowed
from syncline.control.plane import Work
from syncline.control.runs import State
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.runs import task_runs
from syncline.control.store.schedules import schedules
from syncline.control.store.tasks import tasks
from syncline.control.timetable import ScheduleSpec

#: A task is late when it has missed so many starts.
_STARTS = 2
#: Seconds after which a task of a continuous job is late, beside its pause.
_CONTINUOUS = 3600.0
#: Tasks that are looked at, those first that have waited longest.
_LOOKED_AT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLag:
    """How far a task is behind."""

    job: str
    target: str
    #: Seconds since it last succeeded, or since it was added.
    lag: float
    #: When it last succeeded; None: never.
    succeeded_at: datetime | None


async def task_lags(work: Work) -> tuple[TaskLag, ...]:
    """Return the lag of every task that is switched on, of jobs that are not paused.

    The furthest behind first. Needs runs.view; others' jobs are left out.
    """
    found = await work.connection.execute(_waiting(work))
    return tuple(lag for lag, _ in _lags(work, found.all()))


async def late_tasks(work: Work, *, limit: int) -> tuple[TaskLag, ...]:
    """Return tasks that have missed two starts of their schedule. Needs runs.view."""
    query = _waiting(work).where(schedules.c.enabled).limit(_LOOKED_AT)
    late = []
    for lag, spec in _lags(work, (await work.connection.execute(query)).all()):
        if spec and lag.lag > _patience(json.dumps(spec), work.now.date().isoformat()):
            late.append(lag)
            if len(late) == limit:
                break
    return tuple(late)


def _waiting(work: Work) -> Select[Any]:
    work.actor.require("runs.view")
    label, limits = job_labels.c, work.actor.limits("runs.view")
    visible = allowed(limits, jobs.c.name, jobs.c.id, label.job_id, label.label)
    # The index on a task's runs finds its newest success without a look at those of others.
    succeeded = (
        select(func.max(task_runs.c.finished_at))
        .where(task_runs.c.task == tasks.c.key, task_runs.c.state == State.SUCCEEDED)
        .correlate(tasks)
        .scalar_subquery()
    )
    query = (
        select(
            jobs.c.name, tasks.c.key, tasks.c.spec, tasks.c.added_at, succeeded, schedules.c.spec
        )
        .join(jobs, jobs.c.id == tasks.c.job_id)
        .outerjoin(schedules, schedules.c.job_id == jobs.c.id)
        .where(jobs.c.paused.is_(False))
        .order_by(func.coalesce(succeeded, tasks.c.added_at), tasks.c.key)
    )
    return query if visible is None else query.where(visible)


def _lags(work: Work, rows: Sequence[Row[Any]]) -> Iterator[tuple[TaskLag, dict[str, Any] | None]]:
    for row in rows:
        name, key, task, added, succeeded, schedule = tuple(row)
        if task.get("enabled", True):
            lag = max((work.now - (succeeded or added)).total_seconds(), 0.0)
            target = key.partition("/")[2]
            yield TaskLag(job=name, target=target, lag=lag, succeeded_at=succeeded), schedule


@lru_cache(maxsize=4096)
def _patience(spec: str, day: str) -> float:
    """Return after how many seconds a task is late: on a day, for the change of months."""
    schedule = ScheduleSpec.model_validate_json(spec)
    if schedule.continuous is not None:
        return _STARTS * schedule.continuous + _CONTINUOUS
    starts = next_runs(schedule, datetime.fromisoformat(day).replace(tzinfo=UTC), _STARTS)
    if len(starts) < _STARTS:
        return float("inf")
    return _STARTS * (starts[1] - starts[0]).total_seconds()
