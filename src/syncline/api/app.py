"""The application of the REST API, alone or mounted beside the pages."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text

from syncline import __version__
from syncline.api import channels, connections, jobs, people, projects, runs, tasks, webhooks
from syncline.api.hooks import hooks
from syncline.api.metrics import metrics
from syncline.api.problems import MEDIA_TYPE, answer, handle_errors
from syncline.api.schemas import Problem
from syncline.control.plane import Plane
from syncline.errors import SynclineError

#: Where the API is mounted.
PREFIX = "/api/v1"
_ROUTERS = (people, connections, webhooks, channels, jobs, tasks, runs, projects)
_PROBLEM: dict[str, Any] = {"model": Problem, "content": {MEDIA_TYPE: {}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {**_PROBLEM, "description": "Nobody is signed in."},
    403: {**_PROBLEM, "description": "Not allowed."},
    404: {**_PROBLEM, "description": "There is no such thing."},
    405: {**_PROBLEM, "description": "This cannot be done with it; see Allow."},
    409: {**_PROBLEM, "description": "In use, taken, or changed by somebody else meanwhile."},
    411: {**_PROBLEM, "description": "Without Content-Length."},
    413: {**_PROBLEM, "description": "Too long."},
    422: {**_PROBLEM, "description": "Not of the right form, or contradicts itself."},
    429: {**_PROBLEM, "description": "Too many attempts; see Retry-After."},
    503: {**_PROBLEM, "description": "The store does not answer; try again."},
}
_DESCRIPTION = """\
Send an API token as `Authorization: Bearer …`, or sign in for a cookie and send what
`GET /session` says as `X-CSRF-Token` with everything that changes something. Errors are problem
documents with a stable `code`. A `POST` with an `Idempotency-Key` is done once, however often it
is sent. What has an `ETag` can be changed with `If-Match`, so that nobody overwrites another."""


def mount(app: FastAPI, plane: Plane) -> None:
    """Put the API and the health checks into an application."""
    app.include_router(_health(plane))
    app.include_router(metrics(plane))
    app.include_router(hooks(plane))
    app.mount(PREFIX, api_of(plane))


def api_of(plane: Plane) -> FastAPI:
    """Return the API as an application of its own."""
    api = FastAPI(
        title="Syncline",
        version=__version__,
        description=_DESCRIPTION,
        # Their pages would fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses=_RESPONSES,
        separate_input_output_schemas=False,
    )
    api.state.plane = plane
    handle_errors(api)
    for module in _ROUTERS:
        api.include_router(module.router)
    return api


def _health(plane: Plane) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz")
    async def ready(_: Request) -> JSONResponse:
        try:
            async with plane.store.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except SynclineError as error:
            return answer(error)
        return JSONResponse({"status": "ready"})

    return router
