"""Pages that stay open: two of them, a session that has ended, a server that was away."""

from playwright.sync_api import Page, expect

from web.browser import PASSWORD, Site


def test_the_tabs_of_a_page_save_on_top_of_each_other(page: Page, site: Site) -> None:
    _made(page, site)
    page.goto("/jobs/hours?tab=schedule")
    page.get_by_label("Start", exact=True).click()
    page.get_by_role("option", name="Every few minutes").click()
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    page.get_by_role("tab", name="Options").click()
    page.get_by_label("Description").fill("of the week")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("alert").filter(has_text="Saved")).to_have_count(1)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("tab", name="YAML").click()
    code = page.get_by_label("The job as YAML")
    expect(code).to_contain_text("description: of the week")
    expect(code).to_contain_text("every_minutes: 10")


def test_the_second_of_two_editors_of_a_connection_and_of_a_task_sees_what_differs(
    page: Page,
) -> None:
    other = page.context.new_page()
    for tab in (page, other):
        tab.goto("/connections/duckdb")
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

    for tab in (page, other):
        tab.goto("/jobs/hours")
        tab.get_by_role("link", name="Users", exact=True).click()
        tab.get_by_role("tab", name="Options").click()
    page.get_by_label("Commit rows").fill("111")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    other.get_by_label("Commit rows").fill("222")
    other.get_by_role("button", name="Save Changes").click()
    expect(other.get_by_text("Somebody else was quicker")).to_be_visible()
    other.get_by_role("button", name="Go on Editing").click()
    expect(other.get_by_role("dialog")).to_have_count(0)
    expect(other.get_by_label("Commit rows")).to_have_value("222")

    # Signed out in one of them: the other one leads back to where it was.
    page.goto("/connections")
    page.get_by_role("button", name="admin").click()
    page.get_by_text("Sign out").click()
    expect(page.get_by_role("button", name="Sign In")).to_be_visible()
    other.get_by_role("button", name="Save Changes").click()
    other.get_by_label("User").fill("admin")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign In").click()
    expect(other.get_by_role("heading", name="Users")).to_be_visible()

    # A task that writes to another table has another address, which the page takes on.
    before = other.url
    other.get_by_role("tab", name="Options").click()
    other.get_by_label("Target table").fill("People")
    other.get_by_role("button", name="Save Changes").click()
    expect(other).not_to_have_url(before)
    other.reload()
    expect(other.get_by_role("heading", name="People")).to_be_visible()


def _made(page: Page, site: Site) -> None:
    page.goto("/connections/new/api?profile=clicktime")
    page.get_by_label("APIKey").fill("sandbox-token")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="clicktime", exact=True)).to_be_visible()
    page.goto("/connections/new/duckdb")
    page.get_by_label("Database").fill(str(site.folder / "warehouse.duckdb"))
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="duckdb", exact=True)).to_be_visible()
    page.goto("/jobs/new")
    page.get_by_label("Search tables").fill("Users")
    row = page.get_by_role("row").filter(has=page.get_by_text("Users", exact=True))
    row.get_by_role("checkbox").click()
    page.get_by_label("Name *").fill("hours")
    page.get_by_role("button", name="Create Job").click()
    expect(page.get_by_role("heading", name="hours", exact=True)).to_be_visible()
