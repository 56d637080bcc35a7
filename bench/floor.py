"""The floor: the leanest script that downloads, decodes and loads the benchmark's table."""

import argparse
import gc
import http.client
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote, urlsplit

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

PATH = "/api/v4/activities.json?limit=200"
BATCH_ROWS = 20_000


class Matter(msgspec.Struct, gc=False):
    id: int
    etag: str
    display_number: str


class Named(msgspec.Struct, gc=False):
    id: int
    name: str


class Activity(msgspec.Struct, gc=False):
    id: int
    etag: str
    type: str
    date: str
    quantity: float
    quantity_in_hours: float
    rounded_quantity: int
    price: float
    total: float
    non_billable_total: float
    tax_setting: str
    note: str | None
    reference: str | None
    billed: bool
    on_bill: bool
    flat_rate: bool
    non_billable: bool
    no_charge: bool | None
    bill_number: int | None
    created_at: str
    updated_at: str
    matter: Matter
    user: Named
    activity_description: Named | None
    labels: msgspec.Raw


class Paging(msgspec.Struct):
    next: str | None = None


class Meta(msgspec.Struct):
    paging: Paging


class Page(msgspec.Struct):
    data: list[Activity]
    meta: Meta


INSTANT = pa.timestamp("us", tz="UTC")
#: Columns in order, with the type to build them in and the one to load.
COLUMNS: tuple[tuple[str, pa.DataType, pa.DataType], ...] = (
    ("id", pa.int64(), pa.int64()),
    ("etag", pa.string(), pa.string()),
    ("type", pa.string(), pa.string()),
    ("date", pa.string(), pa.date32()),
    ("quantity", pa.float64(), pa.float64()),
    ("quantity_in_hours", pa.float64(), pa.float64()),
    ("rounded_quantity", pa.int64(), pa.int64()),
    ("price", pa.float64(), pa.float64()),
    ("total", pa.float64(), pa.float64()),
    ("non_billable_total", pa.float64(), pa.float64()),
    ("tax_setting", pa.string(), pa.string()),
    ("note", pa.string(), pa.string()),
    ("reference", pa.string(), pa.string()),
    ("billed", pa.bool_(), pa.bool_()),
    ("on_bill", pa.bool_(), pa.bool_()),
    ("flat_rate", pa.bool_(), pa.bool_()),
    ("non_billable", pa.bool_(), pa.bool_()),
    ("no_charge", pa.bool_(), pa.bool_()),
    ("bill_number", pa.int64(), pa.int64()),
    ("created_at", pa.string(), INSTANT),
    ("updated_at", pa.string(), INSTANT),
    ("matter_id", pa.int64(), pa.int64()),
    ("matter_etag", pa.string(), pa.string()),
    ("matter_display_number", pa.string(), pa.string()),
    ("user_id", pa.int64(), pa.int64()),
    ("user_name", pa.string(), pa.string()),
    ("activity_description_id", pa.int64(), pa.int64()),
    ("activity_description_name", pa.string(), pa.string()),
    ("labels", pa.string(), pa.string()),
)
BUILT = pa.schema([(name, built) for name, built, _ in COLUMNS])
LOADED = pa.schema([(name, loaded) for name, _, loaded in COLUMNS])


def pages(base: str, path: str) -> Iterator[Page]:
    """Yield every page from this path on, over one connection."""
    host = urlsplit(base).netloc
    connection = http.client.HTTPConnection(host)
    decoder = msgspec.json.Decoder(Page)
    following: str | None = path
    while following is not None:
        connection.request("GET", following)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise SystemExit(f"{response.status}: {body[:200]!r}")
        page = decoder.decode(body)
        following = page.meta.paging.next
        if following is not None:
            following = following.removeprefix(base)
        yield page
    connection.close()


def columns(rows: Sequence[Activity]) -> pa.RecordBatch:
    """Return a page as columns, times still as text."""
    described = [row.activity_description for row in rows]
    values: tuple[Sequence[object], ...] = (
        [row.id for row in rows],
        [row.etag for row in rows],
        [row.type for row in rows],
        [row.date for row in rows],
        [row.quantity for row in rows],
        [row.quantity_in_hours for row in rows],
        [row.rounded_quantity for row in rows],
        [row.price for row in rows],
        [row.total for row in rows],
        [row.non_billable_total for row in rows],
        [row.tax_setting for row in rows],
        [row.note for row in rows],
        [row.reference for row in rows],
        [row.billed for row in rows],
        [row.on_bill for row in rows],
        [row.flat_rate for row in rows],
        [row.non_billable for row in rows],
        [row.no_charge for row in rows],
        [row.bill_number for row in rows],
        [row.created_at for row in rows],
        [row.updated_at for row in rows],
        [row.matter.id for row in rows],
        [row.matter.etag for row in rows],
        [row.matter.display_number for row in rows],
        [row.user.id for row in rows],
        [row.user.name for row in rows],
        [each and each.id for each in described],
        [each and each.name for each in described],
        [bytes(row.labels) for row in rows],
    )
    arrays = [pa.array(v, f.type) for v, f in zip(values, BUILT, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=BUILT)


def batches(found: Iterator[Page]) -> Iterator[pa.Table]:
    """Yield tables of some 20,000 rows, with times as times."""
    waiting: list[pa.RecordBatch] = []
    for page in found:
        waiting.append(columns(page.data))
        if len(waiting) * 200 >= BATCH_ROWS:
            yield loadable(waiting)
            waiting = []
    if waiting:
        yield loadable(waiting)


def loadable(waiting: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return the pages as one table, with text cast to dates and instants."""
    table = pa.Table.from_batches(waiting)
    cast = [pc.cast(table[field.name], field.type) for field in LOADED]
    return pa.Table.from_arrays(cast, schema=LOADED)


def full(database: duckdb.DuckDBPyConnection, base: str) -> None:
    database.register("batch", LOADED.empty_table())
    database.execute("CREATE OR REPLACE TABLE activities AS FROM batch")
    for batch in batches(pages(base, PATH)):
        database.register("batch", batch)
        database.execute("INSERT INTO activities FROM batch")


def incremental(database: duckdb.DuckDBPyConnection, base: str) -> None:
    [(latest,)] = database.execute("SELECT max(updated_at)::VARCHAR FROM activities").fetchall()
    since = datetime.fromisoformat(latest).isoformat()
    for batch in batches(pages(base, f"{PATH}&updated_since={quote(since)}")):
        database.register("batch", batch)
        database.execute("BEGIN")
        database.execute("DELETE FROM activities WHERE id IN (SELECT id FROM batch)")
        database.execute("INSERT INTO activities FROM batch")
        database.execute("COMMIT")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("database")
    parser.add_argument("--incremental", action="store_true")
    given = parser.parse_args()
    gc.disable()  # nothing here is cyclic
    with duckdb.connect(given.database) as connection:
        (incremental if given.incremental else full)(connection, given.base)
