"""Every behaviour of the engine that we lean on, held against the engine itself.

A new version of it that fails one of these is not for us before we have looked at why.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy
from dbos import DBOS, EnqueueOptions
from dbos import error as refusals
from sqlalchemy import text

from control.conftest import new_database
from engine.workers import until, until_async
from standins import postgres
from syncline.control.engine.database import (
    ENGINE_VERSION,
    SCHEMA,
    configuration,
    engine_file,
    file_engine,
    is_shared,
    sync_engine,
)
from syncline.control.engine.settings import EngineSettings
from syncline.control.engine.workflows import recover

pytestmark = pytest.mark.asyncio(loop_scope="module")
SETTINGS = EngineSettings(poll=0.05)


class Engine:
    """The engine with two workflows of the test's, which tell what they do."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.executor = ""
        self.database: sqlalchemy.Engine | None = None
        self.gates: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.under_way: set[asyncio.Task[Any]] = set()

    async def launch(self, executor: str) -> None:
        self.executor = executor
        configured = configuration(self.address, executor, SETTINGS)
        self.database = configured["system_database_engine"]
        DBOS(config=configured)

        async def step(name: str) -> str:
            self.begun.append(name)
            await self.gates[name].wait()
            self.ended.append(name)
            return name

        @DBOS.workflow(name="two steps", max_recovery_attempts=1000)
        async def two_steps(name: str) -> str:
            task = asyncio.current_task()
            assert task is not None
            self.under_way.add(task)
            for part in ("one", "two"):
                await DBOS.run_step_async({"name": part}, step, f"{name} {part}")
            return name

        DBOS.launch()
        await DBOS.register_queue_async("jobs", polling_interval_sec=0.05)
        for limit in (1, 2):
            await DBOS.register_queue_async(
                f"limit-{limit}", partition_concurrency=limit, worker_concurrency=8,
                polling_interval_sec=0.05,
            )  # fmt: skip

    async def end(self) -> None:
        """End as a process does: what is under way is cut off."""
        for task in self.under_way:
            task.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)
        self.under_way.clear()
        DBOS.destroy(destroy_registry=True)
        assert self.database is not None
        self.database.dispose()
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())

    async def enqueue(self, name: str, *, queue: str = "jobs", **more: Any) -> str:
        options: dict[str, Any] = {
            "workflow_name": "two steps", "queue_name": queue, "workflow_id": name,
            "app_version": ENGINE_VERSION,
        }  # fmt: skip
        chosen = EnqueueOptions(**(options | more))  # type: ignore[typeddict-item]  # by name
        await DBOS.enqueue_workflow_with_options_async(chosen, name)
        return name

    def open(self, name: str) -> None:
        for part in ("one", "two"):
            self.gates[f"{name} {part}"].set()

    async def status(self, name: str) -> str:
        found = await DBOS.get_workflow_status_async(name)
        assert found is not None
        return found.status

    async def succeeded(self, name: str) -> None:
        async def is_so() -> bool:
            return await self.status(name) == "SUCCESS"

        await until_async(is_so)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engine]:
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('engine') / 'store.db'}"
    else:
        server: postgres.Server = request.getfixturevalue("postgres_server")
        address = await new_database(server)
    made = Engine(address)
    await made.launch("first")
    yield made
    await made.end()


async def polls(engine: Engine) -> None:
    """Let the queues be looked at some times: what should not happen would have by now."""
    marker = f"marker {len(engine.begun)}"
    engine.open(marker)
    await engine.succeeded(await engine.enqueue(marker))


async def test_a_deduplication_id_is_held_until_the_end(engine: Engine) -> None:
    await engine.enqueue("dedup 1", deduplication_id="job")
    await until(lambda: "dedup 1 one" in engine.begun)
    with pytest.raises(refusals.DBOSQueueDeduplicatedError):
        await engine.enqueue("dedup 2", deduplication_id="job")
    engine.open("dedup 1")
    await engine.succeeded("dedup 1")
    engine.open("dedup 2")
    await engine.succeeded(await engine.enqueue("dedup 2", deduplication_id="job"))


async def test_an_id_is_run_once(engine: Engine) -> None:
    engine.open("once")
    for _ in range(3):
        await engine.enqueue("once")
    await engine.succeeded("once")
    await engine.enqueue("once")
    await polls(engine)
    assert engine.begun.count("once one") == 1


