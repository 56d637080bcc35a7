"""Commands for what needs a person: signing in to an API, letting somebody into Syncline."""

from pathlib import Path
from typing import Annotated

import typer

from syncline.cli.store_option import StoreOption

connections_app = typer.Typer(
    name="connections",
    help="Look after the connections of a store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
users_app = typer.Typer(
    name="users",
    help="Look after the users of a store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@connections_app.command()
def authorize(
    name: Annotated[str, typer.Argument(help="Name of the connection.")],
    redirect_uri: Annotated[
        str, typer.Option("--redirect-uri", help="Default: the connection's CallbackURL.")
    ] = "",
    store: StoreOption = None,
) -> None:
    """Sign in to the API of a connection, with a browser on any machine.

    Prints the address to open. When the browser has come back, paste the address that it came
    to, even if no page is there; or the code, if the API shows one.
    """
    from syncline.cli import people, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: people.authorize(store, name, redirect_uri, console))


@connections_app.command("test")
def try_(
    name: Annotated[str, typer.Argument(help="Name of the connection.")],
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="A project file that has it, instead of a store."),
    ] = None,
    store: StoreOption = None,
) -> None:
    """Test a connection: everything that a run needs of it, one by one.

    A database that is stopped is started. What is missing is told, and the right that gives it.
    """
    from syncline.cli import people, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: people.test(store, file, name, console))


@connections_app.command()
def webhooks(
    name: Annotated[str, typer.Argument(help="Name of the connection.")],
    *,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Turn them on or off; default: show them.")
    ] = None,
    url: Annotated[
        str,
        typer.Option("--url", envvar="SYNCLINE_PUBLIC_URL", help="How the API reaches the server."),
    ] = "",
    secret: Annotated[
        bool, typer.Option("--secret", help="Ask for the secret that the API signs with.")
    ] = False,
    store: StoreOption = None,
) -> None:
    """Let an API tell what has changed, so that jobs need not wait for their schedule."""
    from syncline.cli import hooking, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: hooking.webhooks(store, name, console, on=on, url=url,
                                                 ask_secret=secret))  # fmt: skip


@users_app.command("list")
def list_(store: StoreOption = None) -> None:
    """List the users of a store."""
    from syncline.cli import people, running  # noqa: PLC0415 (start-up time)

    running.run(lambda _: people.list_(store))


@users_app.command()
def link(
    name: Annotated[str, typer.Argument(help="Name of the user.")],
    role: Annotated[
        list[str] | None, typer.Option("--role", help="Make a new user with this role.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Print a one-time link for a user to choose a password: a new one, or one who forgot it."""
    from syncline.cli import people, running  # noqa: PLC0415 (start-up time)

    running.run(lambda _: people.link(store, name, tuple(role or ())))
