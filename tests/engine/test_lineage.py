"""OpenLineage: what is told of a task run, in order, without a run ever waiting for it."""

import asyncio
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from acceptance.processes import Processes
from acceptance.serving import serving
from acceptance.support import written
from standins.clocks import EPOCH, SkippingClock
from syncline.control.engine.lineage import (
    Lineage,
    LineageSettings,
    TaskPlace,
    event_of,
    sender,
)
from syncline.errors import SynclineError, Unavailable

NOW = datetime.fromtimestamp(EPOCH, UTC)
RUN = uuid.UUID(int=7).hex
PLACE = TaskPlace(
    run=RUN, number=2, job="nightly", source="clio", tables=("Matters",), destination="lake",
    target="Matters",
)  # fmt: skip
TOLD = LineageSettings(url="http://127.0.0.1:9", key="canary")


def test_an_event_has_the_datasets_and_the_rows() -> None:
    begun = event_of("START", PLACE, NOW, namespace="firm")
    over = event_of("COMPLETE", PLACE, NOW, namespace="firm", read=900, changed=20)
    failed = event_of("FAIL", PLACE, NOW, namespace="firm", error="no connection")
    assert begun["run"]["runId"] == over["run"]["runId"] == failed["run"]["runId"]
    assert uuid.UUID(begun["run"]["runId"])
    assert begun["run"]["facets"]["parent"]["run"]["runId"] == str(uuid.UUID(RUN))
    assert begun["job"] == {"namespace": "firm", "name": "nightly.Matters"}
    assert begun["inputs"] == [{"namespace": "syncline://clio", "name": "Matters"}]
    (read,), (wrote,) = over["inputs"], over["outputs"]
    assert read["inputFacets"]["inputStatistics"]["rowCount"] == 900
    assert wrote["outputFacets"]["outputStatistics"]["rowCount"] == 20
    assert wrote["namespace"] == "syncline://lake"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "no connection"
    assert over["eventTime"] == NOW.isoformat()


class Server:
    """Takes events, after refusing some."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.kinds: list[str] = []
        self.tries = 0

    async def take(self, event: bytes) -> None:
        self.tries += 1
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("no connection")
        self.kinds.append(json.loads(event)["eventType"])


async def test_events_are_tried_again_and_then_given_up(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(refusals=2)
    lineage = Lineage(TOLD, SkippingClock(), server.take)
    lineage.tell("START", PLACE, NOW)
    lineage.tell("COMPLETE", PLACE, NOW)
    await lineage.flush()
    assert server.kinds == ["START", "COMPLETE"]
    server.refusals = 6
    lineage.tell("START", PLACE, NOW)
    lineage.tell("FAIL", PLACE, NOW)
    await lineage.flush()
    assert server.kinds == ["START", "COMPLETE"]
    assert [r.message for r in caplog.records] == ["lineage cannot be sent: no connection"]


async def test_a_server_that_hangs_holds_up_nobody() -> None:
    never = asyncio.Event()

    async def hang(_: bytes) -> None:
        await never.wait()

    lineage = Lineage(TOLD, SkippingClock(), hang)
    sending = asyncio.create_task(lineage.keep_sending())
    for _ in range(3000):
        lineage.tell("START", PLACE, NOW)
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert len(lineage._waiting) <= 1000


async def collected(status: int = 200) -> tuple[web.AppRunner, str, list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        found.append(
            {"path": request.path, "key": request.headers.get("Authorization")}
            | await request.json()
        )
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/{anything:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}", found


async def test_where_events_are_sent() -> None:
    runner, url, found = await collected()
    event = json.dumps({"eventType": "START"}).encode()
    try:
        for address in (url, f"{url}/", f"{url}/own/place?x=1"):
            await sender(LineageSettings(url=address, key="canary"))(event)
    finally:
        await runner.cleanup()
    assert [e["path"] for e in found] == ["/api/v1/lineage"] * 2 + ["/own/place"]
    assert {e["key"] for e in found} == {"Bearer canary"}
    refusing, url, _ = await collected(status=401)
    try:
        with pytest.raises(SynclineError) as refused:
            await sender(LineageSettings(url=url, key="canary"))(event)
    finally:
        await refusing.cleanup()
    assert "canary" not in str(refused.value)
    assert "canary" not in repr(LineageSettings(url=url, key="canary"))


async def test_a_worker_tells_of_its_runs(processes: Processes, tmp_path: Path) -> None:
    runner, url, found = await collected()
    store = f"sqlite:///{tmp_path / 'store.db'}"
    variables = {
        "SYNCLINE_STORE": store, "OPENLINEAGE_URL": url, "OPENLINEAGE_API_KEY": "k",
        "SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "true",
    }  # fmt: skip
    try:
        async with serving() as watched:
            bad = {"query": "SELECT x FROM Users", "into": "Bad"}
            project = written(tmp_path, watched, {"table": "Users"}, bad)
            applied = await processes.run("apply", project.file, cwd=tmp_path, env=variables)
            assert applied.code == 0, applied.err
            worker = await processes.start("worker", cwd=tmp_path, env=variables)
            try:
                done = await processes.run(
                    "jobs", "run", "job", "--wait", cwd=tmp_path, env=variables
                )
                assert "Users" in done.out, (done, worker.said())
                async with asyncio.timeout(60):
                    while sum(e["eventType"] in {"COMPLETE", "FAIL"} for e in found) < 2:  # noqa: ASYNC110 (it happens in another process)
                        await asyncio.sleep(0.05)
            finally:
                await worker.kill()
    finally:
        await runner.cleanup()
    of_job: dict[str, list[str]] = {}
    for event in found:
        of_job.setdefault(event["job"]["name"], []).append(event["eventType"])
    assert of_job == {"job.Users": ["START", "COMPLETE"], "job.Bad": ["START", "FAIL"]}
    complete = next(e for e in found if e["eventType"] == "COMPLETE")
    assert complete["inputs"][0]["name"] == "Users"
    assert complete["inputs"][0]["namespace"] == "syncline://api"
    rows = complete["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"]
    assert rows == complete["inputs"][0]["inputFacets"]["inputStatistics"]["rowCount"] > 0
