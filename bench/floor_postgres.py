"""The floor into PostgreSQL: the leanest script that loads the table by ADBC and one merge."""

import argparse
import gc
from urllib.parse import quote

from adbc_driver_manager.dbapi import Connection
from adbc_driver_postgresql.dbapi import connect

from bench.floor import LOADED, PATH, batches, pages

_TYPES = {
    "int64": "BIGINT",
    "string": "TEXT",
    "double": "DOUBLE PRECISION",
    "bool": "BOOLEAN",
    "date32[day]": "DATE",
    "timestamp[us, tz=UTC]": "TIMESTAMPTZ",
}


def load(database: Connection, base: str, *, incremental: bool) -> None:
    """Stage what is new or all, then merge it in one statement."""
    names = ", ".join(LOADED.names)
    columns = ", ".join(f"{f.name} {_TYPES[str(f.type)]}" for f in LOADED)
    changed = ", ".join(f"{name} = excluded.{name}" for name in LOADED.names if name != "id")
    path = PATH
    with database.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS bench")
        cursor.execute(f"CREATE TABLE IF NOT EXISTS bench.activities ({columns}, PRIMARY KEY (id))")
        cursor.execute(f"CREATE TEMPORARY TABLE staged ({columns})")
        if incremental:
            cursor.execute("SELECT max(updated_at) FROM bench.activities")
            ((latest,),) = cursor.fetchall()
            path = f"{PATH}&updated_since={quote(latest.isoformat())}"
        for batch in batches(pages(base, path)):
            cursor.adbc_ingest("staged", batch, mode="append", temporary=True)
        cursor.execute(
            f"INSERT INTO bench.activities ({names}) SELECT {names} FROM staged "  # noqa: S608 (our own names)
            f"ON CONFLICT (id) DO UPDATE SET {changed}"
        )
    database.commit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base")
    parser.add_argument("address")
    parser.add_argument("--incremental", action="store_true")
    given = parser.parse_args()
    gc.disable()  # nothing here is cyclic
    with connect(given.address) as connection:
        load(connection, given.base, incremental=given.incremental)
