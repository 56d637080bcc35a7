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
    #: Into an existing table: add every row, change the rows that are there, or delete them.
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"

    @property
    def keyed(self) -> bool:
        """Rows meet by key, and what a whole pass does not show is gone."""
        return self in {Disposition.MERGE, Disposition.HISTORY}

    @property
    def needs_key(self) -> bool:
        """Rows meet by key."""
        return self.keyed or self in {Disposition.UPDATE, Disposition.DELETE}


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


class ReplaceBy(StrEnum):
    """How the new contents of a table take the place of the old ones, in one transaction."""

    #: The table that they were collected in gets the target's name.
    SWAP = "swap"
    #: The target is emptied and filled: what belongs to it stays, such as indexes and rights.
    TRUNCATE = "truncate"
    #: The target is dropped, made again and filled.
    DROP = "drop"


class RowErrors(StrEnum):
    """What to do with a row that does not fit an existing table."""

    FAIL = "fail"
    IGNORE = "ignore"
    #: Keep it in the reject table.
    REDIRECT = "redirect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How rows go into a table that is there already and stays as it is."""

    #: Column of the query: column of the table. Columns of equal name need not be named.
    mapping: Mapping[str, str] = field(default_factory=dict)
    #: Rows in one commit; 0: all in one.
    batch_size: int = 0
    #: Seconds that one commit may take; None: as long as it needs.
    timeout: float | None = None
    #: Write the values of an identity column instead of letting the database make them.
    identity_insert: bool = False
    on_error: RowErrors = RowErrors.FAIL
    #: For texts that are too long.
    on_truncation: RowErrors = RowErrors.FAIL


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredColumn:
    """A column of a target as a statement declares it."""

    name: str
    #: As SQL writes it: varchar(50).
    type: str


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
    #: Columns of the target in their order, each an output of the query. Empty: all as they are.
    columns: tuple[DeclaredColumn, ...] = ()
    #: Values of ``@name`` parameters in the query.
    parameters: Mapping[str, Value] = field(default_factory=dict)
    deletes: Deletes = Deletes.AUTO
    #: How REPLACE does it.
    replace_by: ReplaceBy = ReplaceBy.SWAP
    #: Keep the target by columns instead of by rows, where the destination can do either.
    columnstore: bool = False
    #: Look for deleted rows every so many passes (HARD and SOFT without a mark of the source).
    sweep_every: int = 1
    #: Let a replace or a sweep that finds nothing empty the target.
    allow_empty: bool = False
    #: Keep rows that do not fit in ``<target>_rejects`` instead of failing.
    rejects: bool = False
    #: Add ``_synced_at``, the time of the commit that last changed the row.
    synced_at: bool = False
    #: Set for a target that exists and is not ours to change.
    flow: Flow | None = None
    parallel: int = 1
    start: datetime | None = None
    #: Days of each window of a whole read, of tables that have windows.
    window_days: int | None = None
    #: Commit at the next cursor after so many rows …
    commit_rows: int = 50_000
    #: … or so many seconds.
    commit_seconds: float = 30.0
