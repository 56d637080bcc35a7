"""The OAuth sign-in: a browser for the user, and a listener for its way back."""

import asyncio
import contextlib
import html
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from syncline.errors import CredentialError, PropertyError
from syncline.extract.oauth import Registration, authorization, code_in, exchange
from syncline.extract.tokens import Tokens
from syncline.extract.transport import Send
from syncline.model.run import Clock

#: Shows the user an address to open; returns when that is done, not when it was answered.
OpenBrowser: TypeAlias = Callable[[str], Awaitable[None]]

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
#: How long a person may take to sign in, in seconds.
PATIENCE = 600.0


async def sign_in(
    known: Registration,
    *,
    callback_url: str,
    open_browser: OpenBrowser,
    send: Send,
    clock: Clock,
    patience: float = PATIENCE,
) -> Tokens:
    """Ask the user for consent in a browser and return the tokens.

    Raises `CredentialError` if the user declines, the answer is to another attempt, or nobody
    answers; `PropertyError` if ``callback_url`` is not an address of this machine.
    """
    place = urlsplit(callback_url)
    if place.hostname not in _LOOPBACK:
        raise PropertyError(
            f"CallbackURL {callback_url} is not an address of this machine, so nobody would hear "
            "the answer",
            hint="use http://127.0.0.1:33333/callback, registered with the API as redirect URI",
        )
    attempt = authorization(known, redirect_uri=callback_url)
    async with _listening(place, attempt.state) as answered:
        await open_browser(attempt.url)
        try:
            callback = await asyncio.wait_for(answered, patience)
        except TimeoutError:
            raise CredentialError(
                f"nobody signed in within {patience / 60:.0f} minutes",
                hint="run again and finish in the browser",
            ) from None
    code = code_in(callback, attempt.state)
    return await exchange(
        known, send, clock, code=code, redirect_uri=callback_url, verifier=attempt.verifier
    )


def in_browser(say: Callable[[str], None]) -> OpenBrowser:
    """Return an `OpenBrowser` that prints the address, and opens it where there is a browser."""

    async def open_browser(url: str) -> None:
        say(f"Sign in to go on; if no browser opens, open this address yourself:\n{url}")
        await asyncio.to_thread(webbrowser.open, url)

    return open_browser


@contextlib.asynccontextmanager
async def _listening(place: SplitResult, state: str) -> AsyncIterator[asyncio.Future[str]]:
    """Listen at the callback address; yield what will be the address the browser came back to."""
    answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def callback(request: web.Request) -> web.Response:
        # Another tab, or somebody else, must not be able to end this attempt.
        if request.query.get("state") != state:
            return _page("This answer belongs to another attempt to sign in.", 400)
        if not answered.done():
            answered.set_result(str(request.url))
        if "error" in request.query:
            return _page("Consent was not given. You can close this window.", 200)
        return _page("Signed in. You can close this window and return to Syncline.", 200)

    application = web.Application()
    application.router.add_get(place.path or "/", callback)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, place.hostname, place.port or 80).start()
        except OSError as error:
            raise PropertyError(
                f"cannot listen at CallbackURL {place.scheme}://{place.netloc}: {error.strerror}",
                hint="stop the program that uses this port, or choose another CallbackURL",
            ) from error
        yield answered
    finally:
        await runner.cleanup()


def _page(text: str, status: int) -> web.Response:
    body = (
        "<!doctype html><meta charset=utf-8><title>Syncline</title>"
        "<body style='font-family:system-ui;margin:4rem auto;max-width:30rem'>"
        f"<h1>Syncline</h1><p>{html.escape(text)}</p>"
    )
    return web.Response(text=body, status=status, content_type="text/html")
