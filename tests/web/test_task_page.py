"""A task: its columns, its query, what it will do."""

import re

from playwright.sync_api import Page, expect

from web.browser import Site


def _job(page: Page, site: Site) -> None:
    """Go from the first screen to a job as its steps lead; a tenth click would run it."""
    page.goto("/")
    expect(page.get_by_role("listitem").filter(has_text="Choose Tables")).to_be_visible()
    page.get_by_role("link", name="Connect a Source").click()
    page.get_by_role("link", name="ClickTime").click()
    page.get_by_label("APIKey").fill("sandbox-token")
    page.get_by_role("button", name="Save Changes").click()
    page.get_by_role("link", name="Add Job").click()
    page.get_by_role("link", name="Connect a Destination").click()
    page.get_by_role("link", name="DuckDB").click()
    page.get_by_label("Database").fill(str(site.folder / "warehouse.duckdb"))
    page.get_by_role("button", name="Save Changes").click()
    page.get_by_label("Search tables").fill("timesheets")
    page.get_by_role("row").filter(has_text="Timesheets").first.get_by_role("checkbox").click()
    expect(page.get_by_text("1 of")).to_be_visible()
    page.get_by_label("Name *").fill("hours")
    page.get_by_role("button", name="Create Job").click()
    expect(page.get_by_role("heading", name="hours", exact=True)).to_be_visible()


def test_columns_are_chosen_renamed_and_hashed_and_queries_checked(page: Page, site: Site) -> None:
    _job(page, site)
    page.get_by_role("button", name="Add Tables").click()
    page.get_by_role("dialog").get_by_label("Search tables").fill("Users")
    row = page.get_by_role("dialog").get_by_role("row")
    row.filter(has=page.get_by_text("Users", exact=True)).get_by_role("checkbox").click()
    page.get_by_role("button", name="Add Selected Tables").click()
    page.get_by_role("link", name="Users", exact=True).click()
    expect(page.get_by_text("Not incremental")).to_be_visible()
    page.get_by_role("button", name="None", exact=True).click()
    page.get_by_role("checkbox", name="Take ID", exact=True).click()
    page.get_by_label("Search columns").fill("Email")
    page.get_by_role("button", name="Change Email", exact=True).click()
    page.get_by_role("button", name="Hash (personal data)").click()
    page.get_by_label("Name in the target of Email", exact=True).fill("email_hash")
    expect(page.get_by_label("Expression of Email", exact=True)).to_have_value(re.compile("SHA256"))
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("2 columns")).to_be_visible()
    # Types have the names that people give them, and a choice says what it will be.
    page.get_by_label("Search columns").fill("StartDate")
    start = page.get_by_role("row").filter(has=page.get_by_label("Take StartDate"))
    expect(start.get_by_text("date", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Options").click()
    write = page.locator(".q-field").filter(has=page.get_by_label("Write", exact=True))
    expect(write).to_contain_text("Automatic (merge by ID)")

    page.goto("/jobs/hours")
    page.get_by_role("button", name="Add Custom Query").click()
    page.get_by_label("Target table").fill("Broken")
    page.get_by_label("Query *").fill("SELECT ID, Nme FROM Users")
    page.get_by_role("button", name="Add Query").click()
    page.get_by_role("link", name="Broken", exact=True).click()
    expect(page.get_by_text("Did you mean Name?")).to_be_visible()
    expect(page.locator(".mistaken")).to_have_text("Nme")
    code = page.locator(".cm-content")
    code.click()
    code.press("Control+a")
    code.type("SELECT ID, Name FROM Users")
    code.press("Control+Enter")
    expect(page.get_by_text("Writes with")).to_be_visible()


def test_a_schedule_shows_its_next_starts(page: Page) -> None:
    page.goto("/jobs/hours?tab=schedule")
    page.get_by_label("Start", exact=True).click()
    page.get_by_role("option", name="Cron expression").click()
    page.get_by_label("Cron expression").fill("not cron")
    expect(page.get_by_text("Cron has 5 fields")).to_be_visible()
    page.get_by_label("Cron expression").fill("0 4 * * *")
    expect(page.get_by_text("by your clock (Europe/Berlin)")).to_be_visible()
    expect(page.get_by_text("04:00").first).to_be_visible()
    page.get_by_role("button", name="Save Changes").last.click()
    expect(page.get_by_text("Saved")).to_be_visible()


def test_the_second_of_two_editors_sees_what_differs(page: Page) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/jobs/hours?tab=options")
        expect(tab.get_by_label("Description")).to_be_visible()
    page.get_by_label("Description").fill("by the first")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    other.get_by_label("Description").fill("by the second")
    other.get_by_role("button", name="Save Changes").click()
    expect(other.get_by_text("Somebody else was quicker")).to_be_visible()
    expect(other.get_by_role("cell", name="by the first")).to_be_visible()
    other.get_by_role("button", name="Save Mine").click()
    expect(other.get_by_text("Saved")).to_be_visible()
