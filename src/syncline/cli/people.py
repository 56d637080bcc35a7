"""What the commands `connections` and `users` do."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.cli.control import opened, sitting_here
from syncline.cli.failures import FAILED
from syncline.control.clock import SystemClock
from syncline.control.paging import Wanted
from syncline.control.project import load_project
from syncline.control.usecases.authorizing import begin_sign_in, finish_sign_in
from syncline.control.usecases.looking import check_connection, check_written
from syncline.control.usecases.users import invite_user, list_users, reset_password
from syncline.errors import CredentialError, Missing


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


async def test(store: str | None, file: Path | None, name: str, console: Console) -> int:
    """Test a connection of a store or a project; 0: it is right."""

    def announce(text: str) -> None:
        console.print(escape(text), highlight=False)

    if file is not None:
        project = load_project(file)
        if name not in project.connections:
            known = ", ".join(project.connections) or "none"
            raise Missing(
                f"the project has no connection {name!r}", hint=f"connections in it: {known}"
            )
        tested = await check_written(project, name, SystemClock(), announce=announce)
    else:
        async with opened(store) as plane:
            tested = await check_connection(plane, sitting_here(), name, announce=announce)
    out = Console(highlight=False)
    for step in tested.steps:
        state = "[green]ok[/]" if step.ok else "[red]failed[/]"
        message = f": {escape(step.message)}" if step.message else ""
        out.print(f"{state} {step.name}{message}", soft_wrap=True)
        if step.hint and not step.ok:
            # A GRANT is there to be copied.
            out.print(f"   {escape(step.hint)}", soft_wrap=True)
    return 0 if tested.ok else FAILED


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
