"""The list of runs."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from nicegui import events, ui

from syncline.control.paging import Wanted
from syncline.control.usecases.overview import RunRow, runs_page
from syncline.web.frame import heading
from syncline.web.listing import Column, Fetched, Listing
from syncline.web.parts import empty, link_button
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, count, duration, kind_of

_COLUMNS = (
    Column(name="started", label="Started", kind="two"),
    Column(name="job", label="Job", kind="link"),
    Column(name="state", label="State", kind="state"),
    Column(name="took", label="Took", kind="number"),
    Column(name="read", label="Rows read", kind="number"),
    Column(name="changed", label="Rows changed", kind="number"),
    Column(name="requests", label="API calls", kind="number"),
)
_STATES = {"": "Any state", "queued": "Queued", "running": "Running", "succeeded": "Succeeded",
           "failed": "Failed", "cancelled": "Cancelled"}  # fmt: skip


async def listed(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading("Runs", under="What has been replicated, and what is under way."):
        pass
    await build_list(visitor, state=request.query_params.get("state", ""))


async def build_list(visitor: Visitor, *, job: str = "", state: str = "") -> None:
    """Build a list of the runs of one job, or of all."""
    chosen = state if state in _STATES else ""
    with ui.element("section").classes("card"):
        async with visitor.looking() as work:
            some = (await runs_page(work, Wanted(limit=1), job=job)).total
        if not some:
            with empty("history", "No runs yet", "Start a job, or give it a schedule."):
                if not job:
                    link_button("See the Jobs", "/jobs")
            return

        async def fetch(wanted: Wanted) -> Fetched:
            async with visitor.looking() as work:
                states = (chosen,) if chosen else ()
                page = await runs_page(work, wanted, job=job, states=states)
            return [_row(run, visitor) for run in page.items], page.total

        columns = tuple(c for c in _COLUMNS if c.name != "job") if job else _COLUMNS
        shown = Listing(columns, fetch, noun="runs", order="name", search=not job)

        async def by_state(event: events.ValueChangeEventArguments[str | None]) -> None:
            nonlocal chosen
            chosen = event.value or ""
            await shown.refresh(offset=0)

        with shown.tools:
            select = ui.select(_STATES, value=chosen, on_change=by_state)
            select.props('outlined dense options-dense aria-label="State"')
        await shown.refresh()


def _row(run: RunRow, visitor: Visitor) -> Mapping[str, Any]:
    took = None
    if run.started_at is not None:
        took = ((run.finished_at or visitor.now) - run.started_at).total_seconds()
    return {
        "key": run.id,
        "started": ago(run.created_at, visitor.now, visitor.zone),
        "started_url": f"/runs/{run.id}",
        "started_under": run.reason + (f", {run.requested_by}" if run.requested_by else ""),
        "job": run.job,
        "job_url": f"/jobs/{run.job}",
        "state": run.state,
        "state_kind": kind_of(run.state),
        "took": duration(took) if took is not None else "",
        "read": count(run.read),
        "changed": count(run.changed),
        "requests": count(run.requests),
    }
