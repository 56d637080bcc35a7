"""The `serve` command: the web application and a node of the store, in one process."""

from typing import Annotated

import typer

from syncline.cli.lineage_option import LineageOption, NamespaceOption, lineage_settings
from syncline.cli.log_option import LogFormatOption, LogLevelOption
from syncline.cli.node_commands import KeepOption, LeaseOption, TasksOption
from syncline.cli.store_option import StoreOption


def serve(  # noqa: PLR0917 (options, which typer gives by name)
    store: StoreOption = None,
    host: Annotated[
        str, typer.Option(envvar="SYNCLINE_HOST", help="Address to listen on; 0.0.0.0: on any.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="SYNCLINE_PORT", help="0: any free port.")] = 8080,
    lease: LeaseOption = 20.0,
    tasks: TasksOption = 8,
    keep_days: KeepOption = 90.0,
    log_format: LogFormatOption = "text",
    log_level: LogLevelOption = "info",
    openlineage_url: LineageOption = "",
    openlineage_namespace: NamespaceOption = "syncline",
) -> None:
    """Serve the web application and run the jobs of a store, until SIGTERM or Ctrl-C."""
    from syncline.cli import failures, logs, running, site  # noqa: PLC0415 (start-up time)
    from syncline.control.engine.settings import EngineSettings  # noqa: PLC0415 (start-up time)

    logs.begin_logging(log_format, log_level)
    lineage = lineage_settings(openlineage_url, openlineage_namespace)
    settings = EngineSettings(lease=lease, tasks=tasks, keep_days=keep_days, lineage=lineage)
    running.run(
        lambda console: site.serve(store, settings, console, host=host, port=port),
        tell=failures.teller(log_format),
    )
