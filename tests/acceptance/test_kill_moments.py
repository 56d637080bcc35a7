"""Killed while a commit is being written, and at moments that nobody chose, again and again."""

import asyncio
import random
import signal
import time
from pathlib import Path

import pytest

from acceptance.processes import Process, Processes
from acceptance.story import first_load, next_run


@pytest.mark.parametrize("begun", [first_load, next_run])
async def test_killed_while_the_log_is_written(
    processes: Processes, tmp_path: Path, begun: type[first_load]
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
            seen += 3
        assert seen > 9


async def test_killed_again_and_again(processes: Processes, tmp_path: Path) -> None:
    """Tasks side by side, and a database that goes from one dead process to the next."""
    chance = random.Random(2026)  # noqa: S311 (a game, and no secret)
    async with next_run(tmp_path) as story:
        for game in range(3):
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
