"""A small API on loopback: rows, walked in every way that profiles know, with faults on demand."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import urlencode

from aiohttp import web

Row: TypeAlias = dict[str, Any]
#: Answers a request in place of the API; None lets the API answer.
Fault: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""

    def get(self, name: str) -> str | None:
        return next((v for k, v in self.query if k == name), None)

    def all(self, name: str) -> list[str]:
        return [v for k, v in self.query if k == name]


@dataclass(slots=True, kw_only=True)
class Api:
    """Lists by path, and what was asked of them."""

    #: Rows by path, in the order in which they are listed.
    lists: dict[str, list[Row]]
    style: str = "next_link"
    size: int = 3
    #: Rows without a value are smaller than all others when they are sorted.
    nulls_first: bool = False
    #: Seconds that each answer takes.
    delay: float = 0.0
    asked: list[Asked] = field(default_factory=list)
    #: What happens to the next requests, first come first served.
    faults: deque[Fault | None] = field(default_factory=deque)
    #: What happens to every request.
    always: Fault | None = None
    url: str = ""
    under_way: int = 0
    most_under_way: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        query = list(request.query.items())
        self.asked.append(
            Asked(
                path=request.path,
                query=query,
                headers=dict(request.headers.items()),
                method=request.method,
                body=await request.read(),
            )
        )
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            fault = self.faults.popleft() if self.faults else self.always
            answered = await fault(request) if fault else None
            return answered or self._list(request)
        finally:
            self.under_way -= 1

    def _list(self, request: web.Request) -> web.Response:
        rows = self.lists.get(request.path)
        if rows is None:
            return failure(404, "NotFound", f"there is no {request.path}")
        rows = [row for row in rows if _wanted(row, request)]
        order = request.query.get("order", "")
        if order:
            name, _, direction = order.partition(" ")
            # As databases do: rows without a value are smaller than all others, or greater.
            rows = sorted(
                rows,
                key=lambda row: ((row[name] is not None) is self.nulls_first, str(row[name])),
                reverse=direction == "desc",
            )
        size = int(request.query.get("limit", self.size))
        return self._page(request, rows, size)

    def _page(self, request: web.Request, rows: list[Row], size: int) -> web.Response:
        query = dict(request.query)
        size = len(rows) if self.style == "none" else size
        begin = {
            "page_number": (int(query.get("page", 1)) - 1) * size,
            "offset": int(query.get("offset", 0)),
        }.get(self.style, int(query.get("token", 0)))
        end = begin + size
        page, more = rows[begin:end], end < len(rows)
        if self.style == "none":
            return web.json_response(page)
        kept = [(k, v) for k, v in request.query.items() if k != "token"]
        following = f"{self.url}{request.path}?" + urlencode([*kept, ("token", end)])
        if self.style == "link_header":
            link = f'<{self.url}/first>; rel="first", <{following}>; rel="next"'
            return web.json_response(page, headers={"Link": link} if more else {})
        every: dict[str, dict[str, Any]] = {
            "next_link": {"meta": {"paging": {"next": following} if more else {}}},
            "token": {"token": str(end) if more else None},
            "offset": {"total": len(rows)},
            "page_number": {"more": more},
        }
        return web.json_response({"data": page, **every[self.style]})


@asynccontextmanager
async def serving(api: Api) -> AsyncIterator[Api]:
    """Serve an API on a free port of loopback."""
    application = web.Application(client_max_size=2**26)
    application.router.add_route("*", "/{path:.*}", api.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()


def failure(
    status: int, kind: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = json.dumps({"error": {"type": kind, "message": message}})
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)


def answering(status: int, message: str = "no", **headers: str) -> Fault:
    """Return a fault that answers with a status."""

    async def fault(_: web.Request) -> web.StreamResponse:
        heads = {name.replace("_", "-"): value for name, value in headers.items()}
        return failure(status, "Fault", message, heads)

    return fault


def saying(body: bytes, status: int = 200) -> Fault:
    """Return a fault that answers with some body."""

    async def fault(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type="application/json")

    return fault


async def dropping(request: web.Request) -> web.StreamResponse:
    """Drop the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cutting(request: web.Request) -> web.StreamResponse:
    """Send less of the body than was promised."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"data": [')
    assert request.transport is not None
    request.transport.close()
    return response


def _wanted(row: Row, request: web.Request) -> bool:
    query = request.query
    ids = query.getall("ids[]", [])
    if ids and str(row["id"]) not in ids:
        return False
    if "updated_since" in query and not str(row["updated_at"]) >= query["updated_since"]:
        return False
    if "from" in query and not (row["day"] and str(row["day"]) >= query["from"]):
        return False
    if "to" in query and not (row["day"] and str(row["day"]) <= query["to"]):
        return False
    return "kind" not in query or row["kind"] == query["kind"]
