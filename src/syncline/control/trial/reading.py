"""A few pages of a table, whatever happens while they are read."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from syncline.errors import CredentialError, SynclineError
from syncline.model.batch import Batch, Cursor, Reject
from syncline.model.table import Scan, Table
from syncline.profile.pagination import Request
from syncline.profile.schema import Profile

#: Bodies of answers that are kept.
_KEPT = 4


class Tried(Protocol):
    """A source that can be tried."""

    async def tables(self) -> Mapping[str, Table]:
        """Describe every table on offer, by name."""
        ...

    def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        """Yield the rows, as `syncline.model.ports.Source.read` says."""
        ...

    def reading_as(self, profile: Profile) -> "Tried":
        """Return a source over the same connections that reads as another profile says."""
        ...

    def cursor_at(self, moment: float) -> Cursor:
        """Return the cursor of a read that was through at a moment."""
        ...


class _Answered(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def body(self) -> bytes: ...


class Overheard:
    """The last answers that an API gave."""

    def __init__(self) -> None:
        self._bodies: list[tuple[str, bytes]] = []

    def __call__(self, request: Request, answer: _Answered) -> None:
        """Take note of an answer."""
        if answer.status == 200:  # noqa: PLR2004 (the status of an answer with rows)
            self._bodies = [*self._bodies, (request.url, answer.body)][-_KEPT:]

    def forget(self) -> None:
        """Forget what was said so far."""
        self._bodies = []

    @property
    def first(self) -> bytes | None:
        """The first body since the last `forget`, unless many have come since."""
        return self._bodies[0][1] if self._bodies else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Rows of a few pages."""

    rows: Sequence[Mapping[str, Any]] = ()
    #: The rows of each page.
    pages: Sequence[int] = ()
    rejects: Sequence[Reject] = ()
    #: The API said that there are no more.
    ended: bool = False
    error: SynclineError | None = field(default=None)

    @property
    def count(self) -> int:
        """Number of rows, those that do not fit included."""
        return len(self.rows) + len(self.rejects)


async def sampled(source: Tried, scan: Scan, *, pages: int, since: Cursor | None = None) -> Sample:
    """Return the rows of so many pages; an error that ends the reading is part of the sample.

    Raises `CredentialError`: then no other table can be read either.
    """
    batches: list[pa.RecordBatch] = []
    counts: list[int] = []
    rejects: list[Reject] = []
    ended = False
    error: SynclineError | None = None
    try:
        async with aclosing(source.read(scan, since)) as read:
            async for batch in read:
                rows = batch.records.num_rows + len(batch.rejects)
                batches.append(batch.records)
                rejects += batch.rejects
                ended = batch.complete
                if rows:
                    counts.append(rows)
                if ended or len(counts) >= pages:
                    break
    except CredentialError:
        raise
    except SynclineError as caught:
        error = caught
    return Sample(
        rows=_rows(batches, scan.schema),
        pages=counts,
        rejects=rejects,
        ended=ended,
        error=error,
    )


def keys_of(table: Table, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the key of each row."""
    return [tuple(row[name] for name in table.primary_key) for row in rows]


def explained(error: SynclineError) -> str:
    """Return an error with its hint, on one line."""
    hint = f" ({error.hint})" if error.hint else ""
    return " ".join(f"{error}{hint}".split())


#: Makes the scans of a trial: of columns, with conditions of its own.
ScanOf = Callable[[Sequence[str]], Scan]


def _rows(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.Table.from_batches(batches, schema).to_pylist()
    return found
