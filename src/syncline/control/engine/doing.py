"""Actions before and after a run and its tasks, each a step of the durable run."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.action_specs import ActionSpec
from syncline.control.actions import Place, perform, title_of
from syncline.control.engine.job import RunnableJob
from syncline.control.engine.patience import patiently
from syncline.control.engine.telling import Line, logged
from syncline.control.engine.work import BROKE, Desk
from syncline.control.runs import Reason, State, Wanted, add_event, add_run
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import run_events, runs, task_runs
from syncline.errors import Missing, OutOfTime, SynclineError, TransientError
from syncline.model.run import Event

_LOG = logging.getLogger(__name__)
#: How often it is looked whether the run was cancelled, in seconds.
_LOOK = 1.0
#: A wait between two attempts is never longer, in seconds.
_LONGEST = 60.0
_KIND = "action"

#: What became of an action: ``stop``, and of a failure ``code``, ``message``, ``hint``. JSON.
Came: TypeAlias = dict[str, Any]
_WELL: Came = {"stop": False}
#: What becomes of the rest when the run is cancelled.
CANCELLED: Came = {"stop": True, "cancelled": True}


class Present(Protocol):
    """Something under way on a node, which ends itself when the node shall end."""

    parked: bool


@dataclass(slots=True, kw_only=True, eq=False)
class _Doing:
    parked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One action of one run."""

    run: str
    #: Of the task run; None: of the run as a whole.
    number: int | None
    phase: str
    position: int
    #: How it ended; '' before.
    state: str = ""

    @property
    def mark(self) -> str:
        """The same whoever does it again."""
        of = self.run if self.number is None else f"{self.run}/{self.number}"
        return f"{of}/{self.phase}/{self.position}"

    @property
    def workflow(self) -> str:
        """The engine's workflow that it is a step of."""
        return self.run if self.number is None else f"{self.run}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doings:
    """Does actions on one node.

    The engine notes each when it is done; between doing and noting a crash may come, and then
    another node does it again. What the store knows to be done is not: jobs are started once.
    """

    desk: Desk
    present: set[Present]

    async def do(self, step: Step, given: dict[str, Any]) -> Came:
        """Do an action, or return what became of it. ``given``: an `ActionSpec`."""
        here = _Doing()
        self.present.add(here)
        try:
            return await self._do(step, given, here)
        finally:
            self.present.discard(here)

    async def _do(self, step: Step, given: dict[str, Any], here: _Doing) -> Came:
        desk = self.desk
        if (known := await patiently(desk.clock, lambda: self._known(step))) is not None:
            return known
        # Invariant 3: a node that was frozen must not do what its successor does.
        if desk.draining.is_set() or not await desk.owns(step.workflow):
            here.parked = True
            await asyncio.Event().wait()
        if await self._cancelled(step):
            return CANCELLED
        action = ActionSpec.model_validate(given)
        title = f"{step.phase}: {title_of(action)}"
        await self._told(step, Line(kind=_KIND, message=title), {})
        try:
            text = await self._patiently(step, action)
        except SynclineError as error:
            return await self._failed(step, action, (error.code, str(error), error.hint))
        except Exception:  # noqa: BLE001 (a defect ends its run, not the node)
            _LOG.exception("an action of the run %s broke", step.run)
            return await self._failed(step, action, BROKE)
        if text is None:
            return CANCELLED
        await self._told(step, Line(kind=_KIND, message=f"{title}: {text}"), {"came": _WELL})
        return _WELL

    async def _patiently(self, step: Step, action: ActionSpec) -> str | None:
        """Do it, again after errors that may pass; None: the run was cancelled."""
        job = await self._job(step)
        attempt = 1
        while True:
            try:
                return await self._within(step, action, job)
            except TransientError as error:
                if attempt > job.retries or isinstance(error, OutOfTime):
                    raise
                wait = min(_LONGEST, job.retry_seconds * 2 ** (attempt - 1))
                text = f"{step.phase}: {error}; trying again in {wait:.0f} s"
                await self._told(step, Line(kind=_KIND, message=text, level="warning"), {})
                attempt += 1
                until = self.desk.clock.monotonic() + wait
                while self.desk.clock.monotonic() < until:
                    if await self._cancelled(step):
                        return None
                    await self.desk.clock.sleep(min(_LOOK, wait))

    async def _within(self, step: Step, action: ActionSpec, job: RunnableJob) -> str | None:
        doing = asyncio.create_task(perform(action, await self._place(step, job)))
        until = self.desk.clock.monotonic() + action.timeout
        try:
            while not doing.done():
                await asyncio.wait({doing}, timeout=_LOOK)
                if doing.done():
                    break
                if self.desk.clock.monotonic() >= until:
                    raise OutOfTime(
                        f"it has taken longer than {action.timeout:g} s",
                        hint="raise its timeout, or let it do less",
                    )
                if await self._cancelled(step):
                    return None
            return doing.result()
        finally:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)

    async def _place(self, step: Step, job: RunnableJob) -> Place:
        task = ""
        if step.number is not None:
            query = select(task_runs.c.target).where(
                task_runs.c.run_id == step.run, task_runs.c.number == step.number
            )
            async with self.desk.store.reading() as connection:
                task = str(await connection.scalar(query) or "")
        return Place(
            job=job.name, run=step.run, task=task, phase=step.phase, state=step.state,
            mark=step.mark, destination=lambda: job.destination(_unheard), reach=job.reach,
            start=self._starter(step, job),
        )  # fmt: skip

    def _starter(self, step: Step, job: RunnableJob) -> Callable[[str], Awaitable[str]]:
        async def start(name: str) -> str:
            # The run and the note that it was asked for are one: it is started once.
            async with self.desk.store.writing() as connection:
                if await _came(connection, step) is not None:
                    return "it was started already"
                query = select(jobs.c.id, jobs.c.name).where(jobs.c.folded == name.lower())
                found = (await connection.execute(query)).one_or_none()
                if found is None:
                    raise Missing(f"there is no job {name!r}", hint="it may have been deleted")
                wanted = Wanted(
                    job_id=found.id, job=found.name, reason=Reason.AFTER, requested_by=job.name
                )
                run = await add_run(connection, wanted, self.desk.board.now())
                text = f"run {run}" if run else "it is running already"
                line = Line(kind=_KIND, message=f"{step.phase}: start of the job {name}: {text}")
                await self._add(connection, step, line, {"came": _WELL})
            return text

        return start

    async def _failed(self, step: Step, action: ActionSpec, failure: tuple[str, str, str]) -> Came:
        code, message, hint = failure
        stop = action.on_error == "stop"
        text = f"{step.phase}: {title_of(action)}: {message}"
        came = {"stop": stop, "code": code, "message": text, "hint": hint}
        level = "error" if stop else "warning"
        data = {"code": code, "hint": hint, "came": came}
        await self._told(step, Line(kind=_KIND, message=text, level=level), data)
        return came

    async def _job(self, step: Step) -> RunnableJob:
        query = select(runs.c.job_id).where(runs.c.id == step.run)
        async with self.desk.store.reading() as connection:
            job_id = str(await connection.scalar(query))
        return await self.desk.open_runs.job(step.run, job_id)

    async def _cancelled(self, step: Step) -> bool:
        """Say whether to leave off; what is for the end of a cancelled run is done all the same."""
        if step.state == State.CANCELLED:
            return False
        query = select(runs.c.cancel_at).where(runs.c.id == step.run)

        async def asked() -> bool:
            async with self.desk.store.reading() as connection:
                return await connection.scalar(query) is not None

        # A store that does not answer is no reason to end what is being done.
        return await patiently(self.desk.clock, asked)

    async def _known(self, step: Step) -> Came | None:
        async with self.desk.store.reading() as connection:
            return await _came(connection, step)

    async def _told(self, step: Step, line: Line, data: dict[str, Any]) -> None:
        async def write() -> None:
            async with self.desk.store.writing() as connection:
                if "came" not in data or await _came(connection, step) is None:
                    await self._add(connection, step, line, data)

        await patiently(self.desk.clock, write)

    async def _add(
        self, connection: AsyncConnection, step: Step, line: Line, data: dict[str, Any]
    ) -> None:
        logged(line, run=step.run, task=step.number, node=self.desk.node)
        await add_event(
            connection, step.run, self.desk.board.now(), _KIND, line.message,
            number=step.number, level=line.level, data={"step": step.mark, **data},
        )  # fmt: skip


def _unheard(_: Event) -> None:
    """Take no notice of what a destination waits for: the action's own patience ends it."""


async def _came(connection: AsyncConnection, step: Step) -> Came | None:
    """Return what the store knows to have become of an action."""
    query = (
        select(run_events.c.data)
        .where(run_events.c.run_id == step.run, run_events.c.kind == _KIND)
        .order_by(run_events.c.id.desc())
    )
    for data in (await connection.scalars(query)).all():
        if data and data.get("step") == step.mark and "came" in data:
            return dict(data["came"])
    return None
