"""The first page: what runs, what failed, what was moved, and where to begin."""

from datetime import timedelta
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
from syncline.web.parts import button, card, empty, heading_2, link_button, state
from syncline.web.sample import Sample
from syncline.web.signing_up import try_sample
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, count, day_and_time, many

_DAYS = 14
#: Label, field of a `Day`, colour.
_RUNS = (
    ("Succeeded", "succeeded", "#2e9e63"), ("Failed", "failed", "#d6453c"),
    ("Other", "other", "#9aa4b2"),
)  # fmt: skip
_ROWS = (("Rows read", "read", "#3b6fe0"), ("API calls", "requests", "#d99a2b"))
_SHOWN = 6


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
    if not connections.total and not states:
        _beginning(visitor, request.app.state.sample)
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
        if not states:
            with (
                card(),
                empty("sync_alt", "No jobs yet", "Connections are there; a job says what to copy."),
            ):
                link_button("Add Job", "/jobs/new", icon="add", main=True)
            return
        with ui.element("div").classes("grid-2"):
            _chart("Runs per day", visitor, days, _RUNS)
            _chart("Rows and API calls per day", visitor, days, _ROWS)
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
        if late:
            _late(visitor, late)
        if failed.items:
            with card("Failed last time"), ui.element("ul").classes("steps"):
                for job in failed.items:
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
    grey = "#7d8797"
    total = ", ".join(f"{label} {count(sum(values[name]))}" for label, name, _ in series)
    with card():
        with ui.element("div").classes("row-line apart"):
            heading_2(title)
            ui.label(f"in {many(_DAYS, 'day')}: {total}").classes("muted small")
        chart = ui.echart(
            {
                "animation": False,
                "grid": {"left": 44, "right": 8, "top": 18, "bottom": 24},
                "tooltip": {"trigger": "axis"},
                "xAxis": {
                    "type": "category", "data": [d[5:] for d in dates],
                    "axisLabel": {"color": grey}, "axisLine": {"lineStyle": {"color": grey}},
                    "axisTick": {"show": False},
                },
                "yAxis": {
                    "type": "value", "minInterval": 1, "axisLabel": {"color": grey},
                    "splitLine": {"lineStyle": {"color": grey, "opacity": 0.18}},
                },
                "series": [
                    {
                        "name": label, "type": "bar", "data": values[name], "barMaxWidth": 18,
                        "stack": "runs" if name in {"succeeded", "failed", "other"} else name,
                        "itemStyle": {"color": colour, "borderRadius": 2},
                    }
                    for label, name, colour in series
                ],
            }
        )  # fmt: skip
        chart.style("height:190px;width:100%")
        chart.props(f'role=img aria-label="{title}: {total}"')


_NOTHING = Day(day="")


def _beginning(visitor: Visitor, sample: Sample | None) -> None:
    with (
        card(),
        empty(
            "waving_hand",
            "Welcome to Syncline",
            "Three steps to your first replicated table: connect a source, connect a destination, "
            "choose tables. No account at hand? The sample is a law firm's Clio with made-up data.",
        ),
    ):
        if visitor.may("connections.edit"):
            link_button("Connect a Source", "/connections/new", icon="power", main=True)
            if sample is not None:
                trying = partial(try_sample, visitor, sample)
                button("Try with Sample Data", trying, icon="science")
