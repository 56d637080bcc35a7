"""A project file and the store: what differs, applied in one transaction, exported again."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import select

from syncline.control.alert_specs import ChannelSpec
from syncline.control.differences import Differences, differences
from syncline.control.plane import MASK, Work
from syncline.control.project import ConnectionSpec, JobSpec, Project, TaskSpec, started_by
from syncline.control.references import VARIABLE, is_sealed, variable_for
from syncline.control.sealing import Parted, flattened, nested, parted, secret_names
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.usecases import project_channels
from syncline.control.usecases.channels import (
    ChannelEdit,
    create_channel,
    delete_channel,
    edit_channel,
)
from syncline.control.usecases.connections import (
    ConnectionEdit,
    create_connection,
    delete_connection,
    edit_connection,
    get_connection,
)
from syncline.control.usecases.jobs import (
    create_job,
    delete_job,
    document,
    edit_job,
    get_job,
)
from syncline.errors import Invalid, Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What applying a file does to one connection, channel or job."""

    action: Literal["create", "change", "delete"]
    kind: Literal["connection", "job", "channel"]
    name: str
    #: Place -> (in the store, in the file); secrets masked.
    differences: Differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A project as a document, and the variables that its secrets are to be in."""

    document: dict[str, Any]
    variables: tuple[str, ...]


async def compare_project(
    work: Work,
    project: Project,
    *,
    prune: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Change, ...]:
    """Return what `apply_project` would do. Needs connections.view and jobs.view."""
    return tuple(
        [
            change
            async for change, _ in _changes(work, project, prune=prune, environment=environment)
        ]
    )


async def apply_project(
    work: Work,
    project: Project,
    *,
    prune: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> tuple[Change, ...]:
    """Make the store what a project file says; return what was done.

    What the file does not name stays, unless ``prune``. A secret written as ``${NAME}`` is taken
    from ``environment`` and sealed; if it is not set there, what the store has stays, and else
    the reference is kept and filled in when the job runs. Needs connections.edit and jobs.edit.
    """
    made = []
    # All is compared before anything is changed, and with what was there at the beginning.
    for change, spec in [
        pair async for pair in _changes(work, project, prune=prune, environment=environment)
    ]:
        await _apply(work, change, spec)
        made.append(change)
    return tuple(made)


async def export_project(
    work: Work,
    *,
    secrets: Literal["variables", "sealed"] = "variables",
    only: Sequence[str] = (),
) -> Exported:
    """Return the connections and jobs that the actor may see as a project file has them.

    ``only``: names of jobs, with their connections. ``secrets``: as ``${CONNECTION_PROPERTY}``,
    or sealed, which only this store's key opens and which needs settings.edit. Invariant 7.
    """
    if secrets == "sealed":
        work.actor.require("settings.edit")
    found = [await get_job(work, name) for name in only] if only else await _all_jobs(work)
    used = {c for job in found for c in (job.spec.source, job.spec.destination)}
    names = sorted(used) if only else await _visible(work, "connection")
    variables: list[str] = []
    shown = {}
    for name in names:
        shown[name] = await _exported(work, name, secrets, variables)
    told = [c for job in found for alert in job.spec.alerts for c in alert.channels]
    channels = await project_channels.exported(work, secrets, variables, told if only else None)
    jobs_ = {job.name: job.document for job in found}
    return Exported(
        document={"connections": shown}
        | ({"channels": channels} if channels else {})
        | ({"jobs": jobs_} if jobs_ else {}),
        variables=tuple(variables),
    )


async def _changes(
    work: Work, project: Project, *, prune: bool, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Change, ConnectionSpec | ChannelSpec | JobSpec | None]]:
    kept_jobs = {n.lower() for n in project.jobs}
    names = await _visible(work, "job") if prune else []
    gone = [await get_job(work, name) for name in names if name.lower() not in kept_jobs]
    # Who runs after another goes first.
    for job in sorted(gone, key=lambda j: -_depth(j.name, {g.name: g.spec for g in gone})):
        differ = differences(job.document, {})
        yield Change(action="delete", kind="job", name=job.name, differences=differ), None
    for name, spec in project.connections.items():
        change, filled = await _connection(work, name, spec, environment)
        if change is not None:
            yield change, filled
    async for pair in _channels(work, project, environment):
        yield pair
    for name in sorted(project.jobs, key=lambda n: _depth(n, project.jobs)):
        change, wanted = await _job(work, name, project.jobs[name])
        if change is not None:
            yield change, wanted
    if prune:
        async for change in _no_longer_named(work, project):
            yield change, None


async def _no_longer_named(work: Work, project: Project) -> AsyncIterator[Change]:
    """Yield the connections and channels that a file does not name; its jobs went before."""
    kept = {name.lower() for name in project.connections}
    for name in await _visible(work, "connection"):
        if name.lower() not in kept:
            facts = _facts((await get_connection(work, name)).spec)
            differ = differences(facts, {})
            yield Change(action="delete", kind="connection", name=name, differences=differ)
    # Files that know nothing of channels leave them.
    if "channels" in project.model_fields_set:
        for old in await project_channels.gone(work, project.channels):
            differ = differences(old.facts, {})
            yield Change(action="delete", kind="channel", name=old.name, differences=differ)


async def _channels(
    work: Work, project: Project, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Change, ChannelSpec]]:
    for name, spec in project.channels.items():
        found, differ, wanted = await project_channels.compared(work, name, spec, environment)
        if differ:
            change = Change(
                action="change" if found else "create",
                kind="channel",
                name=found.name if found else name,
                differences=differ,
            )
            yield change, wanted


async def _apply(work: Work, change: Change, spec: object) -> None:
    match change.action, spec:
        case "create", ConnectionSpec():
            await create_connection(work, change.name, spec)
        case "change", ConnectionSpec():
            found = await get_connection(work, change.name)
            given = flattened(spec.type, spec.properties)
            edit = ConnectionEdit(
                properties=spec.properties,
                remove=frozenset({*found.secrets, *found.properties} - set(given)),
                description=spec.description,
                labels=spec.labels,
            )
            await edit_connection(work, change.name, edit)
        case "create", ChannelSpec():
            await create_channel(work, change.name, spec)
        case "change", ChannelSpec():
            told = ChannelEdit(url=spec.url, description=spec.description)
            await edit_channel(work, change.name, told)
        case "create", JobSpec():
            await create_job(work, change.name, spec)
        case "change", JobSpec():
            await edit_job(work, change.name, spec)
        case _:
            await _DELETE[change.kind](work, change.name)


_DELETE = {"job": delete_job, "connection": delete_connection, "channel": delete_channel}


async def _connection(
    work: Work, name: str, spec: ConnectionSpec, environment: Mapping[str, str]
) -> tuple[Change | None, ConnectionSpec]:
    try:
        found = await get_connection(work, name)
    except Missing:
        given = _filled(parted(spec), spec, {}, environment)
        differ = differences({}, _facts(_masked(given, spec)))
        change = Change(action="create", kind="connection", name=name, differences=differ)
        return change, _with(spec, given)
    if found.type != spec.type:
        raise Invalid(
            f"connections.{name}: its type cannot change from {found.type} to {spec.type}",
            hint="give the new connection another name",
        )
    query = select(connections.c.properties, connections.c.sealed)
    row = (await work.connection.execute(query.where(connections.c.id == found.id))).one()
    given = _filled(parted(spec), spec, row.sealed, environment)
    differ = differences(_facts(found.spec), _facts(_masked(given, spec)))
    for key, value in given.secret.items():
        before = row.sealed.get(key)
        if before is not None and before != value and work.vault.open(before) != _open(work, value):
            differ[f"properties.{key}"] = (MASK, f"{MASK} anew")
    if not differ:
        return None, spec
    change = Change(action="change", kind="connection", name=found.name, differences=differ)
    return change, _with(spec, given)


async def _job(work: Work, name: str, spec: JobSpec) -> tuple[Change | None, JobSpec]:
    try:
        found = await get_job(work, name)
    except Missing:
        differ = differences({}, document(spec))
        return Change(action="create", kind="job", name=name, differences=differ), spec
    wanted = _with_picked_up(spec, found.spec)
    differ = differences(found.document, document(wanted))
    if not differ:
        return None, wanted
    return Change(action="change", kind="job", name=found.name, differences=differ), wanted


def _with_picked_up(spec: JobSpec, stored: JobSpec) -> JobSpec:
    """Return a job of all tables with the tasks that its runs have added by themselves."""
    if not spec.all_tables:
        return spec
    named = {task.table.lower() for task in spec.tasks if task.table}
    added = tuple(
        task
        for task in stored.tasks
        if task.table and task.table.lower() not in named and task == TaskSpec(table=task.table)
    )
    return spec.model_copy(update={"tasks": (*spec.tasks, *added)})


def _filled(
    given: Parted, spec: ConnectionSpec, kept: Mapping[str, str], environment: Mapping[str, str]
) -> Parted:
    """Return properties with the secrets that a file's references stand for."""
    secrets = secret_names(spec.type, given.shown)
    shown, secret = dict(given.shown), dict(given.secret)
    for name in secrets & set(shown):
        match = VARIABLE.fullmatch(str(shown[name]))
        if match is None:
            continue
        if match[1] in environment:
            secret[name] = environment[match[1]]
            del shown[name]
        elif name in kept:
            secret[name] = kept[name]
            del shown[name]
    return replace(given, shown=shown, secret=secret)


