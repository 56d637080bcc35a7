"""REPLICATE with its columns and options, from the statement to the table."""

from pathlib import Path

import duckdb

from acceptance.serving import options, serving
from acceptance.support import SCHEMA, results, run, written

STATEMENT = """
REPLICATE Kept (
    Id varchar(20) NOT NULL, display_number nvarchar(100),
    open_date datetime, client_id varchar(20),
    PRIMARY KEY (Id)
)
WITH BatchSize = 1000, SkipDeleted
[api].[Clio].[Matters]
"""


async def test_declared_columns_are_those_of_the_table(tmp_path: Path) -> None:
    async with serving(options(60)) as watched:
        project = written(tmp_path, watched, {"query": STATEMENT})
        first = results(await run(project))["Kept"]
        again = results(await run(project))["Kept"]
    assert first.inserted > 0
    # Only changed rows are read, and these are none: the key of another type is still the key.
    assert (again.inserted, again.updated, again.deleted) == (0, 0, 0)
    with duckdb.connect(str(project.database)) as connection:
        columns = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = 'Kept' ORDER BY ordinal_position",
            [SCHEMA],
        ).fetchall()
        rows = connection.execute(f"SELECT count(*), min(length(Id)) FROM {SCHEMA}.Kept").fetchone()
    assert [(name, type_) for name, type_ in columns if not name.startswith("_")] == [
        ("Id", "VARCHAR"),
        ("display_number", "VARCHAR"),
        ("open_date", "TIMESTAMP"),
        ("client_id", "VARCHAR"),
    ]
    assert rows == (first.inserted, 10)
