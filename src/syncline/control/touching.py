"""What deliveries of APIs set going: soon after the last of them, one run of what has changed."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlglot import exp

from syncline.control.plane import Work
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.runs import Reason, RunOptions, Wanted, add_run, insert_new
from syncline.control.store.database import Store
from syncline.control.store.hooks import touched
from syncline.control.store.jobs import jobs
from syncline.control.store.tasks import tasks
from syncline.control.tasks import tasks_of
from syncline.errors import SynclineError
from syncline.model.job import Disposition, Task
from syncline.model.run import Clock
from syncline.query.dialect import parse
from syncline.query.pointing import refusing

#: A run begins when nothing has been delivered for so long, in seconds …
QUIET = 3.0
#: … or when the first delivery is so old: some APIs never fall silent.
LONGEST = 30.0
#: Makes the rows of a query depend on more than themselves, so that all must be read again.
_WHOLE = (exp.Group, exp.Distinct, exp.AggFunc, exp.Window, exp.Limit, exp.Fetch, exp.Offset)
_BATCH = 100


async def touch(work: Work, connection_id: str, tables: Collection[str]) -> int:
    """Note that tables of a source have changed; return how many tasks are to run for it.

    Tasks that would read all again are left to their schedule.
    """
    if not tables:
        return 0
    named = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(tables)))})\b", re.IGNORECASE)
    query = (
        select(jobs.c.id, jobs.c.name, jobs.c.spec, tasks.c.spec.label("task"))
        .join(tasks, tasks.c.job_id == jobs.c.id)
        .where(jobs.c.source_id == connection_id, jobs.c.paused.is_(False))
    )
    count = 0
    for row in (await work.connection.execute(query)).mappings().all():
        given = row["task"]
        if not named.search(str(given.get("table") or given.get("query") or "")):
            continue
        for task in _ready(row["name"], row["spec"], given):
            if _reads_changes_of(task, tables):
                await _note(work, row["id"], task.target)
                count += 1
    return count


def _ready(name: str, spec: Mapping[str, Any], task: Mapping[str, Any]) -> Iterable[Task]:
    """Return a stored task as the engine has it; none if it is switched off or cannot be read."""
    job = JobSpec.model_validate({**spec, "source": "", "destination": ""})
    try:
        return tasks_of(name, job.model_copy(update={"tasks": (TaskSpec.model_validate(task),)}))
    except SynclineError:
        return ()


def _reads_changes_of(task: Task, tables: Collection[str]) -> bool:
    if task.disposition is Disposition.REPLACE:
        return False
    try:
        query = parse(task.query, task.parameters, refusing(task.query))
    except SynclineError:
        return False
    read = [table.name.lower() for table in query.find_all(exp.Table)]
    known = {name.lower() for name in tables}
    return len(read) == 1 and read[0] in known and query.find(*_WHOLE) is None


async def _note(work: Work, job_id: str, target: str) -> None:
    row = {"job_id": job_id, "target": target, "first_at": work.now, "last_at": work.now}
    if not await insert_new(work.connection, touched, row):
        c = touched.c
        await work.connection.execute(
            update(touched).where(c.job_id == job_id, c.target == target).values(last_at=work.now)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Begins the runs that deliveries ask for; any node may tick at any time."""

    store: Store
    clock: Clock
    quiet: float = QUIET
    longest: float = LONGEST

    @staticmethod
    def waiting(_: datetime) -> ColumnElement[bool]:
        """Return whether something was delivered that no run has been asked for yet."""
        return exists().where(touched.c.job_id == jobs.c.id, jobs.c.paused.is_(False))

    async def tick(self) -> int:
        """Ask for runs of the jobs whose deliveries have come to rest; return how many.

        A job that is running is asked again when that run is over: it may have read too early.
        """
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        c = touched.c
        resting = func.max(c.last_at) <= now - timedelta(seconds=self.quiet)
        waiting = func.min(c.first_at) <= now - timedelta(seconds=self.longest)
        query = (
            select(c.job_id, jobs.c.name)
            .join(jobs, jobs.c.id == c.job_id)
            .where(jobs.c.paused.is_(False))
            .group_by(c.job_id, jobs.c.name)
            .having(or_(resting, waiting))
            .limit(_BATCH)
        )
        async with self.store.reading() as connection:
            due = (await connection.execute(query)).all()
        return sum([await self._begun(job_id, name, now) for job_id, name in due])

    async def _begun(self, job_id: str, name: str, now: datetime) -> bool:
        async with self.store.writing() as connection:
            c = touched.c
            found = await connection.scalars(select(c.target).where(c.job_id == job_id))
            targets = tuple(sorted(found.all()))
            if not targets:
                return False
            wanted = Wanted(
                job_id=job_id,
                job=name,
                reason=Reason.WEBHOOK,
                requested_by="webhook",
                options=RunOptions(tasks=targets),
            )
            if await add_run(connection, wanted, now) is None:
                return False
            # What is delivered from now on is for the next run.
            await connection.execute(
                delete(touched).where(c.job_id == job_id, c.target.in_(targets))
            )
        return True
