"""What happened at a glance: runs in pages with their sums, by day, jobs by state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from sqlalchemy import Select, case, func, select

from syncline.control.paging import Page, Wanted, allowed, counted, page_bounds, searched
from syncline.control.plane import Work
from syncline.control.runs import active_run
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.runs import runs, task_runs
from syncline.control.usecases.jobs import get_job


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run in a list."""

    id: str
    job: str
    state: str
    reason: str
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    tasks: int
    read: int
    changed: int
    rejected: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What happened on one day of somebody's calendar."""

    #: ``YYYY-MM-DD``.
    day: str
    succeeded: int = 0
    failed: int = 0
    other: int = 0
    read: int = 0
    requests: int = 0


async def run_under_way(work: Work, name: str) -> str | None:
    """Return the id of the run of a job that is not over. Needs runs.view."""
    job = await get_job(work, name)
    work.actor.require("runs.view", job.name, job.spec.labels)
    return await active_run(work.connection, job.id)


async def runs_page(
    work: Work, wanted: Wanted, *, job: str = "", states: Sequence[str] = ()
) -> Page[RunRow]:
    """Return a page of runs, the newest first. Needs runs.view; others' jobs are left out."""
    offset, limit = page_bounds(wanted)
    query = _visible(work, select(runs))
    if wanted.search:
        query = query.where(searched(wanted.search, runs.c.job, runs.c.requested_by))
    if job:
        query = query.where(func.lower(runs.c.job) == job.lower())
    if states:
        query = query.where(runs.c.state.in_(states))
    total = await counted(work.connection, query)
    query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc())
    query = query.offset(offset).limit(limit)
    rows = (await work.connection.execute(query)).mappings().all()
    sums = await _sums(work, [str(row["id"]) for row in rows])
    found = tuple(
        RunRow(**({name: row[name] for name in _SAME} | sums.get(str(row["id"]), _NOTHING)))
        for row in rows
    )
    return Page(items=found, total=total, offset=offset, limit=limit)


async def days_of(work: Work, since: datetime, zone: tzinfo) -> tuple[Day, ...]:
    """Return what happened on each day since then that had runs, oldest first. Needs runs.view."""
    first, last = (at.astimezone(zone).date() for at in (since, work.now))
    dates = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    ends = [datetime.combine(day + timedelta(days=1), time.min, zone) for day in dates]
    # The database counts: only it need look at every run.
    cases = [(runs.c.created_at < end.astimezone(UTC), n) for n, end in enumerate(ends)]
    day = case(*cases, else_=len(dates) - 1).label("day")
    chosen = _visible(work, select(day, runs.c.state, runs.c.id))
    chosen_runs = chosen.where(runs.c.created_at >= since).subquery()
    c, t = chosen_runs.c, task_runs.c
    counts = select(c.day, c.state, func.count()).group_by(c.day, c.state)
    sums = (
        select(c.day, func.sum(t.read), func.sum(t.requests))
        .join(task_runs, t.run_id == c.id)
        .group_by(c.day)
    )
    days: dict[int, dict[str, int]] = {}
    for number, state, count in (await work.connection.execute(counts)).all():
        kept = days.setdefault(number, {"succeeded": 0, "failed": 0, "other": 0})
        kept[state if state in {"succeeded", "failed"} else "other"] += count
    for number, read, requests in (await work.connection.execute(sums)).all():
        days[number] |= {"read": int(read), "requests": int(requests)}
    return tuple(Day(day=dates[n].isoformat(), **days[n]) for n in sorted(days))


async def jobs_by_state(work: Work) -> dict[str, int]:
    """Return how many jobs were last seen in which state; ``never run`` is one of them."""
    c, label = jobs.c, job_labels.c
    newest = (
        select(runs.c.state).where(runs.c.job_id == c.id).order_by(runs.c.created_at.desc())
        .limit(1).correlate(jobs).scalar_subquery()
    )  # fmt: skip
    query = select(func.coalesce(newest, "never run").label("state"))
    seen = allowed(work.actor.limits("jobs.view"), c.name, c.id, label.job_id, label.label)
    inner = (query if seen is None else query.where(seen)).select_from(jobs).subquery()
    counts = select(inner.c.state, func.count()).group_by(inner.c.state)
    return {str(state): count for state, count in (await work.connection.execute(counts)).all()}


_SAME = (
    "id", "job", "state", "reason", "requested_by", "created_at", "started_at", "finished_at",
    "error",
)  # fmt: skip
_NOTHING = {"tasks": 0, "read": 0, "changed": 0, "rejected": 0, "requests": 0}


async def _sums(work: Work, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    t, found = task_runs.c, {}
    changed = t.inserted + t.updated + t.deleted
    # SQLite takes no more than some thousands of values in one statement.
    for start in range(0, len(ids), 500):
        query = (
            select(t.run_id, func.count().label("tasks"), func.sum(t.read).label("read"),
                   func.sum(changed).label("changed"), func.sum(t.rejected).label("rejected"),
                   func.sum(t.requests).label("requests"))
            .where(t.run_id.in_(ids[start : start + 500])).group_by(t.run_id)
        )  # fmt: skip
        for row in (await work.connection.execute(query)).mappings():
            found[str(row["run_id"])] = {name: int(row[name] or 0) for name in _NOTHING}
    return found


def _visible(work: Work, query: Select[Any]) -> Select[Any]:
    work.actor.require("runs.view")
    label = job_labels.c
    limits = work.actor.limits("runs.view")
    seen = allowed(limits, runs.c.job, runs.c.job_id, label.job_id, label.label)
    return query if seen is None else query.where(seen)
