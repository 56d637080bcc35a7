"""Starts runs when they are due: any node may tick at any time, and every slot counts once."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from pydantic import ValidationError
from sqlalchemy import ColumnElement, RowMapping, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.calendar import last_run_before, next_runs
from syncline.control.outbox import announce_late, watched
from syncline.control.runs import Reason, State, Wanted, active_run, add_run, insert_new
from syncline.control.store.database import Store
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import runs
from syncline.control.store.schedules import schedules
from syncline.control.store.slots import slots
from syncline.control.timetable import ScheduleSpec
from syncline.model.run import Clock

_LOG = logging.getLogger(__name__)
#: In one transaction.
_BATCH = 50
#: Missed slots that are written down, of one schedule at a time.
_WRITTEN = 500
_STEP = timedelta(microseconds=1)
#: A continuous job that failed is not begun again before so many seconds.
_AFTER_FAILURE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduler:
    """Looks at what is due; there is no state but the store's."""

    store: Store
    clock: Clock
    #: Seconds after which a slot counts as missed.
    late_after: float = 60.0

    async def tick(self) -> int:
        """Deal with slots that are due or late and runs that have ended; return how many."""
        done = 0
        while count := await self._due() + await self._ended() + await self._late():
            done += count
        return done

    @staticmethod
    def waiting(now: datetime) -> ColumnElement[bool]:
        """Return whether a slot is due or late, a run has ended, or one waits to be taken up."""
        due = exists().where(schedules.c.enabled, schedules.c.next_run_at <= now)
        ended = exists().where(runs.c.followed.is_(False), runs.c.finished_at.is_not(None))
        waiting = exists().where(runs.c.dispatched_at.is_(None))
        late = exists().where(slots.c.late_at <= now)
        return or_(due, ended, waiting, late)

    async def _due(self) -> int:
        now = self._now()
        query = (
            select(schedules.c.job_id, schedules.c.spec, schedules.c.next_run_at, jobs.c.name)
            .join(jobs, jobs.c.id == schedules.c.job_id)
            .where(schedules.c.enabled, schedules.c.next_run_at <= now)
            .order_by(schedules.c.next_run_at, schedules.c.job_id)
            .limit(_BATCH)
        )
        async with self.store.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        if not rows:
            return 0
        due = [each for row in rows if (each := _due(row, now)) is not None]
        if not due:
            return 0
        async with self.store.writing() as connection:
            return sum([await self._take(connection, each, now) for each in due])

    async def _take(self, connection: AsyncConnection, due: "_Due", now: datetime) -> bool:
        """Move the schedule on, and decide about its slots; once, whoever else tries."""
        moved = await connection.execute(
            update(schedules)
            .where(
                schedules.c.job_id == due.job_id,
                schedules.c.next_run_at == due.planned,
                schedules.c.enabled,
            )
            .values(next_run_at=due.following, last_slot_at=due.newest)
        )
        if not moved.rowcount:
            return False
        for slot in due.earlier:
            reason = f"missed; the one of {due.newest:%Y-%m-%d %H:%M} UTC stands for it"
            await _skipped(connection, due.job_id, slot, reason, now)
        late = (now - due.newest).total_seconds() > self.late_after
        # A continuous one has no next slot that it could wait for.
        if late and due.spec.missed == "skip" and due.spec.by_clock:
            reason = "missed: nothing was running at that time"
            late_at = await watched(connection, due.job_id, due.newest)
            await _skipped(connection, due.job_id, due.newest, reason, now, late_at=late_at)
            return True
        how = Reason.LATE if late else Reason.SCHEDULE
        if due.spec.continuous is not None:
            how = Reason.CONTINUOUS
        wanted = Wanted(job_id=due.job_id, job=due.job, reason=how, planned_at=due.newest)
        await _run(connection, wanted, now)
        return True

    async def _ended(self) -> int:
        """See to what follows the end of runs: jobs after them, the next of continuous ones."""
        now = self._now()
        query = (
            select(runs.c.id, runs.c.job_id, runs.c.job, runs.c.state, runs.c.finished_at)
            .where(runs.c.followed.is_(False), runs.c.finished_at.is_not(None))
            .order_by(runs.c.finished_at)
            .limit(_BATCH)
        )
        async with self.store.reading() as connection:
            ended = (await connection.execute(query)).mappings().all()
        if not ended:
            return 0
        async with self.store.writing() as connection:
            for run in ended:
                mine = update(runs).where(runs.c.id == run["id"], runs.c.followed.is_(False))
                if (await connection.execute(mine.values(followed=True))).rowcount:
                    await self._follow(connection, run, now)
        return len(ended)

    async def _late(self) -> int:
        """See to what is told about slots that nothing has come of in time."""
        now = self._now()
        query = select(slots.c.job_id).where(slots.c.late_at <= now).limit(1)
        async with self.store.reading() as connection:
            if await connection.scalar(query) is None:
                return 0
        async with self.store.writing() as connection:
            return await announce_late(connection, now)

    async def _follow(self, connection: AsyncConnection, run: RowMapping, now: datetime) -> None:
        query = (
            select(schedules.c.job_id, schedules.c.spec, jobs.c.name)
            .join(jobs, jobs.c.id == schedules.c.job_id)
            .where(
                schedules.c.enabled,
                (schedules.c.after_job_id == run["job_id"]) | (schedules.c.job_id == run["job_id"]),
            )
        )
        for row in (await connection.execute(query)).mappings().all():
            try:
                spec = ScheduleSpec.model_validate(row["spec"])
            except ValidationError:
                _LOG.exception("the schedule of %s cannot be read", row["name"])
                continue
            if row["job_id"] == run["job_id"]:
                if spec.continuous is not None:
                    await _again(connection, run, spec.continuous)
            elif spec.after is not None and _fits(spec.after.when, State(run["state"])):
                wanted = Wanted(
                    job_id=row["job_id"],
                    job=row["name"],
                    reason=Reason.AFTER,
                    planned_at=run["finished_at"],
                    requested_by=run["job"],
                )
                await _run(connection, wanted, now)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    job_id: str
    job: str
    spec: ScheduleSpec
    #: The slot that the schedule waited for.
    planned: datetime
    #: The newest slot that has come since.
    newest: datetime
    #: Those from ``planned`` up to ``newest``, without it.
    earlier: Sequence[datetime]
    following: datetime | None


