"""What a run costs in requests: pages of what changed, and one at most besides."""

import asyncio
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from acceptance.processes import Processes
from acceptance.serving import Watched, options, serving
from acceptance.support import Project, contents, results, run, small_clio, written
from syncline.errors import StaleGeneration
from syncline.model.run import Committed, Event
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN

_SIZE = 40


def _project(folder: Path, watched: Watched, *tables: str, **more: Any) -> Project:
    tasks = [{"table": name} for name in tables]
    return written(folder, watched, *tasks, profile=small_clio(folder, _SIZE), **more)


def _pages(rows: int) -> int:
    return max(ceil(rows / _SIZE), 1)


async def test_a_first_load_reads_every_page_once(tmp_path: Path) -> None:
    """Parent, children and an aggregate share pages; two fan-outs share the parent's keys."""
    async with serving(options(400)) as watched:
        sandbox = watched.sandbox
        sandbox.mutate("contacts", insert=50)
        sandbox.advance(3600)
        count = "SELECT is_client, count(*) AS n FROM Contacts GROUP BY is_client"
        tasks = [
            {"table": "ContactEmailAddresses"},
            {"table": "PhoneNumbers"},
            {"query": count, "into": "clients", "write": "replace"},
            {"table": "Contacts"},
            {"table": "EmailAddresses"},
        ]
        project = written(tmp_path, watched, *tasks, profile=small_clio(tmp_path, _SIZE))
        done = results(await run(project))
        contacts = len(sandbox.truth("contacts", fields="id"))
        assert len(watched.of("contacts")) == _pages(contacts) == 3
        assert len(watched.of("email_addresses")) == contacts
        assert len(watched.of("phone_numbers")) == contacts
        assert len(watched.asked) == 3 + 2 * contacts
        assert sum(r.requests for r in done.values()) == len(watched.asked)
        # The keys of a run are read anew in the next one.
        sandbox.advance(3600)
        watched.begin()
        results(await run(project))
        assert len(watched.asked) == 3 + 1 + 2 * contacts


@pytest.mark.parametrize("changed", [0, 1, 4, 40, 41, 90])
async def test_an_incremental_run_reads_what_changed(tmp_path: Path, changed: int) -> None:
    async with serving(options(400)) as watched:
        sandbox = watched.sandbox
        project = _project(tmp_path, watched, "Activities")
        sandbox.advance(3600)
        first = results(await run(project))["Activities"]
        assert first.requests == len(watched.asked) == _pages(400)
        sandbox.advance(3600)
        sandbox.mutate("activities", update=changed)
        sandbox.advance(3600)
        watched.begin()
        second = results(await run(project))["Activities"]
        assert (second.read, second.updated) == (changed, changed)
        assert second.requests == len(watched.asked) <= _pages(changed) + (changed % _SIZE == 0)


async def test_a_run_without_changes_costs_one_request_a_list(tmp_path: Path) -> None:
    async with serving(options(400)) as watched:
        tables = ("Activities", "Contacts", "Matters", "Bills", "Documents", "Users", "LineItems")
        project = _project(tmp_path, watched, *tables)
        watched.sandbox.advance(3600)
        results(await run(project))
        watched.sandbox.advance(3600)
        watched.begin()
        done = results(await run(project))
        assert [r.requests for r in done.values()] == [1] * len(tables)
        assert len(watched.asked) == len(tables)
        assert {url.query["updated_since"] for url in watched.asked}


async def test_a_row_that_leaves_the_filter_leaves_the_target(tmp_path: Path) -> None:
    async with serving(options(400)) as watched:
        sandbox = watched.sandbox
        task = {"table": "Matters", "where": "status = 'Open'"}
        project = written(tmp_path, watched, task)
        sandbox.advance(3600)
        results(await run(project))
        rows = sandbox.truth("matters", fields="id,status")
        before = {row["id"] for row in rows if row["status"] == "Open"}
        others = [row["id"] for row in rows if row["status"] != "Open"]
        assert _ids(project, "Matters") == before
        closed = sorted(before, key=str)[:2]
        sandbox.advance(3600)
        for identity in closed:
            sandbox.change("matters", identity, {"status": "Closed"})
        sandbox.change("matters", others[0], {"status": "Open"})
        sandbox.advance(3600)
        watched.begin()
        done = results(await run(project))["Matters"]
        assert (done.inserted, done.updated, done.deleted) == (1, 0, 2)
        assert len(watched.asked) == 1
        assert _ids(project, "Matters") == (before - set(closed)) | {others[0]}


