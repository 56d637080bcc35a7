"""An API that limits, fails, lies or breaks off: a retry, or an error from which one can go on."""

import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from acceptance.processes import Process, Processes
from acceptance.serving import UNLIMITED, Watched, options, serving
from acceptance.support import Project, contents, results, run, small_clio, written
from standins.clocks import SkippingClock
from syncline.extract.credentials import Credentials
from syncline.extract.source import rest_source
from syncline.extract.tokens import MemoryTokens, Tokens
from syncline.model.table import Scan
from syncline.profile.loader import load_profile
from syncline.sandbox.faults import Fault
from syncline.sandbox.world import WORLD

_ACTIVITIES = {"table": "Activities", "commit_rows": 1}
_PAGES = 6


def _project(folder: Path, watched: Watched, *tasks: Any, **more: Any) -> Project:
    return written(folder, watched, *tasks, profile=small_clio(folder, 12), **more)


async def test_a_limit_is_used_up_and_never_overstepped(tmp_path: Path) -> None:
    """50 requests in a window, 125 to make, eight tasks at once: no answer is 429."""
    async with serving(options(300, rate_limit=50, rate_window=2.0, frozen=False)) as watched:
        tables = ("Activities", "LineItems", "CalendarEntries", "Tasks", "Communications")
        tasks = [{"table": name} for name in tables]
        project = written(
            tmp_path, watched, *tasks, profile=small_clio(tmp_path, 5), job={"parallel_tasks": 5}
        )
        began = time.monotonic()
        outcomes = results(await run(project))
        assert sum(o.requests for o in outcomes.values()) == len(watched.asked) > 100
        assert watched.sandbox.counters()["refused"] == 0
        # Three windows, the last of them begun.
        assert time.monotonic() - began >= 4


async def test_others_use_up_the_limit(tmp_path: Path) -> None:
    """Another program with the same token makes us earn one 429, and not a second one."""
    async with serving(options(200, rate_limit=50, rate_window=2.0, frozen=False)) as watched:
        project = written(
            tmp_path, watched, {"table": "Activities"}, profile=small_clio(tmp_path, 4)
        )
        calls = 0

        async def another(request: web.Request) -> None:
            nonlocal calls
            calls += 1
            token = request.headers["Authorization"].removeprefix("Bearer ")
            windows = request.app[WORLD].windows
            for _ in range(30):
                windows.take(token, limit=50, window=2.0, now=request.app[WORLD].clock.elapsed())

        watched.actions[10] = another
        results(await run(project))
        assert calls == 1
        assert watched.sandbox.counters()["refused"] in {0, 1}


@pytest.mark.parametrize("kind", ["status", "drop", "truncate", "garbage", "broken_json", "slow"])
async def test_one_failure_is_nothing(tmp_path: Path, kind: Any) -> None:
    async with serving() as watched:
        clean = _project(_folder(tmp_path, "clean"), watched, _ACTIVITIES)
        results(await run(clean))
        assert len(watched.asked) == _PAGES
        watched.begin()
        project = _project(_folder(tmp_path, "faulty"), watched, _ACTIVITIES)
        watched.sandbox.fault(Fault(fault=kind, request=_PAGES + 3, delay=0.2))
        results(await run(project, clock=SkippingClock()))
        assert len(watched.asked) == _PAGES + (kind != "slow")
        assert contents(project.database) == contents(clean.database)


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("status", "transient.unavailable", "answered 500"),
        ("drop", "transient.unavailable", "/api/v4/activities.json"),
        ("truncate", "transient.unavailable", "/api/v4/activities.json"),
        ("garbage", "data.response", "not JSON"),
        ("broken_json", "data.response", "not JSON"),
        ("wrong_type", "data.record", "column 'id'"),
        ("repeat_page", "data.response", "same page again"),
        ("next_elsewhere", "data.response", "elsewhere.invalid"),
    ],
)
async def test_a_lasting_failure_is_an_error_to_go_on_from(
    tmp_path: Path, kind: Any, code: str, words: str
) -> None:
    """The pages before it are kept, and the next run asks for none of them again."""
    async with serving() as watched:
        clean = _project(_folder(tmp_path, "clean"), watched, _ACTIVITIES)
        results(await run(clean))
        everything = contents(clean.database)
        tokens = [url.query.get("page_token") for url in watched.asked]
        watched.begin()
        project = _project(_folder(tmp_path, "faulty"), watched, _ACTIVITIES)
        watched.sandbox.fault(Fault(fault=kind, request=_PAGES + 3, times=UNLIMITED))
        (outcome,) = await run(project, clock=SkippingClock())
        assert outcome.error is not None
        assert outcome.error.code == code
        assert words in str(outcome.error)
        kept = contents(project.database)["Activities"]
        assert set(kept) <= set(everything["Activities"])
        assert len(kept) == 12 * 2
        watched.sandbox.clear_faults()
        watched.begin()
        results(await run(project))
        assert [url.query.get("page_token") for url in watched.asked] == tokens[2:]
        assert contents(project.database) == everything


