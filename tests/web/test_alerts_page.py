"""Channels in the settings, alerts and actions of a job, clicked as a person would."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from web.browser import Site, enter, served, violations, window
from web.filling import filled


@contextmanager
def hook() -> Iterator[tuple[str, list[Any]]]:
    """A web hook, its address and what it is told."""
    told: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", told
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def filled_site(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("alerts")
    filled(f"sqlite:///{folder / 'store.db'}", "http://127.0.0.1:9", str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNCLINE_ALLOW_PRIVATE_ADDRESSES", "true")
        with served(folder) as site:
            with window(browser, site) as context:
                enter(context.new_page(), site)
                context.storage_state(path=folder / "admin.json")
            yield site


def test_a_channel_is_added_tried_and_named_by_an_alert(
    browser: Browser, filled_site: Site
) -> None:
    state = str(filled_site.folder / "admin.json")
    with hook() as (address, told), window(browser, filled_site, state=state) as context:
        page = context.new_page()
        page.goto("/jobs/timesheets?tab=alerts")
        page.get_by_role("link", name="Add Channel").click()
        page.get_by_role("button", name="Add Channel").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name *").fill("ops")
        dialog.get_by_label("Address *").fill(f"json://{address}/hunter2")
        dialog.get_by_role("button", name="Add Channel").click()
        expect(page.get_by_text("ops has taken a test message")).to_be_visible()
        expect(page.get_by_role("cell", name="JSON")).to_be_visible()
        assert told.pop()["title"] == "Test of a Syncline channel"
        page.get_by_label("Address of this web application").fill(filled_site.url)
        page.get_by_role("button", name="Save Address").click()
        expect(page.get_by_text("Saved")).to_be_visible()
        page.goto("/jobs/timesheets?tab=alerts")
        page.get_by_role("button", name="Add Alert").click()
        expect(page.get_by_role("group", name="Alert 1")).to_be_visible()
        page.get_by_role("button", name="Add Alert").click()
        second = page.get_by_role("group", name="Alert 2")
        second.get_by_label("When").click()
        page.get_by_role("option", name="A run is late").click()
        second.get_by_label("Minutes after the planned start").fill("45")
        page.get_by_role("button", name="Save Changes").locator("visible=true").click()
        expect(page.get_by_text("Saved")).to_be_visible()
        page.reload()
        expect(second.get_by_label("Minutes after the planned start")).to_have_value("45")
        _is_for_everybody(page)
        page.goto("/settings?tab=notifications")
        expect(page.get_by_text("1 job")).to_be_visible()
        _is_for_everybody(page)
        page.get_by_role("button", name="Delete ops").click()
        page.get_by_role("button", name="Delete Channel").click()
        expect(page.get_by_text("is told about timesheets")).to_be_visible()
        assert "hunter2" not in page.content()


def test_an_action_is_added_in_the_options(browser: Browser, filled_site: Site) -> None:
    state = str(filled_site.folder / "admin.json")
    with window(browser, filled_site, state=state) as context:
        page = context.new_page()
        page.goto("/jobs/nightly-clio?tab=options")
        page.get_by_role("button", name="Add Action Before").click()
        before = page.get_by_role("group", name="Before 1")
        before.get_by_label("SQL", exact=True).fill("DELETE FROM totals")
        page.get_by_role("button", name="Add Action After").click()
        after = page.get_by_role("group", name="After 1")
        after.get_by_label("What").click()
        page.get_by_role("option", name="Command").click()
        after.get_by_label("Command").fill("dbt build")
        after.get_by_label("When the run").click()
        page.get_by_role("option", name="has ended, however").click()
        _is_for_everybody(page)
        page.get_by_role("button", name="Save Changes").locator("visible=true").click()
        expect(page.get_by_text("Saved")).to_be_visible()
        page.reload()
        expect(before.get_by_label("SQL", exact=True)).to_have_value("DELETE FROM totals")
        expect(after.get_by_label("Command")).to_have_value("dbt build")
        after.get_by_role("button", name="Remove").click()
        expect(after).to_have_count(0)


def _is_for_everybody(page: Page) -> None:
    """Nothing for axe to find, and nothing wider than the window of a desk or a phone."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        expect(page.locator("h1")).to_be_visible()
        assert violations(page) == []
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    page.set_viewport_size({"width": 1280, "height": 800})
