"""One node: takes up runs from the store, and executes them until it is told to end."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

from dbos import DBOS
from filelock import FileLock, Timeout
from sqlalchemy import select, update

from syncline.control.engine.board import Board, flushed
from syncline.control.engine.database import (
    configuration,
    engine_file,
    file_engine,
    is_shared,
    store_file,
    sync_engine,
)
from syncline.control.engine.job import Jobs
from syncline.control.engine.liveness import Heartbeat
from syncline.control.engine.opened import OpenRuns
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.work import Desk
from syncline.control.engine.workflows import (
    Works,
    dispatch,
    owner,
    recover,
    register,
    register_queues,
)
from syncline.control.store.database import Store, open_store
from syncline.control.store.runs import runs
from syncline.control.store.schema import migrate
from syncline.errors import DestinationBusy, SynclineError
from syncline.model.run import Clock

_LOG = logging.getLogger(__name__)
#: The only executor of a SQLite store: what it left when it died is its own when it is back.
_ALONE = "local"
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node that is up."""

    id: str
    store: Store
    desk: Desk
    works: Works
    settings: EngineSettings
    heart: Heartbeat

    async def take_up(self) -> int:
        """Hand the runs that wait in the store to the engine; return how many."""
        query = (
            select(runs.c.id, runs.c.job_id)
            .where(runs.c.dispatched_at.is_(None))
            .order_by(runs.c.created_at)
            .limit(_BATCH)
        )
        async with self.store.reading() as connection:
            waiting = (await connection.execute(query)).all()
        taken = [run for run, job in waiting if await dispatch(run, job)]
        if taken:
            async with self.store.writing() as connection:
                await connection.execute(
                    update(runs)
                    .where(runs.c.id.in_(taken))
                    .values(dispatched_at=self.desk.board.now())
                )
        return len(taken)

    async def drained(self) -> None:
        """Let what is under way stop at its next commit; nothing new is begun."""
        self.desk.draining.set()
        await asyncio.to_thread(self.heart.drain)
        clock = self.desk.clock
        until = clock.monotonic() + 2 * self.settings.grace
        while not self.works.idle() and clock.monotonic() < until:
            await clock.sleep(0.1)
        await flushed(self.desk.board)


@asynccontextmanager
async def running_node(
    address: str, jobs: Jobs, settings: EngineSettings, clock: Clock
) -> AsyncIterator[Node]:
    """Be a node of the store for as long as the block lasts; one in a process.

    Raises `DestinationBusy` if the store is a file and another process is its node.
    """
    async with AsyncExitStack() as stack:
        store = open_store(address)
        stack.push_async_callback(store.aclose)
        await migrate(store)
        shared = is_shared(address)
        if shared:
            executor = f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(4)}"
            beating = sync_engine(address, settings, pool=1)
        else:
            stack.enter_context(_alone(address))
            executor = _ALONE
            beating = file_engine(store_file(address))
        stack.callback(beating.dispose)
        heart = Heartbeat(
            beating, executor, lease=settings.lease, alone=not shared, recover=recover
        )
        board = Board(store, executor, clock, keep_events=settings.keep_events)
        desk = Desk(
            node=executor,
            store=store,
            board=board,
            open_runs=OpenRuns(jobs, clock),
            settings=settings,
            clock=clock,
            draining=asyncio.Event(),
            owns=owner(executor),
        )
        await asyncio.to_thread(heart.register)
        # Last of all, when nothing runs here any more: then others may have it.
        stack.push_async_callback(asyncio.to_thread, heart.leave)
        DBOS(config=configuration(address, executor, settings))
        stack.callback(_ended)
        works = register(desk, settings)
        # The engine's coroutines run in the loop that it is launched in.
        DBOS.launch()
        heart.ready()
        await register_queues(settings)
        writing = asyncio.create_task(board.keep_writing(1.0))
        stack.push_async_callback(_cancelled, [writing])
        node = Node(
            id=executor, store=store, desk=desk, works=works, settings=settings, heart=heart
        )
        try:
            yield node
        finally:
            await node.drained()


async def serve_node(node: Node, stop: asyncio.Event) -> None:
    """Take up runs until told to stop."""
    while not stop.is_set():
        try:
            await node.take_up()
        except SynclineError as error:
            _LOG.warning("cannot look for runs: %s", error)
        with suppress(TimeoutError):
            async with asyncio.timeout(node.settings.tick):
                await stop.wait()


def _alone(address: str) -> FileLock:
    """Return a lock that is held, and that only one process can hold at a time."""
    lock = FileLock(engine_file(address).with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DestinationBusy(
            "another process runs the jobs of this store already",
            hint="a store in a file has one worker; use PostgreSQL for more",
        ) from None
    return lock


def _ended() -> None:
    DBOS.destroy(destroy_registry=True)


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
