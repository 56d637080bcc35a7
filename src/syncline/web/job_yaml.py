"""A job as code: edited as YAML, with the differences shown before it is saved."""

import yaml
from nicegui import ui

from syncline.control.differences import differences
from syncline.control.usecases.jobs import Job, job_of
from syncline.errors import Invalid
from syncline.web.code import editor
from syncline.web.parts import answered, answers, asking, button, note
from syncline.web.saving import save_job, show_differences
from syncline.web.visitor import Visitor


async def build(visitor: Visitor, job: Job) -> None:
    """Build the tab."""
    part = _Part(visitor, job)
    with ui.element("section").classes("card"), ui.element("div").classes("padded rows"):
        part.show()


class _Part:
    def __init__(self, visitor: Visitor, job: Job) -> None:
        self._visitor = visitor
        self._job = job

    def show(self) -> None:
        ui.label("The job as it stands in a project file; what is at its default is left out.")
        self._code = editor(written(self._job), "YAML", label="The job as YAML")
        self._code.style("height:440px")
        self._code.map_key("Mod-s", self._review)
        if self._visitor.may("jobs.edit", self._job.name):
            with ui.element("div").classes("row-line"):
                button("Review and Save", self._review, icon="difference", main=True)
                button("Undo", self._undo)
        else:
            note("Your role shows jobs, but does not change them.")

    def _undo(self) -> None:
        self._code.value = written(self._job)

    async def _review(self) -> None:
        await self._visitor.attempt(self._reviewed)

    async def _reviewed(self) -> None:
        spec = job_of(_parsed(self._code.value))
        whole = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        changes = differences(self._job.document, whole)
        if not changes:
            ui.notify("Nothing has changed", position="top")
            return
        with asking("What will change") as dialog:
            pairs = [(place, *pair) for place, pair in changes.items()]
            show_differences(pairs, before="Now", after="Then")
            answers(dialog, "Go on Editing", "Save Changes")
        if await answered(dialog):
            saved = await save_job(self._visitor, self._job, spec)
            if saved is not None:
                self._job = saved


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
