"""What is told while Syncline works: time left, tasks that lag, keys; and the keyboard."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select, update

from control.planes import ADMIN
from syncline.control.plane import Work, open_plane
from syncline.control.runs import State
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import runs, task_runs
from syncline.control.store.tasks import tasks
from syncline.control.vault import new_key, vault_of
from web.browser import Site, enter, served, window
from web.filling import filled

_ABOUT_A_MINUTE = re.compile(r"^([1-9]\d s|\d+ min \d+ s)$")
_BEFORE, _NOW = "a" * 32, "b" * 32


def _done(store: str, work: Callable[[Work], Awaitable[None]]) -> None:
    """Do something in a store; the browser's driver has a loop of its own in this thread."""

    async def do() -> None:
        async with open_plane(store) as plane, plane.changing(ADMIN) as here:
            await work(here)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(do())).result()


async def _under_way(work: Work) -> None:
    """A run that has read half of what the one before it read, and tasks that wait for days."""
    job = await work.connection.scalar(select(jobs.c.id).where(jobs.c.folded == "timesheets"))
    key = await work.connection.scalar(
        select(tasks.c.key).where(tasks.c.job_id == job, tasks.c.key.like("%/users"))
    )
    old = work.now - timedelta(days=3)
    await work.connection.execute(update(tasks).values(added_at=old))
    await work.connection.execute(update(jobs).where(jobs.c.id == job).values(paused=False))
    common: dict[str, Any] = {
        "job_id": job, "job": "timesheets", "reason": "manual", "requested_by": "ada",
        "options": {}, "followed": True,
    }  # fmt: skip
    begun = work.now - timedelta(seconds=60)
    await work.connection.execute(
        insert(runs),
        [
            {**common, "id": _BEFORE, "state": State.SUCCEEDED, "created_at": old,
             "dispatched_at": old, "started_at": old, "finished_at": old},
            {**common, "id": _NOW, "state": State.RUNNING, "created_at": begun,
             "dispatched_at": work.now + timedelta(hours=1), "started_at": begun,
             "finished_at": None},
        ],
    )  # fmt: skip
    part = {"number": 0, "task": key, "target": "Users", "incremental": False}
    await work.connection.execute(
        insert(task_runs),
        [
            {**part, "run_id": _BEFORE, "state": State.SUCCEEDED, "read": 60_000,
             "seconds": 100.0, "started_at": old, "finished_at": old},
            {**part, "run_id": _NOW, "state": State.RUNNING, "read": 30_000, "seconds": 0.0,
             "started_at": begun, "finished_at": None},
        ],
    )  # fmt: skip


async def _sealed_before(work: Work) -> None:
    """Secrets that were sealed with a key before the present one."""
    older = vault_of([new_key()])
    sealed = {"OAuthClientSecret": older.seal("s"), "Password": older.seal("p")}
    clio = connections.c.folded == "clio"
    await work.connection.execute(update(connections).where(clio).values(sealed=sealed))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("watching")
    store = f"sqlite:///{folder / 'store.db'}"
    filled(store, "http://127.0.0.1:9", str(folder))
    _done(store, _under_way)
    with served(folder) as made:
        with window(browser, made) as context:
            enter(context.new_page(), made)
            context.storage_state(path=folder / "admin.json")
        yield made


def test_a_run_tells_its_rate_and_the_time_left(page: Page) -> None:
    page.goto(f"/runs/{_NOW}")
    row = page.get_by_role("row").filter(has_text="Users")
    expect(row).to_contain_text("30,000")
    # 30,000 rows in a minute or a little more, and as many to come.
    expect(row.get_by_role("cell").nth(9)).to_have_text(_ABOUT_A_MINUTE)
    left = page.locator(".figure").filter(has_text="Left, about")
    expect(left.locator(".figure-value")).to_have_text(_ABOUT_A_MINUTE)
    page.goto(f"/runs/{_BEFORE}")
    expect(page.get_by_text("Rows read")).to_be_visible()
    expect(page.get_by_text("Left, about")).to_have_count(0)


def test_the_dashboard_names_the_tasks_that_lag(page: Page) -> None:
    page.goto("/")
    lagging = page.locator("section").filter(has_text="Tasks that lag")
    expect(lagging.get_by_role("link", name="timesheets / users")).to_be_visible()
    expect(lagging.get_by_text("never succeeded").first).to_be_visible()
    # A paused job lags for nobody.
    expect(lagging.get_by_text("nightly-clio")).to_have_count(0)
    lagging.get_by_role("link", name="timesheets / users").click()
    expect(page.get_by_role("heading", name="timesheets", exact=True)).to_be_visible()


def test_secrets_of_an_older_key_are_sealed_anew(page: Page, site: Site) -> None:
    page.goto("/settings?tab=secrets")
    expect(page.get_by_text("Every secret is sealed with the current key")).to_be_visible()
    _done(site.store, _sealed_before)
    page.goto("/settings?tab=secrets")
    expect(page.get_by_text("missing", exact=True)).to_be_visible()
    expect(page.get_by_text("cannot be opened")).to_be_visible()
    expect(page.get_by_role("button", name="Anew")).to_have_count(0)


def test_what_the_keyboard_does(page: Page) -> None:
    page.goto("/jobs")
    search = page.get_by_label("Search jobs")
    expect(search).to_be_visible()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    # In a field it is a letter like any other.
    page.keyboard.type("a/b")
    expect(search).to_have_value("a/b")
    page.goto("/jobs/timesheets")
    page.get_by_role("button", name="Add Custom Query").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto("/explorer?connection=warehouse&sql=SELECT 40 %2B 2 AS answer, 'x' AS word")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    page.get_by_role("tab", name="Chart").click()
    expect(page.get_by_role("img", name="Chart of the result")).to_be_visible()
    expect(page.get_by_role("button", name="Make This a Task")).to_have_count(0)


def test_a_query_of_the_explorer_becomes_a_task(page: Page) -> None:
    page.goto("/explorer?connection=clicktime&sql=SELECT TableName FROM sys_tables")
    page.get_by_role("button", name="Run Query").click()
    expect(page.get_by_role("cell", name="Clients", exact=True)).to_be_visible()
    page.get_by_role("button", name="Make This a Task").click()
    page.get_by_role("button", name="Go On").click()
    expect(page.get_by_role("heading", name="timesheets", exact=True)).to_be_visible()
    expect(page.get_by_label("Query *")).to_have_value("SELECT TableName FROM sys_tables")
    page.get_by_label("Query *").fill("SELECT ID, Name FROM Users")
    page.get_by_label("Target table *").fill("Names")
    page.get_by_role("button", name="Add Query").click()
    expect(page.get_by_role("link", name="Names", exact=True)).to_be_visible()
