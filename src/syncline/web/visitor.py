"""Whoever looks at a page: who they are, what they may do, in which zone they live."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from nicegui import ui

from syncline.control.access import Actor
from syncline.control.plane import Plane, Work
from syncline.control.usecases.signing_in import actor_of_session
from syncline.errors import SynclineError, Unauthenticated
from syncline.web.wording import zone_of

COOKIE = "syncline_session"


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A signed-in person on one page. Every action looks up anew who that is and may do what."""

    plane: Plane
    #: As the page was opened; for what is shown, not for what is allowed.
    actor: Actor
    cookie: str = field(repr=False)
    zone_name: str
    address: str

    @property
    def zone(self) -> tzinfo:
        """The zone of the visitor's clock."""
        return zone_of(self.zone_name)

    @property
    def now(self) -> datetime:
        """The time."""
        return datetime.fromtimestamp(self.plane.clock.time(), UTC)

    def may(self, permission: str, name: str | None = None) -> bool:
        """Return whether a control should be shown; the use case decides what is allowed."""
        return self.actor.may(permission, name)

    async def who(self) -> Actor:
        """Return who this is now, and may do what. Raises `Unauthenticated`."""
        return await actor_of_session(self.plane, self.cookie)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[Work]:
        """One transaction that only reads. Raises `Unauthenticated`."""
        async with self.plane.looking(await self.who()) as work:
            yield work

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[Work]:
        """One transaction that may write. Raises `Unauthenticated`."""
        async with self.plane.changing(await self.who()) as work:
            yield work

    async def attempt(self, action: Callable[[], Awaitable[Any]]) -> bool:
        """Do something; tell the visitor if it cannot be done. Return whether it was."""
        try:
            await action()
        except Unauthenticated:
            ui.navigate.to(sign_in_address(ui.context.client.request))
        except SynclineError as error:
            tell(error)
        else:
            return True
        return False


def tell(error: SynclineError) -> None:
    """Show an error and what to do about it."""
    ui.notify(
        str(error), caption=_sentence(error.hint), type="negative", position="top",
        timeout=9000, close_button="Close", multi_line=True,
    )  # fmt: skip


def done(text: str) -> None:
    """Say that something was done."""
    ui.notify(text, type="positive", position="top", timeout=2500)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def sign_in_address(request: Request) -> str:
    """Return the address of the sign-in page that leads back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if here == "/" else f"/sign-in?next={quote(here)}"


async def visitor_of(request: Request, plane: Plane) -> Visitor:
    """Return who asks for a page. Raises `Unauthenticated`."""
    cookie = request.cookies.get(COOKIE, "")
    return Visitor(
        plane=plane,
        actor=await actor_of_session(plane, cookie),
        cookie=cookie,
        zone_name=unquote(request.cookies.get("zone", "")),
        address=request.client.host if request.client else "",
    )
