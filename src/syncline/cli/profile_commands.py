"""The `syncline profile` commands. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

profile_app = typer.Typer(
    name="profile",
    help="Look at profiles, make your own, and check them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

TablesOption = Annotated[
    list[str] | None,
    typer.Option("--tables", "-t", help="Only these: names with commas, or again for more."),
]
ProfileOutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this new file.", dir_okay=False),
]


@profile_app.command("schema")
def profile_schema() -> None:
    """Print the JSON Schema of profiles, for editors."""
    from syncline.cli import profiles  # noqa: PLC0415 (start-up time)

    profiles.schema()


@profile_app.command("generate")
def profile_generate(
    openapi: Annotated[
        str, typer.Option("--openapi", help="An OpenAPI 3 or Swagger 2 document: file or URL.")
    ],
    tables: TablesOption = None,
    output: ProfileOutputOption = None,
    effort: Annotated[
        int,
        typer.Option(
            min=1, help="For huge documents: so many times the usual size, work and time."
        ),
    ] = 1,
) -> None:
    """Make a profile from an API's OpenAPI document. What it leaves open is a '# ?' comment."""
    from syncline.cli import making, running  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: making.generate(openapi, tables or [], output, console, effort=effort)
    )


@profile_app.command("infer")
def profile_infer(
    url: Annotated[str, typer.Option("--url", help="Address that answers with a list of records.")],
    *,
    auth: Annotated[
        str,
        typer.Option(
            "--auth",
            help="bearer:TOKEN, basic:USER:PASSWORD, header:NAME:VALUE, query:NAME:VALUE, "
            "client:ID:SECRET:TOKEN_URL or oauth:ID:SECRET:REFRESH_TOKEN:TOKEN_URL; "
            "${NAME} in it is an environment variable.",
        ),
    ] = "none",
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", help="'Name: value' of a header, again for more."),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="Name of the profile; default: the host's.")
    ] = "",
    pages: Annotated[
        int, typer.Option(min=1, max=100, help="Pages whose records are looked at.")
    ] = 5,
    output: ProfileOutputOption = None,
) -> None:
    """Make a profile from live pages of one list. What is not certain is a '# ?' comment."""
    from syncline.cli import making, running  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: making.infer(
            url, auth=auth, headers=header or [], name=name, pages=pages, output=output,
            console=console,
        )
    )  # fmt: skip


@profile_app.command("check")
def profile_check(
    profile: Annotated[str, typer.Argument(help="A bundled profile's name, or a .yaml file.")],
    *,
    live: Annotated[
        bool,
        typer.Option("--live", help="Read from the API, and tell for each table what is so."),
    ] = False,
    connection: Annotated[
        str,
        typer.Option(
            "--connection",
            "-c",
            help="With --live, what connects: ProfileSettings='Key=…';…, or FILE.yaml:NAME.",
        ),
    ] = "",
    tables: TablesOption = None,
    pages: Annotated[
        int, typer.Option(min=2, help="With --live, the most pages of a table to look for its end.")
    ] = 10,
    format_: Annotated[
        Literal["table", "json"],
        typer.Option("--format", "-f", help="With --live, how the reports are written."),
    ] = "table",
) -> None:
    """Check a profile: its form, what its parts must mean together, and with --live its truth.

    With --live, every table is read for a few pages. Exit code 1: something is wrong.
    """
    from syncline.cli import profiles, running  # noqa: PLC0415 (start-up time)

    if not live and (connection or tables):
        raise typer.BadParameter("--connection and --tables are for --live")
    if not live:
        running.run(lambda console: profiles.check(profile, console))
    from syncline.cli import trying  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: trying.live(
            profile, connection, tables=tables or [], most=pages, format_=format_, console=console
        )
    )


@profile_app.command("show")
def profile_show(
    profile: Annotated[
        str | None, typer.Argument(help="A profile; without one, the bundled ones are listed.")
    ] = None,
) -> None:
    """Show what a profile offers: settings, auth schemes, tables."""
    from rich.console import Console  # noqa: PLC0415 (start-up time)

    from syncline.cli import profiles, running  # noqa: PLC0415 (start-up time)

    running.run(lambda _: profiles.show(profile, Console(highlight=False)))
