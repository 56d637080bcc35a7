"""Sends one request that somebody has written down, as far as addresses may lead."""

from collections.abc import Mapping

from syncline.errors import NotFound, RateLimited, ResponseRefused, Unavailable
from syncline.extract.transport import Transport
from syncline.model.reach import Reach
from syncline.profile.request import Request

_REFUSED, _GONE, _TOO_MANY, _BROKEN = 400, 404, 429, 500
#: Nothing is read of an answer but whether it is one; in bytes.
_MOST = 1024 * 1024


async def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    reach: Reach,
    timeout: float,  # noqa: ASYNC109 (of each part of the exchange; the caller limits the whole)
) -> int:
    """Return the status of the answer to a request.

    Raises `Unavailable`, `RateLimited`, `NotFound`, `ResponseRefused`, `AddressRefused`; the
    messages never hold the address or a header.
    """
    transport = Transport(timeout=timeout, most=_MOST, reach=reach)
    try:
        answer = await transport.send(
            Request(url=url, method=method, headers=tuple(headers.items())), body
        )
    finally:
        await transport.aclose()
    if answer.status < _REFUSED:
        return answer.status
    text = f"the answer was {answer.status}"
    if answer.status == _TOO_MANY:
        raise RateLimited(text, hint="ask less often")
    if answer.status >= _BROKEN:
        raise Unavailable(text, hint="is the other side up?")
    if answer.status == _GONE:
        raise NotFound(text, hint="check the address")
    raise ResponseRefused(text, hint="check the address, the headers and the body")
