"""Tests of connections tell what is right, step by step; one node at a time renews tokens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from control.planes import CLIO, EDITOR, SECRET, VIEWER, plane_of
from standins.clocks import VirtualClock
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec
from syncline.control.store.database import Store
from syncline.control.stored_tokens import LEASE, StoredTokens
from syncline.control.usecases.connections import create_connection, get_connection
from syncline.control.usecases.looking import (
    check_connection,
    check_properties,
    offered_columns,
    offered_tables,
)
from syncline.errors import Forbidden, Missing
from syncline.extract.tokens import Tokens
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN, Options
from syncline.sandbox.server import running


@pytest.fixture
async def plane(store: Store) -> Plane:
    made = plane_of(store)
    async with made.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
    return made


@pytest.fixture
async def clicktime() -> AsyncIterator[str]:
    async with running(Options(rows=20, rate_limit=0)) as sandbox:
        yield sandbox.url


async def test_tables_and_columns_are_told_without_signing_in(plane: Plane) -> None:
    async with plane.looking(VIEWER) as work:
        tables = {t.name: t for t in await offered_tables(work, "clio")}
        columns = {c.name: c for c in await offered_columns(work, "clio", "matters")}
        with pytest.raises(Missing, match="no table"):
            await offered_columns(work, "clio", "Moons")
    assert len(tables) > 50
    assert tables["Matters"].cursor_column == "updated_at"
    assert tables["Matters"].columns == len(columns)
    assert columns["id"].key
    assert columns["status"].filters == ("=", "in")


async def test_a_database_that_is_right(plane: Plane, tmp_path: Path) -> None:
    spec = ConnectionSpec(type="duckdb", properties={"Database": str(tmp_path / "lake.duckdb")})
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "lake", spec)
    tested = await check_connection(plane, EDITOR, "lake")
    assert tested.ok
    assert [step.name for step in tested.steps] == ["settings", "connect", "query"]
    async with plane.looking(VIEWER) as work:
        found = await get_connection(work, "lake")
    assert (found.status, found.test_error) == ("ok", None)
    assert found.tested_at is not None
    with pytest.raises(Forbidden):
        await check_connection(plane, VIEWER, "lake")


async def test_the_step_that_failed_says_what_to_do(plane: Plane, tmp_path: Path) -> None:
    tested = await check_connection(plane, EDITOR, "clio")
    assert not tested.ok
    *_, last = tested.steps
    assert (last.name, last.code) == ("connect", "config.credential")
    assert "nobody has signed in" in last.message
    async with plane.looking(VIEWER) as work:
        assert (await get_connection(work, "clio")).status == "failed"
    tested = await check_properties(
        plane, EDITOR, "duckdb", {"Database": str(tmp_path / "no" / "lake.duckdb")}
    )
    assert [(s.name, s.ok) for s in tested.steps] == [("settings", True), ("connect", False)]
    tested = await check_properties(plane, EDITOR, "postgres", {"Server": "${NO_SUCH_VARIABLE}"})
    assert [(s.name, s.ok) for s in tested.steps] == [("settings", False)]


async def test_an_api_is_asked_for_a_row(plane: Plane, clicktime: str) -> None:
    settings = {"BaseURL": clicktime, "APIKey": DEFAULT_CLICKTIME_TOKEN}
    properties = {"Profile": "clicktime", "ProfileSettings": settings}
    tested = await check_properties(plane, EDITOR, "api", properties)
    assert [step.name for step in tested.steps] == ["settings", "sign in", "read"], tested
    assert tested.ok, tested
    assert tested.steps[2].message == "read 8 rows of Permissions"


async def test_absent_secrets_of_a_stored_connection_are_filled_in(plane: Plane) -> None:
    given = {"Profile": "clio", "OAuthClientId": "client"}
    tested = await check_properties(plane, EDITOR, "api", given, "clio")
    assert "nobody has signed in" in tested.steps[-1].message
    assert SECRET not in repr(tested)


async def test_tokens_are_kept_sealed(plane: Plane) -> None:
    async with plane.looking(VIEWER) as work:
        found = await get_connection(work, "clio")
    assert not found.signed_in
    kept = StoredTokens(plane, found.id)
    assert await kept.load() is None
    tokens = Tokens(access_token="canary-a", refresh_token="canary-r", expires_at=5.0, lifetime=3.0)
    await kept.save(tokens)
    assert await StoredTokens(plane, found.id).load() == tokens
    async with plane.looking(VIEWER) as work:
        assert (await get_connection(work, "clio")).signed_in
        row = await work.connection.exec_driver_sql("SELECT tokens FROM connections")
    assert "canary" not in repr(row.all())
    await kept.forget()
    assert await kept.load() is None


async def test_only_one_node_renews_tokens_and_a_dead_one_is_not_waited_for(plane: Plane) -> None:
    async with plane.looking(VIEWER) as work:
        found = await get_connection(work, "clio")
    clock = plane.clock
    assert isinstance(clock, VirtualClock)
    first, second = StoredTokens(plane, found.id), StoredTokens(plane, found.id)
    order = []

    async def renew(tokens: StoredTokens, name: str, started: asyncio.Event) -> None:
        async with tokens.exclusive():
            order.append(f"{name} begins")
            started.set()
            await asyncio.sleep(0.01)
            order.append(f"{name} ends")

    started = asyncio.Event()
    one = asyncio.create_task(renew(first, "one", started))
    await started.wait()
    two = asyncio.create_task(renew(second, "two", asyncio.Event()))
    await one
    while not two.done():
        await clock.run(clock.now + 1)
        await asyncio.sleep(0.01)
    assert order == ["one begins", "one ends", "two begins", "two ends"]

    dead = first.exclusive()
    await dead.__aenter__()
    begun = clock.now
    two = asyncio.create_task(renew(second, "two", asyncio.Event()))
    while not two.done():
        await clock.run(clock.now + 1)
        await asyncio.sleep(0.01)
    assert LEASE <= clock.now - begun < LEASE + 30
    await dead.__aexit__(None, None, None)
