"""Pages whose server is out of reach for a while: nothing that was typed is lost."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, update

from control.planes import ADMIN
from syncline.control.plane import Work, open_plane
from syncline.control.runs import State
from syncline.control.store.runs import runs
from web.browser import PASSWORD, Site, enter, served, window
from web.filling import filled

_RUN = "c" * 32


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("lost")
    store = f"sqlite:///{folder / 'store.db'}"
    filled(store, "http://127.0.0.1:9", str(folder))
    _done(store, over=False)
    with served(folder) as made:
        with window(browser, made) as context:
            enter(context.new_page(), made)
            context.storage_state(path=folder / "admin.json")
        yield made


def _done(store: str, *, over: bool) -> None:
    """Put a run into the store that is under way, or let it end."""

    async def put(work: Work) -> None:
        if over:
            ended = {"state": State.SUCCEEDED, "finished_at": work.now}
            await work.connection.execute(update(runs).where(runs.c.id == _RUN).values(ended))
            return
        begun = {
            "id": _RUN, "job_id": "j" * 32, "job": "timesheets", "reason": "manual",
            "requested_by": "ada", "options": {}, "followed": True, "state": State.RUNNING,
            "created_at": work.now, "started_at": work.now,
            "dispatched_at": work.now + timedelta(hours=1),
        }  # fmt: skip
        await work.connection.execute(insert(runs), [begun])

    async def do() -> None:
        async with open_plane(store) as plane, plane.changing(ADMIN) as work:
            await put(work)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(do())).result()


def test_a_run_goes_on_being_shown_when_the_network_is_back(page: Page, site: Site) -> None:
    page.goto(f"/runs/{_RUN}")
    state = page.locator(".state").first
    expect(state).to_have_text("running")
    page.context.set_offline(True)
    expect(page.get_by_text("No connection to Syncline")).to_be_visible()
    _done(site.store, over=True)
    page.context.set_offline(False)
    expect(page.get_by_text("Connected again")).to_be_visible()
    expect(state).to_have_text("succeeded")
    expect(page.get_by_role("button", name="Run Again")).to_be_visible()


def test_what_is_typed_without_a_network_is_saved_when_it_is_back(page: Page) -> None:
    page.goto("/jobs/timesheets?tab=options")
    description = page.get_by_label("Description")
    expect(description).to_be_visible()
    page.evaluate("window.fromBefore = true")
    description.fill("typed before")
    page.context.set_offline(True)
    expect(page.get_by_text("No connection to Syncline")).to_be_visible()
    description.fill("typed meanwhile")
    page.context.set_offline(False)
    expect(page.get_by_text("Connected again")).to_be_visible()
    # The same page: choices and switches are as they were, too.
    assert page.evaluate("window.fromBefore")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.reload()
    expect(description).to_have_value("typed meanwhile")
    expect(page.locator(".typed-back")).to_have_count(0)


def test_what_is_typed_outlives_the_session_and_secrets_are_not_kept(
    browser: Browser, site: Site
) -> None:
    with window(browser, site) as context:
        _type_and_sign_in_again(context.new_page(), site)


def _type_and_sign_in_again(page: Page, site: Site) -> None:
    page.goto("/sign-in?next=/connections/new/postgres")
    _sign_in(page)
    page.get_by_label("Description").fill("of the office")
    page.get_by_label("Password", exact=True).fill("hunter2")
    page.get_by_role("tab", name="Connection String").click()
    page.get_by_label("Connection string").fill("Server=db;Password=hunter2")
    session = next(c for c in page.context.cookies() if c["name"] == "syncline_session")
    assert "value" in session
    httpx.post(f"{site.url}/sign-out", cookies={"syncline_session": session["value"]})
    page.get_by_role("button", name="Test Connection").click()
    _sign_in(page)
    expect(page.get_by_label("Description")).to_have_value("of the office")
    expect(page.get_by_text("What you had typed here is back")).to_be_visible()
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "of the office" in kept
    assert "hunter2" not in kept
    page.get_by_role("button", name="Discard It").click()
    expect(page.locator(".typed-back")).to_have_count(0)
    expect(page.get_by_label("Description")).to_have_value("")
    # Others who sign in here see nothing of it.
    page.get_by_label("Description").fill("mine")
    page.get_by_role("button", name="Menu of admin").click()
    page.get_by_text("Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "mine" not in page.evaluate("JSON.stringify(sessionStorage)")


def _sign_in(page: Page) -> None:
    expect(page.get_by_role("button", name="Sign In")).to_be_visible()
    page.get_by_label("User").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign In").click()