async def test_an_answer_that_takes_too_long_is_asked_for_again() -> None:
    async with serving() as watched:
        watched.sandbox.fault(Fault(fault="slow", request=1, delay=5.0))
        pair = watched.sandbox.issue_token()
        source = rest_source(
            profile=load_profile("clio"),
            settings={"BaseURL": watched.url},
            credentials=Credentials(
                scheme="OAuth",
                client_id="sandbox-client",
                client_secret="sandbox-secret",
                tokens=MemoryTokens(Tokens(access_token=pair.access_token, refresh_token="")),
            ),
            clock=SkippingClock(),
            timeout=0.5,
        )
        table = (await source.tables())["Activities"]
        batches = [b async for b in source.read(Scan(table=table, columns=("id",)), None)]
        await source.aclose()
        assert sum(b.records.num_rows for b in batches) == 64
        assert len(watched.asked) == 2


async def test_killed_while_it_appends_without_a_key(processes: Processes, tmp_path: Path) -> None:
    """The rows of a pass come once, however often it was begun."""
    task = {
        "query": "SELECT date, quantity, total FROM Activities",
        "into": "entries",
        "write": "append",
        "commit_rows": 1,
    }
    async with serving() as watched:
        for number in range(1, 6):
            project = _project(_folder(tmp_path, str(number)), watched, task)
            for place in (number, 1, 2):
                watched.begin()
                running: list[Process] = []

                async def kill(_: web.Request, running: list[Process] = running) -> None:
                    await running[0].kill()

                watched.actions[place] = kill
                running.append(await processes.start("run", project.file, cwd=project.folder))
                if (await running[0].finished()).code == 0:
                    # No request was left to die at.
                    break
                assert not contents(project.database).get("entries")
            else:
                watched.begin()
                results(await run(project))
            assert len(contents(project.database)["entries"]) == 64


@pytest.mark.parametrize("rotates", [False, True])
async def test_a_token_that_ends_under_way_is_renewed_once(
    tmp_path: Path, *, rotates: bool
) -> None:
    async with serving(options(refresh_rotates=rotates)) as watched:
        tables = ("Activities", "Contacts", "Notes", "Tasks")
        project = _project(
            tmp_path,
            watched,
            *({"table": name} for name in tables),
            job={"parallel_tasks": 4},
        )

        async def expire(_: web.Request) -> None:
            watched.sandbox.expire_tokens()

        watched.actions[4] = expire
        results(await run(project))
        assert len(watched.grants) == 1
        assert "grant_type=refresh_token" in watched.grants[0]
        statuses = watched.sandbox.counters()["statuses"]
        assert isinstance(statuses, dict)
        # Of each walk that was under way; notes are read in two.
        assert 1 <= statuses["401"] <= len(tables) + 1


async def test_a_revoked_token_is_told(processes: Processes, tmp_path: Path) -> None:
    async with serving() as watched:
        project = _project(tmp_path, watched, _ACTIVITIES)

        async def revoke(request: web.Request) -> None:
            watched.sandbox.revoke(request.headers["Authorization"].removeprefix("Bearer "))

        watched.actions[3] = revoke
        ended = await processes.run("run", project.file, cwd=tmp_path)
        assert ended.code == 2
        assert ended.err.count("error [") == 1
        assert "error [config.credential] Activities:" in ended.err
        assert "  → " in ended.err
        assert len(contents(project.database)["Activities"]) == 24


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
