"""The three that are compared: how each is started, and where its copy ends up."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from bench.measure import ROOT, Cost, Server, check, measure
from bench.places import Place

_PROJECT = """\
connections:
  api:
    type: api
    properties:
      Profile: {profile}
      AuthScheme: None
      ProfileSettings: "BaseURL={base}"
  copy: {copy}
jobs:
  bench:
    source: api
    destination: copy
    tasks:
      - {{table: Activities, parallel: {parallel}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a side: from which server, into which new or filled directory."""

    server: Server
    directory: Path
    incremental: bool = False
    #: Windows read at once, where the side can.
    parallel: int = 1
    #: The server that the copy goes to; None: a file of DuckDB.
    place: Place | None = None

    @property
    def database(self) -> str:
        """The file, or the address of the server."""
        return self.place.address if self.place else str(self.directory / "copy.duckdb")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of those that are compared."""

    name: str
    command: Callable[[Run], list[str]]
    table: str
    #: The table on a server.
    served: str
    matter_id: str
    #: It starts processes of its own.
    children: bool = False

    def goes_into(self, place: Place) -> bool:
        """Say whether there is a way for it into a server."""
        if place.name == "postgres" or self.name == "syncline":
            return True
        # dlt needs a driver that is not on PyPI; the stand-in would say nothing about it.
        return self.name == "dlt" and place.real and find_spec("pyodbc") is not None


def floor(run: Run) -> list[str]:
    """Return the command of the leanest script."""
    return _script("bench.floor_postgres" if run.place else "bench.floor", run)


def dlt(run: Run) -> list[str]:
    """Return the command of the peer."""
    return [*_script("bench.peer_dlt", run), "--directory", str(run.directory / "dlt")]


def syncline(run: Run) -> list[str]:
    """Return the command that a user would give, and write the project file it runs."""
    project = run.directory / "project.yaml"
    project.write_text(
        _PROJECT.format(
            profile=ROOT / "bench/activities.yaml",
            base=run.server.base,
            copy=run.place.connection
            if run.place
            else f"{{type: duckdb, properties: {{Database: {run.database}}}}}",
            parallel=run.parallel,
        ),
        "utf-8",
    )
    program = Path(sys.executable).parent / "syncline"
    return [str(program), "run", str(project)]


SIDES = {
    side.name: side
    for side in (
        Side(
            name="floor",
            command=floor,
            table="activities",
            served="bench.activities",
            matter_id="matter_id",
        ),
        Side(
            name="syncline",
            command=syncline,
            table='"Activities"',
            served='bench."Activities"',
            matter_id="matter_id",
        ),
        Side(
            name="dlt",
            command=dlt,
            table="bench.activities",
            served="bench.activities",
            matter_id="matter__id",
            children=True,
        ),
    )
}


def run(side: Side, what: Run, **behaviour: object) -> Cost:
    """Run a side against a server that behaves so; return the cost of a right result.

    A full run starts in an empty directory. Raises `WrongError`.
    """
    if not what.incremental:
        shutil.rmtree(what.directory, ignore_errors=True)
        what.directory.mkdir(parents=True)
    what.server.admin("configure", **behaviour)
    log = what.directory / "log.txt"
    place = what.place
    if place and not what.incremental:
        empty(place)
    before = place.processor() if place else 0.0
    cost = measure(what.server, side.command(what), log=log, children=side.children)
    table = side.table if not place else side.served
    cost = replace(cost, database=place.processor() - before if place else 0.0)
    check(what.server, what.database, table, side.matter_id)
    return cost


def from_memory(server: Server, place: Place) -> float:
    """Return the processor seconds of the client that a table in memory takes to load."""
    empty(place)
    command = [sys.executable, "-m", "bench.from_memory", server.base, place.address]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    check(server, place.address, SIDES["syncline"].served, SIDES["syncline"].matter_id)
    return float(done.stdout)


def empty(place: Place) -> None:
    """Drop what earlier runs have left on a server."""
    subprocess.run([sys.executable, "-m", "bench.database", place.address], cwd=ROOT, check=True)


def _script(name: str, run: Run) -> list[str]:
    words = [sys.executable, "-m", name, run.server.base, run.database]
    return [*words, "--incremental"] if run.incremental else words
