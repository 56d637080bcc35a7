"""Runs as people see them: asked for, looked at, cancelled; all of it in the store."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.store.database import Store
from syncline.control.store.runs import run_events, runs, task_runs
from syncline.errors import Conflict, Missing


class State(StrEnum):
    """How far a run or a task run is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: Only of task runs: not begun, because an earlier one failed or the run was cancelled.
    SKIPPED = "skipped"

    @property
    def over(self) -> bool:
        """Nothing more will happen."""
        return self not in {State.QUEUED, State.RUNNING}


class Reason(StrEnum):
    """Why a run began."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    #: A slot that came while no node was up.
    LATE = "late"
    #: Another job has ended.
    AFTER = "after"
    #: Its last run has ended some time ago.
    CONTINUOUS = "continuous"
    #: The source has said that something changed.
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What is special about one run."""

    #: Target tables; empty: all tasks of the job.
    tasks: tuple[str, ...] = ()
    #: Read everything again.
    full: bool = False
    #: Look for rows deleted at the source in any case.
    sweep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run that somebody or something asks for."""

    job_id: str
    job: str
    reason: Reason = Reason.MANUAL
    requested_by: str = ""
    planned_at: datetime | None = None
    options: RunOptions = RunOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why something did not work: a stable code, what happened, what to do."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRun:
    """One task of a run."""

    number: int
    task: str
    target: str
    state: State
    attempt: int
    node: str | None
    started_at: datetime | None
    finished_at: datetime | None
    progress_at: datetime | None
    incremental: bool | None
    read: int
    inserted: int
    updated: int
    deleted: int
    rejected: int
    requests: int
    commits: int
    seconds: float
    #: Seconds that the source made it wait, of these.
    waited: float
    waiting_for: str | None
    waiting_until: datetime | None
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job."""

    id: str
    job_id: str
    job: str
    state: State
    reason: Reason
    requested_by: str
    planned_at: datetime | None
    options: RunOptions
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_at: datetime | None
    cancelled_by: str | None
    failure: Failure | None
    #: Only where one run is asked for.
    tasks: tuple[TaskRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened in a run: one line of its log."""

    id: int
    number: int | None
    at: datetime
    level: str
    kind: str
    message: str
    data: Mapping[str, Any] | None


async def insert_new(connection: AsyncConnection, table: Table, *rows: Mapping[str, Any]) -> int:
    """Insert the rows whose unique columns are not there yet; return how many these were."""
    if not rows:
        return 0
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = 0
    for row in rows:
        new = make(table).values(dict(row)).on_conflict_do_nothing()
        found = await connection.execute(new.returning(*table.primary_key.columns))
        added += found.first() is not None
    return added


async def add_run(connection: AsyncConnection, wanted: Wanted, now: datetime) -> str | None:
    """Add a queued run in a transaction of the caller; None: the job has one that is not over."""
    run_id = uuid.uuid4().hex
    added = await insert_new(
        connection,
        runs,
        {
            "id": run_id,
            "job_id": wanted.job_id,
            "job": wanted.job,
            "state": State.QUEUED,
            "reason": wanted.reason,
            "requested_by": wanted.requested_by,
            "planned_at": wanted.planned_at,
            "options": asdict(wanted.options),
            "created_at": now,
            "followed": False,
        },
    )
    return run_id if added else None


async def active_run(connection: AsyncConnection, job_id: str) -> str | None:
    """Return the id of a job's run that is not over."""
    query = select(runs.c.id).where(runs.c.job_id == job_id, runs.c.finished_at.is_(None))
    found = await connection.scalar(query)
    return None if found is None else str(found)


async def request_run(store: Store, wanted: Wanted, now: datetime) -> str:
    """Ask for a run and return its id; some node takes it up within a second or two.

    Raises `Conflict` while another run of the job is queued or running.
    """
    async with store.writing() as connection:
        return await requested(connection, wanted, now)


async def requested(connection: AsyncConnection, wanted: Wanted, now: datetime) -> str:
    """Do as `request_run`, in a transaction of the caller."""
    run_id = await add_run(connection, wanted, now)
    if run_id is None:
        raise Conflict(
            f"a run of {wanted.job} is going on already",
            hint="wait for it to end, or cancel it first",
        )
    return run_id


async def cancel_run(store: Store, run_id: str, by: str, now: datetime) -> State:
    """Ask a run to end at its next commit; return the state it has now.

    What it has committed stays, and the next run goes on from there. Raises `Missing`.
    """
    async with store.writing() as connection:
        await cancelled(connection, run_id, by, now)
        state = await connection.scalar(select(runs.c.state).where(runs.c.id == run_id))
    if state is None:
        raise _missing(run_id)
    return State(state)


async def cancelled(connection: AsyncConnection, run_id: str, by: str, now: datetime) -> bool:
    """Ask a run to end, in a transaction of the caller; False: it is over, or was asked before."""
    # One that no node has begun ends at once.
    ended = await connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.state == State.QUEUED)
        .values(
            state=State.CANCELLED, cancel_at=now, cancelled_by=by, finished_at=now,
            dispatched_at=func.coalesce(runs.c.dispatched_at, now),
        )
    )  # fmt: skip
    asked = await connection.execute(
        update(runs)
        .where(runs.c.id == run_id, runs.c.state == State.RUNNING, runs.c.cancel_at.is_(None))
        .values(cancel_at=now, cancelled_by=by)
    )
    return bool(ended.rowcount or asked.rowcount)


