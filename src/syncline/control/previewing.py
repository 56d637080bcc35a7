"""What a task would do, before it does it: how it will be read and written, and its first rows."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.control.connections import is_made, opener
from syncline.control.project import JobSpec, Project
from syncline.errors import SynclineError
from syncline.load.flow import fit, matched
from syncline.load.strategy import Decision, decide
from syncline.model.batch import Batch, Cursor
from syncline.model.job import Disposition, RowErrors, Task
from syncline.model.ports import Source
from syncline.model.run import Clock
from syncline.model.table import Scan, Table
from syncline.query.execute import execute
from syncline.query.notes import CHANGES
from syncline.query.plan import Plan
from syncline.sync import foresee, plan_of

#: Rows that a preview shows.
PREVIEWED = 200
_NOT_LOOKED_AT = "the target was not looked at: {error}"
_STAYING = "the table is emptied and filled, not swapped, and keeps: {staying}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How a task will be read and written."""

    disposition: Disposition
    key: tuple[str, ...]
    #: Only what has changed is read from the second run on.
    incremental: bool
    columns: int
    #: The mapping to an existing table, and what else is good to know; a line each.
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The first rows of a task as its target would get them."""

    rows: pa.Table
    #: The first rows that were read for them, of the first table, as the source sent them.
    before: pa.Table
    #: Of an existing table: values that do not fit, a line each.
    misfits: tuple[str, ...] = ()


class _Overheard:
    """A source that keeps the first rows of the first table that is read from it."""

    def __init__(self, source: Source, limit: int) -> None:
        self._source = source
        self._limit = limit
        self._kept: list[pa.RecordBatch] | None = None
        self._schema = pa.schema([])

    @property
    def rows(self) -> pa.Table:
        """What was read first."""
        return pa.Table.from_batches(self._kept or [], self._schema).slice(0, self._limit)

    async def tables(self) -> Mapping[str, Table]:
        return await self._source.tables()

    def expect(self, scans: Sequence[Scan]) -> None:
        self._source.expect(scans)

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        mine = self._kept is None
        if mine:
            self._kept, self._schema = [], scan.schema
        async with aclosing(self._source.read(scan, since)) as batches:
            async for batch in batches:
                if mine and self._kept is not None:
                    self._kept.append(batch.records)
                    # Pages of thousands of rows are not kept for the sake of a few.
                    mine = sum(records.num_rows for records in self._kept) < self._limit
                yield batch

    async def aclose(self) -> None:
        await self._source.aclose()


async def outlook(
    project: Project,
    job: JobSpec,
    task: Task,
    tables: Mapping[str, Table],
    clock: Clock,
    *,
    looks: bool = False,
) -> Outlook:
    """Say how a task will be read and written.

    ``looks``: at the target, as a run does before it reads; otherwise only a target that exists
    already is connected to. Raises what planning, looking or matching raises: `QueryError`,
    `SchemaRefused`, `DestinationRefused`.
    """
    planned = plan_of(task, tables, clock)
    decision = decide(
        task, has_cursor=planned.incremental, key=planned.key, version=planned.version,
        fingerprint=planned.fingerprint, last=None, full=False,
    )  # fmt: skip
    mapping = await _mapping(project, job, task, planned)
    if looks and task.flow is None:
        mapping = await _foreseen(project, job, task, planned, clock)
    return Outlook(
        disposition=decision.disposition,
        key=tuple(planned.key),
        incremental=decision.direct,
        columns=len(planned.schema),
        notes=(*mapping, *_as_written(planned.notes, decision), *_unheard(task, planned)),
    )


def _as_written(notes: Iterable[str], decision: Decision) -> Iterator[str]:
    """Yield a plan's notes, as true as the way to write leaves them."""
    for note in notes:
        if note.startswith(CHANGES) and not decision.direct:
            yield f"everything is read every time, because of 'write: {decision.disposition}'"
        else:
            yield note


def _unheard(task: Task, planned: Plan) -> Iterator[str]:
    """Yield what the task asks for in vain."""
    asked = {"start": task.start, "window_days": task.window_days, "parallel": task.parallel > 1}
    names = [name for name, value in asked.items() if value]
    windows = any(scan.table.window_column for scan in planned.scans)
    if names and not windows:
        tables = " and ".join(scan.table.name for scan in planned.scans)
        verb = "changes" if len(names) == 1 else "change"
        yield f"{' and '.join(names)} {verb} nothing: {tables} cannot be read in windows of time"


async def first_rows(
    project: Project,
    job: JobSpec,
    task: Task,
    source: Source,
    clock: Clock,
    *,
    limit: int = PREVIEWED,
) -> Preview:
    """Return the first rows of a task; nothing is written."""
    planned = plan_of(task, await source.tables(), clock)
    found: list[pa.RecordBatch] = []
    heard = _Overheard(source, limit)
    async with aclosing(execute(planned, heard, None, changes=False)) as batches:
        async for batch in batches:
            found.append(batch.records)
            if sum(records.num_rows for records in found) >= limit:
                break
    rows = pa.Table.from_batches(found, planned.schema).slice(0, limit)
    if task.flow is None:
        return Preview(rows=rows, before=heard.rows)
    destination = await opener(project, job.destination)()
    try:
        pairs = await matched(task, planned.schema, destination, planned.key)
    finally:
        await destination.aclose()
    (records,) = rows.combine_chunks().to_batches() or [
        pa.RecordBatch.from_pylist([], schema=planned.schema)
    ]
    # What does not fit is told, whatever the task would do with it.
    shown, rejects = fit(records, pairs, task.flow, policy=RowErrors.REDIRECT)
    misfits = tuple(f"{r.column}: {r.reason}: {r.record}" for r in rejects)
    return Preview(rows=pa.Table.from_batches([shown]), before=heard.rows, misfits=misfits)


async def _foreseen(
    project: Project, job: JobSpec, task: Task, planned: Plan, clock: Clock
) -> tuple[str, ...]:
    """Look at the target, if its database is there; return what is good to know, a line each."""
    if not is_made(project, job.destination):
        return ()
    try:
        destination = await opener(project, job.destination)()
    except SynclineError as error:
        return (_NOT_LOOKED_AT.format(error=error),)
    try:
        await destination.fetch(exp.select(exp.Literal.number(1).as_("one")))
    except SynclineError as error:
        await destination.aclose()
        return (_NOT_LOOKED_AT.format(error=error),)
    try:
        staying = await foresee(task, planned, destination, clock)
    finally:
        await destination.aclose()
    return (_STAYING.format(staying=", ".join(staying)),) if staying else ()


async def _mapping(project: Project, job: JobSpec, task: Task, planned: Plan) -> tuple[str, ...]:
    """Return the mapping to an existing target, line by line; only then it is connected to."""
    if task.flow is None:
        return ()
    destination = await opener(project, job.destination)()
    try:
        return tuple(
            str(pair) for pair in await matched(task, planned.schema, destination, planned.key)
        )
    finally:
        await destination.aclose()
