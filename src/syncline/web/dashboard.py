"""The first page: what runs, what failed, what was moved, and where to begin."""

from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from syncline.control.paging import Wanted
from syncline.control.usecases.connections import list_connections
from syncline.control.usecases.job_list import JobRow, list_jobs
from syncline.control.usecases.lagging import TaskLag, late_tasks
from syncline.control.usecases.overview import Day, days_of, jobs_by_state, runs_page
from syncline.web.frame import heading
from syncline.web.parts import button, card, heading_2, link_button, state
from syncline.web.sample import Sample
from syncline.web.signing_up import try_sample
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, count, day_and_time

_DAYS = 14
#: Label, field of a `Day`, colour.
_RUNS = (
    ("Succeeded", "succeeded", "#2e9e63"), ("Failed", "failed", "#d6453c"),
    ("Other", "other", "#8a94a4"),
)  # fmt: skip
_ROWS = (("Rows read", "read", "#3b6fe0"), ("API calls", "requests", "#b97a12"))
_SHOWN = 6
_GREY = "#7d8797"
_THIN = {"color": _GREY, "opacity": 0.18}
_SHORT_NUMBER = "n => Intl.NumberFormat('en', {notation: 'compact'}).format(n)"


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading("Dashboard"):
        pass
    async with visitor.looking() as work:
        states = await jobs_by_state(work)
        connections = await list_connections(work, Wanted(order="-status", limit=500))
        since = visitor.now - timedelta(days=_DAYS - 1)
        midnight = since.astimezone(visitor.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        days = await days_of(work, midnight, visitor.zone)
        failed = await list_jobs(work, Wanted(order="-last_run_at", limit=_SHOWN), state="failed")
        latest = await runs_page(work, Wanted(limit=_SHOWN))
        upcoming = await list_jobs(work, Wanted(order="next_run_at", limit=_SHOWN), paused=False)
        late = await late_tasks(work, limit=_SHOWN)
    if not states:
        roles = {"source" if c.type == "api" else "destination" for c in connections.items}
        _beginning(visitor, request.app.state.sample, roles)
        return
    with ui.element("div").classes("rows"):
        with ui.element("div").classes("figures"):
            _figure("Jobs", sum(states.values()), "/jobs")
            _figure("Running now", states.get("running", 0) + states.get("queued", 0),
                    "/jobs?state=running")  # fmt: skip
            _figure("Failed last time", states.get("failed", 0), "/jobs?state=failed",
                    bad=bool(states.get("failed")))  # fmt: skip
            broken = sum(c.status == "failed" for c in connections.items)
            _figure("Failing connections", broken, "/connections", bad=bool(broken))
        with ui.element("div").classes("grid-2"):
            _chart("Runs per day", visitor, days, _RUNS)
            _chart("Rows and API calls per day", visitor, days, _ROWS)
        if late or failed.items:
            with ui.element("div").classes("grid-2"):
                if failed.items:
                    _failed(failed.items)
                if late:
                    _late(visitor, late)
        with ui.element("div").classes("grid-2"):
            with card("Latest runs"):
                with ui.element("ul").classes("steps"):
                    for run in latest.items:
                        with ui.element("li").classes("apart"):
                            ui.link(run.job, f"/runs/{run.id}")
                            with ui.element("span").classes("row-line"):
                                ui.label(ago(run.created_at, visitor.now, visitor.zone)).classes(
                                    "muted"
                                )
                                state(run.state)
                if not latest.items:
                    ui.label("None yet.").classes("muted")
            with card("Coming up"):
                _upcoming(visitor, upcoming.items)


def _failed(jobs: tuple[JobRow, ...]) -> None:
    with card("Failed last time"), ui.element("ul").classes("steps"):
        for job in jobs:
            with ui.element("li").classes("apart"):
                ui.link(job.name, f"/runs/{job.last_run.id}" if job.last_run else "/jobs")
                ui.label(f"{job.source} → {job.destination}").classes("muted")


def _late(visitor: Visitor, tasks: tuple[TaskLag, ...]) -> None:
    with card("Tasks that lag"), ui.element("ul").classes("steps"):
        for task in tasks:
            with ui.element("li").classes("apart"):
                ui.link(f"{task.job} / {task.target}", f"/jobs/{quote(task.job)}")
                last = ago(task.succeeded_at, visitor.now, visitor.zone)
                ui.label(
                    f"last succeeded {last}" if task.succeeded_at else "never succeeded"
                ).classes("muted")


def _upcoming(visitor: Visitor, jobs: tuple[JobRow, ...]) -> None:
    coming = [job for job in jobs if job.next_run_at]
    if not coming:
        ui.label("No job has a schedule.").classes("muted")
    with ui.element("ul").classes("steps"):
        for job in coming:
            with ui.element("li").classes("apart"):
                ui.link(job.name, f"/jobs/{job.name}")
                ui.label(day_and_time(job.next_run_at, visitor.now, visitor.zone)).classes("muted")


def _figure(label: str, number: int, path: str, *, bad: bool = False) -> None:
    with ui.element("a").classes("card figure").props(f'href="{path}"'):
        ui.label(count(number)).classes("figure-value bad" if bad else "figure-value")
        ui.label(label).classes("figure-label")


def _chart(
    title: str, visitor: Visitor, days: tuple[Day, ...], series: tuple[tuple[str, str, str], ...]
) -> None:
    today = visitor.now.astimezone(visitor.zone).date()
    dates = [(today - timedelta(days=_DAYS - 1 - n)).isoformat() for n in range(_DAYS)]
    by_day = {day.day: day for day in days}
    values = {
        name: [getattr(by_day.get(date, _NOTHING), name) for date in dates] for _, name, _ in series
    }
    # Rows and calls are not of one size: each has its own axis.
    apart = series is _ROWS
    total = ", ".join(f"{label} {count(sum(values[name]))}" for label, name, _ in series)
    with card():
        heading_2(title)
        with ui.element("div").classes("row-line muted small"):
            for label, name, colour in series:
                with ui.element("span").classes("legend"):
                    ui.element("span").classes("dot").style(f"background:{colour}")
                    ui.label(f"{label} {count(sum(values[name]))}")
        chart = ui.echart(
            {
                "animation": False,
                "grid": {"left": 48, "right": 48 if apart else 8, "top": 18, "bottom": 24},
                "tooltip": {"trigger": "axis"},
                "xAxis": {
                    "type": "category", "data": [_short(d) for d in dates],
                    "axisLabel": {"color": _GREY, "showMaxLabel": True, "hideOverlap": True},
                    "axisLine": {"lineStyle": {"color": _GREY}},
                    "axisTick": {"show": False},
                },
                "yAxis": [
                    {
                        "type": "value", "minInterval": 1,
                        "axisLabel": {"color": _GREY, ":formatter": _SHORT_NUMBER},
                        "splitLine": {"show": not at, "lineStyle": _THIN},
                    }
                    for at in range(2 if apart else 1)
                ],
                "series": [
                    {
                        "name": label, "type": "bar", "data": values[name], "barMaxWidth": 18,
                        "yAxisIndex": at if apart else 0,
                        "stack": "runs" if name in {"succeeded", "failed", "other"} else name,
                        "itemStyle": {"color": colour, "borderRadius": 2},
                    }
                    for at, (label, name, colour) in enumerate(series)
                ],
            }
        )  # fmt: skip
        chart.style("height:190px;width:100%")
        chart.props(f'role=img aria-label="{title}: {total}"')


def _short(date: str) -> str:
    day = datetime.fromisoformat(date)
    return f"{day.day} {day:%b}"


_NOTHING = Day(day="")


def _beginning(visitor: Visitor, sample: Sample | None, roles: Collection[str]) -> None:
    """Show the way to the first table; ``roles``: source, destination, of what is connected."""
    made = tuple(role in roles for role in ("source", "destination"))
    upcoming = next((at for at, done in enumerate(made) if not done), len(made))
    with card(), ui.element("div").classes("welcome"):
        heading_2("Welcome to Syncline")
        ui.label("Three steps to your first replicated table.").classes("muted")
        with ui.element("ol").classes("guide"):
            for at, (title, text, icon, path, permission) in enumerate(_STEPS):
                done = at < upcoming
                with ui.element("li").classes("is-done" if done else "is-open"):
                    ui.label("✓" if done else str(at + 1)).classes("guide-number").props(
                        "aria-hidden=true"
                    )
                    with ui.element("h3"):
                        ui.label(title)
                        if done:
                            ui.label(" is done").classes("unseen")
                    ui.label(text).classes("muted small")
                    if at == upcoming and visitor.may(permission):
                        link_button(title, path, icon=icon, main=True)
        if sample is not None and upcoming == 0 and visitor.may("connections.edit"):
            with ui.element("div").classes("row-line"):
                ui.label(
                    "No account at hand? The sample is a law firm's Clio with made-up data."
                ).classes("muted")
                button("Try with Sample Data", partial(try_sample, visitor, sample), icon="science")


#: Title, what it is, icon, address and permission of the steps to the first table.
_STEPS = (
    ("Connect a Source", "An API to read from, such as Clio or ClickTime.", "power",
     "/connections/new", "connections.edit"),
    ("Connect a Destination", "A database to write to. DuckDB needs no more than a file name.",
     "storage", "/connections/new?kind=destination&next=/jobs/new", "connections.edit"),
    ("Choose Tables", "Tick what is to be copied, and run it: once, or on a schedule.", "sync_alt",
     "/jobs/new", "jobs.edit"),
)  # fmt: skip
