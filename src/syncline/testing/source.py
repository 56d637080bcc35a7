"""A source in memory that behaves as the port asks, for tests of queries and tasks."""

import operator
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

import pyarrow as pa

from syncline.errors import ProfileError, QueryError, Unavailable
from syncline.model.batch import Batch, Cursor
from syncline.model.table import Deleted, Operator, Predicate, Scan, Table

Row: TypeAlias = Mapping[str, Any]

_COMPARE: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


@dataclass(slots=True)
class _Stored:
    """A row, and the number of its last change."""

    row: dict[str, Any]
    change: int


class MemorySource:
    """Tables of rows kept as mappings, read in pages of ``page_size`` rows.

    A table with a cursor column is read in the order of changes: a later read yields what was
    `put` since the read before began, and the last ``overlap`` changes before that once more.
    Predicates are answered as the table's filters declare; those that are not exact are ignored.
    """

    def __init__(
        self,
        tables: Iterable[Table],
        rows: Mapping[str, Iterable[Row]] | None = None,
        *,
        page_size: int = 3,
        overlap: int = 1,
    ) -> None:
        self._tables = {table.name: table for table in tables}
        self._rows: dict[str, list[_Stored]] = {name: [] for name in self._tables}
        self._change = 0
        self._page_size = page_size
        self._overlap = overlap
        #: Every scan read so far, with where it began.
        self.reads: list[tuple[Scan, Cursor | None]] = []
        #: What the run was told to expect.
        self.expected: tuple[Scan, ...] = ()
        #: Pages served so far, over all reads.
        self.requests = 0
        #: Fail instead of serving a page once so many have been served.
        self.fail_at: int | None = None
        for name, several in (rows or {}).items():
            self.put(name, *several)

    def put(self, table: str, *rows: Row) -> None:
        """Insert rows, or replace those with the same primary key: a change in either case."""
        described = self._tables[table]
        for row in rows:
            unknown = set(row) - set(described.schema.names)
            if unknown:
                raise ProfileError(f"{table} has no column {min(unknown)!r}")
            self._change += 1
            if described.primary_key:
                self.drop(table, *(row.get(name) for name in described.primary_key))
            self._rows[table].append(_Stored(dict(row), self._change))

    def drop(self, table: str, *key: object) -> None:
        """Remove a row without a trace; a row that leaves a trace is `put` with its mark."""
        names = self._tables[table].primary_key
        self._rows[table] = [
            stored
            for stored in self._rows[table]
            if tuple(stored.row.get(name) for name in names) != key
        ]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of a table, the longest unchanged first."""
        return [dict(stored.row) for stored in self._rows[table]]

    async def tables(self) -> Mapping[str, Table]:
        """Describe every table."""
        return dict(self._tables)

    def expect(self, scans: Sequence[Scan]) -> None:
        """Note the scans of the run."""
        self.expected = tuple(scans)

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        """Yield pages; each ends at a place to stop, and an empty table has one empty page."""
        self.reads.append((scan, since))
        table = self._tables[scan.table.name]
        _check(scan, table)
        start, done, until = self._bounds(table, since)
        found = [
            stored
            for stored in self._rows[table.name]
            if done < stored.change <= until
            and all(_matches(stored.row, p, table) for p in scan.predicates)
            and (scan.deleted or not _is_gone(stored.row, table.deleted))
        ][: scan.limit]
        asked = {p.column: p.values[0] for p in scan.predicates if p.operator is Operator.EQ}
        for at in range(0, max(len(found), 1), self._page_size):
            if self.fail_at is not None and self.requests >= self.fail_at:
                raise Unavailable("the source was told to fail")
            self.requests += 1
            page = found[at : at + self._page_size]
            complete = at + self._page_size >= len(found)
            cursor: Cursor = (
                {"since": max(0, until - self._overlap)}
                if complete
                else {"since": start, "done": page[-1].change, "until": until}
            )
            yield Batch(
                records=_records(page, scan, table, asked),
                cursor=cursor,
                complete=complete,
                requests=1,
            )

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    def _bounds(self, table: Table, since: Cursor | None) -> tuple[int, int, int]:
        """Return where the pass began, up to which change it is done, and where it ends."""
        if since is None:
            return 0, 0, self._change
        start = _whole(since, "since")
        if "done" in since:
            return start, _whole(since, "done"), _whole(since, "until")
        if table.cursor_column is None:
            return 0, 0, self._change
        return start, start, self._change


def _whole(cursor: Cursor, name: str) -> int:
    value = cursor[name]
    if not isinstance(value, int):
        raise ProfileError(f"{name!r} of a cursor must be a whole number, not {value!r}")
    return value


def _check(scan: Scan, table: Table) -> None:
    for predicate in scan.predicates:
        declared = table.filters.get(predicate.column)
        if declared is None or predicate.operator not in declared.operators:
            raise QueryError(
                f"{table.name} does not answer {predicate.column} {predicate.operator}"
            )
    given = {predicate.column for predicate in scan.predicates}
    for name, declared in table.filters.items():
        if declared.required and name not in given:
            raise QueryError(f"{table.name} cannot be read without a filter on {name}")


def _matches(row: Row, predicate: Predicate, table: Table) -> bool:
    if not table.filters[predicate.column].exact:
        return True
    found = row.get(predicate.column)
    if found is None:
        return False
    values = [_like(found, value) for value in predicate.values]
    if predicate.operator is Operator.IN:
        return found in values
    return _COMPARE[predicate.operator](found, values[0])


def _like(found: object, value: object) -> object:
    """Return a predicate's value in the type of the row's value."""
    if isinstance(value, str):
        if isinstance(found, datetime):
            moment = datetime.fromisoformat(value)
            return moment if found.tzinfo is None else moment.astimezone(UTC)
        if isinstance(found, date):
            return date.fromisoformat(value)
        if isinstance(found, time):
            return time.fromisoformat(value)
    return value


def _is_gone(row: Row, deleted: Deleted | None) -> bool:
    if deleted is None:
        return False
    found = row.get(deleted.column)
    if deleted.values:
        text = str(found).lower() if isinstance(found, bool) else str(found)
        return found is not None and text in deleted.values
    return bool(found) if isinstance(found, bool) else found is not None


def _records(
    page: Sequence[_Stored], scan: Scan, table: Table, asked: Mapping[str, object]
) -> pa.RecordBatch:
    def value(stored: _Stored, name: str) -> object:
        if name not in table.filter_only:
            return stored.row.get(name)
        return asked.get(name)

    return pa.RecordBatch.from_arrays(
        [
            pa.array([value(stored, field.name) for stored in page], field.type)
            for field in scan.schema
        ],
        schema=scan.schema,
    )
