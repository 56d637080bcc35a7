"""PostgreSQL keeps the destination contract."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest_asyncio
from standins import postgres
from syncline.destinations.postgres import PostgresSettings, open_postgres
from syncline.model.ports import Destination
from syncline.testing.conformance import DestinationConformance, Opener


def settings(server: postgres.Server, schema: str) -> PostgresSettings:
    return PostgresSettings(
        server="127.0.0.1",
        port=server.port,
        user=postgres.USER,
        password=postgres.PASSWORD,
        schema=schema,
    )


class TestPostgres(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, postgres_server: postgres.Server) -> AsyncIterator[Opener]:
        schema = f"clio {uuid4().hex}"

        async def opened() -> Destination:
            return open_postgres(settings(postgres_server, schema))

        yield opened
