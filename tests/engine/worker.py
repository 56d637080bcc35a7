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


async def work(address: str, project: Path, settings: EngineSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    jobs = ProjectJobs(project=load_project(project))
    async with running_node(address, jobs, settings, SystemClock()) as node:
        sys.stdout.write(f"up {node.id}\n")
        sys.stdout.flush()
        await serve_node(node, stop)


if __name__ == "__main__":
    logging.basicConfig()
    store, file, given = sys.argv[1:]
    asyncio.run(work(store, Path(file), EngineSettings(**json.loads(given))))
