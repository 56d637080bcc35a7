"""The `run` command: a project's jobs, once, with progress and a table at the end."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.cli import failures
from syncline.cli.job_log import JobLog
from syncline.cli.progress import JobProgress
from syncline.control.clock import SystemClock
from syncline.control.connections import described, fetch_profile, opened_source, opener
from syncline.control.jobs import JobRun, Outcome, run_job
from syncline.control.project import JobSpec, Project, TaskSpec, load_project
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.errors import ProjectError, SynclineError
from syncline.load.verify import Comparison
from syncline.model.job import Task
from syncline.model.run import Committed
from syncline.sync import compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of a project to run, and how."""

    job: str | None = None
    #: Target tables; empty: all.
    tasks: tuple[str, ...] = ()
    full: bool = False
    sweep: bool = False
    #: How errors are told; where they are logged, so is progress.
    tell: failures.Tell = failures.show


async def run(
    file: Path, choice: Choice, format_: Literal["table", "json"], console: Console
) -> int:
    """Run the chosen tasks of the chosen jobs; return the exit code."""
    project = load_project(file)
    await fetch_profiles(project, choice.job)
    code = 0
    for name, tasks in chosen_tasks(project, choice.job, choice.tasks).items():
        if left_out := _left_out(project.jobs[name]):
            console.print(f"{escape(name)}: {left_out} are for workers, and left out here")
        try:
            outcomes = await run_tasks(project, project.jobs[name], tasks, choice, console)
        except SynclineError as error:
            # Other jobs have other connections, and may well go on.
            choice.tell(error, console)
            code = code or failures.exit_code(error)
            continue
        show(name, outcomes, format_, console, tell=choice.tell)
        errors = [o.error for o in outcomes if o.error]
        code = code or (failures.exit_code(errors[0]) if errors else 0)
    return code


def _left_out(job: JobSpec) -> str:
    """Return what of a job only a node of a store does."""
    parts: tuple[JobSpec | TaskSpec, ...] = (job, *job.tasks)
    actions = any(part.before or part.after for part in parts)
    words = [word for word, there in (("actions", actions), ("alerts", job.alerts)) if there]
    return " and ".join(words)


async def verify(
    file: Path, job: str | None, target: str, *, repair: bool, console: Console
) -> int:
    """Compare the target of one task with its source; 0: equal, or made so."""
    project, code, out = load_project(file), 0, Console(highlight=False)
    await fetch_profiles(project, job)
    for name, tasks in chosen_tasks(project, job, [target]).items():
        for task in tasks:
            spec = project.jobs[name]
            found, repaired = await _compare(project, spec, task, console, repair=repair)
            out.print(
                f"{escape(task.target)}: {found.rows:,} rows at the source; {found.missing:,} "
                f"missing, {found.extra:,} extra, {found.different:,} different"
            )
            for example in found.examples:
                out.print(f"  {escape(example)}")
            if repaired:
                out.print(
                    f"repaired in one commit: {repaired.inserted:,} inserted, "
                    f"{repaired.updated:,} updated, {repaired.deleted:,} deleted"
                )
            code = code if found.equal or repaired else failures.FAILED
    return code


async def _compare(
    project: Project, job: JobSpec, task: Task, console: Console, *, repair: bool
) -> tuple[Comparison, Committed | None]:
    opened = opener(project, job.destination, announce=console.print)
    clock, destination = SystemClock(), await opened()
    try:
        with JobProgress([task], console) as progress:
            async with opened_source(
                project, job.source, clock, observe=progress.waiting, say=progress.print
            ) as source:
                return await compare(
                    task, source, destination, run=uuid.uuid4().hex[:12], clock=clock,
                    observe=lambda event: progress(task, event), repair=repair,
                )  # fmt: skip
    finally:
        await destination.aclose()


async def run_tasks(
    project: Project, job: JobSpec, tasks: Sequence[Task], choice: Choice, console: Console
) -> tuple[Outcome, ...]:
    """Run tasks of a job with a progress display, or with a log."""
    clock, run_id = SystemClock(), uuid.uuid4().hex[:12]
    with JobLog(run_id) if choice.tell is failures.log else JobProgress(tasks, console) as progress:
        async with opened_source(
            project, job.source, clock, observe=progress.waiting, say=progress.print
        ) as source:
            return await run_job(
                JobRun(
                    id=run_id,
                    tasks=tasks,
                    source=source,
                    destination=opener(project, job.destination, announce=progress.print),
                    clock=clock,
                    observe=progress,
                    parallel_tasks=job.parallel_tasks,
                    continue_on_error=job.continue_on_error,
                    full=choice.full,
                    sweep=choice.sweep,
                )
            )


