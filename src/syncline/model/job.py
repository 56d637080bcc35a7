"""What the user asks for: one query of a source, kept in one table of a destination."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncline.model.table import Value


class Disposition(StrEnum):
    """How a task's rows meet the rows already there."""

    APPEND = "append"
    REPLACE = "replace"
    MERGE = "merge"
    #: Every change adds a version of the row; deletions close the last one.
    HISTORY = "history"

    @property
    def keyed(self) -> bool:
        """Rows meet by key, so changes and removals can be told."""
        return self in {Disposition.MERGE, Disposition.HISTORY}


class SchemaPolicy(StrEnum):
    """What to do when the source's schema moves."""

    EVOLVE = "evolve"
    FREEZE = "freeze"


class Deletes(StrEnum):
    """What becomes of target rows that are gone at the source."""

    #: Delete what a read shows to be gone; spend no request on looking for more.
    AUTO = "auto"
    #: Delete, and look for rows that are gone with a sweep of the keys if need be.
    HARD = "hard"
    #: As HARD, but keep the row and note the time in ``_deleted_at``.
    SOFT = "soft"
    #: Never delete.
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One query of a source, kept in one table of a destination."""

    #: Stable identity; the checkpoint is kept under it.
    id: str
    query: str
    #: Name of the target table, in the destination's default schema unless ``schema`` is set.
    target: str
    schema: str | None = None
    #: None: merge if the query keeps the table's primary key, else replace.
    disposition: Disposition | None = None
    schema_policy: SchemaPolicy = SchemaPolicy.EVOLVE
    #: Key columns of the target. Empty: the source table's primary key.
    key: tuple[str, ...] = ()
    #: Values of ``@name`` parameters in the query.
    parameters: Mapping[str, Value] = field(default_factory=dict)
    deletes: Deletes = Deletes.AUTO
    #: Look for deleted rows every so many passes (HARD and SOFT without a mark of the source).
    sweep_every: int = 1
    #: Let a replace or a sweep that finds nothing empty the target.
    allow_empty: bool = False
    #: Keep rows that do not fit in ``<target>_rejects`` instead of failing.
    rejects: bool = False
    #: Add ``_synced_at``, the time of the commit that last changed the row.
    synced_at: bool = False
    parallel: int = 1
    start: datetime | None = None
    #: Commit at the next cursor after so many rows …
    commit_rows: int = 50_000
    #: … or so many seconds.
    commit_seconds: float = 30.0
