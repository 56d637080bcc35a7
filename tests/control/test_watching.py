"""What is told about keys, about tasks that lag, and about how long a run will take."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from control.planes import ADMIN, CLIO, KEY, LAKE, VIEWER, actor, plane_of
from standins.clocks import VirtualClock
from syncline.control.access import Policy
from syncline.control.engine.board import Counts, Progress
from syncline.control.plane import Plane
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.runs import State, get_run
from syncline.control.store.database import Store
from syncline.control.store.runs import runs, task_runs
from syncline.control.store.tasks import tasks
from syncline.control.timetable import ScheduleSpec
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.estimating import Before, earlier, run_seconds_left, seconds_left
from syncline.control.usecases.jobs import create_job
from syncline.control.usecases.key_list import list_keys
from syncline.control.usecases.keys import reseal
from syncline.control.usecases.lagging import late_tasks, task_lags
from syncline.control.usecases.overview import Day, days_of
from syncline.control.vault import vault_of
from syncline.errors import Forbidden, VaultError
from syncline.model.run import Read, Waiting

NEWER = "a newer key that is long enough, too"


@pytest.fixture
async def plane(sqlite_store: Store) -> Plane:
    made = plane_of(sqlite_store, VirtualClock())
    two = (TaskSpec(table="Matters"), TaskSpec(table="Users", enabled=False))
    async with made.changing(ADMIN) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        common: dict[str, Any] = {"source": "clio", "destination": "lake"}
        for name, schedule in (
            ("quick", ScheduleSpec(every_minutes=10)),
            ("daily", ScheduleSpec(daily_at="03:00")),
            ("again", ScheduleSpec(continuous=60)),
            ("by-hand", None),
        ):
            await create_job(work, name, JobSpec(**common, tasks=two, schedule=schedule))
        paused = JobSpec(**common, tasks=two, schedule=ScheduleSpec(every_minutes=1), paused=True)
        await create_job(work, "paused", paused)
    return made


async def test_keys_and_what_they_have_sealed(plane: Plane) -> None:
    async with plane.looking(ADMIN) as work:
        (only,) = await list_keys(work)
        assert (only.current, only.here, only.secrets) == (True, True, 1)
    both = replace(plane, vault=vault_of([NEWER, KEY]))
    async with both.changing(ADMIN) as work:
        newer, older = await list_keys(work)
        assert (newer.current, newer.secrets) == (True, 0)
        assert (older.name, older.current, older.here, older.secrets) == (only.name, False, True, 1)
        assert await reseal(work) == 1
        newer, older = await list_keys(work)
        assert (newer.secrets, older.secrets) == (1, 0)
    async with plane.looking(ADMIN) as work:
        old, missing = await list_keys(work)
        assert (old.secrets, missing.name, missing.here) == (0, newer.name, False)
        with pytest.raises(VaultError, match=newer.name):
            await reseal(work)
    async with plane.looking(VIEWER) as work:
        with pytest.raises(Forbidden):
            await list_keys(work)


async def _ran(plane: Plane, number: int, state: State, ago: timedelta, **more: Any) -> str:
    """Note a run of the first job's first task."""
    run, at = f"{number:032}", _now(plane) - ago
    over = None if state is State.RUNNING else at
    async with plane.store.writing() as connection:
        job = (await connection.execute(tasks.select().where(tasks.c.key == "quick/Matters"))).one()
        await connection.execute(
            insert(runs).values(
                id=run, job_id=job.job_id, job="quick", state=state, reason="manual",
                requested_by="", options={}, followed=True, created_at=at, started_at=at,
                dispatched_at=at, finished_at=over,
            )
        )  # fmt: skip
        await connection.execute(
            insert(task_runs).values(
                {"run_id": run, "number": 0, "task": "quick/Matters", "target": "Matters",
                 "state": state, "started_at": at, "finished_at": over} | more
            )
        )  # fmt: skip
    return run


def _now(plane: Plane) -> datetime:
    return datetime.fromtimestamp(plane.clock.time(), UTC)


async def _aged(plane: Plane, age: timedelta) -> None:
    async with plane.store.writing() as connection:
        await connection.execute(update(tasks).values(added_at=_now(plane) - age))


async def _late(plane: Plane) -> Mapping[str, bool]:
    """Return which jobs have tasks that are late, and whether these have ever succeeded."""
    async with plane.looking(ADMIN) as work:
        return {t.job: t.succeeded_at is not None for t in await late_tasks(work, limit=9)}


