"""The first and the last step of a job run: what it consists of, and how it ended."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.action_specs import Actions
from syncline.control.engine.job import Around, RunnableJob
from syncline.control.engine.patience import patiently
from syncline.control.engine.telling import Line, logged
from syncline.control.engine.work import BROKE, Desk
from syncline.control.outbox import announce_end
from syncline.control.runs import RunOptions, State, add_event, insert_new, options_of
from syncline.control.store.runs import runs, task_runs
from syncline.errors import Invalid, SynclineError, TransientError
from syncline.model.job import Task

_LOG = logging.getLogger(__name__)
#: How the tasks of a run are to be begun. JSON.
Setup: TypeAlias = dict[str, Any]
#: What became of an action. JSON.
Came: TypeAlias = dict[str, Any]
_NOTHING: Setup = {"tasks": 0, "parallel": 1, "go_on": True, "account": "", "limit": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps on one node. Each may be done twice, and does no harm then."""

    desk: Desk

    async def begin(self, run: str) -> Setup:
        """Write down that a run has begun, and its tasks; return how to begin them."""
        return await patiently(self.desk.clock, lambda: self._begin(run))

    async def outcome(self, run: str) -> str:
        """Return how a run would end now, before what is done after it."""
        return await patiently(self.desk.clock, lambda: self._outcome(run))

    async def finish(self, run: str, failure: Came | None = None) -> str:
        """Write down how a run ended; return its state. ``failure``: of an action."""
        return await patiently(self.desk.clock, lambda: self._finish(run, failure))

    async def fail_task(self, run: str, number: int, failure: Came) -> str:
        """Write down that a task run has failed because of an action; return its state."""
        return await patiently(self.desk.clock, lambda: self._fail_task(run, number, failure))

    async def _begin(self, run: str) -> Setup:
        async with self.desk.store.reading() as connection:
            row = await _run(connection, run)
        if row is None or row["finished_at"] is not None:
            return _NOTHING
        try:
            job = await self.desk.open_runs.job(run, row["job_id"])
            tasks = _chosen(job, options_of(row["options"]))
        except TransientError:
            raise
        except SynclineError as error:
            await self._refuse(run, error.code, str(error), error.hint)
            return _NOTHING
        except Exception:  # noqa: BLE001 (a defect ends its run, and must not leave it hanging)
            _LOG.exception("the run %s cannot be begun", run)
            await self._refuse(run, *BROKE)
            return _NOTHING
        return await self._begun(run, row, job, tasks)

    async def _begun(
        self, run: str, row: RowMapping, job: RunnableJob, tasks: tuple[Task, ...]
    ) -> Setup:
        now = self.desk.board.now()
        async with self.desk.store.writing() as connection:
            first = row["started_at"] is None
            started = row["started_at"] or now
            deadline = None if job.timeout is None else started + timedelta(seconds=job.timeout)
            done = await connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.finished_at.is_(None))
                .values(state=State.RUNNING, started_at=started, deadline_at=deadline)
            )
            if not done.rowcount:
                return _NOTHING
            if first:
                await insert_new(
                    connection,
                    task_runs,
                    *(
                        {
                            "run_id": run, "number": number, "task": task.id,
                            "target": task.target, "state": State.QUEUED,
                        }
                        for number, task in enumerate(tasks)
                    ),
                )  # fmt: skip
                by = f" by {row['requested_by']}" if row["requested_by"] else ""
                line = Line(
                    kind="started", message=f"{row['reason']} run of {job.name}{by}",
                    data={"node": self.desk.node, "tasks": len(tasks)},
                )  # fmt: skip
                await self._told(connection, run, now, line)
            of_run = task_runs.c.run_id == run
            query = select(task_runs.c.number, task_runs.c.task).where(of_run)
            known = (await connection.execute(query)).all()
        return {
            **_written(job.around),
            "around": {
                str(number): _written(job.around_tasks[task])
                for number, task in known
                if task in job.around_tasks
            },
            "tasks": len(known),
            "parallel": job.parallel_tasks,
            "go_on": job.continue_on_error,
            "account": job.account,
            "limit": job.account_limit,
        }

    async def _refuse(self, run: str, code: str, message: str, hint: str) -> None:
        """End a run whose job cannot be run at all."""
        now = self.desk.board.now()
        async with self.desk.store.writing() as connection:
            await connection.execute(
                update(runs)
                .where(runs.c.id == run, runs.c.finished_at.is_(None))
                .values(
                    state=State.FAILED, started_at=func.coalesce(runs.c.started_at, now),
                    finished_at=now, error_code=code, error=message, hint=hint,
                )
            )  # fmt: skip
            line = Line(
                kind="failed", message=message, level="error", data={"code": code, "hint": hint}
            )
            await self._told(connection, run, now, line)
            await announce_end(connection, run, now)

    async def _outcome(self, run: str) -> str:
        query = select(task_runs.c.state).where(task_runs.c.run_id == run)
        async with self.desk.store.reading() as connection:
            row = await _run(connection, run)
            states = [State(s) for s in (await connection.scalars(query)).all()]
        return str(_state(states, cancelled=row is not None and row["cancel_at"] is not None))

    async def _fail_task(self, run: str, number: int, failure: Came) -> str:
        cancelled = bool(failure.get("cancelled"))
        state = State.CANCELLED if cancelled else State.FAILED
        async with self.desk.store.writing() as connection:
            await connection.execute(
                update(task_runs)
                .where(task_runs.c.run_id == run, task_runs.c.number == number)
                .values(
                    state=state, finished_at=self.desk.board.now(),
                    error_code=failure.get("code"), error=failure.get("message"),
                    hint=failure.get("hint"),
                )
            )  # fmt: skip
        return str(state)

    async def _finish(self, run: str, failure: Came | None) -> str:
        now = self.desk.board.now()
        async with self.desk.store.writing() as connection:
            row = await _run(connection, run)
            if row is None or row["finished_at"] is not None:
                return "" if row is None else str(row["state"])
            of_run = task_runs.c.run_id == run
            await connection.execute(
                update(task_runs)
                .where(of_run, task_runs.c.finished_at.is_(None))
                .values(state=State.SKIPPED, finished_at=now)
            )
            query = select(task_runs).where(of_run).order_by(task_runs.c.number)
            tasks = (await connection.execute(query)).mappings().all()
            states = [State(t["state"]) for t in tasks]
            failed = next((t for t in tasks if t["state"] == State.FAILED), None)
            state = _state(states, cancelled=row["cancel_at"] is not None)
            code, message, hint = None, None, None
            if state is State.FAILED:
                code, message, hint = BROKE
            if state is State.FAILED and failed is not None:
                code, hint = failed["error_code"], failed["hint"]
                message = f"{failed['target']}: {failed['error']}"
            if failure is not None and "code" in failure and state is not State.CANCELLED:
                state = State.FAILED
                # What came first is the cause.
                if failed is None:
                    code, message, hint = (failure[n] for n in ("code", "message", "hint"))
            await connection.execute(
                update(runs)
                .where(runs.c.id == run)
                .values(state=state, finished_at=now, error_code=code, error=message, hint=hint)
            )
            line = Line(
                kind=str(state), message=_summary(state, states),
                level="error" if state is State.FAILED else "info",
            )  # fmt: skip
            await self._told(connection, run, now, line)
            await announce_end(connection, run, now)
        return str(state)

    async def _told(self, connection: AsyncConnection, run: str, now: datetime, line: Line) -> None:
        logged(line, run=run, node=self.desk.node)
        await add_event(
            connection, run, now, line.kind, line.message, level=line.level, data=line.data
        )


