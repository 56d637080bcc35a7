"""The engine's own database: a file beside the store's, or a schema of the same PostgreSQL."""

import sqlite3
from pathlib import Path
from typing import Any

from dbos import DBOSConfig, DBOSPortableJSONSerializer
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry

from syncline.control.engine.settings import EngineSettings
from syncline.control.store.database import PATIENCE, store_url

#: Runs begun by one version go on with another only while this stays as it is: change it when
#: the steps of a workflow change in number or order, and never otherwise.
ENGINE_VERSION = "1"
#: Of the engine's tables in PostgreSQL.
SCHEMA = "syncline_engine"
NAME = "syncline"


def is_shared(address: str) -> bool:
    """Say whether many nodes may use the store."""
    return store_url(address).get_backend_name() == "postgresql"


def store_file(address: str) -> Path:
    """Return the file of a store that is one."""
    return Path(store_url(address).database or "").expanduser()


def engine_file(address: str) -> Path:
    """Return the file of the engine's tables, beside that of the store."""
    store = store_file(address)
    return store.with_name(f"{store.name}.engine")


def sync_engine(address: str, settings: EngineSettings, *, pool: int) -> Engine:
    """Return a blocking SQLAlchemy engine for the store's PostgreSQL.

    A connection that gets no answer is given up within half a lease, so that what waits for it
    can still try again, or give up, before others take over.
    """
    patience = max(2, int(settings.lease / 2))
    return create_engine(
        store_url(address),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=patience,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": patience,
            "keepalives": 1,
            "keepalives_idle": patience,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": patience * 1000,
            "application_name": "syncline engine",
            # A node that froze in a transaction must not hold its locks against the others.
            "options": f"-c idle_in_transaction_session_timeout={patience * 1000}",
        },
    )


def file_engine(file: Path) -> Engine:
    """Return a blocking SQLAlchemy engine for the engine's file."""
    file.touch(mode=0o600)
    engine = create_engine(
        URL.create("sqlite", database=str(file)), connect_args={"timeout": PATIENCE}
    )

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        # Writers take the file's lock when they begin; one that began as a reader could not wait.
        connection.isolation_level = "IMMEDIATE"
        # As for the store: a crash of the process loses nothing.
        for setting in (
            f"busy_timeout={int(PATIENCE * 1000)}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {setting}")

    return engine


def configuration(address: str, executor: str, settings: EngineSettings) -> DBOSConfig:
    """Return the engine's configuration for a node."""
    shared = is_shared(address)
    made: Any = (
        sync_engine(address, settings, pool=12) if shared else file_engine(engine_file(address))
    )
    return DBOSConfig(
        name=NAME,
        system_database_engine=made,
        dbos_system_schema=SCHEMA,
        application_version=ENGINE_VERSION,
        executor_id=executor,
        # Pickles would let whoever can write to the database run code in the workers.
        serializer=DBOSPortableJSONSerializer(),
        log_level="WARNING",
        max_executor_threads=24,
        # Nothing here waits for the engine's notifications or uses its schedules.
        use_listen_notify=False,
        notification_listener_polling_interval_sec=1.0,
        scheduler_polling_interval_sec=3600.0,
    )
