"""Errors on the terminal: one clear line, what to do, and an exit code that scripts can use."""

import logging
from collections.abc import Callable
from typing import TypeAlias

from rich.console import Console
from rich.text import Text

from syncline.cli.log_option import LogFormat
from syncline.errors import ConfigError, SynclineError, TransientError

_LOG = logging.getLogger(__name__)
#: Tells of an error: `show` or `log`.
Tell: TypeAlias = Callable[..., None]
#: Something in the data or the run; see the message.
FAILED = 1
#: Someone must change a profile, a project, a property or a credential.
CONFIGURATION = 2
#: The same command may work later.
TRY_LATER = 3


def exit_code(error: SynclineError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, ConfigError):
        return CONFIGURATION
    if isinstance(error, TransientError):
        return TRY_LATER
    return FAILED


def show(error: SynclineError, console: Console, *, about: str = "") -> None:
    """Print what happened and what to do."""
    text = Text()
    text.append("error", style="bold red")
    text.append(f" [{error.code}] ", style="dim")
    if about:
        text.append(f"{about}: ", style="bold")
    text.append(str(error))
    if error.hint:
        text.append("\n  → ", style="cyan")
        text.append(error.hint)
    console.print(text, soft_wrap=True)


def teller(form: LogFormat) -> Tell:
    """Return how errors are told where the log has this form."""
    return log if form == "json" else show


def log(error: SynclineError, _: Console, *, about: str = "") -> None:
    """Log what happened and what to do, where `show` would break lines of JSON."""
    more = {"code": error.code, "hint": error.hint} | ({"target": about} if about else {})
    _LOG.error("%s", error, extra=more)
