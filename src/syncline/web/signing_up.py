"""Connecting to an API that asks its user: the way there and back, and sample data to try it."""

from fastapi import Request
from nicegui import ui

from syncline.control.addresses import public_url
from syncline.control.usecases.authorizing import begin_sign_in
from syncline.control.usecases.connections import create_connection, get_connection
from syncline.errors import Missing
from syncline.web.sample import Sample
from syncline.web.visitor import Visitor

#: Answered by the API, which finishes the sign-in and leads to the connection's page.
CALLBACK = "/oauth/callback"


def callback_of(request: Request) -> str:
    """Return the address to register with an API: ours, as the visitor's browser sees it."""
    return public_url(str(request.base_url)) + CALLBACK


async def connect(visitor: Visitor, name: str) -> None:
    """Send the visitor to the API's consent page."""
    request = ui.context.client.request

    async def begin() -> None:
        actor = await visitor.who()
        async with visitor.looking() as work:
            given = (await get_connection(work, name)).properties.get("CallbackURL")
        place = str(given) if given else callback_of(request)
        begun = await begin_sign_in(visitor.plane, actor, name, redirect_uri=place)
        ui.navigate.to(begun.url)

    await visitor.attempt(begin)


async def try_sample(visitor: Visitor, sample: Sample) -> None:
    """Connect to the sample data: both connections, then the consent page."""

    async def begin() -> None:
        specs = await sample()
        for name, spec in specs.items():
            async with visitor.changing() as work:
                try:
                    await get_connection(work, name)
                except Missing:
                    await create_connection(work, name, spec)
        await connect(visitor, next(iter(specs)))

    await visitor.attempt(begin)
