"""Errors on the terminal: one clear line, what to do, and an exit code that scripts can use."""

from rich.console import Console
from rich.text import Text

from syncline.errors import ConfigError, SynclineError, TransientError

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
