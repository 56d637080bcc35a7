"""The web application: every page at its address, in front of the use cases."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

import nicegui
from fastapi import FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import RedirectResponse, Response
from nicegui import core, ui

from syncline.control.openid import Provider
from syncline.control.plane import Plane
from syncline.errors import SynclineError, Unauthenticated
from syncline.web import (
    connection,
    connection_new,
    connections,
    dashboard,
    explorer,
    job,
    job_new,
    jobs,
    run,
    runs,
    settings,
    task,
)
from syncline.web.door import coming_back, door, signing_on
from syncline.web.frame import frame, heading
from syncline.web.guard import Guard, theme
from syncline.web.parts import failure
from syncline.web.sample import Sample
from syncline.web.visitor import Visitor, sign_in_address, visitor_of

#: Builds a page for a visitor inside the frame.
Build: TypeAlias = Callable[[Visitor, Request], Awaitable[None]]
STATIC = Path(__file__).parent / "static"
#: Seconds that building a page may take: where too much goes on, late is better than never.
_PATIENCE = 30.0
#: Seconds that a page waits for a browser whose connection was lost, as of a closed notebook; for
#: one that has gone to another page it waits for less, see `frame`.
_WAITS = 900.0


def _asset(name: str) -> str:
    # Another version has another address, so that no browser keeps the old one.
    return f"/assets/{name}?{(STATIC / name).stat().st_mtime_ns}"


STYLE = _asset("syncline.css")

#: Address, place in the navigation, and what builds it.
PAGES: tuple[tuple[str, str, Build], ...] = (
    ("/", "/", dashboard.shown),
    ("/connections", "/connections", connections.listed),
    ("/connections/new", "/connections", connection_new.chosen),
    ("/connections/new/{type_}", "/connections", connection.new),
    ("/connections/{name}", "/connections", connection.shown),
    ("/jobs", "/jobs", jobs.listed),
    ("/jobs/new", "/jobs", job_new.shown),
    ("/jobs/{name}", "/jobs", job.shown),
    ("/jobs/{name}/tasks/{task}", "/jobs", task.shown),
    ("/runs", "/runs", runs.listed),
    ("/runs/{run}", "/runs", run.shown),
    ("/explorer", "/explorer", explorer.shown),
    ("/settings", "/settings", settings.shown),
)


def mount(
    app: FastAPI, plane: Plane, *, sample: Sample | None = None, provider: Provider | None = None
) -> None:
    """Put the pages at the root of an application; routes that it has already come first.

    ``sample``: offered to whoever has no connections yet. ``provider``: where people may sign in
    instead.
    """
    pages = nicegui.app
    pages.state.plane = plane
    pages.state.sample = sample
    pages.add_static_files("/assets", STATIC)
    app.include_router(door(plane, STYLE, provider.settings.name if provider else ""))
    if provider is not None:
        app.include_router(signing_on(plane, STYLE, provider))
    app.include_router(coming_back(plane, STYLE))
    ui.add_head_html(f'<link rel="stylesheet" href="{STYLE}">', shared=True)
    for script in ("keeping.js", "reaching.js"):
        ui.add_head_html(f'<script src="{_asset(script)}"></script>', shared=True)
    for path, place, build in PAGES:
        page = _Page(
            path,
            language="en-US",
            favicon=STATIC / "favicon.svg",
            response_timeout=_PATIENCE,
            reconnect_timeout=_WAITS,
        )
        page(_framed(place, build))
    ui.run_with(
        app,
        title="Syncline",
        tailwind=False,
        language="en-US",
        reconnect_timeout=20.0,
        binding_refresh_interval=None,
        show_welcome_message=False,
        gzip_middleware_factory=None,
    )
    core.sio.eio.cors_allowed_origins = None
    app.add_middleware(Guard)
    # Outside of the guard, which looks into pages.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)


class _Page(ui.page):
    """A page in the theme of whoever asks for it."""

    def resolve_dark(self) -> bool | None:
        return {"light": False, "dark": True}.get(theme.get())


def _framed(place: str, build: Build) -> Callable[[Request], Awaitable[Response | None]]:
    async def page(request: Request) -> Response | None:
        try:
            visitor = await visitor_of(request, request.app.state.plane)
        except Unauthenticated:
            return RedirectResponse(sign_in_address(request), 303)
        with frame(visitor, place):
            try:
                await build(visitor, request)
            except SynclineError as error:
                with heading("This page cannot be shown"):
                    pass
                failure(error)
        return None

    return page
