"""What holds for all tasks of a job."""

from nicegui import ui

from syncline.control.usecases.jobs import job_of
from syncline.web.job_action_form import ActionForm
from syncline.web.parts import button
from syncline.web.saving import OpenJob, save_job
from syncline.web.spec_form import SpecForm
from syncline.web.visitor import Visitor

_NAMES = (
    "description", "labels", "parallel_tasks", "continue_on_error", "all_tables", "table_prefix",
    "schema_", "start", "window_days", "retries", "retry_seconds", "timeout", "verbosity",
)  # fmt: skip
_TITLES = {
    "parallel_tasks": "Parallel tasks",
    "continue_on_error": "Continue on error",
    "all_tables": "All tables",
    "table_prefix": "Table prefix",
    "schema_": "Destination schema",
    "start": "Replicate start value",
    "window_days": "Replicate interval, in days",
    "retries": "Tries after an error that may pass",
    "retry_seconds": "Seconds before the first of them",
    "timeout": "Longest run, in seconds",
}


async def build(visitor: Visitor, opened: OpenJob, field: str = "") -> None:
    """Build the tab. ``field``: the one that an error says is to be changed."""
    part = _Part(visitor, opened)
    with ui.element("section").classes("card"), ui.element("div").classes("padded rows"):
        part.show(field)


class _Part:
    def __init__(self, visitor: Visitor, opened: OpenJob) -> None:
        self._visitor = visitor
        self._opened = opened

    def show(self, field: str) -> None:
        job = self._opened.job
        spec, may = job.spec, self._visitor.may("jobs.edit", job.name)
        self._form = SpecForm(spec, _NAMES, _TITLES)
        self._form.point_at(field)
        ui.separator()
        self._before = ActionForm(
            "Before", "What is done before the tasks. If it fails, nothing is loaded.",
            spec.before, after=False, may=may,
        )  # fmt: skip
        self._after = ActionForm(
            "After", "What is done when all tasks have ended.", spec.after, after=True, may=may
        )
        ui.separator()
        if may:
            with ui.element("div").classes("row-line"):
                button("Save Changes", self._save, icon="check", main=True)

    async def _save(self) -> None:
        await self._visitor.attempt(self._saved)

    async def _saved(self) -> None:
        given = self._form.values | {"before": self._before.value, "after": self._after.value}
        kept = {k: v for k, v in self._opened.job.document.items() if k not in given}
        spec = job_of(kept | {k: v for k, v in given.items() if v is not None})
        await save_job(self._visitor, self._opened, spec)
