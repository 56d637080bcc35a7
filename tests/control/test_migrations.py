"""Stores of every earlier version come to the newest with all that is in them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    insert,
    select,
)

import syncline.control.store.migrations
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import migrate, newest

_NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_EARLIER = sorted(
    name.name.partition("_")[0]
    for name in (Path(syncline.control.store.migrations.__path__[0]) / "versions").glob("0*.py")
)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "syncline.control.store:migrations")
    return config


def _at(connection: Connection, revision: str) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _tables(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection)
    return found


def _filled(connection: Connection) -> dict[str, dict[str, Any]]:
    """Put a row into every table; return the rows as they read back."""
    rows: dict[str, dict[str, Any]] = {}
    for table in _tables(connection).sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {c.name: _value(c, rows) for c in table.columns}
        connection.execute(insert(table).values(row))
        rows[table.name] = _row(connection, table)
    return rows


def _value(column: Column[Any], rows: dict[str, dict[str, Any]]) -> object:
    for key in column.foreign_keys:
        if key.column.table is column.table:
            return None
        return rows[key.column.table.name][key.column.name]
    kinds: tuple[tuple[type, object], ...] = (
        (Boolean, True), (Integer, 7), (Float, 7.5), (DateTime, _NOW),
        (JSON, {"text": "ä ${X}", "list": [1, None]}), (LargeBinary, b"x"),
    )  # fmt: skip
    return next((value for kind, value in kinds if isinstance(column.type, kind)), "x")


def _row(connection: Connection, table: Table) -> dict[str, Any]:
    return dict(connection.execute(select(table)).mappings().one())


def test_there_are_earlier_versions() -> None:
    assert [s.revision for s in ScriptDirectory.from_config(_config()).walk_revisions()] == list(
        reversed(_EARLIER)
    )


@pytest.mark.parametrize("revision", _EARLIER[:-1])
async def test_what_is_in_a_store_stays_in_it(address: str, revision: str) -> None:
    store = open_store(address)
    try:
        before = await _made(store, revision)
        assert before, "there are tables"
        await migrate(store)
        async with store.reading() as connection:
            after = await connection.run_sync(_all)
        assert after.pop("alembic_version") == {"version_num": newest()}
        for table, row in before.items():
            now = after[table]
            assert {name: now[name] for name in row} == row, table
    finally:
        await store.aclose()


async def _made(store: Store, revision: str) -> dict[str, dict[str, Any]]:
    async with store.writing() as connection:
        await connection.run_sync(_at, revision)
        return await connection.run_sync(_filled)


def _all(connection: Connection) -> dict[str, dict[str, Any]]:
    found = {}
    for table in _tables(connection).sorted_tables:
        rows = connection.execute(select(table)).mappings().all()
        found[table.name] = dict(rows[0]) if rows else {}
    return found
