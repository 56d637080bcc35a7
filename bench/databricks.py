"""`make bench-databricks`: the table into a warehouse of Spark and Delta Lake, beside dlt."""

import argparse
import json
import logging
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from bench.measure import ROOT, Cost, Server, WrongError, measure, serving
from bench.places import SCHEMA, Place
from bench.sides import SIDES, Run, Side
from databricks import sql
from standins.databricks.fixture import DatabricksServer, running_databricks

#: How many times less wall time a load has to take than dlt's.
TARGET: Final = 3.0
_FIGURES: Final = """
    SELECT COUNT(*), COUNT(DISTINCT id), CAST(ROUND(SUM(total) * 100) AS BIGINT),
           UNIX_MICROS(MAX(CAST(updated_at AS TIMESTAMP))) / 1e6, COUNT(note),
           COALESCE(SUM(LENGTH(note)), 0), SUM({matter})
    FROM {schema}.activities"""

#: What a warehouse in use has done before, of the kinds that either side asks for.
_WARM: Final = (
    "CREATE SCHEMA IF NOT EXISTS warm",
    "CREATE VOLUME IF NOT EXISTS {catalog}.warm.files",
    "PUT '{local}' INTO '{remote}' OVERWRITE",
    "CREATE TABLE warm.rows (id BIGINT, text STRING, at TIMESTAMP)",
    "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'warm'",
    (
        "MERGE INTO warm.rows AS held USING (SELECT * FROM read_files('{remote}',"
        " format => 'parquet', schema => 'id BIGINT, text STRING, at TIMESTAMP')) AS new"
        " ON held.id = new.id WHEN MATCHED THEN UPDATE SET text = new.text"
        " WHEN NOT MATCHED THEN INSERT (id, text, at) VALUES (new.id, new.text, new.at)"
    ),
    "COPY INTO warm.rows FROM '{remote}' FILEFORMAT = PARQUET",
    "INSERT INTO warm.rows SELECT id + 1, text, at FROM warm.rows",
    "DROP SCHEMA warm CASCADE",
)

_HEAD: Final = """\
# Results of the benchmark: Databricks

Written by `make bench-databricks` on {at} UTC, in {seconds} s.
Both sides load the same API into the stand-in warehouse of this repository: real Spark 4 SQL and
real Delta Lake 4 in one process on the same machine, new for each side, and as warm as one in
use: it has read a file, merged and copied it into a table of a schema that is dropped again. Read
ratios, not seconds: the warehouse shares the processors with what loads it.

- machine: {machine}; load when it began: {busy}
- versions: {versions}, Spark 4.0.3, Delta Lake 4.0.0
- work: {rows} rows of 25 members, 200 a page; then 1 % of the rows change; whole processes,
  start-up included
- {rounds} rounds, in each both sides one after the other; told is the run with the median wall time
- dlt appends first, which costs it less than merging, and merges changes with its strategy "upsert"
- every result was compared with the API's own figures: rows, ids, sums, latest change

| case | side | wall s | rounds | client cpu | warehouse cpu \
| statements | calls | files | MB | peak MB |
|---|---|---|---|---|---|---|---|---|---|---|"""
_PHASES: Final = """
## Where the time goes

Seconds that the warehouse worked on statements of each kind, and took files in. Files are uploaded
while more rows are read, where a side does so.

| case | side | what | count | seconds |
|---|---|---|---|---|"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one load took, of the client and of the warehouse."""

    case: str
    side: str
    cost: Cost
    #: By kind: count, bytes and seconds. Kinds in brackets are no statements.
    tally: Mapping[str, Mapping[str, float]]

    @property
    def statements(self) -> int:
        """How many statements the warehouse was given."""
        return int(sum(e["count"] for e in self._statements))

    @property
    def seconds(self) -> float:
        """How long the warehouse worked on them, one after the other."""
        return sum(e["seconds"] for e in self._statements)

    @property
    def _statements(self) -> list[Mapping[str, float]]:
        return [entry for kind, entry in self.tally.items() if not kind.startswith("(")]

    def of(self, kind: str, what: str) -> float:
        """Return a figure of a kind."""
        return float(self.tally.get(kind, {}).get(what, 0))


