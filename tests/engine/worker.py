"""A worker process for tests: a node that runs the jobs of a project file until it is ended."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from syncline.control.clock import SystemClock
from syncline.control.engine.job import ProjectJobs
from syncline.control.engine.node import running_node, serve_node
from syncline.control.engine.settings import EngineSettings
from syncline.control.project import load_project
from syncline.control.store.database import open_store


class Skewed(SystemClock):
    """A machine's clock that is wrong by so many seconds."""

    def __init__(self, skew: float) -> None:
        self._skew = skew

    def time(self) -> float:
        return super().time() + self._skew


async def work(address: str, project: Path, settings: EngineSettings, skew: float) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    jobs = ProjectJobs(project=load_project(project))
    store = open_store(address)
    async with running_node(address, store, jobs, settings, Skewed(skew)) as node:
        sys.stdout.write(f"up {node.id}\n")
        sys.stdout.flush()
        await serve_node(node, stop)
    await store.aclose()


if __name__ == "__main__":
    logging.basicConfig()
    store, file, given = sys.argv[1:]
    chosen = json.loads(given)
    wrong = chosen.pop("skew", 0.0)
    asyncio.run(work(store, Path(file), EngineSettings(**chosen), wrong))
