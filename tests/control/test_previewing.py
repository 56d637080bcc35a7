"""What a task would do is told, and its first rows are shown, before anything is written."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlglot import exp

from control.planes import EDITOR, VIEWER, plane_of
from standins.clocks import SkippingClock
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec, JobSpec, TaskSpec
from syncline.control.store.database import Store
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job
from syncline.control.usecases.previewing import task_mapping, task_outlook, task_preview
from syncline.destinations.duckdb import open_duckdb
from syncline.errors import Forbidden, Invalid, QueryError, SchemaRefused
from syncline.model.job import Disposition
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN, Options
from syncline.sandbox.server import running


@pytest.fixture
async def plane(sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Plane]:
    made = Plane(store=sqlite_store, vault=plane_of(sqlite_store).vault, clock=SkippingClock())
    async with running(Options(rows=60, rate_limit=0)) as sandbox:
        settings = {"BaseURL": sandbox.url, "APIKey": DEFAULT_CLICKTIME_TOKEN}
        time = ConnectionSpec.model_validate(
            {"type": "api", "properties": {"Profile": "clicktime", "ProfileSettings": settings}}
        )
        lake = ConnectionSpec(type="duckdb", properties={"Database": str(tmp_path / "lake.duckdb")})
        async with made.changing(EDITOR) as work:
            await create_connection(work, "time", time)
            await create_connection(work, "lake", lake)
            await create_job(work, "load", JobSpec(source="time", destination="lake"))
        yield made


async def test_how_a_task_would_be_read_and_written(plane: Plane) -> None:
    found = await task_outlook(plane, EDITOR, "load", TaskSpec(table="Users"))
    assert found.disposition is Disposition.MERGE
    assert found.key == ("ID",)
    assert found.columns > 5
    with pytest.raises(QueryError):
        await task_outlook(plane, EDITOR, "load", TaskSpec(table="Moons"))
    with pytest.raises(Invalid, match="1 to 500"):
        await task_preview(plane, EDITOR, "load", TaskSpec(table="Users"), limit=0)
    with pytest.raises(Forbidden):
        await task_preview(plane, VIEWER, "load", TaskSpec(table="Users"))


async def test_the_first_rows(plane: Plane, tmp_path: Path) -> None:
    task = TaskSpec(table="Users", columns=("ID", {"Name": "who"}))
    shown = await task_preview(plane, EDITOR, "load", task, limit=3)
    assert [(c.name, c.type) for c in shown.columns] == [("ID", "text"), ("who", "text")]
    assert len(shown.rows) == 3
    assert all(isinstance(cell, str) for row in shown.rows for cell in row)
    assert [c.name for c in shown.before_columns] == ["ID", "Name"]
    assert shown.before == shown.rows
    assert not shown.misfits
    assert not (tmp_path / "lake.duckdb").exists()


_HOURS = """TABLE "Hours" (hours DECIMAL(9, 2), job_name VARCHAR NOT NULL,
    booked DATE NOT NULL, noted VARCHAR, added TIMESTAMP DEFAULT current_timestamp)"""


async def test_the_columns_beside_those_of_an_existing_table(plane: Plane, tmp_path: Path) -> None:
    task = TaskSpec(
        query="SELECT EstHours, Job, JobID FROM Allocations", into="Hours", existing=True,
        mapping={"EstHours": "hours", "JobID": "booked", "Gone": "x"},
    )  # fmt: skip
    missing = await task_mapping(plane, EDITOR, "load", task)
    assert (missing.exists, missing.schema_name, missing.columns) == (False, "main", ())
    lake = open_duckdb(str(tmp_path / "lake.duckdb"))
    await lake.execute([exp.Command(this="CREATE", expression=_HOURS)])
    await lake.aclose()
    found = await task_mapping(plane, EDITOR, "load", task)
    assert found.tables == ("Hours",)
    assert {c.name: (c.target, len(c.problems)) for c in found.columns} == {
        "EstHours": ("hours", 0),
        "Job": (None, 1),
        "JobID": ("booked", 1),
    }
    assert "is date, and 'JobID' text" in found.columns[2].problems[0]
    assert {t.name: (t.taken, t.made_by, t.problems) for t in found.targets} == {
        "hours": (True, "", ()),
        "job_name": (False, "", ("'job_name' needs a value and gets none",)),
        "booked": (True, "", ()),
        "noted": (False, "", ()),
        "added": (False, "default", ()),
    }
    assert found.problems == ("the query has no column 'Gone'",)
    # What a run refuses is the same.
    with pytest.raises(SchemaRefused) as refused:
        await task_outlook(plane, EDITOR, "load", task)
    told = [c.problems for c in found.columns] + [t.problems for t in found.targets]
    assert all(problem in str(refused.value) for problems in told for problem in problems)
    with pytest.raises(Invalid, match="existing table"):
        await task_mapping(plane, EDITOR, "load", TaskSpec(table="Users"))
    with pytest.raises(Forbidden):
        await task_mapping(plane, VIEWER, "load", task)
