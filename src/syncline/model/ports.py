"""Every seam of the engine, on one page.

A seam exists only where two real implementations exist. The engine calls these and
nothing else; what implements them never calls the engine back.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from syncline.model.batch import Batch, Cursor
from syncline.model.table import Scan, Table


class Source(Protocol):
    """Somewhere to read tables from."""

    async def tables(self) -> Mapping[str, Table]:
        """Describe every table on offer, by name."""
        ...

    def expect(self, scans: Sequence[Scan]) -> None:
        """Learn which scans this run will read, so that pages they share are read once.

        A hint: reading without it is right too, and may cost more requests.
        """
        ...

    def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        """Yield the rows that changed after ``since`` (None: all), with the scan's schema.

        The last batch is ``complete``; its cursor, given as ``since`` to a later read, yields
        what has changed from the start of this read on (with an overlap). A cursor before that
        resumes this read. A table without cursor column answers a complete cursor with all
        its rows. ``removed`` of the batches is None; rows marked as deleted come as rows, if
        the scan asks for them.
        """
        ...

    async def aclose(self) -> None:
        """Close connections; no read may be under way."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Facts about a destination that change the SQL we send it.

    A field earns its place when two destinations differ in it and a golden file shows how.
    """

    #: sqlglot's name for the SQL it speaks.
    dialect: str
    #: Schema of tables that are named without one.
    schema: str
    max_identifier_length: int = 128
    #: The length above is in bytes of UTF-8, not in characters.
    identifier_bytes: bool = False
    #: "Id" and "id" may be two columns.
    case_sensitive: bool = True
    #: Writing values of an identity column is switched on for the table, and off again.
    identity_switch: bool = False
    #: A commit is one transaction. False: each statement commits for itself and may be sent
    #: twice, so it does all that a commit does to a table, and the checkpoint comes last.
    transactional: bool = True
    #: Rows and seconds that a commit is worth waiting for, whatever the task says.
    commit_rows: int = 0
    commit_seconds: float = 0.0
    #: Names of tables are folded to lower case, and hold neither dots nor slashes nor spaces.
    plain_names: bool = False
    #: Staging tables live with the session: no leftovers, no write-ahead log.
    temporary_staging: bool = False
    #: Updating a row costs far more than deleting it and inserting it again.
    rewrites: bool = False
    #: Bytes that the key of an index may have; 0: tables get no index on their key.
    index_bytes: int = 0
    #: A table may be kept by columns instead of by rows.
    columnstore: bool = False
    #: A column may hold instants; elsewhere they are kept as UTC, without saying so.
    instants: bool = True
    #: Texts are equal only if all their characters are; elsewhere, case or blanks may not count.
    exact_text: bool = True
    #: Rows that are handed over at once: a call costs more than a row.
    ingest_rows: int = 20_000
    #: Text may hold the character NUL; elsewhere such a row is refused.
    nul_in_text: bool = True
    #: Rows can be written into some views.
    views_written: bool = True
    #: Doubles may be NaN or infinite; elsewhere such a row is refused.
    non_finite: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a MERGE changed, in rows."""

    inserted: int
    updated: int
    deleted: int


class Destination(Protocol):
    """Somewhere to keep tables: a transport for Arrow and SQL, with no policy of its own.

    Errors of the database arrive as `syncline.errors`. A table without schema (``db``) is in
    the default one of the traits, or a temporary one where staging is temporary.
    """

    @property
    def traits(self) -> Traits:
        """Facts that change our SQL."""
        ...

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Return the schema of a table or view, or None if there is none of the name.

        Fields carry `nullable` and the metadata of `field_of` but a description; the schema
        carries ``columnstore`` if the table is kept by columns. ``attached``: it carries what
        hangs on the table too, see `syncline.model.attached`, as far as the destination tells.
        """
        ...

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Return a query's rows."""
        ...

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Append rows to an existing staging table, by column name, as fast as it can be done."""
        ...

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int | Merged]:
        """Run statements in order, all or nothing; return the rows that each changed.

        0 for statements that are not INSERT, UPDATE, DELETE or MERGE. Without transactions,
        what ran before a statement that fails stays. ``lock``: a name; transactions
        with the same name run one after the other. Passing conflicts with other transactions
        are retried here, since nothing of a failed attempt stays. Raises `StaleGeneration` if
        the primary key of the checkpoint ledger is violated, `CommitUnknown` if the connection
        was lost while committing; the next call connects again.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection; staging of this session is gone."""
        ...
