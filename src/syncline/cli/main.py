"""The commands. Each imports what it needs when it runs, so that --help is quick."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

import typer

from syncline.cli import interrupt, store_commands
from syncline.cli.import_commands import import_app
from syncline.cli.log_option import LogFormatOption, LogLevelOption
from syncline.cli.node_commands import jobs_app, runs_app, worker
from syncline.cli.profile_commands import profile_app
from syncline.cli.serve_command import serve

app = typer.Typer(
    name="syncline",
    help="Replicate SaaS APIs into databases: incrementally, resumably, exactly.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
profile_app.add_typer(import_app)
app.add_typer(profile_app)
store_commands.add_to(app)
app.add_typer(jobs_app)
app.add_typer(runs_app)
app.command()(serve)
app.command()(worker)

Format = Literal["table", "json", "csv", "parquet"]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How rows are written.")]
OutputOption = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to this file.", dir_okay=False)
]
ConnectionArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONNECTION",
        help="A connection string (Profile=clio;…), a profile's name, or FILE.yaml:NAME.",
    ),
]
ProjectArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The project file.")]


def _version(*, wanted: bool) -> None:
    if wanted:
        from syncline import __version__  # noqa: PLC0415 (start-up time)

        typer.echo(f"syncline {__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version.",
            is_eager=True,
            callback=lambda value: _version(wanted=value),
        ),
    ] = False,
) -> None:
    """Options before the command."""


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where demo.duckdb is made.", file_okay=False)
    ] = Path(),
    rows: Annotated[int, typer.Option(min=100, help="Size of the stand-in's tables.")] = 4000,
) -> None:
    """Replicate a stand-in Clio into demo.duckdb, change it, and replicate again."""
    from syncline.cli import demonstration, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: demonstration.demonstrate(folder, rows, console))


@app.command()
def sandbox(
    *,
    port: Annotated[int, typer.Option(help="0: any free port.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    rows: Annotated[int, typer.Option(min=10, help="Size of the larger tables.")] = 4000,
    seed: Annotated[int, typer.Option(help="Another seed gives other data.")] = 1,
    rate_limit: Annotated[int, typer.Option(help="Requests per window; 0: no limit.")] = 50,
    rate_window: Annotated[float, typer.Option(help="Seconds of the window.")] = 60.0,
) -> None:
    """Serve stand-ins of the APIs that have a bundled profile, OAuth included, until Ctrl-C."""
    from syncline.cli import running, standing_in  # noqa: PLC0415 (start-up time)
    from syncline.sandbox.options import Options  # noqa: PLC0415 (start-up time)

    options = Options(rows=rows, seed=seed, rate_limit=rate_limit, rate_window=rate_window)
    running.run(lambda console: standing_in.serve(console, options, host=host, port=port))


@app.command()
def query(
    connection: ConnectionArgument,
    sql: Annotated[str, typer.Argument(help="A SELECT over the API's tables; - reads it.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value of an @name.")
    ] = None,
    format_: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Run SQL over an API and show the rows."""
    from syncline.cli import running, showing  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: showing.query(
            connection, sql, parameter or [], format_=format_, output=output, console=console
        )
    )


@app.command()
def tables(
    connection: ConnectionArgument, format_: FormatOption = "table", output: OutputOption = None
) -> None:
    """List the tables that a connection offers."""
    from syncline.cli import running, showing  # noqa: PLC0415 (start-up time)

    running.run(lambda _: showing.tables(connection, format_, output))


@app.command()
def columns(
    connection: ConnectionArgument,
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    format_: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """List the columns of a table: type, key, which filters the API answers itself."""
    from syncline.cli import running, showing  # noqa: PLC0415 (start-up time)

    running.run(lambda _: showing.columns(connection, table, format_, output))


@app.command()
def check(
    file: ProjectArgument,
    job: Annotated[str | None, typer.Option("--job", "-j", help="Only this job.")] = None,
) -> None:
    """Check a project file: connections, profiles, and how every task will be read and written."""
    from syncline.cli import checking, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: checking.check(file, job, console))


@app.command()
def preview(
    file: ProjectArgument,
    task: Annotated[str, typer.Argument(help="The task's target table.")],
    job: Annotated[str | None, typer.Option("--job", "-j", help="Only this job.")] = None,
    format_: FormatOption = "table",
    output: OutputOption = None,
) -> None:
    """Show the first 200 rows of a task as its target would get them."""
    from syncline.cli import checking, running  # noqa: PLC0415 (start-up time)

    running.run(
        lambda console: checking.preview(
            file, job, task, format_=format_, output=output, console=console
        )
    )


@app.command()
def run(
    file: ProjectArgument,
    *,
    job: Annotated[str | None, typer.Option("--job", "-j", help="Only this job.")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", help="Only the task of this target table.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Look for rows deleted at the source.")
    ] = False,
    format_: Annotated[
        Literal["table", "json"], typer.Option("--format", "-f", help="How the result is written.")
    ] = "table",
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "info",
) -> None:
    """Run the jobs of a project file, once. With --log-format json, progress is logged."""
    from syncline.cli import failures, jobs, running  # noqa: PLC0415 (start-up time)

    if log_format == "json":
        from syncline.cli import logs  # noqa: PLC0415 (start-up time)

        logs.begin_logging(log_format, log_level)
    tell = failures.teller(log_format)
    choice = jobs.Choice(job=job, tasks=tuple(task or ()), full=full, sweep=sweep, tell=tell)
    running.run(lambda console: jobs.run(file, choice, format_, console), tell=tell)


@app.command()
def verify(
    file: ProjectArgument,
    *,
    task: Annotated[str, typer.Option("--task", "-t", help="The task's target table.")],
    job: Annotated[str | None, typer.Option("--job", "-j", help="Only this job.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Write what differs.")] = False,
) -> None:
    """Compare a target with its source, row by row, and mend it if asked."""
    from syncline.cli import jobs, running  # noqa: PLC0415 (start-up time)

    running.run(lambda console: jobs.verify(file, job, task, repair=repair, console=console))


def main() -> None:
    """Run the command line."""
    # What is imported stays; to look through it for garbage again and again is start-up time.
    gc.disable()
    # Or pydantic would look through all that is installed for packages that want to change it.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    interrupt.leave_at_once()
    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, int):
            _leave(end.code)
        raise


def _leave(code: int) -> None:
    """End the process without taking the interpreter apart, which takes longer than a small run.

    Whatever must be closed has been closed by whoever opened it. Returns if output is left that
    cannot be written: Python's own way out reports that.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 (there is no public way)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
