"""The store: both databases hold the same schema, writers wait for each other, errors are ours."""

import asyncio
import gc
import os
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, delete, func, insert, select, text, update

from syncline.control.store.database import Store, default_store, open_store, store_url
from syncline.control.store.metadata import metadata
from syncline.control.store.schema import migrate, newest
from syncline.control.store.settings import settings
from syncline.control.store.users import users
from syncline.errors import Conflict, StoreRefused, SynclineError, Unavailable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def test_the_migrated_schema_is_that_of_the_code(address: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))

    store = open_store(address)
    await migrate(store)
    async with store.reading() as connection:
        assert await connection.run_sync(differences) == []
    await store.aclose()


def test_there_is_one_way_from_the_first_step_to_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", "syncline.control.store:migrations")
    script = ScriptDirectory.from_config(config)
    assert script.get_heads() == [newest()]
    assert len(script.get_bases()) == 1


async def test_processes_that_start_together_migrate_once(address: str) -> None:
    stores = [open_store(address) for _ in range(4)]
    await asyncio.gather(*(migrate(s) for s in stores))
    async with stores[0].reading() as connection:
        found = await connection.execute(text("SELECT version_num FROM alembic_version"))
        assert found.scalars().all() == [newest()]
    for opened in stores:
        await opened.aclose()


async def test_a_store_of_a_newer_version_is_refused(address: str) -> None:
    store = open_store(address)
    await migrate(store)
    async with store.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreRefused, match="9999 of a newer Syncline"):
        await migrate(store)
    await store.aclose()


async def test_a_transaction_is_whole_or_not_at_all(store: Store) -> None:
    async def halfway() -> None:
        async with store.writing() as connection:
            await connection.execute(insert(settings).values(name="a", value=1))
            raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"):
        await halfway()
    async with store.reading() as connection:
        assert await connection.scalar(select(func.count()).select_from(settings)) == 0


async def test_writers_wait_for_each_other(store: Store) -> None:
    async with store.writing() as connection:
        await connection.execute(insert(settings).values(name="count", value=0))

    async def grow() -> None:
        async with store.writing() as connection:
            row = select(settings.c.value).where(settings.c.name == "count").with_for_update()
            count = await connection.scalar(row)
            assert isinstance(count, int)
            await connection.execute(
                update(settings).where(settings.c.name == "count").values(value=count + 1)
            )

    await asyncio.gather(*(grow() for _ in range(20)))
    async with store.reading() as connection:
        assert await connection.scalar(select(settings.c.value)) == 20


async def test_who_is_cancelled_lets_go_of_the_store(store: Store) -> None:
    async def work(number: int) -> None:
        async with store.writing() as connection:
            row = {"name": f"row {number}", "value": 1}
            await connection.execute(insert(settings).values(row))
            await connection.execute(select(settings))

    gone: list[BaseException | None] = []
    gc.disable()
    try:
        for number in range(150):
            task = asyncio.create_task(work(number))
            await asyncio.sleep(number % 30 / 6000)
            task.cancel()
            # Whoever looks into it later keeps its traceback, and all that is in it.
            gone += await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(10), store.writing() as connection:
                await connection.execute(delete(settings))
    finally:
        gc.enable()
    assert {type(each) for each in gone} <= {asyncio.CancelledError, type(None)}


async def test_moments_keep_their_instant(store: Store) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-5)))
    row = {"id": "1", "name": "Ann", "folded": "ann", "created_at": elsewhere}
    async with store.writing() as connection:
        await connection.execute(insert(users).values(row))
        found = await connection.scalar(select(users.c.created_at))
    assert found == NOW
    assert found is not None
    assert found.tzinfo is UTC


async def test_two_of_one_name_are_a_conflict(store: Store) -> None:
    row = {"name": "a", "value": 1}
    async with store.writing() as connection:
        await connection.execute(insert(settings).values(row))
    with pytest.raises(Conflict):
        async with store.writing() as connection:
            await connection.execute(insert(settings).values(row))


def test_the_file_is_its_user_s_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.db"
    open_store(f"sqlite:///{path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nonsense", "not a URL"),
        ("mysql://u:hunter2@host/db", "cannot be a mysql database"),
        ("sqlite://", "in memory"),
        ("sqlite:////proc/nowhere/store.db", "cannot make the store"),
    ],
)
def test_addresses_that_cannot_be(address: str, words: str) -> None:
    with pytest.raises(StoreRefused, match=words) as refused:
        open_store(address)
    assert refused.value.hint
    assert "hunter2" not in str(refused.value)


async def test_a_server_that_is_not_there() -> None:
    store = open_store("postgresql://u:hunter2@127.0.0.1:1/db")
    with pytest.raises(Unavailable) as refused:
        async with store.reading():
            pass
    assert isinstance(refused.value, SynclineError)
    assert "hunter2" not in str(refused.value)
    await store.aclose()


def test_where_the_store_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SYNCLINE_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_store() == f"sqlite:///{tmp_path}{os.sep}syncline{os.sep}store.db"
    monkeypatch.setenv("SYNCLINE_STORE", "postgresql://h/d")
    assert default_store() == "postgresql://h/d"
    assert store_url("postgres://h/d").drivername == "postgresql+psycopg"
