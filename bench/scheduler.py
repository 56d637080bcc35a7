"""What thousands of schedules cost one node, and whether a day of them goes by without a slip."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import func, insert, select, update

from bench.report import Target, machine, target_rows
from standins import postgres
from standins.clocks import EPOCH, VirtualClock
from syncline.control.engine.scheduler import Scheduler
from syncline.control.runs import State
from syncline.control.store.connections import connections
from syncline.control.store.database import Store, open_store
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import runs
from syncline.control.store.schedules import schedules
from syncline.control.store.schema import migrate
from syncline.control.store.slots import slots

JOBS, SECONDS = 2000, 60.0
CPU, MEMORY, THREADS = 2.0, 300.0, 60
RESULTS = Path(__file__).with_name("RESULTS-scheduler.md")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What a process costs that has nothing to do."""

    #: Percent of a core.
    cpu: float
    megabytes: float
    threads: int


async def idle(address: str) -> None:
    """Make a store that has much to look after and nothing to do."""
    store = open_store(address)
    await migrate(store)
    await filled(store, JOBS, {"daily_at": "03:30"}, datetime.now(UTC) + DAY)
    await store.aclose()


def measured(address: str) -> Idle:
    """Serve the store, and see what it costs while nothing happens."""
    command = [str(Path(sys.executable).parent / "syncline"), "serve"]
    command += ["--store", address, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        # It tells its address when it listens.
        while "http://" not in (line := started.stderr.readline()):
            assert line, "it has ended"
        process = psutil.Process(started.pid)
        # Whatever a start costs has been paid by then.
        time.sleep(10)
        before, begun = process.cpu_times(), time.monotonic()
        time.sleep(SECONDS)
        after = process.cpu_times()
        spent = after.user + after.system - before.user - before.system
        idle = Idle(
            cpu=100 * spent / (time.monotonic() - begun),
            megabytes=process.memory_info().rss / 2**20,
            threads=process.num_threads(),
        )
        started.terminate()
    return idle


async def day(store: Store, count: int = 200) -> str:
    """Let three nodes look at many schedules for a simulated day; return a line on its slots."""
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
    counted = await _counted(store, count)
    return f"| {store.dialect} | {counted} | {time.monotonic() - begun:.0f} |"


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


async def _counted(store: Store, count: int) -> str:
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
    return f"{len(found):,} | {outcomes['run']:,} | {outcomes['skipped']:,}"


@asynccontextmanager
async def new_store(address: str) -> AsyncIterator[Store]:
    store = open_store(address)
    await migrate(store)
    try:
        yield store
    finally:
        await store.aclose()


async def days(folder: Path) -> list[str]:
    """Return a line on a day with each kind of store."""
    async with new_store(f"sqlite:///{folder / 'day.db'}") as store:
        lines = [await day(store)]
    server = postgres.Server()
    try:
        server.make()
        server.start()
        word = postgres.PASSWORD.replace("\\", "%5C").replace("'", "%27").replace(" ", "%20")
        address = f"postgresql://{postgres.USER}:{word}@127.0.0.1:{server.port}/postgres"
        async with new_store(address) as store:
            return [*lines, await day(store)]
    finally:
        server.remove()


def report(cost: Idle, lines: list[str], load: float) -> tuple[str, bool]:
    """Return the figures as Markdown, and whether every target was reached."""
    what = f"`syncline serve` on SQLite, {JOBS:,} jobs with schedules of which none is due"
    goals = [
        Target(what="processor, of one core", found=cost.cpu, bound=CPU, unit="%"),
        Target(what="memory", found=cost.megabytes, bound=MEMORY, unit=" MiB"),
        Target(what="threads", found=cost.threads, bound=THREADS),
    ]
    text = [
        "# Results of the scheduler's benchmark", "",
        f"Written by `make bench-scheduler` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.", "",
        f"- machine: {machine()}; load when it began: {load:.1f}", "",
        "A simulated day of 200 jobs, each every 10 minutes, looked at by three nodes, which",
        "are all down for 47 minutes; every tenth job takes longer than 10 minutes. Every slot was",
        "there exactly once: begun, or skipped with its reason.", "",
        "| store | slots | runs | skipped | seconds |", "|---|---|---|---|---|", *lines, "",
        "## Targets", "",
        f"{what}, for {SECONDS:.0f} s:", "",
        *target_rows(goals), "",
    ]  # fmt: skip
    return "\n".join(text), all(goal.reached for goal in goals)


def main() -> int:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{Path(folder) / 'idle.db'}"
        asyncio.run(idle(address))
        cost = measured(address)
        lines = asyncio.run(days(Path(folder)))
    text, reached = report(cost, lines, load)
    RESULTS.write_text(text, "utf-8")
    print(text)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
