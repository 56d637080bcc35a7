"""Saving a job that others may be editing too: a conflict is shown, and can be decided."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from syncline.control.project import JobSpec
from syncline.control.usecases.jobs import Job, edit_job, get_job
from syncline.errors import Conflict
from syncline.web.parts import answered, answers, asking
from syncline.web.visitor import Visitor, done


class OpenJob:
    """A job that a page shows, as it was last seen: its tabs save on top of each other."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._watchers: list[Callable[[], None]] = []

    def put(self, job: Job) -> None:
        """Show the job as it is now."""
        self.job = job
        for changed in self._watchers:
            changed()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call something whenever the job has changed."""
        self._watchers.append(changed)


async def save_job(visitor: Visitor, opened: OpenJob, spec: JobSpec) -> bool:
    """Save a job as it was edited; return whether it is saved, and note it as it is now.

    If somebody else was quicker than this page, the visitor sees what differs.
    """
    job, saved = opened.job, list[Job]()

    async def save(version: int) -> None:
        async with visitor.changing() as work:
            saved.append(await edit_job(work, job.name, spec, version=version))

    async def newest() -> int:
        async with visitor.looking() as work:
            return (await get_job(work, job.name)).version

    if not await saved_over(visitor, save, job.version, newest):
        return False
    opened.put(saved[0])
    return True


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
        forget_typed()
        done("Saved")
        return True
    return False


def forget_typed() -> None:
    """Let the browser forget what was typed on the page: it is kept here now."""
    ui.run_javascript("forgetTyped()")


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
