"""Connections, clicked as a person would."""

import re

from playwright.sync_api import Page, expect

from web.browser import Site


def test_a_connection_is_added_tested_edited_and_deleted(page: Page, site: Site) -> None:
    page.goto("/connections")
    expect(page.get_by_text("No connections yet")).to_be_visible()
    page.get_by_role("link", name="Add Connection").first.click()
    page.get_by_role("tab", name="Destinations").click()
    page.get_by_role("link", name="DuckDB").click()
    page.get_by_label("Database").fill(str(site.folder / "warehouse.duckdb"))
    page.get_by_role("button", name="Test Connection").click()
    expect(page.get_by_role("status").get_by_text("Connect", exact=True)).to_be_visible()
    page.get_by_label("Name").fill("warehouse")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="warehouse", exact=True)).to_be_visible()
    page.get_by_label("Schema").fill("clio")
    page.get_by_role("tab", name="Connection String").click()
    text = page.get_by_label("Connection string")
    expect(text).to_have_value(f"Database={site.folder / 'warehouse.duckdb'};Schema=clio")
    text.fill(f"Database={site.folder / 'other.duckdb'};Schema=law")
    page.get_by_role("tab", name="Settings").click()
    expect(page.get_by_label("Schema")).to_have_value("law")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("Saved")).to_be_visible()
    overview = page.locator("section").filter(has=page.get_by_role("heading", name="Overview"))
    expect(overview).to_contain_text("Not tested yet")
    page.get_by_role("button", name="Test Connection").click()
    expect(overview).to_contain_text("Successful")
    page.goto("/connections")
    expect(page.get_by_role("link", name="warehouse")).to_be_visible()
    page.get_by_role("button", name="Delete warehouse").click()
    page.get_by_role("button", name="Delete Connection").click()
    expect(page.get_by_text("warehouse is deleted")).to_be_visible()


def test_what_is_missing_is_said_at_its_field(page: Page) -> None:
    page.goto("/connections/new/sqlserver")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("This is needed")).to_be_visible()
    # The button is far below it.
    expect(page.get_by_label("Server *")).to_be_focused()
    expect(page.get_by_label("Server *")).to_be_in_viewport()


def test_a_secret_never_comes_back(page: Page) -> None:
    page.goto("/connections/new/api?profile=clicktime")
    page.get_by_label("APIKey").fill("hunter2-hunter2")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_role("heading", name="clicktime", exact=True)).to_be_visible()
    page.get_by_role("tab", name="Connection String").click()
    expect(page.get_by_label("Connection string")).to_have_value(
        "Profile=clicktime;ProfileSettings='APIKey=•••'"
    )
    assert "hunter2" not in page.content()


def test_webhooks_are_turned_on_and_off(page: Page) -> None:
    page.goto("/connections/new/api?profile=github")
    page.get_by_label("Owner *").fill("acme")
    page.get_by_label("Token").fill("hunter2-hunter2")
    page.get_by_role("button", name="Save Changes").click()
    expect(page.get_by_text("jobs wait for their schedules")).to_be_visible()
    page.get_by_role("button", name="Turn On").click()
    expect(page.get_by_label("Address")).to_have_value(re.compile("/hooks/"))
    secret = page.get_by_label("Secret, shown only now").input_value()
    assert len(secret) >= 40
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Let the API deliver to:")).to_be_visible()
    expect(page.get_by_label("Secret, shown only now")).to_have_count(0)
    page.get_by_role("button", name="Turn Off").click()
    expect(page.get_by_text("jobs wait for their schedules")).to_be_visible()
