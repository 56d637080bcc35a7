"""A browser, and a Syncline that was just installed, for the tests of the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from web.browser import Site, enter, opened_browser, served, window


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not longer: its event loop runs as long as it, and other modules need their own.
    with opened_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    """A Syncline of this module's own; `signed_in` is its state for windows of its admin."""
    with served(tmp_path_factory.mktemp("site")) as site:
        with window(browser, site) as context:
            enter(context.new_page(), site)
            context.storage_state(path=site.folder / "admin.json")
        yield site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page of a window in which the administrator has signed in."""
    with window(browser, site, state=str(site.folder / "admin.json")) as context:
        yield context.new_page()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
