"""Logs as JSON: one object a line, with the ids of runs, tasks and requests."""

import asyncio
import json
import re
import signal
from pathlib import Path

import httpx

from acceptance import serving, support
from acceptance.processes import Processes
from syncline.api.request_log import shown_path


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_a_project_that_runs_logs_its_progress(processes: Processes, tmp_path: Path) -> None:
    async with serving.serving() as watched:
        bad = {"query": "SELECT x FROM Users", "into": "Bad"}
        project = support.written(tmp_path, watched, {"table": "Users"}, bad)
        done = await processes.run(
            "run", project.file, "--log-format", "json", "--format", "json", cwd=tmp_path,
            env={"SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "1"},
        )  # fmt: skip
    said = lines(done.err)
    by_kind = {line.get("kind"): line for line in said}
    assert by_kind["committed"]["target"] == "Users"
    assert re.fullmatch(r"[0-9a-f]{12}", str(by_kind["committed"]["run"]))
    assert by_kind["planned"]["level"] == "info"
    (failed,) = [line for line in said if line["level"] == "error"]
    assert (failed["target"], failed["code"]) == ("Bad", "config.query")
    assert failed["hint"]
    assert [line["state"] for line in lines(done.out)] == ["ok", "failed"]


async def test_a_request_has_an_id(processes: Processes, tmp_path: Path) -> None:
    process = await processes.start(
        "serve", "--port", "0", "--log-format", "json", cwd=tmp_path, env={"PYTHONUNBUFFERED": "1"}
    )
    while (found := re.search(r"(http://[^\s;]+);", process.said())) is None:
        assert process.running, process.said()
        await asyncio.sleep(0.05)
    async with httpx.AsyncClient(base_url=found[1]) as client:
        ours = await client.get("/api/v1/jobs")
        theirs = await client.get("/api/v1/jobs?search=x", headers={"X-Request-ID": "from-proxy-1"})
        odd = await client.get("/api/v1/jobs", headers={"X-Request-ID": "a b{}"})
        await client.get("/healthz")
    process.signal(signal.SIGTERM)
    ended = await process.finished()
    said = [line for line in lines(ended.err) if line["logger"] == "syncline.api.request_log"]
    assert theirs.headers["X-Request-ID"] == "from-proxy-1"
    assert odd.headers["X-Request-ID"] != "a b{}"
    assert [line["request"] for line in said] == [
        answer.headers["X-Request-ID"] for answer in (ours, theirs, odd)
    ]
    assert {line["event"] for line in said} == {"GET /api/v1/jobs"}
    assert {line["status"] for line in said} == {401}


def test_addresses_are_logged_without_secrets() -> None:
    run = "0123456789abcdef0123456789abcdef"
    assert shown_path(f"/runs/{run}") == f"/runs/{run}"
    assert shown_path(f"/welcome/{run}-{run}") == "/welcome/…"
    assert shown_path("/jobs/clio-to-warehouse") == "/jobs/clio-to-warehouse"
