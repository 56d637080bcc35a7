"""Who may call what: every route and every role, against the table."""

import re
from collections.abc import AsyncIterator

import pytest
from fastapi.routing import APIRoute

from control.calling import ROLES, Caller, calling
from control.planes import people as actors
from control.planes import plane_of
from syncline.api import channels, connections, jobs, people, projects, runs, tasks, webhooks
from syncline.api.access import ANYONE, PUBLIC, Guarded
from syncline.api.access import ROUTES as TABLE
from syncline.control.access import PERMISSIONS
from syncline.control.access import ROLES as POLICIES
from syncline.control.store.database import Store

ROUTERS = (channels, connections, jobs, people, projects, runs, tasks, webhooks)


@pytest.fixture
async def callers(sqlite_store: Store) -> AsyncIterator[dict[str, Caller]]:
    async with calling(plane_of(sqlite_store)) as found:
        yield found


def test_the_table_has_every_route_and_no_other() -> None:
    found = set()
    for module in ROUTERS:
        for route in module.router.routes:
            assert isinstance(route, Guarded), route
            found |= {(method, route.path) for method in route.methods or ()}
    assert found == set(TABLE)
    assert set(TABLE.values()) <= {PUBLIC, ANYONE, *PERMISSIONS}


def test_a_route_that_is_not_in_the_table_cannot_be_made() -> None:
    async def nothing() -> None:
        return None

    with pytest.raises(KeyError):
        Guarded("/not/in/the/table", nothing, methods=["GET"])
    assert APIRoute("/not/in/the/table", nothing, methods=["GET"])


def test_roles_are_what_people_know() -> None:
    allowed = {role: {p for p in PERMISSIONS if actor.may(p)} for role, actor in actors().items()}
    assert set(POLICIES) == set(ROLES)
    assert allowed["admin"] == set(PERMISSIONS)
    assert allowed["viewer"] == {"connections.view", "jobs.view", "runs.view"}
    assert allowed["operator"] == allowed["viewer"] | {"jobs.run"}
    assert allowed["editor"] == allowed["operator"] | {
        "connections.edit", "jobs.edit", "settings.view",
    }  # fmt: skip


@pytest.mark.parametrize(("route", "needed"), TABLE.items(), ids=lambda v: " ".join(v)
                         if isinstance(v, tuple) else v)  # fmt: skip
async def test_every_route_and_every_role(
    callers: dict[str, Caller], route: tuple[str, str], needed: str
) -> None:
    method, path = route
    # Nothing of the name exists, and no body has what it must: nothing happens.
    address = re.sub(r"\{\w+\}", "nothing", path)
    body: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
    unknown = await callers["nobody"](method, address, body)
    if needed == PUBLIC:
        assert unknown.status_code == 422
        return
    assert unknown.status_code == 401, unknown.text
    assert unknown.json()["code"] == "request.sign_in"
    for role, actor in actors().items():
        answer = await callers[role](method, address, body)
        may = needed == ANYONE or actor.may(needed)
        if may:
            by_browser = path.startswith("/session/")
            assert answer.status_code != 401
            assert answer.status_code < 500, answer.text
            assert by_browser or answer.status_code != 403, f"{role}: {answer.text}"
        else:
            assert answer.status_code == 403, f"{role}: {answer.status_code} {answer.text}"
            assert needed in answer.json()["detail"]
