"""Where one test works: a schema of its own in the PostgreSQL server of all tests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from adbc_driver_postgresql.dbapi import connect

from standins import postgres
from syncline.destinations.postgres import Postgres, PostgresSettings, open_postgres
from syncline.destinations.postgres_types import fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    server: postgres.Server
    schema: str

    @property
    def settings(self) -> PostgresSettings:
        return PostgresSettings(
            server="127.0.0.1",
            port=self.server.port,
            user=postgres.USER,
            password=postgres.PASSWORD,
            database=postgres.DATABASE,
            schema=self.schema,
        )

    def open(self, **other: Any) -> Postgres:
        return open_postgres(replace(self.settings, **other))

    def run(self, *statements: str) -> None:
        """Run statements as the owner of everything; `{s}` is the schema."""
        with connect(self._address, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.adbc_statement.set_sql_query(statement.replace("{s}", f'"{self.schema}"'))
                cursor.adbc_statement.execute_update()

    def rows(self, query: str) -> list[Mapping[str, Any]]:
        """Return a query's rows, seen by the owner of everything; `{s}` is the schema."""
        with connect(self._address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(query.replace("{s}", f'"{self.schema}"'))
            return list(fetched(cursor.fetch_arrow_table()).to_pylist())

    @property
    def _address(self) -> str:
        password = postgres.PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
        return (
            f"host=127.0.0.1 port={self.server.port} user={postgres.USER} "
            f"dbname={postgres.DATABASE} password='{password}' "
            "options='-c client_min_messages=warning'"
        )


def new_place(server: postgres.Server) -> Place:
    return Place(server=server, schema=f"clio {uuid4().hex}")
