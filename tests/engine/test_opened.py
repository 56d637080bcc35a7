"""What the tasks of a run share is opened without keeping everything else on the node waiting."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import pyarrow as pa

from standins.clocks import VirtualClock
from syncline.control.engine.job import RunnableJob
from syncline.control.engine.opened import OpenRuns
from syncline.destinations.duckdb import open_duckdb
from syncline.model.job import Task
from syncline.model.ports import Destination
from syncline.model.run import Clock, Observer
from syncline.model.table import Table, field_of
from syncline.testing.source import MemorySource

_TABLES = {
    f"Table{number}": Table(
        name=f"Table{number}",
        schema=pa.schema([field_of("Id", pa.int64(), nullable=False)]),
        primary_key=("Id",),
    )
    for number in range(6)
}


class _Turns(Mapping[str, Table]):
    """Tables that note how often others have had their turn when they are looked at."""

    def __init__(self) -> None:
        self.passed = 0
        self.seen: set[int] = set()

    def __getitem__(self, name: str) -> Table:
        self.seen.add(self.passed)
        return _TABLES[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_TABLES)

    def __len__(self) -> int:
        return len(_TABLES)


class _Source(MemorySource):
    def __init__(self, turns: _Turns) -> None:
        super().__init__(_TABLES.values())
        self._turns = turns

    async def tables(self) -> Mapping[str, Table]:
        return self._turns


class _Jobs:
    def __init__(self, turns: _Turns) -> None:
        self._turns = turns

    async def find(self, job_id: str) -> RunnableJob:
        @asynccontextmanager
        async def source(_: Clock, __: Observer) -> AsyncIterator[MemorySource]:
            yield _Source(self._turns)

        async def destination(_: Observer) -> Destination:
            return open_duckdb(":memory:")

        tasks = tuple(
            Task(id=f"job.{name}", query=f"SELECT * FROM {name}", target=name) for name in _TABLES
        )
        return RunnableJob(
            id=job_id, name="job", tasks=tasks, account="a", source=source,
            destination=destination,
        )  # fmt: skip


async def test_others_have_their_turn_between_the_plans_of_a_run() -> None:
    turns = _Turns()

    async def others() -> None:
        while True:
            turns.passed += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(others())
    runs = OpenRuns(_Jobs(turns), VirtualClock())
    async with runs.held("run"):
        opened = await runs.opened("run", "job")
        assert len(opened.plans) == len(_TABLES)
    busy.cancel()
    assert len(turns.seen) == len(_TABLES), "no two were planned in one turn"
