"""Which permission each route needs, in one table, and the route class that asks for it."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, get_origin

from fastapi import Depends, Request, Response, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from syncline.api import idempotency
from syncline.control.access import PERMISSIONS, Actor
from syncline.control.plane import Plane
from syncline.control.usecases.signing_in import actor_of_session, actor_of_token, check_csrf
from syncline.errors import Invalid, Unauthenticated

COOKIE = "syncline_session"
CSRF_HEADER = "X-CSRF-Token"
#: Nothing that anyone asks for is longer, in bytes.
LONGEST_BODY = 8 * 1024 * 1024
#: Anyone may ask.
PUBLIC = "public"
#: Whoever has signed in, or has a token.
ANYONE = "signed in"
_SAFE = {"GET", "HEAD", "OPTIONS"}

#: What a route needs at the least. A policy may give it for some jobs or connections only: which
#: ones, the use case decides.
ROUTES: Mapping[tuple[str, str], str] = {
    ("POST", "/session"): PUBLIC,
    ("POST", "/session/link"): PUBLIC,
    ("GET", "/session"): ANYONE,
    ("DELETE", "/session"): ANYONE,
    ("POST", "/session/password"): ANYONE,
    ("GET", "/session/tokens"): ANYONE,
    ("POST", "/session/tokens"): ANYONE,
    ("DELETE", "/session/tokens/{token_id}"): ANYONE,
    ("GET", "/permissions"): ANYONE,
    ("GET", "/users"): "users.view",
    ("POST", "/users"): "users.edit",
    ("GET", "/users/{name}"): "users.view",
    ("PATCH", "/users/{name}"): "users.edit",
    ("DELETE", "/users/{name}"): "users.edit",
    ("POST", "/users/{name}/link"): "users.edit",
    ("GET", "/roles"): "users.view",
    ("PUT", "/roles/{name}"): "users.edit",
    ("DELETE", "/roles/{name}"): "users.edit",
    ("GET", "/audit"): "audit.view",
    ("GET", "/connections"): "connections.view",
    ("POST", "/connections"): "connections.edit",
    ("POST", "/connections/test"): "connections.edit",
    ("POST", "/connections/authorized"): "connections.edit",
    ("POST", "/connections/{name}/authorize"): "connections.edit",
    ("DELETE", "/connections/{name}/authorization"): "connections.edit",
    ("GET", "/connections/{name}"): "connections.view",
    ("PATCH", "/connections/{name}"): "connections.edit",
    ("DELETE", "/connections/{name}"): "connections.edit",
    ("POST", "/connections/{name}/test"): "connections.edit",
    ("GET", "/connections/{name}/webhooks"): "connections.view",
    ("PUT", "/connections/{name}/webhooks"): "connections.edit",
    ("DELETE", "/connections/{name}/webhooks"): "connections.edit",
    ("GET", "/connections/{name}/tables"): "connections.view",
    ("GET", "/connections/{name}/tables/{table}/columns"): "connections.view",
    ("GET", "/channels"): "settings.view",
    ("POST", "/channels"): "settings.edit",
    ("GET", "/channels/{name}"): "settings.view",
    ("PATCH", "/channels/{name}"): "settings.edit",
    ("DELETE", "/channels/{name}"): "settings.edit",
    ("POST", "/channels/{name}/test"): "settings.edit",
    ("GET", "/settings/address"): "settings.view",
    ("PUT", "/settings/address"): "settings.edit",
    ("GET", "/jobs"): "jobs.view",
    ("POST", "/jobs"): "jobs.edit",
    ("GET", "/jobs/{name}"): "jobs.view",
    ("PUT", "/jobs/{name}"): "jobs.edit",
    ("PATCH", "/jobs/{name}"): "jobs.edit",
    ("DELETE", "/jobs/{name}"): "jobs.edit",
    ("POST", "/jobs/{name}/copy"): "jobs.edit",
    ("POST", "/jobs/{name}/pause"): "jobs.run",
    ("POST", "/jobs/{name}/resume"): "jobs.run",
    ("GET", "/jobs/{name}/tasks"): "jobs.view",
    ("POST", "/jobs/{name}/tasks"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/tables"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/check"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/mapping"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/preview"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/enable"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/disable"): "jobs.edit",
    ("PUT", "/jobs/{name}/tasks/{task_id}"): "jobs.edit",
    ("DELETE", "/jobs/{name}/tasks/{task_id}"): "jobs.edit",
    ("POST", "/jobs/{name}/tasks/{task_id}/move"): "jobs.edit",
    ("POST", "/jobs/{name}/runs"): "jobs.run",
    ("GET", "/runs"): "runs.view",
    ("GET", "/runs/{run_id}"): "runs.view",
    ("POST", "/runs/{run_id}/cancel"): "jobs.run",
    ("GET", "/runs/{run_id}/tasks/{number}/rejects"): "jobs.edit",
    ("POST", "/runs/{run_id}/tasks/{number}/rejects/send"): "jobs.edit",
    ("GET", "/runs/{run_id}/events"): "runs.view",
    ("GET", "/runs/{run_id}/events/stream"): "runs.view",
    ("GET", "/labels"): "jobs.view",
    ("POST", "/schedules/preview"): "jobs.view",
    ("GET", "/project"): "jobs.view",
    ("POST", "/project/diff"): "jobs.view",
    ("POST", "/project/apply"): "jobs.edit",
}


class Guarded(APIRoute):
    """A route that first asks who it is, what they may do, and whether they asked before."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the guard; a route that is not in the table is refused."""
        inner = super().get_route_handler()
        needed = {method: ROUTES[method, self.path] for method in self.methods or ()}
        once = frozenset(
            field.alias
            for field in get_flat_params(self.dependant)
            if isinstance(field.field_info, params.Query)
            and get_origin(field.field_info.annotation) is not list
        )

        async def guarded(request: Request) -> Response:
            _check_length(request)
            _check_query(request, once)
            permission = needed[request.method]
            if permission == PUBLIC:
                return await inner(request)
            plane, actor = plane_of(request), await authenticated(request)
            if permission in PERMISSIONS:
                actor.require(permission)
            request.state.actor = actor
            return await idempotency.once(request, plane, actor, inner)

        return guarded


