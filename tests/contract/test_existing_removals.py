"""Removals and rows refused on their way into tables that others made."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pyarrow as pa
import pytest

from contract.test_existing_tables import made, task
from contract.test_task_kinds import LIST, PEOPLE, Bench, at, bench, opened, person
from syncline.model.batch import Batch, Cursor
from syncline.model.job import Deletes, Disposition, RowErrors
from syncline.model.table import Deleted, Scan, Table
from syncline.testing.source import MemorySource

__all__ = ["bench", "opened"]


@pytest.mark.parametrize("kind", ["INT NOT NULL PRIMARY KEY", "BIGINT NOT NULL", "INT"])
async def test_removals_come_with_the_types_of_the_source(bench: Bench, kind: str) -> None:
    await made(bench, f"id {kind}, name VARCHAR(20)")
    marked = Table(
        name="Marked",
        schema=pa.schema([*PEOPLE.schema, ("gone", pa.bool_())]),
        primary_key=("id",),
        cursor_column="updated_at",
        deleted=Deleted(column="gone"),
    )
    rows = [{**person(n), "gone": False} for n in range(1, 4)]
    source = MemorySource([marked], {"Marked": rows}, page_size=2)
    bench = replace(bench, source=source)
    into = replace(task("SELECT id, name FROM Marked", Disposition.MERGE), deletes=Deletes.HARD)
    await bench.run(into)
    later = {"updated_at": at(5)}
    source.put(
        "Marked",
        {**person(2), "gone": True, **later}, {**person(3, "new"), "gone": False, **later},
    )  # fmt: skip
    await bench.run(into)
    assert await bench.rows("Hours", "id", "name") == [(1, "n1"), (3, "new")]


class _EmptyAtTheEnd(MemorySource):
    """Ends with a page without rows."""

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        async for batch in super().read(scan, since):
            yield replace(batch, complete=False)
        yield replace(batch, records=batch.records.slice(0, 0))


@pytest.mark.parametrize("size", [0, 2])
@pytest.mark.parametrize("write", [Disposition.REPLACE, Disposition.MERGE, Disposition.INSERT])
async def test_rows_are_refused_by_a_commit_that_stages_none(
    bench: Bench, write: Disposition, size: int
) -> None:
    await made(bench, "id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(20) UNIQUE")
    rows = [person(1), person(2), person(3, "n1"), person(4)]
    bench = replace(bench, source=_EmptyAtTheEnd([LIST], {"List": rows}, page_size=2))
    into = task("SELECT id, name FROM List", write, on_error=RowErrors.REDIRECT, batch_size=size)
    result = await bench.run(replace(into, commit_rows=2))
    assert await bench.rows("Hours", "id") == [(1,), (2,), (4,)]
    assert result.rejected == 1
