"""One node: takes up runs from the store, and executes them until it is told to end."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

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
from syncline.control.engine.lineage import Lineage
from syncline.control.engine.liveness import Heartbeat
from syncline.control.engine.opened import OpenRuns
from syncline.control.engine.scheduler import Scheduler
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.times import StoreClock
from syncline.control.engine.upkeep import Upkeep
from syncline.control.engine.work import Desk
from syncline.control.engine.workflows import (
    Works,
    dispatch,
    launch,
    owner,
    recover,
    register,
    register_queues,
)
from syncline.control.errands import Errand, again_and_again, attend
from syncline.control.store.database import Store
from syncline.control.store.runs import runs
from syncline.errors import DestinationBusy
from syncline.model.run import Clock

#: The only executor of a SQLite store: what it left when it died is its own when it is back.
_ALONE = "local"
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node that is up."""

    id: str
    store: Store
    clock: StoreClock
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
    address: str, store: Store, jobs: Jobs, settings: EngineSettings, clock: Clock
) -> AsyncIterator[Node]:
    """Be a node of a store for as long as the block lasts; one in a process.

    ``address``: of the store, which has the newest schema. Raises `DestinationBusy` if it is a
    file and another process is its node.
    """
    clock = StoreClock(clock, store)
    await clock.set()
    async with AsyncExitStack() as stack:
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
        lineage = None if settings.lineage is None else Lineage(settings.lineage, clock)
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
            lineage=lineage,
        )
        await asyncio.to_thread(heart.register)
        # Last of all, when nothing runs here any more: then others may have it.
        stack.push_async_callback(asyncio.to_thread, heart.leave)
        configured = configuration(address, executor, settings)
        if (own := configured["system_database_engine"]) is not None:
            stack.callback(own.dispose)
        DBOS(config=configured)
        stack.push_async_callback(_ended)
        works = register(desk, settings)
        stack.push_async_callback(works.cut_off)
        launch()
        heart.ready()
        await register_queues(settings)
        writing = asyncio.create_task(board.keep_writing(1.0))
        stack.push_async_callback(_cancelled, [writing])
        if lineage is not None:
            sending = asyncio.create_task(lineage.keep_sending())
            stack.push_async_callback(lineage.ending)
            stack.push_async_callback(_cancelled, [sending])
        node = Node(
            id=executor, store=store, clock=clock, desk=desk, works=works, settings=settings,
            heart=heart,
        )  # fmt: skip
        try:
            yield node
        finally:
            await node.drained()


async def serve_node(node: Node, stop: asyncio.Event, errands: Sequence[Errand] = ()) -> None:
    """Start what is due and take up what waits, until told to stop.

    ``errands``: what else is done when the store says so; none waits for another.
    """
    settings = node.settings
    scheduler = Scheduler(store=node.store, clock=node.clock, late_after=settings.late_after)
    upkeep = Upkeep(store=node.store, clock=node.clock, keep_days=settings.keep_days)

    async def schedule() -> None:
        await scheduler.tick()
        await node.take_up()

    own = Errand(waiting=scheduler.waiting, do=schedule)

    async def find() -> None:
        await node.clock.set()
        await upkeep.find_lost()

    async with asyncio.TaskGroup() as group:
        attending = attend(
            node.store, (own, *errands), stop, every=settings.tick, now=node.desk.board.now
        )
        group.create_task(attending)
        times: Sequence[tuple[float, Callable[[], Awaitable[object]]]] = (
            (10.0, partial(node.works.calm, settings)), (60.0, find), (3600.0, upkeep.forget),
        )  # fmt: skip
        for seconds, job in times:
            group.create_task(again_and_again(job, seconds, stop))


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


async def _ended() -> None:
    DBOS.destroy(destroy_registry=True)
    # The engine had the loop's threads, and has ended them.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