def plane_of(request: Request) -> Plane:
    """Return the control plane that the application stands on."""
    plane: Plane = request.app.state.plane
    return plane


def actor_of(request: Request) -> Actor:
    """Return who asks."""
    actor: Actor = request.state.actor
    return actor


ThePlane = Annotated[Plane, Depends(plane_of)]
TheActor = Annotated[Actor, Depends(actor_of)]


async def authenticated(request: Request) -> Actor:
    """Return whose token or cookie a request brings. Raises `Unauthenticated`, `Forbidden`."""
    plane = plane_of(request)
    given = request.headers.get("Authorization", "")
    if given:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated(
                "this way to prove who you are is not known",
                hint="send 'Authorization: Bearer' and an API token",
            )
        return await actor_of_token(plane, token.strip())
    cookie = request.cookies.get(COOKIE, "")
    if not cookie:
        raise Unauthenticated(
            "nobody is signed in", hint="send 'Authorization: Bearer' and an API token, or sign in"
        )
    actor = await actor_of_session(plane, cookie)
    if request.method not in _SAFE:
        check_csrf(cookie, request.headers.get(CSRF_HEADER, ""))
    return actor


def _check_query(request: Request, once: frozenset[str]) -> None:
    """Refuse a parameter that is given twice: whoever asks means one of them, and we cannot say."""
    names = [name for name, _ in request.query_params.multi_items() if name in once]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Invalid(f"the parameter {twice} is given twice", hint="keep one of them")


def _check_length(request: Request) -> None:
    if request.method in _SAFE:
        return
    if "transfer-encoding" in request.headers:
        raise HTTPException(411, "Length required: send Content-Length")
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LONGEST_BODY:
        raise HTTPException(413, f"A request may have {LONGEST_BODY} bytes")


def version_in(request: Request) -> int | None:
    """Return the version in ``If-Match``; None without one. Raises `Invalid`."""
    given = request.headers.get("If-Match", "").strip().strip('"')
    if given in {"", "*"}:
        return None
    if not given.isascii() or not given.isdigit():
        raise Invalid("If-Match is none of our versions", hint="send the ETag that you were given")
    return int(given)


TheVersion = Annotated[int | None, Depends(version_in)]
