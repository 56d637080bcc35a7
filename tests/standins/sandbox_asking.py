"""Asks a running sandbox over HTTP, the way a client does."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN, Options
from syncline.sandbox.server import Sandbox, running

Row = dict[str, object]
Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Row:
        return msgspec.json.decode(self.content, type=Row)

    def rows(self) -> list[Row]:
        assert self.status == 200, self.content[:500]
        return msgspec.convert(self.json()["data"], list[Row])

    def one(self) -> Row:
        assert self.status == 200, self.content[:500]
        return msgspec.convert(self.json()["data"], Row)

    def part(self, *names: str) -> object:
        found: object = self.json()
        for name in names:
            found = msgspec.convert(found, Row)[name]
        return found

    def next(self) -> str | None:
        """The address of the following Clio page."""
        paging = msgspec.convert(self.part("meta", "paging"), dict[str, str])
        return paging.get("next")


class Asker:
    """A client of one sandbox with a token for each API."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session
        self.token = sandbox.issue_token().access_token

    async def get(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        url = path if path.startswith("http") else self.sandbox.url + path
        async with self.session.get(url, params=parameters, headers=headers) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def clio(
        self,
        path: str,
        parameters: Parameters | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        url = path if path.startswith("http") else f"/api/v4/{path}"
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return await self.get(url, parameters, headers=sent)

    async def clicktime(self, path: str, parameters: Parameters | None = None) -> Reply:
        url = path if path.startswith("http") else f"/v2{path}"
        sent = {"Authorization": f"Token {DEFAULT_CLICKTIME_TOKEN}"}
        return await self.get(url, parameters, headers=sent)

    async def walk(self, path: str, parameters: Parameters) -> list[Row]:
        """Every row of a Clio list, following the links."""
        reply = await self.clio(path, parameters)
        rows = reply.rows()
        while (link := reply.next()) is not None:
            reply = await self.clio(link)
            rows.extend(reply.rows())
        return rows

    async def admin(self, path: str, body: object) -> Row:
        url = f"{self.sandbox.url}/admin/{path}"
        async with self.session.post(url, data=msgspec.json.encode(body)) as answer:
            content = await answer.read()
            assert answer.status == 200, content
            return msgspec.json.decode(content, type=Row)


@asynccontextmanager
async def asking(options: Options | None = None) -> AsyncIterator[Asker]:
    """A small sandbox without limits, unless the options say otherwise, and a client of it."""
    chosen = options or Options(rows=400, rate_limit=0)
    async with running(chosen) as sandbox, aiohttp.ClientSession() as session:
        yield Asker(sandbox, session)
