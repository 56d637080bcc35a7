"""A store with something in it, as if it had been in use for a while."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import duckdb
from sqlalchemy import insert, select

from syncline.control.access import ROLES, Actor
from syncline.control.alert_specs import ChannelSpec
from syncline.control.plane import Work, open_plane
from syncline.control.project import ConnectionSpec
from syncline.control.runs import State
from syncline.control.store.jobs import jobs as job_rows
from syncline.control.store.runs import runs, task_runs
from syncline.control.usecases.channels import create_channel
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import change_job, create_job, job_of

_ADA = Actor(name="ada", via="command line", policies=ROLES["admin"])


#: Tables that were there before Syncline was.
_HOURS = """
CREATE TABLE hours (hours DECIMAL(9, 2), job_name VARCHAR, booked TIMESTAMP DEFAULT now());
CREATE TABLE plans (nr INTEGER NOT NULL, est_hours DOUBLE, job_name VARCHAR NOT NULL,
    month DATE, noted VARCHAR)"""


def filled(
    store: str, clicktime: str, folder: str, *, jobs: int = 0, existing: bool = False
) -> None:
    """Put connections and jobs into a store; ``clicktime``: where ClickTime answers.

    ``existing``: a job, too, that writes to tables which are there already; alerts and actions.
    """

    async def fill(work: Work) -> None:
        await _everything(work, clicktime, folder, jobs)
        if existing:
            await _flows(work, folder)
            await _told(work)
            await _before(work)

    def run() -> None:
        asyncio.run(_fill(store, fill))

    # The browser's driver has a loop of its own in the thread of the tests.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


async def _fill(store: str, fill: Callable[[Work], Awaitable[None]]) -> None:
    async with open_plane(store) as plane, plane.changing(_ADA) as work:
        await fill(work)


async def _everything(work: Work, clicktime: str, folder: str, jobs: int) -> None:
    settings = {"BaseURL": clicktime, "APIKey": "sandbox-token"}
    for name, type_, properties, description in (
        ("clicktime", "api", {"Profile": "clicktime", "ProfileSettings": settings}, "Timesheets"),
        ("clio", "api", {"Profile": "clio", "OAuthClientId": "key", "OAuthClientSecret": "secret"},
         "Matters, bills and time entries"),
        ("warehouse", "duckdb", {"Database": f"{folder}/warehouse.duckdb"}, "For the reports"),
    ):  # fmt: skip
        spec = ConnectionSpec.model_validate(
            {"type": type_, "properties": properties, "description": description,
             "labels": ["production"]}
        )  # fmt: skip
        await create_connection(work, name, spec)
    common = {"destination": "warehouse"}
    users = {"table": "Users", "columns": ["ID", "Name", {"Email": "email"}]}
    timesheets = {
        "source": "clicktime",
        "description": "Hours, users and clients",
        "schedule": {"every_minutes": 30},
        "tasks": [
            users,
            {"table": "Jobs"},
            {"table": "Clients"},
            {"query": "SELECT ID, Nme FROM Users", "into": "Mistaken"},
        ],
    }
    nightly = {
        "source": "clio",
        "labels": ["legal"],
        "paused": True,
        "schedule": {"daily_at": "02:00", "time_zone": "Europe/Berlin"},
        "tasks": [{"table": "Matters", "deletes": "soft"}, {"table": "Contacts"}],
    }
    given: dict[str, Mapping[str, Any]] = {"timesheets": timesheets, "nightly-clio": nightly}
    for name, document in given.items():
        await create_job(work, name, job_of({**common, **document}))
    if jobs:
        wide = [{"query": "SELECT ID FROM Users", "into": f"table_{n}"} for n in range(500)]
        await create_job(work, "wide", job_of({**common, "source": "clicktime", "tasks": wide}))
        await _copied(work, "timesheets", jobs)


async def _flows(work: Work, folder: str) -> None:
    with duckdb.connect(f"{folder}/warehouse.duckdb") as warehouse:
        warehouse.execute(_HOURS)
    query = "SELECT EstHours * 1.001 AS EstHours, Job FROM Allocations WHERE EstHours > 8.5"
    hours = {
        "query": query, "into": "hours", "existing": True, "on_error": "redirect",
        "mapping": {"EstHours": "hours", "Job": "job_name"},
    }  # fmt: skip
    plans = {
        "query": "SELECT Job, Month, EstHours, UserID FROM Allocations", "into": "plans",
        "existing": True, "enabled": False, "mapping": {"Job": "job_name"},
    }  # fmt: skip
    users = {"query": "SELECT Nme FROM Users", "into": "people"}
    tasks = {"source": "clicktime", "destination": "warehouse", "tasks": [hours, plans, users]}
    await create_job(work, "allocations", job_of(tasks))


async def _before(work: Work) -> None:
    """Let a job have run for two weeks, most days well."""
    query = select(job_rows.c.id).where(job_rows.c.folded == "timesheets")
    job = await work.connection.scalar(query)
    for day in range(1, 14):
        begun = work.now - timedelta(days=day, hours=2)
        state = State.FAILED if day in {4, 9} else State.SUCCEEDED
        read = 1200 + 340 * (day * 7 % 5)
        run, ended = f"{day:032}", begun + timedelta(seconds=20 + day)
        times = {"state": state, "started_at": begun, "finished_at": ended}
        await work.connection.execute(
            insert(runs).values(
                id=run, job_id=job, job="timesheets", reason="schedule", requested_by="",
                options={}, followed=True, created_at=begun, dispatched_at=begun, **times,
            )
        )  # fmt: skip
        await work.connection.execute(
            insert(task_runs).values(
                run_id=run, number=0, task=f"{job}/users", target="Users", incremental=True,
                read=read, updated=read // 3, requests=8 + day % 4, seconds=12.0, **times,
            )
        )  # fmt: skip


async def _told(work: Work) -> None:
    """Let somebody be told of a job's runs, and something be done before and after them."""
    for name, url, description in (
        ("on-call", "jsons://hooks.example.com/on-call", "Whoever has the phone"),
        ("finance", "mailtos://u:p@smtp.example.com?from=a@example.com&to=b@example.com", ""),
    ):
        await create_channel(work, name, ChannelSpec(url=url, description=description))
    changes = {
        "alerts": [
            {"when": "failure", "channels": ["on-call"]},
            {"when": "row_drop", "percent": 50, "channels": ["finance", "on-call"]},
        ],
        "before": [{"sql": "DELETE FROM totals WHERE day = current_date"}],
        "after": [{"command": "dbt build --select tag:hours", "folder": "/srv/dbt"}],
    }
    await change_job(work, "nightly-clio", changes)


async def _copied(work: Work, name: str, count: int) -> None:
    """Put many jobs into the store at once; to make each by itself takes a minute."""
    query = select(job_rows).where(job_rows.c.folded == name)
    row = dict((await work.connection.execute(query)).mappings().one())
    copies = [
        {**row, "id": f"{n:032}", "name": f"job-{n:04}", "folded": f"job-{n:04}"}
        for n in range(count)
    ]
    await work.connection.execute(insert(job_rows), copies)
