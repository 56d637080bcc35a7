"""One job: its tasks, schedule, options, runs, and all of it as YAML."""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request
from nicegui import ui

from syncline.control.calendar import words
from syncline.control.usecases.jobs import Job, get_job
from syncline.control.usecases.overview import run_under_way
from syncline.errors import Missing
from syncline.web import job_alerts, job_options, job_schedule, job_tasks, job_yaml, runs
from syncline.web.frame import heading
from syncline.web.job_actions import JobActions
from syncline.web.parts import card, empty, facts, labels, link_button
from syncline.web.saving import OpenJob
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, day_and_time, many

_TABS = ("Tasks", "Schedule", "Alerts", "Options", "Runs", "YAML")


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    name = request.path_params["name"]
    try:
        async with visitor.looking() as work:
            job = await get_job(work, name)
            under_way = await run_under_way(work, name) if visitor.may("runs.view") else None
    except Missing:
        with empty("search_off", "Not found", f"There is no job {name}, or your role hides it."):
            link_button("Back to Jobs", "/jobs")
        return
    under = f"{job.spec.source} → {job.spec.destination}"
    with heading(job.name, under=under, crumbs=(("Jobs", "/jobs"),)):
        JobActions(visitor, job).show(under_way)
    opened = OpenJob(job)
    with ui.element("div").classes("beside"):
        with ui.element("div").classes("rows"):
            await _parts(visitor, opened, request.query_params)
        with ui.element("div").classes("rows"), card("Overview"):
            overview = ui.element("div")

    def follow() -> None:
        overview.clear()
        with overview:
            _overview(visitor, opened.job)

    follow()
    opened.watch(follow)


async def _parts(visitor: Visitor, opened: OpenJob, given: Mapping[str, str]) -> None:
    wanted, field = given.get("tab", ""), given.get("field", "")
    query = given.get("query", "")
    first = next((tab for tab in _TABS if tab.lower() == wanted), "Tasks")
    with ui.tabs().props("no-caps align=left outside-arrows mobile-arrows") as tabs:
        for title in _TABS:
            ui.tab(title)
    tabs.on_value_change(
        lambda e: ui.run_javascript(
            f"history.replaceState(null, '', '?tab={str(e.value).lower()}')"
        )
    )
    panels: dict[str, ui.tab_panel] = {}

    async def again() -> None:
        for title in ("Tasks", "Schedule", "Alerts", "Options"):
            panels[title].clear()
            with panels[title]:
                await build[title]()

    build: dict[str, Callable[[], Awaitable[None]]] = {
        "Tasks": lambda: job_tasks.build(visitor, opened, query),
        "Schedule": lambda: job_schedule.build(visitor, opened),
        "Alerts": lambda: job_alerts.build(visitor, opened),
        "Options": lambda: job_options.build(visitor, opened, field),
        "Runs": lambda: runs.build_list(visitor, job=opened.job.name),
        "YAML": lambda: job_yaml.build(visitor, opened, again),
    }
    with ui.tab_panels(tabs, value=first, animated=False, keep_alive=True):
        for title in _TABS:
            with ui.tab_panel(title) as panels[title]:
                await build[title]()


def _overview(visitor: Visitor, job: Job) -> None:
    spec = job.spec
    schedule = words(spec.schedule) if spec.schedule else "by hand"
    upcoming = day_and_time(job.next_run_at, visitor.now, visitor.zone)
    facts(
        (
            ("Source", spec.source),
            ("Destination", spec.destination),
            ("Tasks", many(len(spec.tasks), "task") + (", all tables" if spec.all_tables else "")),
            ("Schedule", schedule[:1].upper() + schedule[1:]),
            ("Next run", "paused" if spec.paused else upcoming),
            ("Changed", f"{ago(job.changed_at, visitor.now, visitor.zone)}, {job.changed_by}"),
        )
    )
    if spec.description:
        ui.label(spec.description).classes("muted").style("margin-top:14px")
    if spec.labels:
        with ui.element("div").style("margin-top:10px"):
            labels(spec.labels)