def _masked(given: Parted, spec: ConnectionSpec) -> ConnectionSpec:
    return _with(spec, replace(given, secret=dict.fromkeys(given.secret, MASK)))


def _with(spec: ConnectionSpec, given: Parted) -> ConnectionSpec:
    return spec.model_copy(update={"properties": nested({**given.shown, **given.secret})})


def _facts(spec: ConnectionSpec) -> dict[str, Any]:
    facts: dict[str, Any] = {"type": spec.type, "properties": spec.properties}
    if spec.description:
        facts["description"] = spec.description
    return facts | ({"labels": list(spec.labels)} if spec.labels else {})


def _open(work: Work, value: str) -> str:
    return work.vault.open(value) if is_sealed(value) else value


async def _exported(
    work: Work, name: str, secrets: Literal["variables", "sealed"], variables: list[str]
) -> dict[str, Any]:
    found = await get_connection(work, name)
    query = select(connections.c.sealed).where(connections.c.id == found.id)
    sealed = await work.connection.scalar(query) or {}
    values: dict[str, object] = {}
    for key in found.secrets:
        if secrets == "sealed":
            values[key] = sealed[key]
        else:
            variable = variable_for(f"{name}_{key.rpartition('.')[2]}", variables)
            values[key] = f"${{{variable}}}"
    facts = _facts(found.spec)
    return facts | {"properties": nested({**found.properties, **values})}


def _depth(name: str, specs: Mapping[str, JobSpec]) -> int:
    """Return how many other jobs of the same file a job needs to be there."""
    folded = {n.lower(): spec for n, spec in specs.items()}
    seen: set[str] = set()
    following = [name.lower()]
    while following:
        spec = folded.get(following.pop())
        if spec is None:
            continue
        needed = {job.lower() for job in started_by(spec)}
        if spec.schedule is not None and spec.schedule.after is not None:
            needed.add(spec.schedule.after.job.lower())
        following += needed - seen
        seen |= needed
    return len(seen)


async def _visible(work: Work, kind: Literal["connection", "job"]) -> list[str]:
    table = jobs if kind == "job" else connections
    getter = get_job if kind == "job" else get_connection
    names = (await work.connection.scalars(select(table.c.name).order_by(table.c.folded))).all()
    found = []
    for name in names:
        try:
            found.append((await getter(work, name)).name)
        except Missing:
            continue
    return found


async def _all_jobs(work: Work) -> list[Any]:
    return [await get_job(work, name) for name in await _visible(work, "job")]
