"""What thousands of schedules cost one node, and whether a day of them goes by without a slip."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import func, insert, select, update

from standins import postgres
from standins.clocks import EPOCH, VirtualClock
from syncline.control.clock import SystemClock
from syncline.control.engine.job import RunnableJob
from syncline.control.engine.node import running_node, serve_node
from syncline.control.engine.scheduler import Scheduler
from syncline.control.engine.settings import EngineSettings
from syncline.control.runs import State
from syncline.control.store.connections import connections
from syncline.control.store.database import Store, open_store
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import runs
from syncline.control.store.schedules import schedules
from syncline.control.store.schema import migrate
from syncline.control.store.slots import slots
from syncline.errors import Missing

JOBS, SECONDS = 2000, 60.0
CPU, MEMORY, THREADS = 2.0, 300.0, 60
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
STEP, SLOT = timedelta(seconds=30), timedelta(minutes=10)
DAY = timedelta(days=1)
#: Nothing ticks from the first of these to the second: all nodes are down.
DOWN = (timedelta(hours=9, minutes=5), timedelta(hours=9, minutes=52))


async def filled(store: Store, count: int, spec: dict[str, object], due: datetime) -> None:
    """Keep so many jobs with a schedule."""
    changed = {"created_at": BEGIN, "changed_at": BEGIN, "changed_by": "bench"}
    names = [f"job {n}" for n in range(count)]
    async with store.writing() as connection:
        await connection.execute(
            insert(connections).values(
                id="c", name="c", folded="c", type="api", properties={}, sealed={}, **changed
            )
        )
        ids = {"source_id": "c", "destination_id": "c", "spec": {}}
        rows = [{"id": n, "name": n, "folded": n, **ids, **changed} for n in names]
        await connection.execute(insert(jobs), rows)
        timed = {"spec": spec, "enabled": True, "next_run_at": due}
        await connection.execute(insert(schedules), [{"job_id": n, **timed} for n in names])


class NoJobs:
    """Nothing is ever due while the cost of waiting is measured."""

    async def find(self, job_id: str) -> RunnableJob:
        raise Missing(job_id)


async def node(address: str) -> None:
    """Be a node, until killed."""
    store = open_store(address)
    clock, settings = SystemClock(), EngineSettings()
    async with running_node(address, store, NoJobs(), settings, clock) as made:
        print("up", flush=True)
        await serve_node(made, asyncio.Event())


async def idle(address: str) -> None:
    """Make a store that has much to look after and nothing to do."""
    store = open_store(address)
    await migrate(store)
    await filled(store, JOBS, {"daily_at": "03:30"}, datetime.now(UTC) + DAY)
    await store.aclose()


def measured(address: str) -> None:
    """Start a node of the store, and see what it costs."""
    command = [sys.executable, "-m", "bench.scheduler", "--node", address]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline().strip() == b"up"
        process = psutil.Process(started.pid)
        # Whatever a start costs has been paid by then.
        time.sleep(5)
        before, begun = process.cpu_times(), time.monotonic()
        time.sleep(SECONDS)
        after = process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        cpu = 100 * spent / (time.monotonic() - begun)
        memory, threads = process.memory_info().rss / 1e6, process.num_threads()
        started.kill()
    print(
        f"{JOBS} schedules, nothing due, {SECONDS:.0f} s: {cpu:.2f} % of a core, "
        f"{memory:.0f} MB, {threads} threads"
    )
    assert cpu < CPU, cpu
    assert memory < MEMORY, memory
    assert threads < THREADS, threads


async def day(store: Store, count: int = 200) -> None:
    """Let three nodes look at many schedules for a simulated day, and count the slots."""
    await filled(store, count, {"every_minutes": 10}, BEGIN + SLOT)
    begun, moment = time.monotonic(), BEGIN
    while moment < BEGIN + DAY:
        moment += STEP
        if DOWN[0] <= moment - BEGIN < DOWN[1]:
            continue
        clock = VirtualClock()
        clock.now = moment.timestamp() - EPOCH
        await asyncio.gather(*(Scheduler(store=store, clock=clock).tick() for _ in range(3)))
        await _end_runs(store, moment)
    await _counted(store, count)
    print(f"{count} jobs every 10 minutes on {store.dialect}: a day in {_since(begun)}")


async def _end_runs(store: Store, now: datetime) -> None:
    """Most runs take three minutes; those of every tenth job fourteen: a slot comes meanwhile."""
    slow = runs.c.job.like("%0")
    async with store.writing() as connection:
        for which, minutes in ((~slow, 3), (slow, 14)):
            await connection.execute(
                update(runs)
                .where(
                    which,
                    runs.c.finished_at.is_(None),
                    runs.c.created_at <= now - timedelta(minutes=minutes),
                )
                .values(state=State.SUCCEEDED, finished_at=now)
            )


async def _counted(store: Store, count: int) -> None:
    async with store.reading() as connection:
        found = (await connection.execute(select(slots))).mappings().all()
        begun = await connection.scalar(select(func.count()).select_from(runs))
    of_job: dict[str, list[datetime]] = {}
    for slot in found:
        of_job.setdefault(slot["job_id"], []).append(slot["planned_at"])
    expected = [BEGIN + n * SLOT for n in range(1, DAY // SLOT + 1)]
    assert len(of_job) == count
    for job, planned in of_job.items():
        assert sorted(planned) == expected, f"{job}: a slot is lost or double"
    outcomes = Counter(slot["outcome"] for slot in found)
    assert outcomes["run"] == begun, "a run without a slot, or two for one"
    assert all(slot["reason"] for slot in found if slot["outcome"] == "skipped")
    print(f"  {len(found)} slots, each once: {outcomes['run']} runs, {outcomes['skipped']} skipped")


def _since(begun: float) -> str:
    return f"{time.monotonic() - begun:.0f} s"


@asynccontextmanager
async def new_store(address: str) -> AsyncIterator[Store]:
    store = open_store(address)
    await migrate(store)
    try:
        yield store
    finally:
        await store.aclose()


async def everything(folder: Path) -> None:
    async with new_store(f"sqlite:///{folder / 'day.db'}") as store:
        await day(store)
    server = postgres.Server()
    try:
        server.make()
        server.start()
        word = postgres.PASSWORD.replace("\\", "%5C").replace("'", "%27").replace(" ", "%20")
        address = f"postgresql://{postgres.USER}:{word}@127.0.0.1:{server.port}/postgres"
        async with new_store(address) as store:
            await day(store)
    finally:
        server.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--node", help="be a node of this store")
    given = parser.parse_args()
    if given.node:
        asyncio.run(node(given.node))
        return
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'idle.db'}"
        asyncio.run(idle(address))
        measured(address)
        asyncio.run(everything(Path(folder)))


if __name__ == "__main__":
    main()
