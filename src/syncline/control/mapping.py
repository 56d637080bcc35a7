"""A task's columns beside those of the existing table it writes to, for people to look at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.control.connections import opener
from syncline.control.project import JobSpec, Project
from syncline.load import names
from syncline.load.flow import compared
from syncline.load.mapping import Examined
from syncline.model.job import Task
from syncline.model.ports import Destination
from syncline.model.run import Clock
from syncline.model.table import Table, made_by
from syncline.model.type_names import told_type
from syncline.sync import plan_of

#: Tables that a list of them names.
_MOST = 2000
#: Schemas that are the database's own.
_SYSTEM = {"information_schema", "pg_catalog", "pg_toast", "sys"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedColumn:
    """A column of the query, and where it goes."""

    name: str
    type: str
    #: The column of the table; None: none takes it.
    target: str | None
    #: Why it cannot be written there.
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetColumn:
    """A column of the table, and what it gets."""

    name: str
    type: str
    nullable: bool
    #: "default", "identity" or "expression": how the database makes a value itself; else ''.
    made_by: str
    #: A column of the query goes there.
    taken: bool
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMapping:
    """Which column goes where, and everything that forbids to write rows."""

    #: The target is there.
    exists: bool
    #: The schema that it is looked for in.
    schema_name: str
    columns: tuple[MappedColumn, ...] = ()
    targets: tuple[TargetColumn, ...] = ()
    #: Those of no single column.
    problems: tuple[str, ...] = ()
    #: Tables of the destination, as ``into`` names them.
    tables: tuple[str, ...] = ()


async def mapping_of(
    project: Project, job: JobSpec, task: Task, tables: Mapping[str, Table], clock: Clock
) -> TaskMapping:
    """Connect to a task's destination and compare the columns, as a run does before it reads.

    Raises what planning and connecting raise: `QueryError`, `DestinationRefused`.
    """
    planned = plan_of(task, tables, clock)
    source = planned.schema
    destination = await opener(project, job.destination)()
    try:
        found = await compared(task, source, destination, planned.key)
        listed = await _tables(destination)
    finally:
        await destination.aclose()
    schema = names.schema(task, destination.traits)
    if found is None:
        return TaskMapping(exists=False, schema_name=schema, tables=listed)
    return _shown(source, found, schema, listed)


def _shown(source: pa.Schema, found: Examined, schema: str, tables: tuple[str, ...]) -> TaskMapping:
    goes = {pair.source.name: pair.target.name for pair in found.pairs}
    taken = set(goes.values())
    known = set(source.names)
    return TaskMapping(
        exists=True,
        schema_name=schema,
        columns=tuple(
            MappedColumn(
                name=field.name,
                type=told_type(field),
                target=goes.get(field.name),
                problems=tuple(p.text for p in found.problems if p.source == field.name),
            )
            for field in source
        ),
        targets=tuple(
            TargetColumn(
                name=field.name,
                type=told_type(field),
                nullable=field.nullable,
                made_by=made_by(field),
                taken=field.name in taken,
                problems=tuple(
                    p.text for p in found.problems if p.source is None and p.target == field.name
                ),
            )
            for field in found.target
        ),
        problems=tuple(
            p.text
            for p in found.problems
            if p.source not in known and (p.source is not None or p.target is None)
        ),
        tables=tables,
    )


async def _tables(destination: Destination) -> tuple[str, ...]:
    """Return the tables and views that people made, those of the default schema first."""
    query = (
        exp.select(exp.column("table_schema"), exp.column("table_name"))
        .from_(exp.table_("tables", db="information_schema"))
        .limit(_MOST)
    )
    default = destination.traits.schema
    found = [tuple(map(str, row.values())) for row in (await destination.fetch(query)).to_pylist()]
    kept = [
        (schema, name)
        for schema, name in found
        if schema.lower() not in _SYSTEM and not names.ours(name)
    ]
    kept.sort(key=lambda row: (row[0] != default, row[0].lower(), row[1].lower()))
    return tuple(
        _part(name) if schema == default else f"{_part(schema)}.{_part(name)}"
        for schema, name in kept
    )


def _part(name: str) -> str:
    plain = re.fullmatch(r"\w+", name)
    return name if plain else "[" + name.replace("]", "]]") + "]"
