"""PostgreSQL as a destination: Arrow in by COPY, everything else as SQL over one connection."""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote, urlsplit

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_manager.dbapi import Connection
from adbc_driver_postgresql import ConnectionOptions
from adbc_driver_postgresql.dbapi import connect
from sqlglot import exp

from syncline.destinations.postgres_catalog import attached_query, columns_query
from syncline.destinations.postgres_errors import (
    Conflict,
    connected_error,
    statement_error,
    unreadable,
)
from syncline.destinations.postgres_types import arrow_field, fetched, staged, strangers
from syncline.errors import CommitUnknown, PropertyError, Unavailable
from syncline.model.attached import attached_from, with_attached
from syncline.model.ports import Traits

_Answer = TypeVar("_Answer")

#: Two transactions may meet in the catalog or deadlock; the one that gave way tries again.
_CONFLICTS = 8
_CONFLICT_WAIT = 0.05
#: How often a cancelled call repeats its request, in case it came between two statements.
_CANCEL_AGAIN = 0.2
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: What our SQL and our errors rely on, whatever the server or the role has as default.
_SESSION = (
    "SET client_min_messages = warning; SET TimeZone = 'UTC'; SET standard_conforming_strings = on"
)
#: An ordinary read committed transaction: what the lock waited for must be seen after it.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresSettings:
    """Where a PostgreSQL database is and who we are there."""

    server: str = "localhost"
    port: int = 5432
    database: str = "postgres"
    user: str = ""
    password: str = field(default="", repr=False)
    #: Schema of tables that are named without one.
    schema: str = "public"
    sslmode: str = "prefer"
    #: ``postgresql://user@host:port/database?…`` instead of the fields above but ``password``
    #: (if set) and ``schema``.
    url: str = field(default="", repr=False)
    #: Seconds to wait for the server when connecting.
    timeout: int = 15


