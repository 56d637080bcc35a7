"""`syncline serve` answers the API and the health checks beside the pages."""

import asyncio
import re
import signal
from pathlib import Path

import httpx

from acceptance.processes import Process, Processes


async def said(process: Process, pattern: str) -> str:
    while (match := re.search(pattern, process.said())) is None:
        assert process.running, process.said()
        await asyncio.sleep(0.05)
    return match[1]


async def test_the_api_beside_the_pages(processes: Processes, tmp_path: Path) -> None:
    process = await processes.start("serve", "--port", "0", cwd=tmp_path)
    address = await said(process, r"(http://[^\s;]+);")
    link = await said(process, r"/welcome/(\S+)")
    async with httpx.AsyncClient(base_url=address) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        refused = await client.get("/api/v1/jobs")
        assert (refused.status_code, refused.json()["code"]) == (401, "request.sign_in")
        assert refused.headers["x-content-type-options"] == "nosniff"
        document = (await client.get("/api/v1/openapi.json")).json()
        assert "/jobs/{name}/runs" in document["paths"]
        given = {"link": link, "password": "correct horse battery"}
        entered = await client.post("/api/v1/session/link", json=given)
        assert entered.json()["user"] == "admin"
        # The same cookie opens the pages.
        assert (await client.get("/jobs")).status_code == 200
    process.signal(signal.SIGTERM)
    assert (await process.finished()).code in {0, 130}
