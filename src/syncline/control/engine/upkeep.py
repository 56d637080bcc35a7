"""What a node looks after now and then: old runs go, runs that the engine has lost are told so."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dbos import DBOS
from sqlalchemy import delete, select, update

from syncline.control.outbox import announce_end
from syncline.control.runs import State, add_event, purge
from syncline.control.store.database import Store
from syncline.control.store.notifications import notices
from syncline.control.store.runs import runs, task_runs
from syncline.control.store.slots import slots
from syncline.model.run import Clock

_LOG = logging.getLogger(__name__)
#: What the engine keeps of a run is of no use once it is over; a day, for those who look into it.
_ENGINE_KEEPS = timedelta(days=1)
#: A run is not looked for in the engine before so long after it was handed to it.
_UNSEEN = timedelta(minutes=2)
_OVER = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """Housekeeping of one store; any node may do it at any time."""

    store: Store
    clock: Clock
    keep_days: float

    async def forget(self) -> int:
        """Delete what is too old; return how many runs that were."""
        now = self._now()
        before = now - timedelta(days=self.keep_days)
        count = 0
        while gone := await purge(self.store, before):
            count += len(gone)
        async with self.store.writing() as connection:
            await connection.execute(delete(slots).where(slots.c.decided_at < before))
            told = notices.c.created_at < before, notices.c.next_at.is_(None)
            await connection.execute(delete(notices).where(*told))
        while await self._engine_forgets(now - _ENGINE_KEEPS):
            pass
        return count

    async def find_lost(self) -> int:
        """End runs that the engine does not know, or ended without a word; return how many.

        That cannot be unless its tables were lost or changed by hand, but a job must not be
        blocked for ever by a run that nobody works on.
        """
        now = self._now()
        query = select(runs.c.id).where(
            runs.c.finished_at.is_(None), runs.c.dispatched_at < now - _UNSEEN
        )
        async with self.store.reading() as connection:
            going = (await connection.execute(query)).scalars().all()
        lost = []
        for run in going:
            status = await DBOS.get_workflow_status_async(run)
            if status is None or status.status in _OVER:
                lost.append(run)
        for run in lost:
            _LOG.error("the engine has lost the run %s", run)
            await self._lost(run, now)
        return len(lost)

    async def _lost(self, run: str, now: datetime) -> None:
        message = "the engine has lost this run; what was committed stays"
        values = {
            "state": State.FAILED, "finished_at": now, "error_code": "defect", "error": message,
            "hint": "run the job again: it goes on from there",
        }  # fmt: skip
        async with self.store.writing() as connection:
            done = await connection.execute(
                update(runs).where(runs.c.id == run, runs.c.finished_at.is_(None)).values(values)
            )
            if done.rowcount:
                await connection.execute(
                    update(task_runs)
                    .where(task_runs.c.run_id == run, task_runs.c.finished_at.is_(None))
                    .values(state=State.SKIPPED, finished_at=now)
                )
                await add_event(connection, run, now, "failed", message, level="error")
                await announce_end(connection, run, now)

    async def _engine_forgets(self, before: datetime) -> bool:
        found = await DBOS.list_workflows_async(
            status=_OVER, end_time=before.isoformat(), limit=_BATCH, load_input=False,
            load_output=False,
        )  # fmt: skip
        if found:
            await DBOS.delete_workflows_async([w.workflow_id for w in found])
        return len(found) == _BATCH

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)
