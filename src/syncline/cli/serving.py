"""The `worker` command: a node of a store, until it is told to end."""

import asyncio
import contextlib

from rich.console import Console
from rich.markup import escape

from syncline.cli import interrupt
from syncline.cli.control import opened
from syncline.control.engine.node import running_node, serve_node
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.stored import StoreJobs
from syncline.control.store.database import default_store
from syncline.control.tending import errands, tended_webhooks


async def work(store: str | None, settings: EngineSettings, console: Console) -> int:
    """Be a node of the store; return the exit code."""
    stop = told_to_end()
    async with (
        opened(store) as plane,
        running_node(
            store or default_store(), plane.store, StoreJobs(plane=plane), settings, plane.clock
        ) as node,
        tended_webhooks(plane),
    ):
        console.print(f"node {escape(node.id)} runs the jobs of the store; Ctrl-C ends it")
        await serve_node(node, stop, errands(plane, node.clock))
        console.print("ending: what is under way stops at its next commit")
    return 0


def told_to_end() -> asyncio.Event:
    """Return what is set by Ctrl-C and SIGTERM; the second time they cancel the command."""
    stop = asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> None:
        if stop.is_set() and task is not None:
            interrupt.cancel(task)
        stop.set()

    for number in interrupt.SIGNALS:
        # Windows has no such handlers; there Ctrl-C cancels the command.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, end)
    return stop
