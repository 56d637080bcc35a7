"""A job as code: edited as YAML, with the differences shown before it is saved."""

from collections.abc import Awaitable, Callable

import yaml
from nicegui import ui

from syncline.control.differences import differences
from syncline.control.usecases.jobs import Job, job_of
from syncline.errors import Invalid
from syncline.web.code import editor
from syncline.web.parts import answered, answers, asking, button, note
from syncline.web.saving import OpenJob, save_job, show_differences
from syncline.web.visitor import Visitor


async def build(visitor: Visitor, opened: OpenJob, again: Callable[[], Awaitable[None]]) -> None:
    """Build the tab. ``again``: builds the other tabs anew, whose settings are in the YAML, too."""
    part = _Part(visitor, opened, again)
    with ui.element("section").classes("card"), ui.element("div").classes("padded rows"):
        part.show()


class _Part:
    def __init__(
        self, visitor: Visitor, opened: OpenJob, again: Callable[[], Awaitable[None]]
    ) -> None:
        self._visitor = visitor
        self._opened = opened
        self._again = again
        self._written = written(opened.job)
        opened.watch(self._follow)

    def show(self) -> None:
        ui.label("The job as it stands in a project file; what is at its default is left out.")
        self._code = editor(self._written, "YAML", label="The job as YAML")
        self._code.style("height:440px")
        self._code.map_key("Mod-s", self._review)
        if self._visitor.may("jobs.edit", self._opened.job.name):
            with ui.element("div").classes("row-line"):
                button("Review and Save", self._review, icon="difference", main=True)
                button("Undo", self._undo)
        else:
            note("Your role shows jobs, but does not change them.")

    def _follow(self) -> None:
        """Show what another tab has saved, unless something else is being written here."""
        before, self._written = self._written, written(self._opened.job)
        if self._code.value == before:
            self._code.value = self._written

    def _undo(self) -> None:
        self._code.value = written(self._opened.job)

    async def _review(self) -> None:
        await self._visitor.attempt(self._reviewed)

    async def _reviewed(self) -> None:
        spec = job_of(_parsed(self._code.value))
        whole = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        changes = differences(self._opened.job.document, whole)
        if not changes:
            ui.notify("Nothing has changed", position="top")
            return
        with asking("What will change") as dialog:
            pairs = [(place, *pair) for place, pair in changes.items()]
            show_differences(pairs, before="Now", after="Then")
            answers(dialog, "Go on Editing", "Save Changes")
        if await answered(dialog) and await save_job(self._visitor, self._opened, spec):
            self._undo()
            await self._again()


def written(job: Job) -> str:
    """Return a job as YAML."""
    return yaml.safe_dump(job.document, sort_keys=False, allow_unicode=True, width=100)


def _parsed(text: str) -> dict[str, object]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or "this is not YAML"
        raise Invalid(f"{place}{problem}", hint="mend the line, or undo") from None
    except RecursionError:
        raise Invalid("too many levels inside each other", hint="undo") from None
    if not isinstance(found, dict):
        raise Invalid("a job is a mapping of settings", hint="begin with 'source: NAME'")
    return {str(key): value for key, value in found.items()}
