"""Jobs of the store: made, listed, looked at, changed, paused, copied, deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import RowMapping, delete, insert, select, update

from syncline.control.differences import Differences, differences
from syncline.control.plane import Work
from syncline.control.project import JobSpec, TaskSpec, started_by
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.schedules import schedules
from syncline.control.store.tasks import tasks
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases import connections as connection_cases
from syncline.control.usecases.alerting import put_alert_channels
from syncline.control.usecases.connections import checked_name, refuse_old
from syncline.control.usecases.scheduling import put_schedule
from syncline.errors import ConfigError, Conflict, InUse, Invalid, Missing, NameTaken

#: What of a `JobSpec` has columns or tables of its own.
_APART = {"source", "destination", "tasks", "schedule", "labels", "description", "paused"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job, whole."""

    id: str
    name: str
    #: As a project file has it: source, destination, tasks, schedule, labels, everything.
    spec: JobSpec
    #: Ids of the tasks, in the order of ``spec.tasks``.
    task_ids: tuple[str, ...]
    next_run_at: datetime | None
    changed_at: datetime
    changed_by: str
    version: int

    @property
    def document(self) -> dict[str, Any]:
        """The spec as JSON and YAML have it, without what is at its default."""
        return document(self.spec)


def document(spec: JobSpec | TaskSpec) -> dict[str, Any]:
    """Return a spec as JSON and YAML have it, without what is at its default."""
    written: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return written


def job_of(given: Mapping[str, Any]) -> JobSpec:
    """Return a job as it was given. Raises `Invalid` with the place of the first mistake."""
    try:
        return JobSpec.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"{place}: {first['msg']}" if place else first["msg"],
            hint="see the reference of the project file",
        ) from None


async def create_job(work: Work, name: str, spec: JobSpec) -> Job:
    """Keep a new job. Needs jobs.edit, and connections.view for both of its connections.

    Raises `NameTaken`, `Invalid`, `Missing` for a connection, `ProjectError` for tasks that
    contradict each other.
    """
    work.actor.require("jobs.edit", name, spec.labels)
    checked_name(name)
    if await _row(work, name) is not None:
        raise NameTaken(
            f"there is a job {name!r} already", hint="choose another name, or edit that one"
        )
    row = {
        "id": work.new_id(),
        "name": name,
        "folded": name.lower(),
        "version": 1,
        "created_at": work.now,
        **await _values(work, name, spec),
    }
    await work.connection.execute(insert(jobs).values(row))
    await _put_parts(work, str(row["id"]), name, spec)
    made = await get_job(work, name, permission="jobs.edit")
    await work.record("jobs.create", "job", name, differences({}, made.document))
    return made


async def get_job(work: Work, name: str, *, permission: str = "jobs.view") -> Job:
    """Return one job, whole. Raises `Missing` if the actor may not see it."""
    row = await _row(work, name)
    if row is not None:
        found = await _whole(work, row)
        if work.actor.may(permission, found.name, found.spec.labels):
            return found
        if work.actor.may("jobs.view", found.name, found.spec.labels):
            work.actor.require(permission, found.name, found.spec.labels)
    raise Missing(f"there is no job {name!r}", hint="see the list of jobs")


async def edit_job(work: Work, name: str, spec: JobSpec, *, version: int | None = None) -> Job:
    """Make a job what ``spec`` says, tasks and schedule included. Needs jobs.edit.

    ``version``: the one that the editor saw. Raises `Conflict` with the differences if it is not
    the newest, `Missing`, `Invalid`, `ProjectError`.
    """
    before = await get_job(work, name, permission="jobs.edit")
    work.actor.require("jobs.edit", name, spec.labels)
    if version is not None and version != before.version:
        differ = differences(before.document, document(spec))
        raise Conflict(
            f"{before.changed_by} has changed the job {name} meanwhile",
            hint="look at the differences, and save again on top of the newest version",
            differences=tuple((place, *pair) for place, pair in differ.items()),
        )
    if spec == before.spec:
        return before
    return await _changed(work, before, spec, "jobs.edit")


