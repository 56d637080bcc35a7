"""Print the figures of a copy of the benchmark's table, to compare with the original's."""

import argparse
import json

import duckdb

from bench.database import columns

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", help="a file, or the address of a server")
    parser.add_argument("table")
    parser.add_argument("matter_id", help="name of the column with the matter's id")
    given = parser.parse_args()
    served = "=" in given.database or "://" in given.database
    with duckdb.connect(*([] if served else [given.database, True])) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if served:
            names = ("id", "total", "updated_at", "note", given.matter_id)
            table = connection.from_arrow(columns(given.database, given.table, names))
        else:
            table = connection.table(given.table)
        [figures] = table.aggregate(
            "count(*), count(DISTINCT id), sum(round(total * 100)::BIGINT)::BIGINT,"
            " epoch(max(updated_at)), count(note), sum(length(note))::BIGINT,"
            f" sum({given.matter_id})::BIGINT"
        ).fetchall()
    print(json.dumps(figures))
