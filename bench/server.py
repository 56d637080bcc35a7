"""The benchmark's API: Clio-like, from pages rendered beforehand, at next to no cost."""

import argparse
import asyncio
import contextlib
import gc
import json
import math
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime
from email.utils import formatdate
from urllib.parse import parse_qsl, urlencode, urlsplit

from bench.rows import ROWS_PER_PAGE, Rows

PATH = "/api/v4/activities.json"
_PHRASES = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How the server answers until the next ``/admin/configure``, and what it has counted."""

    #: Seconds that every answer waits.
    delay: float = 0.0
    #: Requests per window; 0: no limit.
    limit: int = 0
    #: Seconds of a window, the first of which starts with the second of the first request.
    window: int = 60

    requests: int = 0
    refused: int = 0
    under_way: int = 0
    most_under_way: int = 0
    first: float = 0.0
    last: float = 0.0
    #: Requests answered in each window that had any.
    windows: dict[int, int] = field(default_factory=dict)
    #: Time of the first request of the latest window, in seconds since the first window began.
    entered: float = 0.0
    started: int = 0
    processor: float = field(default_factory=time.process_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What a request lists: positions in a range of rows, or in the rows that changed."""

    start: int
    stop: int
    position: int = 0
    descending: bool = False
    changed: tuple[int, ...] | None = None


class Clio(asyncio.Protocol):
    """One connection. Requests have no body, and are not pipelined."""

    transport: asyncio.Transport

    def __init__(self, api: "Api") -> None:
        self._api = api
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            target = self._received[: self._received.index(b"\r\n")].split(b" ")[1].decode()
            self._received = self._received[end + 4 :]
            self._api.answer(target, self._send)

    def _send(self, chunks: list[bytes | memoryview]) -> None:
        if not self.transport.is_closing():
            self.transport.writelines(chunks)


