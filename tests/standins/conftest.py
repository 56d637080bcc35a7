"""One stand-in for SQL Server for all tests of this folder, with a database for every module."""

from collections.abc import Iterator

import mssql_python
import pytest

from standins.tds.fixture import TdsServer, running_tds


@pytest.fixture(scope="session")
def tds_process() -> Iterator[TdsServer]:
    with running_tds() as server:
        yield server


@pytest.fixture(scope="module")
def tds(tds_process: TdsServer) -> Iterator[TdsServer]:
    """A server with a fresh database."""
    server = tds_process.new_database()
    yield server
    server.drop_database()


@pytest.fixture
def cursor(tds: TdsServer) -> Iterator[mssql_python.Cursor]:
    """A cursor whose statements are committed one by one."""
    connection = tds.connect()
    yield connection.cursor()
    connection.close()
