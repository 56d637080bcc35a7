"""Schedules on both databases, by a clock of our own: each slot once, whoever looks."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from engine.rows import BEGIN, job
from standins.clocks import EPOCH, VirtualClock
from syncline.control.engine.scheduler import Scheduler
from syncline.control.runs import Reason, State, cancel_run, list_runs
from syncline.control.store.database import Store
from syncline.control.store.runs import runs
from syncline.control.store.schedules import schedules
from syncline.control.store.slots import slots

MINUTE = timedelta(minutes=1)


async def decided(store: Store, name: str) -> list[tuple[datetime, str, str]]:
    query = select(slots.c.planned_at, slots.c.outcome, slots.c.reason)
    async with store.reading() as connection:
        found = await connection.execute(
            query.where(slots.c.job_id == name).order_by(slots.c.planned_at)
        )
        return [(row.planned_at, row.outcome, row.reason) for row in found]


async def due(store: Store, name: str) -> datetime | None:
    async with store.reading() as connection:
        return await connection.scalar(
            select(schedules.c.next_run_at).where(schedules.c.job_id == name)
        )


async def end(store: Store, now: datetime, state: State = State.SUCCEEDED) -> None:
    """End all runs that are going on."""
    async with store.writing() as connection:
        going = update(runs).where(runs.c.finished_at.is_(None))
        await connection.execute(going.values(state=state, finished_at=now))


def at(moment: datetime) -> VirtualClock:
    clock = VirtualClock()
    clock.now = moment.timestamp() - EPOCH
    return clock


def scheduler(store: Store, moment: datetime) -> Scheduler:
    return Scheduler(store=store, clock=at(moment))


async def test_a_slot_becomes_one_run(store: Store) -> None:
    await job(store, "a", {"every_minutes": 10}, BEGIN)
    assert await scheduler(store, BEGIN - MINUTE).tick() == 0
    assert await scheduler(store, BEGIN).tick() == 1
    (run,) = await list_runs(store)
    assert (run.job, run.reason, run.planned_at) == ("a", Reason.SCHEDULE, BEGIN)
    assert await decided(store, "a") == [(BEGIN, "run", "")]
    assert await due(store, "a") == BEGIN + 10 * MINUTE


async def test_nodes_that_tick_together_start_it_once(store: Store) -> None:
    for n in range(20):
        await job(store, f"j{n}", {"every_minutes": 10}, BEGIN)
    await asyncio.gather(*(scheduler(store, BEGIN).tick() for _ in range(4)))
    found = await list_runs(store, limit=100)
    assert sorted(r.job for r in found) == sorted(f"j{n}" for n in range(20))


async def test_a_slot_is_skipped_while_a_run_is_going_on(store: Store) -> None:
    await job(store, "a", {"every_minutes": 10}, BEGIN)
    for n in range(3):
        await scheduler(store, BEGIN + n * 10 * MINUTE).tick()
    assert len(await list_runs(store)) == 1
    later = [(o, r) for _, o, r in await decided(store, "a")][1:]
    assert later == [("skipped", "its last run is still going on")] * 2
    await end(store, BEGIN + 25 * MINUTE)
    await scheduler(store, BEGIN + 30 * MINUTE).tick()
    assert len(await list_runs(store)) == 2


@pytest.mark.parametrize(("policy", "count"), [("once", 1), ("skip", 0)])
async def test_slots_missed_while_nothing_ran(store: Store, policy: str, count: int) -> None:
    await job(store, "a", {"every_minutes": 10, "missed": policy}, BEGIN)
    await scheduler(store, BEGIN + 35 * MINUTE).tick()
    found = await list_runs(store)
    assert [(r.reason, r.planned_at) for r in found] == [(Reason.LATE, BEGIN + 30 * MINUTE)] * count
    known = await decided(store, "a")
    assert [slot for slot, _, _ in known] == [BEGIN + n * 10 * MINUTE for n in range(4)]
    assert [outcome for _, outcome, _ in known] == ["skipped"] * 3 + ["run" if count else "skipped"]
    assert all(reason for _, outcome, reason in known if outcome == "skipped")
    assert await due(store, "a") == BEGIN + 40 * MINUTE


async def test_the_newest_slot_is_in_time_even_if_others_were_missed(store: Store) -> None:
    await job(store, "a", {"every_minutes": 10, "missed": "skip"}, BEGIN)
    await scheduler(store, BEGIN + 30 * MINUTE).tick()
    (run,) = await list_runs(store)
    assert (run.reason, run.planned_at) == (Reason.SCHEDULE, BEGIN + 30 * MINUTE)


@pytest.mark.parametrize(
    ("when", "state", "runs_too"),
    [
        ("succeeded", State.SUCCEEDED, True),
        ("succeeded", State.FAILED, False),
        ("failed", State.FAILED, True),
        ("ended", State.CANCELLED, True),
    ],
)
async def test_a_job_after_another(
    store: Store, when: str, state: State, *, runs_too: bool
) -> None:
    await job(store, "a", {"every_minutes": 10}, BEGIN)
    spec = {"after": {"job": "a", "when": when}}
    await job(store, "b", spec, None, after_job_id="a")
    await scheduler(store, BEGIN).tick()
    await end(store, BEGIN + MINUTE, state)
    await asyncio.gather(*(scheduler(store, BEGIN + MINUTE).tick() for _ in range(3)))
    found = [(r.job, r.reason, r.requested_by) for r in await list_runs(store) if r.job == "b"]
    assert found == ([("b", Reason.AFTER, "a")] if runs_too else [])


async def test_a_continuous_job_begins_again_after_its_pause(store: Store) -> None:
    await job(store, "a", {"continuous": 30}, BEGIN)
    await scheduler(store, BEGIN).tick()
    assert await due(store, "a") is None
    await scheduler(store, BEGIN + 10 * MINUTE).tick()
    assert len(await list_runs(store)) == 1
    await end(store, BEGIN + 10 * MINUTE)
    await scheduler(store, BEGIN + 10 * MINUTE).tick()
    assert len(await list_runs(store)) == 1
    await scheduler(store, BEGIN + 11 * MINUTE).tick()
    newest, _ = await list_runs(store)
    assert newest.reason is Reason.CONTINUOUS
    await end(store, BEGIN + 12 * MINUTE, State.FAILED)
    await scheduler(store, BEGIN + 12 * MINUTE).tick()
    begins = await due(store, "a")
    assert begins is not None
    assert begins >= BEGIN + 13 * MINUTE, "a failure is given a minute"


@pytest.mark.parametrize("policy", ["once", "skip"])
async def test_a_continuous_job_goes_on_after_a_pause_of_all_nodes(
    store: Store, policy: str
) -> None:
    await job(store, "a", {"continuous": 30, "missed": policy}, BEGIN)
    await scheduler(store, BEGIN + 60 * MINUTE).tick()
    assert [r.reason for r in await list_runs(store)] == [Reason.CONTINUOUS]
    await end(store, BEGIN + 61 * MINUTE)
    await scheduler(store, BEGIN + 62 * MINUTE).tick()
    assert len(await list_runs(store)) == 2


async def test_a_schedule_that_cannot_be_read_stops_no_other(store: Store) -> None:
    await job(store, "a", {"of a newer": "version"}, BEGIN - MINUTE)
    await job(store, "b", {"every_minutes": 10}, BEGIN)
    await scheduler(store, BEGIN).tick()
    assert [r.job for r in await list_runs(store)] == ["b"]


async def test_one_that_is_switched_off_is_not_due(store: Store) -> None:
    await job(store, "a", {"every_minutes": 10}, BEGIN, enabled=False)
    assert await scheduler(store, BEGIN + MINUTE).tick() == 0


async def test_a_run_that_nobody_has_begun_is_cancelled_at_once(store: Store) -> None:
    await job(store, "a", {"every_minutes": 10}, BEGIN)
    await scheduler(store, BEGIN).tick()
    (run,) = await list_runs(store)
    assert await cancel_run(store, run.id, "Ann", BEGIN + MINUTE) is State.CANCELLED
    await scheduler(store, BEGIN + 10 * MINUTE).tick()
    assert len(await list_runs(store)) == 2