@pytest.mark.parametrize("limit", [1, 2])
async def test_a_partition_has_its_limit(engine: Engine, limit: int) -> None:
    names = [f"limit {limit} {n}" for n in range(4)]
    for name in names:
        await engine.enqueue(name, queue=f"limit-{limit}", queue_partition_key="account")
    other = f"limit {limit} other"
    await engine.enqueue(other, queue=f"limit-{limit}", queue_partition_key="other account")
    await until(lambda: f"{other} one" in engine.begun)
    for _ in names:
        await until(lambda: len(going(engine, names)) == min(limit, len(left(engine, names))))
        await polls(engine)
        assert len(going(engine, names)) <= limit
        if now := going(engine, names):
            engine.open(now[0])
            await engine.succeeded(now[0])
    engine.open(other)
    for name in names:
        engine.open(name)
        await engine.succeeded(name)


def going(engine: Engine, names: list[str]) -> list[str]:
    return [n for n in names if f"{n} one" in engine.begun and f"{n} two" not in engine.ended]


def left(engine: Engine, names: list[str]) -> list[str]:
    return [n for n in names if f"{n} two" not in engine.ended]


async def test_partitions_and_deduplication_do_not_go_together(engine: Engine) -> None:
    with pytest.raises(Exception, match="partition"):
        await engine.enqueue("both", queue="limit-1", queue_partition_key="a", deduplication_id="a")


async def test_the_executor_of_a_workflow_is_known(engine: Engine) -> None:
    await engine.enqueue("whose")
    await until(lambda: "whose one" in engine.begun)
    found = await DBOS.get_workflow_status_async("whose")
    assert found is not None
    assert (found.executor_id, found.status) == (engine.executor, "PENDING")
    engine.open("whose")
    await engine.succeeded("whose")


async def test_another_version_is_left_alone(engine: Engine) -> None:
    engine.open("newer")
    await engine.enqueue("newer", app_version="another")
    await polls(engine)
    assert await engine.status("newer") == "ENQUEUED"


async def test_what_is_kept_is_json(engine: Engine) -> None:
    engine.open("written")
    await engine.succeeded(await engine.enqueue("written"))
    if is_shared(engine.address):
        connected, schema = sync_engine(engine.address, SETTINGS, pool=1), f"{SCHEMA}."
    else:
        connected, schema = file_engine(engine_file(engine.address)), ""
    with connected.connect() as connection:
        rows = connection.execute(
            text(f"SELECT serialization FROM {schema}workflow_status WHERE name = 'two steps'")
        )
        assert set(rows.scalars()) == {"portable_json"}
        outputs = connection.execute(text(f"SELECT output FROM {schema}operation_outputs"))
        assert all(isinstance(json.loads(o), str) for o in outputs.scalars() if o is not None)
    connected.dispose()


async def test_an_execution_that_lost_its_workflow_ends_at_its_step(engine: Engine) -> None:
    await engine.enqueue("stolen")
    await until(lambda: engine.begun.count("stolen one") == 1)
    await asyncio.to_thread(recover, [engine.executor])
    await until(lambda: engine.begun.count("stolen one") == 2)
    engine.open("stolen")
    await engine.succeeded("stolen")
    await polls(engine)
    assert engine.begun.count("stolen two") == 1, "only the owner goes on"


async def test_old_workflows_can_be_deleted(engine: Engine) -> None:
    engine.open("old")
    await engine.succeeded(await engine.enqueue("old"))
    await DBOS.delete_workflows_async(["old"])
    assert await DBOS.get_workflow_status_async("old") is None


async def test_the_dead_are_taken_over_when_told_so_and_not_before(engine: Engine) -> None:
    engine.gates["left one"].set()
    await engine.enqueue("left", deduplication_id="left")
    await until(lambda: "left two" in engine.begun)
    await engine.end()

    await engine.launch("second")
    await polls(engine)
    assert await engine.status("left") == "PENDING", "cut off, and nobody's"
    await asyncio.to_thread(recover, ["nobody"])
    await polls(engine)
    assert engine.begun.count("left two") == 1
    await asyncio.to_thread(recover, ["first"])
    await until(lambda: engine.begun.count("left two") == 2)
    with pytest.raises(refusals.DBOSQueueDeduplicatedError):
        await engine.enqueue("left 2", deduplication_id="left")
    await asyncio.to_thread(recover, ["first"])
    await polls(engine)
    assert engine.begun.count("left two") == 2, "taken over once"
    engine.open("left")
    await engine.succeeded("left")
    assert engine.begun.count("left one") == 1, "its first step is not done again"


async def test_the_same_executor_takes_up_what_it_left(engine: Engine) -> None:
    await engine.enqueue("mine")
    await until(lambda: "mine one" in engine.begun)
    same = engine.executor
    await engine.end()
    await engine.launch(same)
    await until(lambda: engine.begun.count("mine one") == 2)
    engine.open("mine")
    await engine.succeeded("mine")
