"""Changes by several people at the same moment: none is lost, and what each has checked holds."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, update

from control.planes import ADMIN, CLIO, EDITOR, LAKE, SECRET, plane_of
from control.test_job_cases import SIMPLE
from standins.clocks import VirtualClock
from syncline.control.engine.stored import StoreJobs
from syncline.control.plane import Plane, Work
from syncline.control.project import JobSpec
from syncline.control.store.connections import connections
from syncline.control.store.database import Store, open_store
from syncline.control.store.schema import migrate
from syncline.control.stored_tokens import StoredTokens
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import change_job, create_job, edit_job, get_job
from syncline.control.usecases.keys import reseal
from syncline.control.usecases.runs import start_run, stop_run
from syncline.control.usecases.users import UserEdit, edit_user, invite_user
from syncline.control.vault import Vault, vault_of
from syncline.errors import Conflict, InUse, Invalid
from syncline.extract.tokens import Tokens

_OLD, _NEW = "an old key that is long enough for this", "a new key that is long enough for this"


@pytest.fixture
async def plane(store: Store) -> Plane:
    made = plane_of(store)
    async with made.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        await create_job(work, "a", SIMPLE)
        await create_job(work, "b", SIMPLE)
    return made


async def _at_once(
    plane: Plane, *changes: Callable[[Work], Awaitable[object]]
) -> list[BaseException]:
    async def one(change: Callable[[Work], Awaitable[object]]) -> None:
        async with plane.changing(ADMIN) as work:
            await change(work)

    found = await asyncio.gather(*(one(c) for c in changes), return_exceptions=True)
    return [error for error in found if error is not None]


async def test_of_two_editors_of_one_version_one_is_told(plane: Plane) -> None:
    for version in range(1, 6):

        def described(text: str, seen: int = version) -> Callable[[Work], Awaitable[object]]:
            spec = SIMPLE.model_copy(update={"description": f"{text} {seen}"})
            return lambda work: edit_job(work, "a", spec, version=seen)

        (refused,) = await _at_once(plane, described("mine"), described("yours"))
        assert isinstance(refused, Conflict)
        assert [place for place, *_ in refused.differences] == ["description"]
    async with plane.looking(ADMIN) as work:
        assert (await get_job(work, "a")).version == 6


async def test_changes_to_different_settings_are_all_kept(plane: Plane) -> None:
    given: dict[str, object] = {"description": "x", "parallel_tasks": 3, "retries": 7, "timeout": 9}
    lost = await _at_once(
        plane,
        *(lambda work, n=n, v=v: change_job(work, "a", {n: v}) for n, v in given.items()),
    )
    assert lost == []
    async with plane.looking(ADMIN) as work:
        document = (await get_job(work, "a")).document
    assert {name: document.get(name) for name in given} == given


async def test_two_jobs_are_not_made_to_follow_each_other(plane: Plane) -> None:
    def after(other: str) -> JobSpec:
        return JobSpec.model_validate(
            {**SIMPLE.model_dump(), "schedule": {"after": {"job": other}}}
        )

    (refused,) = await _at_once(
        plane,
        lambda work: edit_job(work, "a", after("b")),
        lambda work: edit_job(work, "b", after("a")),
    )
    assert isinstance(refused, Invalid)
    assert "after itself" in str(refused)


async def test_the_last_two_administrators_do_not_depose_each_other(plane: Plane) -> None:
    async with plane.changing(ADMIN) as work:
        for name in ("ann", "ben"):
            await invite_user(work, name, ["admin"])
    (refused,) = await _at_once(
        plane,
        *(
            lambda work, name=name: edit_user(work, name, UserEdit(roles=("viewer",)))
            for name in ("ann", "ben")
        ),
    )
    assert isinstance(refused, InUse)


async def test_a_run_that_is_asked_for_twice_at_once_is_one(plane: Plane) -> None:
    found = await asyncio.gather(
        *(start_run(plane, EDITOR, "a") for _ in range(4)), return_exceptions=True
    )
    (run,) = [each for each in found if isinstance(each, str)]
    assert all(isinstance(each, str | Conflict) for each in found)
    await stop_run(plane, EDITOR, run)
    await stop_run(plane, EDITOR, run)
    async with plane.changing(ADMIN) as work:
        log = await work.connection.exec_driver_sql(
            "SELECT action FROM audit WHERE name = 'a' ORDER BY id"
        )
        actions = [row[0] for row in log]
    assert actions == ["jobs.create", "jobs.run", "jobs.cancel"], (
        "what changed nothing is no change"
    )


async def test_a_run_begins_while_others_write(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    await migrate(store)
    plane = plane_of(store)
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        all_of_it = SIMPLE.model_copy(update={"all_tables": True})
        await create_job(work, "all", all_of_it)
        one = await create_job(work, "one", SIMPLE)
    async with plane.looking(ADMIN) as work:
        key = (await get_job(work, "all")).id
    found = await StoreJobs(plane=plane).find(key)
    assert len(found.tasks) > 10
    async with plane.changing(ADMIN):
        for job in (key, one.id):
            async with asyncio.timeout(10):
                assert (await StoreJobs(plane=plane).find(job)).id == job
    await store.aclose()


async def test_tokens_renewed_while_keys_change_are_the_ones_that_stay(
    store: Store, plane: Plane
) -> None:
    old, both = vault_of([_OLD]), vault_of([_NEW, _OLD])

    def with_keys(vault: Vault) -> Plane:
        return Plane(store=store, vault=vault, clock=VirtualClock())

    async with plane.looking(ADMIN) as work:
        query = select(connections.c.id).where(connections.c.folded == "clio")
        key = str(await work.connection.scalar(query))
    async with store.writing() as connection:
        secret = {"OAuthClientSecret": old.seal(SECRET)}
        await connection.execute(
            update(connections).where(connections.c.id == key).values(sealed=secret)
        )
    for number in range(8):
        kept = StoredTokens(with_keys(old), key)
        await kept.save(_tokens(f"old {number}"))

        async def sealed_anew() -> None:
            async with with_keys(both).changing(ADMIN) as work:
                await reseal(work)

        renewed = StoredTokens(with_keys(both), key)
        await asyncio.gather(sealed_anew(), renewed.save(_tokens(f"new {number}")))
        found = await StoredTokens(with_keys(both), key).load()
        assert found is not None
        assert found.refresh_token == f"new {number}"


def _tokens(refresh: str) -> Tokens:
    return Tokens(access_token="a", refresh_token=refresh, expires_at=1.0, lifetime=1.0, scope="")