class Api:
    """The table over HTTP, and ``/admin`` to set how it behaves."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._behaviour = Behaviour()
        self.base = ""

    def answer(self, target: str, send: Callable[[list[bytes | memoryview]], None]) -> None:
        """Answer a GET of ``target``, now or after the delay."""
        address = urlsplit(target)
        parameters = dict(parse_qsl(address.query))
        if address.path.startswith("/admin/"):
            send(self._administer(address.path.removeprefix("/admin/"), parameters))
            return
        behaviour = self._behaviour
        headers = self._count(behaviour)
        behaviour.under_way += 1
        behaviour.most_under_way = max(behaviour.most_under_way, behaviour.under_way)

        def respond() -> None:
            behaviour.under_way -= 1
            if "Retry-After" in headers:
                send(_error(429, "RateLimited", "too many requests", headers))
            elif address.path != PATH:
                send(_error(404, "NotFound", f"no such path: {address.path}", headers))
            else:
                send(self._page(parameters, headers))

        if behaviour.delay:
            asyncio.get_running_loop().call_later(behaviour.delay, respond)
        else:
            respond()

    def _page(self, parameters: dict[str, str], headers: str) -> list[bytes | memoryview]:
        try:
            size = max(1, min(int(parameters.get("limit", ROWS_PER_PAGE)), ROWS_PER_PAGE))
            listing = self._listing(parameters)
        except ValueError as error:
            return _error(400, "ArgumentError", str(error), headers)
        chosen = listing.changed
        count = len(chosen) if chosen is not None else listing.stop - listing.start
        upto = min(listing.position + size, count)
        text: bytes | memoryview
        if chosen is not None:
            wanted = [chosen[i] for i in range(listing.position, upto)]
        elif listing.descending:
            wanted = [listing.stop - 1 - i for i in range(listing.position, upto)]
        else:
            wanted = []
        if wanted:
            text = b",".join(map(self._rows.row, wanted))
        elif upto > listing.position:
            text = self._rows.text(listing.start + listing.position, listing.start + upto)
        else:
            text = b""
        paging = {}
        if upto < count:
            kept = {k: v for k, v in parameters.items() if k != "page_token"}
            query = urlencode({**kept, "page_token": str(upto)})
            paging["next"] = f"{self.base}{PATH}?{query}"
        meta = json.dumps({"paging": paging, "records": count}, separators=(",", ":"))
        tail = b'],"meta":' + meta.encode() + b"}"
        length = len(b'{"data":[') + len(text) + len(tail)
        return [_head(200, length, headers) + b'{"data":[', text, tail]

    def _listing(self, parameters: dict[str, str]) -> _Listing:
        position = int(parameters.get("page_token", "0"))
        since, until = (_day(parameters.get(name)) for name in ("start_date", "end_date"))
        start, stop = self._rows.between(since, until)
        changed = None
        if "updated_since" in parameters:
            moment = datetime.fromisoformat(parameters["updated_since"])
            if moment.tzinfo is None:
                raise ValueError("updated_since has no offset")
            found = self._rows.changed_since(moment)
            if found is not None:
                changed = tuple(i for i in found if start <= i < stop)
        order = parameters.get("order", "id(asc)")
        if order not in {"id(asc)", "id(desc)", "date(asc)", "date(desc)"}:
            raise ValueError(f"cannot order by {order}")
        descending = order.endswith("(desc)")
        if changed is not None and descending:
            changed = changed[::-1]
        return _Listing(
            start=start, stop=stop, position=position, descending=descending, changed=changed
        )

    def _count(self, behaviour: Behaviour) -> str:
        now = time.time()
        behaviour.requests += 1
        behaviour.last = now
        if behaviour.requests == 1:
            behaviour.first, behaviour.started = now, math.floor(now)
        if not behaviour.limit:
            return ""
        number = int((now - behaviour.started) // behaviour.window)
        if number not in behaviour.windows:
            behaviour.windows[number] = 0
            behaviour.entered = now - behaviour.started
        reset = behaviour.started + (number + 1) * behaviour.window
        refused = behaviour.windows[number] >= behaviour.limit
        behaviour.refused += refused
        behaviour.windows[number] += not refused
        headers = (
            f"X-RateLimit-Limit: {behaviour.limit}\r\n"
            f"X-RateLimit-Remaining: {behaviour.limit - behaviour.windows[number]}\r\n"
            f"X-RateLimit-Reset: {reset}\r\n"
        )
        return headers + (f"Retry-After: {math.ceil(reset - now)}\r\n" if refused else "")

    def _administer(self, command: str, parameters: dict[str, str]) -> list[bytes | memoryview]:
        behaviour = self._behaviour
        answer: dict[str, object] = {}
        if command == "configure":
            self._behaviour = Behaviour(
                delay=float(parameters.get("delay", "0")),
                limit=int(parameters.get("limit", "0")),
                window=int(parameters.get("window", "60")),
            )
        elif command == "change":
            self._rows.change(datetime.now(UTC))
        elif command == "restore":
            self._rows.restore()
        elif command == "expected":
            answer = asdict(self._rows.expected())
        elif command == "stats":
            names = [each.name for each in fields(behaviour)]
            answer = {name: getattr(behaviour, name) for name in names}
            answer["processor"] = time.process_time() - behaviour.processor
        else:
            return _error(404, "NotFound", command, "")
        body = json.dumps(answer).encode()
        return [_head(200, len(body), ""), body]


def _head(status: int, length: int, headers: str) -> bytes:
    return (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nDate: {formatdate(usegmt=True)}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {length}\r\n{headers}\r\n"
    ).encode()


def _error(status: int, kind: str, message: str, headers: str) -> list[bytes | memoryview]:
    body = json.dumps({"error": {"type": kind, "message": message}}).encode()
    return [_head(status, len(body), headers), body]


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


async def serve(rows: int, port: int) -> None:
    """Serve until cancelled; print the address once ready."""
    api = Api(Rows(rows))
    gc.freeze()
    gc.disable()  # nothing here is cyclic; a collection would only blur the figures
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Clio(api), "127.0.0.1", port)
    api.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(api.base, flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(given.rows, given.port))
