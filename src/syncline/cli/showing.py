"""The `query`, `tables` and `columns` commands."""

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from rich.console import Console

from syncline.cli.output import Format, write
from syncline.control.clock import SystemClock
from syncline.control.connections import described, fetch_profile, opened_source
from syncline.control.project import ConnectionSpec, Project, load_project
from syncline.errors import ProjectError, QueryError
from syncline.model.ports import Source
from syncline.model.run import Event, Waiting
from syncline.model.table import Table, Value, description_of
from syncline.model.type_names import told_type
from syncline.query.catalog import table_named
from syncline.query.execute import execute
from syncline.query.plan import plan

_IN_FILE = re.compile(r"^(?P<file>.+\.ya?ml):(?P<name>[^:/\\]+)$")


async def query(
    connection: str,
    sql: str,
    parameters: Sequence[str],
    *,
    format_: str,
    output: Path | None,
    console: Console,
) -> int:
    """Run a query and write its rows."""
    text = sys.stdin.read() if sql == "-" else sql
    clock = SystemClock()
    async with _source(connection, console) as source:
        now = datetime.fromtimestamp(clock.time(), UTC)
        found = await source.tables()
        planned = plan(text, found, parameters=_parameters(parameters), now=now)
        async with aclosing(execute(planned, source, None, changes=False)) as read:
            batches = [batch.records async for batch in read]
    write(pa.Table.from_batches(batches, planned.schema), Format(format_), output, Console())
    return 0


async def tables(connection: str, format_: str, output: Path | None) -> int:
    """Write the tables of a connection."""
    found = await _described(connection)
    rows = [
        {
            "table": t.name,
            "columns": len(t.schema),
            "key": ", ".join(t.primary_key),
            "incremental_by": t.cursor_column,
            "description": t.description,
        }
        for t in found.values()
    ]
    write(pa.Table.from_pylist(rows), Format(format_), output, Console(), folded=True)
    return 0


async def columns(connection: str, table: str, format_: str, output: Path | None) -> int:
    """Write the columns of a table."""
    found = table_named(table, await _described(connection))
    rows = [
        {
            "column": field.name,
            "type": told_type(field),
            "key": field.name in found.primary_key,
            "filters": _filters(found, field.name),
            "description": description_of(field),
        }
        for field in found.schema
    ]
    write(pa.Table.from_pylist(rows), Format(format_), output, Console(), folded=True)
    return 0


async def _described(connection: str) -> Mapping[str, Table]:
    project, name = _connection(connection)
    await fetch_profile(project, name)
    return described(project, name)


def _filters(table: Table, column: str) -> str:
    declared = table.filters.get(column)
    return " ".join(sorted(declared.operators)) if declared else ""


def _source(connection: str, console: Console) -> AbstractAsyncContextManager[Source]:
    def waiting(event: Event) -> None:
        if isinstance(event, Waiting):
            console.print(f"[dim]waiting {event.seconds:.0f} s: {event.reason}[/]")

    project, name = _connection(connection)
    return opened_source(project, name, SystemClock(), observe=waiting, say=console.print)


def _connection(text: str) -> tuple[Project, str]:
    """Return a project with the connection that the text means, and its name in it."""
    if match := _IN_FILE.match(text):
        project = load_project(Path(match["file"]))
        if match["name"] not in project.connections:
            raise ProjectError(
                f"{match['file']} has no connection {match['name']!r}",
                hint=f"connections in it: {', '.join(project.connections)}",
            )
        return project, match["name"]
    properties = text if "=" in text else f"Profile='{text}'"
    spec = ConnectionSpec(type="api", properties=properties)
    return Project(connections={"command": spec}), "command"


def _parameters(given: Sequence[str]) -> Mapping[str, Value]:
    values: dict[str, Value] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise QueryError(
                f"the parameter {each!r} has no value", hint="write --parameter name=value"
            )
        values[name.removeprefix("@")] = value
    return values
