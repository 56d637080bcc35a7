"""What the commands `connections` and `users` do."""

import asyncio
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.cli.control import opened, sitting_here
from syncline.control.paging import Wanted
from syncline.control.usecases.authorizing import begin_sign_in, finish_sign_in
from syncline.control.usecases.users import invite_user, list_users, reset_password
from syncline.errors import CredentialError


async def authorize(store: str | None, name: str, redirect_uri: str, console: Console) -> int:
    """Sign in to the API of a connection."""
    actor = sitting_here()
    async with opened(store) as plane:
        begun = await begin_sign_in(plane, actor, name, redirect_uri=redirect_uri)
        console.print("Open this address in a browser, and agree:", highlight=False)
        # Nothing around it, so that it can be copied and piped.
        print(begun.url, flush=True)  # noqa: T201 (the command's result)
        console.print("Then paste the address that the browser came to, or the code:")
        try:
            answer = await asyncio.to_thread(input)
        except EOFError:
            raise CredentialError(
                "nothing was pasted", hint="run the command again, and finish in the browser"
            ) from None
        found = await finish_sign_in(plane, actor, answer, state=begun.state)
    console.print(f"[green]signed in[/] for {escape(found.name)}")
    return 0


async def list_(store: str | None) -> int:
    """List the users."""
    async with opened(store) as plane, plane.looking(sitting_here()) as work:
        page = await list_users(work, Wanted(limit=500))
    shown = Table(box=box.SIMPLE, show_edge=False, pad_edge=False, header_style="bold")
    for column in ("user", "roles", "e-mail", "state", "signed in"):
        shown.add_column(column, overflow="fold")
    for user in page.items:
        state = "switched off" if not user.enabled else "active" if user.active else "invited"
        last = f"{user.signed_in_at:%Y-%m-%d %H:%M}" if user.signed_in_at else ""
        cells = (user.name, ", ".join(user.roles), user.email, state, last)
        shown.add_row(*(escape(cell) for cell in cells))
    Console(highlight=False).print(shown)
    return 0


async def link(store: str | None, name: str, roles: Sequence[str]) -> int:
    """Print a one-time link; with roles, of a new user."""
    async with opened(store) as plane, plane.changing(sitting_here()) as work:
        if roles:
            _, secret = await invite_user(work, name, roles)
        else:
            secret = await reset_password(work, name)
    print(f"/welcome/{secret}")  # noqa: T201 (the command's result)
    return 0
