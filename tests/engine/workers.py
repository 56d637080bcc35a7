"""Starting, killing and watching worker processes; asking the store how a run is."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from syncline.control.runs import Run, Wanted, get_run, request_run
from syncline.control.store.database import Store

#: Times short enough for tests.
QUICK = {
    "tick": 0.1, "poll": 0.1, "brisk": 0.1, "slice_seconds": 0.3, "lease": 6.0, "grace": 5.0,
}  # fmt: skip
_PROGRAM = Path(__file__).with_name("worker.py")
_PATIENCE = 60.0


class Worker:
    """One worker process."""

    def __init__(self, warm: Path, address: str, project: Path, **settings: Any) -> None:
        self.log = project.with_name(f"worker-{time.monotonic_ns()}.log")
        self.log.touch()
        order = {
            "address": address,
            "project": str(project),
            "settings": QUICK | settings,
            "log": str(self.log),
        }
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(str(warm))
        self._line.sendall(json.dumps(order).encode() + b"\n")
        self._said = self._line.makefile("r")
        self.pid = int(self._said.readline())
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code; None: it has not ended."""
        if self._code is None and select.select([self._line], [], [], 0)[0]:
            self._code = int(self._said.readline())
            self._said.close()
            self._line.close()
        return self._code

    @property
    def node(self) -> str | None:
        """The id of the node, once it is up."""
        said = self.log.read_text().splitlines()
        return next((line.removeprefix("up ") for line in said if line.startswith("up ")), None)

    async def up(self) -> str:
        """Wait until the node is up; return its id."""
        await until(lambda: self.node or self.code is not None)
        assert self.node is not None, self.log.read_text()
        return self.node

    def signal(self, number: signal.Signals) -> None:
        if self.code is None:
            os.kill(self.pid, number)

    async def kill(self) -> None:
        """Kill it as ``kill -9`` does, and see it dead."""
        self.signal(signal.SIGKILL)
        await self.ended()

    async def ended(self) -> int:
        """Wait for the process to end; return its exit code."""
        await until(lambda: self.code is not None)
        return self._code or 0

    async def drain(self) -> int:
        """Ask it to end; return its exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended()


@contextmanager
def warmed(folder: Path) -> Iterator[Path]:
    """Yield the address of what starts workers, until the block ends."""
    address = folder / "workers"
    with subprocess.Popen([sys.executable, _PROGRAM, address], stdin=subprocess.DEVNULL) as server:
        try:
            until_there = time.monotonic() + _PATIENCE
            while not address.exists():
                assert server.poll() is None
                assert time.monotonic() < until_there
                time.sleep(0.02)
            yield address
        finally:
            server.kill()


@asynccontextmanager
async def workers(warm: Path, address: str, project: Path) -> AsyncIterator[Callable[..., Worker]]:
    """Give out what starts workers; none is left at the end."""
    started: list[Worker] = []

    def start(*, address: str = address, **settings: Any) -> Worker:
        started.append(Worker(warm, address, project, **settings))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            await worker.kill()


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
