"""Killed while any request is under way: run again, and nothing was lost or doubled."""

from pathlib import Path

import pytest
from aiohttp import web

from acceptance.processes import Process, Processes
from acceptance.serving import Action
from acceptance.story import Telling, first_load, next_run


@pytest.mark.parametrize("begun", [first_load, next_run])
async def test_killed_at_every_request(
    processes: Processes, tmp_path: Path, begun: Telling
) -> None:
    async with begun(tmp_path) as story:
        assert story.requests >= 8
        for number in range(1, story.requests + 2):
            project = story.again(str(number))
            running: list[Process] = []
            story.watched.actions[number] = _kill(running)
            running.append(await processes.start("run", project.file, cwd=project.folder))
            ended = await running[0].finished()
            assert ended.code == (-9 if number <= story.requests else 0), ended.err
            story.check_rest(project, number)
            await story.check_end(project, number)


def _kill(running: list[Process]) -> Action:
    async def kill(_: web.Request) -> None:
        await running[0].kill()

    return kill
