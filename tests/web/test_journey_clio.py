"""From an empty store to replicated rows, clicked as a person would; then a change arrives."""

import re
from collections.abc import Callable

import duckdb
import httpx
from playwright.sync_api import Locator, Page, expect

from web.browser import Site

#: What the first replicated table may cost, from the first screen on.
CLICKS = 10


def test_clio_is_connected_with_consent_and_replicated_in_a_few_clicks(
    page: Page, site: Site
) -> None:
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        clicks += 1
        what.click()

    page.goto("/")
    click(page.get_by_role("button", name="Try with Sample Data"))
    expect(page.get_by_text("asks to read this sandbox account")).to_be_visible()
    sandbox = re.match(r"https?://[^/]+", page.url)
    assert sandbox
    click(page.get_by_role("button", name="Allow"))
    expect(page.get_by_text("The API has given its consent")).to_be_visible()
    click(page.get_by_role("link", name="Add Job"))
    _tick(page, "Matters", click)
    click(page.get_by_role("button", name="Create Job"))
    click(page.get_by_role("button", name="Run", exact=True))
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    assert clicks <= CLICKS
    before = _rows(site)
    assert len(before) > 0

    # A column renamed, an expression, a filter; every ten minutes; then a row changes.
    page.goto("/jobs")
    page.get_by_role("link", name="sample-clio-to-sample-warehouse").click()
    page.get_by_role("link", name="Matters", exact=True).click()
    page.get_by_label("Search columns").fill("description")
    page.get_by_label("Name in the target of description", exact=True).fill("about")
    page.get_by_label("Search columns").fill("display_number")
    page.get_by_label("Expression of display_number", exact=True).fill("UPPER(display_number)")
    page.get_by_label("Filter").fill("id > 0")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.get_by_role("tab", name="Preview").click()
    page.get_by_role("button", name="Load Preview").click()
    expect(page.get_by_role("columnheader", name="about")).to_be_visible()
    page.goto("/jobs/sample-clio-to-sample-warehouse?tab=schedule")
    page.get_by_label("Start", exact=True).click()
    page.get_by_role("option", name="Every few minutes").click()
    expect(page.get_by_role("heading", name="Every 10 minutes")).to_be_visible()
    page.get_by_role("button", name="Save Changes").first.click()
    expect(page.get_by_text("Saved")).to_be_visible()
    identity = int(before[0][0])
    _change(sandbox[0], identity, "Changed at the source")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    after = dict(_rows(site, "id, about"))
    assert len(after) == len(before)
    assert after[identity] == "Changed at the source"


def _tick(page: Page, table: str, click: Callable[[Locator], None]) -> None:
    page.get_by_label("Search tables").fill(table)
    row = page.get_by_role("row").filter(has=page.get_by_text(table, exact=True))
    click(row.get_by_role("checkbox"))


def _rows(site: Site, columns: str = "id, description") -> list[tuple[int, str]]:
    with duckdb.connect(str(site.folder / "sample.duckdb"), read_only=True) as connection:
        return connection.execute(f"SELECT {columns} FROM Matters ORDER BY id").fetchall()


def _change(sandbox: str, identity: int, text: str) -> None:
    order = {"table": "matters", "id": identity, "values": {"description": text}}
    httpx.post(f"{sandbox}/admin/change", json=order).raise_for_status()