async def list_runs(
    store: Store,
    *,
    job_id: str | None = None,
    states: Sequence[State] = (),
    before: tuple[datetime, str] | None = None,
    among: ColumnElement[bool] | None = None,
    limit: int = 50,
) -> tuple[Run, ...]:
    """Return runs, the newest first.

    ``before``: `created_at` and id of the last one seen; ``among``: what must hold of their rows.
    """
    query = select(runs).order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
    if among is not None:
        query = query.where(among)
    if job_id is not None:
        query = query.where(runs.c.job_id == job_id)
    if states:
        query = query.where(runs.c.state.in_(states))
    if before is not None:
        created, run_id = before
        query = query.where(
            (runs.c.created_at < created) | ((runs.c.created_at == created) & (runs.c.id < run_id))
        )
    async with store.reading() as connection:
        return tuple(_run(row) for row in (await connection.execute(query)).mappings())


async def get_run(store: Store, run_id: str) -> Run:
    """Return a run and its task runs. Raises `Missing`."""
    async with store.reading() as connection:
        query = select(runs).where(runs.c.id == run_id)
        row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise _missing(run_id)
        of_run = task_runs.c.run_id == run_id
        tasks = await connection.execute(
            select(task_runs).where(of_run).order_by(task_runs.c.number)
        )
        return _run(row, tuple(_task_run(t) for t in tasks.mappings()))


async def find_run(store: Store, beginning: str) -> str:
    """Return the id of the one run whose id begins so. Raises `Missing`."""
    query = select(runs.c.id).where(runs.c.id.startswith(beginning, autoescape=True)).limit(2)
    async with store.reading() as connection:
        found = (await connection.execute(query)).scalars().all()
    if len(found) != 1:
        raise _missing(beginning)
    return str(found[0])


async def events_of(
    store: Store, run_id: str, *, after: int = 0, limit: int = 500
) -> tuple[RunEvent, ...]:
    """Return the events of a run after one, oldest first; an id once seen is never given again."""
    query = (
        select(run_events)
        .where(run_events.c.run_id == run_id, run_events.c.id > after)
        .order_by(run_events.c.id)
        .limit(limit)
    )
    async with store.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    return tuple(
        RunEvent(
            id=row["id"], number=row["number"], at=row["at"], level=row["level"],
            kind=row["kind"], message=row["message"], data=row["data"],
        )
        for row in rows
    )  # fmt: skip


async def add_event(
    connection: AsyncConnection,
    run_id: str,
    at: datetime,
    kind: str,
    message: str,
    *,
    number: int | None = None,
    level: str = "info",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the log of a run, in a transaction of the caller."""
    row = {
        "run_id": run_id, "number": number, "at": at, "level": level, "kind": kind,
        "message": message, "data": data,
    }  # fmt: skip
    await connection.execute(insert(run_events).values(row))


async def purge(store: Store, before: datetime, *, batch: int = 200) -> tuple[str, ...]:
    """Delete up to ``batch`` runs that ended before a moment; return their ids."""
    query = select(runs.c.id).where(runs.c.finished_at < before).limit(batch)
    async with store.writing() as connection:
        found = tuple((await connection.execute(query)).scalars())
        if found:
            await connection.execute(delete(run_events).where(run_events.c.run_id.in_(found)))
            await connection.execute(delete(task_runs).where(task_runs.c.run_id.in_(found)))
            await connection.execute(delete(runs).where(runs.c.id.in_(found)))
    return found


def _missing(run_id: str) -> Missing:
    return Missing(f"there is no run {run_id!r}", hint="syncline runs list shows them")


def _failure(row: RowMapping) -> Failure | None:
    if row["error_code"] is None:
        return None
    return Failure(code=row["error_code"], message=row["error"] or "", hint=row["hint"] or "")


def _run(row: RowMapping, tasks: tuple[TaskRun, ...] = ()) -> Run:
    options = dict(row["options"])
    return Run(
        id=row["id"],
        job_id=row["job_id"],
        job=row["job"],
        state=State(row["state"]),
        reason=Reason(row["reason"]),
        requested_by=row["requested_by"],
        planned_at=row["planned_at"],
        options=options_of(options),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        cancel_at=row["cancel_at"],
        cancelled_by=row["cancelled_by"],
        failure=_failure(row),
        tasks=tasks,
    )


def options_of(written: Mapping[str, Any]) -> RunOptions:
    """Return options as they are kept in the store."""
    return RunOptions(
        tasks=tuple(written.get("tasks", ())),
        full=bool(written.get("full", False)),
        sweep=bool(written.get("sweep", False)),
    )


_SAME = (
    "number", "task", "target", "attempt", "node", "started_at", "finished_at", "progress_at",
    "incremental", "read", "inserted", "updated", "deleted", "rejected", "requests", "commits",
    "seconds", "waited", "waiting_for", "waiting_until",
)  # fmt: skip


def _task_run(row: RowMapping) -> TaskRun:
    same: dict[str, Any] = {name: row[name] for name in _SAME}
    return TaskRun(**same, state=State(row["state"]), failure=_failure(row))