@contextmanager
def warehouse() -> Iterator[tuple[DatabricksServer, Place]]:
    """Start the stand-in with Spark, or take the workspace that is named."""
    with running_databricks("spark", "--memory", "3g") as server:
        _warm(server)
        words = {
            "Server": server.host, "Port": server.port, "HTTPPath": server.http_path,
            "Token": server.token, "Catalog": server.catalog, "Schema": SCHEMA,
            "SSLCert": server.certificate,
        }  # fmt: skip
        query = f"path={quote(server.http_path, safe='')}&ca={quote(server.certificate, safe='')}"
        yield (
            server,
            Place(
                name="databricks",
                connection=f"{{type: databricks, properties: {json.dumps(words)}}}",
                address=f"databricks://token:{quote(server.token, safe='')}@{server.host}:"
                f"{server.port}/{server.catalog}?{query}",
                pid=server.process.pid if server.process else None,
            ),
        )


def _warm(server: DatabricksServer) -> None:
    """Let neither side be the first that asks the warehouse for anything."""
    now = datetime.now(UTC)
    rows = [{"id": n, "text": f"row {n}", "at": now} for n in range(1000)]
    schema = pa.schema(
        [("id", pa.int64()), ("text", pa.string()), ("at", pa.timestamp("us", "UTC"))]
    )
    with tempfile.TemporaryDirectory(prefix="syncline-warm-") as folder:
        local = Path(folder) / "rows.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema), local)
        remote = f"/Volumes/{server.catalog}/warm/files/rows.parquet"
        with _session(server, staging_allowed_local_path=folder) as session:
            for statement in _WARM:
                with session.cursor() as cursor:
                    cursor.execute(
                        statement.format(local=local, remote=remote, catalog=server.catalog)
                    )


def _session(server: DatabricksServer, **more: str) -> Any:
    trusted = {"_tls_trusted_ca_file": server.certificate} if server.certificate else {}
    return sql.connect(
        server_hostname=server.host, http_path=server.http_path, access_token=server.token,
        catalog=server.catalog, _port=server.port, enable_telemetry=False, **trusted, **more,
    )  # fmt: skip


def load(side: Side, server: Server, work: Path) -> list[Loaded]:
    """Load everything, change 1 % of the rows, load what changed; each side in a new warehouse."""
    found = []
    server.admin("restore")
    server.admin("configure")
    with warehouse() as (place_server, place):
        for case in ("full", "incremental"):
            what = Run(
                server=server, directory=work / side.name, place=place,
                incremental=case == "incremental",
            )  # fmt: skip
            if not what.incremental:
                what.directory.mkdir(parents=True)
            place_server.tally()
            before = place.processor()
            cost = measure(
                server, side.command(what), log=what.directory / "log.txt", children=side.children
            )
            cost = _with_warehouse(cost, place.processor() - before)
            tally = place_server.tally()
            _check(server, place_server, side)
            found.append(Loaded(case=case, side=side.name, cost=cost, tally=tally))
            print(_line(found[-1]), flush=True)
            server.admin("change")
    server.admin("restore")
    shutil.rmtree(work / side.name)
    return found


def _with_warehouse(cost: Cost, seconds: float) -> Cost:
    return Cost(
        wall=cost.wall, processor=cost.processor, peak_mb=cost.peak_mb, requests=cost.requests,
        refused=cost.refused, stats=cost.stats, database=seconds,
    )  # fmt: skip


def _check(server: Server, place: DatabricksServer, side: Side) -> None:
    """Compare the copy with what the API has. Raises `WrongError`."""
    statement = _FIGURES.format(matter=side.matter_id, schema=SCHEMA)
    with _session(place) as session, session.cursor() as cursor:
        cursor.execute(statement)
        (row,) = cursor.fetchall()
        found = [float(value) for value in row]
    given = server.admin("expected")
    right = [
        given["rows"], given["rows"], round(given["total"] * 100),
        datetime.fromisoformat(given["updated_at"]).timestamp(),
        given["notes"], given["note_characters"], given["matters"],
    ]  # fmt: skip
    if found != [float(value) for value in right]:
        raise WrongError(f"{side.name}: rows, ids, total, … are {found}, not {right}")


def _line(loaded: Loaded) -> str:
    cost = loaded.cost
    return (
        f"{loaded.case:12} {loaded.side:9} {cost.wall:7.1f} s  {cost.processor:6.1f} s processor  "
        f"{cost.database:6.1f} s warehouse  {loaded.statements:4d} statements  "
        f"{loaded.of('(upload)', 'bytes') / 1e6:7.1f} MB uploaded"
    )


