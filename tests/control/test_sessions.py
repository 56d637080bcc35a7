"""Sessions of browsers: nobody chooses them for others, and only our own pages use them."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from control.planes import ADMIN, plane_of
from syncline.api.app import mount
from syncline.control.plane import Plane
from syncline.control.store.database import Store
from syncline.control.usecases.signing_in import accept_link, actor_of_session
from syncline.control.usecases.users import invite_user
from syncline.errors import Unauthenticated
from syncline.web.door import door
from syncline.web.guard import Guard

PASSWORD = "correct horse battery"
HOST = "https://here.example"


@pytest.fixture
async def plane(sqlite_store: Store) -> Plane:
    made = plane_of(sqlite_store)
    async with made.changing(ADMIN) as work:
        _, link = await invite_user(work, "ann", ["admin"])
    await accept_link(made, link, PASSWORD)
    return made


@pytest.fixture
async def browser(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    mount(app, plane)
    app.include_router(door(plane, "/style.css"))
    app.add_middleware(Guard)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=HOST) as client:
        yield client


async def entered(browser: httpx.AsyncClient, how: str) -> str:
    """Sign in by the page or by the API; return the session's cookie."""
    given = {"user": "ann", "password": PASSWORD}
    if how == "page":
        answer = await browser.post("/sign-in", data=given)
        assert answer.status_code == 303
    else:
        answer = await browser.post("/api/v1/session", json=given)
        assert answer.status_code == 200
    return answer.cookies["syncline_session"]


@pytest.mark.parametrize("how", ["page", "api"])
async def test_a_session_that_somebody_has_planted_is_not_the_one_that_begins(
    plane: Plane, browser: httpx.AsyncClient, how: str
) -> None:
    planted = "planted-by-somebody-who-waits"
    browser.cookies.set("syncline_session", planted)
    first = await entered(browser, how)
    second = await entered(browser, how)
    assert len({planted, first, second}) == 3
    with pytest.raises(Unauthenticated):
        await actor_of_session(plane, planted)
    assert (await actor_of_session(plane, first)).name == "ann"


async def test_a_session_ends_for_everybody_who_has_it(
    plane: Plane, browser: httpx.AsyncClient
) -> None:
    secret = await entered(browser, "page")
    answer = await browser.post("/sign-out")
    assert answer.status_code == 303
    with pytest.raises(Unauthenticated):
        await actor_of_session(plane, secret)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/connections", {"name": "x", "type": "duckdb", "properties": {"Database": "x"}}),
        ("PATCH", "/users/ann", {"enabled": False}),
        ("DELETE", "/users/ann", None),
        ("PUT", "/roles/mine", {"policies": []}),
        ("DELETE", "/session", None),
    ],
)
async def test_a_cookie_alone_changes_nothing(
    browser: httpx.AsyncClient, method: str, path: str, body: object
) -> None:
    await entered(browser, "api")
    csrf = (await browser.get("/api/v1/session")).json()["csrf"]
    for headers in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": f"{csrf[:-1]}x"}):
        answer = await browser.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "request.forbidden")
    # Another site's page is turned away before that, whatever it has got hold of.
    headers = {"X-CSRF-Token": csrf, "Origin": "https://evil.example"}
    answer = await browser.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert (answer.status_code, "another site" in answer.text) == (403, True)
    headers = {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}
    answer = await browser.request(method, f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code == 403
    assert (await browser.get("/api/v1/session")).json()["user"] == "ann"


async def test_forms_of_other_sites_sign_nobody_in_or_out(browser: httpx.AsyncClient) -> None:
    given = {"user": "ann", "password": PASSWORD}
    for origin in ("https://evil.example", "null", f"{HOST}.evil.example", "http://evil"):
        for path in ("/sign-in", "/sign-out"):
            answer = await browser.post(path, data=given, headers={"Origin": origin})
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
    answer = await browser.post("/sign-in", data=given, headers={"Origin": HOST})
    cookie = answer.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "samesite=lax", "secure", "path=/"))


async def test_what_is_said_about_a_wrong_password_is_the_same_for_everybody(
    browser: httpx.AsyncClient,
) -> None:
    said = set()
    for name in ("ann", "nobody"):
        given = {"user": name, "password": "wrong"}
        page = await browser.post("/sign-in", data=given)
        api = await browser.post("/api/v1/session", json=given)
        shown = re.sub(r'nonce="[^"]*"', "", page.text).replace(name, "")
        said.add((page.status_code, shown, api.status_code, api.text))
    assert len(said) == 1
