"""What is told about runs: decided where they end, delivered once, again until it is taken."""

import asyncio
import signal
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, select, update

from acceptance import serving, support
from acceptance.processes import Processes
from control.planes import ADMIN, KEY, SECRET, plane_of
from engine.rows import BEGIN, job
from engine.test_command_line import said, stored
from engine.test_scheduler import at, end, scheduler
from engine.workers import until, until_async
from standins.listening import hook
from syncline.cli.control import sitting_here
from syncline.control.alert_specs import AlertSpec, ChannelSpec
from syncline.control.engine.delivering import Deliverer
from syncline.control.messages import Message
from syncline.control.outbox import announce_end
from syncline.control.plane import open_plane
from syncline.control.runs import State, events_of, insert_new
from syncline.control.store.database import Store
from syncline.control.store.jobs import jobs
from syncline.control.store.notifications import channels, notices
from syncline.control.store.runs import runs, task_runs
from syncline.control.usecases.channels import create_channel, get_channel, set_address
from syncline.control.usecases.figures import figures
from syncline.control.usecases.jobs import change_job
from syncline.control.vault import vault_of
from syncline.errors import Unavailable
from syncline.model.reach import Reach

MINUTE = timedelta(minutes=1)
EVERY = ("failure", "success", "no_rows")


class Ears:
    """A channel that keeps what it is told, or does not listen for a while."""

    def __init__(self, *, deaf: int = 0) -> None:
        self.heard: list[tuple[str, Message]] = []
        self.deaf = deaf

    async def __call__(self, url: str, message: Message, _: Reach) -> None:
        await asyncio.sleep(0)
        if self.deaf:
            self.deaf -= 1
            raise Unavailable("it does not listen")
        self.heard.append((url, message))


@pytest.fixture
async def told(store: Store) -> Store:
    """A store with a channel, and a job ``a`` with a schedule."""
    async with plane_of(store).changing(ADMIN) as work:
        await create_channel(work, "ops", ChannelSpec(url=f"json://h/{SECRET}"))
        await set_address(work, "https://syncline.example.com/")
    await job(store, "a", {"every_minutes": 10}, BEGIN)
    return store


async def alert(store: Store, *given: Mapping[str, Any]) -> None:
    specs = [AlertSpec.model_validate({"channels": ["ops"], **g}).model_dump(mode="json",
             exclude_defaults=True) for g in given]  # fmt: skip
    async with store.writing() as connection:
        await connection.execute(update(jobs).values(spec={"alerts": specs}))


async def ended(store: Store, run: str, now: datetime, **facts: Any) -> None:
    """A run that ends now, in the transaction in which that is told."""
    counts = {"read": facts.pop("read", 0), "inserted": facts.pop("inserted", 0)}
    row = {"state": State.SUCCEEDED, "reason": "manual", "requested_by": "", "options": {},
           "job_id": "a", "job": "a", "created_at": now, "followed": True} | facts  # fmt: skip
    async with store.writing() as connection:
        await connection.execute(
            insert(runs).values(id=run, started_at=now, finished_at=now, **row)
        )
        await connection.execute(
            insert(task_runs).values(run_id=run, number=0, task="a/T", target="T",
                                     state=row["state"], **counts)
        )  # fmt: skip
        await announce_end(connection, run, now)


async def kinds(store: Store) -> list[tuple[str, str | None, str]]:
    query = select(notices).order_by(notices.c.created_at, notices.c.kind)
    async with store.reading() as connection:
        return [(n.kind, n.run_id, n.state) for n in await connection.execute(query)]


def deliverer(store: Store, now: datetime, ears: Ears) -> Deliverer:
    return Deliverer(store=store, vault=vault_of([KEY]), reach=Reach(), clock=at(now), send=ears)


async def test_each_end_is_told_to_who_wants_to_know(told: Store) -> None:
    await alert(told, *({"when": kind} for kind in EVERY))
    await ended(told, "r1", BEGIN, read=5, inserted=5)
    await ended(told, "r2", BEGIN + MINUTE)
    await ended(told, "r3", BEGIN + 2 * MINUTE, state=State.FAILED, error_code="config.query",
                error="Mistaken: there is no column Nme", hint="did you mean Name?")  # fmt: skip
    await ended(told, "r4", BEGIN + 3 * MINUTE, state=State.CANCELLED)
    assert await kinds(told) == [
        ("success", "r1", "waiting"), ("no_rows", "r2", "waiting"), ("success", "r2", "waiting"),
        ("failure", "r3", "waiting"),
    ]  # fmt: skip
    async with told.writing() as connection:
        await announce_end(connection, "r3", BEGIN + 5 * MINUTE)
    assert len(await kinds(told)) == 4
    ears = Ears()
    assert await deliverer(told, BEGIN + 4 * MINUTE, ears).deliver() == 4
    assert await deliverer(told, BEGIN + 5 * MINUTE, ears).deliver() == 0
    messages = {m.title: m for _, m in ears.heard}
    failed = messages["a has failed"]
    assert failed.tone == "failure"
    for words in ("State: failed (manual run", "Failed tasks: T (of 1)",
                  "Error: Mistaken: there is no column Nme [config.query]",
                  "What to do: did you mean Name?", "https://syncline.example.com/runs/r3",
                  f"Notice {failed.id}"):  # fmt: skip
        assert words in failed.text
    assert any("5 read, 5 inserted" in m.text for _, m in ears.heard)
    assert "a has changed nothing" in messages
    assert {url for url, _ in ears.heard} == {f"json://h/{SECRET}"}
    lines = [e.message for e in await events_of(told, "r3")]
    assert lines == ["told the channel ops: failure"]


