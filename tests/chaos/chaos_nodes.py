"""Three nodes on one PostgreSQL, with clocks that disagree: killed, frozen, cut off, restarted."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from aiohttp import web
from sqlalchemy import select, text
from sqlalchemy.engine import make_url

from acceptance import serving, support
from chaos.checks import MINUTE, contents, no_slot_lost, one_run_at_a_time, told, whole_runs
from chaos.cut import Network, network
from control.conftest import new_database
from engine.rows import job
from engine.workers import Worker, ask, over, until_async, workers
from standins import postgres
from syncline.control.engine.database import SCHEMA
from syncline.control.runs import RunOptions, State, active_run
from syncline.control.store.database import Store, open_store
from syncline.control.store.runs import task_runs
from syncline.errors import SynclineError

LEASE = 6.0
#: Beyond the lease, until a dead node's runs go on elsewhere.
ALLOWED = LEASE + 5.0
#: Task runs of one account at a time.
LIMIT = 4
SKEWS = (60.0, -60.0, 0.0)
#: A job that is run once, by nobody else, before all others: `support.run` knows its name.
CLEAN = "job"
JOBS = {"a": "one", "b": "one", "c": "one", "d": "two"}
TASKS = (
    {"table": "Activities", "commit_rows": 16},
    {"table": "Contacts", "commit_rows": 16, "write": "replace"},
    {"table": "Matters", "commit_rows": 8},
)
RANDOM = 20


@dataclass(slots=True, kw_only=True)
class Node:
    """A node, its network, and whether it is to be started again when it has ended."""

    number: int
    way: Network
    worker: Worker | None = None
    supervised: bool = True


@dataclass(slots=True, kw_only=True)
class World:
    store: Store
    server: postgres.Server
    address: str
    start: Callable[..., Worker]
    nodes: list[Node] = field(default_factory=list)
    #: The most task runs of one account that were seen at a time.
    most: int = 0
    taken_over: list[float] = field(default_factory=list)

    def launch(self, node: Node) -> Worker:
        through = make_url(self.address).set(port=node.way.port)
        node.worker = self.start(
            address=through.render_as_string(hide_password=False),
            lease=LEASE, skew=SKEWS[node.number], tick=0.25, poll=0.25,
        )  # fmt: skip
        return node.worker

    async def supervise(self) -> None:
        """Start again what has ended, as systemd or Kubernetes would."""
        while True:
            for node in self.nodes:
                if node.supervised and node.worker is not None and node.worker.code is not None:
                    self.launch(node)
            await asyncio.sleep(0.2)

    async def keep_busy(self) -> None:
        """See that every job has a run."""
        while True:
            for name in JOBS:
                with suppress(SynclineError):
                    await ask(self.store, name, options=RunOptions(full=True))
            await asyncio.sleep(0.5)

    async def watch(self) -> None:
        """Look at how many task runs of an account the engine lets run."""
        query = text(
            f"SELECT count(*) FROM {SCHEMA}.workflow_status WHERE status = 'PENDING' "
            "AND queue_partition_key IS NOT NULL GROUP BY queue_partition_key"
        )
        while True:
            with suppress(SynclineError):
                async with self.store.reading() as connection:
                    counts = (await connection.execute(query)).scalars().all()
                self.most = max([self.most, *counts])
            await asyncio.sleep(0.1)

    async def tasks_of(self, node: str) -> list[tuple[str, int]]:
        mine = (task_runs.c.node == node) & (task_runs.c.state == State.RUNNING)
        query = select(task_runs.c.run_id, task_runs.c.number).where(mine)
        async with self.store.reading() as connection:
            return [(run, number) for run, number in (await connection.execute(query)).all()]

    async def has_work(self, node: Node) -> str:
        """Wait until a node has task runs; return its id."""
        assert node.worker is not None
        name = await node.worker.up()
        await until_async(lambda: self.tasks_of(name), 120)
        return name

    async def gone_elsewhere(self, node: str, since: float) -> None:
        """Wait until nothing is on a node any more, and note how long that took."""

        async def elsewhere() -> bool:
            try:
                return not await self.tasks_of(node)
            except SynclineError:
                return False

        await until_async(elsewhere, 60)
        self.taken_over.append(time.monotonic() - since)


def written(folder: Path, watched: serving.Watched, server: postgres.Server, lake: str) -> Path:
    """Write a project of five jobs, two accounts and a PostgreSQL destination."""
    profile = support.small_clio(folder)
    known: dict[str, Any] = {"connections": {}, "jobs": {}}
    for account in set(JOBS.values()):
        pair = watched.sandbox.issue_token()
        known["connections"][account] = {
            "type": "api",
            "properties": {
                "Profile": str(profile),
                "ProfileSettings": {"BaseURL": watched.url},
                "OAuthClientId": "sandbox-client",
                "OAuthClientSecret": "sandbox-secret",
                "OAuthAccessToken": pair.access_token,
                "OAuthRefreshToken": pair.refresh_token,
            },
        }
    for name, account in {**JOBS, CLEAN: "one"}.items():
        known["connections"][f"lake-{name}"] = {
            "type": "postgres",
            "properties": {
                "Server": "127.0.0.1", "Port": server.port, "Database": lake,
                "User": postgres.USER, "Password": postgres.PASSWORD, "Schema": name,
            },
        }  # fmt: skip
        known["jobs"][name] = {
            "source": account, "destination": f"lake-{name}", "tasks": list(TASKS),
            "parallel_tasks": 3, "retries": 20, "retry_seconds": 0.3,
        }  # fmt: skip
    file = folder / "project.yaml"
    file.write_text(yaml.safe_dump(known), "utf-8")
    return file


@asynccontextmanager
async def world(
    address: str, store: Store, warm: Path, server: postgres.Server, project: Path
) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        starting = await stack.enter_async_context(workers(warm, address, project))
        made = World(store=store, server=server, address=address, start=starting)
        for number in range(len(SKEWS)):
            way = await stack.enter_async_context(network(server.port))
            made.nodes.append(Node(number=number, way=way))
            made.launch(made.nodes[-1])
        for node in made.nodes:
            assert node.worker is not None
            await node.worker.up()
        background = [
            asyncio.create_task(made.supervise()),
            asyncio.create_task(made.watch()),
        ]
        try:
            yield made
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)


async def killed(at: World, node: Node) -> None:
    name = await at.has_work(node)
    node.supervised = False
    assert node.worker is not None
    since = time.monotonic()
    await node.worker.kill()
    await at.gone_elsewhere(name, since)
    node.supervised = True


async def frozen(at: World, node: Node) -> None:
    name = await at.has_work(node)
    assert node.worker is not None
    since = time.monotonic()
    node.worker.signal(signal.SIGSTOP)
    await at.gone_elsewhere(name, since)
    node.worker.signal(signal.SIGCONT)
    assert await node.worker.ended() == 75


async def cut_off(at: World, node: Node) -> None:
    name = await at.has_work(node)
    node.supervised = False
    assert node.worker is not None
    since = time.monotonic()
    node.way.cut()
    assert await node.worker.ended() == 75
    assert time.monotonic() - since < LEASE, "it ends itself before others take over"
    await at.gone_elsewhere(name, since)
    node.way.mend()
    node.supervised = True


async def rolled(at: World, node: Node) -> None:
    name = await at.has_work(node)
    node.supervised = False
    assert node.worker is not None
    worker = node.worker
    worker.signal(signal.SIGTERM)
    assert await worker.ended() == 0
    since = time.monotonic()
    await at.gone_elsewhere(name, since)
    at.launch(node)
    assert node.worker is not None
    await node.worker.up()
    node.supervised = True


async def restarted_database(at: World, chosen: random.Random) -> None:
    await asyncio.to_thread(at.server.stop, crash=chosen.random() < 0.5)
    await asyncio.sleep(chosen.uniform(0.5, 3.0))
    await asyncio.to_thread(at.server.start)


async def at_random(at: World, chosen: random.Random) -> str:
    node = chosen.choice(at.nodes)
    worker = node.worker
    assert worker is not None
    match chosen.choice(["kill", "freeze", "cut", "drain", "database"]):
        case "kill":
            await worker.kill()
            return "k"
        case "freeze":
            worker.signal(signal.SIGSTOP)
            await asyncio.sleep(chosen.uniform(0.5, 1.5 * LEASE))
            worker.signal(signal.SIGCONT)
            return "f"
        case "cut":
            node.way.cut()
            await asyncio.sleep(chosen.uniform(0.5, 1.5 * LEASE))
            node.way.mend()
            return "c"
        case "drain":
            worker.signal(signal.SIGTERM)
            return "d"
        case _:
            await restarted_database(at, chosen)
            return "r"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
async def test_three_nodes(
    address: str,
    warm: Path,
    tmp_path: Path,
    postgres_server: postgres.Server,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = random.Random(20261122)  # noqa: S311 (the same disturbances in every run)
    store = open_store(address)
    lake = (await new_database(postgres_server)).rpartition("/")[2]
    async with serving.serving(serving.options(rows=200)) as watched:
        project = written(tmp_path, watched, postgres_server, lake)
        clean = support.Project(folder=tmp_path, file=project, database=tmp_path / "none")
        support.results(await support.run(clean))
        first = (datetime.now(UTC) + MINUTE).replace(second=0, microsecond=0)
        for name in JOBS:
            await job(store, name, {"every_minutes": 1}, first)

        async def slowly(_: web.Request) -> None:
            await asyncio.sleep(chosen.uniform(0.05, 0.3))

        watched.begin()
        watched.always = slowly
        async with world(address, store, warm, postgres_server, project) as at:
            busy = asyncio.create_task(at.keep_busy())
            # Every node has had time to see the others beat.
            await asyncio.sleep(LEASE + 1)
            for disturbed in (killed, frozen, cut_off):
                for node in at.nodes[:2]:
                    await disturbed(at, node)
                    told(capsys, f"{disturbed.__name__}: {at.taken_over[-1]:.1f} s\n")
                    await asyncio.sleep(LEASE + 1)
            assert max(at.taken_over) <= ALLOWED, at.taken_over
            for node in at.nodes:
                await rolled(at, node)
                told(capsys, f"rolled: {at.taken_over[-1]:.1f} s\n")
                assert at.taken_over[-1] < LEASE
            await restarted_database(at, chosen)
            for _ in range(RANDOM):
                told(capsys, await at_random(at, chosen))
                await asyncio.sleep(chosen.uniform(0.5, 3.0))
            told(capsys, "\n")
            busy.cancel()
            await asyncio.gather(busy, return_exceptions=True)
            watched.always = None
            for name in JOBS:
                await until_async(partial(ended, store, name), 240)
                await over(store, await ask(store, name), 120)
            most = at.most
        found = await whole_runs(store)
        counts = [await no_slot_lost(store, name) for name in JOBS]
    await store.aclose()
    assert 1 < most <= LIMIT, most
    with psycopg.connect(
        host="127.0.0.1", port=postgres_server.port, user=postgres.USER,
        password=postgres.PASSWORD, dbname=lake,
    ) as connection:  # fmt: skip
        same = contents(connection, CLEAN)
        assert {name: bool(rows) for name, rows in same.items()} == dict.fromkeys(same, True)
        assert len(same) >= len(TASKS)
        for name in JOBS:
            ledger = connection.execute(
                f'SELECT task, generation, run FROM "{name}"._syncline_checkpoints'
            ).fetchall()
            one_run_at_a_time(ledger)
            assert contents(connection, name) == same, name
    told(
        capsys,
        f"{len(found)} runs, {sum(counts)} slots, at most {most} task runs of an account: nothing "
        f"lost, nothing twice; take-over within {max(at.taken_over):.1f} s\n",
    )


async def ended(store: Store, name: str) -> bool:
    async with store.reading() as connection:
        return await active_run(connection, name) is None
