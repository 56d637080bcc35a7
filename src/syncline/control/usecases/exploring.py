"""SQL against any connection, to look and never to change."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.control.access import Actor
from syncline.control.connections import described, opened_source, opener
from syncline.control.plane import Plane, Work
from syncline.control.project import Project
from syncline.control.stored_tokens import StoredTokens
from syncline.control.usecases.connections import get_connection, opened_connection
from syncline.control.usecases.tasks import stored_project
from syncline.errors import Invalid, QueryError, SynclineError, Unavailable
from syncline.model.ports import Destination
from syncline.query.engine import known_functions
from syncline.query.execute import execute
from syncline.query.plan import plan

#: More rows than people look at; as many as they take along in a file.
MOST = 100_000
#: A query that takes longer is given up, in seconds.
PATIENCE = 60.0
_CHANGING = (
    exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Create, exp.Drop, exp.Command,
    exp.Lock,
)  # fmt: skip


#: How an error of a query draws an arrow under the word that is wrong.
_DRAWN = re.compile(r"\nline (\d+):\n {2}(.*)\n {2}(\s*)(\^+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows to look at."""

    table: pa.Table
    #: There are more.
    cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong with a query, and where."""

    message: str
    hint: str
    #: Counted from 1; None: no single word is wrong.
    line: int | None = None
    #: Of the wrong word, counted from 0.
    column: int = 0
    length: int = 0


def mistake_of(error: SynclineError) -> Mistake:
    """Return an error of a query with the place that its message draws."""
    text = str(error)
    found = _DRAWN.search(text)
    if found is None:
        return Mistake(message=text, hint=error.hint)
    return Mistake(
        message=text[: found.start()], hint=error.hint, line=int(found[1]),
        column=len(found[3]), length=len(found[4]),
    )  # fmt: skip


async def words_for(work: Work, name: str) -> tuple[str, ...]:
    """Return the words of queries over a source: tables, columns, functions.

    Needs connections.view.
    """
    await get_connection(work, name)
    tables = described(await stored_project(work, connection=name), name)
    columns = {field for table in tables.values() for field in table.schema.names}
    return (*tables, *sorted(columns), *sorted(f.upper() for f in known_functions()))


async def explore(plane: Plane, actor: Actor, name: str, sql: str, *, limit: int = 1000) -> Rows:
    """Return the first rows of a query over a source or a destination. Needs connections.edit.

    Raises `QueryError`, `Invalid` for anything but one SELECT over tables.
    """
    if not 0 < limit <= MOST:
        raise Invalid(f"1 to {MOST:,} rows can be shown", hint="ask for fewer")
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        opened = await opened_connection(work, name)
    project = Project.model_construct(connections={name: opened}, jobs={})
    async with _patience():
        if found.type == "api":
            return await _read(plane, project, name, found.id, sql, limit=limit)
        destination = await opener(project, name)()
        try:
            return await _fetched(destination, sql, limit)
        finally:
            await destination.aclose()


async def _read(
    plane: Plane, project: Project, name: str, owner: str, sql: str, *, limit: int
) -> Rows:
    batches: list[pa.RecordBatch] = []
    async with opened_source(
        project, name, plane.clock, observe=lambda _: None, say=lambda _: None,
        tokens=StoredTokens(plane, owner),
    ) as source:  # fmt: skip
        now = datetime.fromtimestamp(plane.clock.time(), UTC)
        planned = plan(sql, await source.tables(), now=now)
        async with aclosing(execute(planned, source, None, changes=False)) as read:
            async for batch in read:
                batches.append(batch.records)
                if sum(records.num_rows for records in batches) > limit:
                    break
    table = pa.Table.from_batches(batches, planned.schema)
    return Rows(table=table.slice(0, limit), cut=table.num_rows > limit)


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError:
        raise Unavailable(
            f"no answer within {PATIENCE:.0f} seconds", hint="ask for less, or try again later"
        ) from None


async def _fetched(destination: Destination, sql: str, limit: int) -> Rows:
    query = looking_only(sql, destination.traits.dialect)
    for table in _tables(query):
        if table.db.lower() == "information_schema":
            continue
        if await destination.describe(table) is None:
            raise QueryError(
                f"there is no table {table.sql()}",
                hint="SELECT table_schema, table_name FROM information_schema.tables lists them",
            )
    wanted = query if query.args.get("limit") else query.limit(limit + 1)
    rows = await destination.fetch(wanted)
    return Rows(table=rows.slice(0, limit), cut=rows.num_rows > limit)


def looking_only(sql: str, dialect: str) -> exp.Query:
    """Return a query that only looks at tables.

    Whoever may look at a database through us must not read files of the server or reach other
    ones with its functions, so those that we do not know are refused. Raises `QueryError`.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, dialect=dialect) if s is not None]
    except SqlglotError as error:
        raise QueryError(str(error).splitlines()[0], hint="correct the SQL") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise QueryError("this is not one SELECT", hint="the explorer only looks: write SELECT …")
    query = statements[0]
    if isinstance(query, exp.Select) and not query.expressions:
        raise QueryError("SELECT what?", hint="name columns, or write SELECT *")
    for node in query.walk():
        if isinstance(node, _CHANGING):
            raise QueryError("this would change something", hint="the explorer only looks")
        if isinstance(node, exp.Anonymous | exp.ReadCSV):
            raise QueryError(
                f"the function {node.name or node.sql_name()} cannot be used here",
                hint="use standard functions of SQL",
            )
    for table in query.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise QueryError(
                f"{table.sql()} is no table", hint="the explorer reads tables and views"
            )
    return query


def _tables(query: exp.Query) -> Iterator[exp.Table]:
    own = {cte.alias_or_name.lower() for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.db or table.name.lower() not in own:
            yield exp.Table(**{k: v for k, v in table.args.items() if k in {"this", "db"}})
