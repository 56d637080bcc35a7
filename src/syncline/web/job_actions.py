"""What can be done with a job as a whole: run, pause, copy, delete."""

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

from nicegui import ui

from syncline.control.plane import Work
from syncline.control.runs import RunOptions
from syncline.control.usecases.jobs import Job, copy_job, delete_job, pause_job
from syncline.control.usecases.runs import start_run
from syncline.web.parts import answered, answers, asking, button, confirmed, link_button
from syncline.web.visitor import Visitor


class JobActions:
    """The buttons in the head of a job's page."""

    def __init__(self, visitor: Visitor, job: Job) -> None:
        self._visitor = visitor
        self._job = job

    def show(self, under_way: str | None) -> None:
        """Build the buttons; ``under_way``: id of the run that is not over."""
        may_run = self._visitor.may("jobs.run", self._job.name)
        may_edit = self._visitor.may("jobs.edit", self._job.name)
        if under_way:
            link_button("See the Run", f"/runs/{under_way}", icon="visibility", main=True)
        elif may_run:
            button("Run", partial(self._run, RunOptions()), icon="play_arrow", main=True)
        if not may_run and not may_edit:
            return
        more = ui.button(icon="more_vert", color=None).props('outline aria-label="More actions"')
        with more, ui.menu().props("auto-close"):
            if may_run:
                everything, sweep = RunOptions(full=True), RunOptions(sweep=True)
                ui.menu_item("Run and read everything again", partial(self._run, everything))
                ui.menu_item("Run and look for deleted rows", partial(self._run, sweep))
                word = "Resume schedule" if self._job.spec.paused else "Pause schedule"
                ui.menu_item(word, self._pause)
            if may_edit:
                ui.menu_item("Copy …", self._copy)
                ui.menu_item("Delete …", self._delete)

    async def _run(self, options: RunOptions) -> None:
        visitor, started = self._visitor, list[str]()

        async def start() -> None:
            actor = await visitor.who()
            started.append(await start_run(visitor.plane, actor, self._job.name, options))

        if await visitor.attempt(start):
            ui.navigate.to(f"/runs/{started[0]}")

    async def _pause(self) -> None:
        name, paused = self._job.name, not self._job.spec.paused
        await self._change(lambda work: pause_job(work, name, paused=paused), _path(name))

    async def _delete(self) -> None:
        name = self._job.name
        text = "Its tasks and schedule are removed. Tables in the destination stay as they are."
        if await confirmed(f"Delete {name}?", text, "Delete Job"):
            await self._change(lambda work: delete_job(work, name), "/jobs")

    async def _copy(self) -> None:
        name = self._job.name
        with asking(f"Copy {name}") as dialog:
            new = ui.input("Name of the copy *", value=f"{name}-copy"[:50])
            new.props("outlined stack-label autofocus")
            ui.label("The copy is paused until you resume it.").classes("muted")
            answers(dialog, "Cancel", "Copy", lambda: new.value)
        wanted = await answered(dialog)
        if wanted:
            await self._change(lambda work: copy_job(work, name, wanted), _path(wanted))

    async def _change(self, doing: Callable[[Work], Awaitable[object]], to: str) -> None:
        async def changed() -> None:
            async with self._visitor.changing() as work:
                await doing(work)

        if await self._visitor.attempt(changed):
            ui.navigate.to(to)


def _path(name: str) -> str:
    return f"/jobs/{quote(name)}"
