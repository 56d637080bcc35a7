"""Jobs and tasks of the store: kept without loss, listed quickly, changed by one at a time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from control.planes import ADMIN, CLIO, EDITOR, LAKE, OPERATOR, VIEWER, plane_of
from syncline.control.access import Actor, Policy
from syncline.control.paging import Wanted
from syncline.control.plane import Plane
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.store.audit import audit
from syncline.control.store.connections import connections
from syncline.control.store.database import Store, open_store
from syncline.control.store.jobs import jobs
from syncline.control.store.labels import job_labels
from syncline.control.store.schedules import schedules
from syncline.control.store.schema import migrate
from syncline.control.store.tasks import tasks
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.job_list import labels_in_use, list_jobs
from syncline.control.usecases.jobs import (
    change_job,
    copy_job,
    create_job,
    delete_job,
    edit_job,
    get_job,
    job_of,
    pause_job,
)
from syncline.control.usecases.tasks import (
    add_tables,
    add_task,
    delete_tasks,
    edit_task,
    enable_tasks,
    move_task,
    pick_up_tables,
    targets,
)
from syncline.errors import Conflict, Forbidden, InUse, Invalid, Missing, NameTaken

EVERYTHING = {
    "source": "clio",
    "destination": "lake",
    "description": "All that there is",
    "labels": ["law", "night"],
    "schedule": {"daily_at": "03:30", "time_zone": "Europe/Berlin", "missed": "skip"},
    "table_prefix": "clio_",
    "schema": "raw",
    "start": "2025-01-01T00:00:00Z",
    "parallel_tasks": 4,
    "continue_on_error": False,
    "tasks": [
        {
            "table": "Activities",
            "columns": ["id", {"total": "amount"}, {"expression": "upper(note)", "as": "note"}],
            "where": "date >= @since",
            "parameters": {"since": "2025-01-01"},
            "write": "history",
            "key": ["id"],
            "deletes": {"mode": "soft", "every": 7},
            "synced_at": True,
        },
        {"query": "SELECT id FROM Matters", "into": "Open.Matters", "enabled": False},
        {"table": "Users", "into": "[dbo].[Users]", "existing": True, "write": "upsert",
         "mapping": {"id": "UserId"}, "batch_size": 500, "on_error": "redirect"},
    ],
}  # fmt: skip
SIMPLE = JobSpec(source="clio", destination="lake", tasks=(TaskSpec(table="Matters"),))


@pytest.fixture
async def plane(store: Store) -> Plane:
    made = plane_of(store)
    async with made.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
    return made


async def test_a_job_is_kept_without_loss(plane: Plane) -> None:
    spec = job_of(EVERYTHING)
    async with plane.changing(EDITOR) as work:
        made = await create_job(work, "nightly", spec)
    async with plane.looking(VIEWER) as work:
        found = await get_job(work, "Nightly")
    assert found == made
    assert found.spec == spec
    assert found.document == EVERYTHING
    assert found.version == 1
    assert len(found.task_ids) == 3
    assert found.next_run_at is not None
    assert found.next_run_at.astimezone(UTC).strftime("%H:%M") in {"01:30", "02:30"}
    assert targets(found) == ("raw.clio_Activities", "Open.Matters", "dbo.Users")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "lake"}, "lake is no source"),
        ({"destination": "clio"}, "an API, no destination"),
        ({"tasks": [{"table": "A"}, {"table": "B", "into": "raw.CLIO_a"}]}, "both write"),
        ({"tasks": [{"query": "SELECT 1"}]}, "needs 'into'"),
        ({"tasks": [{}]}, "give either 'table' or 'query'"),
        ({"schedule": {"after": {"job": "nowhere"}}}, "no job 'nowhere'"),
        ({"color": "red"}, "color"),
        ({"labels": ["a,b"]}, "labels"),
    ],
)
async def test_what_cannot_be_a_job(plane: Plane, changes: dict[str, object], words: str) -> None:
    async def create(given: dict[str, object]) -> None:
        async with plane.changing(EDITOR) as work:
            await create_job(work, "nightly", job_of({**EVERYTHING, **given}))

    with pytest.raises(Invalid, match=words):
        await create(changes)
    with pytest.raises(Missing, match="no connection 'nowhere'"):
        await create({"source": "nowhere"})
    async with plane.looking(VIEWER) as work:
        assert (await list_jobs(work)).total == 0


async def test_the_second_editor_gets_a_conflict_with_the_difference(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        seen = await create_job(work, "nightly", SIMPLE)
        theirs = await change_job(work, "nightly", {"parallel_tasks": 3}, version=seen.version)
        assert theirs.version == 2
        mine = SIMPLE.model_copy(update={"description": "mine"})
        with pytest.raises(Conflict, match="editor has changed the job nightly") as refused:
            await edit_job(work, "nightly", mine, version=seen.version)
        assert set(refused.value.differences) == {
            ("parallel_tasks", 3, None),
            ("description", None, "mine"),
        }
        # Saving what is there already is no change.
        again = await edit_job(work, "nightly", theirs.spec, version=2)
        assert again.version == 2
        back = await change_job(work, "nightly", {"parallel_tasks": None})
        assert back.spec == SIMPLE


async def test_tasks_keep_their_identity(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", SIMPLE)
        job = await add_tables(
            work,
            "nightly",
            ["Contacts", "matters", "Users"],
            like=TaskSpec(table="x", columns=("id",), deletes="soft", synced_at=True),
        )
        matters, contacts, users = job.task_ids
        assert [t.table for t in job.spec.tasks] == ["Matters", "Contacts", "Users"]
        assert job.spec.tasks[2] == TaskSpec(table="Users", deletes="soft", synced_at=True)
        job = await move_task(work, "nightly", users, 0)
        assert job.task_ids == (users, matters, contacts)
        job = await edit_task(work, "nightly", matters, TaskSpec(table="Matters", write="append"))
        assert job.task_ids == (users, matters, contacts)
        assert job.spec.tasks[1].write == "append"
        job = await enable_tasks(work, "nightly", [users, contacts], enabled=False)
        assert [t.enabled for t in job.spec.tasks] == [False, True, False]
        job = await add_task(work, "nightly", TaskSpec(query="SELECT id FROM Bills", into="Bills"))
        job = await delete_tasks(work, "nightly", [users, contacts])
        assert [t.table or t.into for t in job.spec.tasks] == ["Matters", "Bills"]
        for call in (
            delete_tasks(work, "nightly", [users]),
            move_task(work, "nightly", users, 0),
        ):
            with pytest.raises(Missing, match="no task"):
                await call
        with pytest.raises(Invalid, match="2 tasks"):
            await move_task(work, "nightly", matters, 2)
        with pytest.raises(Conflict):
            await add_tables(work, "nightly", ["Contacts"], version=1)
        with pytest.raises(Invalid, match="both write"):
            await add_task(work, "nightly", TaskSpec(table="Users", into="bills"))


async def test_a_job_of_all_tables_picks_up_new_ones(plane: Plane, tmp_path: Path) -> None:
    def profile(*tables: str) -> None:
        lines = [f"  {t}: {{path: /{t}, columns: {{id: integer}}}}" for t in tables]
        (tmp_path / "p.yaml").write_text(
            "name: P\nbase_url: https://p.example\nauth: [{scheme: None}]\ntables:\n"
            + "\n".join(lines)
        )

    profile("a", "b")
    async with plane.changing(EDITOR) as work:
        spec = CLIO.model_copy(update={"properties": {"Profile": str(tmp_path / "p.yaml")}})
        await create_connection(work, "p", spec)
        job = JobSpec(
            source="p",
            destination="lake",
            all_tables=True,
            tasks=(TaskSpec(table="b", enabled=False),),
        )
        await create_job(work, "all", job)
        picked = await pick_up_tables(work, "all")
        assert [(t.table, t.enabled) for t in picked.spec.tasks] == [("b", False), ("a", True)]
        assert await pick_up_tables(work, "all") == picked
    profile("a", "b", "c")
    async with plane.changing(EDITOR) as work:
        picked = await pick_up_tables(work, "all")
        assert [t.table for t in picked.spec.tasks] == ["b", "a", "c"]
        await create_job(work, "some", job.model_copy(update={"all_tables": False}))
        assert len((await pick_up_tables(work, "some")).spec.tasks) == 1


async def test_the_schedule_in_the_store(plane: Plane) -> None:
    async def row() -> tuple[object, ...]:
        query = select(schedules.c.enabled, schedules.c.next_run_at)
        return tuple((await work.connection.execute(query)).one())

    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", SIMPLE)
        await change_job(work, "nightly", {"schedule": {"every_minutes": 15}})
        enabled, first = await row()
        assert enabled
        assert isinstance(first, datetime)
        assert timedelta() < first - work.now <= timedelta(minutes=15)
        # Other changes do not touch the next start; a pause takes it away.
        await work.connection.execute(schedules.update().values(next_run_at=work.now))
        await change_job(work, "nightly", {"description": "x"})
        assert await row() == (True, work.now)
        await pause_job(work, "nightly", paused=True)
        assert await row() == (False, None)
        await pause_job(work, "nightly", paused=False)
        assert await row() == (True, first)
        await change_job(work, "nightly", {"schedule": {"continuous": 5}})
        assert await row() == (True, work.now)
        await change_job(work, "nightly", {"schedule": None})
        assert (await work.connection.execute(select(schedules))).all() == []


async def test_jobs_after_each_other(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "first", SIMPLE)
        after = {"schedule": {"after": {"job": "First"}}}
        await copy_job(work, "first", "second", after)
        await copy_job(work, "first", "third", {"schedule": {"after": {"job": "second"}}})
        with pytest.raises(Invalid, match="would run after itself"):
            await change_job(work, "first", {"schedule": {"after": {"job": "third"}}})
        with pytest.raises(Invalid, match="would run after itself"):
            await change_job(work, "first", after)
        with pytest.raises(InUse, match="second runs after the job first"):
            await delete_job(work, "first")
        await delete_job(work, "third")
        await delete_job(work, "second")
        await delete_job(work, "first")
        for table in (jobs, tasks, schedules, job_labels):
            assert (await work.connection.execute(select(table))).all() == []


async def test_copies_are_paused_and_names_are_unique(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", job_of(EVERYTHING))
        copy = await copy_job(work, "nightly", "weekly", {"labels": ["week"]})
        assert copy.document == {**EVERYTHING, "labels": ["week"], "paused": True}
        with pytest.raises(NameTaken):
            await copy_job(work, "nightly", "WEEKLY")


async def test_who_may_do_what(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", SIMPLE)
        await create_job(work, "secret", SIMPLE)
    async with plane.changing(VIEWER) as work:
        assert (await list_jobs(work)).total == 2
        for call in (
            create_job(work, "new", SIMPLE),
            change_job(work, "nightly", {"paused": True}),
            pause_job(work, "nightly", paused=True),
            delete_job(work, "nightly"),
        ):
            with pytest.raises(Forbidden):
                await call
    async with plane.changing(OPERATOR) as work:
        assert (await pause_job(work, "nightly", paused=True)).spec.paused
        with pytest.raises(Forbidden):
            await change_job(work, "nightly", {"description": "x"})
    some = Actor(
        name="ann", via="test", policies=(Policy(permissions=("*",), names=("night*", "clio")),)
    )
    async with plane.changing(some) as work:
        assert [j.name for j in (await list_jobs(work)).items] == ["nightly"]
        with pytest.raises(Missing):
            await get_job(work, "secret")
        # The destination is none that ann may see.
        with pytest.raises(Missing, match="lake"):
            await create_job(work, "night2", SIMPLE)


async def test_every_change_is_in_the_audit_log(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", SIMPLE)
        await change_job(work, "nightly", {"parallel_tasks": 2})
        await pause_job(work, "nightly", paused=True)
        await delete_job(work, "nightly")
        rows = (await work.connection.execute(select(audit).order_by(audit.c.id))).all()[2:]
    assert [r.action for r in rows] == ["jobs.create", "jobs.edit", "jobs.pause", "jobs.delete"]
    assert rows[1].changes == {"parallel_tasks": [None, 2]}
    assert rows[2].changes == {"paused": [None, True]}


async def test_of_two_thousand_jobs_a_page_is_listed(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await migrate(store)
    plane = plane_of(store)
    async with plane.changing(ADMIN) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        job = await create_job(work, "first", SIMPLE)
        source = (await work.connection.execute(select(connections.c.id))).scalars().all()
        first = (await work.connection.execute(select(jobs))).mappings().one()
        rows = [
            {**first, "id": f"id{n}", "name": f"job_{n:04d}", "folded": f"job_{n:04d}"}
            for n in range(2000)
        ]
        await work.connection.execute(insert(jobs), rows)
        labels = [{"job_id": f"id{n}", "label": f"team {n % 40}"} for n in range(2000)]
        await work.connection.execute(insert(job_labels), labels)
        spec = {"every_minutes": 10}
        await work.connection.execute(
            insert(schedules),
            [
                {"job_id": f"id{n}", "spec": spec, "enabled": True,
                 "next_run_at": work.now + timedelta(seconds=n)}
                for n in range(2000)
            ],
        )  # fmt: skip
    assert len(source) == 2
    assert job.name == "first"
    counts = {}
    for name, wanted in {
        "all": Wanted(),
        "searched": Wanted(search="job 19", limit=100),
        "labelled": Wanted(labels=("team 7",)),
        "ordered": Wanted(order="-next_run_at", offset=1950),
    }.items():
        async with plane.looking(VIEWER) as work:
            page = await list_jobs(work, wanted)
        counts[name] = (len(page.items), page.total)
    assert counts == {
        "all": (50, 2001),
        "searched": (100, 139),
        "labelled": (50, 50),
        "ordered": (50, 2001),
    }
    async with plane.looking(VIEWER) as work:
        assert len(await labels_in_use(work)) == 40
    await store.aclose()
