"""What surrounds every answer: security headers, the theme of the visitor, no foreign senders."""

import re
import secrets
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: ``light``, ``dark`` or ``system``, of the request that is being answered.
theme: ContextVar[str] = ContextVar("theme", default="system")
THEMES = ("light", "dark", "system")
_SCRIPT = re.compile(rb"<script\b")
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Guard:
    """ASGI middleware around the pages.

    Scripts run only if they come from here: those inside a page carry a nonce that is new for
    each answer. NiceGUI evaluates expressions that the server sends, hence 'unsafe-eval'.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not _from_here(scope, headers):
            await _refuse(scope, send)
            return
        theme.set(_theme(headers))
        nonce = secrets.token_urlsafe(16)
        held: list[Message] = []

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                _protect(answer, nonce)
                if answer.get("content-type", "").startswith("text/html"):
                    held.append(message)
                    return
            elif message["type"] == "http.response.body" and held:
                held.append(message)
                if message.get("more_body", False):
                    return
                for each in _with_nonce(held, nonce):
                    await send(each)
                held.clear()
                return
            await send(message)

        await self._app(scope, receive, guarded)


def _with_nonce(held: list[Message], nonce: str) -> list[Message]:
    """Return a whole HTML answer with the nonce in each script; values in it are escaped."""
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts)
    headers = MutableHeaders(scope=start)
    if "content-encoding" not in headers:
        body = _SCRIPT.sub(b'<script nonce="' + nonce.encode() + b'"', body)
        headers["content-length"] = str(len(body))
    return [start, {"type": "http.response.body", "body": body}]


def _protect(headers: MutableHeaders, nonce: str) -> None:
    headers.setdefault(
        "content-security-policy",
        "default-src 'self'; "
        f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action 'self'",
    )
    headers.setdefault("x-content-type-options", "nosniff")
    headers.setdefault("x-frame-options", "DENY")
    headers.setdefault("referrer-policy", "same-origin")
    headers.setdefault("cross-origin-opener-policy", "same-origin")


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Return whether a request that may change something was sent by one of our own pages."""
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return True
    origin = headers.get("origin")
    if origin is None:
        # Not a browser, or an old one: the cookie is SameSite, and then not sent either.
        return headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    return urlsplit(origin).netloc == headers.get("host", "")


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 403, "headers": [kind]})
    await send(
        {"type": "http.response.body", "body": b"This request was sent by another site's page."}
    )


def _theme(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get("theme")
    except CookieError:
        return "system"
    return found.value if found is not None and found.value in THEMES else "system"
