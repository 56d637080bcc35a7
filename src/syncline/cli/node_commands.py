"""The commands that run the jobs of a store, and look after runs. Each imports when it runs."""

from typing import Annotated, Literal

import typer

from syncline.cli.lineage_option import LineageOption, NamespaceOption, lineage_settings
from syncline.cli.log_option import LogFormatOption, LogLevelOption
from syncline.cli.store_option import StoreOption

runs_app = typer.Typer(
    name="runs",
    help="Look at the runs of a store, and cancel them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
jobs_app = typer.Typer(
    name="jobs",
    help="Run the jobs of a store.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or how it begins.")]
FormatOption = Annotated[
    Literal["table", "json"], typer.Option("--format", "-f", help="How it is written.")
]
JobOption = Annotated[str | None, typer.Option("--job", "-j", help="Only of this job.")]
LeaseOption = Annotated[
    float,
    typer.Option(
        min=2,
        envvar="SYNCLINE_LEASE",
        help="Seconds without a sign of life after which others take over this node's runs. "
        "The same on all nodes.",
    ),
]
TasksOption = Annotated[int, typer.Option(min=1, help="Tasks at a time on this node.")]
KeepOption = Annotated[float, typer.Option(min=1, help="Days that runs are kept in the store.")]


def worker(  # noqa: PLR0917 (options, which typer gives by name)
    store: StoreOption = None,
    lease: LeaseOption = 20.0,
    tasks: TasksOption = 8,
    keep_days: KeepOption = 90.0,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "info",
    openlineage_url: LineageOption = "",
    openlineage_namespace: NamespaceOption = "syncline",
) -> None:
    """Run the jobs of a store, by schedule and when asked to, until SIGTERM or Ctrl-C."""
    from syncline.cli import failures, logs, running, serving  # noqa: PLC0415 (start-up time)
    from syncline.control.engine.settings import EngineSettings  # noqa: PLC0415 (start-up time)

    logs.begin_logging(log_format, log_level)
    lineage = lineage_settings(openlineage_url, openlineage_namespace)
    settings = EngineSettings(lease=lease, tasks=tasks, keep_days=keep_days, lineage=lineage)
    running.run(
        lambda console: serving.work(store, settings, console), tell=failures.teller(log_format)
    )


@runs_app.command("list")
def list_(
    job: JobOption = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many, the newest.")] = 20,
    format_: FormatOption = "table",
    store: StoreOption = None,
) -> None:
    """List the newest runs."""
    from syncline.cli import running, runs  # noqa: PLC0415 (start-up time)

    running.run(lambda _: runs.list_runs(store, job, limit, format_))


@runs_app.command("show")
def show(run: RunArgument, format_: FormatOption = "table", store: StoreOption = None) -> None:
    """Show a run: its tasks and its log."""
    from syncline.cli import running, runs  # noqa: PLC0415 (start-up time)

    running.run(lambda _: runs.show(store, run, format_))


@runs_app.command("cancel")
def cancel(run: RunArgument, store: StoreOption = None) -> None:
    """Let a run end at its next commit; what it has committed stays."""
    from syncline.cli import running, runs  # noqa: PLC0415 (start-up time)

    running.run(lambda console: runs.cancel(store, run, console))


@jobs_app.command("run")
def run(
    job: Annotated[str, typer.Argument(help="Name of the job.")],
    *,
    task: Annotated[
        list[str] | None, typer.Option("--task", "-t", help="Only the task of this target table.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Look for rows deleted at the source.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Wait for its end, and show it.")
    ] = False,
    format_: FormatOption = "table",
    store: StoreOption = None,
) -> None:
    """Let a worker of the store run a job now."""
    from syncline.cli import running, runs  # noqa: PLC0415 (start-up time)
    from syncline.control.runs import RunOptions  # noqa: PLC0415 (start-up time)

    options = RunOptions(tasks=tuple(task or ()), full=full, sweep=sweep)
    running.run(lambda console: runs.start(store, job, options, format_, console, wait=wait))
