"""The `syncline profile import` commands. Each imports what it needs when it runs."""

from pathlib import Path
from typing import Annotated

import typer

import_app = typer.Typer(
    name="import",
    help="Make a profile from what another product has.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The file to import.")]
NameOption = Annotated[
    str, typer.Option("--name", help="Name of the profile; default: as the file or its folder.")
]
ImportOutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Write to this new file.", dir_okay=False),
]


@import_app.command("airbyte")
def import_airbyte(
    file: FileArgument, name: NameOption = "", output: ImportOutputOption = None
) -> None:
    """Import the manifest.yaml of an Airbyte low-code connector.

    Tables with a part that profiles have no equal for are named and left out; all others are
    imported.
    """
    from syncline.cli import importing, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: importing.airbyte(file, name, output, console))


@import_app.command("cdata")
def import_cdata(
    file: FileArgument, name: NameOption = "", output: ImportOutputOption = None
) -> None:
    """Import an .apip or .rsd file of CData's API Driver, as far as it goes.

    Taken over are columns, keys, addresses, headers, parameters and the attributes of paging.
    Tables whose script does more are named and left out.
    """
    from syncline.cli import importing, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: importing.cdata(file, name, output, console))
