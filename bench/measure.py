"""What a whole process costs, start-up included, and whether its result is right."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psutil

ROOT = Path(__file__).resolve().parent.parent
PATH = "/api/v4/activities.json?limit=200"
#: Seconds between two looks at the memory of a process that may have children.
_LOOK = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a process took."""

    wall: float
    #: User and system seconds of the process and its children.
    processor: float
    #: Greatest resident memory of the process, or of it and its children together.
    peak_mb: float
    requests: int
    #: Requests that the server's limit refused.
    refused: int
    #: What the API's server counted.
    stats: Mapping[str, Any]
    #: User and system seconds of the database server.
    database: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The benchmark's API in a process of its own."""

    base: str
    rows: int

    def admin(self, command: str, **parameters: object) -> dict[str, Any]:
        """Run an ``/admin`` command and return its answer."""
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc)
        with contextlib.closing(connection):
            connection.request("GET", f"/admin/{command}?{urlencode(parameters)}")
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"/admin/{command}: {found}")
        return found

    def pure_wait(self, requests: int) -> float:
        """Return the seconds that ``requests`` answers take one by one, by asking for 100."""
        asked = min(requests, 100)
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc)
        with contextlib.closing(connection):
            began = time.perf_counter()
            for page in range(asked):
                connection.request("GET", f"{PATH}&page_token={page * 200}")
                connection.getresponse().read()
            return (time.perf_counter() - began) / asked * requests


class WrongError(Exception):
    """A process failed, or its result is not the table that the server has."""


@contextlib.contextmanager
def serving(rows: int) -> Iterator[Server]:
    """Run the server with so many rows."""
    command = [sys.executable, "-m", "bench.server", "--rows", str(rows)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            base = process.stdout.readline().strip()
            if not base:
                raise WrongError("the server did not start")
            yield Server(base=base, rows=rows)
        finally:
            process.terminate()


def measure(server: Server, command: Sequence[str], *, log: Path, children: bool = False) -> Cost:
    """Run a command to its end and return its cost. Raises `WrongError` if it fails.

    ``children``: it has processes of its own, whose memory counts.
    """
    began = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        done, seen = threading.Event(), [0]
        watcher = threading.Thread(target=_watch, args=(process.pid, done, seen))
        if children:
            watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
    if children:
        watcher.join()
    if process.returncode:
        tail = log.read_text("utf-8", "replace")[-2_000:]
        raise WrongError(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
    stats = server.admin("stats")
    own = usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return Cost(
        wall=wall,
        processor=usage.ru_utime + usage.ru_stime,
        peak_mb=max(own, seen[0] / (1 << 20)),
        requests=stats["requests"],
        refused=stats["refused"],
        stats=stats,
    )


def check(server: Server, database: str, table: str, matter_id: str) -> None:
    """Compare a copy with what the server has. Raises `WrongError` if they differ."""
    # In a process of its own: what the parent holds when it starts a child counts as the child's.
    printed = subprocess.run(
        [sys.executable, "-m", "bench.verify", database, table, matter_id],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    expected = server.admin("expected")
    right = [
        expected["rows"],
        expected["rows"],
        round(expected["total"] * 100),
        datetime.fromisoformat(expected["updated_at"]).timestamp(),
        expected["notes"],
        expected["note_characters"],
        expected["matters"],
    ]
    found = json.loads(printed)
    if found != right:
        raise WrongError(f"{database}: rows, ids, total, updated_at, … are {found}, not {right}")


def used_of_limit(cost: Cost, limit: int, window: float) -> tuple[float, float]:
    """Return the share of the limit used until the last window was entered, and the loss.

    The loss is in seconds, over all windows, against a reader that enters each as it begins and
    uses it up. The server's windows have a fixed beat, so what is late does not add up.
    """
    windows = {int(number): count for number, count in cost.stats["windows"].items()}
    before = sum(count for number, count in windows.items() if number != max(windows))
    needed, entered = before / limit * window, float(cost.stats["entered"])
    return needed / entered, entered - needed


def _watch(pid: int, done: threading.Event, seen: list[int]) -> None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        while not done.wait(_LOOK):
            family = [process, *process.children(recursive=True)]
            seen[0] = max(seen[0], sum(_resident(each) for each in family))


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
