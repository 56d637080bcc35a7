"""Processes of ``syncline``: started, watched, killed, waited for."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

SYNCLINE = Path(sys.executable).with_name("syncline")
_WARM = Path(__file__).with_name("warm.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a process ended: its exit code, or less the number of the signal that ended it."""

    code: int
    out: str
    err: str


class Process:
    """A running process of ``syncline``."""

    def __init__(self, pid: int, ended: asyncio.Task[int], folder: Path) -> None:
        self.pid = pid
        self._ended = ended
        self._folder = folder

    def said(self) -> str:
        """Return what it has written so far to standard error and output."""
        written = (self._folder / name for name in ("err", "out"))
        return "".join(path.read_text("utf-8") for path in written if path.exists())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if not self._ended.done():
            os.kill(self.pid, number)

    @property
    def running(self) -> bool:
        """The process has not ended yet."""
        return not self._ended.done()

    async def kill(self) -> None:
        """Kill the process as ``kill -9`` does, and see it dead."""
        self.signal(signal.SIGKILL)
        await self._ended

    async def finished(self) -> Finished:
        """Wait for the end."""
        code = await self._ended
        out, err = ((self._folder / name).read_text("utf-8") for name in ("out", "err"))
        return Finished(code=code, out=out, err=err)


class Processes:
    """Starts processes, each with a home folder of its own."""

    def __init__(self, folder: Path, address: Path) -> None:
        self._folder = folder
        self._address = address
        self._numbers = count(1)

    async def start(
        self,
        *arguments: str | Path,
        cwd: Path,
        given: str = "",
        env: Mapping[str, str] | None = None,
        file_size: int | None = None,
    ) -> Process:
        """Start ``syncline`` with these arguments.

        ``given``: what it may read from standard input. ``file_size``: bytes that no file it
        writes may exceed.
        """
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        (folder / "in").write_text(given, "utf-8")
        reader, writer = await asyncio.open_unix_connection(str(self._address))
        order = {
            "arguments": [str(a) for a in arguments],
            "cwd": str(cwd),
            "env": environment(cwd, env),
            "file_size": file_size,
            "folder": str(folder),
        }
        writer.write(json.dumps(order).encode() + b"\n")
        pid = int(await reader.readline())

        async def ended() -> int:
            try:
                return int(await reader.readline())
            finally:
                writer.close()
                await writer.wait_closed()

        return Process(pid, asyncio.ensure_future(ended()), folder)

    async def run(
        self,
        *arguments: str | Path,
        cwd: Path,
        given: str = "",
        env: Mapping[str, str] | None = None,
        file_size: int | None = None,
    ) -> Finished:
        """Run ``syncline`` to its end."""
        process = await self.start(*arguments, cwd=cwd, given=given, env=env, file_size=file_size)
        return await process.finished()


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables a process gets: nothing of the user's own."""
    needed = {"PATH", "LANG", "LD_LIBRARY_PATH", "SYNCLINE_ALLOW_PRIVATE_ADDRESSES"}
    kept = {k: v for k, v in os.environ.items() if k in needed}
    own = {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "COLUMNS": "200"}
    return {**kept, **own, **(more or {})}


@contextmanager
def warmed(folder: Path) -> Iterator[Processes]:
    """Yield what starts processes, until the block ends."""
    address = folder / "address"
    with subprocess.Popen(
        [sys.executable, str(_WARM), str(address)],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            yield Processes(folder, address)
        finally:
            server.kill()


async def cold(*arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Finished:
    """Run the installed command itself to its end."""
    process = await asyncio.create_subprocess_exec(
        SYNCLINE,
        *arguments,
        cwd=cwd,
        env=environment(cwd, env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return Finished(code=process.returncode, out=out.decode(), err=err.decode())
