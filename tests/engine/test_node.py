"""Runs on real nodes: cancelled, out of time, tried again, handed over, taken over."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from aiohttp import web

from acceptance import serving, support
from engine.workers import Worker, ask, over, until, until_async, workers
from syncline.control.runs import RunOptions, State, cancel_run, events_of, get_run
from syncline.control.store.database import Store

TASKS = (
    {"table": "Activities", "commit_rows": 16},
    {"table": "Contacts", "commit_rows": 16, "write": "replace"},
)
ONE_FILE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
SHARED = pytest.mark.parametrize("address", ["postgresql"], indirect=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A job, its API, and what starts workers."""

    watched: serving.Watched
    project: support.Project
    clean: support.Project
    start: Callable[..., Worker]

    async def as_clean(self) -> bool:
        """Compare the rows with those of a clean run; the worker may still be closing the file."""
        found: list[object] = []

        def readable() -> bool:
            try:
                found.append(support.contents(self.project.database))
            except duckdb.IOException:
                return False
            return True

        await until(readable)
        return found == [support.contents(self.clean.database)]


@asynccontextmanager
async def scene(address: str, warm: Path, folder: Path, **job: Any) -> AsyncIterator[Scene]:
    (folder / "clean").mkdir()
    async with serving.serving(serving.options(rows=160)) as watched:
        profile = support.small_clio(folder)
        clean = support.written(folder / "clean", watched, *TASKS, profile=profile)
        support.results(await support.run(clean))
        project = support.written(folder, watched, *TASKS, profile=profile, job=job)
        watched.begin()
        async with workers(warm, address, project.file) as start:
            yield Scene(watched=watched, project=project, clean=clean, start=start)


async def slowly(_: web.Request) -> None:
    """Answer after a while, so that a load takes long enough to be disturbed."""
    await asyncio.sleep(0.35)


async def begun(store: Store, run: str, node: str | None = None) -> None:
    """Wait until a task of the run has committed, on some node or on this one."""

    async def has() -> bool:
        found = await get_run(store, run)
        return any(t.commits and (node is None or t.node == node) for t in found.tasks)

    await until_async(has)


def now() -> datetime:
    return datetime.now(UTC)


@ONE_FILE
async def test_a_cancelled_run_keeps_what_it_has_committed(
    address: str, store: Store, warm: Path, tmp_path: Path
) -> None:
    async with scene(address, warm, tmp_path) as at:
        at.watched.always = slowly
        at.start()
        run = await ask(store, requested_by="Ann")
        await begun(store, run)
        assert await cancel_run(store, run, "Ben", now()) is State.RUNNING
        asked = time.monotonic()
        ended = await over(store, run)
        assert time.monotonic() - asked < 15
        assert (ended.state, ended.cancelled_by) == (State.CANCELLED, "Ben")
        first, second = ended.tasks
        assert first.state is State.CANCELLED
        assert second.state in {State.CANCELLED, State.SKIPPED}
        assert 0 < first.inserted < 160
        at.watched.begin()
        again = await over(store, await ask(store))
        assert again.state is State.SUCCEEDED
        assert "going on where an earlier run stopped" in [
            e.message for e in await events_of(store, again.id)
        ]
        assert await at.as_clean()
        nothing = await over(store, await ask(store, "nothing"))
        assert nothing.failure is not None
        assert nothing.failure.code == "request.missing"
        options = RunOptions(tasks=("Elsewhere",))
        elsewhere = await over(store, await ask(store, options=options))
        assert elsewhere.failure is not None
        assert elsewhere.failure.code == "request.invalid"
        assert "Activities" in elsewhere.failure.hint


@ONE_FILE
async def test_a_run_out_of_time_and_one_that_is_tried_again(
    address: str, store: Store, warm: Path, tmp_path: Path
) -> None:
    limits = {"timeout": 2.0, "retries": 1, "retry_seconds": 0.2}
    async with scene(address, warm, tmp_path, **limits) as at:
        at.watched.always = slowly
        at.start()
        ended = await over(store, await ask(store))
        assert ended.failure is not None
        assert ended.failure.code == "transient.out_of_time"
        at.watched.begin()

        async def refuse(_: web.Request) -> web.Response:
            return web.Response(status=503)

        # Three times is all the patience of this profile: the attempt fails, and the next does not.
        at.watched.actions.update(dict.fromkeys((1, 2, 3), refuse))
        options = RunOptions(tasks=("Contacts",))
        again = await over(store, await ask(store, options=options))
        assert again.state is State.SUCCEEDED, again.failure
        (task,) = again.tasks
        assert (task.target, task.attempt) == ("Contacts", 2)
        assert "retry" in [e.kind for e in await events_of(store, again.id)]


@SHARED
async def test_a_node_that_ends_hands_its_runs_over(
    address: str, store: Store, warm: Path, tmp_path: Path
) -> None:
    async with scene(address, warm, tmp_path) as at:
        first = at.start(lease=20.0)
        node = await first.up()
        at.watched.always = slowly
        run = await ask(store)
        await begun(store, run, node)
        second = await at.start(lease=20.0).up()
        assert await first.drain() == 0, first.log.read_text()
        left = time.monotonic()
        await begun(store, run, second)
        assert time.monotonic() - left < 20, "sooner than a lease"
        at.watched.always = None
        ended = await over(store, run)
        assert ended.state is State.SUCCEEDED
        assert await at.as_clean()


@SHARED
async def test_a_frozen_node_is_replaced_and_does_not_come_back(
    address: str, store: Store, warm: Path, tmp_path: Path
) -> None:
    lease = 6.0
    async with scene(address, warm, tmp_path, retries=20, retry_seconds=0.1) as at:
        first = at.start(lease=lease)
        node = await first.up()
        at.watched.always = slowly
        run = await ask(store)
        await begun(store, run, node)
        second = await at.start(lease=lease).up()
        first.signal(signal.SIGSTOP)
        frozen = time.monotonic()
        # The frozen process holds the DuckDB file: only its end lets another have it.
        await until(lambda: time.monotonic() - frozen > lease + 1)
        first.signal(signal.SIGCONT)
        assert await first.ended() == 75, first.log.read_text()
        at.watched.always = None
        ended = await over(store, run)
        assert ended.state is State.SUCCEEDED, ended.failure
        assert {t.node for t in ended.tasks} == {second}
        assert await at.as_clean()
