"""Rejected rows of a run are looked at, mended and sent again by those who may."""

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import insert, update
from sqlglot import exp

from control.calling import calling
from control.planes import EDITOR, VIEWER, plane_of
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec, JobSpec, TaskSpec
from syncline.control.runs import State, Wanted, request_run
from syncline.control.store.database import Store
from syncline.control.store.runs import runs, task_runs
from syncline.control.tasks import all_tasks_of
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import Job, create_job, edit_job
from syncline.control.usecases.rejects import see_rejects, send_rejects
from syncline.destinations.duckdb import open_duckdb
from syncline.errors import Conflict, Forbidden, Invalid, Missing
from syncline.load import names
from syncline.load.ddl import create_table
from syncline.model.table import Table
from syncline.sync import sync
from syncline.testing.source import MemorySource

_TASK = TaskSpec(
    query="SELECT EstHours, Job FROM Allocations", into="Hours", existing=True,
    mapping={"EstHours": "hours", "Job": "job"}, on_error="redirect",
)  # fmt: skip
_ALLOCATIONS = Table(
    name="Allocations",
    schema=pa.schema([("EstHours", pa.float64()), ("Job", pa.string())]),
)
_ROWS: list[dict[str, Any]] = [
    {"EstHours": 7.5, "Job": "Garden"},
    {"EstHours": 1000.0, "Job": "Pond"},
]


@pytest.fixture
def plane(sqlite_store: Store) -> Plane:
    return plane_of(sqlite_store)


async def _ran(plane: Plane, lake: Path) -> tuple[Job, str]:
    """A job of which a run has rejected a row, as a node would have done it."""
    time = ConnectionSpec.model_validate(
        {"type": "api", "properties": {"Profile": "clicktime", "ProfileSettings": {"APIKey": "x"}}}
    )
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "time", time)
        given = ConnectionSpec(type="duckdb", properties={"Database": str(lake)})
        await create_connection(work, "lake", given)
        job = await create_job(
            work, "hours", JobSpec(source="time", destination="lake", tasks=(_TASK,))
        )
    wanted = Wanted(job_id=job.id, job=job.name)
    run = await request_run(plane.store, wanted, datetime.fromtimestamp(plane.clock.time(), UTC))
    (task,) = all_tasks_of(job.name, job.spec)
    async with plane.changing(EDITOR) as work:
        row = {"run_id": run, "number": 0, "task": task.id, "target": task.target}
        await work.connection.execute(
            insert(task_runs).values(row | {"state": State.SUCCEEDED, "rejected": 1})
        )
    destination = open_duckdb(str(lake))
    hours = pa.schema([("hours", pa.decimal128(4, 2)), ("job", pa.string())])
    await destination.execute([create_table(names.table("Hours", "main"), hours, "duckdb")])
    await sync(
        task, MemorySource([_ALLOCATIONS], {"Allocations": _ROWS}), destination,
        run=f"{run}/0/{uuid.uuid4().hex[:8]}", clock=plane.clock, observe=lambda _: None,
    )  # fmt: skip
    await destination.aclose()
    return job, run


async def _end(plane: Plane, run: str) -> None:
    async with plane.changing(EDITOR) as work:
        ended = {"state": State.SUCCEEDED, "finished_at": work.now}
        await work.connection.execute(update(runs).where(runs.c.id == run).values(ended))


async def test_a_rejected_row_is_mended_and_sent_again(plane: Plane, tmp_path: Path) -> None:
    job, run = await _ran(plane, tmp_path / "lake.duckdb")
    found = await see_rejects(plane, EDITOR, run, 0)
    (row,) = found.rows
    assert (found.table, found.total, row.column) == ("Hours_rejects", 1, "hours")
    assert row.id is not None
    with pytest.raises(Conflict, match="running"):
        await send_rejects(plane, EDITOR, run, 0, {row.id: {"EstHours": 4.25, "Job": "Pond"}})
    await _end(plane, run)
    again = await send_rejects(plane, EDITOR, run, 0, {row.id: None})
    assert (again.written, again.rejected) == (0, 1)
    (row,) = (await see_rejects(plane, EDITOR, run, 0)).rows
    assert row.id is not None
    async with calling(plane) as callers:
        path = f"/runs/{run}/tasks/0/rejects"
        listed = await callers["editor"]("GET", path)
        assert listed.json()["rows"][0]["id"] == row.id
        body = {"rows": [{"id": row.id, "record": {"EstHours": "4.5", "Job": "Pond"}}]}
        answer = await callers["editor"]("POST", f"{path}/send", body)
        assert (answer.status_code, answer.json()) == (200, {"written": 1, "rejected": 0})
        assert (await callers["operator"]("GET", path)).status_code == 403
        gone = await callers["editor"]("POST", f"{path}/send", body)
        assert gone.status_code == 404
    assert (await see_rejects(plane, EDITOR, run, 0)).total == 0
    destination = open_duckdb(str(tmp_path / "lake.duckdb"))
    rows = await destination.fetch(_all())
    await destination.aclose()
    assert sorted(rows.column("job").to_pylist()) == ["Garden", "Pond"]
    async with plane.changing(EDITOR) as work:
        await edit_job(work, "hours", job.spec.model_copy(update={"tasks": ()}))
    with pytest.raises(Missing, match="no such task"):
        await see_rejects(plane, EDITOR, run, 0)


async def test_what_may_not_be_looked_at_or_sent(plane: Plane, tmp_path: Path) -> None:
    _, run = await _ran(plane, tmp_path / "lake.duckdb")
    with pytest.raises(Forbidden):
        await see_rejects(plane, VIEWER, run, 0)
    with pytest.raises(Forbidden):
        await send_rejects(plane, VIEWER, run, 0, {"x": None})
    with pytest.raises(Missing):
        await see_rejects(plane, EDITOR, run, 1)
    for limit in (0, 501):
        with pytest.raises(Invalid):
            await see_rejects(plane, EDITOR, run, 0, limit=limit)
    with pytest.raises(Invalid):
        await send_rejects(plane, EDITOR, run, 0, {})


def _all() -> exp.Select:
    return exp.select("*").from_(names.table("Hours", "main"))
