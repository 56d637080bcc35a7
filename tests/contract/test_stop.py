"""A load that is asked to stop ends at its next commit, and the same call again goes on."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.destinations.duckdb import open_duckdb
from syncline.load import names
from syncline.model.job import Deletes, Disposition, Task
from syncline.model.ports import Destination
from syncline.model.run import Result
from syncline.model.table import Table
from syncline.sync import sync
from syncline.testing.conformance_runs import StepClock
from syncline.testing.source import MemorySource

PEOPLE = Table(
    name="People",
    schema=pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            ("name", pa.string()),
            ("updated_at", pa.timestamp("us", tz="UTC")),
        ]
    ),
    primary_key=("id",),
    cursor_column="updated_at",
)
Opener = Callable[[], Awaitable[Destination]]


def person(number: int) -> dict[str, Any]:
    moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=number)
    return {"id": number, "name": f"n{number}", "updated_at": moment}


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    async def opener() -> Destination:
        return open_duckdb(str(tmp_path / "lake.duckdb"))

    return opener


async def slices(task: Task, source: MemorySource, opened: Opener, **more: Any) -> list[Result]:
    """Run a task in slices of one commit each, as often as it takes."""
    results: list[Result] = []
    while not results or results[-1].stopped:
        assert len(results) < 50, "it never ends"
        destination = await opened()
        try:
            results.append(
                await sync(
                    task,
                    source,
                    destination,
                    run=f"run-{task.id}-{len(results)}",
                    clock=StepClock(),
                    observe=lambda _: None,
                    stop=lambda: True,
                    **more,
                )
            )
        finally:
            await destination.aclose()
    return results


async def rows(opened: Opener, task: Task) -> list[int]:
    destination = await opened()
    try:
        table = names.table(task.target, destination.traits.schema)
        found = await destination.fetch(exp.select("id").from_(table))
        return sorted(found.column(0).to_pylist())
    finally:
        await destination.aclose()


@pytest.mark.parametrize(
    ("disposition", "deletes"),
    [
        (Disposition.MERGE, Deletes.AUTO),
        (Disposition.MERGE, Deletes.HARD),
        (Disposition.REPLACE, Deletes.AUTO),
        (Disposition.HISTORY, Deletes.AUTO),
    ],
)
async def test_a_load_in_slices_ends_where_one_in_one_piece_does(
    opened: Opener, disposition: Disposition, deletes: Deletes
) -> None:
    source = MemorySource([PEOPLE], {"People": [person(n) for n in range(12)]}, page_size=3)
    task = Task(
        id="t", query="SELECT * FROM People", target="People",
        disposition=disposition, deletes=deletes,
    )  # fmt: skip
    results = await slices(task, source, opened)
    assert len(results) > 1
    assert [r.stopped for r in results] == [True] * (len(results) - 1) + [False]
    assert await rows(opened, task) == list(range(12))


async def test_a_full_pass_in_slices_is_one_pass(opened: Opener) -> None:
    source = MemorySource([PEOPLE], {"People": [person(n) for n in range(12)]}, page_size=3)
    task = Task(id="t", query="SELECT * FROM People", target="People")
    await slices(task, source, opened)
    again = await slices(task, source, opened, full=True)
    assert len(again) > 1
    assert await rows(opened, task) == list(range(12))


async def test_a_sweep_in_slices_removes_what_is_gone(opened: Opener) -> None:
    source = MemorySource([PEOPLE], {"People": [person(n) for n in range(12)]}, page_size=3)
    task = Task(id="t", query="SELECT * FROM People", target="People", deletes=Deletes.HARD)
    await slices(task, source, opened)
    source.drop("People", 5)
    results = await slices(task, source, opened, sweep=True)
    assert len(results) > 1
    assert sum(r.deleted for r in results) == 1
    assert await rows(opened, task) == [n for n in range(12) if n != 5]
