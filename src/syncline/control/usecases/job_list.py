"""The list of jobs: searched, filtered, ordered, in pages; quick with thousands of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, func, select

from syncline.control.paging import (
    Page,
    Wanted,
    allowed,
    counted,
    labelled,
    ordered,
    page_bounds,
    searched,
)
from syncline.control.plane import Work
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.runs import runs
from syncline.control.store.schedules import schedules
from syncline.control.store.tasks import tasks
from syncline.control.timetable import ScheduleSpec
from syncline.control.usecases.jobs import labels_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """How a job last ran, or runs now."""

    id: str
    state: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job in a list."""

    id: str
    name: str
    description: str
    source: str
    destination: str
    labels: tuple[str, ...]
    paused: bool
    schedule: ScheduleSpec | None
    next_run_at: datetime | None
    tasks: int
    last_run: LastRun | None
    changed_at: datetime
    changed_by: str
    version: int


async def list_jobs(
    work: Work,
    wanted: Wanted | None = None,
    *,
    connection: str = "",
    paused: bool | None = None,
    state: str = "",
) -> Page[JobRow]:
    """Return a page of the jobs that the actor may see.

    ``connection``: name of a source or destination; ``state``: of the last run. Order by name,
    source, destination, next_run_at, last_run_at, changed_at.
    """
    wanted = wanted or Wanted()
    offset, limit = page_bounds(wanted)
    c, label = jobs.c, job_labels.c
    source, destination = connections.alias("source"), connections.alias("destination")
    # The newest run of each job, found in the index without looking at the others.
    newest = (
        select(runs.c.id)
        .where(runs.c.job_id == c.id)
        .order_by(runs.c.created_at.desc())
        .limit(1)
        .correlate(jobs)
        .scalar_subquery()
    )
    joined = (
        jobs.join(source, source.c.id == c.source_id)
        .join(destination, destination.c.id == c.destination_id)
        .outerjoin(schedules, schedules.c.job_id == c.id)
        .outerjoin(runs, runs.c.id == newest)
    )
    query = (
        select(
            c.id, c.name, c.description, c.paused, c.changed_at, c.changed_by, c.version,
            source.c.name.label("source"), destination.c.name.label("destination"),
            schedules.c.spec.label("schedule"), schedules.c.next_run_at,
            runs.c.id.label("run_id"), runs.c.state, runs.c.created_at.label("run_at"),
            runs.c.finished_at,
        )
        .select_from(joined)
        .where(
            searched(wanted.search, c.name, c.description, source.c.name, destination.c.name),
            *labelled(wanted.labels, c.id, label.job_id, label.label),
        )
    )  # fmt: skip
    seen = allowed(work.actor.limits("jobs.view"), c.name, c.id, label.job_id, label.label)
    if seen is not None:
        query = query.where(seen)
    if connection:
        folded = connection.lower()
        query = query.where((source.c.folded == folded) | (destination.c.folded == folded))
    if paused is not None:
        query = query.where(c.paused.is_(paused))
    if state:
        query = query.where(runs.c.state == state)
    columns = {"name": c.folded, "source": source.c.name, "destination": destination.c.name,
               "next_run_at": schedules.c.next_run_at, "last_run_at": runs.c.created_at,
               "changed_at": c.changed_at}  # fmt: skip
    total = await counted(work.connection, query)
    query = query.order_by(*ordered(wanted, columns)).offset(offset).limit(limit)
    rows = (await work.connection.execute(query)).mappings().all()
    ids = [row["id"] for row in rows]
    labels, counts = await labels_of(work, ids), await _task_counts(work, ids)
    found = tuple(_listed(r, labels.get(r["id"], ()), counts.get(r["id"], 0)) for r in rows)
    return Page(items=found, total=total, offset=offset, limit=limit)


async def labels_in_use(work: Work) -> tuple[str, ...]:
    """Return every label of jobs that the actor may see, in order."""
    c, label = jobs.c, job_labels.c
    query = select(label.label).join(jobs, c.id == label.job_id).distinct().order_by(label.label)
    seen = allowed(work.actor.limits("jobs.view"), c.name, c.id, label.job_id, label.label)
    found = await work.connection.scalars(query if seen is None else query.where(seen))
    return tuple(found.all())


async def _task_counts(work: Work, ids: Sequence[str]) -> dict[str, int]:
    c = tasks.c
    query = select(c.job_id, func.count()).where(c.job_id.in_(ids)).group_by(c.job_id)
    return {row[0]: row[1] for row in (await work.connection.execute(query)).all()}


def _listed(row: RowMapping, labels: tuple[str, ...], count: int) -> JobRow:
    last = None
    if row["run_id"] is not None:
        last = LastRun(
            id=row["run_id"],
            state=row["state"],
            created_at=row["run_at"],
            finished_at=row["finished_at"],
        )
    return JobRow(
        id=row["id"],
        name=row["name"],
        description=row["description"],
        source=row["source"],
        destination=row["destination"],
        labels=labels,
        paused=row["paused"],
        schedule=ScheduleSpec.model_validate(row["schedule"]) if row["schedule"] else None,
        next_run_at=row["next_run_at"],
        tasks=count,
        last_run=last,
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        version=row["version"],
    )
