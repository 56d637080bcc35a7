"""Opens the store: one SQLite file, or a PostgreSQL that many machines share; one code for both."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from syncline.control.store.sqlite import connecting
from syncline.errors import (
    Conflict,
    DestinationBusy,
    DestinationFull,
    Invalid,
    StoreRefused,
    Unavailable,
)

#: Names the store when ``--store`` does not.
VARIABLE = "SYNCLINE_STORE"
#: So long does a writer wait for another process's transaction on the SQLite file, in seconds.
PATIENCE = 15.0
#: Who says nothing for so long in the middle of a transaction in which others wait is dead.
_SILENT = "60s"
#: "turns" as a number: any that nobody else uses for PostgreSQL's advisory locks.
_TURNS = 0x7475726E73
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
#: The other side is asked whether it is still there after so many seconds of silence, and a
#: connection that gets no answer is given up: a pulled cable sends no farewell.
_POSTGRES = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "application_name": "syncline",
}


class Store:
    """The open store. Everything that belongs together happens inside one `writing`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._reading = engine.execution_options(syncline_reading=True)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back if anything is raised.

        On SQLite it holds the file's one write lock from the start, so keep it short and never
        wait for anything else inside. Raises `Unavailable`, `DestinationBusy`, `Conflict`.
        """
        async with _translated(self.engine.url), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that sees one state of the store and must not write."""
        async with _translated(self.engine.url), self._reading.begin() as connection:
            yield connection

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def default_store() -> str:
    """Return the URL of the store: SYNCLINE_STORE, else a file in the user's own data folder."""
    if named := os.environ.get(VARIABLE):
        return named
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return f"sqlite:///{Path(base) / 'syncline' / 'store.db'}"


def store_url(text: str) -> URL:
    """Return a URL with our driver in it. Raises `StoreRefused`; passwords are never repeated."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise StoreRefused(
            "the store's address is not a URL",
            hint="write sqlite:///path/to/store.db or postgresql://user:password@host/database",
        ) from None
    kind = url.get_backend_name()
    kind = "postgresql" if kind == "postgres" else kind
    if kind not in _DRIVERS:
        raise StoreRefused(
            f"the store cannot be a {kind} database",
            hint="use SQLite for one machine, PostgreSQL for many",
        )
    return url.set(drivername=_DRIVERS[kind])


def open_store(address: str, *, pool_size: int = 10) -> Store:
    """Open the store at a URL; connects when first used. Raises `StoreRefused`.

    The folder of a SQLite file is made, and the file is the user's alone: it holds sealed secrets
    and hashed passwords.
    """
    url = store_url(address)
    if url.get_backend_name() == "sqlite":
        return Store(_sqlite(url))
    return Store(
        create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_recycle=1800,
            connect_args=_POSTGRES,
        )
    )


def _sqlite(url: URL) -> AsyncEngine:
    if not url.database or url.database == ":memory:":
        raise StoreRefused(
            "a store in memory would be another one for each connection",
            hint="name a file: sqlite:///path/to/store.db",
        )
    path = Path(url.database).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise StoreRefused(
            f"cannot make the store {path}: {error.strerror}", hint="choose another --store"
        ) from error
    engine = create_async_engine(
        url.set(database=str(path)), async_creator=connecting(path, patience=PATIENCE)
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        # With WAL, NORMAL loses at most the last commits when the machine (not the process)
        # dies, and never breaks the file; the destination's checkpoint is what data relies on.
        for setting in (
            f"busy_timeout={int(PATIENCE * 1000)}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {setting}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        # A writer that began as a reader could not wait for the lock: SQLite refuses at once.
        reading = connection.get_execution_options().get("syncline_reading", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


async def take_turns(connection: AsyncConnection) -> None:
    """Wait until no other transaction that takes turns is under way; to be done first in it.

    SQLite has one writer at a time anyway. A node that loses its power while it has its turn is
    cut off by the server, so that nobody waits for it.
    """
    if connection.dialect.name == "postgresql":
        patience = f"{PATIENCE:.0f}s"
        await connection.execute(
            select(
                func.set_config("idle_in_transaction_session_timeout", _SILENT, True),
                func.set_config("lock_timeout", patience, True),
            )
        )
        await connection.execute(select(func.pg_advisory_xact_lock(_TURNS)))


@asynccontextmanager
async def _translated(url: URL) -> AsyncIterator[None]:
    """Say in our own words what the database said; its parameters may be secret and stay here."""
    try:
        yield
    except IntegrityError as error:
        raise Conflict(
            "somebody else has changed the same thing at the same moment",
            hint="look at it again and repeat the change",
        ) from error.orig
    except DataError:
        raise Invalid(
            "a text is too long, or holds a character that the database cannot keep",
            hint="shorten it, and take out characters that cannot be seen",
        ) from None
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(url, error) from None
    except SQLAlchemyError as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise _unavailable(url, error) from None
        raise


def _unavailable(url: URL, error: DBAPIError) -> Exception:
    said = str(error.orig).strip().partition("\n")[0]
    if "locked" in said or "busy" in said or "lock timeout" in said:
        return DestinationBusy(
            "another process has been writing to the store for too long", hint="try again"
        )
    if "disk is full" in said or "No space left" in said:
        return DestinationFull("no space is left for the store", hint="make room on its disk")
    shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
    return Unavailable(
        f"the store {shown} does not answer: {said}",
        hint="is the database running, and is the address right?",
    )
