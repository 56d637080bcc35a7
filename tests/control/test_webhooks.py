"""An API tells that something has changed: subscribed to, judged, and turned into runs."""

import asyncio
import hmac
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from control.calling import calling
from control.planes import ADMIN, EDITOR, KEY, OPERATOR, VIEWER, plane_of
from control.test_authorizing import agreed
from standins.clocks import SkippingClock
from syncline.api.app import mount
from syncline.control.hooks import Delivery
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec, JobSpec, TaskSpec
from syncline.control.runs import Reason, list_runs
from syncline.control.store.database import Store
from syncline.control.store.hooks import hooks, touched
from syncline.control.store.runs import runs
from syncline.control.touching import LONGEST, QUIET, Touched
from syncline.control.usecases.authorizing import begin_sign_in, finish_sign_in
from syncline.control.usecases.connections import create_connection, delete_connection
from syncline.control.usecases.jobs import create_job, delete_job, pause_job
from syncline.control.usecases.key_list import list_keys
from syncline.control.usecases.keys import reseal
from syncline.control.usecases.webhooks import (
    Webhooks,
    close_webhooks,
    open_webhooks,
    receive,
    see_webhooks,
    tend_webhooks,
)
from syncline.control.vault import vault_of
from syncline.errors import Conflict, Forbidden, Invalid, Missing, Unauthenticated
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import Sandbox, running

DAY = 86_400.0


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    options = Options(rows=20, rate_limit=0, start=None, webhook_retry=0.01)
    async with running(options) as sandbox:
        yield sandbox


@pytest.fixture
async def plane(sqlite_store: Store, sandbox: Sandbox, tmp_path: Path) -> Plane:
    return await made_plane(sqlite_store, sandbox, tmp_path)


async def made_plane(store: Store, sandbox: Sandbox, tmp_path: Path) -> Plane:
    made = Plane(store=store, vault=plane_of(store).vault, clock=SkippingClock())
    properties = {
        "Profile": "clio",
        "ProfileSettings": {"BaseURL": sandbox.url},
        "OAuthClientId": DEFAULT_CLIENT,
        "OAuthClientSecret": DEFAULT_SECRET,
    }
    async with made.changing(EDITOR) as work:
        spec = ConnectionSpec.model_validate({"type": "api", "properties": properties})
        await create_connection(work, "clio", spec)
        lake = ConnectionSpec(type="duckdb", properties={"Database": str(tmp_path / "lake.duckdb")})
        await create_connection(work, "lake", lake)
        github = {"Profile": "github", "ProfileSettings": {"Owner": "acme", "Token": "t"}}
        spec = ConnectionSpec.model_validate({"type": "api", "properties": github})
        await create_connection(work, "hub", spec)
    begun = await begin_sign_in(made, EDITOR, "clio")
    await finish_sign_in(made, EDITOR, await agreed(begun.url))
    return made


@asynccontextmanager
async def listening_at(plane: Plane) -> AsyncIterator[str]:
    """Serve the control plane, as an API reaches it."""
    app = FastAPI()
    mount(app, plane)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that happens elsewhere; the test's own limit ends it."""
    while not await found():  # noqa: ASYNC110 (the store cannot tell)
        await asyncio.sleep(0.01)


async def seen(plane: Plane, name: str = "clio") -> Webhooks:
    async with plane.looking(VIEWER) as work:
        return await see_webhooks(work, name)


async def all_active(plane: Plane) -> bool:
    found = (await seen(plane)).hooks
    return bool(found) and all(hook.state == "active" for hook in found)


async def waiting(plane: Plane) -> set[str]:
    async with plane.store.reading() as connection:
        return set((await connection.scalars(select(touched.c.target))).all())


async def job_of(plane: Plane, name: str, *tasks: TaskSpec, source: str = "clio") -> str:
    async with plane.changing(EDITOR) as work:
        made = await create_job(work, name, JobSpec(source=source, destination="lake", tasks=tasks))
        return made.id


