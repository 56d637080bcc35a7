"""How quickly pages and lists answer with thousands of jobs, and what a live page costs."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select, update

from bench.report import Target, machine, target_rows
from control.planes import ADMIN
from syncline.control.plane import Work, open_plane
from syncline.control.project import ConnectionSpec
from syncline.control.runs import State, add_event
from syncline.control.store.connections import connections
from syncline.control.store.database import open_store
from syncline.control.store.jobs import jobs
from syncline.control.store.runs import runs, task_runs
from syncline.control.store.schedules import schedules
from syncline.control.store.tasks import tasks
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job, job_of
from web.browser import PASSWORD, Site, enter, opened_browser, served, window

JOBS, CONNECTIONS, TABLES = 2000, 500, 500
#: Runs that each job has behind it, and tasks of the one that is looked at while it goes on.
RUNS, TASKS = 5, 20
ASKED, OPENED, LOOKED_AT = 200, 9, 40.0
LIST_MS, PAGE_S, LIVE = 100.0, 1.0, 5.0
HERE = Path(__file__).parent
LIVE_RUN = "f" * 32


async def filled(store: str) -> None:
    """Make a store that has been in use for a while."""
    async with open_plane(store) as plane, plane.changing(ADMIN) as work:
        lake = ConnectionSpec(type="duckdb", properties={"Database": "lake.duckdb"})
        time_: dict[str, Any] = {"Profile": "clicktime", "ProfileSettings": {"APIKey": "k"}}
        await create_connection(work, "clicktime", ConnectionSpec(type="api", properties=time_))
        await create_connection(work, "lake", lake)
        common = {"source": "clicktime", "destination": "lake"}
        one = {**common, "schedule": {"every_minutes": 30}, "paused": True,
               "tasks": [{"table": "Users"}, {"table": "Jobs"}]}  # fmt: skip
        await create_job(work, "one", job_of(one))
        many = [{"query": "SELECT ID, Name FROM Users", "into": f"T{n:03}"} for n in range(TABLES)]
        await create_job(work, "wide", job_of({**common, "tasks": many}))
        await _copied(work, connections, CONNECTIONS, {"name": "clicktime"})
        await _copied(work, jobs, JOBS, {"name": "one"})
        await _behind(work)


async def _copied(work: Work, table: Any, count: int, like: dict[str, str]) -> None:
    """Copy a row, and what belongs to a job, many times at once."""
    query = select(table).where(table.c.folded == like["name"])
    row = dict((await work.connection.execute(query)).mappings().one())
    names = [f"{row['name']}-{n:04}" for n in range(count)]
    made = [{**row, "id": f"{name:0>32}", "name": name, "folded": name} for name in names]
    await work.connection.execute(insert(table), made)
    if table is not jobs:
        return
    for part, key in ((tasks, "job_id"), (schedules, "job_id")):
        found = await work.connection.execute(select(part).where(part.c[key] == row["id"]))
        rows = found.mappings().all()
        copies = [
            {**dict(r), key: job["id"]}
            | ({"id": f"{n}-{job['name']}"[:32], "key": f"{job['name']}/{n}",
                "folded": f"{job['name']}/{n}"} if part is tasks else {})
            for job in made
            for n, r in enumerate(rows)
        ]  # fmt: skip
        await work.connection.execute(insert(part), copies)


async def _behind(work: Work) -> None:
    """Give every job some runs, and one that goes on."""
    known = (await work.connection.execute(select(jobs.c.id, jobs.c.name))).all()
    common = {"reason": "schedule", "requested_by": "", "options": {}, "followed": True}
    rows, parts = [], []
    for n, (job, name) in enumerate(known):
        for age in range(RUNS):
            at = work.now - timedelta(minutes=30 * age, seconds=n % 1800)
            run = f"{n:08x}{age:024x}"
            failed = (n + age) % 17 == 0
            end = {"started_at": at, "finished_at": at + timedelta(seconds=40)}
            state = State.FAILED if failed else State.SUCCEEDED
            rows.append({"id": run, "job_id": job, "job": name, "state": state, "created_at": at,
                         "dispatched_at": at, **end, **common})  # fmt: skip
            parts += [
                {"run_id": run, "number": k, "task": f"{name}/{k}", "target": f"T{k}",
                 "state": state, "read": 900, "inserted": 20, "requests": 9, **end}
                for k in range(2)
            ]  # fmt: skip
    wide = next(job for job, name in known if name == "wide")
    now = work.now
    rows.append({"id": LIVE_RUN, "job_id": wide, "job": "wide", "state": State.RUNNING,
                 "created_at": now, "dispatched_at": now, "started_at": now, "finished_at": None,
                 **common})  # fmt: skip
    parts += [
        {"run_id": LIVE_RUN, "number": k, "task": f"wide/T{k:03}", "target": f"T{k:03}",
         "state": State.RUNNING, "read": 0, "inserted": 0, "requests": 0, "started_at": now,
         "finished_at": None}
        for k in range(TASKS)
    ]  # fmt: skip
    await work.connection.execute(insert(runs), rows)
    await work.connection.execute(insert(task_runs), parts)


async def going_on(store: str) -> None:
    """Write progress of the live run as a node would, until killed."""
    opened = open_store(store)
    mine, read = task_runs.c.run_id == LIVE_RUN, 0
    async with opened.writing() as connection:
        # Nobody may miss it in the engine while it is looked at.
        await connection.execute(
            update(runs).where(runs.c.id == LIVE_RUN).values(dispatched_at=datetime.now(UTC))
        )
    while True:
        read += 777
        async with opened.writing() as connection:
            values = {"read": read, "inserted": read // 3, "requests": read // 200}
            await connection.execute(update(task_runs).where(mine).values(values))
            for number in range(2):
                await add_event(
                    connection, LIVE_RUN, datetime.now(UTC), "committed",
                    f"committed {read:,} rows: {read // 3:,} inserted", number=number,
                )  # fmt: skip
        await asyncio.sleep(1)


async def asked(url: str) -> dict[str, list[float]]:
    """Return milliseconds of requests for lists, by what was asked."""
    paths = {
        "the first jobs by name": "/jobs",
        "jobs by their last run": "/jobs?order=-last_run_at&limit=100",
        "jobs found by a word": "/jobs?search=one-12",
        "the last of 2,000 jobs": "/jobs?offset=1950",
        "connections": "/connections",
        "runs": "/runs",
    }
    found: dict[str, list[float]] = {}
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        given = {"user": "admin", "password": PASSWORD}
        (await client.post("/api/v1/session", json=given)).raise_for_status()
        for what, path in paths.items():
            found[what] = []
            for _ in range(ASKED):
                begun = time.perf_counter()
                (await client.get(f"/api/v1{path}")).raise_for_status()
                found[what].append(1000 * (time.perf_counter() - begun))
    return found


#: What is there when a page is ready.
PAGES: dict[str, tuple[str, Callable[[Page], Any]]] = {
    "dashboard": ("/", lambda p: p.get_by_text("Latest runs")),
    "jobs": ("/jobs", lambda p: p.get_by_role("link", name="one-0001")),
    "connections": ("/connections", lambda p: p.get_by_role("link", name="clicktime-0001")),
    "runs": ("/runs", lambda p: p.locator(".q-table tbody tr").nth(20)),
    "job": ("/jobs/one-0007", lambda p: p.get_by_role("link", name="Users", exact=True)),
    f"job of {TABLES} tasks": ("/jobs/wide", lambda p: p.get_by_role("link", name="T003")),
}


def opened(browser: Browser, site: Site, state: str) -> dict[str, list[float]]:
    """Return seconds until pages are ready, by page, with what a browser keeps of earlier ones."""
    found: dict[str, list[float]] = {name: [] for name in PAGES}
    with window(browser, site, state=state) as context:
        page = context.new_page()
        for turn in range(OPENED + 1):
            for name, (path, ready) in PAGES.items():
                begun = time.perf_counter()
                page.goto(path, wait_until="commit")
                ready(page).wait_for()
                if turn:
                    found[name].append(time.perf_counter() - begun)
    return found


def live(browser: Browser, site: Site, state: str) -> tuple[float, float]:
    """Return how much of a core the server takes, in percent: alone, and with a live page."""
    process = _server(site.store)
    command = [sys.executable, "-m", "bench.web", "--going-on", site.store]
    with subprocess.Popen(command) as writing:
        try:
            time.sleep(3)
            alone = _cpu(process)
            with window(browser, site, state=state) as context:
                page = context.new_page()
                page.goto(f"/runs/{LIVE_RUN}")
                expect(page.get_by_role("heading", name="Run of wide")).to_be_visible()
                expect(page.get_by_text("committed").first).to_be_visible()
                time.sleep(2)
                watched = _cpu(process)
        finally:
            writing.kill()
    return alone, watched


def _server(store: str) -> psutil.Process:
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if store in words and "serve" in words:
            return process
    raise LookupError(store)


def _cpu(process: psutil.Process) -> float:
    before, begun = process.cpu_times(), time.monotonic()
    time.sleep(LOOKED_AT)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return float(100 * spent / (time.monotonic() - begun))


def _worst(values: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20)[-1]


def report(
    lists: dict[str, list[float]],
    pages: dict[str, list[float]],
    cpu: tuple[float, float],
    load: float,
) -> tuple[str, bool]:
    """Return the figures as Markdown, and whether every target was reached."""
    targets = [
        Target(what="lists of the REST API, the slowest: p95",
               found=max(map(_worst, lists.values())), bound=LIST_MS, unit="ms"),
        Target(what="pages, the slowest: median until ready",
               found=max(map(median, pages.values())), bound=PAGE_S, unit="s"),
        Target(what="a live run's page: processor of the server, beyond what it takes anyway",
               found=cpu[1] - cpu[0], bound=LIVE, unit="%"),
    ]  # fmt: skip
    what = (
        f"Written by `make bench-web` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: `serve` on "
        f"SQLite, {JOBS:,} jobs with {RUNS} runs each, {CONNECTIONS} connections, a job of "
        f"{TABLES} tasks; Debian's Chromium on the same machine."
    )
    costs = (
        f"The server takes {cpu[0]:.1f} % of a core with nobody there, {cpu[1]:.1f} % while a page "
        f"shows a run of {TASKS} tasks that move every second."
    )
    lines = [
        "# Results of the web benchmark", "", what, "",
        f"- machine: {machine()}; load when it began: {load:.1f}", "",
        "| list, REST API | median ms | p95 ms |", "|---|---|---|",
        *(f"| {n} | {median(v):.1f} | {_worst(v):.1f} |" for n, v in lists.items()), "",
        "| page, until its first rows are there | median s | p95 s |", "|---|---|---|",
        *(f"| {n} | {median(v):.2f} | {_worst(v):.2f} |" for n, v in pages.items()), "",
        costs, "", "## Targets", "", *target_rows(targets), "",
    ]  # fmt: skip
    return "\n".join(lines), all(target.reached for target in targets)


def _apart(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run a coroutine in a thread of its own: the browser's driver has a loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--going-on", help="write progress of the live run into this store")
    given = parser.parse_args()
    if given.going_on:
        asyncio.run(going_on(given.going_on))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name, opened_browser() as browser:
        folder = Path(name)
        _apart(lambda: filled(f"sqlite:///{folder / 'store.db'}"))
        with served(folder) as site:
            state = str(folder / "admin.json")
            with window(browser, site) as context:
                enter(context.new_page(), site)
                context.storage_state(path=state)
            lists = _apart(lambda: asked(site.url))
            pages = opened(browser, site, state)
            cpu = live(browser, site, state)
    text, reached = report(lists, pages, cpu, load)
    (HERE / "RESULTS-web.md").write_text(text, "utf-8")
    print(text)
    sys.exit(not reached)


if __name__ == "__main__":
    main()
