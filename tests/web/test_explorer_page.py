"""The explorer and the settings, clicked as a person would."""

import duckdb
import httpx
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page, expect

from web.browser import Site, window


def test_a_database_is_looked_into_and_never_changed(page: Page, site: Site) -> None:
    page.goto("/connections/new/duckdb")
    page.get_by_label("Database").fill(str(site.folder / "look.duckdb"))
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="duckdb", exact=True)).to_be_visible()
    page.goto("/explorer?connection=duckdb&sql=SELECT 6 * 7 AS answer, 'yes' AS word")
    page.get_by_role("button", name="Run Query").click()
    expect(page.get_by_role("cell", name="42")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.path().read_text("utf-8") == '"answer","word"\n42,"yes"\n'
    page.goto("/explorer?connection=duckdb&sql=DROP TABLE anything")
    page.get_by_role("button", name="Run Query").click()
    expect(page.get_by_role("alert")).to_contain_text("only looks")


def test_100_000_rows_are_looked_at_charted_and_downloaded(page: Page, site: Site) -> None:
    with duckdb.connect(str(site.folder / "many.duckdb")) as warehouse:
        warehouse.execute(
            "CREATE TABLE many AS SELECT i AS id, 'row ' || i AS word, i / 7 AS share "
            "FROM range(150000) AS t (i)"
        )
    page.goto("/connections/new/duckdb")
    page.get_by_label("Name *").fill("many")
    page.get_by_label("Database").fill(str(site.folder / "many.duckdb"))
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="many", exact=True)).to_be_visible()
    page.goto("/explorer?connection=many&sql=SELECT * FROM many ORDER BY id")
    page.get_by_role("combobox", name="How many rows").click()
    page.get_by_role("option", name="100,000 rows").click()
    page.get_by_role("button", name="Run Query").click()
    expect(page.get_by_text("The grid shows 1,000 of 100,000 rows")).to_be_visible()
    expect(page.get_by_role("cell", name="row 7", exact=True)).to_be_visible()
    # The keyboard reaches it, to scroll.
    expect(page.locator(".grid-rows .q-table__middle")).to_have_attribute("tabindex", "0")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert len(download.value.path().read_text("utf-8").splitlines()) == 100_001
    with page.expect_download() as download:
        page.get_by_role("button", name="Parquet").click()
    assert pq.read_metadata(download.value.path()).num_rows == 100_000
    page.get_by_role("tab", name="Chart").click()
    expect(page.get_by_role("img", name="Chart of the result")).to_be_visible()
    expect(page.get_by_text("The first 200 of 100,000 rows")).to_be_visible()


def test_a_token_is_made_shown_once_and_opens_the_api(page: Page, site: Site) -> None:
    page.goto("/settings?tab=tokens")
    page.get_by_role("button", name="New Token").click()
    page.get_by_label("What is it for?").fill("a script")
    page.get_by_role("button", name="Make Token").click()
    secret = page.get_by_label("Secret")
    expect(secret).to_be_visible()
    token = secret.input_value()
    answer = httpx.get(
        f"{site.url}/api/v1/connections", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("a script")).to_be_visible()
    expect(secret).to_have_count(0)  # the dialog fades out before it is gone
    assert token not in page.content()


def test_an_invited_viewer_sees_and_changes_nothing(
    page: Page, browser: Browser, site: Site
) -> None:
    page.goto("/settings?tab=users")
    page.get_by_role("button", name="Invite User").click()
    page.get_by_label("Name *").fill("vera")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.get_by_label("Secret")
    expect(link).to_be_visible()
    with window(browser, site) as context:
        hers = context.new_page()
        hers.goto(link.input_value())
        hers.get_by_label("Password", exact=True).fill("another horse, another staple")
        hers.get_by_label("The same again").fill("another horse, another staple")
        hers.get_by_role("button", name="Set Password and Sign In").click()
        expect(hers.get_by_role("heading", name="Dashboard")).to_be_visible()
        hers.goto("/connections")
        expect(hers.get_by_role("link", name="duckdb", exact=True)).to_be_visible()
        expect(hers.get_by_role("link", name="Add Connection")).to_have_count(0)
        expect(hers.get_by_role("button", name="Delete duckdb")).to_have_count(0)
        hers.goto("/explorer")
        expect(hers.get_by_text("Your role does not allow")).to_be_visible()
        hers.goto("/settings?tab=users")
        expect(hers.get_by_role("tab", name="Tokens")).to_be_visible()
        expect(hers.get_by_role("tab", name="Users")).to_have_count(0)
