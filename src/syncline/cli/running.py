"""Runs a command: its errors become one clear line and an exit code, Ctrl-C included."""

import asyncio
import contextlib
import gc
import sys
from collections.abc import Awaitable, Callable
from importlib.abc import MetaPathFinder
from typing import Final

import typer
from rich.console import Console

from syncline.cli import failures, interrupt
from syncline.errors import SynclineError

#: Seconds after which somebody who waits for the end is told what it waits for.
_SLOW: Final = 3.0


def run(
    command: Callable[[Console], Awaitable[int]], *, tell: failures.Tell = failures.show
) -> None:
    """Run a command to its exit code and leave the process with it.

    Messages and progress go to standard error, results to standard output. ``tell``: how an error
    is told that ends the command. Where it is logged, standard error is the log's alone, and words
    for people go to standard output, too.
    """
    console = Console(stderr=tell is not failures.log, highlight=False)
    _leave_pandas_alone()
    # What is imported is never garbage: no collection need look at it.
    gc.freeze()
    gc.enable()
    try:
        raise typer.Exit(asyncio.run(_guarded(command, console, tell)))
    finally:
        gc.unfreeze()


def _leave_pandas_alone() -> None:
    """Keep Arrow and DuckDB from loading pandas: a third of a second, wherever it is installed.

    They look for it when they are first given values or a table, and never again.
    """
    duckdb, pyarrow = sys.modules.get("duckdb"), sys.modules.get("pyarrow")
    if duckdb is None or pyarrow is None or "pandas" in sys.modules:
        return
    missing = _Missing()
    sys.meta_path.insert(0, missing)
    try:
        nothing = pyarrow.table({"nothing": []})
        with duckdb.connect(":memory:") as connection:
            connection.register("nothing", nothing)
    finally:
        sys.meta_path.remove(missing)


class _Missing(MetaPathFinder):
    """Says that pandas is not installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Return that others may know; raise `ModuleNotFoundError` for pandas."""
        del path, target
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname, name=fullname)


async def _guarded(
    command: Callable[[Console], Awaitable[int]], console: Console, tell: failures.Tell
) -> int:
    task = asyncio.ensure_future(command(console))
    loop = asyncio.get_running_loop()

    def stop() -> None:
        interrupt.cancel(task)
        loop.call_later(_SLOW, lambda: console.print(interrupt.STOPPING, style="yellow"))

    for number in interrupt.SIGNALS:
        # Windows has no such handlers; there asyncio itself turns Ctrl-C into a cancellation.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        console.print(interrupt.LINE, style="yellow")
        return interrupt.EXIT_CODE
    except SynclineError as error:
        tell(error, console)
        return failures.exit_code(error)
    except BrokenPipeError:
        # The reader of our output went away, as `head` does.
        sys.stderr.close()
        return failures.FAILED
