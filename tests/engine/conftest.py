"""Empty stores for the engine: a SQLite file, or a database of its own in a real PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.conftest import new_database, postgres_server
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import migrate

__all__ = ["postgres_server"]


@pytest.fixture(params=["sqlite", "postgresql"])
async def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return await new_database(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    opened = open_store(address)
    await migrate(opened)
    yield opened
    await opened.aclose()
