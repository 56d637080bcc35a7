"""The `check` and `preview` commands: what would be read and written, without writing."""

from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.markup import escape

from syncline.cli import failures
from syncline.cli.jobs import chosen_jobs, chosen_tasks
from syncline.cli.output import Format, write
from syncline.control.clock import SystemClock
from syncline.control.connections import (
    described,
    destination_properties,
    opened_source,
    opener,
)
from syncline.control.project import JobSpec, Project, load_project
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.errors import SynclineError
from syncline.load.flow import fit, matched
from syncline.load.strategy import decide
from syncline.model.job import RowErrors, Task
from syncline.model.ports import Source
from syncline.model.table import Table
from syncline.query.execute import execute
from syncline.query.plan import Plan
from syncline.sync import plan_of

#: Rows that a preview shows.
PREVIEWED = 200


async def check(file: Path, job: str | None, console: Console) -> int:
    """Check a project; return the exit code of the first error."""
    out = Console(highlight=False)
    project = load_project(file)
    code = 0
    for name, spec in chosen_jobs(project, job).items():
        out.print(f"[bold]{escape(name)}[/]: {spec.source} → {spec.destination}")
        try:
            destination_properties(project, spec.destination)
            tables = described(project, spec.source)
            for task in tasks_of(name, with_new_tables(spec, tables)):
                code = await _task(project, spec, task, tables, out) or code
        except SynclineError as error:
            failures.show(error, console)
            code = failures.exit_code(error)
    return code


async def preview(
    file: Path,
    job: str | None,
    task: str,
    *,
    format_: str,
    output: Path | None,
    console: Console,
) -> int:
    """Write the first rows of a task as its target would get them."""
    project = load_project(file)
    for name, tasks in chosen_tasks(project, job, [task]).items():
        spec = project.jobs[name]
        for chosen in tasks:
            async with opened_source(
                project, spec.source, SystemClock(), observe=lambda _: None, say=console.print
            ) as source:
                rows = await _first_rows(project, spec, chosen, source, console)
            write(rows, Format(format_), output, Console())
    return 0


async def _first_rows(
    project: Project, spec: JobSpec, task: Task, source: Source, console: Console
) -> pa.Table:
    planned = plan_of(task, await source.tables(), SystemClock())
    found: list[pa.RecordBatch] = []
    async with aclosing(execute(planned, source, None, changes=False)) as batches:
        async for batch in batches:
            found.append(batch.records)
            if sum(records.num_rows for records in found) >= PREVIEWED:
                break
    rows = pa.Table.from_batches(found, planned.schema).slice(0, PREVIEWED)
    if task.flow is None:
        return rows
    destination = await opener(project, spec.destination)()
    try:
        pairs = await matched(task, planned.schema, destination)
    finally:
        await destination.aclose()
    (records,) = rows.combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=planned.schema)
    ]
    # What does not fit is told, whatever the task would do with it.
    shown, rejects = fit(records, pairs, task.flow, policy=RowErrors.REDIRECT)
    for reject in rejects:
        console.print(f"[yellow]does not fit[/] {reject.column}: {reject.reason}: {reject.record}")
    return pa.Table.from_batches([shown])


async def _task(
    project: Project, spec: JobSpec, task: Task, tables: Mapping[str, Table], out: Console
) -> int:
    try:
        planned = plan_of(task, tables, SystemClock())
        decision = decide(
            task, has_cursor=planned.incremental, key=planned.key, version=planned.version,
            fingerprint=planned.fingerprint, last=None, full=False,
        )  # fmt: skip
        mapping = await _mapping(project, spec, task, planned)
    except SynclineError as error:
        failures.show(error, out, about=task.target)
        return failures.exit_code(error)
    way = "incremental" if decision.direct else "reads everything each time"
    out.print(
        f"  [green]ok[/] {escape(task.target)}: {decision.disposition}"
        f"{_key(planned)}, {way}, {len(planned.schema)} columns"
    )
    for note in (*mapping, *planned.notes):
        out.print(f"     [dim]{escape(note)}[/]", soft_wrap=True)
    return 0


async def _mapping(project: Project, spec: JobSpec, task: Task, planned: Plan) -> tuple[str, ...]:
    """Return the mapping to an existing target, line by line; only then it is connected to."""
    if task.flow is None:
        return ()
    destination = await opener(project, spec.destination)()
    try:
        return tuple(str(p) for p in await matched(task, planned.schema, destination))
    finally:
        await destination.aclose()


def _key(planned: Plan) -> str:
    return f" by {escape(', '.join(planned.key))}" if planned.key else ""