async def test_far_fewer_rows_than_usual(told: Store) -> None:
    await alert(told, {"when": "row_drop", "percent": 50})
    for n, read in enumerate((1000, 90, 110, 100, 60, 50)):
        await ended(told, f"r{n}", BEGIN + n * MINUTE, read=read, inserted=read)
    assert await kinds(told) == [("row_drop", "r5", "waiting")]
    await ended(told, "part", BEGIN + 9 * MINUTE, read=1, options={"tasks": ["T"]})
    assert len(await kinds(told)) == 1
    ears = Ears()
    await deliverer(told, BEGIN + 9 * MINUTE, ears).deliver()
    assert "50 read; 100 are usual" in ears.heard[0][1].text


async def test_a_start_of_which_nothing_comes_is_late_once_for_each_time(told: Store) -> None:
    await alert(told, {"when": "late", "minutes": 5}, {"when": "late", "minutes": 8})
    assert await scheduler(told, BEGIN).tick() == 1
    assert await scheduler(told, BEGIN + 4 * MINUTE).tick() == 0
    for n in (5, 6, 8, 9):
        await asyncio.gather(*(scheduler(told, BEGIN + n * MINUTE).tick() for _ in range(3)))
    assert [kind for kind, *_ in await kinds(told)] == ["late", "late"]
    await end(told, BEGIN + 9 * MINUTE)
    await scheduler(told, BEGIN + 10 * MINUTE).tick()
    await end(told, BEGIN + 12 * MINUTE)
    await scheduler(told, BEGIN + 15 * MINUTE).tick()
    assert len(await kinds(told)) == 2
    ears = Ears()
    await deliverer(told, BEGIN + 15 * MINUTE, ears).deliver()
    assert {m.title for _, m in ears.heard} == {"a is late"}
    assert "12:00 UTC; 5 minutes later no run has ended" in "".join(m.text for _, m in ears.heard)
    assert "/jobs/a" in ears.heard[0][1].text


async def test_a_start_that_nobody_was_there_for_is_late(told: Store) -> None:
    await alert(told, {"when": "late", "minutes": 5})
    async with told.writing() as connection:
        await connection.execute(update(jobs).values(paused=False))
    spec = {"every_minutes": 30, "missed": "skip"}
    await job(told, "b", spec, BEGIN - 60 * MINUTE)
    await alert(told, {"when": "late", "minutes": 5})
    await scheduler(told, BEGIN + 10 * MINUTE).tick()
    ears = Ears()
    await deliverer(told, BEGIN + 10 * MINUTE, ears).deliver()
    texts = {m.title: m.text for _, m in ears.heard}
    assert "The start was skipped: missed: nothing was running" in texts["b is late"]


async def test_nodes_tell_once_and_again_until_it_is_taken(told: Store) -> None:
    await alert(told, {"when": "success"})
    await ended(told, "r1", BEGIN)
    ears = Ears(deaf=2)
    for minutes, tried in ((0, 1), (0.25, 0), (1, 1), (1.5, 0), (3, 1), (9, 0)):
        now = BEGIN + minutes * MINUTE
        done = await asyncio.gather(*(deliverer(told, now, ears).deliver() for _ in range(3)))
        assert sum(done) == tried, minutes
    assert len(ears.heard) == 1
    assert await kinds(told) == [("success", "r1", "sent")]
    lines = [(e.level, e.message) for e in await events_of(told, "r1")]
    assert lines == [
        ("warning", "could not tell the channel ops: it does not listen; trying again in 30 s"),
        ("info", "told the channel ops: success"),
    ]


async def test_a_channel_that_never_listens_is_given_up(told: Store) -> None:
    await alert(told, {"when": "success"})
    await ended(told, "r1", BEGIN)
    ears = Ears(deaf=100)
    for hours in range(0, 27, 2):
        await deliverer(told, BEGIN + hours * 60 * MINUTE, ears).deliver()
    assert await kinds(told) == [("success", "r1", "given_up")]
    async with told.reading() as connection:
        row = (await connection.execute(select(channels.c.status, channels.c.error))).one()
    assert tuple(row) == ("failed", "it does not listen")


