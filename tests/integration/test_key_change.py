"""Secrets get a newer key while runs go on and OAuth tokens are renewed: nobody has to sign in."""

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import httpx
import pytest

from acceptance.processes import Process, Processes
from integration.test_near_real_time import PASSWORD, connected
from integration.test_serve_api import said
from syncline.control.vault import vault_of
from syncline.sandbox.options import Options
from syncline.sandbox.server import running

_OLD: Final = "the key of the first year that is long enough"
_NEW: Final = "the key of the second year that is as long"
#: Tokens live for seconds, each refresh ends the token before, and requests are let through slowly.
_SLOW: Final = Options(
    rows=6000, start=None, rate_limit=4, rate_window=2.0, expires_in=3, refresh_rotates=True
)
_CHANNEL: Final = {"name": "ops", "url": "json://ops:word@127.0.0.1:9/hook"}
_UNDER_WAY: Final = frozenset({"queued", "running"})
_ONCE: Final = {"Idempotency-Key": "once"}


@asynccontextmanager
async def _served(processes: Processes, folder: Path, *keys: str) -> AsyncIterator[Process]:
    env = {"SYNCLINE_SECRET_KEY": ",".join(keys)}
    process = await processes.start("serve", "--port", "0", cwd=folder, env=env)
    yield process
    process.signal(signal.SIGTERM)
    assert (await process.finished()).code in {0, 130}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Client:
    """Who uses the REST API, of one server after the other."""

    http: httpx.AsyncClient

    async def enter(self, process: Process, link: str = "") -> None:
        address = await said(process, r"(http://[^\s;]+);")
        self.http.base_url = httpx.URL(f"{address}/api/v1")
        if link:
            entered = {"link": link, "password": PASSWORD}
            answer = await self.http.post("/session/link", json=entered)
        else:
            entered = {"user": "admin", "password": PASSWORD}
            answer = await self.http.post("/session", json=entered)
        assert answer.status_code == 200, answer.text
        self.http.headers["X-CSRF-Token"] = answer.json()["csrf"]

    async def done(
        self,
        method: str,
        path: str,
        given: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        answer = await self.http.request(method, path, json=given, headers=headers)
        assert answer.status_code in {200, 201, 202}, answer.text
        return answer.json()

    async def fill(self, address: str, lake: Path) -> None:
        """Make a job, and everything that is sealed: an answer kept, a sign-in begun, too."""
        await connected(self.done, address, lake)
        job = {"source": "clio", "destination": "lake", "tasks": [{"table": "Activities"}]}
        await self.done("POST", "/jobs", {"name": "law", **job})
        await self.done("POST", "/channels", _CHANNEL, _ONCE)
        await self.done("POST", "/connections/clio/authorize", {})


@pytest.mark.timeout(180)
async def test_a_run_goes_on_while_secrets_are_sealed_anew(
    processes: Processes, tmp_path: Path
) -> None:
    lake = tmp_path / "lake.duckdb"
    async with running(_SLOW) as sandbox, httpx.AsyncClient(timeout=60) as http:
        client = _Client(http=http)
        async with _served(processes, tmp_path, _OLD) as process:
            await client.enter(process, await said(process, r"/welcome/(\S+)"))
            await client.fill(sandbox.url, lake)
            run = await client.done("POST", "/jobs/law/runs", {})
            found = run
            while not any(task["read"] for task in found["tasks"]):
                await asyncio.sleep(0.1)
                found = await client.done("GET", f"/runs/{run['id']}")
            assert found["state"] == "running"
        async with _served(processes, tmp_path, _NEW, _OLD) as process:
            await client.enter(process)
            both = {"SYNCLINE_SECRET_KEY": f"{_NEW},{_OLD}"}
            sealed = await processes.run("reseal", cwd=tmp_path, env=both)
            assert sealed.code == 0, sealed.err
            found = await client.done("GET", f"/runs/{run['id']}")
            assert found["state"] in _UNDER_WAY, "the run is to go on after the change"
            while found["state"] in _UNDER_WAY:
                await asyncio.sleep(0.2)
                found = await client.done("GET", f"/runs/{run['id']}")
            assert found["state"] == "succeeded", found
        sandbox.change("activities", sandbox.truth("activities")[0]["id"], {"note": "Changed"})
        async with _served(processes, tmp_path, _NEW) as process:
            await client.enter(process)
            again = await client.done("POST", "/jobs/law/runs", {"wait": 60})
            assert again["state"] == "succeeded", again
            repeated = await client.done("POST", "/channels", _CHANNEL, _ONCE)
            assert repeated["name"] == "ops"
        wanted = len(sandbox.truth("activities"))
    assert _sealed_with(tmp_path, _NEW)
    assert not _sealed_with(tmp_path, _OLD)
    without = {"SYNCLINE_SECRET_KEY": _OLD}
    refused = await processes.run("serve", "--port", "0", cwd=tmp_path, env=without)
    assert refused.code == 2
    assert "add that key to SYNCLINE_SECRET_KEY" in refused.err
    with duckdb.connect(str(lake)) as database:
        query = "SELECT count(*), count(DISTINCT id), count_if(note = 'Changed') FROM Activities"
        assert database.execute(query).fetchone() == (wanted, wanted, 1)


def _sealed_with(folder: Path, key: str) -> list[str]:
    """Return the statements of a store's dump that hold something sealed with a key."""
    (store,) = folder.rglob("*.db")
    with closing(sqlite3.connect(store)) as database:
        return [line for line in database.iterdump() if f":{vault_of([key]).keys[0].name}:" in line]
