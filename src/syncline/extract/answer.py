"""An answer of the other side, and the plain parts of HTTP that need no library."""

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeAlias
from urllib.parse import quote, urlencode

from syncline.profile.pagination import Request

#: Left readable in addresses; every server takes them as they are.
_SAFE = ",:()*"
#: A moment in the year 2001; nobody asks to wait for so many seconds.
_LONG_AGO = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said."""

    status: int
    #: Names in lower case; of a name that comes twice, the values joined with ", ".
    headers: Mapping[str, str]
    body: bytes
    #: The Date header in seconds since the epoch: the server's clock; None if it has none.
    date: float | None = None
    #: By our monotonic clock: when the request went out, and when the answer was here.
    sent: float = 0.0
    received: float = 0.0
    #: Requests spent to get it, retries included; 0 for an answer read again.
    requests: int = 1
    #: A moment of the server's clock, in seconds since the epoch, before which everything
    #: that had changed is in the answer and those that follow it.
    started: float = 0.0


#: Sends one request with a body, or without, and returns the answer whatever its status.
Send: TypeAlias = Callable[[Request, bytes | None], Awaitable[Answer]]


def address(request: Request) -> str:
    """Return the whole address of a request, without the paginator's own notes."""
    sent = [(k, v) for k, v in request.parameters if not k.startswith("\0")]
    query = urlencode(sent, quote_via=quote, safe=_SAFE)
    return f"{request.url}?{query}" if query else request.url


def form(request: Request, fields: str) -> tuple[Request, bytes]:
    """Return a request that posts form fields, and its body."""
    headers = (
        *request.headers,
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    return replace(request, method="POST", headers=headers), fields.encode()


@lru_cache(maxsize=16)  # many answers come in the same second
def moment(text: str) -> float | None:
    """Return the seconds since the epoch of an HTTP date, or None if it is none."""
    try:
        parsed = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date of the form "-0000" is UTC too, but comes without zone.
    return parsed.replace(tzinfo=parsed.tzinfo or UTC).timestamp()


def retry_after(answer: Answer, now: float, header: str = "Retry-After") -> float | None:
    """Return the seconds that a header asks to wait, or None if it is not there.

    ``now`` is our own clock, in seconds since the epoch; the server's Date goes before it. A
    number as great as moments of our time are is one.
    """
    text = answer.headers.get(header.lower(), "").strip()
    try:
        seconds = float(text)
        if seconds > _LONG_AGO:
            seconds -= now if answer.date is None else answer.date
    except ValueError:
        until = moment(text)
        if until is None:
            return None
        seconds = until - (now if answer.date is None else answer.date)
    return max(seconds, 0.0) if math.isfinite(seconds) else None
