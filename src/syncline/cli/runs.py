"""The `runs` commands and `jobs run`: runs of a store on the terminal."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal, TypeAlias

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.cli import failures
from syncline.cli.control import opened, sitting_here
from syncline.control.plane import Plane
from syncline.control.runs import Run, RunOptions, State
from syncline.control.usecases.runs import see_events, see_run, see_runs, start_run, stop_run

Shape: TypeAlias = Literal["table", "json"]
_SHORT = 8
_LOOK = 0.5
_COLOURS = {
    State.SUCCEEDED: "green",
    State.FAILED: "red",
    State.CANCELLED: "yellow",
    State.RUNNING: "cyan",
}


async def list_runs(store: str | None, job: str | None, limit: int, shape: Shape) -> int:
    """Print the newest runs."""
    async with opened(store) as plane:
        found = await see_runs(plane, sitting_here(), job=job, limit=limit)
    if shape == "json":
        _print_json(*(_facts(run) for run in found))
        return 0
    table = _table("run", "job", "state", "reason", "begun", "seconds", "error")
    for run in found:
        table.add_row(
            run.id[:_SHORT], escape(run.job), _state(run.state), run.reason,
            _moment(run.started_at or run.created_at), _seconds(run.started_at, run.finished_at),
            escape(run.failure.message if run.failure else ""),
        )  # fmt: skip
    Console(highlight=False).print(table)
    return 0


async def show(store: str | None, run: str, shape: Shape) -> int:
    """Print a run, its tasks and its log."""
    async with opened(store) as plane:
        found = await see_run(plane, sitting_here(), run)
        told = await see_events(plane, sitting_here(), found.id, limit=10_000)
    if shape == "json":
        _print_json(_facts(found) | {"events": [asdict(event) for event in told]})
        return 0
    out = Console(highlight=False)
    _print_run(found, out)
    targets = {task.number: task.target for task in found.tasks}
    for event in told:
        about = "" if event.number is None else f"{targets.get(event.number, event.number)}: "
        style = {"error": "red", "warning": "yellow"}.get(event.level, "")
        line = f"{event.at.astimezone():%H:%M:%S} {about}{event.message}"
        out.print(escape(line), style=style, soft_wrap=True)
    return 0


async def cancel(store: str | None, run: str, console: Console) -> int:
    """Ask a run to end."""
    async with opened(store) as plane:
        state = await stop_run(plane, sitting_here(), run)
    going = state is State.RUNNING
    console.print("it ends at its next commit" if going else f"it is {state}")
    return 0


async def start(
    store: str | None,
    job: str,
    options: RunOptions,
    shape: Shape,
    console: Console,
    *,
    wait: bool,
) -> int:
    """Ask for a run of a job; with ``wait``, return the exit code of how it ended."""
    async with opened(store) as plane:
        run = await start_run(plane, sitting_here(), job, options)
        if not wait:
            Console(highlight=False).print(run)
            return 0
        console.print(f"run {run[:_SHORT]}: waiting for a worker to run it", style="dim")
        ended = await _ended(plane, run)
    if shape == "json":
        _print_json(_facts(ended))
    else:
        _print_run(ended, Console(highlight=False))
    return _exit_code(ended)


async def _ended(plane: Plane, run: str) -> Run:
    while not (found := await see_run(plane, sitting_here(), run)).state.over:
        await plane.clock.sleep(_LOOK)
    return found


def _exit_code(run: Run) -> int:
    if run.state is State.SUCCEEDED:
        return 0
    code = run.failure.code if run.failure else ""
    kind = code.partition(".")[0]
    known = {"config": failures.CONFIGURATION, "transient": failures.TRY_LATER}
    return known.get(kind, failures.FAILED)


def _print_run(run: Run, out: Console) -> None:
    out.print(
        f"{escape(run.job)}: {_state(run.state)}, run {run.id}, {run.reason}, "
        f"begun {_moment(run.started_at)}, {_seconds(run.started_at, run.finished_at)} s"
    )
    if run.failure:
        out.print(escape(f"[{run.failure.code}] {run.failure.message}"), style="red")
        if run.failure.hint:
            out.print(escape(f"  → {run.failure.hint}"), style="cyan")
    if run.tasks:
        columns = ("read", "inserted", "updated", "deleted", "rejected", "requests")
        table = _table("task", "state", *columns, "seconds")
        for task in run.tasks:
            counts = (f"{getattr(task, column):,}" for column in columns)
            table.add_row(escape(task.target), _state(task.state), *counts, f"{task.seconds:.1f}")
        out.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE, show_edge=False, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _state(state: State) -> str:
    colour = _COLOURS.get(state, "dim")
    return f"[{colour}]{state}[/]"


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else "not yet"


def _seconds(begun: datetime | None, ended: datetime | None) -> str:
    return f"{(ended - begun).total_seconds():.1f}" if begun and ended else ""


def _facts(run: Run) -> dict[str, Any]:
    return asdict(run)


def _print_json(*facts: dict[str, Any]) -> None:
    for each in facts:
        print(json.dumps(each, default=_json))  # noqa: T201 (the command's result)


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