async def change_job(
    work: Work, name: str, changes: Mapping[str, Any], *, version: int | None = None
) -> Job:
    """Change some settings of a job; names as in a project file, None: back to the default."""
    before = await get_job(work, name, permission="jobs.edit")
    whole = before.document | {key: value for key, value in changes.items() if value is not None}
    for key, value in changes.items():
        if value is None:
            whole.pop(key, None)
    return await edit_job(work, name, job_of(whole), version=version)


async def pause_job(work: Work, name: str, *, paused: bool) -> Job:
    """Stop a job's schedule, or let it go on. Needs jobs.run."""
    before = await get_job(work, name, permission="jobs.run")
    if before.spec.paused == paused:
        return before
    spec = before.spec.model_copy(update={"paused": paused})
    return await _changed(work, before, spec, "jobs.pause" if paused else "jobs.resume")


async def copy_job(
    work: Work, name: str, new_name: str, changes: Mapping[str, Any] | None = None
) -> Job:
    """Make a new job like this one, paused, with other settings where ``changes`` has some."""
    before = await get_job(work, name)
    spec = job_of({**before.document, "paused": True, **(changes or {})})
    return await create_job(work, new_name, spec)


async def delete_job(work: Work, name: str, *, version: int | None = None) -> None:
    """Delete a job; its tables in the destination, and its runs, stay. Needs jobs.edit.

    Raises `InUse` if another job runs after it, `Conflict` if ``version`` is not the newest.
    """
    found = await get_job(work, name, permission="jobs.edit")
    refuse_old(f"the job {name}", found.version, version, found.changed_by)
    followers = select(jobs.c.name).join(schedules, schedules.c.job_id == jobs.c.id)
    names = await work.connection.scalars(followers.where(schedules.c.after_job_id == found.id))
    if waiting := names.all():
        raise InUse(
            f"{', '.join(waiting)} runs after the job {name}",
            hint="give it another schedule first",
        )
    await work.connection.execute(delete(jobs).where(jobs.c.id == found.id))
    await work.record("jobs.delete", "job", name, differences(found.document, {}))


async def _changed(work: Work, before: Job, spec: JobSpec, action: str) -> Job:
    values = await _values(work, before.name, spec)
    await work.connection.execute(
        update(jobs).where(jobs.c.id == before.id).values(version=before.version + 1, **values)
    )
    await _put_parts(work, before.id, before.name, spec)
    row = await _row(work, before.name)
    assert row is not None  # noqa: S101 (it was just written)
    after = await _whole(work, row)
    changes: Differences = differences(before.document, after.document)
    await work.record(action, "job", before.name, changes)
    return after


async def _values(work: Work, name: str, spec: JobSpec) -> dict[str, Any]:
    """Return the columns of a job; checks everything that can be checked here."""
    ids = {}
    for role, connection in (("source", spec.source), ("destination", spec.destination)):
        found = await connection_cases.get_connection(work, connection)
        if (found.type == "api") != (role == "source"):
            what = "no source" if role == "source" else "an API, no destination"
            raise Invalid(
                f"jobs.{name}.{role}: the connection {connection} is {what}",
                hint=f"choose a connection that is a {role}",
            )
        ids[role] = found.id
    try:
        all_tasks_of(name, spec)
    except ConfigError as error:
        raise Invalid(str(error), hint=error.hint) from error
    await _check_starts(work, name, spec)
    return {
        "description": spec.description,
        "source_id": ids["source"],
        "destination_id": ids["destination"],
        "spec": {k: v for k, v in document(spec).items() if k not in _APART},
        "paused": spec.paused,
        "changed_at": work.now,
        "changed_by": work.actor.name,
    }


async def _check_starts(work: Work, name: str, spec: JobSpec) -> None:
    """Refuse actions that start what the actor may not, or that come round to this job again."""
    for wanted in started_by(spec):
        if wanted.lower() != name.lower():
            await get_job(work, wanted, permission="jobs.run")
    ends = {name.lower()}
    if spec.schedule is not None and spec.schedule.after is not None:
        ends.add(spec.schedule.after.job.lower())
    seen: set[str] = set()
    following = [w.lower() for w in started_by(spec)]
    if len(ends) > 1:
        following += await _followers(work, name.lower())
    while following:
        step = following.pop()
        if step in ends:
            raise Invalid(
                f"jobs.{name}: by actions and schedules, {name} would run after itself",
                hint="for a job that begins again by itself, choose 'continuous' as its schedule",
            )
        if step not in seen:
            seen.add(step)
            row = await _row(work, step)
            if row is not None:
                following += [w.lower() for w in started_by((await _whole(work, row)).spec)]
                following += await _followers(work, step)


