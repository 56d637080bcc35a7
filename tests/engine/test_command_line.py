"""The commands over a store, as a user has them: a worker, a run, a look at it, an end."""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from acceptance import serving, support
from acceptance.processes import Process, Processes
from syncline.cli.control import sitting_here
from syncline.control.plane import open_plane
from syncline.control.project import load_project
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job


async def stored(address: str, project: support.Project) -> None:
    """Keep the connections and the job of a project file in the store."""
    loaded = load_project(project.file)
    async with open_plane(address, environment={}) as plane:
        async with plane.changing(sitting_here()) as work:
            for name, connection in loaded.connections.items():
                await create_connection(work, name, connection)
        async with plane.changing(sitting_here()) as work:
            await create_job(work, "job", loaded.jobs["job"])


async def said(process: Process, words: str) -> None:
    async with asyncio.timeout(60):
        while words not in process.said():
            assert process.running, process.said()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_a_job_of_the_store_is_run_by_a_worker(
    address: str, tmp_path: Path, processes: Processes
) -> None:
    async with serving.serving() as watched:
        project = support.written(
            tmp_path, watched, {"table": "Matters"}, {"table": "Users"}, job={"parallel_tasks": 2}
        )
        await stored(address, project)
        store = ("--store", address)
        worker = await processes.start("worker", *store, cwd=tmp_path)
        await said(worker, "runs the jobs of the store")

        second = await processes.run("worker", *store, cwd=tmp_path)
        assert second.code == 3
        assert "another process runs the jobs" in second.err

        ended = await processes.run("jobs", "run", "job", "--wait", *store, cwd=tmp_path)
        assert ended.code == 0, ended.err + worker.said()
        assert "job: succeeded" in ended.out
        missing = await processes.run("jobs", "run", "nothing", *store, cwd=tmp_path)
        assert missing.code == 2

        listed = await processes.run("runs", "list", "-f", "json", *store, cwd=tmp_path)
        (run,) = map(json.loads, listed.out.splitlines())
        assert (run["job"], run["state"]) == ("job", "succeeded")
        shown = await processes.run("runs", "show", run["id"][:6], *store, cwd=tmp_path)
        assert "Matters: committed" in shown.out
        cancelled = await processes.run("runs", "cancel", run["id"], *store, cwd=tmp_path)
        assert "it is succeeded" in cancelled.err

        worker.signal(signal.SIGTERM)
        finished = await worker.finished()
        assert finished.code == 0, finished.err
        assert "ending" in finished.err
    assert set(support.contents(project.database)) == {"Matters", "Users"}
