"""Whatever people write, it is a value: never SQL, never a pattern, never a path."""

import pytest
from sqlalchemy import func, select

from control.planes import ADMIN, CLIO, LAKE, plane_of
from syncline.control.access import Actor, Policy
from syncline.control.paging import Wanted
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec, JobSpec, TaskSpec
from syncline.control.store.database import Store
from syncline.control.store.jobs import jobs
from syncline.control.usecases.audit_log import list_audit
from syncline.control.usecases.connections import (
    create_connection,
    get_connection,
    list_connections,
)
from syncline.control.usecases.job_list import labels_in_use, list_jobs
from syncline.control.usecases.jobs import change_job, create_job, get_job
from syncline.control.usecases.users import get_user, list_users
from syncline.errors import Invalid, Missing

TRICKS = (
    "'; DROP TABLE jobs; --",
    '" OR ""="',
    "x') OR 1=1 --",
    "%",
    "n%_y",
    "\\",
    "nightly/*",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "../../etc/passwd",
    "\u202egnihton",
    "<script>alert(1)</script>",
    "nul\u0001l",
)


@pytest.fixture
async def plane(store: Store) -> Plane:
    made = plane_of(store)
    async with made.changing(ADMIN) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        job = JobSpec(source="clio", destination="lake", tasks=(TaskSpec(table="Matters"),))
        await create_job(work, "nightly", job)
    return made


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_trick_is_a_value(plane: Plane, trick: str) -> None:
    async with plane.changing(ADMIN) as work:
        for found in (
            await list_jobs(work, Wanted(search=trick)),
            await list_jobs(work, Wanted(labels=(trick,))),
            await list_jobs(work, connection=trick, state=trick),
            await list_connections(work, Wanted(search=trick), type_=trick),
            await list_users(work, Wanted(search=trick)),
            await list_audit(work, Wanted(search=trick), kind=trick, name=trick, actor=trick),
        ):
            assert found.total == 0
        for call in (
            get_job(work, trick),
            get_connection(work, trick),
            get_user(work, trick),
        ):
            with pytest.raises(Missing):
                await call
        with pytest.raises(Invalid):
            await create_connection(work, trick, LAKE)
        with pytest.raises(Invalid):
            await list_jobs(work, Wanted(order=trick))
        await change_job(
            work,
            "nightly",
            {"description": trick, "labels": [trick], "table_prefix": trick, "schema": trick},
        )
        stored = await create_connection(
            work, "odd", ConnectionSpec(type="duckdb", properties={"Database": trick})
        )
        assert stored.properties == {"Database": trick}
    async with plane.looking(ADMIN) as work:
        job = await get_job(work, "nightly")
        assert (job.spec.description, job.spec.labels) == (trick, (trick,))
        assert await labels_in_use(work) == (trick,)
        assert (await list_jobs(work, Wanted(labels=(trick,)))).total == 1
        assert await work.connection.scalar(select(func.count()).select_from(jobs)) == 1


@pytest.mark.parametrize("trick", [t for t in TRICKS if t != "%"])
async def test_a_policy_is_no_pattern_but_for_its_stars(plane: Plane, trick: str) -> None:
    actor = Actor(name="ann", via="test", policies=(Policy(permissions=("*",), names=(trick,)),))
    some = Actor(
        name="bob", via="test", policies=(Policy(permissions=("*",), names=("n_ghtly", "n?ghtly")),)
    )
    async with plane.looking(actor) as work:
        assert (await list_jobs(work)).total == 0
    async with plane.looking(some) as work:
        assert (await list_jobs(work)).total == 0
        with pytest.raises(Missing):
            await get_job(work, "nightly")