def _medians(found: Sequence[Loaded]) -> list[Loaded]:
    """Return of each case and side the run in the middle, in the order of the first round."""
    by: dict[tuple[str, str], list[Loaded]] = defaultdict(list)
    for one in found:
        by[one.side, one.case].append(one)
    return [sorted(runs, key=lambda r: r.cost.wall)[len(runs) // 2] for runs in by.values()]


def report(
    rows: int, runs: Sequence[Loaded], *, rounds: int, seconds: float, busy: float
) -> tuple[str, bool]:
    """Return the page of results, and whether the target is reached."""
    found = _medians(runs)
    packages = ("syncline", "dlt", "databricks-sql-connector", "pyarrow")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    memory = f"{psutil.virtual_memory().total / 2**30:.0f} GB"
    lines = [
        _HEAD.format(
            at=f"{datetime.now(UTC):%Y-%m-%d %H:%M}", seconds=f"{seconds:.0f}",
            machine=f"{machine}, {memory}, Python {platform.python_version()}",
            busy=f"{busy:.1f}", versions=versions, rows=f"{rows:,}", rounds=rounds,
        )
    ]  # fmt: skip
    lines += [
        f"| {one.case} | {one.side} | {one.cost.wall:.1f} | {_walls(runs, one)} | "
        f"{one.cost.processor:.1f} | "
        f"{one.cost.database:.1f} | {one.statements} | {one.of('(REST)', 'count'):.0f} | "
        f"{one.of('(upload)', 'count'):.0f} | {one.of('(upload)', 'bytes') / 1e6:.1f} | "
        f"{one.cost.peak_mb:.0f} |"
        for one in found
    ]
    lines.append(_PHASES)
    for one in found:
        lines += [
            f"| {one.case} | {one.side} | {kind.strip('()')} | {entry['count']:.0f} | "
            f"{entry['seconds']:.1f} |"
            for kind, entry in sorted(one.tally.items(), key=lambda e: -e[1]["seconds"])
            if kind != "(call)" and entry["seconds"] >= 0.05
        ]
        rest = one.cost.wall - one.seconds
        lines.append(f"| {one.case} | {one.side} | everything else | | {max(0.0, rest):.1f} |")
    verdict, reached = _verdict(found)
    return "\n".join([*lines, "", "## Targets", "", *verdict, ""]), reached


def _walls(runs: Sequence[Loaded], of: Loaded) -> str:
    same = (one for one in runs if (one.case, one.side) == (of.case, of.side))
    return ", ".join(f"{one.cost.wall:.1f}" for one in same)


def _verdict(found: Sequence[Loaded]) -> tuple[list[str], bool]:
    by = {(one.case, one.side): one for one in found}
    lines = ["| target | bound | measured | |", "|---|---|---|---|"]
    reached = True
    for case in ("full", "incremental"):
        ours, theirs = by.get((case, "syncline")), by.get((case, "dlt"))
        if ours is None or theirs is None:
            continue
        ratio = theirs.cost.wall / ours.cost.wall
        fewer = ours.statements < theirs.statements
        # What a small change takes is what the warehouse takes for any statement.
        quicker = ratio >= TARGET if case == "full" else None
        reached = reached and quicker is not False and fewer
        word = {True: "pass", False: "**miss**", None: ""}
        bound = f"at least {TARGET:g}x" if case == "full" else "none"
        wall = f"{case}: wall time of dlt against ours | {bound} | {ratio:.2f}x"
        said = f"{case}: statements | fewer than dlt's {theirs.statements} | {ours.statements}"
        lines += [f"| {wall} | {word[quicker]} |", f"| {said} | {word[fewer]} |"]
    return lines, reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="how often each side loads")
    parser.add_argument("--sides", default="syncline,dlt", help="which to run")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/RESULTS-databricks.md")
    given = parser.parse_args()
    logging.getLogger("databricks.sql").setLevel(logging.ERROR)
    began, busy = time.monotonic(), os.getloadavg()[0]
    found: list[Loaded] = []
    with tempfile.TemporaryDirectory(prefix="syncline-bench-") as work, serving(given.rows) as api:
        try:
            for name in given.sides.split(",") * given.rounds:
                found += load(SIDES[name], api, Path(work))
        except WrongError as wrong:
            print(f"the benchmark failed: {wrong}", file=sys.stderr)
            return 1
    text, reached = report(
        given.rows, found, rounds=given.rounds, seconds=time.monotonic() - began, busy=busy
    )
    given.output.write_text(text, "utf-8")
    print(f"\n{text}\nWritten to {given.output}")
    return 0 if reached else 3


if __name__ == "__main__":
    raise SystemExit(main())
