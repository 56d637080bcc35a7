"""One run, live: progress of each task, the log as it comes, errors and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import events, ui

from syncline.control.access import Actor
from syncline.control.runs import Run, RunEvent, RunOptions, State, TaskRun
from syncline.control.usecases.estimating import (
    Before,
    earlier,
    rows_per_second,
    run_seconds_left,
    seconds_left,
)
from syncline.control.usecases.runs import see_events, see_run, start_run, stop_run
from syncline.errors import Missing
from syncline.web.frame import heading
from syncline.web.parts import button, empty, heading_2, link_button
from syncline.web.run_failures import Failures
from syncline.web.visitor import Visitor, done
from syncline.web.wording import ago, clock_time, count, duration, kind_of

#: Seconds between two looks at a run that is under way.
_BEAT = 1.0
_LINES = 400
_LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_COLUMNS = [
    {"name": name, "label": label, "field": name, "align": align}
    for name, label, align in (
        ("target", "Task", "left"),
        ("state", "State", "left"),
        ("read", "Read", "right"),
        ("inserted", "Inserted", "right"),
        ("updated", "Updated", "right"),
        ("deleted", "Deleted", "right"),
        ("rejected", "Rejected", "right"),
        ("requests", "API calls", "right"),
        ("rate", "Rows/s", "right"),
        ("left", "Left", "right"),
        ("took", "Took", "right"),
    )
]
_TARGET = """
<q-td :props="props" class="is-first wraps"><div><span class="cell-link">{{ props.value }}</span>
<span class="cell-under">{{ props.row.doing }}</span></div></q-td>
"""
_STATE = """
<q-td :props="props" data-label="State"><span :class="'state is-' + props.row.kind">
{{ props.value }}</span></q-td>
"""
_NUMBER = (
    '<q-td :props="props" data-label="{}"><span class="number">{{{{ props.value }}}}</span></q-td>'
)


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    try:
        run = await see_run(visitor.plane, visitor.actor, request.path_params["run"])
    except Missing:
        with empty("search_off", "Not found", "There is no such run, or your role hides it."):
            link_button("Back to Runs", "/runs")
        return
    await _Page(visitor, run).build()


@dataclass(slots=True, kw_only=True)
class _Parts:
    """What changes while the run goes on."""

    state: ui.element
    actions: ui.element
    figures: ui.element
    failures: Failures
    tasks: ui.table
    log: ui.element
    lines: ui.label


class _Page:
    def __init__(self, visitor: Visitor, run: Run) -> None:
        self._visitor = visitor
        self._run = run
        self._seen = 0
        self._level = "info"
        self._events: list[RunEvent] = []
        self._shown = 0
        self._before: Mapping[int, Before] = {}
        self._begun = -1

    async def build(self) -> None:
        run, visitor = self._run, self._visitor
        who = f", {run.requested_by}" if run.requested_by else ""
        under = f"{run.reason}{who}, {ago(run.created_at, visitor.now, visitor.zone)}"
        crumbs = (("Runs", "/runs"), (run.job, f"/jobs/{quote(run.job)}"))
        with heading(f"Run of {run.job}", under=under, crumbs=crumbs):
            state = ui.element("div").classes("row-line").props("aria-live=polite")
            actions = ui.element("div").classes("row-line")
        with ui.element("div").classes("rows"):
            figures = ui.element("div").classes("figures")
            failures = Failures(visitor)
            with ui.element("section").classes("card"):
                with ui.element("div").classes("card-head"):
                    heading_2("Tasks")
                tasks = ui.table(rows=[], columns=_COLUMNS, row_key="number", pagination=0)
                tasks.classes("listing tall").props('flat hide-bottom no-data-label="Waiting …"')
                tasks.add_slot("body-cell-target", _TARGET)
                tasks.add_slot("body-cell-state", _STATE)
                for column in _COLUMNS[2:]:
                    tasks.add_slot(f"body-cell-{column['name']}", _NUMBER.format(column["label"]))
            with ui.element("section").classes("card"):
                with ui.element("div").classes("card-head"):
                    heading_2("Log")
                    lines = ui.label().classes("muted small")
                    ui.select(
                        {"debug": "Everything", "info": "Info and worse",
                         "warning": "Warnings and errors", "error": "Errors"},
                        value="info", on_change=self._by_level,
                    ).props('outlined dense options-dense aria-label="Level"')  # fmt: skip
                log = ui.element("div").classes("log").props('tabindex=0 role=log aria-label="Log"')
        self._parts = _Parts(
            state=state, actions=actions, figures=figures, failures=failures, tasks=tasks,
            log=log, lines=lines,
        )  # fmt: skip
        await self._look()
        self._show_actions()
        if not self._run.state.over:
            self._timer = ui.timer(_BEAT, self._beat)

    async def _beat(self) -> None:
        if not ui.context.client.has_socket_connection:
            return  # Nobody sees it now; what is missed comes with the first beat after.
        if not await self._visitor.attempt(self._look) or self._run.state.over:
            self._timer.deactivate()

    async def _look(self) -> None:
        visitor, before = self._visitor, self._run.state
        actor = await visitor.who()
        self._run = await see_run(visitor.plane, actor, self._run.id)
        new = await see_events(visitor.plane, actor, self._run.id, after=self._seen)
        if new:
            self._seen = new[-1].id
            self._events.extend(new)
            self._add_lines(new)
        await self._compare(actor)
        self._show()
        if before != self._run.state:
            self._show_actions()

    async def _compare(self, actor: Actor) -> None:
        """Look up how the tasks went before, anew whenever another one has planned its read."""
        planned = sum(task.incremental is not None for task in self._run.tasks)
        if planned != self._begun and not self._run.state.over:
            self._begun = planned
            self._before = await earlier(self._visitor.plane, actor, self._run)

    def _show(self) -> None:
        run, parts = self._run, self._parts
        now = self._visitor.now
        rows = [_task(task, self._before.get(task.number), now) for task in run.tasks]
        if rows != parts.tasks.rows:
            parts.tasks.rows = rows
        if run.state.over and len(parts.tasks.columns) == len(_COLUMNS):
            parts.tasks.columns = [c for c in _COLUMNS if c["name"] != "left"]
        word = "stopping" if run.cancel_at and not run.state.over else str(run.state)
        parts.state.clear()
        with parts.state:
            ui.label(word).classes(f"state is-{kind_of(str(run.state))}")
        end = run.finished_at or now
        took = (end - run.started_at).total_seconds() if run.started_at else None
        tasks = run.tasks
        over = sum(task.state.over for task in tasks)
        figures: tuple[tuple[str, str], ...] = (
            ("Tasks done", f"{over} of {len(tasks)}" if tasks else "0"),
            ("Rows read", count(sum(task.read for task in tasks))),
            ("Rows changed", count(sum(t.inserted + t.updated + t.deleted for t in tasks))),
            ("API calls", count(sum(task.requests for task in tasks))),
            ("Took" if run.state.over else "Running for", duration(took)),
        )
        # Tasks that read side by side wait for one limit together.
        if waited := max((task.waited for task in tasks), default=0.0):
            figures += (("Waited for limits", duration(waited)),)
        left = None if run.state.over else run_seconds_left(run, self._before, now)
        if left is not None:
            figures += (("Left, about", duration(left)),)
        parts.figures.clear()
        with parts.figures:
            for label, value in figures:
                with ui.element("div").classes("card figure"):
                    ui.label(value).classes("figure-value")
                    ui.label(label).classes("figure-label")
        parts.failures.show(run)

    def _show_actions(self) -> None:
        run, parts = self._run, self._parts
        parts.actions.clear()
        if not self._visitor.may("jobs.run", run.job):
            return
        with parts.actions:
            if not run.state.over:
                button("Cancel Run", self._cancel, icon="stop")
                return
            failed = tuple(t.target for t in run.tasks if t.state == State.FAILED)
            if failed and len(failed) < len(run.tasks):
                button("Retry Failed Tasks", lambda: self._again(failed), icon="replay", main=True)
            button("Run Again", lambda: self._again(()), icon="play_arrow", main=not failed)

    async def _cancel(self) -> None:
        async def cancel() -> None:
            visitor = self._visitor
            await stop_run(visitor.plane, await visitor.who(), self._run.id)
            await self._look()

        if await self._visitor.attempt(cancel):
            done("The run ends at its next commit")

    async def _again(self, tasks: tuple[str, ...]) -> None:
        started: list[str] = []

        async def start() -> None:
            visitor = self._visitor
            options = RunOptions(tasks=tasks)
            started.append(
                await start_run(visitor.plane, await visitor.who(), self._run.job, options)
            )

        if await self._visitor.attempt(start):
            ui.navigate.to(f"/runs/{started[0]}")

    def _by_level(self, event: events.ValueChangeEventArguments[str]) -> None:
        self._level = event.value
        self._parts.log.clear()
        self._shown = 0
        self._add_lines(self._events[-_LINES:])

    def _add_lines(self, new: list[RunEvent] | tuple[RunEvent, ...]) -> None:
        names: dict[int | None, str] = {task.number: task.target for task in self._run.tasks}
        wanted = _LEVELS[self._level]
        with self._parts.log:
            for event in new:
                if _LEVELS.get(event.level, 1) >= wanted:
                    self._shown += 1
                    ui.html(_line(event, names, self._visitor), sanitize=False)
        self._parts.lines.text = f"{count(self._shown)} lines"
        ui.run_javascript(f"const e = getHtmlElement({self._parts.log.id}); e.scrollTop = 1e9")


def _line(event: RunEvent, names: Mapping[int | None, str], visitor: Visitor) -> str:
    colour = {"error": "bad", "warning": "warn"}.get(event.level, "muted")
    parts = (
        ("muted", clock_time(event.at, visitor.zone)),
        (colour, event.level),
        ("", names.get(event.number, "")),
        ("log-message", event.message),
    )
    inner = "".join(f'<span class="{name}">{escape(text)}</span>' for name, text in parts)
    return f'<div class="log-line">{inner}</div>'


def _task(task: TaskRun, before: Before | None, now: datetime) -> dict[str, Any]:
    end = task.finished_at or now
    seconds = (end - task.started_at).total_seconds() if task.started_at else None
    rate, left = rows_per_second(task, now), seconds_left(task, before, now)
    waiting = f"waiting: {task.waiting_for}" if task.waiting_for and not task.state.over else ""
    way = {True: "what has changed", False: "everything", None: ""}[task.incremental]
    return {
        "number": task.number,
        "target": task.target,
        "doing": waiting or way,
        "state": str(task.state),
        "kind": kind_of(str(task.state)),
        "read": count(task.read),
        "inserted": count(task.inserted),
        "updated": count(task.updated),
        "deleted": count(task.deleted),
        "rejected": count(task.rejected),
        "requests": count(task.requests),
        "rate": count(round(rate)) if rate else "",
        "left": duration(left) if left and not task.state.over else "",
        "took": duration(seconds) if seconds is not None else "",
    }
