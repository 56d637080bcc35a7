"""Ctrl-C and SIGTERM, before a command has begun and while it runs."""

import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Before the signals are handled, as little as can be is imported.
    import asyncio

LINE = "interrupted: what was committed is kept; run again to go on"
STOPPING = "stopping when the statement under way has ended; once more leaves at once"
EXIT_CODE = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_at_once() -> None:
    """Let the signals end the process with one line: before a command handles them, and after.

    Nothing is under way yet but imports, and a traceback out of one of them would help nobody; or
    it takes long to stop, and whoever asks again would otherwise have to kill it.
    """
    for number in SIGNALS:
        signal.signal(number, _leave)


def cancel(task: "asyncio.Task[int]") -> None:
    """Cancel a command; the next signal ends the process at once, whatever is under way."""
    loop = task.get_loop()
    task.cancel()
    for number in SIGNALS:
        loop.remove_signal_handler(number)
    leave_at_once()


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler's signature)
    sys.stderr.write(f"{LINE}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)
