"""The web server of the `serve` command, beside a node of the same store."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI
from rich.console import Console
from rich.markup import escape

from syncline.api import app as api
from syncline.api.request_log import RequestLog
from syncline.cli.control import opened
from syncline.cli.sample import sampled
from syncline.cli.serving import told_to_end
from syncline.control.engine.node import running_node, serve_node
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.stored import StoreJobs
from syncline.control.openid import provider_of
from syncline.control.plane import Plane
from syncline.control.store.database import default_store
from syncline.control.tending import errands, tended_webhooks
from syncline.control.usecases.signing_in import first_link
from syncline.errors import PropertyError
from syncline.web.app import mount
from syncline.web.sample import Sample


class _Server(uvicorn.Server):
    """A web server that leaves signals to the command."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: whoever starts the server ends it."""
        yield


async def serve(
    store: str | None, settings: EngineSettings, console: Console, *, host: str, port: int
) -> int:
    """Serve until told to end; return the exit code. Raises `PropertyError` for a busy port."""
    stop = told_to_end()
    with contextlib.closing(_listening(host, port)) as listener:
        address = f"http://{host}:{listener.getsockname()[1]}"
        async with (
            opened(store) as plane,
            running_node(
                store or default_store(), plane.store, StoreJobs(plane=plane), settings, plane.clock
            ) as node,
            sampled(store or default_store(), plane.reach) as sample,
            _serving(plane, listener, sample),
            tended_webhooks(plane),
        ):
            console.print(f"Syncline is at [bold]{address}[/]; Ctrl-C ends it", highlight=False)
            if secret := await first_link(plane):
                console.print(
                    "Nobody has a password yet. Open this link, once, to set that of the user "
                    f"admin:\n{escape(address)}/welcome/{escape(secret)}",
                    soft_wrap=True, highlight=False,
                )  # fmt: skip
            await serve_node(node, stop, errands(plane, node.clock))
            console.print("ending: what is under way stops at its next commit")
    return 0


@contextlib.asynccontextmanager
async def _serving(plane: Plane, listener: socket.socket, sample: Sample) -> AsyncIterator[None]:
    app = FastAPI(title="Syncline", openapi_url=None)
    api.mount(app, plane)
    mount(app, plane, sample=sample, provider=provider_of(plane.clock))
    app.add_middleware(RequestLog)
    server = _Server(
        uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=3, server_header=False)
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _listening(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise PropertyError(
            f"cannot listen at {host}:{port}: {error.strerror}",
            hint="choose another --port, or --port 0 for any free one",
        ) from error
