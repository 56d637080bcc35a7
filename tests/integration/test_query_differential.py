"""What a query over an API answers is what plain DuckDB answers over the whole tables."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa

from acceptance.serving import Watched, options, serving
from acceptance.support import written
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_source
from syncline.control.project import ConnectionSpec, Project, load_project
from syncline.model.ports import Source
from syncline.query.execute import execute
from syncline.query.plan import plan
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN

PAIRS = Path(__file__).parent.parent / "golden" / "query" / "pairs"
MANY = ", ".join(str(8_100_000_002 + n) for n in range(3000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A statement, what it means over whole tables, and what its requests must say."""

    ours: str
    theirs: str
    said: tuple[str, ...]


def pairs(name: str) -> Iterator[Pair]:
    text = (PAIRS / f"{name}.txt").read_text(encoding="utf-8").replace("{many}", MANY)
    for block in text.split("\n\n"):
        ours, equals, rest = block.strip().partition("\n=\n")
        if equals:
            theirs, *said = rest.split("\n? ")
            yield Pair(ours=ours, theirs=theirs, said=tuple(said))


async def answered(source: Source, sql: str) -> pa.Table:
    found = plan(sql, await source.tables())
    batches = [b.records async for b in execute(found, source, None, changes=False)]
    return pa.Table.from_batches(batches, found.schema)


def opened(project: Project, name: str) -> Any:
    return opened_source(project, name, SystemClock(), observe=lambda _: None, say=lambda _: None)


def rows(found: Iterable[tuple[Any, ...]], *, in_order: bool) -> list[str]:
    texts = [
        repr([round(value, 9) if isinstance(value, float) else value for value in row])
        for row in found
    ]
    return texts if in_order else sorted(texts)


async def disagreements(
    watched: Watched, project: Project, name: str, given: Iterable[Pair], tables: Iterable[str]
) -> list[str]:
    """Return what is wrong with the answers and requests of the pairs."""
    wrong: list[str] = []
    with duckdb.connect() as whole:
        whole.execute("SET TimeZone = 'UTC'")
        async with opened(project, name) as source:
            for table in tables:
                whole.register("page", await answered(source, f"SELECT * FROM [{table}]"))
                whole.execute(f'CREATE TABLE "{table}" AS FROM page')
            for pair in given:
                watched.begin()
                found = await answered(source, pair.ours)
                in_order = bool(re.search(r"ORDER BY [^()]*$", pair.ours))
                got = rows((tuple(row.values()) for row in found.to_pylist()), in_order=in_order)
                if got != rows(whole.execute(pair.theirs).fetchall(), in_order=in_order):
                    wrong.append(f"other rows: {pair.ours}")
                asked = [unquote(url.raw_query_string) for url in watched.asked]
                wrong += [
                    f"{part} is not asked for in {asked}: {pair.ours}"
                    for part in pair.said
                    if not any(part in query for query in asked)
                ]
                read = {table for table in tables if re.search(rf"\b{table}\b", pair.ours)}
                # A table that is joined with itself may be asked for two parts of it.
                if not len(read) <= len(asked) <= max(len(read), 2):
                    wrong.append(f"{len(asked)} requests: {pair.ours}")
    return wrong


async def test_clio(tmp_path: Path) -> None:
    async with serving(options(80)) as watched:
        project = load_project(written(tmp_path, watched, {"table": "Users"}).file)
        tables = ("Activities", "Matters", "Users")
        assert sum(1 for _ in pairs("clio")) > 50
        assert await disagreements(watched, project, "api", pairs("clio"), tables) == []


async def test_clicktime() -> None:
    async with serving(options(80)) as watched:
        properties = (
            f"Profile=ClickTime;ProfileSettings='BaseURL={watched.url};"
            f"APIKey={DEFAULT_CLICKTIME_TOKEN}'"
        )
        spec = ConnectionSpec(type="api", properties=properties)
        project = Project(connections={"ct": spec})
        tables = ("TimeEntries", "Users", "Jobs", "Clients", "Allocations")
        assert await disagreements(watched, project, "ct", pairs("clicktime"), tables) == []
