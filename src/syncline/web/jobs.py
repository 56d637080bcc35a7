"""The list of jobs."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import events, ui

from syncline.control.calendar import words
from syncline.control.paging import Wanted
from syncline.control.usecases.job_list import JobRow, labels_in_use, list_jobs
from syncline.control.usecases.jobs import delete_job, pause_job
from syncline.control.usecases.runs import start_run
from syncline.web.frame import heading
from syncline.web.listing import Action, Column, Fetched, Listing
from syncline.web.parts import button, confirmed, empty, link_button
from syncline.web.visitor import Visitor, done
from syncline.web.wording import ago, day_and_time, duration, kind_of, many

_COLUMNS = (
    Column(name="name", label="Job", kind="two", order="name"),
    Column(name="way", label="From and to", order="source"),
    Column(name="schedule", label="Schedule, next run", kind="two", order="next_run_at"),
    Column(name="state", label="State", kind="state"),
    Column(name="last", label="Last run", kind="two", order="last_run_at"),
    Column(name="labels", label="Labels", kind="labels"),
)
_STATES = {"": "Any state", "running": "Running", "succeeded": "Succeeded", "failed": "Failed",
           "cancelled": "Cancelled"}  # fmt: skip


async def listed(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    may_edit = visitor.may("jobs.edit")
    with heading("Jobs", under="What is replicated, from where to where, and when."):
        if may_edit:
            link_button("Add Job", "/jobs/new", icon="add", main=True)
    async with visitor.looking() as work:
        some = (await list_jobs(work, Wanted(limit=1))).total
        labels = await labels_in_use(work)
    with ui.element("section").classes("card"):
        if some:
            await _List(visitor, request.query_params.get("state", "")).build(labels)
            return
        with empty(
            "sync_alt",
            "No jobs yet",
            "A job copies tables of one source into one destination, once or on a schedule.",
        ):
            if may_edit:
                link_button("Add Job", "/jobs/new", icon="add", main=True)


class _List:
    def __init__(self, visitor: Visitor, state: str) -> None:
        self._visitor = visitor
        self._state = state if state in _STATES else ""
        self._label = ""

    async def build(self, labels: tuple[str, ...]) -> None:
        may_run, may_edit = self._visitor.may("jobs.run"), self._visitor.may("jobs.edit")
        actions = (
            (
                Action(name="run", label="Run", icon="play_arrow"),
                Action(name="pause", label="Pause schedule of", icon="pause", shown_if="active"),
                Action(
                    name="resume", label="Resume schedule of", icon="schedule", shown_if="paused"
                ),
            )
            if may_run
            else ()
        )
        self._list = Listing(
            _COLUMNS, self._fetch, noun="jobs", order="name", actions=actions,
            on_action=self._act, selection=may_run,
        )  # fmt: skip
        with self._list.tools:
            state = ui.select(_STATES, value=self._state, on_change=self._by_state)
            state.props('outlined dense options-dense aria-label="State of the last run"')
            if labels:
                choices = {"": "Any label", **{word: word for word in labels}}
                label = ui.select(choices, value="", on_change=self._by_label)
                label.props('outlined dense options-dense aria-label="Label"')
            ui.element("div").style("flex:1")
            with ui.element("div").classes("row-line") as many_at_once:
                counted = ui.label().classes("muted")
                button("Run", partial(self._all, self._run, "started"), icon="play_arrow")
                button(
                    "Pause",
                    partial(self._all, partial(self._pause, paused=True), "paused"),
                    icon="pause",
                )
                button(
                    "Resume",
                    partial(self._all, partial(self._pause, paused=False), "resumed"),
                    icon="schedule",
                )
                if may_edit:
                    button("Delete", self._delete_all, icon="delete")
            many_at_once.visible = False

            def ticked() -> None:
                count = len(self._list.table.selected)
                many_at_once.visible = count > 0
                counted.text = f"{count} selected"

            self._list.table.on_select(ticked)
        await self._list.refresh()

    async def _fetch(self, wanted: Wanted) -> Fetched:
        async with self._visitor.looking() as work:
            page = await list_jobs(work, wanted, state=self._state)
        return [_row(job, self._visitor) for job in page.items], page.total

    async def _by_state(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        self._state = event.value or ""
        await self._list.refresh(offset=0)

    async def _by_label(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        await self._list.refresh(offset=0, labels=(event.value,) if event.value else ())

    async def _act(self, action: str, name: str) -> None:
        known: dict[str, tuple[Callable[[str], Awaitable[object]], str]] = {
            "run": (self._run, "is started"),
            "pause": (partial(self._pause, paused=True), "is paused"),
            "resume": (partial(self._pause, paused=False), "is on schedule again"),
        }
        doing, word = known[action]
        if await self._visitor.attempt(partial(doing, name)):
            done(f"{name} {word}")
            await self._list.refresh()

    async def _all(self, doing: Callable[[str], Awaitable[object]], word: str) -> None:
        names = self._list.selected
        count = 0
        for name in names:
            if not await self._visitor.attempt(partial(doing, name)):
                break
            count += 1
        if count:
            done(f"{many(count, 'job')} {word}")
        self._list.table.selected.clear()
        await self._list.refresh()

    async def _delete_all(self) -> None:
        names = self._list.selected
        if await confirmed(
            f"Delete {many(len(names), 'job')}?",
            f"{', '.join(names[:8])}. Tables in the destination stay as they are.",
            "Delete",
        ):
            await self._all(self._delete, "deleted")

    async def _run(self, name: str) -> None:
        await start_run(self._visitor.plane, await self._visitor.who(), name)

    async def _pause(self, name: str, *, paused: bool) -> None:
        async with self._visitor.changing() as work:
            await pause_job(work, name, paused=paused)

    async def _delete(self, name: str) -> None:
        async with self._visitor.changing() as work:
            await delete_job(work, name)


def _row(job: JobRow, visitor: Visitor) -> Mapping[str, Any]:
    last, now, zone = job.last_run, visitor.now, visitor.zone
    state = last.state if last else "never run"
    upcoming = day_and_time(job.next_run_at, now, zone)
    took = ""
    if last and last.finished_at:
        took = duration((last.finished_at - last.created_at).total_seconds())
    return {
        "key": job.name,
        "name": job.name,
        "name_url": f"/jobs/{quote(job.name)}",
        "name_under": job.description or many(job.tasks, "task"),
        "way": f"{job.source} → {job.destination}",
        "schedule": "paused" if job.paused else words(job.schedule) if job.schedule else "by hand",
        "schedule_under": f"next {upcoming}" if job.next_run_at and not job.paused else "",
        "state": state,
        "state_kind": kind_of(state),
        "last": ago(last.created_at, now, zone) if last else "",
        "last_url": f"/runs/{last.id}" if last else "",
        "last_under": took,
        "labels": list(job.labels),
        "paused": job.paused,
        "active": not job.paused and job.schedule is not None,
    }
