"""A worker process for tests: a node that runs the jobs of a project file until it is ended.

Started once, it gets ready and forks a worker for each order, which saves the seconds that an
interpreter needs; the workers are processes like any other, and die like any other.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import syncline.destinations.postgres
from syncline.control.clock import SystemClock
from syncline.control.engine.job import ProjectJobs
from syncline.control.engine.node import running_node, serve_node
from syncline.control.engine.settings import EngineSettings
from syncline.control.project import load_project
from syncline.control.store.database import open_store

assert syncline.destinations.postgres


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


def become(order: Mapping[str, Any]) -> NoReturn:
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    chosen = dict(order["settings"])
    skew = chosen.pop("skew", 0.0)
    settings = EngineSettings(**chosen)
    asyncio.run(work(order["address"], Path(order["project"]), settings, skew))
    os._exit(0)


def attend(connection: socket.socket) -> NoReturn:
    """Start the worker that was asked for, tell its id, and how it ended."""
    with connection.makefile("r") as lines:
        order = json.loads(lines.readline())
    process = os.fork()
    if process == 0:
        connection.close()
        become(order)
    connection.sendall(f"{process}\n".encode())
    _, status = os.waitpid(process, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def serve(address: str) -> NoReturn:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listening.close()
            attend(connection)
        connection.close()


if __name__ == "__main__":
    serve(sys.argv[1])
