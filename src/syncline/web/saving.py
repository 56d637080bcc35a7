"""Saving a job that others may be editing too: a conflict is shown, and can be decided."""

from collections.abc import Sequence

from nicegui import ui

from syncline.control.project import JobSpec
from syncline.control.usecases.jobs import Job, edit_job, get_job
from syncline.errors import Conflict
from syncline.web.parts import answered, answers, asking
from syncline.web.visitor import Visitor, done


async def save_job(visitor: Visitor, job: Job, spec: JobSpec) -> Job | None:
    """Save a job as it was edited; return it as it is now, or None if it was not saved.

    ``job``: as the editor saw it. If somebody else was quicker, the visitor sees what differs.
    """
    saved: list[Job] = []

    async def save(version: int | None) -> None:
        async with visitor.changing() as work:
            saved.append(await edit_job(work, job.name, spec, version=version))

    async def first() -> None:
        try:
            await save(job.version)
        except Conflict as conflict:
            if not conflict.differences:
                raise
            if await _decided(str(conflict), conflict.differences):
                async with visitor.looking() as work:
                    newest = (await get_job(work, job.name)).version
                await save(newest)

    if await visitor.attempt(first) and saved:
        done("Saved")
        return saved[0]
    return None


async def _decided(message: str, differences: Sequence[tuple[str, object, object]]) -> bool:
    with asking("Somebody else was quicker") as dialog:
        ui.label(message)
        show_differences(differences, before="Theirs", after="Yours")
        answers(dialog, "Go on Editing", "Save Mine")
    return bool(await answered(dialog))


def show_differences(
    differences: Sequence[tuple[str, object, object]], *, before: str, after: str
) -> None:
    """Show places with what was there and what will be."""
    columns = [
        {"name": name, "label": label, "field": name, "align": "left"}
        for name, label in (("place", "What"), ("before", before), ("after", after))
    ]
    rows = [
        {"place": place, "before": _text(old), "after": _text(new)}
        for place, old, new in differences
    ]
    with ui.element("div").classes("scrolls"):
        ui.table(rows=rows, columns=columns, row_key="place").classes("listing").props(
            "flat wrap-cells dense"
        )


def _text(value: object) -> str:
    return "–" if value is None else str(value)  # noqa: RUF001 (nothing is there)
