"""Runs the sandbox: both APIs, OAuth and the admin addresses on one port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from syncline.sandbox import admin_routes, frontdoor, oauth
from syncline.sandbox.administration import Administration
from syncline.sandbox.options import Options
from syncline.sandbox.world import WORLD, World

_LOCAL = "127.0.0.1"


class Sandbox(Administration):
    """A running sandbox: its address, and everything tests may do to it."""

    def __init__(self, world: World, url: str) -> None:
        super().__init__(world)
        self.url = url
        self.options = world.options


def application(world: World) -> web.Application:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app[WORLD] = world
    app.on_response_prepare.append(frontdoor.date)
    app.router.add_route("GET", "/oauth/authorize", oauth.authorize)
    app.router.add_route("POST", "/oauth/authorize", oauth.authorize)
    app.router.add_route("POST", "/oauth/token", oauth.token)
    app.router.add_route("POST", "/oauth/deauthorize", oauth.deauthorize)
    app.router.add_route("GET", "/oauth/approval", oauth.approval)
    admin_routes.add_to(app)
    app.router.add_route("*", "/{anything:.*}", frontdoor.answer)
    return app


@asynccontextmanager
async def running(
    options: Options | None = None, host: str = _LOCAL, port: int = 0
) -> AsyncIterator[Sandbox]:
    """A sandbox that answers at ``.url`` until the block ends; port 0 takes any free one."""
    world = World(options or Options())
    runner = web.AppRunner(
        application(world), access_log=None, handle_signals=False, shutdown_timeout=1.0
    )
    await runner.setup()
    delivering = asyncio.create_task(_delivering(world))
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        bound = runner.addresses[0][1]
        shown = f"[{host}]" if ":" in host else host
        yield Sandbox(world, f"http://{shown}:{bound}")
    finally:
        delivering.cancel()
        await asyncio.gather(delivering, return_exceptions=True)
        await runner.cleanup()


async def _delivering(world: World) -> None:
    """Deliver what webhooks have to tell; a reset begins with others."""
    while True:
        hooks = world.webhooks
        delivery = asyncio.create_task(hooks.deliver())
        try:
            while hooks is world.webhooks:
                await asyncio.wait({delivery}, timeout=0.5)
        finally:
            delivery.cancel()
            await asyncio.gather(delivery, return_exceptions=True)
