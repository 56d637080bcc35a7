"""The options that say what a command logs, and how."""

from typing import Annotated, Literal, TypeAlias

import typer

LogFormat: TypeAlias = Literal["text", "json"]
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]

LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        envvar="SYNCLINE_LOG_FORMAT",
        help="How standard error is written: text for people, or JSON, one object a line.",
    ),
]
LogLevelOption = Annotated[
    LogLevel, typer.Option(envvar="SYNCLINE_LOG_LEVEL", help="The least that is logged.")
]
