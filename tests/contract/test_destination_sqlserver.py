"""SQL Server keeps the destination contract."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio

from standins.tds.fixture import TdsServer
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.model.ports import Destination
from syncline.testing.conformance import DestinationConformance, Opener


def settings(server: TdsServer, schema: str) -> Settings:
    return Settings(
        server=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
        schema=schema,
        trust_server_certificate=True,
    )


class TestSQLServer(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, sqlserver_server: TdsServer) -> AsyncIterator[Opener]:
        chosen = settings(sqlserver_server, f"clio {uuid4().hex}")

        async def opened() -> Destination:
            return open_sqlserver(chosen)

        yield opened
        # Every table makes the catalog slower to read.
        sqlserver_server.drop_tables(chosen.schema)
