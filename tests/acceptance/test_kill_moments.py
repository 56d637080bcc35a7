"""Killed while a commit is being written, and at moments that nobody chose, again and again."""

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest
from aiohttp import web

from acceptance.processes import Process, Processes
from acceptance.serving import options, serving
from acceptance.story import Telling, first_load, next_run
from acceptance.support import contents, results, run, small_clio, written


@pytest.mark.parametrize("begun", [first_load, next_run])
async def test_killed_while_the_log_is_written(
    processes: Processes, tmp_path: Path, begun: Telling
) -> None:
    """The write-ahead log grows with every commit: each time seen to grow is one to die at."""
    async with begun(tmp_path) as story:
        seen = 1
        while True:
            project = story.again(str(seen))
            log = project.database.with_name("lake.duckdb.wal")
            process = await processes.start("run", project.file, cwd=project.folder)
            killing = asyncio.create_task(asyncio.to_thread(_kill_when_grown, process, log, seen))
            ended = await process.finished()
            await killing
            story.check_rest(project, seen)
            await story.check_end(project, seen)
            if ended.code == 0:
                break
            assert ended.code == -9, ended.err
            seen += 4
        assert seen > 9


async def test_killed_again_and_again(processes: Processes, tmp_path: Path) -> None:
    """Tasks side by side, and a database that goes from one dead process to the next."""
    chance = random.Random(2026)  # noqa: S311 (a game, and no secret)
    async with next_run(tmp_path) as story:
        for game in range(2):
            project = story.again(str(game), parallel_tasks=4)
            killed = 0
            # A run is over at some time; one that does not live for so long is killed before.
            for patience in [0.15, 0.25, 0.35, 0.45, 0.55, 0.65]:
                process = await processes.start("run", project.file, cwd=project.folder)
                await asyncio.sleep(patience * chance.uniform(0.8, 1.2))
                await process.kill()
                killed += (await process.finished()).code == -9
            assert killed
            await story.check_end(project, game)


async def test_killed_and_then_the_source_changes(processes: Processes, tmp_path: Path) -> None:
    """What was read before the kill may have changed, and what was not read may be gone."""
    own = ["id", "date", "quantity", "note", "flat_rate", "created_at", "updated_at"]
    tasks = [
        # What other records tell of themselves in a row does not count as its change.
        {"table": "Activities", "columns": own, "deletes": "hard", "commit_rows": 1},
        {"table": "Tasks", "write": "replace", "commit_rows": 1},
        {"table": "ContactEmailAddresses", "commit_rows": 1},
    ]
    async with serving(options(80)) as watched:
        sandbox = watched.sandbox
        for number in (2, 5, 7):
            folder = tmp_path / str(number)
            folder.mkdir()
            project = written(folder, watched, *tasks, profile=small_clio(folder))
            sandbox.advance(3600)
            watched.begin()
            running: list[Process] = []

            async def kill(_: web.Request, running: list[Process] = running) -> None:
                await running[0].kill()

            watched.actions[number] = kill
            running.append(await processes.start("run", project.file, cwd=folder))
            assert (await running[0].finished()).code == -9
            sandbox.advance(60)
            sandbox.mutate("activities", insert=3, update=9, delete=2)
            sandbox.mutate("tasks", insert=2, update=4, delete=1)
            sandbox.mutate("contacts", delete=1)
            sandbox.advance(60)
            # The first run goes on; the second one looks for what is gone.
            for _ in range(2):
                watched.begin()
                results(await run(project))
            (folder / "new").mkdir()
            new = written(folder / "new", watched, *tasks, profile=folder / "small-clio.yaml")
            results(await run(new))
            assert contents(project.database) == contents(new.database), number


def _kill_when_grown(process: Process, log: Path, times: int) -> None:
    """Kill the process when the file has been seen to change so often."""
    before = -1
    while process.running:
        try:
            size = log.stat().st_size
        except FileNotFoundError:
            size = 0
        if size > before >= 0:
            times -= 1
            if times == 0:
                process.signal(signal.SIGKILL)
                return
        before = size
        time.sleep(0.0001)
