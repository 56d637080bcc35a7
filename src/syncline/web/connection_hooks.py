"""The webhooks of a connection: whether its API tells what has changed, and when it last did."""

from collections.abc import Sequence
from functools import partial
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from syncline.control.addresses import public_url
from syncline.control.usecases.connections import Connection
from syncline.control.usecases.webhooks import (
    Hook,
    Webhooks,
    close_webhooks,
    open_webhooks,
    see_webhooks,
)
from syncline.web.parts import asking, button, card, facts, note, state
from syncline.web.visitor import Visitor
from syncline.web.wording import ago, many


async def webhooks_card(visitor: Visitor, found: Connection, request: Request) -> None:
    """Show the card; nothing for an API that has no webhooks."""
    async with visitor.looking() as work:
        known = await see_webhooks(work, found.name)
    if not known.known:
        return
    with card("Webhooks"), ui.element("div").classes("rows"):
        if known.hooks:
            _heard(visitor, known)
        else:
            note("The API does not tell by itself what has changed; jobs wait for their schedules.")
        if not visitor.may("connections.edit", found.name):
            return
        here = public_url(str(request.base_url))
        with ui.element("div").classes("row-line"):
            word = "Turn On Again" if known.hooks else "Turn On"
            button(word, partial(_turn_on, visitor, found, here), icon="notifications_active")
            if known.hooks:
                button("Turn Off", partial(_turn_off, visitor, found), icon="notifications_off")
        ui.label(f"The API must reach this server at {here}").classes("muted small wrapping")


def _heard(visitor: Visitor, known: Webhooks) -> None:
    hooks = known.hooks
    failed = [hook for hook in hooks if hook.error]
    with ui.element("div").classes("row-line"):
        for word in dict.fromkeys(hook.state for hook in hooks):
            count = sum(hook.state == word for hook in hooks)
            state(word)
            if len(hooks) > 1:
                ui.label(str(count)).classes("muted")
    last = max((hook.delivered_at for hook in hooks if hook.delivered_at), default=None)
    ends = min((hook.expires_at for hook in hooks if hook.expires_at), default=None)
    rows = [
        ("Deliveries", f"{sum(hook.deliveries for hook in hooks):,}"),
        ("Last", ago(last, visitor.now, visitor.zone) if last else "never"),
        ("Tables", many(len(_tables(hooks)), "table")),
    ]
    if ends:
        rows.append(("Renewed before", f"{ends.astimezone(visitor.zone):%Y-%m-%d %H:%M}"))
    facts(rows)
    for hook in failed:
        note(str(hook.error), kind="warn", title=hook.topic or "Webhooks")
    if not known.subscribes:
        ui.label("Let the API deliver to:").classes("muted small")
        ui.label(hooks[0].url).classes("mono wrapping")


def _tables(hooks: Sequence[Hook]) -> set[str]:
    return {table for hook in hooks for table in hook.tables}


async def _turn_on(visitor: Visitor, found: Connection, here: str) -> None:
    made: list[Webhooks] = []

    async def turn_on() -> None:
        actor = await visitor.who()
        made.append(await open_webhooks(visitor.plane, actor, found.name, here))

    if not await visitor.attempt(turn_on):
        return
    if made[0].secret is None:
        _again(found)
        return
    with asking("Enter these at the API") as dialog:
        for title, value in (
            ("Address", made[0].hooks[0].url),
            ("Secret, shown only now", made[0].secret),
        ):
            field = ui.input(title, value=value).props("outlined stack-label readonly")
            field.classes("w-full mono")
        with ui.element("div").classes("row-line"):
            button("Done", partial(_again, found), main=True)
    dialog.open()


async def _turn_off(visitor: Visitor, found: Connection) -> None:
    async def turn_off() -> None:
        await close_webhooks(visitor.plane, await visitor.who(), found.name)

    if await visitor.attempt(turn_off):
        _again(found)


def _again(found: Connection) -> None:
    ui.navigate.to(f"/connections/{quote(found.name)}")