def chosen_jobs(project: Project, name: str | None) -> dict[str, JobSpec]:
    """Return the job of this name, or all. Raises `ProjectError`."""
    if name is None:
        if not project.jobs:
            raise ProjectError("the project has no jobs", hint="add one under 'jobs:'")
        return project.jobs
    if name not in project.jobs:
        known = ", ".join(project.jobs) or "none"
        raise ProjectError(f"the project has no job {name!r}", hint=f"jobs in it: {known}")
    return {name: project.jobs[name]}


async def fetch_profiles(project: Project, job: str | None) -> None:
    """Fetch the profiles of the chosen jobs that are given by their addresses."""
    for spec in chosen_jobs(project, job).values():
        await fetch_profile(project, spec.source)


def whole(project: Project, spec: JobSpec) -> JobSpec:
    """Return a job with the tasks that 'all_tables' adds."""
    return with_new_tables(spec, described(project, spec.source)) if spec.all_tables else spec


def chosen_tasks(
    project: Project, job: str | None, targets: Sequence[str]
) -> dict[str, tuple[Task, ...]]:
    """Return the tasks of one job, or of all, that write to these tables; none given: all of them.

    By job; jobs without such a task are left out. Raises `ProjectError` for a table that none of
    them writes to.
    """
    specs = {n: whole(project, spec) for n, spec in chosen_jobs(project, job).items()}
    tasks = {name: tasks_of(name, spec) for name, spec in specs.items()}
    if not any(tasks.values()):
        raise ProjectError(
            f"the job {job} has no tasks" if job else "the project has no tasks",
            hint="add some under 'tasks:' of the job, or 'all_tables: true'",
        )
    known = {t.target.lower(): t.target for each in tasks.values() for t in each}
    for target in targets:
        if target.lower() not in known:
            where = f"the job {job}" if job else "the project"
            raise ProjectError(
                f"{where} has no task for {target!r}",
                hint=f"target tables: {', '.join(known.values())}",
            )
    wanted = {target.lower() for target in targets} or set(known)
    chosen = {n: tuple(t for t in each if t.target.lower() in wanted) for n, each in tasks.items()}
    return {name: each for name, each in chosen.items() if each}


def show(
    name: str,
    outcomes: Sequence[Outcome],
    format_: Literal["table", "json"],
    console: Console,
    *,
    tell: failures.Tell = failures.show,
) -> None:
    """Print how the tasks of a job ended; their errors in any case."""
    if format_ == "json":
        for outcome in outcomes:
            print(json.dumps(_facts(name, outcome)))  # noqa: T201 (the command's result)
    else:
        Console(highlight=False).print(table(name, outcomes))
    for outcome in outcomes:
        if outcome.error:
            tell(outcome.error, console, about=outcome.task.target)


def table(title: str, outcomes: Sequence[Outcome]) -> Table:
    """Return outcomes as a table for the terminal."""
    shown = Table(
        title=escape(title), title_justify="left", title_style="bold",
        box=box.SIMPLE, show_edge=False, header_style="bold", show_footer=len(outcomes) > 1,
        footer_style="bold", padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip
    results = [o.result for o in outcomes if o.result]
    shown.add_column("task", footer="total", overflow="fold")
    rejected = any(r.rejected for r in results)
    columns = [(label, field) for label, field in _COLUMNS if rejected or field != "rejected"]
    for label, field in columns:
        total = sum(getattr(r, field) for r in results)
        shown.add_column(label, justify="right", footer=f"{total:,}", no_wrap=True)
    seconds = sum(r.seconds for r in results)
    shown.add_column("seconds", justify="right", footer=f"{seconds:.1f}", no_wrap=True)
    for outcome in outcomes:
        target, result = escape(outcome.task.target), outcome.result
        if result is None:
            state = "[red]failed[/]" if outcome.error else "[dim]not begun[/]"
            shown.add_row(target, state)
        else:
            counts = (_count(getattr(result, field)) for _, field in columns)
            shown.add_row(target, *counts, f"{result.seconds:.1f}")
    return shown


def _count(number: int) -> str:
    # What happened stands out from what did not.
    return f"{number:,}" if number else "[dim]0[/]"


_COLUMNS = (
    ("read", "read"),
    ("inserted", "inserted"),
    ("updated", "updated"),
    ("deleted", "deleted"),
    ("rejected", "rejected"),
    ("API calls", "requests"),
)


def _facts(job: str, outcome: Outcome) -> dict[str, object]:
    facts: dict[str, object] = {"job": job, "task": outcome.task.target}
    if outcome.result:
        counts = asdict(outcome.result)
        # Nobody stops a task of this command at a commit.
        counts.pop("stopped")
        return facts | {"state": "ok"} | counts
    if outcome.error:
        error = outcome.error
        return facts | {
            "state": "failed", "code": error.code, "error": str(error), "hint": error.hint,
        }  # fmt: skip
    return facts | {"state": "not begun"}
