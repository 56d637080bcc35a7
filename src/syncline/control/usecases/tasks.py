"""Tasks of a stored job: many added at once, one changed, moved, switched off, taken away."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from syncline.control.connections import described
from syncline.control.plane import Work
from syncline.control.project import JobSpec, OpenedConnection, Project, TaskSpec
from syncline.control.tasks import all_tasks_of, with_new_tables
from syncline.control.usecases.connections import opened_connection
from syncline.control.usecases.jobs import Job, document, edit_job, get_job
from syncline.errors import Invalid, Missing


def task_of(given: Mapping[str, Any]) -> TaskSpec:
    """Return a task as it was given. Raises `Invalid` with the place of the first mistake."""
    try:
        return TaskSpec.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"{place}: {first['msg']}" if place else first["msg"],
            hint="see the reference of the project file",
        ) from None


def targets(job: Job) -> tuple[str, ...]:
    """Return the target table of each task, with its schema if it names one."""
    found = all_tasks_of(job.name, job.spec)
    return tuple(f"{t.schema}.{t.target}" if t.schema else t.target for t in found)


async def add_tables(
    work: Work,
    name: str,
    tables: Iterable[str],
    *,
    like: TaskSpec | None = None,
    version: int | None = None,
) -> Job:
    """Add a task for each table of the source that has none yet, in this order.

    ``like``: a task whose settings the new ones get (its table, columns and ``into`` do not
    count). Needs jobs.edit.
    """
    job = await get_job(work, name, permission="jobs.edit")
    known = {task.table.lower() for task in job.spec.tasks if task.table}
    own = {"table", "query", "columns", "where", "into", "mapping", "parameters"}
    settings = {k: v for k, v in document(like).items() if k not in own} if like else {}
    new = [task_of({**settings, "table": t}) for t in tables if t.lower() not in known]
    return await _with_tasks(work, job, (*job.spec.tasks, *new), version)


async def add_task(work: Work, name: str, task: TaskSpec, *, version: int | None = None) -> Job:
    """Add one task, a query for example. Needs jobs.edit."""
    job = await get_job(work, name, permission="jobs.edit")
    return await _with_tasks(work, job, (*job.spec.tasks, task), version)


async def edit_task(
    work: Work, name: str, task_id: str, task: TaskSpec, *, version: int | None = None
) -> Job:
    """Make a task what ``task`` says. Needs jobs.edit. Raises `Missing`, `Conflict`, `Invalid`."""
    job = await get_job(work, name, permission="jobs.edit")
    at = _position(job, task_id)
    changed = (*job.spec.tasks[:at], task, *job.spec.tasks[at + 1 :])
    return await _with_tasks(work, job, changed, version)


async def enable_tasks(
    work: Work, name: str, task_ids: Sequence[str], *, enabled: bool, version: int | None = None
) -> Job:
    """Switch tasks on, or off: they stay in the job and are not run. Needs jobs.edit."""
    job = await get_job(work, name, permission="jobs.edit")
    places = {_position(job, task_id) for task_id in task_ids}
    changed = tuple(
        task.model_copy(update={"enabled": enabled}) if at in places else task
        for at, task in enumerate(job.spec.tasks)
    )
    return await _with_tasks(work, job, changed, version)


async def move_task(
    work: Work, name: str, task_id: str, position: int, *, version: int | None = None
) -> Job:
    """Put a task at another place of the order, counted from 0. Needs jobs.edit."""
    job = await get_job(work, name, permission="jobs.edit")
    at = _position(job, task_id)
    rest = [*job.spec.tasks[:at], *job.spec.tasks[at + 1 :]]
    if not 0 <= position <= len(rest):
        raise Invalid(
            f"the job has {len(rest) + 1} tasks, counted from 0", hint="choose another position"
        )
    rest.insert(position, job.spec.tasks[at])
    return await _with_tasks(work, job, tuple(rest), version)


async def delete_tasks(
    work: Work, name: str, task_ids: Sequence[str], *, version: int | None = None
) -> Job:
    """Take tasks out of a job; their target tables stay as they are. Needs jobs.edit.

    A job of all tables adds a table again: switch its task off instead.
    """
    job = await get_job(work, name, permission="jobs.edit")
    places = {_position(job, task_id) for task_id in task_ids}
    left = tuple(task for at, task in enumerate(job.spec.tasks) if at not in places)
    return await _with_tasks(work, job, left, version)


async def pick_up_tables(work: Work, name: str) -> Job:
    """Add the tables that are new in the source to a job of all tables; others stay as they are.

    Nobody signs in and nothing is sent: what a source offers is told by its profile. Part of
    every run. Needs jobs.edit.
    """
    job = await get_job(work, name, permission="jobs.edit")
    if not job.spec.all_tables:
        return job
    spec = with_new_tables(
        job.spec, described(await stored_project(work, job.spec), job.spec.source)
    )
    if spec == job.spec:
        return job
    return await edit_job(work, name, spec)


async def stored_project(work: Work, *specs: JobSpec, connection: str = "") -> Project:
    """Return a project with the opened connections of jobs, to run or look at them.

    Invariant 7: it holds secrets; it is for `syncline.control.connections` only. Variables of
    the environment are put in. No permission is asked for.
    """
    names = {name for spec in specs for name in (spec.source, spec.destination)}
    names |= {connection} if connection else set()
    opened: dict[str, OpenedConnection] = {}
    for name in sorted(names):
        found = await opened_connection(work, name)
        opened[name] = found
    return Project.model_construct(connections=opened, jobs={})


async def _with_tasks(
    work: Work, job: Job, tasks: tuple[TaskSpec, ...], version: int | None
) -> Job:
    spec = job.spec.model_copy(update={"tasks": tasks})
    return await edit_job(work, job.name, spec, version=version)


def _position(job: Job, task_id: str) -> int:
    if task_id not in job.task_ids:
        raise Missing(
            f"the job {job.name} has no task {task_id!r}", hint="see the list of its tasks"
        )
    return job.task_ids.index(task_id)
