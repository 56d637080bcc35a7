"""DuckDB keeps the destination contract, in memory and in a file."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp, parse_one

from syncline.destinations.duckdb import DuckDB, open_duckdb
from syncline.load import names
from syncline.model.ports import Destination
from syncline.model.table import is_json, made_by
from syncline.testing.conformance import DestinationConformance, Opener

_MEMORY = f":memory:{uuid4().hex}"
_LIMIT = "1GB"


@pytest.fixture(scope="module")
def memory() -> Iterator[DuckDB]:
    # A named database in memory lives as long as one connection to it.
    anchor = open_duckdb(_MEMORY, memory_limit=_LIMIT)
    yield anchor
    anchor._connection.close()


class TestInMemory(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, memory: DuckDB) -> AsyncIterator[Opener]:
        schema = uuid4().hex

        async def opened() -> Destination:
            return open_duckdb(_MEMORY, schema=schema, memory_limit=_LIMIT)

        yield opened
        memory._connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


class TestInFile(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, tmp_path: Path) -> AsyncIterator[Opener]:
        async def opened() -> Destination:
            return open_duckdb(str(tmp_path / "test.duckdb"))

        yield opened


async def test_an_existing_table_is_described_exactly() -> None:
    destination = open_duckdb(":memory:")
    table = names.table('it\'s "a" table', "main")
    made = parse_one(
        f"""CREATE TABLE {table.sql(dialect="duckdb")} (
            id INT NOT NULL, made INT DEFAULT 7, twice INT GENERATED ALWAYS AS (id * 2),
            js JSON, n DECIMAL(9, 3))""",
        dialect="duckdb",
    )
    assert isinstance(made, exp.Create)
    await destination.execute([made])
    schema = await destination.describe(table)
    assert schema is not None
    assert {f.name: (f.type, f.nullable, made_by(f), is_json(f)) for f in schema} == {
        "id": (pa.int32(), False, "", False),
        "made": (pa.int32(), True, "default", False),
        "twice": (pa.int32(), True, "expression", False),
        "js": (pa.string(), True, "", True),
        "n": (pa.decimal128(9, 3), True, "", False),
    }
    await destination.aclose()
