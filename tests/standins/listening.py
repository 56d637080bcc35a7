"""A web hook and a mail server that keep what they are told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope


@dataclass(slots=True)
class Hook:
    """A web hook; it takes everything, unless ``answer`` says otherwise."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None


@asynccontextmanager
async def hook() -> AsyncIterator[Hook]:
    found = Hook()

    async def take(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        found.got.append(await request.json() if body else {})
        found.headers.append(dict(request.headers))
        return await found.answer(request) if found.answer else web.Response()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        found.url = f"127.0.0.1:{runner.addresses[0][1]}"
        yield found
    finally:
        await runner.cleanup()


@dataclass(slots=True)
class Mailbox:
    host: str = ""
    mails: list[Message] = field(default_factory=list)

    async def handle_DATA(self, _: SMTP, __: object, envelope: Envelope) -> str:  # noqa: N802 (its name)
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    found = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(found, loop=loop), "127.0.0.1", 0)
    async with server:
        found.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield found
