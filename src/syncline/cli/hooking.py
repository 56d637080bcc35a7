"""What `connections webhooks` does."""

import asyncio
import getpass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.cli.control import opened, sitting_here
from syncline.control.usecases.webhooks import (
    Webhooks,
    close_webhooks,
    open_webhooks,
    see_webhooks,
)


async def webhooks(
    store: str | None,
    name: str,
    console: Console,
    *,
    on: bool | None,
    url: str,
    ask_secret: bool,
) -> int:
    """Turn the webhooks of a connection on or off, and show them."""
    actor = sitting_here()
    async with opened(store) as plane:
        if on is False:
            await close_webhooks(plane, actor, name)
            console.print(f"{escape(name)} waits for its schedules")
            return 0
        if on:
            secret = await asyncio.to_thread(getpass.getpass, "Secret: ") if ask_secret else ""
            found = await open_webhooks(plane, actor, name, url, secret=secret)
        else:
            async with plane.looking(actor) as work:
                found = await see_webhooks(work, name)
    _show(found, console)
    return 0


def _show(found: Webhooks, console: Console) -> None:
    if not found.hooks:
        why = "they are off" if found.known else "the profile knows of none"
        console.print(f"no webhooks: {why}")
        return
    shown = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, header_style="bold")
    for column in ("about", "state", "until", "deliveries", "last", "tables"):
        shown.add_column(column, overflow="fold")
    for hook in found.hooks:
        until = f"{hook.expires_at:%Y-%m-%d %H:%M}" if hook.expires_at else ""
        last = f"{hook.delivered_at:%Y-%m-%d %H:%M}" if hook.delivered_at else ""
        state = f"{hook.state}: {hook.error}" if hook.error else hook.state
        tables = ", ".join(hook.tables)
        cells = (hook.topic or "all", state, until, str(hook.deliveries), last, tables)
        shown.add_row(*(escape(cell) for cell in cells))
    out = Console(highlight=False)
    out.print(shown)
    if not found.subscribes:
        out.print(f"Let the API deliver to: {escape(found.hooks[0].url)}", soft_wrap=True)
    if found.secret is not None:
        out.print(f"Secret, shown only now: {escape(found.secret)}", soft_wrap=True)
