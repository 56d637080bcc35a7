"""`Plan` to batches: the source's rows, through DuckDB only where SQL has something to do."""

import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa

from syncline.errors import ResponseRefused
from syncline.model.batch import Batch, Cursor, Reject
from syncline.model.ports import Source
from syncline.model.table import Scan
from syncline.query.engine import connect, in_thread, quoted, run
from syncline.query.plan import Limit, Plan, render
from syncline.query.rows import empty_batch, one_batch, table_of
from syncline.query.streaming import living, reading, stream

#: Rows handed to DuckDB, or yielded, at once.
_GROUP = 20_000
#: The name under which rows on their way into a table of the engine are known to it.
_PAGE = "_syncline_page"


def execute(
    plan: Plan,
    source: Source,
    since: Cursor | None,
    *,
    changes: bool,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Batch]:
    """Yield the rows of the plan's query, every batch with exactly the plan's schema.

    ``changes``: only changed rows are read after ``since``, and the target holds the others.
    Then rows that left the query's filter, or that the source marks as deleted, come as keys in
    ``removed``. Plans that are not streaming read everything; ``since`` is not for them.

    Raises:
        RecordRefused: a value cannot be cast or computed.
        ResponseRefused: the source stopped before it had yielded everything.
        SynclineError: whatever the source raises.
    """
    if plan.streaming:
        return stream(plan, source, since, changes=changes, monotonic=monotonic)
    if plan.limit is not None and not plan.catalog:
        return _limited(plan, plan.limit, source)
    return _whole(plan, source)


@dataclass(slots=True, kw_only=True)
class _Spent:
    """What reading has cost and refused since the last batch that went out."""

    requests: int = 0
    rejects: list[Reject] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        self.requests += batch.requests
        self.rejects += batch.rejects

    def batch(self, records: pa.RecordBatch, *, complete: bool, restarted: bool = False) -> Batch:
        """Return a batch that reports what was spent."""
        result = Batch(
            records=records,
            cursor={} if complete else None,
            complete=complete,
            restarted=restarted,
            requests=self.requests,
            rejects=tuple(self.rejects),
        )
        self.requests, self.rejects = 0, []
        return result


async def _limited(plan: Plan, limit: Limit, source: Source) -> AsyncGenerator[Batch]:
    """Yield the first rows of a query that sorts nothing, and stop reading when they are there."""
    (scan,), (relation,) = plan.scans, plan.relations
    query = plan.query.copy()
    query.set("limit", None)
    query.set("offset", None)
    sql, spent = render(query), _Spent()
    skip, left, restarted = limit.offset, limit.count, False
    with connect() as engine:
        async with reading(source, scan, None) as batches:
            async for batch in batches:
                spent.add(batch)
                if batch.restarted:
                    skip, left, restarted = limit.offset, limit.count, True
                table = living(plan, table_of([batch.records], scan.schema), scan)
                found = await in_thread(engine, _rows, engine, sql, {relation: table}, plan.schema)
                records = found.slice(skip, left)
                skip = max(0, skip - found.num_rows)
                left -= records.num_rows
                if left <= 0 or batch.complete:
                    yield spent.batch(records, complete=True, restarted=restarted)
                    return
                if records.num_rows:
                    yield spent.batch(records, complete=False, restarted=restarted)
                    restarted = False
    raise _cut_short(scan)


async def _whole(plan: Plan, source: Source) -> AsyncGenerator[Batch]:
    """Read every scan to its end, then yield the result."""
    spent = _Spent()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="syncline-"))
        engine = stack.enter_context(connect(directory))
        for scan, relation in zip(plan.scans, plan.relations, strict=True):
            if relation in plan.catalog:
                engine.register(relation, plan.catalog[relation])
            else:
                async with aclosing(_living(plan, scan, source, spent)) as tables:
                    async for table in tables:
                        if table is None:
                            await in_thread(engine, _create, engine, relation, scan.schema)
                        else:
                            await in_thread(engine, _insert, engine, relation, table)
        reader = await in_thread(engine, _start, engine, plan.sql)
        before = empty_batch(plan.schema)
        while (records := await in_thread(engine, _next, reader, plan.schema)) is not None:
            if before.num_rows:
                yield spent.batch(before, complete=False)
            before = records
        yield spent.batch(before, complete=True)


async def _living(
    plan: Plan, scan: Scan, source: Source, spent: _Spent
) -> AsyncGenerator[pa.Table | None]:
    """Yield a scan's rows in groups; None comes first, and where everything begins anew."""
    yield None
    pending: list[pa.RecordBatch] = []
    complete = False
    async with reading(source, scan, None) as batches:
        async for batch in batches:
            spent.add(batch)
            if batch.restarted:
                pending = []
                yield None
            pending.append(batch.records)
            complete = batch.complete
            if complete or sum(records.num_rows for records in pending) >= _GROUP:
                yield living(plan, table_of(pending, scan.schema), scan)
                pending = []
            if complete:
                break
    if not complete:
        raise _cut_short(scan)


def _create(engine: duckdb.DuckDBPyConnection, relation: str, schema: pa.Schema) -> None:
    engine.register(_PAGE, schema.empty_table())
    engine.execute(f"CREATE OR REPLACE TABLE {quoted(relation)} AS FROM {_PAGE}")
    engine.unregister(_PAGE)


def _insert(engine: duckdb.DuckDBPyConnection, relation: str, table: pa.Table) -> None:
    engine.register(_PAGE, table)
    engine.execute(f"INSERT INTO {quoted(relation)} FROM {_PAGE}")
    engine.unregister(_PAGE)


def _rows(
    engine: duckdb.DuckDBPyConnection,
    sql: str,
    relations: Mapping[str, pa.Table],
    schema: pa.Schema,
) -> pa.RecordBatch:
    return one_batch(run(engine, sql, relations), schema)


def _start(engine: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    return engine.sql(sql).to_arrow_reader(_GROUP)


def _next(reader: pa.RecordBatchReader, schema: pa.Schema) -> pa.RecordBatch | None:
    try:
        records = reader.read_next_batch()
    except StopIteration:
        return None
    return one_batch(pa.Table.from_batches([records]), schema)


def _cut_short(scan: Scan) -> ResponseRefused:
    return ResponseRefused(
        f"{scan.table.name}: the source stopped before it had sent everything",
        hint="run again; if it happens every time, the source's paging is described wrongly",
    )
