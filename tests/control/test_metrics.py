"""What a monitor is told: numbers for everybody, names only for whoever may see runs."""

from collections.abc import Mapping

import httpx
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert, select, update

from control.calling import calling
from control.planes import plane_of
from syncline.api.app import mount
from syncline.control.plane import Plane
from syncline.control.store.database import Store
from syncline.control.store.nodes import nodes
from syncline.control.store.runs import runs, task_runs

_CLIO = {"name": "clio", "type": "api", "properties": {"Profile": "clio"}}
_LAKE = {"name": "lake", "type": "duckdb", "properties": {"Database": "lake.duckdb"}}
_JOB = {
    "name": "nightly",
    "source": "clio",
    "destination": "lake",
    "tasks": [{"table": "Matters"}],
}


async def _scraped(plane: Plane, **headers: str) -> Mapping[tuple[str, ...], float]:
    app = FastAPI()
    mount(app, plane)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://syncline") as client:
        answer = await client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }


async def test_numbers_of_a_store_with_runs(sqlite_store: Store) -> None:
    plane = plane_of(sqlite_store)
    async with calling(plane) as people:
        for given in (_CLIO, _LAKE):
            assert (await people["editor"]("POST", "/connections", given)).status_code == 201
        assert (await people["editor"]("POST", "/jobs", _JOB)).status_code == 201
        assert (await people["operator"]("POST", "/jobs/nightly/runs", {})).status_code in {
            200,
            202,
        }
        found = await _scraped(plane)
        assert found["syncline_runs_waiting",] == found["syncline_runs", "queued"] == 1
        assert found["syncline_runs", "failed"] == 0
        assert found["syncline_nodes_up",] == 0
        assert "nightly" not in str(found)
        async with sqlite_store.writing() as connection:
            run = await connection.scalar(select(runs.c.id))
            await connection.execute(
                insert(task_runs).values(
                    run_id=run, number=1, task="t", target="Matters", state="succeeded",
                    read=7, inserted=5, requests=3, waited=2.5,
                )
            )  # fmt: skip
            ended = runs.c.created_at
            await connection.execute(update(runs).values(state="succeeded", finished_at=ended))
            await connection.execute(
                insert(nodes).values(
                    id="n", host="h", pid=1, version="1", state="up", started_at=0, beat_at=0
                )
            )
        found = await _scraped(plane, Authorization="Bearer token of viewer")
        assert found["syncline_job_rows", "nightly", "read"] == 7
        assert found["syncline_job_rows", "nightly", "inserted"] == 5
        assert found["syncline_job_requests", "nightly"] == 3
        assert found["syncline_job_waited_seconds", "nightly"] == 2.5
        assert found["syncline_job_lag_seconds", "nightly"] >= 0
        assert found["syncline_task_lag_seconds", "nightly", "Matters"] >= 0
        assert found["syncline_nodes_up",] == 1
        assert found["syncline_runs_waiting",] == 0


async def test_a_wrong_token_is_refused(sqlite_store: Store) -> None:
    app = FastAPI()
    mount(app, plane_of(sqlite_store))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://syncline") as client:
        answer = await client.get("/metrics", headers={"Authorization": "Bearer nobody's"})
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
