"""A worker that is killed while it loads, and started again: rows as of one clean run."""

import asyncio
import random
from pathlib import Path

import pytest
from aiohttp import web

from acceptance import serving, support
from engine.workers import ask, over, workers
from syncline.control.runs import State, events_of, list_runs
from syncline.control.store.database import Store

TASKS = (
    {"table": "Activities", "commit_rows": 32},
    {"table": "Matters", "commit_rows": 8},
    {"table": "Contacts", "commit_rows": 32, "write": "replace"},
)


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_a_worker_killed_while_it_loads_is_replaced(
    address: str, store: Store, warm: Path, tmp_path: Path
) -> None:
    chosen = random.Random(7)  # noqa: S311 (the same moments in every run)
    (tmp_path / "clean").mkdir()
    async with serving.serving(serving.options(rows=200)) as watched:
        profile = support.small_clio(tmp_path)
        clean = support.written(tmp_path / "clean", watched, *TASKS, profile=profile)
        support.results(await support.run(clean))
        project = support.written(tmp_path, watched, *TASKS, profile=profile)
        async with workers(warm, address, project.file) as start:
            watched.begin()
            run = await ask(store)
            for _ in range(1):
                worker = start(lease=4.0)
                asked = asyncio.Event()

                async def arrived(_: web.Request, asked: asyncio.Event = asked) -> None:
                    asked.set()

                watched.actions[len(watched.asked) + chosen.randrange(2, 9)] = arrived
                await asyncio.wait_for(asked.wait(), 60)
                await worker.kill()
            start(lease=4.0)
            ended = await over(store, run)
        told = await events_of(store, run)
        assert ended.state is State.SUCCEEDED, [e.message for e in told]
        assert [t.state for t in ended.tasks] == [State.SUCCEEDED] * len(TASKS)
        assert [r.id for r in await list_runs(store)] == [run]
        assert any(e.kind == "taken over" for e in told)
        assert support.contents(project.database) == support.contents(clean.database)
        assert support.leftovers(project.database) == []
