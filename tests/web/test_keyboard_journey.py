"""From the sign-in to a run without a mouse."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from web.browser import PASSWORD, Site, enter, served, window
from web.filling import filled

#: No part of a page is further away than this.
_PRESSES = 60


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("keyboard")
    filled(f"sqlite:///{folder / 'store.db'}", "http://127.0.0.1:9", str(folder))
    with served(folder) as made:
        with window(browser, made) as context:
            enter(context.new_page(), made)
        yield made


def test_a_job_is_made_and_run_by_keys_alone(browser: Browser, site: Site) -> None:
    with window(browser, site) as context:
        page = context.new_page()
        page.goto("/sign-in")
        _tab_to(page, page.get_by_label("User"))
        page.keyboard.type("admin")
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
        # The first stop leads past the navigation.
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
        _press(page, page.get_by_role("link", name="Jobs", exact=True).first)
        expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
        _press(page, page.get_by_role("link", name="Add Job"))
        expect(page.get_by_role("heading", name="Add Job")).to_be_visible()
        name = page.get_by_label("Name *")
        _tab_to(page, name)
        page.keyboard.press("Control+a")
        page.keyboard.type("by-keys")
        page.keyboard.press("Tab")
        # The source, chosen from its list.
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("option", name="clicktime")).to_be_visible()
        page.keyboard.press("Escape")
        _tab_to(page, page.get_by_label("Search tables"))
        page.keyboard.type("Clients")
        expect(page.get_by_role("checkbox", name="Select Clients", exact=True)).to_be_visible()
        _press(page, page.get_by_role("checkbox", name="Select Clients", exact=True), "Space")
        expect(page.get_by_text("1 of")).to_be_visible()
        _press(page, page.get_by_role("button", name="Create Job"))
        expect(page.get_by_role("heading", name="by-keys")).to_be_visible()
        # Tabs are one stop, and arrows go from one to the next.
        _tab_to(page, page.get_by_role("tab", name="Tasks"))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Start", exact=True)).to_be_visible()
        _press(page, page.get_by_role("button", name="Run", exact=True))
        expect(page.get_by_role("heading", name="Run of by-keys")).to_be_visible()


def _press(page: Page, target: Locator, key: str = "Enter") -> None:
    _tab_to(page, target)
    page.keyboard.press(key)


def _tab_to(page: Page, target: Locator) -> None:
    expect(target).to_be_visible()
    for _ in range(_PRESSES):
        if target.evaluate("e => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    pytest.fail(f"the keyboard does not reach {target}")
