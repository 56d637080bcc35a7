"""One machine, SQLite, DuckDB: a worker that is killed fifty times while it runs jobs."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from aiohttp import web

from acceptance import serving, support
from chaos.checks import MINUTE, no_slot_lost, one_run_at_a_time, told, whole_runs
from engine.rows import job
from engine.workers import ask, over, until_async, workers
from syncline.control.runs import RunOptions, active_run
from syncline.control.store.database import Store
from syncline.errors import Conflict

KILLS = 50
TASKS = (
    {"table": "Activities", "commit_rows": 32},
    {"table": "Matters", "commit_rows": 16},
    {"table": "Contacts", "commit_rows": 32, "write": "replace"},
    {"table": "Users", "commit_rows": 16, "write": "history"},
)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_fifty_kills(
    address: str, store: Store, warm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = random.Random(20261122)  # noqa: S311 (the same moments in every run)
    (tmp_path / "clean").mkdir()
    async with serving.serving(serving.options(rows=240)) as watched:
        profile = support.small_clio(tmp_path)
        clean = support.written(tmp_path / "clean", watched, *TASKS, profile=profile)
        support.results(await support.run(clean))
        project = support.written(
            tmp_path, watched, *TASKS, profile=profile, job={"parallel_tasks": 2}
        )
        first = (datetime.now(UTC) + MINUTE).replace(second=0, microsecond=0)
        await job(store, "job", {"every_minutes": 1}, first)

        async def slowly(_: web.Request) -> None:
            await asyncio.sleep(chosen.uniform(0, 0.1))

        watched.begin()
        watched.always = slowly
        async with workers(warm, address, project.file) as start:
            for kill in range(KILLS):
                await wanted(store, chosen)
                worker = start()
                if chosen.random() < 0.8:
                    await worker.up()
                await asyncio.sleep(chosen.uniform(0, 3))
                await worker.kill()
                told(capsys, "." if (kill + 1) % 10 else ".\n")
            start()
            await until_async(lambda: nothing_going_on(store), 120)
            watched.always = None
            last = await ask(store, options=RunOptions(full=True))
            await over(store, last, 120)
        runs = await whole_runs(store)
        count = await no_slot_lost(store, "job")
    assert support.contents(project.database) == support.contents(clean.database)
    assert support.leftovers(project.database) == []
    with duckdb.connect(str(project.database)) as lake:
        one_run_at_a_time(
            lake.execute(
                f"SELECT task, generation, run FROM {support.SCHEMA}._syncline_checkpoints"
            ).fetchall()
        )
    told(capsys, f"{KILLS} kills, {len(runs)} runs, {count} slots: nothing lost, nothing twice\n")


async def wanted(store: Store, chosen: random.Random) -> None:
    """See that there is a run to disturb: of everything, or of what has changed."""
    try:
        await ask(store, options=RunOptions(full=chosen.random() < 0.8))
    except Conflict:
        return


async def nothing_going_on(store: Store) -> bool:
    async with store.reading() as connection:
        return await active_run(connection, "job") is None
