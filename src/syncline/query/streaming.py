"""Queries that run page by page: rows in, rows and removed keys out, cursors passed through."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from syncline.model.batch import Batch, Cursor
from syncline.model.ports import Source
from syncline.model.table import Scan
from syncline.query.engine import connect, in_thread, run
from syncline.query.plan import Plan, render
from syncline.query.pushdown import lasting
from syncline.query.rows import gone, last_wins, one_batch, picked, table_of

#: Pages are gathered to about so many rows before SQL runs on them: DuckDB takes some 2 ms for
#: 200 rows and 6 ms for 20,000 …
_GROUP_ROWS = 20_000
#: … but no row waits longer than this for others.
_GROUP_SECONDS = 5.0
#: Columns of our own beside those of the scan: the order of rows, and whether they are gone.
_ROW, _GONE = "_syncline_row", "_syncline_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is done with the rows of every group."""

    plan: Plan
    scan: Scan
    #: Columns to hand through as they are, where the query does no more than that.
    direct: tuple[str, ...] | None
    #: Keys of rows that are gone or left the filter are wanted.
    removing: bool
    #: The query; and for removals, the rows that it keeps and the keys of those it does not.
    sql: str
    kept: str
    lost: str


async def stream(
    plan: Plan,
    source: Source,
    since: Cursor | None,
    *,
    changes: bool,
    monotonic: Callable[[], float],
) -> AsyncGenerator[Batch]:
    """Yield the rows of a streaming plan; see `execute`."""
    work = _work(plan, changes=changes)
    pending: list[Batch] = []
    oldest = 0.0
    with ExitStack() as stack:
        engine: duckdb.DuckDBPyConnection | None = None
        async with reading(source, work.scan, since) as batches:
            async for batch in batches:
                if work.direct is not None and (handed := _handed(work, work.direct, batch)):
                    yield handed
                    continue
                engine = engine or stack.enter_context(connect())
                if batch.restarted and pending:
                    for group in _groups(pending, everything=True):
                        yield await in_thread(engine, _done, engine, work, group)
                    pending = []
                oldest = oldest if pending else monotonic()
                pending.append(batch)
                everything = (
                    work.direct is not None
                    or batch.complete
                    or monotonic() - oldest >= _GROUP_SECONDS
                )
                if everything or _count(pending) >= _GROUP_ROWS:
                    groups = _groups(pending, everything=everything)
                    for group in groups:
                        yield await in_thread(engine, _done, engine, work, group)
                    pending = pending[sum(len(group) for group in groups) :]
                    oldest = monotonic()
        if engine is not None:
            for group in _groups(pending, everything=True):
                yield await in_thread(engine, _done, engine, work, group)


@asynccontextmanager
async def reading(
    source: Source, scan: Scan, since: Cursor | None
) -> AsyncIterator[AsyncIterator[Batch]]:
    """Read a scan, and let go of the source as soon as nobody reads on."""
    batches = source.read(scan, since)
    async with aclosing(batches):
        yield batches


def living(plan: Plan, table: pa.Table, scan: Scan) -> pa.Table:
    """Return a scan's rows without those the source marks as deleted, unless they are kept."""
    mask = None if plan.keep_deleted else gone(table, scan.table.deleted)
    return table if mask is None else table.filter(pc.invert(mask))


def _work(plan: Plan, *, changes: bool) -> _Work:
    (scan,) = plan.scans
    removing = changes and bool(plan.key) and not plan.keep_deleted
    if removing:
        # What has left the filter must be seen to be removed, so the source may not filter.
        scan = replace(
            scan,
            predicates=lasting(scan.table, scan.predicates),
            deleted=scan.table.deleted is not None,
        )
    select = cast("exp.Select", plan.query)
    where = select.args.get("where")
    columns = [selection.unalias() for selection in select.selects]
    direct = where is None and all(isinstance(column, exp.Column) for column in columns)
    kept, lost = _removals(select, plan.key)
    return _Work(
        plan=plan,
        scan=scan,
        direct=tuple(column.name for column in columns) if direct else None,
        removing=removing,
        sql=render(plan.query),
        kept=render(kept),
        lost=render(lost),
    )


