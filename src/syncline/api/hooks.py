"""Where APIs deliver that something has changed; whoever knows the address, and signs, is heard."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from syncline.api.problems import answer, document
from syncline.control.hooks import Delivery
from syncline.control.plane import Plane
from syncline.control.usecases.webhooks import receive
from syncline.errors import Missing, SynclineError

#: Nothing that only says what has changed is longer, in bytes.
LONGEST = 1024 * 1024
_GONE = 410
_TOO_LONG = 413


def hooks(plane: Plane) -> APIRouter:
    """Return the one route."""
    router = APIRouter(include_in_schema=False)

    @router.post("/hooks/{token}")
    async def delivered(token: str, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            told = document(
                _TOO_LONG, "request.size", "Too long", f"A delivery may have {LONGEST} bytes"
            )
            return JSONResponse(told, _TOO_LONG)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            back = await receive(plane, token, Delivery(headers=headers, body=body))
        except Missing as error:
            # For most APIs that means: deliver no more.
            return JSONResponse(document(_GONE, error.code, "Nobody listens", str(error)), _GONE)
        except SynclineError as error:
            return answer(error)
        return Response(status_code=200, headers=dict(back))

    return router


async def _body(request: Request) -> bytes | None:
    """Return the body; None if it is longer than allowed, whatever its length says it is."""
    length = request.headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > LONGEST:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > LONGEST:
            return None
        parts.append(part)
    return b"".join(parts)