async def test_a_task_is_late_when_it_has_missed_two_starts(plane: Plane) -> None:
    await _aged(plane, timedelta(minutes=19))
    assert await _late(plane) == {}
    await _aged(plane, timedelta(minutes=21))
    assert await _late(plane) == {"quick": False}
    await _ran(plane, 1, State.SUCCEEDED, timedelta(minutes=25))
    await _ran(plane, 2, State.FAILED, timedelta(minutes=1))
    assert await _late(plane) == {"quick": True}
    await _ran(plane, 3, State.SUCCEEDED, timedelta(minutes=5))
    assert await _late(plane) == {}
    await _aged(plane, timedelta(days=3))
    assert await _late(plane) == {"again": False, "daily": False}
    async with plane.looking(ADMIN) as work:
        lags = {t.job: t.lag for t in await task_lags(work)}
        limited = await late_tasks(work, limit=1)
    assert lags == {"quick": 300, "daily": 259200, "again": 259200, "by-hand": 259200}
    assert len(limited) == 1


async def test_others_jobs_do_not_lag_for_one(plane: Plane) -> None:
    await _aged(plane, timedelta(days=3))
    mine = (Policy(permissions=("runs.view",), names=("qui*",)),)
    async with plane.looking(replace(actor("viewer"), policies=mine)) as work:
        assert {t.job for t in await late_tasks(work, limit=9)} == {"quick"}
        assert {t.job for t in await task_lags(work)} == {"quick"}


async def test_the_time_left_is_judged_by_the_last_read_of_the_same_kind(plane: Plane) -> None:
    await _ran(plane, 1, State.SUCCEEDED, timedelta(hours=3), read=900, seconds=90.0,
               incremental=False)  # fmt: skip
    await _ran(plane, 2, State.SUCCEEDED, timedelta(hours=2), read=30, seconds=3.0,
               incremental=True)  # fmt: skip
    await _ran(plane, 3, State.FAILED, timedelta(hours=1), read=5, incremental=False)
    run = await _ran(plane, 4, State.RUNNING, timedelta(seconds=60), read=600, incremental=False)
    found = await get_run(plane.store, run)
    before = await earlier(plane, ADMIN, found)
    assert before == {0: Before(read=900, seconds=90.0)}
    now = _now(plane)
    assert run_seconds_left(found, before, now) == 30
    (task,) = found.tasks
    assert seconds_left(replace(task, read=1000), before[0], now) is None
    assert seconds_left(task, None, now) is None
    assert seconds_left(replace(task, started_at=now), before[0], now) is None
    assert seconds_left(replace(task, started_at=None), before[0], now) == 90
    assert seconds_left(replace(task, state=State.SUCCEEDED), None, now) == 0
    # One that has not planned its read yet is compared with whatever was last.
    unplanned = replace(found, tasks=(replace(task, incremental=None),))
    assert await earlier(plane, ADMIN, unplanned) == {0: Before(read=30, seconds=3.0)}
    with pytest.raises(Forbidden):
        await earlier(plane, replace(VIEWER, policies=()), found)


async def test_days_are_those_of_the_visitors_calendar(plane: Plane) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    noon = _now(plane).astimezone(zone).replace(hour=12, minute=0, second=0, microsecond=0)
    for number, (hours, state) in enumerate(
        ((0, State.SUCCEEDED), (11, State.FAILED), (13, State.CANCELLED), (35, State.SUCCEEDED))
    ):
        ago = _now(plane) - (noon.astimezone(UTC) - timedelta(hours=hours))
        await _ran(plane, number, state, ago, read=10, requests=2)
    since = noon.replace(hour=0) - timedelta(days=2)
    async with plane.looking(ADMIN) as work:
        yesterday, today = await days_of(work, since, zone)
    assert today == Day(day=noon.date().isoformat(), succeeded=1, failed=1, read=20, requests=4)
    assert yesterday == Day(
        day=(noon.date() - timedelta(days=1)).isoformat(), succeeded=1, other=1, read=20, requests=4
    )


def test_what_a_source_makes_a_task_wait_is_added_up() -> None:
    progress = Progress(run="r", number=0, before=Counts(waited=1.5))
    for seconds in (2.0, 3.0):
        progress.saw(Waiting(seconds=seconds, reason="limit"), datetime(2026, 1, 1, tzinfo=UTC))
        progress.saw(Read(rows=1, requests=1), datetime(2026, 1, 1, tzinfo=UTC))
    assert progress.values()["waited"] == 6.5