def _due(row: RowMapping, now: datetime) -> _Due | None:
    try:
        spec = ScheduleSpec.model_validate(row["spec"])
    except ValidationError:
        # One that a newer version wrote, perhaps; the others must go on.
        _LOG.exception("the schedule of %s cannot be read", row["name"])
        return None
    planned = row["next_run_at"]
    newest = last_run_before(spec, planned, now) or planned
    return _Due(
        job_id=row["job_id"],
        job=row["name"],
        spec=spec,
        planned=planned,
        newest=newest,
        earlier=tuple(_between(spec, planned, newest)),
        following=next(iter(next_runs(spec, now)), None) if spec.by_clock else None,
    )


def _between(spec: ScheduleSpec, planned: datetime, newest: datetime) -> Iterable[datetime]:
    if newest == planned:
        return
    yield planned
    for slot in islice(next_runs(spec, planned, _WRITTEN), _WRITTEN - 1):
        if slot >= newest:
            return
        yield slot


def _fits(when: str, state: State) -> bool:
    match when:
        case "succeeded":
            return state is State.SUCCEEDED
        case "failed":
            return state is State.FAILED
        case _:
            return True


async def _run(connection: AsyncConnection, wanted: Wanted, now: datetime) -> None:
    """Decide about a slot: a run, or a line that says why there is none. Once for each slot."""
    job_id, slot = wanted.job_id, wanted.planned_at or now
    row = {
        "job_id": job_id, "planned_at": slot, "outcome": "run", "reason": "", "decided_at": now,
        "late_at": await watched(connection, job_id, slot),
    }  # fmt: skip
    if not await insert_new(connection, slots, row):
        return
    run = await add_run(connection, wanted, now)
    values = {"run_id": run}
    if run is None:
        going = await active_run(connection, job_id)
        values = {"run_id": going, "outcome": "skipped", "reason": "its last run is still going on"}
    mine = (slots.c.job_id == job_id) & (slots.c.planned_at == slot)
    await connection.execute(update(slots).where(mine).values(values))


async def _skipped(
    connection: AsyncConnection,
    job_id: str,
    slot: datetime,
    reason: str,
    now: datetime,
    *,
    late_at: datetime | None = None,
) -> None:
    row = {
        "job_id": job_id, "planned_at": slot, "outcome": "skipped", "reason": reason,
        "decided_at": now, "late_at": late_at,
    }  # fmt: skip
    await insert_new(connection, slots, row)


async def _again(connection: AsyncConnection, run: RowMapping, pause: float) -> None:
    """Let a continuous job begin again after its pause."""
    failed = run["state"] == State.FAILED
    wait = timedelta(seconds=max(pause, _AFTER_FAILURE) if failed else pause)
    # Slots are told apart by their time, even without a pause.
    begin = run["finished_at"] + wait + _STEP
    await connection.execute(
        update(schedules).where(schedules.c.job_id == run["job_id"]).values(next_run_at=begin)
    )
