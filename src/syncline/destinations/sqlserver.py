"""SQL Server as a destination: bulk copies into staging, one transaction for what counts."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias, TypeVar

import pyarrow as pa
from sqlglot import exp

from syncline.destinations.sqlserver_connection import Settings
from syncline.destinations.sqlserver_ddl import check_names, render_ddl
from syncline.destinations.sqlserver_errors import (
    DriverError,
    ServerError,
    is_transient,
    translated,
)
from syncline.destinations.sqlserver_narrow import narrowings
from syncline.destinations.sqlserver_session import Session
from syncline.destinations.sqlserver_sql import Columns, render_rows
from syncline.destinations.sqlserver_types import Column, schema_of
from syncline.errors import DestinationBusy, RecordRefused, SynclineError, Unavailable
from syncline.model.attached import with_attached
from syncline.model.ports import Traits

_Answer = TypeVar("_Answer")
_Tree = TypeVar("_Tree", bound=exp.Expr)
_Work: TypeAlias = Callable[[Session, threading.Event], _Answer]

#: Seconds before each further attempt at a transaction that conflicted with another.
WAITS = (0.1, 0.5, 2.0, 5.0)
#: Seconds to wait for another run that writes the same target.
LOCK_SECONDS = 300
#: Of our own tables, the ledger alone has a key.
_OURS = "_syncline_"


class _GivenUpError(Exception):
    """Nobody waits for the work any more."""


class SQLServer:
    """Implements `syncline.model.ports.Destination` over one session, made when it is needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        waits: Sequence[float] = WAITS,
        lock_seconds: int = LOCK_SECONDS,
    ) -> None:
        self.traits = Traits(
            dialect="tsql",
            schema=settings.schema,
            max_identifier_length=128,
            case_sensitive=False,
            identity_switch=True,
            index_bytes=1700,
            columnstore=True,
            exact_text=False,
            # A bulk copy has a login of its own.
            ingest_rows=50_000,
            instants=settings.instants,
            non_finite=False,
        )
        self._settings = settings
        self._waits = waits
        self._lock_seconds = lock_seconds
        self._one_at_a_time = asyncio.Lock()
        self._session: Session | None = None
        self._was_there = False

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Return the table's schema, or None if there is no such table."""
        table = self._placed(table)

        def described(session: Session, _: threading.Event) -> pa.Schema | None:
            columns = session.columns(table)
            if not columns:
                return None
            found = session.attached(table) if attached else ()
            return with_attached(schema_of(columns.values()), found)

        return await self._safely(described)

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Return a query's rows."""
        placed = self._placed(query)
        return await self._safely(
            lambda session, _: session.rows(render_rows(placed, session.columns))
        )

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Append rows to a staging table by column name."""
        placed = self._placed(table)
        # Not repeated after a lost connection: nobody knows whether the rows are there.
        try:
            await self._call(lambda session, _: session.copy_in(placed, records))
        except (ServerError, DriverError) as error:
            raise translated(error) from error

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int]:
        """Run statements in one transaction; return the rows that each changed."""
        placed = [self._placed(s) for s in statements]
        for statement in placed:
            check_names(statement)
        return await self._safely(
            lambda session, given_up: _transaction(
                session, placed, lock, given_up, lock_seconds=self._lock_seconds
            )
        )

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._one_at_a_time:
            session, self._session = self._session, None
            if session is not None:
                await asyncio.to_thread(session.close)

    def _placed(self, tree: _Tree) -> _Tree:
        """Return a copy in which every table has a schema."""
        copy = tree.copy()
        local = {cte.alias_or_name.lower() for cte in copy.find_all(exp.CTE)}
        for table in copy.find_all(exp.Table):
            if not table.db and table.name.lower() not in local:
                table.set("db", exp.to_identifier(self.traits.schema, quoted=True))
        return copy

    async def _safely(self, work: _Work[_Answer]) -> _Answer:
        """Run work that may be repeated as a whole, until conflicts with others have passed."""
        waits = iter(self._waits)
        while True:
            try:
                return await self._call(work)
            except (ServerError, DriverError) as error:
                wait = next(waits, None) if is_transient(error) else None
                if wait is None:
                    raise translated(error) from error
            except Unavailable:
                # A server that was there before may be restarting; another one is a wrong name.
                wait = next(waits, None) if self._was_there else None
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    async def _call(self, work: _Work[_Answer]) -> _Answer:
        """Run work on a thread, never two at once; a cancelled call leaves nothing running."""
        given_up = threading.Event()
        async with self._one_at_a_time:
            running = asyncio.ensure_future(asyncio.to_thread(self._worked, work, given_up))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                given_up.set()
                if self._session is not None:
                    self._session.cancel()
                # However often we are cancelled, the session is not free before the thread is.
                while not running.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.wait([running])
                if not running.cancelled():
                    running.exception()
                raise

    def _worked(self, work: _Work[_Answer], given_up: threading.Event) -> _Answer:
        if self._session is None:
            self._session = Session(self._settings)
            self._was_there = True
        session = self._session
        try:
            answer = work(session, given_up)
        except BaseException as error:
            if session.is_changed or isinstance(error, DriverError | _GivenUpError):
                self._session = None
                session.close()
            else:
                session.forget(ours=True)
            raise
        session.is_changed = False
        # Others may change a table between two calls.
        session.forget(ours=False)
        return answer


def open_sqlserver(settings: Settings) -> SQLServer:
    """Return the destination; it connects when it is first used.

    Then every method may raise `CredentialError`, `DestinationRefused`, `PermissionRefused`,
    `PropertyError` and `Unavailable`.
    """
    return SQLServer(settings)


def _transaction(
    session: Session,
    statements: Sequence[exp.Expression],
    lock: str | None,
    given_up: threading.Event,
    *,
    lock_seconds: int,
) -> list[int]:
    _begin(session, lock, given_up, lock_seconds=lock_seconds)
    changed = []
    for statement in statements:
        if given_up.is_set():
            raise _GivenUpError
        counts = isinstance(statement, exp.Insert | exp.Update | exp.Delete)
        try:
            rows = _run(session, statement)
        except ServerError as error:
            raise ServerError(
                error.number,
                error.message,
                ledger=_writes_ledger(statement),
                racing=bool(statement.args.get("exists")),
            ) from error
        except SynclineError:
            session.roll_back()
            raise
        changed.append(rows if counts else 0)
        if not counts:
            session.forget_changed(statement)
    if given_up.is_set():
        raise _GivenUpError
    try:
        session.commit()
    except ServerError as error:
        ledger = any(map(_writes_ledger, statements))
        raise ServerError(error.number, error.message, ledger=ledger) from error
    return changed


def _begin(
    session: Session, lock: str | None, given_up: threading.Event, *, lock_seconds: int
) -> None:
    for _ in range(lock_seconds):
        if session.begin(lock):
            return
        if given_up.is_set():
            raise _GivenUpError
    raise DestinationBusy(
        f"another run has been writing {lock} for {lock_seconds} seconds",
        hint="wait for it to end and run again; KILL its session if it hangs",
    )


def _run(session: Session, statement: exp.Expression) -> int:
    if isinstance(statement, exp.Command):
        session.change(statement.sql(dialect="tsql"))
        return 0
    for query, column in narrowings(statement, session.columns):
        if session.rows(query).num_rows:
            raise _too_narrow(column)
    return session.run(_rendered(statement, session.columns))


def _too_narrow(column: Column) -> SynclineError:
    return RecordRefused(
        f"column {column.name!r}: a text has characters that {column.type} of {column.collation} "
        "does not have",
        hint="make the column NVARCHAR",
    )


def _rendered(statement: exp.Expression, columns: Columns) -> str:
    if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
        return render_ddl(statement, columns)
    return render_rows(statement, columns)


def _writes_ledger(statement: exp.Expression) -> bool:
    if not isinstance(statement, exp.Insert):
        return False
    table = statement.find(exp.Table)
    return table is not None and table.name.startswith(_OURS)