async def _run(connection: AsyncConnection, run: str) -> RowMapping | None:
    query = select(runs).where(runs.c.id == run)
    return (await connection.execute(query)).mappings().one_or_none()


def _written(around: Around) -> dict[str, Any]:
    return {"before": _specs(around.before), "after": _specs(around.after)}


def _specs(actions: Actions) -> list[dict[str, Any]]:
    return [action.model_dump(mode="json", exclude_defaults=True) for action in actions]


def _chosen(job: RunnableJob, options: RunOptions) -> tuple[Task, ...]:
    """Return the tasks that a run is about. Raises `Invalid` where there is none."""
    wanted = {target.lower() for target in options.tasks}
    chosen = tuple(t for t in job.tasks if not wanted or t.target.lower() in wanted)
    if not chosen:
        raise Invalid(
            f"{job.name} has no such task" if wanted else f"{job.name} has no tasks",
            hint=f"target tables: {', '.join(t.target for t in job.tasks)}"
            if job.tasks
            else "add one to the job",
        )
    return chosen


def _state(states: list[State], *, cancelled: bool) -> State:
    if cancelled and any(state is not State.SUCCEEDED for state in states):
        return State.CANCELLED
    if any(state is not State.SUCCEEDED for state in states):
        return State.FAILED
    return State.SUCCEEDED


def _summary(state: State, states: list[State]) -> str:
    counts = {word: states.count(word) for word in State}
    parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{state}: {parts or 'no tasks'}"
