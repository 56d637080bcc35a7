"""The figures as Markdown: a table, the ratios, and each target with whether it was reached."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.measure import Cost

_SERVERS = {"postgres": "PostgreSQL", "sqlserver": "SQL Server"}
_PACKAGES = ("syncline", "dlt", "duckdb", "pyarrow", "msgspec", "aiohttp", "sqlglot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything the report is made of."""

    #: Medians by case and side.
    costs: Mapping[tuple[str, str], Cost]
    repeats: int
    #: Seconds that the requests of a table take one by one with the delay, by its size.
    pure_wait: Mapping[str, float]
    #: Share of the limit used, and seconds lost.
    used_of_limit: tuple[float, float] | None
    #: Processor seconds of the client for 100k rows in memory, by the server that they go to.
    from_memory: Mapping[str, float]
    #: Names of two cases.
    limit: str
    windows: str
    at: datetime
    seconds: float
    #: Processes that wanted the processor when it began, other than the benchmark's.
    load: float

    def of(self, case: str, side: str = "syncline") -> Cost | None:
        return self.costs.get((case, side))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What must be reached, and what was."""

    what: str
    #: As measured; None if it was not.
    found: float | None
    bound: float
    at_least: bool = False
    unit: str = ""

    @property
    def reached(self) -> bool | None:
        if self.found is None:
            return None
        return self.found >= self.bound if self.at_least else self.found <= self.bound


def report(figures: Figures) -> tuple[str, bool]:
    """Return the Markdown text, and whether every target that was measured is reached."""
    goals = list(targets(figures))
    pure = ", ".join(f"{wait:.2f} s for {size}" for size, wait in figures.pure_wait.items())
    lines = [
        "# Results of the benchmark",
        "",
        f"Written by `make bench` on {figures.at:%Y-%m-%d %H:%M} UTC, in {figures.seconds:.0f} s.",
        "Read ratios, not seconds: the sides ran by turns in this one run, on this one machine.",
        "",
        f"- machine: {machine()}; load when it began: {figures.load:.1f}",
        f"- versions: {', '.join(_versions())}",
        "- work: rows of 25 members, among them three objects and a list, 890 bytes of JSON each,",
        "  200 a page; then 1 % of the rows change; whole processes, start-up included",
        f"- medians of {figures.repeats} for 100k rows without a delay, one run otherwise",
        "- every result was compared with the server's own figures: rows, ids, sums, latest change",
        "",
        *_table(figures),
        *_served(figures),
        "",
        "## Targets",
        "",
        *target_rows(goals),
        "",
        *(_waiting(pure) if pure else ()),
        *_limited(figures),
        "",
    ]
    return "\n".join(lines), all(goal.reached is not False for goal in goals)


def targets(figures: Figures) -> Iterator[Target]:
    """Yield what Syncline must reach."""
    for size in ("100k", "1M"):
        yield Target(
            what=f"full load, {size} rows: processor time against the floor",
            found=_ratio(
                figures.of(f"full {size}"), figures.of(f"full {size}", "floor"), "processor"
            ),
            bound=2,
            unit="x",
        )
    yield Target(
        what="full load, 100k rows: wall time of dlt against ours",
        found=_ratio(figures.of("full 100k", "dlt"), figures.of("full 100k"), "wall"),
        bound=5,
        at_least=True,
        unit="x",
    )
    per_row = _ratio(figures.of("full 1M"), figures.of("full 100k"), "processor")
    yield Target(
        what="processor time per row, 1M against 100k rows",
        found=per_row and per_row / 10,
        bound=1.1,
        unit="x",
    )
    large = figures.of("full 1M")
    yield Target(what="peak memory, 1M rows", found=_value(large, "peak_mb"), bound=400, unit=" MB")
    yield Target(
        what="peak memory, 1M against 100k rows",
        found=_ratio(large, figures.of("full 100k"), "peak_mb"),
        bound=1.2,
        unit="x",
    )
    # With few rows, the second that a process takes to start and to end weighs more.
    size = "1M" if "1M" in figures.pure_wait else "100k"
    waited = figures.of(f"30 ms a request, {size}")
    yield Target(
        what=f"30 ms a request, {size} rows: wall time of 8 windows against one",
        found=_ratio(figures.of(f"{figures.windows}, {size}"), waited, "wall"),
        bound=1 / 6,
        unit="x",
    )
    yield from _incremental(figures)
    yield Target(
        what=f"30 ms a request, {size} rows: wall time against pure waiting",
        found=None if waited is None else waited.wall / figures.pure_wait[size],
        bound=1.05,
        unit="x",
    )
    yield from _database_targets(figures)
    used = figures.used_of_limit
    yield Target(
        what=f"share of the limit used, {figures.limit}",
        found=None if used is None else used[0] * 100,
        bound=98,
        at_least=True,
        unit=" %",
    )
    yield Target(
        what=f"requests refused, {figures.limit}",
        found=_value(figures.of(figures.limit), "refused"),
        bound=1,
    )


def _database_targets(figures: Figures) -> Iterator[Target]:
    ours, floor = (figures.of("full 100k, postgres", side) for side in ("syncline", "floor"))
    yield Target(
        what="full load into PostgreSQL: processor time of client and server against the floor",
        found=_both(ours, floor),
        bound=2,
        unit="x",
    )
    for name, title in _SERVERS.items():
        full = f"full 100k, {name}"
        yield Target(
            what=f"full load into {title}: wall time of dlt against ours",
            found=_ratio(figures.of(full, "dlt"), figures.of(full), "wall"),
            bound=5,
            at_least=True,
            unit="x",
        )
    yield Target(
        what="rows from memory into SQL Server: processor time of the client for 100k rows",
        found=figures.from_memory.get("sqlserver"),
        bound=1,
        unit=" s",
    )
    yield Target(
        what="peak memory, 500k against 100k rows into PostgreSQL",
        found=_ratio(figures.of("full 500k, postgres"), ours, "peak_mb"),
        bound=1.2,
        unit="x",
    )


def _both(one: Cost | None, other: Cost | None) -> float | None:
    """Return the ratio of the processor seconds of client and server together."""
    if one is None or other is None:
        return None
    return (one.processor + one.database) / (other.processor + other.database)


def _waiting(pure: str) -> Iterator[str]:
    yield "Pure waiting is a bare client that asks for the pages one by one at 30 ms and does"
    yield f"nothing else: {pure}."


def _incremental(figures: Figures) -> Iterator[Target]:
    for size, pages in (("100k", 5), ("1M", 50)):
        cost = figures.of(f"incremental {size}")
        yield Target(
            what=f"incremental, {size} rows: requests for {pages} pages of changed rows",
            found=_value(cost, "requests"),
            bound=pages + 1,
        )
    cost = figures.of("incremental 100k")
    yield Target(
        what="incremental, 100k rows: wall time with start-up",
        found=_value(cost, "wall"),
        bound=1,
        unit=" s",
    )


def _limited(figures: Figures) -> Iterator[str]:
    if figures.used_of_limit is not None:
        share, lost = figures.used_of_limit
        yield f"Of the limit of {figures.limit}, {share:.1%} was used: {lost:.2f} s lost."


def _value(cost: Cost | None, what: str) -> float | None:
    return None if cost is None else float(getattr(cost, what))


def _ratio(one: Cost | None, other: Cost | None, what: str) -> float | None:
    if one is None or other is None:
        return None
    return float(getattr(one, what) / getattr(other, what))


def _table(figures: Figures) -> Iterator[str]:
    costs = {c: cost for c, cost in figures.costs.items() if not c[0].endswith(tuple(_SERVERS))}
    if not costs:
        return
    yield "| case | side | wall s | x floor | processor s | x floor | peak MB | requests |"
    yield "|---|---|---|---|---|---|---|---|"
    for (case, side), cost in costs.items():
        floor = figures.of(case, "floor")
        wall, processor = _ratio(cost, floor, "wall"), _ratio(cost, floor, "processor")
        yield (
            f"| {case} | {side} | {cost.wall:.2f} | {_times(wall)} | {cost.processor:.2f} "
            f"| {_times(processor)} | {cost.peak_mb:.0f} | {cost.requests} |"
        )


def _served(figures: Figures) -> Iterator[str]:
    costs = {c: cost for c, cost in figures.costs.items() if c[0].endswith(tuple(_SERVERS))}
    if not costs:
        return
    yield ""
    yield "Into database servers on the same machine; a stand-in for a server is not measured:"
    yield ""
    yield "| case | side | wall s | x floor | client s | server s | both x floor | peak MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for (case, side), cost in costs.items():
        floor = figures.of(case, "floor")
        yield (
            f"| {case} | {side} | {cost.wall:.2f} | {_times(_ratio(cost, floor, 'wall'))} "
            f"| {cost.processor:.2f} | {cost.database or '-':.4} | {_times(_both(cost, floor))} "
            f"| {cost.peak_mb:.0f} |"
        )
    yield ""
    memory = ", ".join(f"{s:.2f} s into {_SERVERS[n]}" for n, s in figures.from_memory.items())
    yield f"100k rows that are in memory already take the client's processor {memory}."


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"


def target_rows(goals: Iterable[Target]) -> Iterator[str]:
    """Yield the table of targets, line by line."""
    yield "| target | bound | measured | |"
    yield "|---|---|---|---|"
    yield from map(_goal, goals)


def machine() -> str:
    """Return what the benchmark runs on, in a line."""
    return ", ".join(_machine())


def _goal(goal: Target) -> str:
    sign = "at least" if goal.at_least else "at most"
    found = "-" if goal.found is None else f"{goal.found:.4g}{goal.unit}"
    verdict = {True: "pass", False: "**miss**", None: "not measured"}[goal.reached]
    return f"| {goal.what} | {sign} {goal.bound:.3g}{goal.unit} | {found} | {verdict} |"


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue


def _machine() -> Iterator[str]:
    yield _processor()
    yield f"{os.cpu_count()} cores"
    yield _memory()
    yield f"{platform.system()} {platform.release()}"
    yield f"Python {platform.python_version()}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


def _memory() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{pages * size / (1 << 30):.0f} GB"
