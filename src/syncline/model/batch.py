"""What flows (`Batch`) and how far it got (`Cursor`, `Checkpoint`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

#: A JSON value.
Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None

#: A position in a source, opaque to everyone but that source.
Cursor: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row refused, kept with its reason."""

    #: The row as the source sent it, as JSON text.
    record: str
    reason: str
    #: Which column does not fit; None if it is the row as a whole.
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows on their way from source to destination."""

    records: pa.RecordBatch
    #: Where to resume once every row up to and including this batch is durable.
    #: None: this batch is not a place to stop.
    cursor: Cursor | None = None
    #: This batch ends a whole pass: everything the source has (or has changed) was read.
    #: A read that ends without such a batch was cut short.
    complete: bool = False
    #: Key columns of rows that the source says are gone, or that left the query's filter.
    #: They come after ``records`` in time.
    removed: pa.RecordBatch | None = None
    rejects: tuple[Reject, ...] = ()
    #: The place to resume from was no longer good: all rows of the pass under way come again,
    #: from this batch on.
    restarted: bool = False
    #: API requests spent since the previous batch, retries included.
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """How far a task's target is, made durable by its destination together with the rows."""

    task: str
    #: Grows by one with every commit of the task; the fence between two runs.
    generation: int
    #: Resume here. None: the next read starts from the beginning.
    cursor: Cursor | None
    #: How many whole passes the target has had. 0: the first load is still under way.
    passes: int
    #: Identity of what is read (query, columns, key); another one means another content.
    fingerprint: str
    #: The rows of the pass under way are collected in this table beside the target.
    aside: str | None
    #: The aside table is complete, and its rows are on their way to the target, batch by batch.
    collected: bool = False
    #: Whole passes since rows gone at the source were last looked for.
    passes_since_sweep: int
    run: str
