"""What went wrong in a run: why, what to do, and the way to where it is done."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from nicegui import ui

from syncline.control.runs import Failure, Run
from syncline.control.usecases.jobs import Job
from syncline.control.usecases.runs import job_of_run
from syncline.errors import Missing
from syncline.web.parts import link_button, note
from syncline.web.run_rejects import RejectCard
from syncline.web.visitor import Visitor
from syncline.web.wording import count

#: Errors by how their codes begin, and which end of the job mends them.
_SOURCE = ("config.credential", "config.profile", "config.not_found", "data.response",
           "transient.rate_limited", "config.address")  # fmt: skip
_DESTINATION = ("config.destination", "transient.busy", "transient.disk_full")
_EITHER = ("config.property", "config.permission", "transient.unavailable")
_TASK = ("config.query", "config.project", "data.record", "data.schema", "data.empty")
#: Code: the option of the task that decides about it.
_OPTIONS = {"data.empty": "allow_empty", "data.record": "rejects", "data.schema": "schema_changes"}
_PROPERTY = re.compile(r"property '?(?P<name>[A-Za-z_.]+)'?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A link to where something is mended."""

    text: str
    path: str


def ways_of(failure: Failure, job: Job, task_id: str | None) -> tuple[Way, ...]:
    """Return where people can mend a failure; the likeliest place first.

    ``task_id``: of the task that failed; None: the run as a whole did.
    """
    source, destination = job.spec.source, job.spec.destination
    code, text = failure.code, f"{failure.message} {failure.hint}"
    ends: list[str] = []
    if code.startswith(_SOURCE):
        ends = [source]
    elif code.startswith(_DESTINATION):
        ends = [destination]
    elif code.startswith(_EITHER):
        # An error that names one of them means it.
        named = [end for end in (source, destination) if f"connection {end}" in text]
        ends = named or [source, destination]
    if ends:
        return tuple(_connection(name, text) for name in dict.fromkeys(ends))
    if code == "transient.out_of_time":
        given = urlencode({"tab": "options", "field": "timeout"})
        return (Way(text="Change the Timeout", path=f"/jobs/{quote(job.name)}?{given}"),)
    if task_id is None or not code.startswith(_TASK):
        return (Way(text="Open the Job", path=f"/jobs/{quote(job.name)}"),)
    return _task(code, job, task_id)


def _connection(name: str, text: str) -> Way:
    found = _PROPERTY.search(text)
    field = f"?{urlencode({'field': found['name']})}" if found else ""
    return Way(text=f"Open {name}", path=f"/connections/{quote(name)}{field}")


def _task(code: str, job: Job, task_id: str) -> tuple[Way, ...]:
    spec = job.spec.tasks[job.task_ids.index(task_id)]
    base = f"/jobs/{quote(job.name)}/tasks/{task_id}"
    mapping = Way(text="Change the Mapping", path=f"{base}?tab=mapping")
    content = Way(text="Change the Query" if spec.query else "Change the Columns", path=base)
    if spec.existing and code in {"data.schema", "data.record"}:
        return (mapping, content)
    field = _OPTIONS.get(code)
    if field is None:
        return (content,)
    given = urlencode({"tab": "options", "field": field})
    return (Way(text="Change the Options", path=f"{base}?{given}"), content)


class Failures:
    """The errors of a run and the rows that its tasks have rejected."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._place = ui.element("div").classes("rows")
        self._shown: object = None

    def show(self, run: Run) -> None:
        """Show them; nothing changes on the page as long as they do not."""
        now = (run.state.over, run.failure, *((t.failure, t.rejected) for t in run.tasks))
        if now == self._shown:
            return
        self._shown = now
        self._place.clear()
        if run.failure or any(task.failure or task.rejected for task in run.tasks):
            with self._place:
                # The links need another look into the store.
                ui.timer(0, lambda: self._fill(run), once=True)

    async def _fill(self, run: Run) -> None:
        job: Job | None = None
        ids: Mapping[int, str] = {}
        try:
            async with self._visitor.looking() as work:
                job, ids = await job_of_run(work, run)
        except Missing:
            pass  # What was deleted, or is hidden, cannot be opened.
        self._place.clear()
        with self._place:
            if run.failure and not any(task.failure for task in run.tasks):
                _failed("The run failed", run.failure, job, None)
            for task in run.tasks:
                if task.failure:
                    _failed(task.target, task.failure, job, ids.get(task.number))
            for task in run.tasks:
                if not task.rejected:
                    continue
                if job and run.state.over and self._visitor.may("jobs.edit", job.name):
                    path = f"/jobs/{quote(job.name)}/tasks/{ids.get(task.number, '')}"
                    RejectCard(self._visitor, run, task, path).load()
                    continue
                note(
                    f"{count(task.rejected)} rows did not fit and are kept in "
                    f"{task.target}_rejects with the reason.",
                    kind="warn", title=task.target,
                )  # fmt: skip


def _failed(title: str, failure: Failure, job: Job | None, task_id: str | None) -> None:
    with note(failure.message, kind="bad", hint=failure.hint, title=title):
        ways = ways_of(failure, job, task_id) if job else ()
        if ways:
            with ui.element("div").classes("row-line note-ways"):
                for way in ways:
                    link_button(way.text, way.path, icon="arrow_forward")
