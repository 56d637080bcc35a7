"""What a connection offers: is it right, which tables and columns are there."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from sqlalchemy import update

from syncline.control.access import Actor
from syncline.control.connections import (
    Say,
    described,
    look_at_destination,
    opened_source,
    say_nothing,
    source_properties,
)
from syncline.control.plane import Plane, Work
from syncline.control.project import OpenedConnection, Project
from syncline.control.store.connections import connections
from syncline.control.stored_tokens import StoredTokens
from syncline.control.usecases.connections import (
    edited_connection,
    get_connection,
    opened_connection,
    spec_of,
)
from syncline.errors import Missing, SynclineError, Unavailable
from syncline.model.run import Clock
from syncline.model.table import Scan, Table, description_of
from syncline.model.type_names import told_type

#: A test that takes longer has failed, in seconds.
PATIENCE = 30.0
#: … unless something is started for it.
LONG_PATIENCE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that a test of a connection looked at."""

    name: str
    ok: bool
    message: str = ""
    hint: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What a test found: steps up to one that failed and that all others depend on."""

    ok: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTable:
    """A table that a source offers."""

    name: str
    description: str
    primary_key: tuple[str, ...]
    #: The column by which only changes are read; None: every read is whole.
    cursor_column: str | None
    #: The source itself tells which rows are gone.
    tells_deletes: bool
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedColumn:
    """A column of a table that a source offers."""

    name: str
    type: str
    nullable: bool
    key: bool
    description: str
    #: Comparisons that the API answers itself.
    filters: tuple[str, ...]


async def offered_tables(work: Work, name: str) -> tuple[OfferedTable, ...]:
    """Return the tables of a source; nobody signs in, nothing is sent. Needs connections.view."""
    return tuple(_table(table) for table in (await _described(work, name)).values())


async def offered_columns(work: Work, name: str, table: str) -> tuple[OfferedColumn, ...]:
    """Return the columns of a table of a source. Needs connections.view. Raises `Missing`."""
    tables = {key.lower(): found for key, found in (await _described(work, name)).items()}
    found = tables.get(table.lower())
    if found is None:
        raise Missing(f"{name} has no table {table!r}", hint="see the list of its tables")
    return tuple(
        OfferedColumn(
            name=field.name,
            type=told_type(field),
            nullable=field.nullable,
            key=field.name in found.primary_key,
            description=description_of(field),
            filters=tuple(sorted(found.filters[field.name].operators))
            if field.name in found.filters
            else (),
        )
        for field in found.schema
    )


async def check_connection(
    plane: Plane, actor: Actor, name: str, *, announce: Say = say_nothing
) -> Tested:
    """Test a stored connection and keep what was found. Needs connections.edit.

    Errors of the connection are steps that failed; they are not raised. ``announce`` is told
    what takes its time, such as a database that has to be started first.
    """
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        try:
            opened = await opened_connection(work, name)
        except SynclineError as error:
            tested = Tested(ok=False, steps=(_failed("settings", error),))
            opened = None
    if opened is not None:
        tested = await _tested(plane, found.name, found.id, opened, announce)
    async with plane.changing(actor) as work:
        bad = next((step for step in tested.steps if not step.ok), None)
        await work.connection.execute(
            update(connections)
            .where(connections.c.id == found.id)
            .values(
                status="ok" if tested.ok else "failed",
                tested_at=work.now,
                test_error=bad.message if bad else None,
            )
        )
        await work.record(
            "connections.test", "connection", found.name, {"status": (found.status, tested.ok)}
        )
    return tested


async def check_properties(
    plane: Plane,
    actor: Actor,
    type_: str,
    properties: Mapping[str, object],
    name: str = "",
    *,
    announce: Say = say_nothing,
) -> Tested:
    """Test a connection that is not stored yet, or with properties as they are being edited.

    ``name``: of the stored connection whose secrets fill in absent ones, as in an edit. Needs
    connections.edit.
    """
    actor.require("connections.edit")
    spec = spec_of({"type": type_, "properties": properties})
    try:
        async with plane.looking(actor) as work:
            opened, owner = await edited_connection(work, name, spec)
    except SynclineError as error:
        return Tested(ok=False, steps=(_failed("settings", error),))
    return await _tested(plane, name or "new", owner, opened, announce)


async def _described(work: Work, name: str) -> dict[str, Table]:
    await get_connection(work, name)
    return dict(described(_project(name, await opened_connection(work, name)), name))


async def check_destination(
    project: Project, name: str, announce: Say = say_nothing
) -> AsyncGenerator[Step]:
    """Test the connection of a destination: each step as it is done.

    A step has `PATIENCE` seconds, and as many as it takes where something has to be started.
    """
    last = ""
    patience = PATIENCE

    def waits(text: str) -> None:
        nonlocal patience
        patience = LONG_PATIENCE
        if limit is not None:
            limit.reschedule(asyncio.get_running_loop().time() + patience)
        announce(text)

    limit: asyncio.Timeout | None = None
    async with aclosing(look_at_destination(project, name, waits)) as steps:
        while True:
            patience = PATIENCE
            try:
                async with asyncio.timeout(PATIENCE) as limit:
                    looked = await anext(steps, None)
            except TimeoutError:
                yield _failed(_ORDER.get(last, "end"), _late(patience))
                return
            except SynclineError as error:
                yield _failed(_ORDER.get(last, "end"), error)
                return
            if looked is None:
                return
            last = looked.name
            if looked.error is None:
                yield Step(name=looked.name, ok=True, message=looked.message)
            else:
                yield _failed(looked.name, looked.error)


async def check_written(
    project: Project,
    name: str,
    clock: Clock,
    *,
    tokens: StoredTokens | None = None,
    announce: Say = say_nothing,
) -> Tested:
    """Test a connection as it is written in a project. Errors are steps that failed."""
    steps: list[Step] = []
    if project.connections[name].type != "api":
        async with aclosing(check_destination(project, name, announce)) as found:
            steps += [step async for step in found]
        return Tested(ok=all(step.ok for step in steps), steps=tuple(steps))
    try:
        async with asyncio.timeout(PATIENCE):
            await _try_source(project, name, clock, tokens=tokens, announce=announce, steps=steps)
    except TimeoutError:
        steps.append(_failed(_next_step(steps), _late(PATIENCE)))
    except SynclineError as error:
        steps.append(_failed(_next_step(steps), error))
    return Tested(ok=all(step.ok for step in steps), steps=tuple(steps))


async def _tested(
    plane: Plane, name: str, owner: str, opened: OpenedConnection, announce: Say
) -> Tested:
    tokens = StoredTokens(plane, owner) if owner else None
    return await check_written(
        _project(name, opened), name, plane.clock, tokens=tokens, announce=announce
    )


async def _try_source(
    project: Project,
    name: str,
    clock: Clock,
    *,
    tokens: StoredTokens | None,
    announce: Say,
    steps: list[Step],
) -> None:
    given = source_properties(project, name)
    steps.append(Step(name="settings", ok=True, message=f"profile {given.profile}"))
    async with opened_source(
        project, name, clock, observe=lambda _: None, say=announce, tokens=tokens
    ) as source:
        tables = await source.tables()
        steps.append(Step(name="sign in", ok=True, message=f"{len(tables)} tables"))
        table = _easiest(tables.values())
        if table is None:
            return
        scan = Scan(table=table, columns=tuple(table.schema.names), limit=1)
        rows = 0
        batches = source.read(scan, None)
        try:
            async for batch in batches:
                rows += batch.records.num_rows
                break
        finally:
            await batches.aclose()
        read = f"read {rows} row{'' if rows == 1 else 's'} of {table.name}"
        steps.append(Step(name="read", ok=True, message=read))


#: What comes after a step, for the name of the one that failed.
_ORDER = {
    "": "settings", "settings": "connect", "sign in": "read", "connect": "query",
    "warehouse": "sign in", "catalog": "schema", "schema": "tables", "tables": "volume",
}  # fmt: skip


def _next_step(steps: list[Step]) -> str:
    return _ORDER.get(steps[-1].name if steps else "", "end")


def _easiest(tables: Iterable[Table]) -> Table | None:
    """Return a table that needs no filter, the one with the fewest columns."""
    free = [t for t in tables if not any(f.required for f in t.filters.values())]
    return min(free, key=lambda t: (not t.primary_key, len(t.schema)), default=None)


def _late(seconds: float) -> Unavailable:
    return Unavailable(
        f"no answer within {seconds:.0f} seconds", hint="is the address right, and reachable?"
    )


def _failed(name: str, error: SynclineError) -> Step:
    return Step(name=name, ok=False, message=str(error), hint=error.hint, code=error.code)


def _project(name: str, opened: OpenedConnection) -> Project:
    return Project.model_construct(connections={name: opened}, jobs={})


def _table(table: Table) -> OfferedTable:
    return OfferedTable(
        name=table.name,
        description=table.description,
        primary_key=table.primary_key,
        cursor_column=table.cursor_column,
        tells_deletes=table.deleted is not None,
        columns=len(table.schema),
    )