class Postgres:
    """Implements `syncline.model.ports.Destination` over one connection, made when needed."""

    def __init__(self, settings: PostgresSettings) -> None:
        self.traits = Traits(
            dialect="postgres",
            schema=settings.schema,
            max_identifier_length=63,
            identifier_bytes=True,
            temporary_staging=True,
            index_bytes=2704,
            nul_in_text=False,
        )
        self._settings = settings
        self._address = _address(settings)
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._cancelled = threading.Event()

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Return the table's schema, or None if there is no such table."""
        query = columns_query(table, self.traits.schema)
        more = attached_query(table) if attached else None

        def described(connection: Connection) -> tuple[pa.Table, pa.Table | None]:
            columns = _rows(connection, query)
            return columns, _rows(connection, more) if more and columns.num_rows else None

        columns, others = await self._call(described)
        rows = columns.to_pylist()
        if not rows:
            return None
        schema = pa.schema([arrow_field(**row) for row in rows if row["name"] is not None])
        found = others.to_pylist() if others is not None else []
        return with_attached(schema, map(attached_from, found))

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Return a query's rows."""
        return fetched(await self._call(lambda c: _told(c, query)))

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Append rows to a staging table by column name, all or none."""
        rows = staged(records)

        def append(connection: Connection) -> None:
            with connection.cursor() as cursor:
                if table.db:
                    cursor.adbc_ingest(table.name, rows, mode="append", db_schema_name=table.db)
                else:
                    cursor.adbc_ingest(table.name, rows, mode="append", temporary=True)

        await self._call(append, temporary=() if table.db else (table.name,))

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int]:
        """Run statements in one transaction; return the rows that each changed."""
        begin = f"{_BEGIN}; SELECT pg_advisory_xact_lock({_number(lock)})" if lock else _BEGIN
        rendered = [
            (s.sql(dialect="postgres"), isinstance(s, exp.Insert | exp.Update | exp.Delete))
            for s in statements
        ]
        temporary = {t.name for s in statements for t in s.find_all(exp.Table) if not t.db}

        def run(connection: Connection) -> list[int]:
            _update(connection, begin)
            changed = []
            for sql, counts in rendered:
                self._check_cancelled()
                rows = _update(connection, sql)
                changed.append(rows if counts else 0)
            self._check_cancelled()
            _commit(connection)
            return changed

        for attempt in range(_CONFLICTS):
            try:
                return await self._call(run, temporary=temporary)
            except Conflict as error:
                conflict = error
                await asyncio.sleep(_CONFLICT_WAIT * (attempt + 1))
        raise conflict

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._lock:
            await asyncio.to_thread(self._disconnect)

    async def _call(
        self, work: Callable[[Connection], _Answer], *, temporary: Collection[str] = ()
    ) -> _Answer:
        """Run work on a thread, never two at once; a cancelled call leaves nothing running."""
        async with self._lock:
            self._cancelled.clear()
            running = asyncio.ensure_future(
                asyncio.to_thread(self._work, work, temporary=temporary)
            )
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                self._cancelled.set()
                while not running.done():
                    await asyncio.to_thread(self._cancel)
                    await asyncio.wait([running], timeout=_CANCEL_AGAIN)
                if not running.cancelled():
                    running.exception()
                raise

    def _work(
        self, work: Callable[[Connection], _Answer], *, temporary: Collection[str]
    ) -> _Answer:
        connection = self._connected()
        try:
            return work(connection)
        except adbc_driver_manager.Error as error:
            lost = not self._recovered(connection)
            raise statement_error(
                error, self._settings.password, lost=lost, temporary=temporary
            ) from error
        except BaseException:
            self._recovered(connection)
            raise

    def _connected(self) -> Connection:
        if self._connection is None:
            try:
                connection = connect(self._address, autocommit=True)
                self._connection = connection
                _update(connection, _SESSION)
            except adbc_driver_manager.Error as error:
                self._disconnect()
                if unreadable(error):
                    # Invariant 7: the driver quotes what it cannot read, secrets and all.
                    raise PropertyError(
                        "the address of the PostgreSQL database cannot be read",
                        hint="check URL: special characters in it are written like %20, and the "
                        "settings after '?' are those of libpq",
                    ) from None
                raise connected_error(error, self._settings.password) from error
        return self._connection

    def _recovered(self, connection: Connection) -> bool:
        """Roll back what a failure left; False if the connection is of no more use."""
        with suppress(adbc_driver_manager.Error):
            if _status(connection) in {"intrans", "inerror", "active"}:
                _update(connection, "ROLLBACK")
            if _status(connection) == "idle":
                return True
        self._disconnect()
        return False

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.close()

    def _cancel(self) -> None:
        connection = self._connection
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.adbc_cancel()

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            # Only ever seen by the thread's future, which nobody awaits any more.
            raise Unavailable("cancelled")


def open_postgres(settings: PostgresSettings) -> Postgres:
    """Return a destination that connects with its first call.

    Raises `PropertyError` for settings that cannot be an address. Calls raise
    `CredentialError`, `PermissionRefused`, `DestinationRefused` or `Unavailable` where the
    server cannot be used.
    """
    return Postgres(settings)


def _address(settings: PostgresSettings) -> str:
    if settings.url:
        return _with_password(settings)
    if settings.sslmode not in _SSL_MODES:
        raise PropertyError(
            f"SSLMode cannot be {settings.sslmode!r}", hint=f"use one of {', '.join(_SSL_MODES)}"
        )
    words = {
        "host": settings.server,
        "port": str(settings.port),
        "dbname": settings.database,
        "user": settings.user,
        "password": settings.password,
        "sslmode": settings.sslmode,
        "connect_timeout": str(settings.timeout),
        "application_name": "syncline",
        "client_encoding": "UTF8",
    }
    # An empty word would hide the defaults of the environment.
    return " ".join(f"{name}={_quoted(value)}" for name, value in words.items() if value)


def _with_password(settings: PostgresSettings) -> str:
    scheme, rest = urlsplit(settings.url).scheme, settings.url
    if scheme not in {"postgres", "postgresql"}:
        raise PropertyError(
            "URL is not the address of a PostgreSQL database",
            hint="write it like postgresql://user@host:5432/database",
        )
    words = {"client_encoding": "UTF8", "application_name": "syncline"}
    if "connect_timeout=" not in rest:
        words["connect_timeout"] = str(settings.timeout)
    if settings.password:
        words["password"] = settings.password
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in words.items())
    return f"{rest}{'&' if '?' in rest else '?'}{query}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _told(connection: Connection, query: exp.Query) -> pa.Table:
    """Return a query's rows, those of types that Arrow lacks as text."""
    sql = query.sql(dialect="postgres")
    with connection.cursor() as cursor:
        cursor.execute(sql)
        reader = cursor.fetch_record_batch()
        strange = strangers(reader.schema)
        if not strange:
            return reader.read_all()
    chosen = [
        exp.alias_(exp.cast(column, exp.DataType.Type.TEXT), column.name, quoted=True)
        if column.name in strange
        else column
        for column in (exp.column(f.name, quoted=True) for f in reader.schema)
    ]
    text = exp.select(*chosen).from_(query.copy().subquery("q"))
    return _rows(connection, text.sql(dialect="postgres"))


def _rows(connection: Connection, sql: str) -> pa.Table:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def _update(connection: Connection, sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_sql_query(sql)
        return int(cursor.adbc_statement.execute_update())


def _commit(connection: Connection) -> None:
    try:
        _update(connection, "COMMIT")
    except adbc_driver_manager.Error as error:
        if _status(connection) != "unknown":
            raise
        raise CommitUnknown(
            "the connection to PostgreSQL was lost while committing",
            hint="run again: it finds out what was committed and goes on from there",
        ) from error


def _status(connection: Connection) -> str:
    """Return libpq's idea of the transaction: idle, active, intrans, inerror or unknown."""
    option = ConnectionOptions.TRANSACTION_STATUS.value
    return connection.adbc_connection.get_option(option)


def _number(name: str) -> int:
    """Return the advisory lock of a name."""
    digest = hashlib.sha256(f"syncline {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