async def test_a_change_at_clio_becomes_a_run_of_what_changed(
    plane: Plane, sandbox: Sandbox
) -> None:
    job = await job_of(
        plane,
        "law",
        TaskSpec(table="Matters"),
        TaskSpec(table="MatterCustomFieldValues", into="Fields"),
        TaskSpec(table="Contacts"),
        TaskSpec(query="SELECT id, status FROM Matters WHERE status = 'open'", into="OpenOnes"),
        TaskSpec(query="SELECT status, COUNT(*) AS n FROM Matters GROUP BY status", into="Counts"),
        TaskSpec(table="Matters", write="replace", into="Copy"),
        TaskSpec(table="Matters", into="Off", enabled=False),
    )
    async with listening_at(plane) as here:
        found = await open_webhooks(plane, EDITOR, "clio", here)
        assert found.subscribes
        assert found.secret is None
        await until(lambda: all_active(plane))
        topics = {hook.topic: hook for hook in (await seen(plane)).hooks}
        assert "clio_payments_payment" not in topics
        assert "Matters" in topics["matter"].tables
        assert topics["matter"].expires_at is not None
        sandbox.mutate("matters", update=1)
        # Until the last of the tasks is noted.
        await until(lambda: _is(waiting(plane), {"Matters", "OpenOnes"}))
        touching = Touched(store=plane.store, clock=plane.clock)
        await plane.clock.sleep(QUIET)
        assert await touching.tick() == 1
        assert await touching.tick() == 0
        (run,) = await list_runs(plane.store, job_id=job)
        assert run.reason is Reason.WEBHOOK
        assert run.options.tasks == ("Matters", "OpenOnes")
        # What comes while it runs is for the next one.
        sandbox.mutate("contacts", insert=1)
        await until(lambda: _is(waiting(plane), {"Contacts"}))
        await plane.clock.sleep(LONGEST)
        assert await touching.tick() == 0
        async with plane.store.writing() as connection:
            await connection.execute(runs.update().values(finished_at=run.created_at))
        assert await touching.tick() == 1
        assert (await seen(plane)).hooks[0].deliveries in {0, 1}


async def _is(found: Awaitable[set[str]], wanted: set[str]) -> bool:
    return await found == wanted


async def test_deliveries_come_to_rest_first_but_not_for_ever(
    store: Store, sandbox: Sandbox, tmp_path: Path
) -> None:
    plane = await made_plane(store, sandbox, tmp_path)
    job = await job_of(plane, "issues", TaskSpec(table="Issues"), source="hub")
    opened = await open_webhooks(plane, EDITOR, "hub", "https://here.example")
    assert not opened.subscribes
    assert opened.secret
    token = opened.hooks[0].url.rpartition("/")[2]
    touching = Touched(store=plane.store, clock=plane.clock)

    def delivery(topic: str, body: bytes = b"{}") -> Delivery:
        signed = hmac.digest((opened.secret or "").encode(), body, "sha256").hex()
        headers = {"x-hub-signature-256": f"sha256={signed}", "x-github-event": topic}
        return Delivery(headers=headers, body=body)

    await receive(plane, token, delivery("ping"))
    assert await waiting(plane) == set()
    for _ in range(int(LONGEST / 2)):
        await receive(plane, token, delivery("issues"))
        assert await touching.tick() == 0
        await plane.clock.sleep(2)
    await receive(plane, token, delivery("issues"))
    assert await touching.tick() == 1
    assert len(await list_runs(plane.store, job_id=job)) == 1
    # A paused job is left alone, and a deleted one is forgotten.
    async with plane.changing(OPERATOR) as work:
        await pause_job(work, "issues", paused=True)
    await receive(plane, token, delivery("issues"))
    assert await waiting(plane) == set()
    async with plane.changing(EDITOR) as work:
        await pause_job(work, "issues", paused=False)
    await receive(plane, token, delivery("issues"))
    assert await waiting(plane) == {"Issues"}
    async with plane.changing(EDITOR) as work:
        await delete_job(work, "issues")
    assert await waiting(plane) == set()


