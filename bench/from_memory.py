"""Loads the benchmark's table, which is in memory, and prints the client's processor seconds."""

import argparse
import asyncio
import gc
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from uuid import uuid4

import pyarrow as pa

from bench.floor import LOADED, PATH, batches, pages
from syncline.destinations.postgres import PostgresSettings, open_postgres
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.model.batch import Batch, Cursor
from syncline.model.job import Task
from syncline.model.ports import Destination
from syncline.model.table import Scan, Table
from syncline.sync import sync

SCHEMA = "bench"
_TABLE = Table(name="Activities", schema=LOADED, primary_key=("id",), cursor_column="updated_at")


class Clock:
    """The real one."""

    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Memory:
    """Implements `syncline.model.ports.Source` over rows that have been read."""

    def __init__(self, rows: Sequence[pa.RecordBatch]) -> None:
        self._rows = rows

    async def tables(self) -> Mapping[str, Table]:
        return {_TABLE.name: _TABLE}

    def expect(self, scans: Sequence[Scan]) -> None:
        """Nothing is shared."""

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        assert since is None
        for number, records in enumerate(self._rows, 1):
            last = number == len(self._rows)
            chosen = records.select(list(scan.columns))
            yield Batch(records=chosen, cursor={"page": number}, complete=last)

    async def aclose(self) -> None:
        """Nothing is open."""


def destination(address: str) -> Destination:
    if address.startswith("postgresql:"):
        return open_postgres(PostgresSettings(url=address, schema=SCHEMA))
    words = dict(pair.split("=", 1) for pair in address.rstrip(";").split(";"))
    server, user, password, database = (
        words[word].strip("{}") for word in ("Server", "UID", "PWD", "Database")
    )
    return open_sqlserver(
        Settings(
            server=server, user=user, password=password, database=database, schema=SCHEMA,
            trust_server_certificate=True,
        )
    )  # fmt: skip


async def load(base: str, address: str) -> float:
    rows = [b for table in batches(pages(base, PATH)) for b in table.combine_chunks().to_batches()]
    place = destination(address)
    # As the command does: what has been imported is no garbage.
    gc.freeze()
    before = time.process_time()
    await sync(
        Task(id="bench", query='SELECT * FROM "Activities"', target="Activities"),
        Memory(rows),
        place,
        run=uuid4().hex,
        clock=Clock(),
        observe=lambda _: None,
    )
    await place.aclose()
    return time.process_time() - before


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("address")
    given = parser.parse_args()
    print(asyncio.run(load(given.base, given.address)))
