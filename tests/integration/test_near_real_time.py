"""A row that changes at the source is in the target soon after, without a schedule."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import httpx

from acceptance.processes import Processes
from control.test_authorizing import agreed
from integration.test_serve_api import said
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import running

PASSWORD = "correct horse battery"

Done = Callable[[str, str, Mapping[str, Any]], Awaitable[Any]]


async def connected(done: Done, address: str, lake: Path) -> None:
    """Make the connections `clio`, signed in, and `lake` over the REST API."""
    properties = {
        "Profile": "clio",
        "ProfileSettings": {"BaseURL": address},
        "OAuthClientId": DEFAULT_CLIENT,
        "OAuthClientSecret": DEFAULT_SECRET,
    }
    for name, type_, given in (
        ("clio", "api", properties), ("lake", "duckdb", {"Database": str(lake)}),
    ):  # fmt: skip
        await done("POST", "/connections", {"name": name, "type": type_, "properties": given})
    begun = await done("POST", "/connections/clio/authorize", {})
    answer = await agreed(begun["url"])
    await done("POST", "/connections/authorized", {"answer": answer})


async def test_a_changed_row_arrives_by_itself(processes: Processes, tmp_path: Path) -> None:
    process = await processes.start("serve", "--port", "0", cwd=tmp_path)
    address = await said(process, r"(http://[^\s;]+);")
    link = await said(process, r"/welcome/(\S+)")
    lake = tmp_path / "lake.duckdb"
    async with (
        running(Options(rows=20, rate_limit=0, start=None)) as sandbox,
        httpx.AsyncClient(base_url=f"{address}/api/v1", timeout=60) as client,
    ):
        entered = await client.post("/session/link", json={"link": link, "password": PASSWORD})
        client.headers["X-CSRF-Token"] = entered.json()["csrf"]

        async def done(method: str, path: str, given: Mapping[str, Any]) -> Any:
            answer = await client.request(method, path, json=given)
            assert answer.status_code in {200, 201}, answer.text
            return answer.json()

        await connected(done, sandbox.url, lake)
        job = {"source": "clio", "destination": "lake", "tasks": [{"table": "Matters"}]}
        await done("POST", "/jobs", {"name": "law", **job})
        first = await done("POST", "/jobs/law/runs", {"wait": 60})
        assert first["state"] == "succeeded"
        opened = await done("PUT", "/connections/clio/webhooks", {})
        assert opened["hooks"][0]["url"].startswith(f"{address}/hooks/")
        states: set[str] = set()
        while states != {"active"}:
            await asyncio.sleep(0.1)
            found = (await client.get("/connections/clio/webhooks")).json()
            states = {hook["state"] for hook in found["hooks"]}
        sandbox.change("matters", sandbox.truth("matters")[0]["id"], {"description": "Changed"})
        runs: list[dict[str, Any]] = []
        while len(runs) < 2 or runs[0]["state"] in {"queued", "running"}:
            await asyncio.sleep(0.1)
            assert process.running, process.said()
            runs = (await client.get("/runs")).json()
        assert (runs[0]["reason"], runs[0]["state"]) == ("webhook", "succeeded")
        detail = (await client.get(f"/runs/{runs[0]['id']}")).json()
        assert [task["target"] for task in detail["tasks"]] == ["Matters"]
        deleted = await client.request("DELETE", "/connections/clio/webhooks")
        assert deleted.status_code == 204
    process.signal(signal.SIGTERM)
    assert (await process.finished()).code in {0, 130}
    with duckdb.connect(str(lake)) as database:
        query = "SELECT count(*) FROM Matters WHERE description = 'Changed'"
        assert database.execute(query).fetchone() == (1,)
