"""A copy of the benchmark's table in a database server: read it, or make room for another."""

import argparse
from collections.abc import Sequence

import adbc_driver_postgresql.dbapi
import mssql_python
import pyarrow as pa

from standins.tds.fixture import choose_provider

SCHEMA = "bench"


def columns(address: str, table: str, names: Sequence[str]) -> pa.Table:
    """Return columns of a table; ``address`` is an URL or the connection string of a driver."""
    query = f"SELECT {', '.join(names)} FROM {table}"  # noqa: S608 (our own names)
    if address.startswith("postgresql:"):
        with (
            adbc_driver_postgresql.dbapi.connect(address) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query)
            return cursor.fetch_arrow_table()
    choose_provider()
    found = mssql_python.connect(address).cursor()
    found.execute(query)
    return found.arrow()


def empty(address: str) -> None:
    """Drop what earlier runs have left."""
    if address.startswith("postgresql:"):
        with (
            adbc_driver_postgresql.dbapi.connect(address, autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA}_staging CASCADE")
        return
    choose_provider()
    connection = mssql_python.connect(address, autocommit=True)
    cursor = connection.cursor()
    cursor.execute(
        "SELECT s.name, t.name FROM sys.tables AS t "
        "JOIN sys.schemas AS s ON s.schema_id = t.schema_id WHERE s.name LIKE 'bench%'"
    )
    for schema, table in cursor.fetchall():
        cursor.execute(f"DROP TABLE [{schema}].[{table}]")
    connection.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address", help="of the database to empty")
    empty(parser.parse_args().address)
