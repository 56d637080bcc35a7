"""From an empty store to replicated rows, clicked as a person would; then a change arrives.

Ten clicks from the first screen to the first table in a SQL Server: Try with Sample Data, Allow
(on Clio's page), Add Job, New Destination, SQL Server, its connection string, Save Changes, a
table, Create Job, Run. Into the sample's own database it is six.
"""

import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from standins.tds.fixture import TdsServer, running_tds
from web.browser import Site

#: What the first replicated table may cost, from the first screen on.
CLICKS = 10
_JOB = "sample-clio-to-sqlserver"


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[TdsServer]:
    # Before Syncline starts, which takes the driver's provider from the environment.
    with running_tds() as found:
        yield found


def test_clio_is_connected_with_consent_and_replicated_in_a_few_clicks(
    page: Page, site: Site, server: TdsServer
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
    click(page.get_by_role("link", name="New Destination"))
    click(page.get_by_role("link", name="SQL Server"))
    click(page.get_by_role("tab", name="Connection String"))
    page.get_by_label("Connection string").fill(
        f"Server={server.host},{server.port};Database={server.database};User={server.user};"
        f"Password={server.password};Schema=clio;TrustServerCertificate=True"
    )
    page.wait_for_timeout(1000)  # it is read when nobody has typed for a moment
    click(page.get_by_role("button", name="Save Changes"))
    expect(page.get_by_label("Name *")).to_have_value(_JOB)
    _tick(page, "Matters", click)
    click(page.get_by_role("button", name="Create Job"))
    click(page.get_by_role("button", name="Run", exact=True))
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    assert clicks <= CLICKS
    before = _rows(server, "id, description")
    assert len(before) > 0

    _change_task_and_schedule(page)
    # Watched as it runs; then a row changes at the source, and arrives.
    page.get_by_role("button", name="Run", exact=True).click()
    log = page.get_by_role("log")
    expect(log.get_by_text(re.compile("committed [0-9,]+ rows"))).to_be_visible(timeout=60_000)
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    assert {number for number, _ in _rows(server, "id, display_number")} == {
        number for number, _ in before
    }
    identity = before[0][0]
    _change(sandbox[0], int(identity), "Changed at the source")
    page.get_by_role("button", name="Run Again").click()
    expect(page.get_by_text("what has changed", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_text("succeeded").first).to_be_visible(timeout=60_000)
    after = dict(_rows(server, "id, about"))
    assert len(after) == len(before)
    assert after[identity] == "Changed at the source"
    assert all(n == n.upper() for _, n in _rows(server, "id, display_number"))


def _change_task_and_schedule(page: Page) -> None:
    """Rename a column, compute another one, filter; start every ten minutes."""
    page.goto(f"/jobs/{_JOB}")
    page.get_by_role("link", name="Matters", exact=True).click()
    description = page.get_by_label("Name in the target of description", exact=True)
    number = page.get_by_label("Expression of display_number", exact=True)
    page.get_by_label("Search columns").fill("description")
    # The rows found are other fields than those that were there before.
    expect(number).to_have_count(0)
    description.fill("about")
    page.get_by_label("Search columns").fill("display_number")
    expect(description).to_have_count(0)
    number.fill("UPPER(display_number)")
    page.get_by_label("Filter").fill("id > 0")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.get_by_role("tab", name="Preview").click()
    page.get_by_role("button", name="Load Preview").click()
    expect(page.get_by_role("columnheader", name="about")).to_be_visible()
    page.goto(f"/jobs/{_JOB}?tab=schedule")
    page.get_by_label("Start", exact=True).click()
    page.get_by_role("option", name="Every few minutes").click()
    expect(page.get_by_role("heading", name="Every 10 minutes")).to_be_visible()
    page.get_by_role("button", name="Save Changes").first.click()
    expect(page.get_by_text("Saved")).to_be_visible()


def _tick(page: Page, table: str, click: Callable[[Locator], None]) -> None:
    page.get_by_label("Search tables").fill(table)
    row = page.get_by_role("row").filter(has=page.get_by_text(table, exact=True))
    click(row.get_by_role("checkbox"))


def _rows(server: TdsServer, columns: str) -> list[tuple[int, str]]:
    connection = server.connect()
    query = f"SELECT {columns} FROM clio.Matters ORDER BY id"
    found = connection.cursor().execute(query).fetchall()
    connection.close()
    return [(int(identity), text) for identity, text in found]


def _change(sandbox: str, identity: int, text: str) -> None:
    order = {"table": "matters", "id": identity, "values": {"description": text}}
    httpx.post(f"{sandbox}/admin/change", json=order).raise_for_status()
