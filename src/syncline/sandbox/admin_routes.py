"""The admin addresses: the sandbox's operations as JSON over HTTP, without a token."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from aiohttp import web

from syncline.sandbox.administration import Administration, UnknownNameError
from syncline.sandbox.faults import Fault
from syncline.sandbox.world import WORLD

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Change(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    table: str
    id: int | str
    values: dict[str, object]


class _Mutation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    table: str
    insert: int = 0
    update: int = 0
    delete: int = 0
    hard: bool = False
    ids: list[int | str] | None = None
    rows: list[dict[str, object]] | None = None


class _ClockChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    set: datetime | None = None
    advance: float | None = None
    frozen: bool | None = None


class _TokenOrder(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    system: str = "clio"
    client_id: str | None = None
    expires_in: int | None = None


class _TokenName(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    token: str | None = None


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        content_type="application/json",
        charset="utf-8",
    )


def _admin(request: web.Request) -> Administration:
    return Administration(request.app[WORLD])


def _guarded(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (msgspec.DecodeError, ValueError) as wrong:
            return _json({"error": str(wrong)}, status=400)
        except UnknownNameError as unknown:
            return _json({"error": str(unknown)}, status=404)

    return answer


async def _body(request: web.Request) -> bytes:
    return await request.read() or b"{}"


async def _change(request: web.Request) -> web.StreamResponse:
    order = msgspec.json.decode(await _body(request), type=_Change)
    _admin(request).change(order.table, order.id, order.values)
    return _json({"changed": order.id})


async def _mutate(request: web.Request) -> web.StreamResponse:
    """Rows by number; or ``ids`` to update or (``delete``) delete; or ``rows`` to insert."""
    order = msgspec.json.decode(await _body(request), type=_Mutation)
    admin = _admin(request)
    if order.rows is not None:
        return _json({"inserted": [admin.insert(order.table, row) for row in order.rows]})
    if order.ids is not None:
        if order.delete:
            admin.delete(order.table, order.ids, hard=order.hard)
            return _json({"deleted": order.ids})
        admin.update(order.table, order.ids)
        return _json({"updated": order.ids})
    done = admin.mutate(
        order.table, insert=order.insert, update=order.update, delete=order.delete, hard=order.hard
    )
    return _json(done)


async def _clock(request: web.Request) -> web.StreamResponse:
    admin = _admin(request)
    if request.method == "POST":
        order = msgspec.json.decode(await _body(request), type=_ClockChange)
        if order.set is not None:
            if order.set.tzinfo is None:
                raise ValueError("The instant needs an offset.")
            admin.set_clock(order.set)
        if order.advance is not None:
            admin.advance(order.advance)
        if order.frozen is not None:
            admin.freeze(frozen=order.frozen)
    return _json({"now": admin.now().isoformat(), "frozen": request.app[WORLD].clock.frozen})


async def _token(request: web.Request) -> web.StreamResponse:
    order = msgspec.json.decode(await _body(request), type=_TokenOrder)
    if order.system == "clicktime":
        return _json({"token": _admin(request).issue_clicktime_token()})
    pair = _admin(request).issue_token(client_id=order.client_id, expires_in=order.expires_in)
    return _json(
        {
            "token_type": "bearer",
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "expires_in": pair.expires_in,
        }
    )


async def _expire(request: web.Request) -> web.StreamResponse:
    order = msgspec.json.decode(await _body(request), type=_TokenName)
    return _json({"expired": _admin(request).expire_tokens(order.token)})


async def _revoke(request: web.Request) -> web.StreamResponse:
    order = msgspec.json.decode(await _body(request), type=_TokenName)
    return _json({"revoked": _admin(request).revoke(order.token or "")})


async def _faults(request: web.Request) -> web.StreamResponse:
    admin = _admin(request)
    if request.method == "DELETE":
        admin.clear_faults()
    elif request.method == "POST":
        body = (await _body(request)).strip()
        script = body if body.startswith(b"[") else b"[" + body + b"]"
        for fault in msgspec.json.decode(script, type=list[Fault]):
            admin.fault(fault)
    return _json({"pending": admin.faults()})


async def _counters(request: web.Request) -> web.StreamResponse:
    return _json(_admin(request).counters())


async def _tables(request: web.Request) -> web.StreamResponse:
    return _json(_admin(request).tables())


async def _truth(request: web.Request) -> web.StreamResponse:
    """``/admin/truth/activities?fields=…&parent=…``: rows as JSON lines."""
    kept = [
        (name, value) for name, value in request.query.items() if name not in ("fields", "parent")
    ]
    query = str(request.rel_url.with_query(kept).query_string)
    lines = _admin(request).truth_lines(
        request.match_info["name"],
        fields=request.query.get("fields"),
        query=query,
        parent=request.query.get("parent"),
    )
    return web.Response(
        body=b"".join(line + b"\n" for line in lines), content_type="application/x-ndjson"
    )


async def _reset(request: web.Request) -> web.StreamResponse:
    _admin(request).reset()
    return _json({"reset": True})


def add_to(app: web.Application) -> None:
    """Add the admin addresses to an application."""
    for method, path, handler in (
        ("POST", "/admin/change", _change),
        ("POST", "/admin/mutate", _mutate),
        ("*", "/admin/clock", _clock),
        ("POST", "/admin/token", _token),
        ("POST", "/admin/expire", _expire),
        ("POST", "/admin/revoke", _revoke),
        ("*", "/admin/faults", _faults),
        ("GET", "/admin/counters", _counters),
        ("GET", "/admin/tables", _tables),
        ("GET", "/admin/truth/{name:.+}", _truth),
        ("POST", "/admin/reset", _reset),
    ):
        app.router.add_route(method, path, _guarded(handler))
