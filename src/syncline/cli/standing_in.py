"""The `sandbox` command: stand-in APIs until Ctrl-C."""

import asyncio

from rich.console import Console

from syncline.errors import PropertyError
from syncline.sandbox.options import (
    DEFAULT_CLICKTIME_TOKEN,
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    Options,
)
from syncline.sandbox.server import running
from syncline.sandbox.vendor_description import vendors


async def serve(console: Console, options: Options, *, host: str, port: int) -> int:
    """Serve until cancelled, and say how to connect."""
    try:
        async with running(options, host=host, port=port) as sandbox:
            secret = f"OAuthClientId={DEFAULT_CLIENT};OAuthClientSecret={DEFAULT_SECRET}"
            console.print(f"Stand-in APIs at [bold]{sandbox.url}[/]; Ctrl-C ends it. To connect:\n")
            console.print(
                f"Clio:      Profile=Clio;ProfileSettings='BaseURL={sandbox.url}';{secret}\n"
                f"ClickTime: Profile=ClickTime;ProfileSettings='BaseURL={sandbox.url};"
                f"APIKey={DEFAULT_CLICKTIME_TOKEN}'",
                soft_wrap=True,
            )
            for name, vendor in vendors().items():
                connection = vendor.connection.replace("{url}", f"{sandbox.url}/{name}")
                console.print(f"{vendor.title + ':':<10} {connection}", soft_wrap=True)
            await asyncio.Event().wait()
    except OSError as error:
        raise PropertyError(
            f"cannot listen at {host}:{port}: {error.strerror}",
            hint="choose another --port, or --port 0 for any free one",
        ) from error
    return 0