async def test_a_channel_that_does_not_listen_holds_up_no_other(told: Store) -> None:
    async with plane_of(told).changing(ADMIN) as work:
        await create_channel(work, "away", ChannelSpec(url="json://away"))
    await alert(told, {"when": "success", "channels": ["away"]})
    for n in range(50):
        await ended(told, f"r{n}", BEGIN - 60 * MINUTE)
    await alert(told, {"when": "success"}, {"when": "success", "channels": ["away"]})
    await ended(told, "last", BEGIN)
    ears = Ears()

    async def send(url: str, message: Message, reach: Reach) -> None:
        if url == "json://away":
            raise Unavailable("it does not listen")
        await ears(url, message, reach)

    assert await replace(deliverer(told, BEGIN, ears), send=send).deliver() == 2, "one of each"
    assert len(ears.heard) == 1
    count = 0
    now = BEGIN
    while count < 51:
        now += MINUTE
        count += await deliverer(told, now, ears).deliver()
    assert len({m.id for _, m in ears.heard}) == 52
    found = await figures(plane_of(told, at(now)), ADMIN)
    assert found.notices == {"waiting": 0, "sent": 52, "given_up": 0}


async def test_what_is_still_to_be_told_is_counted(told: Store) -> None:
    await alert(told, {"when": "success"})
    await ended(told, "r1", BEGIN - 60 * MINUTE)
    await ended(told, "r2", BEGIN)
    ears = Ears(deaf=100)
    for minutes in (-60, 0, 26 * 60):
        await deliverer(told, BEGIN + minutes * MINUTE, ears).deliver()
    await ended(told, "r3", BEGIN + 26 * 60 * MINUTE)
    plane = plane_of(told, at(BEGIN + 26 * 60 * MINUTE + MINUTE))
    found = await figures(plane, ADMIN)
    assert found.notices == {"waiting": 2, "sent": 0, "given_up": 1}
    assert found.longest_untold == 27 * 3600 + 60
    async with plane.looking(ADMIN) as work:
        channel = await get_channel(work, "ops")
    assert (channel.waiting, channel.given_up) == (2, 1)


async def test_who_dies_while_telling_is_followed_by_another(told: Store) -> None:
    await alert(told, {"when": "success"})
    await ended(told, "r1", BEGIN)

    async def die(*_: object) -> None:
        raise asyncio.CancelledError

    first = replace(deliverer(told, BEGIN, Ears()), send=die)
    with pytest.raises(asyncio.CancelledError):
        await first.deliver()
    ears = Ears()
    assert await deliverer(told, BEGIN + MINUTE, ears).deliver() == 0
    assert await deliverer(told, BEGIN + 2 * MINUTE, ears).deliver() == 1
    assert len(ears.heard) == 1


async def test_alerts_of_a_newer_version_keep_no_run_from_ending(told: Store) -> None:
    async with told.writing() as connection:
        await connection.execute(update(jobs).values(spec={"alerts": [{"when": "full moon"}]}))
    await ended(told, "r1", BEGIN)
    assert await kinds(told) == []
    async with told.writing() as connection:
        assert not await insert_new(connection, runs, {"id": "r1", "job_id": "a", "job": "a",
            "state": "queued", "reason": "manual", "requested_by": "", "options": {},
            "created_at": BEGIN, "followed": True})  # fmt: skip


@pytest.mark.parametrize("address", ["sqlite"], indirect=True)
async def test_a_worker_that_is_killed_while_it_tells(
    address: str, store: Store, tmp_path: Path, processes: Processes
) -> None:
    async with serving.serving() as watched, hook() as web_hook:
        project = support.written(tmp_path, watched, {"query": "SELECT x FROM Users", "into": "X"})
        await stored(address, project)
        url = f"json://{web_hook.url}/{SECRET}"
        alerts = [{"when": "failure", "channels": ["ops"]}]
        async with (
            open_plane(address, environment={}) as plane,
            plane.changing(sitting_here()) as work,
        ):
            await create_channel(work, "ops", ChannelSpec(url=url))
            await change_job(work, "job", {"alerts": alerts})
        never = asyncio.Event()

        async def hang(_: web.Request) -> web.StreamResponse:
            await never.wait()
            return web.Response()

        web_hook.answer = hang
        environment = {"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "true"}
        start = ("worker", "--store", address)
        worker = await processes.start(*start, cwd=tmp_path, env=environment)
        await said(worker, "runs the jobs of the store")
        await processes.run("jobs", "run", "job", "--store", address, cwd=tmp_path)
        await until(lambda: web_hook.got)
        worker.signal(signal.SIGKILL)
        await worker.finished()
        web_hook.answer = None
        # The dead worker has the notice to itself for a while; that while is over now.
        async with store.writing() as connection:
            await connection.execute(update(notices).values(next_at=BEGIN))
        again = await processes.start(*start, cwd=tmp_path, env=environment)

        async def sent() -> bool:
            return [state for *_, state in await kinds(store)] == ["sent"]

        await until_async(sent)
        await again.kill()
    first, second = web_hook.got
    assert first == second
    assert first["title"] == "job has failed"
    assert "X: " in first["message"]
    marks = {headers["X-Syncline-Notice"] for headers in web_hook.headers}
    assert len(marks) == 1
    assert SECRET not in worker.said() + again.said()
