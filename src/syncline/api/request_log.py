"""Every request has an id, which its log lines and its answer carry."""

import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

HEADER = "X-Request-ID"
_LOG = logging.getLogger(__name__)
#: What a proxy in front may call a request.
_GIVEN = re.compile(r"[A-Za-z0-9._:-]{1,80}")
#: Links that work once, and hooks that anyone may call who knows them, have their secret in the
#: address; names are shorter.
_SECRET = re.compile(r"[A-Za-z0-9_=-]{40,}")
#: Asked for by monitors and browsers all day long.
_QUIET = ("/healthz", "/readyz", "/metrics", "/assets", "/_nicegui", "/favicon.ico")
_FAULT = 500


class RequestLog:
    """ASGI middleware that logs what was asked and answered, without queries and bodies."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        begun, status = time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        with bound_contextvars(request=request):
            try:
                await self._app(scope, receive, sending)
            finally:
                path = shown_path(scope["path"])
                _LOG.log(
                    logging.DEBUG if path.startswith(_QUIET) else logging.INFO,
                    "%s %s",
                    scope["method"],
                    path,
                    extra={
                        "status": status or _FAULT,
                        "milliseconds": round(1000 * (time.perf_counter() - begun), 1),
                    },
                )


def shown_path(path: str) -> str:
    """Return an address as logs may have it. Invariant 7."""
    return "/".join(_segment(part) for part in path.split("/"))


def _segment(part: str) -> str:
    # Ids of runs are 32 hexadecimal digits, and no secret.
    if re.fullmatch(r"[0-9a-f]{32}", part):
        return part
    return _SECRET.sub("…", part)
