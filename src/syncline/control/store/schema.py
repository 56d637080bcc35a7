"""All tables together, and moving a store to the newest schema."""

from importlib import resources
from types import ModuleType

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text

from syncline.control.store import (
    audit,
    connections,
    hooks,
    jobs,
    labels,
    nodes,
    notifications,
    runs,
    schedules,
    sessions,
    settings,
    sign_ins,
    slots,
    tasks,
    tokens,
    users,
)
from syncline.control.store.database import Store
from syncline.control.store.metadata import metadata
from syncline.errors import StoreRefused

#: Every module with tables: importing them fills the collection.
MODULES: tuple[ModuleType, ...] = (
    connections, jobs, tasks, schedules, labels, users, tokens, sessions, audit, settings,
    sign_ins, runs, slots, nodes, hooks, notifications,
)  # fmt: skip
TABLES = metadata
_MIGRATIONS = "syncline.control.store.migrations"
#: "syncline" as a number: any that nobody else uses for PostgreSQL's advisory locks.
_LOCK = 0x73796E63


def newest() -> str:
    """Return the revision of the newest migration in this package."""
    names = (p.name for p in (resources.files(_MIGRATIONS) / "versions").iterdir())
    return max(name.partition("_")[0] for name in names if name[:1].isdigit())


async def migrate(store: Store) -> None:
    """Bring the store to the newest schema, one process at a time; nothing to do is quick.

    Raises `StoreRefused` for a store that a newer Syncline has changed already.
    """
    async with store.reading() as connection:
        current = await connection.run_sync(_revision)
    if current == newest():
        return
    async with store.writing() as connection:
        # SQLite's write lock is held already.
        if store.dialect == "postgresql":
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    current = _revision(connection)
    if current is not None and current > newest():
        raise StoreRefused(
            f"the store has the schema {current} of a newer Syncline; this one knows {newest()}",
            hint="install that version again, or restore the backup made before",
        )
    config = Config()
    config.set_main_option("script_location", "syncline.control.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