async def test_who_cannot_sign_is_not_heard(plane: Plane) -> None:
    await job_of(plane, "issues", TaskSpec(table="Issues"), source="hub")
    opened = await open_webhooks(
        plane, EDITOR, "hub", "https://here.example", secret="of our own choice"
    )
    assert opened.secret == "of our own choice"
    token = opened.hooks[0].url.rpartition("/")[2]
    signed = hmac.digest(b"of our own choice", b"{}", "sha256").hex()
    for headers in (
        {},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": signed},
        {"x-hub-signature-256": f"sha256={signed[:-1]}0"},
        # Only an API that brings its secret itself may bring one.
        {"x-hook-secret": "mine"},
    ):
        with pytest.raises(Unauthenticated):
            await receive(
                plane, token, Delivery(headers={**headers, "x-github-event": "issues"}, body=b"{}")
            )
    with pytest.raises(Missing):
        await receive(plane, "another", Delivery(headers={}, body=b"{}"))
    assert await waiting(plane) == set()
    assert (await seen(plane, "hub")).hooks[0].deliveries == 0
    # A new key of the vault seals it anew, and the old one is no longer needed.
    newer = Plane(
        store=plane.store, vault=vault_of(["another key that is long enough, too", KEY]),
        clock=plane.clock,
    )  # fmt: skip
    async with newer.changing(ADMIN) as work:
        before = {key.name: key.secrets for key in await list_keys(work)}
        assert await reseal(work) == before[plane.vault.keys[0].name] > 0
    plane = Plane(
        store=plane.store, vault=vault_of(["another key that is long enough, too"]),
        clock=plane.clock,
    )  # fmt: skip
    # The secret is seen once, and stays when webhooks are opened again.
    again = await open_webhooks(plane, EDITOR, "hub", "https://elsewhere.example")
    assert again.secret is None
    assert again.hooks[0].url == f"https://elsewhere.example/hooks/{token}"
    right = {"x-hub-signature-256": f"sha256={signed}", "x-github-event": "issues"}
    for _ in range(3):
        # Sent again by whomever, it is the same hint.
        await receive(plane, token, Delivery(headers=right, body=b"{}"))
    assert await waiting(plane) == {"Issues"}


async def test_a_secret_is_taken_once(plane: Plane, sandbox: Sandbox) -> None:
    async with listening_at(plane) as here:
        await open_webhooks(plane, EDITOR, "clio", here)
        await until(lambda: all_active(plane))
        url = (await seen(plane)).hooks[0].url
        async with httpx.AsyncClient() as client:
            stolen = await client.post(url, headers={"X-Hook-Secret": "mine"}, content=b"{}")
            assert stolen.status_code == 409
            signed = hmac.digest(b"mine", b"{}", "sha256").hex()
            forged = await client.post(url, headers={"X-Hook-Signature": signed}, content=b"{}")
            assert forged.status_code == 401
            gone = await client.post(f"{here}/hooks/unknown", content=b"{}")
            assert gone.status_code == 410
            long = await client.post(url, content=b" " * (1024 * 1024 + 1))
            assert long.status_code == 413

            async def chunks() -> AsyncIterator[bytes]:
                for _ in range(17):
                    yield b" " * 65_536

            # Whoever does not say how much it is, is cut off.
            assert (await client.post(url, content=chunks())).status_code == 413
    token = url.rpartition("/")[2]
    with pytest.raises(Conflict):
        await receive(plane, token, Delivery(headers={"x-hook-secret": "mine"}, body=b""))


