"""Ctrl-C and SIGTERM: one line, exit code 130, a file that nobody holds, a rerun that completes."""

import asyncio
import signal
import sys
from pathlib import Path

import duckdb
import pytest
import yaml
from aiohttp import web

from acceptance.processes import Finished, Process, Processes, environment
from acceptance.serving import Action
from acceptance.story import first_load, next_run
from acceptance.support import contents
from standins.databricks.fixture import running_databricks
from syncline.cli import interrupt

_LINE = "interrupted: what was committed is kept; run again to go on"
#: Presses Ctrl-C while the command still imports what it needs.
_EARLY = """
import os, signal, sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "duckdb":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Finder())
sys.argv = ["syncline", *sys.argv[1:]]
from syncline.cli.main import main
main()
"""


def _check(ended: Finished) -> None:
    lines = [line for line in ended.err.splitlines() if line.strip()]
    assert ended.code == 130, ended
    # A slow machine may be told that it takes a moment.
    assert [line for line in lines if line != interrupt.STOPPING] == [_LINE], ended
    assert "Traceback" not in ended.out


@pytest.mark.parametrize(("number", "step"), [(signal.SIGINT, 2), (signal.SIGTERM, 5)])
async def test_interrupted_at_a_request(
    processes: Processes, tmp_path: Path, number: signal.Signals, step: int
) -> None:
    """The request that is under way never gets an answer, and nobody waits for it."""
    async with first_load(tmp_path) as story:
        for place in range(1, story.requests + 1, step):
            project = story.again(str(place))
            running: list[Process] = []
            story.watched.actions[place] = _interrupt(running, number)
            running.append(await processes.start("run", project.file, cwd=project.folder))
            _check(await running[0].finished())
            with duckdb.connect(str(project.database)) as own:
                assert own.execute("SELECT 1").fetchall() == [(1,)]
            story.check_rest(project, place)
            await story.check_end(project, place)


async def test_interrupted_at_any_moment(processes: Processes, tmp_path: Path) -> None:
    """In the middle of statements and commits too."""
    async with next_run(tmp_path) as story:
        project = story.again("only", parallel_tasks=4)
        codes = []
        for turn in range(8):
            process = await processes.start("run", project.file, cwd=project.folder)
            await asyncio.sleep(0.2 + 0.09 * turn)
            process.signal(signal.SIGINT)
            ended = await process.finished()
            codes.append(ended.code)
            if ended.code:
                _check(ended)
            assert set(contents(project.database)) >= set(story.end)
        assert 130 in codes
        await story.check_end(project, codes)


async def test_interrupted_twice(processes: Processes, tmp_path: Path) -> None:
    """What is under way waits for a warehouse that is gone; who asks again does not have to."""
    async with first_load(tmp_path) as story:
        project = story.again("remote")
        known = yaml.safe_load(project.file.read_text("utf-8"))
        with running_databricks() as server:
            known["connections"]["lake"] = {
                "type": "databricks",
                "properties": {
                    "Server": server.host,
                    "Port": server.port,
                    "HTTPPath": server.http_path,
                    "Catalog": server.catalog,
                    "Schema": "law",
                    "Token": server.token,
                    "SSLCert": server.certificate,
                },
            }
            file = project.folder / "remote.yaml"
            file.write_text(yaml.safe_dump(known), "utf-8")
            process = await processes.start("run", file, cwd=project.folder)
            while not any(s.startswith("MERGE") for s in await asyncio.to_thread(server.log)):
                assert process.running
                await asyncio.sleep(0.05)
            server.kill()
        process.signal(signal.SIGINT)
        while interrupt.STOPPING not in process.said():
            assert process.running
            await asyncio.sleep(0.05)
        process.signal(signal.SIGINT)
        ended = await process.finished()
    assert ended.code == 130, ended
    assert ended.err.splitlines()[-1] == _LINE
    assert "Traceback" not in ended.err


async def test_interrupted_before_the_command_has_begun(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _EARLY,
        "run",
        "project.yaml",
        cwd=tmp_path,
        env=environment(tmp_path),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 130, err.decode()
    assert out == b""
    assert err.decode().strip() == _LINE


def _interrupt(running: list[Process], number: signal.Signals) -> Action:
    async def interrupt(request: web.Request) -> None:
        running[0].signal(number)
        await running[0].finished()

    return interrupt
