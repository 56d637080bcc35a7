"""Errors as problem documents (RFC 9457): stable code, what happened, what to do."""

import logging
from collections.abc import Mapping
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from syncline.api.access import ROUTES
from syncline.errors import (
    ConfigError,
    Conflict,
    DataError,
    Forbidden,
    InUse,
    Missing,
    NameTaken,
    NotFound,
    PermissionRefused,
    StaleGeneration,
    StoreRefused,
    SynclineError,
    TooManyAttempts,
    TransientError,
    Unauthenticated,
    VaultError,
)

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger(__name__)
#: The first class that an error belongs to decides.
_STATUSES: tuple[tuple[type[SynclineError], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (Missing, 404),
    (NotFound, 404),
    (Conflict, 409),
    (InUse, 409),
    (NameTaken, 409),
    (StaleGeneration, 409),
    (TooManyAttempts, 429),
    (StoreRefused, 503),
    (VaultError, 500),
    (PermissionRefused, 422),
    (ConfigError, 422),
    (TransientError, 503),
    (DataError, 422),
)
_FORM = "What was asked is not of the right form"
#: Of what the web server itself refuses.
_CODES = {404: "request.missing", 405: "request.method", 411: "request.length", 413: "request.size"}


def status_of(error: SynclineError) -> int:
    """Return the HTTP status that an error is answered with."""
    return next((status for cls, status in _STATUSES if isinstance(error, cls)), 500)


def document(status: int, code: str, title: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return a problem document; members that are empty are left out."""
    members = {"type": f"urn:syncline:{code}", "title": title, "status": status, "code": code,
               "detail": detail, **more}  # fmt: skip
    return {name: value for name, value in members.items() if value}


def answer(error: SynclineError) -> JSONResponse:
    """Return an error as a response."""
    status = status_of(error)
    more: dict[str, Any] = {"hint": error.hint or None}
    headers = {}
    if isinstance(error, Conflict) and error.differences:
        more["differences"] = [
            {"place": place, "theirs": theirs, "yours": yours}
            for place, theirs, yours in error.differences
        ]
    if isinstance(error, TransientError) and error.retry_after is not None:
        headers["Retry-After"] = str(ceil(error.retry_after))
    if status == 401:  # noqa: PLR2004 (its name is in _STATUSES)
        headers["WWW-Authenticate"] = "Bearer"
    title = (type(error).__doc__ or "").split(".")[0].replace("``", "")
    return _response(document(status, error.code, title, str(error), **more), headers)


def handle_errors(app: FastAPI) -> None:
    """Let an application answer every error as a problem document."""

    @app.exception_handler(SynclineError)
    async def ours(_: Request, error: SynclineError) -> JSONResponse:
        return answer(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Neither what was given nor its surroundings are repeated: they may be secret.
        errors = [
            {"place": ".".join(str(part) for part in e["loc"]), "message": e["msg"]}
            for e in error.errors()
        ]
        first = f"{errors[0]['place']}: {errors[0]['message']}" if errors else "not understood"
        return _response(
            document(422, "request.invalid", _FORM, first,
                     hint="see the OpenAPI document", errors=errors), {},
        )  # fmt: skip

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        detail = str(error.detail)
        if error.status_code == 400:  # noqa: PLR2004 (what FastAPI answers to a body that is no text)
            hint = "see the OpenAPI document"
            return _response(document(422, "request.invalid", _FORM, detail, hint=hint), {})
        code = _CODES.get(error.status_code, "request")
        headers = dict(error.headers or {})
        if error.status_code == 405:  # noqa: PLR2004 (its name is in _CODES)
            headers["Allow"] = ", ".join(sorted(_methods(request)))
        return _response(document(error.status_code, code, detail, detail), headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s broke", request.method, request.url.path, exc_info=error)
        detail = "this is a defect of Syncline; its log says more"
        return _response(document(500, "defect", "Something broke", detail), {})


def _methods(request: Request) -> set[str]:
    """Return what can be done with the thing at an address.

    Where several paths of the table fit, such as ``/jobs/{name}`` and one with a word of our own
    in place of a name, the one with the fewest names is meant.
    """
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    fitting = {known for _, known in ROUTES if compile_path(known)[0].match(path)}
    meant = min(fitting, key=lambda known: known.count("{"), default="")
    return {method for method, known in ROUTES if known == meant}


def _response(content: dict[str, Any], headers: Mapping[str, str]) -> JSONResponse:
    return JSONResponse(content, content["status"], headers=dict(headers), media_type=MEDIA_TYPE)
