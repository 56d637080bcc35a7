"""The REST API: what people do with it, from the first connection to a run that is cancelled."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from control.calling import Caller, calling, ready
from control.planes import SECRET, plane_of
from standins.clocks import SkippingClock
from syncline.api.app import PREFIX, api_of
from syncline.control.plane import Plane
from syncline.control.store.database import Store, open_store

CLIO = {"name": "clio", "type": "api", "labels": ["law"], "properties": {
    "Profile": "clio", "OAuthClientId": "id", "OAuthClientSecret": SECRET}}  # fmt: skip
LAKE = {"name": "lake", "type": "duckdb", "properties": {"Database": "lake.duckdb"}}
JOB = {"name": "nightly", "source": "clio", "destination": "lake", "labels": ["law"],
       "schedule": {"daily_at": "03:30"}, "tasks": [{"table": "Matters"}]}  # fmt: skip


@pytest.fixture
def plane(sqlite_store: Store) -> Plane:
    return plane_of(sqlite_store)


@pytest.fixture
async def people(plane: Plane) -> AsyncIterator[dict[str, Caller]]:
    async with calling(plane) as callers:
        yield callers


@pytest.fixture
async def editor(people: dict[str, Caller]) -> Caller:
    return await _with_a_job(people["editor"])


async def _with_a_job(call: Caller) -> Caller:
    for connection in (CLIO, LAKE):
        assert (await call("POST", "/connections", connection)).status_code == 201
    assert (await call("POST", "/jobs", JOB)).status_code == 201
    return call


async def test_a_connection_from_its_making_to_its_end(editor: Caller) -> None:
    found = await editor("GET", "/connections/clio")
    assert found.status_code == 200
    assert found.headers["ETag"] == '"1"'
    assert found.json()["secrets"] == ["OAuthClientSecret"]
    assert found.json()["properties"] == {"Profile": "clio", "OAuthClientId": "id"}
    changed = await editor("PATCH", "/connections/lake", {"description": "x"}, If_Match='"1"')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    late = await editor("PATCH", "/connections/lake", {"description": "y"}, If_Match='"1"')
    assert late.status_code == 409
    assert late.headers["content-type"] == "application/problem+json"
    assert late.json()["code"] == "request.conflict"
    assert late.json()["differences"] == [{"place": "description", "theirs": "x", "yours": "y"}]
    used = await editor("DELETE", "/connections/lake")
    assert (used.status_code, used.json()["code"]) == (409, "request.in_use")
    page = (await editor("GET", "/connections?search=lak&limit=1")).json()
    assert (page["total"], [c["name"] for c in page["items"]]) == (1, ["lake"])
    for query, names in (("type=api", ["clio"]), ("role=destination", ["lake"])):
        page = (await editor("GET", f"/connections?{query}")).json()
        assert [c["name"] for c in page["items"]] == names
    tables = (await editor("GET", "/connections/clio/tables")).json()
    assert "Matters" in {t["name"] for t in tables}
    columns = (await editor("GET", "/connections/clio/tables/Matters/columns")).json()
    assert columns[0]["name"] == "id"
    tested = await editor("POST", "/connections/clio/test")
    assert tested.status_code == 200
    assert not tested.json()["ok"]
    tried = {"type": "duckdb", "properties": {"Database": "/nowhere/at/all.duckdb"}}
    assert not (await editor("POST", "/connections/test", tried)).json()["ok"]


async def test_a_job_and_its_tasks(editor: Caller) -> None:
    job = (await editor("GET", "/jobs/nightly")).json()
    assert job["spec"]["schedule"]["daily_at"] == "03:30"
    assert job["next_run_at"]
    added = await editor(
        "POST", "/jobs/nightly/tasks/tables",
        {"tables": ["Contacts", "Users"], "like": {"deletes": "soft"}}, If_Match='"1"',
    )  # fmt: skip
    assert (added.status_code, added.headers["ETag"]) == (201, '"2"')
    tasks = (await editor("GET", "/jobs/nightly/tasks")).json()
    assert [(t["target"], t["spec"]["deletes"]) for t in tasks] == [
        ("Matters", "auto"), ("Contacts", "soft"), ("Users", "soft"),
    ]  # fmt: skip
    matters, contacts, users = (t["id"] for t in tasks)
    for method, path, body in (
        ("POST", f"/{users}/move", {"position": 0}),
        ("POST", "/disable", {"ids": [contacts]}),
        ("POST", "/enable", {"ids": [contacts]}),
        ("PUT", f"/{matters}", {"table": "Matters", "write": "append"}),
        ("POST", "", {"query": "SELECT id FROM Bills", "into": "Bills"}),
        ("DELETE", f"/{contacts}", None),
    ):
        answer = await editor(method, f"/jobs/nightly/tasks{path}", body)
        assert answer.is_success, answer.text
    targets = [t["target"] for t in (await editor("GET", "/jobs/nightly/tasks")).json()]
    assert targets == ["Users", "Matters", "Bills"]
    spec = (await editor("GET", "/jobs/nightly")).json()["spec"]
    same = await editor("PUT", "/jobs/nightly", spec)
    assert same.status_code == 200
    assert same.json()["spec"] == spec
    assert (await editor("PATCH", "/jobs/nightly", {"schedule": None})).json()[
        "next_run_at"
    ] is None
    copy = await editor("POST", "/jobs/nightly/copy", {"name": "weekly"})
    assert copy.json()["spec"]["paused"]
    assert not (await editor("POST", "/jobs/weekly/resume")).json()["spec"]["paused"]
    assert (await editor("POST", "/jobs/weekly/pause")).json()["spec"]["paused"]
    listed = (await editor("GET", "/jobs?order=-name&label=law&connection=lake")).json()
    assert [(j["name"], j["tasks"]) for j in listed["items"]] == [("weekly", 3), ("nightly", 3)]
    assert (await editor("GET", "/labels")).json() == ["law"]
    assert (await editor("DELETE", "/jobs/weekly")).status_code == 204
    assert (await editor("GET", "/jobs/weekly")).json()["code"] == "request.missing"


async def test_a_schedule_is_shown_before_it_is_saved(editor: Caller) -> None:
    given = {"schedule": {"every_minutes": 15}, "count": 2, "after": "2026-11-22T10:07:00Z"}
    shown = (await editor("POST", "/schedules/preview", given)).json()
    assert shown == {
        "words": "every 15 minutes",
        "next_runs": ["2026-11-22T10:15:00Z", "2026-11-22T10:30:00Z"],
    }
    for year in ("0001", "9999"):
        wrong = await editor(
            "POST", "/schedules/preview", {**given, "after": f"{year}-01-01T00:00:00Z"}
        )
        assert (wrong.status_code, wrong.json()["code"]) == (422, "request.invalid")


async def test_a_run_from_its_start_to_its_end(editor: Caller) -> None:
    started = await editor("POST", "/jobs/nightly/runs", {"full": True})
    assert started.status_code == 202
    run = started.json()
    assert run["state"] == "queued"
    assert started.headers["Location"] == f"{PREFIX}/runs/{run['id']}"
    again = await editor("POST", "/jobs/nightly/runs", {})
    assert (again.status_code, again.json()["code"]) == (409, "request.conflict")
    listed = (await editor("GET", "/runs?job=nightly&state=queued")).json()
    assert [r["id"] for r in listed] == [run["id"]]
    assert (await editor("GET", f"/runs?before={run['id']}")).json() == []
    cancelled = await editor("POST", f"/runs/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelled")
    lines = (await editor("GET", f"/runs/{run['id']}/events")).json()
    followed = await editor("GET", f"/runs/{run['id']}/events/stream")
    assert followed.headers["content-type"].startswith("text/event-stream")
    told = [block.split("\n") for block in followed.text.strip().split("\n\n")]
    assert [block[0] for block in told[:-1]] == [f"id: {line['id']}" for line in lines]
    assert told[-1][0] == "event: end"
    assert json.loads(told[-1][1].removeprefix("data: "))["state"] == "cancelled"
    assert (await editor("GET", "/runs/unknown")).status_code == 404


async def test_who_follows_a_log_is_asked_again(plane: Plane) -> None:
    async with calling(replace(plane, clock=SkippingClock())) as people:
        editor = await _with_a_job(people["editor"])
        run = (await editor("POST", "/jobs/nightly/runs", {})).json()
        # Nobody runs it, so that its log would go on for ever.
        following = asyncio.create_task(editor("GET", f"/runs/{run['id']}/events/stream"))
        assert (await people["admin"]("DELETE", "/users/editor")).status_code == 204
        *_, last = (await following).text.strip().split("\n\n")
    kind, content = last.split("\n")
    assert kind == "event: error"
    assert json.loads(content.removeprefix("data: "))["code"] == "request.sign_in"


async def test_a_project_file_over_the_api(
    editor: Caller, people: dict[str, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = await editor("GET", "/project")
    assert exported.headers["content-type"].startswith("application/yaml")
    assert SECRET not in exported.text
    file = exported.text
    assert (await editor("POST", "/project/diff", {"file": file})).json() == []
    changed = file.replace("daily_at: 03:30", "daily_at: 04:30")
    (difference,) = (await editor("POST", "/project/diff", {"file": changed})).json()
    assert difference["differences"] == {"schedule.daily_at": ["03:30", "04:30"]}
    done = await editor("POST", "/project/apply", {"file": changed})
    assert done.json() == [difference]
    # The server's own variables are not for who sends files.
    monkeypatch.setenv("CLIO_OAUTHCLIENTSECRET", "the server's")
    assert (await editor("POST", "/project/diff", {"file": changed})).json() == []
    broken = await editor("POST", "/project/apply", {"file": "jobs: {}"})
    assert (broken.status_code, broken.json()["code"]) == (422, "config.project")
    assert (await editor("GET", "/project?secrets=sealed")).status_code == 403
    sealed = await people["admin"]("GET", "/project?secrets=sealed&job=nightly")
    assert "!sealed" in sealed.text


async def test_users_roles_and_the_audit_log(people: dict[str, Caller]) -> None:
    admin = people["admin"]
    made = await admin("POST", "/users", {"name": "ann", "roles": ["viewer"]})
    assert made.status_code == 201
    role = {"policies": [{"permissions": ["jobs.*"], "labels": ["law"]}]}
    assert (await admin("PUT", "/roles/law", role)).json()["policies"][0]["labels"] == ["law"]
    given = {"roles": ["viewer", "law"], "email": "ann@example.com"}
    changed = await admin("PATCH", "/users/ann", given, If_Match='"1"')
    assert changed.json()["roles"] == ["law", "viewer"]
    assert (await admin("DELETE", "/roles/law")).json()["code"] == "request.in_use"
    assert len((await admin("GET", "/users?search=ann")).json()["items"]) == 1
    assert (await admin("POST", "/users/ann/link")).json()["link"] != made.json()["link"]
    log = (await admin("GET", "/audit?kind=user&name=ann")).json()
    assert [e["action"] for e in log["items"]] == ["users.reset", "users.edit", "users.invite"]
    assert made.json()["link"] not in json.dumps(log)
    assert (await admin("DELETE", "/users/ann")).status_code == 204
    assert "jobs.run" in (await people["viewer"]("GET", "/permissions")).json()


async def test_signing_in_with_a_browser(people: dict[str, Caller]) -> None:
    admin, browser = people["admin"], people["nobody"]
    link = (await admin("POST", "/users", {"name": "ann", "roles": ["editor"]})).json()["link"]
    password = "correct horse battery"
    weak = await browser("POST", "/session/link", {"link": link, "password": "ann"})
    assert weak.status_code == 422
    entered = await browser("POST", "/session/link", {"link": link, "password": password})
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    csrf = entered.json()["csrf"]
    # The client keeps the cookie. Reading needs no more, changing does.
    me = (await browser("GET", "/session")).json()
    assert (me["user"], me["csrf"]) == ("ann", csrf)
    token = {"name": "script", "scopes": ["jobs.view"]}
    refused = await browser("POST", "/session/tokens", token)
    assert (refused.status_code, refused.json()["code"]) == (403, "request.forbidden")
    made = await browser("POST", "/session/tokens", token, X_CSRF_Token=csrf)
    secret = made.json()["token"]
    short = {"name": "short", "expires_at": "2126-01-01T00:00:00Z"}
    token_id = (await browser("POST", "/session/tokens", short, X_CSRF_Token=csrf)).json()["id"]
    gone = await browser("DELETE", f"/session/tokens/{token_id}", X_CSRF_Token=csrf)
    assert gone.status_code == 204
    log = (await admin("GET", "/audit?kind=token&name=short")).json()["items"]
    ends = "2126-01-01T00:00:00+00:00"
    assert [e["changes"]["expires_at"] for e in log] == [[ends, None], [None, ends]]
    assert [t["name"] for t in (await browser("GET", "/session/tokens")).json()] == ["script"]
    before = browser.client.cookies["syncline_session"]
    again = await browser("POST", "/session", {"user": "ANN", "password": password})
    assert again.status_code == 200
    # A session from before signing in is not taken on.
    assert browser.client.cookies["syncline_session"] != before
    csrf = again.json()["csrf"]
    new = {"old": password, "new": "staple of another kind"}
    assert (await browser("POST", "/session/password", new, X_CSRF_Token=csrf)).status_code == 204
    assert (await browser("GET", "/session")).status_code == 401
    wrong = await browser("POST", "/session", {"user": "ann", "password": password})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "request.sign_in")
    browser.client.cookies.clear()
    by_token = Caller(browser.client, {"Authorization": f"Bearer {secret}"})
    assert (await by_token("GET", "/jobs")).status_code == 200
    assert (await by_token("GET", "/connections")).status_code == 403
    for header in ("Basic YTpi", "Bearer", "Bearer x", "Bearer " + "x" * 5000):
        assert (await browser("GET", "/jobs", Authorization=header)).status_code == 401
    for _ in range(5):
        slow = await browser("POST", "/session", {"user": "x", "password": "wrong"})
    assert slow.status_code == 401
    slow = await browser("POST", "/session", {"user": "x", "password": "wrong"})
    assert (slow.status_code, slow.headers["Retry-After"]) == (429, "60")


async def test_a_request_with_a_key_is_done_once(editor: Caller, plane: Plane) -> None:
    body = {**LAKE, "name": "pond"}
    first = await editor("POST", "/connections", body, Idempotency_Key="k1")
    again = await editor("POST", "/connections", body, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["ETag"] == first.headers["ETag"] == '"1"'
    run = await editor("POST", "/jobs/nightly/runs", {}, Idempotency_Key="k9")
    twin = await editor("POST", "/jobs/nightly/runs", {}, Idempotency_Key="k9")
    assert twin.headers["Location"] == run.headers["Location"]
    other = await editor("POST", "/connections", {**LAKE, "name": "x"}, Idempotency_Key="k1")
    assert (other.status_code, other.json()["code"]) == (422, "request.invalid")
    # What failed may be tried again with the same key.
    wrong = {**LAKE, "type": "nothing"}
    assert (await editor("POST", "/connections", wrong, Idempotency_Key="k2")).status_code == 422
    right = {**LAKE, "name": "sea"}
    assert (await editor("POST", "/connections", right, Idempotency_Key="k3")).status_code == 201
    async with plane.store.writing() as connection:
        await connection.exec_driver_sql("UPDATE answers SET status = NULL, body = NULL")
    busy = await editor("POST", "/connections", right, Idempotency_Key="k3")
    assert (busy.status_code, busy.json()["code"]) == (409, "request.conflict")


async def test_what_others_have_changed_is_not_deleted(
    editor: Caller, people: dict[str, Caller]
) -> None:
    admin = people["admin"]
    channel = {"name": "ops", "url": "json://h/x"}
    assert (await admin("POST", "/channels", channel)).status_code == 201
    await admin("POST", "/users", {"name": "ann", "roles": ["viewer"]})
    for path, change in (
        ("/jobs/nightly", {"description": "x"}),
        ("/connections/lake", {"description": "x"}),
        ("/channels/ops", {"description": "x"}),
        ("/users/ann", {"email": "ann@example.com"}),
    ):
        changed = await admin("PATCH", path, change, If_Match='"1"')
        assert changed.headers["ETag"] == '"2"', changed.text
        refused = await admin("DELETE", path, If_Match='"1"')
        assert (refused.status_code, refused.json()["code"]) == (409, "request.conflict"), path
        assert (await admin("DELETE", path, If_Match='"2"')).status_code == 204, path


async def test_pages_of_the_audit_log_stay_while_others_write(people: dict[str, Caller]) -> None:
    admin = people["admin"]
    first = (await admin("GET", "/audit?limit=2")).json()["items"]
    role = {"policies": [{"permissions": ["jobs.*"]}]}
    await admin("PUT", "/roles/law", role)
    assert (await admin("DELETE", "/roles/law")).status_code == 204
    last = first[-1]["id"]
    second = (await admin("GET", f"/audit?limit=2&before={last}")).json()["items"]
    assert [entry["id"] for entry in second] == [last - 1, last - 2]
    (gone, _) = (await admin("GET", "/audit?kind=role&name=law")).json()["items"]
    assert gone["changes"]["policies"][0][0]["permissions"] == ["jobs.*"]


async def test_no_answer_holds_a_secret(editor: Caller, people: dict[str, Caller]) -> None:
    admin = people["admin"]
    answers = [
        await admin("GET", path)
        for path in ("/connections", "/connections/clio", "/connections/clio/tables", "/jobs",
                     "/jobs/nightly", "/audit", "/project", "/project?secrets=sealed", "/users")
    ]  # fmt: skip
    answers.append(await admin("POST", "/connections/clio/test"))
    answers.append(await editor("POST", "/connections", {**CLIO, "type": SECRET}))
    answers.append(await editor("POST", "/connections", {**CLIO, "properties": [SECRET]}))
    answers.append(await editor("POST", "/connections", {**CLIO, "name": 5}))
    wrong = {**CLIO, "name": "new", "properties": {"OAuthClientSecret": SECRET, "Profile": "no"}}
    answers.append(await editor("POST", "/connections", wrong))
    answers.append(await editor("POST", "/session", {"user": "x", "password": SECRET, "y": 1}))
    answers.append(await editor("POST", "/session", {"user": [SECRET], "password": SECRET}))
    assert {a.status_code for a in answers} == {200, 422}
    for answer in answers:
        assert SECRET not in answer.text, answer.url


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", {"content-type": "application/json"}, 422, "request.invalid"),
        (b"[]", {"content-type": "application/json"}, 422, "request.invalid"),
        (b"\xff\xfe", {"content-type": "application/json"}, 422, "request.invalid"),
        (b"{}", {"content-type": "text/plain"}, 422, "request.invalid"),
        (b"{}", {"content-type": "application/json", "content-length": "99999999"}, 413,
         "request.size"),
        (b"{}", {"content-type": "application/json", "transfer-encoding": "chunked"}, 411,
         "request.length"),
        (b"{}", {"content-type": "application/json", "if-match": "x"}, 422, "request.invalid"),
    ],
)  # fmt: skip
async def test_what_is_not_understood(
    people: dict[str, Caller], body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    editor = people["editor"]
    answer = await editor.client.request(
        "PATCH", f"{PREFIX}/connections/lake", content=body, headers={**editor.headers, **headers}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_addresses_that_are_not_there(people: dict[str, Caller]) -> None:
    for method, path, status in (("GET", "/moon", 404), ("DELETE", "/jobs", 405)):
        answer = await people["admin"](method, path)
        assert answer.status_code == status
        assert answer.json()["status"] == status
    assert answer.headers["Allow"] == "GET, POST"
    # A connection may be called 'test', but that is not what is meant.
    answer = await people["admin"]("DELETE", "/connections/test")
    assert answer.status_code == 404
    answer = await people["admin"]("PUT", "/connections/test")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    twice = await people["admin"]("GET", "/jobs?paused=true&paused=false")
    assert (twice.status_code, twice.json()["code"]) == (422, "request.invalid")
    assert (await people["admin"]("GET", "/jobs?label=a&label=b")).status_code == 200
    far = await people["admin"]("GET", f"/jobs?offset={10**30}")
    assert (far.status_code, far.json()["code"]) == (422, "request.invalid")


async def test_health(people: dict[str, Caller]) -> None:
    client = people["nobody"].client
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    gone = plane_of(open_store("postgresql://u:hunter2@127.0.0.1:1/db"))
    async with ready(gone) as answer:
        assert answer.status_code == 503
        assert answer.json()["code"] == "transient.unavailable"
        assert "hunter2" not in answer.text
    await gone.store.aclose()


def test_the_openapi_document_says_what_there_is(plane: Plane) -> None:
    document: dict[str, Any] = api_of(plane).openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], f"{method} {path}"
            assert "401" in operation["responses"]
    assert document["components"]["schemas"]["JobIn"]["examples"]
    assert "enabled" in document["components"]["schemas"]["TaskIn"]["properties"]
