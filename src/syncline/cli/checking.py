"""The `check` and `preview` commands: what would be read and written, without writing."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.cli import failures
from syncline.cli.jobs import chosen_jobs, chosen_tasks, fetch_profiles
from syncline.cli.output import Format, write
from syncline.control.clock import SystemClock
from syncline.control.connections import (
    described,
    destination_properties,
    fetch_profile,
    opened_source,
)
from syncline.control.previewing import first_rows, outlook
from syncline.control.project import JobSpec, Project, load_project
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.errors import SynclineError
from syncline.model.job import Task
from syncline.model.table import Table


async def check(file: Path, job: str | None, console: Console) -> int:
    """Check a project; return the exit code of the first error."""
    out = Console(highlight=False)
    project = load_project(file)
    code = 0
    for name, spec in chosen_jobs(project, job).items():
        out.print(f"[bold]{escape(name)}[/]: {spec.source} → {spec.destination}")
        try:
            destination_properties(project, spec.destination)
            await fetch_profile(project, spec.source)
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
    await fetch_profiles(project, job)
    for name, tasks in chosen_tasks(project, job, [task]).items():
        spec = project.jobs[name]
        for chosen in tasks:
            async with opened_source(
                project, spec.source, SystemClock(), observe=lambda _: None, say=console.print
            ) as source:
                found = await first_rows(project, spec, chosen, source, SystemClock())
            for misfit in found.misfits:
                console.print(f"[yellow]does not fit[/] {escape(misfit)}")
            write(found.rows, Format(format_), output, Console())
    return 0


async def _task(
    project: Project, spec: JobSpec, task: Task, tables: Mapping[str, Table], out: Console
) -> int:
    try:
        found = await outlook(project, spec, task, tables, SystemClock(), looks=True)
    except SynclineError as error:
        failures.show(error, out, about=task.target)
        return failures.exit_code(error)
    way = "incremental" if found.incremental else "reads everything each time"
    key = f" by {escape(', '.join(found.key))}" if found.key else ""
    out.print(
        f"  [green]ok[/] {escape(task.target)}: {found.disposition}{key}, {way}, "
        f"{found.columns} columns"
    )
    for note in found.notes:
        out.print(f"     [dim]{escape(note)}[/]", soft_wrap=True)
    return 0
