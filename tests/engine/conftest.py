"""Empty stores for the engine: a SQLite file, or a database of its own in a real PostgreSQL."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from control.conftest import new_database, postgres_server, postgres_url
from engine.workers import warmed
from standins import postgres
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import migrate

__all__ = ["postgres_server"]


@pytest.fixture(scope="session")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What starts workers."""
    with warmed(tmp_path_factory.mktemp("warm")) as address:
        yield address


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """Addresses of stores with the newest schema: migrating takes longer than most tests."""
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(
    request: pytest.FixtureRequest,
    templates: dict[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """The URL of an empty store with the newest schema."""
    if request.param == "sqlite":
        if request.param not in templates:
            file = tmp_path_factory.mktemp("template") / "store.db"
            templates[request.param] = str(file)
            await _migrate(f"sqlite:///{file}")
        shutil.copy(templates[request.param], tmp_path / "store.db")
        return f"sqlite:///{tmp_path / 'store.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    if request.param not in templates:
        made = await new_database(server)
        await _migrate(made)
        templates[request.param] = made.rpartition("/")[2]
    name = f"store_{uuid4().hex}"
    admin = open_store(postgres_url(server, postgres.DATABASE))
    async with admin.engine.connect() as connection:
        apart = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await apart.execute(text(f"CREATE DATABASE {name} TEMPLATE {templates[request.param]}"))
    await admin.aclose()
    return postgres_url(server, name)


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = open_store(address)
    yield opened
    await opened.aclose()


async def _migrate(address: str) -> None:
    opened = open_store(address)
    await migrate(opened)
    await opened.aclose()