async def test_rows_of_the_very_second_of_a_read_are_not_missed(tmp_path: Path) -> None:
    """The clock stands still: what changes after a page was read has the same time as it.

    So rows are read again, which must not make them come twice where rows are appended.
    """
    async with serving(options(100)) as watched:
        sandbox = watched.sandbox
        tasks = [{"table": "Activities"}, {"table": "Notes", "write": "append"}]
        project = written(tmp_path, watched, *tasks)
        for _ in range(2):
            results(await run(project))
            sandbox.mutate("activities", insert=3, update=2)
            sandbox.mutate("notes", insert=2)
            results(await run(project))
            fields = "id,note,total"
            activities = sandbox.truth("activities", fields=fields)
            assert _rows(project, "Activities", fields) == sorted(
                tuple(row.values()) for row in activities
            )
            notes = [
                row["id"]
                for kind in ("Matter", "Contact")
                for row in sandbox.truth("notes", fields="id", query=f"type={kind}")
            ]
            assert [i for (i,) in _rows(project, "Notes", "id")] == sorted(notes, key=_number)
            sandbox.advance(1)


async def test_rows_that_show_late_are_not_missed(tmp_path: Path) -> None:
    """A transaction of the API that ended after a read may have begun before it."""
    async with serving(options(100)) as watched:
        sandbox = watched.sandbox
        project = written(tmp_path, watched, {"table": "Activities"})
        sandbox.advance(3600)
        results(await run(project))
        ((identity,), *_) = _rows(project, "Activities", "id")
        earlier = (sandbox.now() - timedelta(seconds=30)).isoformat(timespec="seconds")
        sandbox.change("activities", identity, {"note": "late", "updated_at": earlier})
        results(await run(project))
        assert (identity, "late") in _rows(project, "Activities", "id, note")


async def test_a_filter_that_is_pushed_costs_only_its_pages(tmp_path: Path) -> None:
    """CData's own example: filter-only columns reach the API."""
    async with serving() as watched:
        query = "SELECT EstHours, Job FROM Allocations WHERE UserIsActive = 'true'"
        task = {"query": query, "into": "hours", "write": "replace"}
        credentials = ("OAuthClientId", "OAuthClientSecret", "OAuthAccessToken")
        project = written(
            tmp_path, watched, task,
            profile="ClickTime",
            settings={"APIKey": DEFAULT_CLICKTIME_TOKEN},
            source=dict.fromkeys((*credentials, "OAuthRefreshToken")),
        )  # fmt: skip
        results(await run(project))
        (asked,) = watched.asked
        assert asked.query["UserIsActive"] == "true"
        assert contents(project.database)["hours"]


async def test_of_two_processes_one_is_refused(processes: Processes, tmp_path: Path) -> None:
    async with serving(options(400)) as watched:
        project = _project(tmp_path, watched, "Activities", "Notes")
        waiting, go_on = asyncio.Event(), asyncio.Event()

        async def hold(_: object) -> None:
            waiting.set()
            await go_on.wait()

        watched.actions[3] = hold
        first = await processes.start("run", project.file, cwd=tmp_path)
        await waiting.wait()
        second = await processes.run("run", project.file, cwd=tmp_path)
        go_on.set()
        ended = await first.finished()
        assert ended.code == 0, ended.err
        assert second.code == 3
        assert second.err.count("error [transient.busy]") == 1
        assert "another process holds" in second.err
        assert len(contents(project.database)["Activities"]) == 400


async def test_of_two_runs_in_one_process_one_is_fenced_off(tmp_path: Path) -> None:
    """Both may write to the file: a run that another one has overtaken may not commit."""
    async with serving(options(400)) as watched:
        tasks = [
            {"table": "Activities", "commit_rows": 1},
            {"table": "Notes", "write": "append", "commit_rows": 1},
        ]
        project = written(tmp_path, watched, *tasks, profile=small_clio(tmp_path, _SIZE))
        waiting, go_on = asyncio.Event(), asyncio.Event()

        async def hold(_: object) -> None:
            await go_on.wait()

        def note(_: object, event: Event) -> None:
            if isinstance(event, Committed) and event.generation == 4:
                waiting.set()

        watched.actions[5] = hold
        slow = asyncio.create_task(run(project, observe=note))
        await waiting.wait()
        results(await run(project))
        go_on.set()
        overtaken, _ = await slow
        assert isinstance(overtaken.error, StaleGeneration)
        assert overtaken.error.hint
        expected = contents(project.database)
        for table, name in (("Activities", "activities"), ("Notes", "notes")):
            identities = [row[0] for row in expected[table]]
            assert len(identities) == len(set(identities)) == watched.sandbox.tables()[name]
        results(await run(project))
        assert contents(project.database) == expected


def _ids(project: Project, table: str) -> set[int]:
    return {identity for (identity,) in _rows(project, table, "id")}


def _rows(project: Project, table: str, columns: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.database)) as lake:
        return lake.execute(f'SELECT {columns} FROM clio."{table}" ORDER BY ALL').fetchall()


def _number(identity: Any) -> int:
    return int(identity)
