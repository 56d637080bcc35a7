"""A ClickTime query into a table of a SQL Server that was there before, clicked as a person would.

The query of the README, its columns mapped to others, a run, rows that do not fit, which are
mended and sent again. Then the connection breaks, and the page says where to mend it.
"""

import os
import re
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from acceptance.processes import SYNCLINE
from standins.tds.fixture import TdsServer, running_tds
from web.browser import Site, violations

QUERY = "SELECT EstHours, Job FROM Allocations WHERE UserIsActive = 'true'"
#: As a database administrator has made it: no room for long names.
HOURS = """CREATE TABLE dbo.Hours (
    nr int IDENTITY(1, 1) NOT NULL, hours decimal(9, 2) NULL, job_name nvarchar(30) NOT NULL,
    added datetime2 NOT NULL DEFAULT SYSUTCDATETIME())"""


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[TdsServer]:
    # Before Syncline starts, which takes the driver's provider from the environment.
    with running_tds() as found:
        found.execute(HOURS)
        yield found


@pytest.fixture(scope="module")
def clicktime() -> Iterator[str]:
    process = subprocess.Popen(
        [str(SYNCLINE), "sandbox", "--port", "0", "--rate-limit", "0", "--rows", "60"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = (re.search(r"http://[\d.]+:\d+", line) for line in process.stderr)
        yield next(found for found in said if found)[0]
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def test_a_query_goes_into_an_existing_table_and_rejects_are_mended(
    page: Page, site: Site, server: TdsServer, clicktime: str
) -> None:
    _connect(page, server, clicktime)
    page.get_by_role("link", name="Add Job").click()
    page.get_by_role("button", name="Create Job").click()
    page.get_by_role("button", name="Add Custom Query").click()
    page.get_by_label("Target table").fill("Hours")
    page.get_by_label("Query *").fill(QUERY)
    page.get_by_role("button", name="Add Query").click()
    page.get_by_role("link", name="Hours", exact=True).click()

    _map(page)
    page.get_by_role("link", name="clicktime-to-sqlserver").click()
    page.get_by_role("button", name="Run", exact=True).click()
    heading = page.get_by_role("heading", name="Rejected rows of Hours")
    expect(heading).to_be_visible(timeout=60_000)
    before = _rows(server)
    kept = page.get_by_role("button", name=re.compile("^Mend row"))
    expect(kept.first).to_be_visible()
    rejected = kept.count()
    assert violations(page) == []
    assert rejected > 1

    _mend(page, server, before, rejected)
    # The table is gone: the error leads to the mapping.
    server.execute("DROP TABLE dbo.Hours")
    page.get_by_role("button", name="Run Again").click()
    failure = page.get_by_role("alert")
    failure.get_by_role("link", name="Change the Mapping").click(timeout=60_000)
    expect(page.get_by_text("There is no such table")).to_be_visible()


def _map(page: Page) -> None:
    # What is there already is matched by name, and what is wrong stands at its row.
    page.get_by_role("tab", name="Mapping").click()
    page.get_by_role("switch", name="The table is there already").click()
    outlook = page.locator(".note-text")  # it comes last
    expect(outlook.filter(has_text="no column takes 'EstHours'")).to_be_visible()
    expect(page.get_by_text("'job_name' needs a value and gets none").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="nr")).to_contain_text("numbered")
    dragged = page.locator("[draggable=true]").filter(has_text="EstHours")
    dragged.drag_to(page.locator("[data-drop=added]"))
    wrong = re.compile("'added' is timestamp.*and 'EstHours' number")
    expect(outlook.filter(has_text=wrong)).to_be_visible()
    expect(page.get_by_role("row").get_by_text(wrong)).to_be_visible()
    _choose(page, "EstHours", "hours")
    expect(page.get_by_text("'EstHours'")).to_have_count(0)
    # With the keyboard, too, which stays where it was.
    expect(page.get_by_role("combobox", name="Column that takes EstHours")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Column that takes Job")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.type("job")
    page.keyboard.press("Enter")
    expect(page.get_by_text("needs a value and gets none")).to_have_count(0)
    assert violations(page) == []
    for label in ("Rows that do not fit", "Texts that are too long"):
        page.get_by_label(label).click()
        page.get_by_role("option", name="redirect").click()
        expect(page.get_by_role("listbox")).to_have_count(0)  # it fades out
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    expect(page.get_by_text("Writes with insert, 2 columns")).to_be_visible()
    page.get_by_role("tab", name="Preview").click()
    page.get_by_role("button", name="Load Preview").click()
    expect(page.get_by_role("columnheader", name="job_name")).to_be_visible()
    expect(page.get_by_text("longer than 30").first).to_be_visible()


def _mend(page: Page, server: TdsServer, before: list[tuple[str, str]], rejected: int) -> None:
    kept = page.get_by_role("button", name=re.compile("^Mend row"))
    # Still too long: it is kept as it was changed.
    kept.first.click()
    row = page.get_by_role("dialog").get_by_label("Row")
    expect(row).to_have_value(re.compile('"EstHours"'))
    row.fill('{"EstHours": 1.25, "Job": "The hanging gardens of Babylon and more"}')
    page.get_by_role("dialog").get_by_role("button", name="Send Again").click()
    expect(page.get_by_text("1 row did not fit again")).to_be_visible()
    mended = page.get_by_role("row").filter(has_text="Babylon")
    mended.get_by_role("button", name="Mend row").click()
    row.fill('{"EstHours": 1.25, "Job": "Garden"')
    page.get_by_role("dialog").get_by_role("button", name="Send Again").click()
    expect(page.get_by_text("this is no JSON")).to_be_visible()
    row.fill('{"EstHours": 1.25, "Job": "Garden"}')
    page.get_by_role("dialog").get_by_role("button", name="Send Again").click()
    expect(page.get_by_text("1 row written to Hours")).to_be_visible()
    expect(kept).to_have_count(rejected - 1)
    assert sorted(set(_rows(server)) - set(before)) == [("1.25", "Garden")]

    # The others go as they are, now that there is room.
    server.execute("ALTER TABLE dbo.Hours ALTER COLUMN job_name nvarchar(200) NOT NULL")
    page.get_by_role("button", name="Send All Again").click()
    expect(page.get_by_text("All sent")).to_be_visible()
    assert len(_rows(server)) == len(before) + rejected


def _connect(page: Page, server: TdsServer, clicktime: str) -> None:
    page.goto("/connections")
    page.get_by_role("link", name="Add Connection").first.click()
    page.get_by_role("link", name="ClickTime").click()
    page.get_by_label("APIKey").fill("sandbox-token")
    page.get_by_role("tab", name="Advanced").click()
    page.get_by_label("BaseURL").fill(clicktime)
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="clicktime", exact=True)).to_be_visible()
    page.goto("/connections/new?kind=destination")
    page.get_by_role("link", name="SQL Server").click()
    page.get_by_label("Server *").fill(f"{server.host},{server.port}")
    page.get_by_label("Database").fill(server.database)
    page.get_by_label("User").fill(server.user)
    page.get_by_label("Password", exact=True).fill(server.password)
    page.get_by_role("tab", name="Advanced").click()
    trust = page.get_by_role("switch", name="TrustServerCertificate")
    trust.click()
    page.get_by_role("button", name="Test Connection").click()
    expect(page.get_by_role("status").get_by_text("Query", exact=True)).to_be_visible()
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="sqlserver", exact=True)).to_be_visible()


def _choose(page: Page, column: str, target: str) -> None:
    page.get_by_label(f"Column that takes {column}").click()
    page.get_by_role("option", name=re.compile(rf"^{target} ·")).click()
    expect(page.get_by_role("listbox")).to_have_count(0)  # it fades out


def _rows(server: TdsServer) -> list[tuple[str, str]]:
    connection = server.connect()
    found = connection.cursor().execute("SELECT hours, job_name FROM dbo.Hours").fetchall()
    connection.close()
    return [(str(hours), name) for hours, name in found]
