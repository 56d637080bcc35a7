"""Starting, killing and watching worker processes; asking the store how a run is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncline.control.runs import Run, Wanted, get_run, request_run
from syncline.control.store.database import Store

#: Times short enough for tests.
QUICK = {
    "tick": 0.1, "poll": 0.1, "slice_seconds": 0.3, "lease": 6.0, "grace": 5.0,
}  # fmt: skip
_PROGRAM = Path(__file__).with_name("worker.py")
_PATIENCE = 60.0


class Worker:
    """One worker process."""

    def __init__(self, address: str, project: Path, **settings: Any) -> None:
        self.log = project.with_name(f"worker-{time.monotonic_ns()}.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, _PROGRAM, address, project, json.dumps(QUICK | settings)],
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    @property
    def node(self) -> str | None:
        """The id of the node, once it is up."""
        said = self.log.read_text().splitlines()
        return next((line.removeprefix("up ") for line in said if line.startswith("up ")), None)

    async def up(self) -> str:
        """Wait until the node is up; return its id."""
        await until(lambda: self.node or self.process.poll() is not None)
        assert self.node is not None, self.log.read_text()
        return self.node

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def ended(self) -> int:
        """Wait for the process to end by itself; return its exit code."""
        await until(lambda: self.process.poll() is not None)
        return self.process.wait()

    async def drain(self) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()


@asynccontextmanager
async def workers(address: str, project: Path) -> AsyncIterator[Callable[..., Worker]]:
    """Give out what starts workers; none is left at the end."""
    started: list[Worker] = []

    def start(**settings: Any) -> Worker:
        started.append(Worker(address, project, **settings))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            if worker.process.poll() is None:
                worker.thaw()
                worker.kill()


async def until(happened: Callable[[], object], patience: float = _PATIENCE) -> None:
    """Wait until something has happened."""
    async with asyncio.timeout(patience):
        while not happened():  # noqa: ASYNC110 (it happens in another process)
            await asyncio.sleep(0.02)


async def until_async(
    happened: Callable[[], Awaitable[object]], patience: float = _PATIENCE
) -> None:
    """Wait until something has happened."""
    async with asyncio.timeout(patience):
        while not await happened():  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.05)


async def ask(store: Store, job: str = "job", **more: Any) -> str:
    """Ask for a run of a job."""
    return await request_run(store, Wanted(job_id=job, job=job, **more), datetime.now(UTC))


async def over(store: Store, run: str, patience: float = _PATIENCE) -> Run:
    """Wait for a run to be over; return it."""

    async def is_over() -> bool:
        return (await get_run(store, run)).state.over

    await until_async(is_over, patience)
    return await get_run(store, run)
