"""Actions of jobs as they are saved: who may, in which circles, in project files."""

from typing import Any

import pytest

from control.planes import ADMIN, CLIO, LAKE, plane_of
from control.test_channels import project
from syncline.control.access import Actor, Policy
from syncline.control.plane import Plane
from syncline.control.store.database import Store
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import change_job, create_job, get_job, job_of
from syncline.control.usecases.project_files import (
    apply_project,
    compare_project,
    export_project,
)
from syncline.errors import Forbidden, Invalid, Missing

COMMON: dict[str, Any] = {"source": "clio", "destination": "lake", "tasks": [{"table": "Matters"}]}


@pytest.fixture
async def plane(sqlite_store: Store) -> Plane:
    plane = plane_of(sqlite_store)
    async with plane.changing(ADMIN) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        for name in ("a", "b", "c"):
            await create_job(work, name, job_of(COMMON))
    return plane


def starts(*names: str) -> dict[str, Any]:
    return {"after": [{"job": name} for name in names]}


async def test_who_saves_an_action_must_be_allowed_to_run_the_job(plane: Plane) -> None:
    own = Policy(permissions=("jobs.*", "connections.*"), names=("a", "clio", "lake"))
    see = Policy(permissions=("jobs.view",), names=("b",))
    limited = Actor(name="eve", via="test", policies=(own, see))
    async with plane.changing(limited) as work:
        with pytest.raises(Forbidden):
            await change_job(work, "a", starts("b"))
        with pytest.raises(Missing):
            await change_job(work, "a", {"before": [{"job": "c"}]})
        await change_job(work, "a", {"before": [{"command": "dbt build"}]})


async def test_circles_are_refused(plane: Plane) -> None:
    async with plane.changing(ADMIN) as work:
        with pytest.raises(Invalid, match="would run after itself"):
            await change_job(work, "a", starts("A"))
        await change_job(work, "a", starts("b"))
        task = {"tasks": [{"table": "Matters", **starts("c")}]}
        await change_job(work, "b", task)
        with pytest.raises(Invalid, match="would run after itself"):
            await change_job(work, "c", starts("a"))
        with pytest.raises(Invalid, match="would run after itself"):
            await change_job(work, "a", {"schedule": {"after": {"job": "c"}}})
        await change_job(work, "c", {"schedule": {"after": {"job": "a"}}})
        assert (await get_job(work, "b")).document["tasks"] == task["tasks"]


async def test_a_project_file_keeps_actions(plane: Plane) -> None:
    async with plane.looking(ADMIN) as work:
        connections = (await export_project(work)).document["connections"]
    around = {
        "before": [{"sql": "DELETE FROM x", "on_error": "go_on"}],
        "after": [{"job": "second"}, {"http": {"url": "https://example.com/${PLACE}"},
                  "when": "ended", "timeout": 5.0}],
    }  # fmt: skip
    task = {"table": "Matters", "before": [{"command": "dbt run", "folder": "/srv"}]}
    # Before the job that it starts: the order of a file means nothing.
    jobs = {"first": {**COMMON, **around, "tasks": [task]}, "second": COMMON}
    file = project({"connections": connections, "jobs": jobs})
    async with plane.changing(ADMIN) as work:
        done = await apply_project(work, file, environment={})
        assert [c.name for c in done] == ["second", "first"]
        assert await compare_project(work, file, environment={}) == ()
        exported = (await export_project(work, only=["first", "second"])).document["jobs"]
        assert exported == jobs
        gone = project({"connections": connections, "jobs": {"a": COMMON}})
        pruned = await apply_project(work, gone, prune=True, environment={})
        assert {c.name for c in pruned} == {"first", "second", "b", "c"}


@pytest.mark.parametrize("part", ["job", "task"])
async def test_what_comes_before_knows_no_end(part: str) -> None:
    wrong = {"before": [{"sql": "x", "when": "failed"}]}
    given = {**COMMON, **wrong} if part == "job" else {**COMMON, "tasks": [{"table": "x", **wrong}]}
    with pytest.raises(Invalid, match="'when' is for actions in 'after'"):
        job_of(given)
