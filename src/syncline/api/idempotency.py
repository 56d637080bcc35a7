"""Requests with an idempotency key: answered once; asked again, the same answer comes again."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import delete, insert, select, update

from syncline.control.access import Actor
from syncline.control.plane import Plane
from syncline.control.store.sessions import answers
from syncline.errors import Conflict, Invalid

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
#: Answers are kept for so long.
KEPT = timedelta(days=1)
#: A request that has not been answered in this time never will be: its node has died.
ABANDONED = timedelta(minutes=10)
#: Headers of an answer that are part of what it says.
_TELLING = ("ETag", "Location")
_LONGEST = 200
_SERVER_FAULT = 500


async def once(
    request: Request,
    plane: Plane,
    actor: Actor,
    inner: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Answer a request, or repeat the answer that its key was given before.

    Raises `Conflict` if the first one is still being answered, `Invalid` if the key was used for
    something else. Failures are not kept: they may be tried again.
    """
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return await inner(request)
    if not 0 < len(key) <= _LONGEST:
        raise Invalid(f"{HEADER} has 1 to {_LONGEST} characters", hint="a UUID is a good one")
    digest = _digest((actor.user_id or actor.name).encode(), key.encode())
    asked = _digest(
        request.method.encode(), request.url.path.encode(), request.url.query.encode(),
        await request.body(),
    )  # fmt: skip
    before = await _begun(plane, digest, asked)
    if before is not None:
        return before
    try:
        response = await inner(request)
    except BaseException:
        await _forget(plane, digest)
        raise
    body = getattr(response, "body", None)
    if response.status_code >= _SERVER_FAULT or not isinstance(body, bytes):
        await _forget(plane, digest)
        return response
    async with plane.store.writing() as connection:
        # Invariant 7: an answer may hold a new token.
        await connection.execute(
            update(answers)
            .where(answers.c.digest == digest)
            .values(
                status=response.status_code,
                body=plane.vault.seal(body.decode()),
                headers={n: v for n in _TELLING if (v := response.headers.get(n)) is not None},
            )
        )
    return response


async def _begun(plane: Plane, digest: str, asked: str) -> Response | None:
    """Note that a request is being answered; return the answer if it was answered before."""
    c, now = answers.c, datetime.fromtimestamp(plane.clock.time(), UTC)
    async with plane.store.writing() as connection:
        await connection.execute(delete(answers).where(c.at < now - KEPT))
        await connection.execute(delete(answers).where(c.status.is_(None), c.at < now - ABANDONED))
        query = select(c.request, c.status, c.body, c.headers).where(c.digest == digest)
        row = (await connection.execute(query)).one_or_none()
        if row is None:
            await connection.execute(insert(answers).values(digest=digest, request=asked, at=now))
            return None
    if row.request != asked:
        raise Invalid(f"this {HEADER} was used for another request", hint="choose a new key")
    if row.status is None:
        raise Conflict("the first request with this key is being answered", hint="ask again later")
    return Response(
        plane.vault.open(row.body),
        row.status,
        media_type="application/json",
        headers={**(row.headers or {}), REPLAYED: "true"},
    )


async def _forget(plane: Plane, digest: str) -> None:
    async with plane.store.writing() as connection:
        await connection.execute(delete(answers).where(answers.c.digest == digest))


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
