"""Runs a command: its errors become one clear line and an exit code, Ctrl-C included."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable

import typer
from rich.console import Console

from syncline.cli import failures
from syncline.errors import SynclineError


def run(command: Callable[[Console], Awaitable[int]]) -> None:
    """Run a command to its exit code and leave the process with it.

    Messages and progress go to standard error, results to standard output.
    """
    console = Console(stderr=True, highlight=False)
    gc.enable()
    raise typer.Exit(asyncio.run(_guarded(command, console)))


async def _guarded(command: Callable[[Console], Awaitable[int]], console: Console) -> int:
    task = asyncio.ensure_future(command(console))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; there asyncio itself turns Ctrl-C into a cancellation.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        console.print("[yellow]interrupted[/]: what was committed is kept; run again to go on")
        return failures.INTERRUPTED
    except SynclineError as error:
        failures.show(error, console)
        return failures.exit_code(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        return failures.FAILED
