"""Faults by script: which request goes wrong, and how."""

import asyncio
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

FaultKind = Literal[
    "status",
    "drop",
    "truncate",
    "garbage",
    "broken_json",
    "slow",
    "repeat_page",
    "wrong_type",
    "next_elsewhere",
]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scripted fault.

    Attributes:
        fault: what happens.
        request: number, from 1, of the first request it happens to; None means the next one.
        times: how many requests in a row.
        path: count and hit only requests of this path (``/api/v4/activities``), ``.json`` or not.
        status: the status of ``status``.
        retry_after: seconds of a Retry-After header with ``status``.
        delay: seconds of ``slow``.
    """

    fault: FaultKind
    request: int | None = None
    times: int = 1
    path: str | None = None
    status: int = 500
    retry_after: int | None = None
    delay: float = 1.0


class Faults:
    """The script; each fault is forgotten when it has happened often enough."""

    def __init__(self) -> None:
        self._script: list[tuple[Fault, int, int]] = []

    def add(self, fault: Fault, *, total: int, of_path: int) -> None:
        """Add a fault; ``total`` and ``of_path`` are the requests counted so far."""
        first = fault.request
        if first is None:
            first = (of_path if fault.path else total) + 1
        self._script.append((fault, first, first + fault.times))

    def clear(self) -> None:
        self._script.clear()

    def pending(self) -> list[Fault]:
        return [fault for fault, _, _ in self._script]

    def take(self, path: str, *, total: int, of_path: int) -> Fault | None:
        """The fault that hits this request, if any."""
        hit: Fault | None = None
        kept: list[tuple[Fault, int, int]] = []
        for fault, first, end in self._script:
            number = total
            if fault.path is not None:
                number = of_path if plain(fault.path) == path else -1
            if hit is None and first <= number < end:
                hit = fault
            if number + 1 < end or number < first:
                kept.append((fault, first, end))
        self._script = kept
        return hit


def plain(path: str) -> str:
    """A path as it is counted: without ``.json`` and a last slash."""
    return path.removesuffix(".json").rstrip("/")


def scripted_status(fault: Fault, *, clio: bool) -> web.Response:
    """An error of the API's own shape."""
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    message = f"Answer {fault.status}, as scripted."
    body: object = {"errors": [{"Message": message, "Field": "", "MessageDetail": []}]}
    if clio:
        body = {"error": {"type": "ScriptedFault", "message": message}}
    return web.Response(
        status=fault.status,
        headers=headers,
        body=msgspec.json.encode(body),
        content_type="application/json",
        charset="utf-8",
    )


def drop(request: web.Request) -> web.Response:
    """Close the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def spoil(request: web.Request, response: web.Response, fault: Fault) -> web.StreamResponse:
    """The answer as the fault bends it; ``status``, ``drop`` and ``slow`` leave it alone."""
    body = response.body if isinstance(response.body, bytes) else b""
    match fault.fault:
        case "truncate":
            return await _truncated(request, response, body)
        case "garbage":
            response.body = b"<html><body>502 upstream \xff\xfe</body></html>"
        case "broken_json":
            response.body = body[: max(len(body) * 2 // 3, 1)]
        case "repeat_page" | "wrong_type" | "next_elsewhere" if response.status == HTTPStatus.OK:
            response.body = msgspec.json.encode(
                _bent(request, msgspec.json.decode(body), fault.fault)
            )
        case _:
            pass
    return response


async def _truncated(
    request: web.Request, response: web.Response, body: bytes
) -> web.StreamResponse:
    """Headers promise the whole body, half of it is sent, then the connection ends."""
    cut = web.StreamResponse(status=response.status, headers=response.headers)
    cut.content_length = len(body)
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.close()
    return cut


def _bent(request: web.Request, answer: object, kind: str) -> object:
    if not isinstance(answer, dict):
        return answer
    if kind == "wrong_type":
        rows = answer.get("data")
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            row = rows[len(rows) // 2]
            name = next((name for name in ("id", "ID") if name in row), next(iter(row)))
            row[name] = f"not a number: {row[name]}"
        return answer
    link = str(request.url)
    if kind == "next_elsewhere":
        parts = urlsplit(link)
        link = parts._replace(scheme="https", netloc="elsewhere.invalid").geturl()
    meta, page = answer.get("meta"), answer.get("page")
    if isinstance(page, dict):
        _set(page, "links", link)
    elif isinstance(meta, dict):
        _set(meta, "paging", link)
    return answer


def _set(holder: MutableMapping[str, object], name: str, link: str) -> None:
    links = holder.get(name)
    holder[name] = {**(links if isinstance(links, dict) else {}), "next": link}
