"""The `check` command: what would be read and written, without reading or writing."""

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.cli import failures
from syncline.cli.jobs import chosen_jobs
from syncline.control.clock import SystemClock
from syncline.control.connections import described_source, destination_properties
from syncline.control.project import load_project
from syncline.control.tasks import tasks_of
from syncline.errors import SynclineError
from syncline.load.strategy import decide
from syncline.model.job import Task
from syncline.model.ports import Source
from syncline.query.plan import Plan
from syncline.sync import plan_of


async def check(file: Path, job: str | None, console: Console) -> int:
    """Check a project; return the exit code of the first error."""
    project = load_project(file)
    code = 0
    for name, spec in chosen_jobs(project, job).items():
        console.print(f"[bold]{escape(name)}[/]: {spec.source} → {spec.destination}")
        try:
            destination_properties(project, spec.destination)
            async with described_source(project, spec.source, SystemClock()) as source:
                for task in tasks_of(name, spec):
                    code = await _task(task, source, console) or code
        except SynclineError as error:
            failures.show(error, console)
            code = failures.exit_code(error)
    return code


async def _task(task: Task, source: Source, console: Console) -> int:
    try:
        planned = plan_of(task, await source.tables(), SystemClock())
        decision = decide(
            task, has_cursor=planned.incremental, key=planned.key, version=planned.version,
            fingerprint=planned.fingerprint, last=None, full=False,
        )  # fmt: skip
    except SynclineError as error:
        failures.show(error, console, about=task.target)
        return failures.exit_code(error)
    way = "incremental" if decision.direct else "reads everything each time"
    console.print(
        f"  [green]ok[/] {escape(task.target)}: {decision.disposition}"
        f"{_key(planned)}, {way}, {len(planned.schema)} columns"
    )
    for note in planned.notes:
        console.print(f"     [dim]{escape(note)}[/]")
    return 0


def _key(planned: Plan) -> str:
    return f" by {escape(', '.join(planned.key))}" if planned.key else ""
