"""Set-up, signing in and out, and what nobody may see before that."""

import httpx
import pytest
from playwright.sync_api import Browser, expect

from web.browser import PASSWORD, Site, window


@pytest.mark.parametrize("path", ["/", "/connections", "/jobs", "/runs", "/jobs/none"])
def test_pages_are_for_those_who_signed_in(site: Site, path: str) -> None:
    answer = httpx.get(site.url + path)
    assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/sign-in")


def test_signing_in_leads_to_where_one_wanted_to_go(browser: Browser, site: Site) -> None:
    with window(browser, site) as context:
        page = context.new_page()
        page.goto("/connections")
        page.get_by_label("User").fill("admin")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign In").click()
        expect(page.get_by_role("alert")).to_contain_text("User or password is wrong")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign In").click()
        expect(page.get_by_role("heading", name="Connections", exact=True)).to_be_visible()
        page.get_by_role("button", name="Menu of admin").click()
        page.get_by_text("Dark theme").click()
        expect(page.locator("body.body--dark")).to_be_visible()
        page.reload()
        expect(page.locator("body.body--dark")).to_be_visible()
        page.get_by_role("button", name="Menu of admin").click()
        page.get_by_text("Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto("/connections")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ended_leads_to_the_sign_in(browser: Browser, site: Site) -> None:
    with window(browser, site) as context:
        page = context.new_page()
        page.goto("/sign-in?next=/connections/new/duckdb")
        page.get_by_label("User").fill("admin")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign In").click()
        page.get_by_label("Database").fill("somewhere.duckdb")
        cookie = context.cookies()
        session = next(c["value"] for c in cookie if c["name"] == "syncline_session")
        httpx.post(f"{site.url}/sign-out", cookies={"syncline_session": session})
        page.get_by_role("button", name="Save Changes").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_link_works_once(site: Site) -> None:
    assert site.link is not None
    form = {"password": PASSWORD, "again": PASSWORD}
    answer = httpx.post(site.link, data=form)
    assert answer.status_code == 401
    assert "used already" in answer.text


def test_other_sites_cannot_send_forms_or_send_people_away(site: Site) -> None:
    evil = {"origin": "https://evil.example"}
    assert httpx.post(f"{site.url}/sign-out", headers=evil).status_code == 403
    form = {"user": "admin", "password": PASSWORD}
    answer = httpx.post(f"{site.url}/sign-in?next=//evil.example", data=form)
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    policy = httpx.get(f"{site.url}/sign-in").headers["content-security-policy"]
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
