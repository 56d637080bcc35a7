"""The benchmark: Syncline, the floor and dlt side by side in one run, and what it must reach."""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import ROOT, Cost, Server, WrongError, serving, used_of_limit
from bench.places import PLACES, Place
from bench.report import Figures, report
from bench.sides import SIDES, Run, Side, from_memory, run

#: Rows of the tables; the last one is that of the limit, of five windows.
SMALL, MIDDLE, LARGE, FEW = 100_000, 500_000, 1_000_000, 50_000
DELAY = 0.03
WINDOWS = 8
LIMIT = 50


@dataclass(slots=True, kw_only=True)
class Programme:
    """What is run, and the costs so far by case and side."""

    sides: Sequence[Side]
    work: Path
    repeats: int
    window: int
    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=dict)

    def note(self, case: str, side: Side, cost: Cost) -> None:
        """Keep a cost and say it."""
        self.costs.setdefault((case, side.name), []).append(cost)
        print(
            f"{case:27} {side.name:9} {cost.wall:7.2f} s  {cost.processor:7.2f} s processor"
            f"  {cost.database:5.2f} s server  {cost.peak_mb:6.0f} MB  {cost.requests:5d} requests",
            flush=True,
        )

    def twice(self, server: Server, side: Side, size: str, place: Place | None = None) -> None:
        """Load everything, change 1 % of the rows, load what changed."""
        server.admin("restore")
        into = f", {place.name}" if place else ""
        what = Run(server=server, directory=self.work / side.name, place=place)
        self.note(f"full {size}{into}", side, run(side, what))
        server.admin("change")
        self.note(f"incremental {size}{into}", side, run(side, replace(what, incremental=True)))
        server.admin("restore")
        shutil.rmtree(what.directory)


def small(programme: Programme, server: Server) -> None:
    """Full and incremental loads of the small table, each side going first in turn."""
    for number in range(programme.repeats):
        for side in _rotated(programme.sides, number):
            programme.twice(server, side, "100k")


def large(programme: Programme, server: Server, *, with_dlt: bool) -> None:
    """Full and incremental loads of the large table."""
    for side in programme.sides:
        if with_dlt or side.name != "dlt":
            programme.twice(server, side, "1M")


def served(programme: Programme, name: str) -> float | None:
    """Loads into a database server; return the processor time of loading rows from memory."""
    with PLACES[name]() as place:
        with serving(SMALL) as server:
            for number in range(programme.repeats):
                for side in _rotated(programme.sides, number):
                    if side.goes_into(place):
                        programme.twice(server, side, "100k", place)
            if not any(_syncline(programme)):
                return None
            seconds = statistics.median(
                from_memory(server, place) for _ in range(programme.repeats)
            )
            print(f"rows from memory, {name}: {seconds:.2f} s processor", flush=True)
        if place.real:
            with serving(MIDDLE) as server:
                for side in _syncline(programme):
                    what = Run(server=server, directory=programme.work / "middle", place=place)
                    programme.note(f"full 500k, {name}", side, run(side, what))
        return seconds


def waiting(programme: Programme, server: Server, size: str) -> float:
    """Full loads where every request takes a while; return the seconds of pure waiting."""
    server.admin("configure", delay=DELAY)
    requests = server.rows // 200
    pure = server.pure_wait(requests)
    print(f"pure waiting for {requests} requests, one by one: {pure:.2f} s", flush=True)
    for side in programme.sides:
        if side.name == "dlt" or (side.name == "floor" and size == "1M"):
            continue
        what = Run(server=server, directory=programme.work / "waiting")
        programme.note(f"30 ms a request, {size}", side, run(side, what, delay=DELAY))
    for side in _syncline(programme):
        what = Run(server=server, directory=programme.work / "windows", parallel=WINDOWS)
        programme.note(f"30 ms, {WINDOWS} windows, {size}", side, run(side, what, delay=DELAY))
    return pure


def limited(programme: Programme, server: Server) -> tuple[float, float] | None:
    """Full load under a limit; return the share of the limit used and the seconds lost."""
    used = None
    for side in _syncline(programme):
        what = Run(server=server, directory=programme.work / "limited")
        cost = run(side, what, limit=LIMIT, window=programme.window)
        programme.note(f"{LIMIT} per {programme.window} s", side, cost)
        used = used_of_limit(cost, LIMIT, programme.window)
        print(f"used {used[0]:.1%} of the limit, {cost.refused} requests refused", flush=True)
    return used


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="once each, shorter windows")
    parser.add_argument("--sides", default="floor,syncline,dlt", help="which to run")
    parser.add_argument(
        "--destinations", default="duckdb,postgres,sqlserver", help="what to load into"
    )
    parser.add_argument("--no-large", action="store_true", help="leave out the million rows")
    parser.add_argument("--dlt-large", action="store_true", help="dlt loads a million rows too")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/RESULTS.md")
    given = parser.parse_args()
    began, load = time.monotonic(), os.getloadavg()[0]
    if load > 0.5:
        print(f"The machine is busy (load {load:.1f}): wall times will say little.", flush=True)
    with tempfile.TemporaryDirectory(prefix="syncline-bench-") as work:
        programme = Programme(
            sides=[SIDES[name] for name in given.sides.split(",")],
            work=Path(work),
            repeats=1 if given.quick else 3,
            window=2 if given.quick else 60,
        )
        pure, used, memory = {}, None, {}
        destinations = given.destinations.split(",")
        try:
            if "duckdb" in destinations:
                with serving(SMALL) as server:
                    small(programme, server)
                    pure["100k"] = waiting(programme, server, "100k")
                if not given.no_large:
                    with serving(LARGE) as server:
                        large(programme, server, with_dlt=given.dlt_large)
                        pure["1M"] = waiting(programme, server, "1M")
                with serving(FEW) as server:
                    used = limited(programme, server)
            for name in destinations:
                if name in PLACES and (seconds := served(programme, name)) is not None:
                    memory[name] = seconds
        except WrongError as wrong:
            print(f"the benchmark failed: {wrong}", file=sys.stderr)
            return 1
    text, reached = report(
        Figures(
            costs={key: _median(costs) for key, costs in programme.costs.items()},
            repeats=programme.repeats,
            pure_wait=pure,
            used_of_limit=used,
            from_memory=memory,
            limit=f"{LIMIT} per {programme.window} s",
            windows=f"30 ms, {WINDOWS} windows",
            at=datetime.now(UTC),
            seconds=time.monotonic() - began,
            load=load,
        )
    )
    given.output.write_text(text, "utf-8")
    print(f"\n{text}\nWritten to {given.output}")
    return 0 if reached else 3


def _median(costs: Sequence[Cost]) -> Cost:
    """Return a cost of medians; what the server counted is that of the last run."""
    return Cost(
        wall=statistics.median(c.wall for c in costs),
        processor=statistics.median(c.processor for c in costs),
        peak_mb=statistics.median(c.peak_mb for c in costs),
        requests=round(statistics.median(c.requests for c in costs)),
        refused=max(c.refused for c in costs),
        stats=costs[-1].stats,
        database=statistics.median(c.database for c in costs),
    )


def _rotated(sides: Sequence[Side], by: int) -> Iterator[Side]:
    by %= len(sides)
    yield from sides[by:]
    yield from sides[:by]


def _syncline(programme: Programme) -> Iterator[Side]:
    return (side for side in programme.sides if side.name == "syncline")


if __name__ == "__main__":
    raise SystemExit(main())
