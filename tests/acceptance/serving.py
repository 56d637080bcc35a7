"""The sandbox as tests want it: requests are seen as they come, and something may happen then."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler
from yarl import URL

from syncline.sandbox.options import Options
from syncline.sandbox.server import Sandbox, application
from syncline.sandbox.world import World

#: What happens as a request arrives, before it is answered. Its answer, if any, is the answer.
Action: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse | None]]

#: As fast as can be: the header allows more than any test asks for.
UNLIMITED = 100_000


@dataclass(slots=True, kw_only=True)
class Watched:
    """A running sandbox, and the requests it got since the last `begin`."""

    sandbox: Sandbox
    #: Addresses of API requests, in order of arrival.
    asked: list[URL] = field(default_factory=list)
    #: Bodies of requests for OAuth tokens.
    grants: list[str] = field(default_factory=list)
    #: By the number of the request since the last `begin`, from 1.
    actions: dict[int, Action] = field(default_factory=dict)
    #: With every request.
    always: Action | None = None

    @property
    def url(self) -> str:
        return self.sandbox.url

    def begin(self) -> None:
        """Count from here, with nothing to happen."""
        self.asked.clear()
        self.grants.clear()
        self.actions.clear()
        self.always = None

    def of(self, path: str) -> list[URL]:
        """Return the requests of one list, such as ``activities``."""
        return [url for url in self.asked if url.path.removesuffix(".json").endswith(f"/{path}")]

    async def arrived(self, request: web.Request) -> web.StreamResponse | None:
        if request.path == "/oauth/token":
            self.grants.append(await request.text())
        if not request.path.startswith(("/api/", "/v2/")):
            return None
        self.asked.append(request.url)
        action = self.actions.get(len(self.asked), self.always)
        return await action(request) if action else None


def options(rows: int = 64, **more: object) -> Options:
    """Return the options of a small sandbox whose clock stands still and that limits nothing."""
    given: dict[str, object] = {
        "frozen": True,
        "rate_limit": UNLIMITED,
        "rate_window": 1.0,
        "clicktime_rate_limit": UNLIMITED,
    }
    return Options(rows=rows, **{**given, **more})  # type: ignore[arg-type]  # by name


@asynccontextmanager
async def serving(chosen: Options | None = None) -> AsyncIterator[Watched]:
    """Serve a sandbox until the block ends."""
    world = World(chosen or options())
    watched = Watched(sandbox=Sandbox(world, ""))

    @web.middleware
    async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await watched.arrived(request) or await handler(request)

    app = application(world)
    app.middlewares.append(watch)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        watched.sandbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield watched
    finally:
        await runner.cleanup()