def _removals(query: exp.Query, key: Sequence[str]) -> tuple[exp.Query, exp.Query]:
    """Return the query for rows that stay, and the one for the keys of rows that do not.

    A condition that is NULL is not met: the row goes.
    """
    alias = query.args["from_"].this.alias_or_name
    row = exp.column(_ROW, table=alias)
    gone_ = exp.column(_GONE, table=alias)
    kept = query.copy()
    kept = kept.select(exp.alias_(row, _ROW), copy=False).where(exp.not_(gone_), copy=False)
    lost = query.copy()
    where = lost.args.get("where")
    lost.set("where", None)
    outputs = {selection.output_name: selection for selection in lost.selects}
    lost.set("expressions", [*(outputs[name] for name in key), exp.alias_(row.copy(), _ROW)])
    left = exp.not_(exp.func("COALESCE", exp.paren(where.this), exp.false())) if where else None
    lost = lost.where(exp.or_(gone_.copy(), left) if left else gone_.copy(), copy=False)
    return kept, lost


def _handed(work: _Work, direct: tuple[str, ...], batch: Batch) -> Batch | None:
    """Return a batch as it is but for its columns; None if keys must be removed too."""
    records, deleted = batch.records, work.scan.table.deleted
    mask = None if work.plan.keep_deleted else gone(records, deleted)
    if mask is not None:
        if work.removing:
            return None
        records = records.filter(pc.invert(mask))
    return replace(batch, records=picked(records, direct, work.plan.schema))


def _count(batches: Sequence[Batch]) -> int:
    return sum(batch.records.num_rows for batch in batches)


def _groups(pending: Sequence[Batch], *, everything: bool) -> list[list[Batch]]:
    """Cut batches into groups whose end is a place to stop, as far as there is one.

    Invariant 1: a cursor leaves with exactly the rows up to it. Rows behind the last cursor wait
    for the next one, or go without if they are many or ``everything`` has to go.
    """
    stops = [at for at, batch in enumerate(pending, 1) if batch.cursor is not None]
    cut = len(pending) if pending and pending[-1].complete else max(stops, default=0)
    head, rest = list(pending[:cut]), list(pending[cut:])
    groups = [head] if head else []
    if rest and (everything or _count(rest) >= _GROUP_ROWS):
        groups.append(rest)
    return groups


def _done(engine: duckdb.DuckDBPyConnection, work: _Work, group: Sequence[Batch]) -> Batch:
    """Run the query on the rows of a group."""
    plan, scan = work.plan, work.scan
    (relation,) = plan.relations
    rows = table_of([batch.records for batch in group], scan.schema)
    removed = None
    if work.removing:
        kept, lost = _split(engine, work, relation, rows)
        key_schema = pa.schema([plan.schema.field(name) for name in plan.key])
        records = one_batch(kept, plan.schema)
        removed = one_batch(lost, key_schema) if lost.num_rows else None
    else:
        records = one_batch(
            run(engine, work.sql, {relation: living(plan, rows, scan)}), plan.schema
        )
    return Batch(
        records=records,
        removed=removed,
        cursor=group[-1].cursor,
        complete=group[-1].complete,
        restarted=group[0].restarted,
        requests=sum(batch.requests for batch in group),
        rejects=tuple(reject for batch in group for reject in batch.rejects),
    )


def _split(
    engine: duckdb.DuckDBPyConnection, work: _Work, relation: str, rows: pa.Table
) -> tuple[pa.Table, pa.Table]:
    """Return the rows that belong to the target, and the keys of those that do not any more."""
    mask = gone(rows, work.scan.table.deleted)
    marked = rows.append_column(_ROW, pa.array(range(rows.num_rows), pa.int64())).append_column(
        _GONE, pa.repeat(pa.scalar(False), rows.num_rows) if mask is None else mask
    )
    kept = run(engine, work.kept, {relation: marked})
    lost = run(engine, work.lost, {relation: marked})
    if lost.num_rows == 0:
        return kept.drop_columns([_ROW]), lost.drop_columns([_ROW])
    return last_wins(kept, lost, work.plan.key, _ROW)
