"""Commands that work on the store of the control plane: apply, diff, export, reseal."""

from pathlib import Path
from typing import Annotated

import typer

from syncline.cli.people_commands import connections_app, users_app
from syncline.cli.store_option import StoreOption

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The project file.")]
PruneOption = Annotated[
    bool, typer.Option("--prune", help="Delete connections and jobs that the file does not name.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(apply)
    app.command()(diff)
    app.command()(export)
    app.command()(reseal)
    app.add_typer(connections_app)
    app.add_typer(users_app)


def apply(file: FileArgument, *, store: StoreOption = None, prune: PruneOption = False) -> None:
    """Make the store what a project file says: connections, jobs, schedules; all or nothing.

    A secret written as ${NAME} is taken from the environment and sealed; if it is not set, what
    the store has stays, and else it is filled in when the job runs.
    """
    from syncline.cli import running, storing  # noqa: PLC0415 (start-up time)

    running.run(lambda console: storing.apply(file, store, prune=prune, console=console))


def diff(file: FileArgument, *, store: StoreOption = None, prune: PruneOption = False) -> None:
    """Show what apply would do; exit code 1 if there is anything to do."""
    from syncline.cli import running, storing  # noqa: PLC0415 (start-up time)

    running.run(lambda _: storing.diff(file, store, prune=prune))


def export(
    *,
    store: StoreOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.", dir_okay=False)
    ] = None,
    job: Annotated[
        list[str] | None, typer.Option("--job", "-j", help="Only this job and its connections.")
    ] = None,
    sealed: Annotated[
        bool,
        typer.Option("--sealed", help="Secrets as !sealed, which only this store's key opens."),
    ] = False,
) -> None:
    """Write connections and jobs of the store as a project file; secrets as ${NAME}."""
    from syncline.cli import running, storing  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: storing.export(
            store, output, jobs=tuple(job or ()), sealed=sealed, console=console
        )
    )


def reseal(*, store: StoreOption = None) -> None:
    """Seal every secret of the store with the newest key of SYNCLINE_SECRET_KEY."""
    from syncline.cli import running, storing  # noqa: PLC0415 (start-up time)

    running.run(lambda _: storing.reseal(store))