async def _followers(work: Work, folded: str) -> list[str]:
    """Return the jobs that run after a job by their schedule."""
    first = jobs.alias("first")
    query = (
        select(jobs.c.folded)
        .join(schedules, schedules.c.job_id == jobs.c.id)
        .join(first, first.c.id == schedules.c.after_job_id)
        .where(first.c.folded == folded)
    )
    return [str(found) for found in (await work.connection.scalars(query)).all()]


async def _put_parts(work: Work, job_id: str, name: str, spec: JobSpec) -> None:
    """Write labels, tasks and schedule; tasks that stay keep their ids."""
    c = job_labels.c
    await work.connection.execute(delete(job_labels).where(c.job_id == job_id))
    if spec.labels:
        rows = [{"job_id": job_id, "label": label} for label in spec.labels]
        await work.connection.execute(insert(job_labels), rows)
    known = {
        row.folded: row
        for row in await work.connection.execute(
            select(tasks.c.id, tasks.c.folded, tasks.c.added_at).where(tasks.c.job_id == job_id)
        )
    }
    await work.connection.execute(delete(tasks).where(tasks.c.job_id == job_id))
    written = []
    pairs = zip(all_tasks_of(name, spec), spec.tasks, strict=True)
    for position, (task, given) in enumerate(pairs):
        old = known.get(task.id.lower())
        written.append(
            {
                "id": old.id if old else work.new_id(),
                "job_id": job_id,
                "position": position,
                "key": task.id,
                "folded": task.id.lower(),
                "spec": document(given),
                "added_at": old.added_at if old else work.now,
            }
        )
    if written:
        await work.connection.execute(insert(tasks), written)
    await put_schedule(work, job_id, name, spec.schedule, paused=spec.paused)
    told = frozenset(channel for alert in spec.alerts for channel in alert.channels)
    await put_alert_channels(work, job_id, name, told)


async def _row(work: Work, name: str) -> RowMapping | None:
    source, destination = connections.alias("source"), connections.alias("destination")
    query = (
        select(
            jobs,
            source.c.name.label("source"),
            destination.c.name.label("destination"),
            schedules.c.spec.label("schedule"),
            schedules.c.next_run_at,
        )
        .join(source, source.c.id == jobs.c.source_id)
        .join(destination, destination.c.id == jobs.c.destination_id)
        .outerjoin(schedules, schedules.c.job_id == jobs.c.id)
        .where(jobs.c.folded == name.lower())
    )
    return (await work.connection.execute(query)).mappings().one_or_none()


async def _whole(work: Work, row: RowMapping) -> Job:
    query = select(tasks.c.id, tasks.c.spec).where(tasks.c.job_id == row["id"])
    found = (await work.connection.execute(query.order_by(tasks.c.position))).all()
    labels = await labels_of(work, [row["id"]])
    spec = JobSpec.model_validate(
        {
            **row["spec"],
            "source": row["source"],
            "destination": row["destination"],
            "description": row["description"],
            "paused": row["paused"],
            "labels": labels.get(row["id"], ()),
            "schedule": row["schedule"],
            "tasks": [task.spec for task in found],
        }
    )
    return Job(
        id=row["id"],
        name=row["name"],
        spec=spec,
        task_ids=tuple(task.id for task in found),
        next_run_at=row["next_run_at"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        version=row["version"],
    )


async def labels_of(work: Work, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the labels of jobs by the jobs' ids."""
    c = job_labels.c
    query = select(c.job_id, c.label).where(c.job_id.in_(ids)).order_by(c.label)
    found: dict[str, tuple[str, ...]] = {}
    for owner, label in (await work.connection.execute(query)).all():
        found[owner] = (*found.get(owner, ()), label)
    return found
