"""Runs in the store: listed in pages, bounded in their logs, forgotten in time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from standins.clocks import EPOCH, VirtualClock
from syncline.control.engine.board import Board
from syncline.control.engine.database import engine_file
from syncline.control.engine.job import ProjectJobs
from syncline.control.engine.node import running_node
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.telling import Line
from syncline.control.project import Project
from syncline.control.runs import (
    State,
    Wanted,
    events_of,
    find_run,
    get_run,
    list_runs,
    purge,
    request_run,
)
from syncline.control.store.database import Store
from syncline.control.store.runs import run_events, runs
from syncline.errors import Conflict, Missing, Unavailable

NOW = datetime.fromtimestamp(EPOCH, UTC)


async def asked(store: Store, job: str, minutes: int = 0) -> str:
    wanted = Wanted(job_id=job, job=job, requested_by="Ann")
    return await request_run(store, wanted, NOW + timedelta(minutes=minutes))


async def test_a_job_has_one_run_at_a_time(store: Store) -> None:
    first = await asked(store, "a")
    with pytest.raises(Conflict, match="going on already"):
        await asked(store, "a")
    await asked(store, "b")
    async with store.writing() as connection:
        ended = update(runs).where(runs.c.id == first)
        await connection.execute(ended.values(state=State.FAILED, finished_at=NOW))
    await asked(store, "a")


async def test_lists_come_in_pages(store: Store) -> None:
    made = [await asked(store, f"job {n}", minutes=n) for n in range(5)]
    first = await list_runs(store, limit=3)
    last = first[-1]
    rest = await list_runs(store, before=(last.created_at, last.id), limit=3)
    assert [r.id for r in (*first, *rest)] == made[::-1]
    assert [r.job for r in await list_runs(store, job_id="job 2")] == ["job 2"]
    assert await list_runs(store, states=[State.RUNNING]) == ()
    assert await find_run(store, made[0][:10]) == made[0]
    with pytest.raises(Missing):
        await find_run(store, "")


async def test_a_log_is_bounded(store: Store) -> None:
    run = await asked(store, "a")
    board = Board(store, "node", VirtualClock(), keep_events=20)
    for n in range(100):
        board.tell(run, Line(kind="committed", message=f"line {n}"))
        await board.write()
    told = await events_of(store, run)
    assert 20 <= len(told) < 25
    assert told[-1].message == "line 99"
    newer = await events_of(store, run, after=told[-3].id)
    assert [e.message for e in newer] == ["line 98", "line 99"]


async def test_old_runs_go_with_all_that_is_theirs(store: Store) -> None:
    run, young = await asked(store, "a"), await asked(store, "b")
    board = Board(store, "node", VirtualClock(), keep_events=20)
    board.tell(run, Line(kind="committed", message="a line"))
    await board.write()
    async with store.writing() as connection:
        ended = update(runs).where(runs.c.id == run)
        await connection.execute(ended.values(state=State.SUCCEEDED, finished_at=NOW))
    assert await purge(store, NOW) == ()
    assert await purge(store, NOW + timedelta(seconds=1)) == (run,)
    with pytest.raises(Missing):
        await get_run(store, run)
    assert (await get_run(store, young)).state is State.QUEUED
    async with store.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(run_events)) == 0


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_an_engine_whose_file_cannot_be_opened_says_so(address: str, store: Store) -> None:
    engine_file(address).mkdir()
    jobs = ProjectJobs(project=Project.model_construct(connections={}, jobs={}))
    with pytest.raises(Unavailable, match="the engine's tables cannot be used"):
        async with running_node(address, store, jobs, EngineSettings(), VirtualClock()):
            pass