async def test_subscriptions_are_renewed_before_they_end(plane: Plane, sandbox: Sandbox) -> None:
    clock = plane.clock
    assert isinstance(clock, SkippingClock)
    async with listening_at(plane) as here:
        await open_webhooks(plane, EDITOR, "clio", here)
        await until(lambda: all_active(plane))
        first = {hook.topic: hook.expires_at for hook in (await seen(plane)).hooks}
        assert await tend_webhooks(plane) == 0

        async def forward(days: float) -> None:
            clock.skipped += days * DAY
            sandbox.advance(days * DAY)

        await forward(16)
        # Whoever comes second finds nothing to do.
        counts = await asyncio.gather(tend_webhooks(plane), tend_webhooks(plane))
        assert len(first) in counts
        second = {hook.topic: hook.expires_at for hook in (await seen(plane)).hooks}
        for topic, moment in first.items():
            after = second[topic]
            assert moment is not None
            assert after is not None
            assert (after - moment).days >= 15
        # One that the API has forgotten is made again, with another secret.
        world = sandbox._world.webhooks
        for webhook in world.all():
            world.delete(webhook)
        await forward(16)
        await tend_webhooks(plane)
        await until(lambda: all_active(plane))
        assert len(world.all()) == len(first)
        await job_of(plane, "law", TaskSpec(table="Matters"))
        sandbox.mutate("matters", update=1)
        await until(lambda: _is(waiting(plane), {"Matters"}))


async def test_an_address_that_nobody_answers_at_can_be_changed(plane: Plane) -> None:
    async with listening_at(plane) as here:
        await open_webhooks(plane, EDITOR, "clio", "http://127.0.0.1:1")
        found = (await seen(plane)).hooks
        assert {hook.state for hook in found} == {"pending"}
        # Nobody has answered the handshake there: it is asked for at another address.
        await open_webhooks(plane, EDITOR, "clio", here)
        await until(lambda: all_active(plane))


async def test_they_end_with_the_connection_or_before(plane: Plane, sandbox: Sandbox) -> None:
    async with listening_at(plane) as here:
        await open_webhooks(plane, EDITOR, "clio", here)
        await until(lambda: all_active(plane))
        await close_webhooks(plane, EDITOR, "clio")
        assert sandbox._world.webhooks.all() == []
        assert (await seen(plane)).hooks == ()
        await open_webhooks(plane, EDITOR, "clio", here)
        await until(lambda: all_active(plane))
        async with plane.changing(EDITOR) as work:
            await delete_connection(work, "clio")
        # The API hears 410, and delivers no more.
        sandbox.mutate("matters", update=1)
        kept = sandbox._world.webhooks
        await until(lambda: _suspended(kept))
    async with plane.store.reading() as connection:
        assert (await connection.execute(select(hooks.c.id))).all() == []


async def _suspended(kept: object) -> bool:
    return 410 in kept.answered  # type: ignore[attr-defined]


async def test_who_may_open_them(plane: Plane) -> None:
    async with calling(plane) as callers:
        path = "/connections/hub/webhooks"
        assert (await callers["viewer"]("GET", path)).json()["hooks"] == []
        refused = await callers["viewer"]("PUT", path, {"url": "https://here.example"})
        assert refused.status_code == 403
        made = await callers["editor"]("PUT", path, {"url": "https://here.example", "secret": "s"})
        assert made.status_code == 200, made.text
        assert made.json()["hooks"][0]["url"].startswith("https://here.example/hooks/")
        assert "secret" not in (await callers["editor"]("GET", path)).text.replace(
            '"secret":null', ""
        )
        own = await callers["editor"]("PUT", path, {})
        assert own.json()["hooks"][0]["url"].startswith("http://syncline/hooks/")
        assert (await callers["editor"]("DELETE", path)).status_code == 204
        for name in ("lake", "nobody"):
            answer = await callers["editor"]("PUT", f"/connections/{name}/webhooks", {})
            assert answer.status_code in {404, 422}
    with pytest.raises(Forbidden):
        await open_webhooks(plane, VIEWER, "hub", "https://here.example")
    for wrong in (
        "",
        "here.example",
        "ftp://here.example",
        "https://",
        "https://[",
        "http://x:y",
        "http://a\0b",
    ):
        with pytest.raises(Invalid, match="reaches this server"):
            await open_webhooks(plane, ADMIN, "hub", wrong)
