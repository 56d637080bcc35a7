"""The three that are compared: how each is started, and where its copy ends up."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ROOT, Cost, Server, check, measure

_PROJECT = """\
connections:
  api:
    type: api
    properties:
      Profile: {profile}
      AuthScheme: None
      ProfileSettings: "BaseURL={base}"
  lake: {{type: duckdb, properties: {{Database: {database}}}}}
jobs:
  bench:
    source: api
    destination: lake
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

    @property
    def database(self) -> Path:
        return self.directory / "copy.duckdb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of those that are compared."""

    name: str
    command: Callable[[Run], list[str]]
    table: str
    matter_id: str
    #: It starts processes of its own.
    children: bool = False


def floor(run: Run) -> list[str]:
    """Return the command of the leanest script."""
    return _script("floor.py", run)


def dlt(run: Run) -> list[str]:
    """Return the command of the peer."""
    return _script("peer_dlt.py", run)


def syncline(run: Run) -> list[str]:
    """Return the command that a user would give, and write the project file it runs."""
    project = run.directory / "project.yaml"
    project.write_text(
        _PROJECT.format(
            profile=ROOT / "bench/activities.yaml",
            base=run.server.base,
            database=run.database,
            parallel=run.parallel,
        ),
        "utf-8",
    )
    program = Path(sys.executable).parent / "syncline"
    return [str(program), "run", str(project)]


SIDES = {
    side.name: side
    for side in (
        Side(name="floor", command=floor, table="activities", matter_id="matter_id"),
        Side(name="syncline", command=syncline, table='"Activities"', matter_id="matter_id"),
        Side(
            name="dlt", command=dlt, table="bench.activities", matter_id="matter__id", children=True
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
    cost = measure(what.server, side.command(what), log=log, children=side.children)
    check(what.server, what.database, side.table, side.matter_id)
    return cost


def _script(name: str, run: Run) -> list[str]:
    words = [sys.executable, str(ROOT / "bench" / name), run.server.base, str(run.database)]
    return [*words, "--incremental"] if run.incremental else words
