"""What holds for every page: for everybody, with 2,000 jobs, after a restart."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from web.browser import Site, enter, served, violations, window
from web.filling import filled

_PATHS = (
    "/", "/connections", "/connections/new", "/connections/new/api?profile=clio",
    "/connections/clio", "/jobs", "/jobs/new", "/jobs/timesheets", "/jobs/timesheets?tab=schedule",
    "/jobs/timesheets?tab=alerts", "/jobs/timesheets?tab=options", "/jobs/timesheets?tab=yaml",
    "/runs", "/explorer", "/settings?tab=notifications", "/settings?tab=users",
    "/settings?tab=tokens", "/settings?tab=secrets", "/settings?tab=profile",
)  # fmt: skip


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("busy")
    filled(f"sqlite:///{folder / 'store.db'}", "http://127.0.0.1:9", str(folder), jobs=2000)
    with served(folder) as site:
        with window(browser, site) as context:
            enter(context.new_page(), site)
            context.storage_state(path=folder / "admin.json")
        yield site


def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: Browser, busy: Site
) -> None:
    state = str(busy.folder / "admin.json")
    with window(browser, busy, state=state) as context:
        assert _found(context.new_page(), _PATHS, axe=True) == []
    with window(browser, busy, width=390, state=state) as context:
        assert _found(context.new_page(), _PATHS, axe=False) == []
        assert _found(context.new_page(), _PATHS[::4], axe=True) == []
    with window(browser, busy, theme="dark", state=state) as context:
        assert _found(context.new_page(), _PATHS[::2], axe=True) == []


def _found(page: Page, paths: Sequence[str], *, axe: bool) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for path in paths:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found.append((path, "is wider than the window"))
        if axe:
            found += [(path, *violation) for violation in violations(page)]
    return found


def test_two_thousand_jobs_are_searched_by_the_server(browser: Browser, busy: Site) -> None:
    with window(browser, busy, state=str(busy.folder / "admin.json")) as context:
        page = context.new_page()
        page.goto("/jobs")
        expect(page.get_by_text("1-50 of 2003")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("job-1234")
        expect(page.get_by_role("link", name="job-1234")).to_be_visible()
        expect(page.get_by_role("link", name="job-0001")).not_to_be_visible()
        page.goto("/jobs")
        expect(page.get_by_role("link", name="job-0001")).to_be_visible()


def test_many_jobs_and_tasks_are_changed_at_once(browser: Browser, busy: Site) -> None:
    with window(browser, busy, state=str(busy.folder / "admin.json")) as context:
        page = context.new_page()
        page.goto("/jobs")
        page.get_by_role("columnheader", name="Job").click()
        expect(page.get_by_role("row").nth(1)).to_contain_text("wide")
        page.get_by_label("Search jobs").fill("job-19")
        expect(page.get_by_text("1-50 of 100")).to_be_visible()
        page.get_by_role("checkbox", name="Select all").click()
        expect(page.get_by_text("50 selected")).to_be_visible()
        page.get_by_role("button", name="Pause", exact=True).click()
        expect(page.get_by_text("50 jobs paused")).to_be_visible()
        page.goto("/jobs/wide")
        page.get_by_label("Search tasks").fill("table_4")
        expect(page.get_by_role("link", name="table_1", exact=True)).to_have_count(0)
        # Of 500: 4, 40 to 49 and 400 to 499.
        page.get_by_role("checkbox", name="Select all").click()
        expect(page.get_by_text("111 selected")).to_be_visible()
        page.get_by_role("button", name="Switch Off").click()
        expect(page.get_by_text("111 tasks switched off")).to_be_visible()
        expect(page.get_by_text("111 selected")).to_have_count(0)
        expect(page.get_by_label("Search tasks")).to_have_value("table_4")
        page.get_by_label("Search tasks").fill("table_499")
        expect(page.get_by_role("switch", name="Switch of table_499")).not_to_be_checked()
        page.get_by_role("checkbox", name="Select table_499").click()
        page.get_by_role("button", name="Delete", exact=True).click()
        page.get_by_role("button", name="Delete Tasks").click()
        expect(page.get_by_text("1 task deleted")).to_be_visible()
        expect(page.get_by_role("definition").filter(has_text="499 tasks")).to_be_visible()


def test_a_page_lives_on_after_a_restart(tmp_path: Path, browser: Browser) -> None:
    filled(f"sqlite:///{tmp_path / 'store.db'}", "http://127.0.0.1:9", str(tmp_path))
    with served(tmp_path) as first, window(browser, first) as context:
        page = context.new_page()
        enter(page, first)
        page.goto("/jobs")
        expect(page.get_by_role("link", name="timesheets")).to_be_visible()
        task = context.new_page()
        task.goto("/jobs/timesheets")
        task.get_by_role("link", name="Jobs", exact=True).last.click()
        expect(task.get_by_text("How it will run")).to_be_visible()
        typed = context.new_page()
        typed.goto("/jobs/timesheets?tab=options")
        typed.get_by_label("Description").fill("not saved yet")
        typed.get_by_role("tab", name="YAML").click()
        code = typed.get_by_label("The job as YAML")
        code.click()
        typed.keyboard.press("Control+a")
        typed.keyboard.type("source: clicktime")
        for each in (page, task, typed):
            each.evaluate("window.fromBefore = true")
        port = int(first.url.rpartition(":")[2])
        first.stop()
        with served(tmp_path, port=port, fresh=False):
            # The pages load themselves again as soon as the server is there.
            for each in (page, task, typed):
                each.wait_for_function("!window.fromBefore")
            page.get_by_role("link", name="timesheets").click()
            expect(page.get_by_role("heading", name="timesheets", exact=True)).to_be_visible()
            page.get_by_role("tab", name="Options").click()
            expect(page.get_by_label("Description")).to_have_value("Hours, users and clients")
            expect(task.get_by_text("How it will run")).to_be_visible()
            task.get_by_role("tab", name="Options").click()
            expect(task.get_by_label("Target table")).to_be_visible()
            task.get_by_role("button", name="Save Changes").click()
            expect(task.get_by_text("Saved", exact=True)).to_be_visible()
            # What was typed is back, on each tab when it is turned to.
            expect(typed.get_by_text("What you had typed here is back")).to_be_visible()
            expect(code).to_have_text("source: clicktime")
            typed.get_by_role("tab", name="Options").click()
            expect(typed.get_by_label("Description")).to_have_value("not saved yet")
            typed.get_by_role("button", name="Save Changes").click()
            # It does not say any more that something is not saved yet.
            expect(typed.get_by_text("Saved", exact=True)).to_be_visible()
            expect(typed.locator(".typed-back")).to_have_count(0)
