"""Saving a job that others may be editing too: a conflict is shown, and can be decided."""

from collections.abc import Awaitable, Callable, Sequence

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

    async def save(version: int) -> None:
        async with visitor.changing() as work:
            saved.append(await edit_job(work, job.name, spec, version=version))

    async def newest() -> int:
        async with visitor.looking() as work:
            return (await get_job(work, job.name)).version

    return saved[0] if await saved_over(visitor, save, job.version, newest) else None


async def saved_over(
    visitor: Visitor,
    save: Callable[[int], Awaitable[None]],
    seen: int,
    newest: Callable[[], Awaitable[int]],
) -> bool:
    """Save what was edited on top of the version that the editor saw; return whether it is saved.

    If somebody else was quicker, the visitor sees what differs, and may save on top of that.
    ``newest``: returns the version that is there now.
    """
    kept = False

    async def first() -> None:
        nonlocal kept
        try:
            await save(seen)
        except Conflict as conflict:
            if not conflict.differences:
                raise
            if not await _decided(str(conflict), conflict.differences):
                return
            await save(await newest())
        kept = True

    if await visitor.attempt(first) and kept:
        done("Saved")
        return True
    return False


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
