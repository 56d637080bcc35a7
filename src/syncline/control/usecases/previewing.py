"""What a task of a stored job would do, before it is saved or run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa
from sqlalchemy import select

from syncline.control.access import Actor
from syncline.control.connections import described, opened_source
from syncline.control.mapping import TaskMapping, mapping_of
from syncline.control.plane import Plane, Work
from syncline.control.previewing import Outlook, first_rows, outlook
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.store.connections import connections
from syncline.control.stored_tokens import StoredTokens
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases.jobs import get_job
from syncline.control.usecases.tasks import stored_project
from syncline.errors import Invalid
from syncline.model.job import Task
from syncline.model.type_names import told_type

#: A value that JSON has; times, decimals and bytes are texts.
Cell: TypeAlias = str | int | float | bool | None
_MOST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownColumn:
    """A column of a preview."""

    name: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRows:
    """The first rows of a task as its target would get them."""

    columns: tuple[ShownColumn, ...]
    rows: tuple[tuple[Cell, ...], ...]
    #: The first rows that were read for them, as the source sent them.
    before_columns: tuple[ShownColumn, ...]
    before: tuple[tuple[Cell, ...], ...]
    #: Of an existing table: values that do not fit, a line each.
    misfits: tuple[str, ...]


async def task_outlook(plane: Plane, actor: Actor, job: str, task: TaskSpec) -> Outlook:
    """Say how a task would be read and written. Needs jobs.edit.

    Nobody signs in; only an existing target is connected to. Raises `QueryError`, `Invalid`, and
    what connecting raises.
    """
    async with _prepared(plane, actor, job, task) as (work, spec, made):
        project = await stored_project(work, spec)
    tables = described(project, spec.source)
    return await outlook(project, spec, made, tables, plane.clock)


async def task_mapping(plane: Plane, actor: Actor, job: str, task: TaskSpec) -> TaskMapping:
    """Show a task's columns beside those of the existing table it writes to. Needs jobs.edit.

    Raises `Invalid` for a task whose target Syncline makes, `QueryError`, and what connecting
    raises.
    """
    if not task.existing:
        raise Invalid(
            "only a task that writes to an existing table has a mapping",
            hint="set 'existing: true'",
        )
    async with _prepared(plane, actor, job, task) as (work, spec, made):
        project = await stored_project(work, spec)
    tables = described(project, spec.source)
    return await mapping_of(project, spec, made, tables, plane.clock)


async def task_preview(
    plane: Plane, actor: Actor, job: str, task: TaskSpec, *, limit: int = 50
) -> ShownRows:
    """Read the first rows of a task; nothing is written. Needs jobs.edit.

    Raises `CredentialError` if nobody has signed in, and what reading raises.
    """
    if not 0 < limit <= _MOST:
        raise Invalid(f"a preview has 1 to {_MOST} rows", hint="change limit")
    async with _prepared(plane, actor, job, task) as (work, spec, made):
        project = await stored_project(work, spec)
        query = select(connections.c.id).where(connections.c.folded == spec.source.lower())
        owner = str(await work.connection.scalar(query))
    async with opened_source(
        project, spec.source, plane.clock,
        observe=lambda _: None, say=lambda _: None, tokens=StoredTokens(plane, owner),
    ) as source:  # fmt: skip
        found = await first_rows(project, spec, made, source, plane.clock, limit=limit)
    columns, rows = _shown(found.rows)
    before_columns, before = _shown(found.before)
    return ShownRows(
        columns=columns, rows=rows, before_columns=before_columns, before=before,
        misfits=found.misfits,
    )  # fmt: skip


def _shown(rows: pa.Table) -> tuple[tuple[ShownColumn, ...], tuple[tuple[Cell, ...], ...]]:
    values = (column.to_pylist() for column in rows.columns)
    return (
        tuple(ShownColumn(name=field.name, type=told_type(field)) for field in rows.schema),
        tuple(tuple(_cell(value) for value in row) for row in zip(*values, strict=True)),
    )


@asynccontextmanager
async def _prepared(
    plane: Plane, actor: Actor, job: str, task: TaskSpec
) -> AsyncIterator[tuple[Work, JobSpec, Task]]:
    async with plane.looking(actor) as work:
        found = await get_job(work, job, permission="jobs.edit")
        alone = found.spec.model_copy(update={"tasks": (task,)})
        (made,) = all_tasks_of(found.name, alone)
        yield work, found.spec, made


def _cell(value: object) -> Cell:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.hex()
        case _:
            return str(value)
