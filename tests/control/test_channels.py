"""Channels: their addresses are secrets, jobs name them, project files keep them."""

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from control.calling import Caller, calling
from control.planes import ADMIN, CLIO, EDITOR, KEY, LAKE, SECRET, VIEWER, plane_of
from standins.listening import hook, mailbox
from syncline.control.alert_specs import ChannelSpec
from syncline.control.messages import trial
from syncline.control.notifying import service_of, tell
from syncline.control.plane import MASK, Plane
from syncline.control.project import Project
from syncline.control.store.database import Store
from syncline.control.store.notifications import channels
from syncline.control.usecases.audit_log import list_audit
from syncline.control.usecases.channels import (
    ChannelEdit,
    create_channel,
    delete_channel,
    edit_channel,
    get_channel,
    list_channels,
    try_channel,
)
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job, get_job, job_of
from syncline.control.usecases.keys import reseal
from syncline.control.usecases.project_files import (
    apply_project,
    compare_project,
    export_project,
)
from syncline.control.vault import vault_of
from syncline.control.yaml_writing import written
from syncline.errors import AddressRefused, Forbidden, InUse, Invalid, ProjectError, Unavailable
from syncline.model.reach import Reach
from syncline.profile.loader import parse

URL = f"json://127.0.0.1:9/{SECRET}"
ALERTS = [
    {"when": "failure", "channels": ["ops"]},
    {"when": "row_drop", "percent": 40.0, "channels": ["ops"]},
    {"when": "late", "minutes": 30.0, "channels": ["Ops"]},
]
HERE = Reach(private=True)


@pytest.fixture
def plane(store: Store) -> Plane:
    return plane_of(store)


async def kept(plane: Plane) -> list[str]:
    async with plane.store.reading() as connection:
        return list((await connection.scalars(select(channels.c.url))).all())


async def with_job(plane: Plane, alerts: list[Any]) -> None:
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
        spec = job_of({"source": "clio", "destination": "lake", "alerts": alerts,
                       "tasks": [{"table": "Matters"}]})  # fmt: skip
        await create_job(work, "nightly", spec)


async def test_an_address_goes_in_and_never_comes_out(plane: Plane) -> None:
    async with plane.changing(ADMIN) as work:
        made = await create_channel(work, "ops", ChannelSpec(url=URL, description="On call"))
        assert (made.url, made.service, made.jobs) == (MASK, "JSON", 0)
        again = await edit_channel(work, "OPS", ChannelEdit(url=MASK, description="Night"))
        assert (again.description, again.version) == ("Night", 2)
        await edit_channel(work, "ops", ChannelEdit(url=f"{URL}2"))
        page = await list_channels(work)
        log = await list_audit(work)
    (url,) = await kept(plane)
    assert SECRET not in url
    assert plane.vault.open(url) == f"{URL}2"
    assert SECRET not in repr((made, again, page, log))
    assert [entry.action for entry in log.items] == [
        "channels.edit", "channels.edit", "channels.create",
    ]  # fmt: skip
    assert log.items[0].changes == {"url": (MASK, f"{MASK} anew")}


async def test_only_who_runs_the_installation_changes_channels(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        with pytest.raises(Forbidden):
            await create_channel(work, "ops", ChannelSpec(url=URL))
        assert (await list_channels(work)).total == 0
    async with plane.looking(VIEWER) as work:
        with pytest.raises(Forbidden):
            await list_channels(work)


@pytest.mark.parametrize(
    "url",
    ["", "nothing", "dbus://", "syslog://", "json://", "json://h/?template=/etc/passwd",
     "workflows://h/w/s?template=/etc/passwd", "jsons://${SYNCLINE_SECRET_KEY}/"],
)  # fmt: skip
async def test_what_is_no_channel(plane: Plane, url: str) -> None:
    async with plane.changing(ADMIN) as work:
        with pytest.raises(Invalid) as refused:
            await create_channel(work, "ops", ChannelSpec(url=url))
    assert refused.value.hint
    assert "passwd" not in str(refused.value)


async def test_what_the_database_cannot_keep_is_refused(plane: Plane) -> None:
    spec = ChannelSpec(url=URL, description="nul\0l")
    refused = pytest.raises(Invalid, match="character that the database cannot keep")
    with refused if plane.store.dialect == "postgresql" else nullcontext():
        async with plane.changing(ADMIN) as work:
            await create_channel(work, "ops", spec)


async def test_a_job_names_its_channels(plane: Plane) -> None:
    with pytest.raises(Invalid, match=r"there is no channel '[Oo]ps'"):
        await with_job(plane, ALERTS)
    async with plane.changing(ADMIN) as work:
        await create_channel(work, "ops", ChannelSpec(url=URL))
    await with_job(plane, ALERTS)
    async with plane.changing(ADMIN) as work:
        assert (await get_job(work, "nightly")).document["alerts"] == ALERTS
        assert (await get_channel(work, "ops")).jobs == 1
        with pytest.raises(InUse, match="nightly"):
            await delete_channel(work, "ops")


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        ({"when": "late", "channels": ["ops"]}, "needs 'minutes'"),
        ({"when": "failure", "percent": 3, "channels": ["ops"]}, "'percent' goes with"),
        ({"when": "failure", "channels": []}, "at least 1 item"),
    ],
)
def test_alerts_that_contradict_themselves(alert: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        job_of({"source": "a", "destination": "b", "alerts": [alert]})


def project(document: dict[str, Any]) -> Project:
    return parse(written(document), "file.yaml", Project, ProjectError)


async def test_a_project_file_keeps_channels_and_alerts(plane: Plane) -> None:
    job = {"source": "clio", "destination": "lake", "alerts": ALERTS[:1],
           "tasks": [{"table": "Matters"}]}  # fmt: skip
    connections = {
        "clio": {"type": "api", "properties": {"Profile": "clio", "OAuthClientId": "c"}},
        "lake": {"type": "duckdb", "properties": {"Database": "lake.duckdb"}},
    }
    told = {"ops": {"url": "${OPS_URL}", "description": "On call"}, "later": {"url": "${LATER}"}}
    file = {"connections": connections, "channels": told, "jobs": {"nightly": job}}
    environment = {"OPS_URL": URL}
    async with plane.changing(ADMIN) as work:
        done = await apply_project(work, project(file), environment=environment)
        assert [(c.action, c.kind) for c in done][2:] == [
            ("create", "channel"), ("create", "channel"), ("create", "job"),
        ]  # fmt: skip
        assert SECRET not in repr(done)
        assert await compare_project(work, project(file), environment=environment) == ()
        assert await compare_project(work, project(file), environment={}) == ()
        exported = await export_project(work)
        assert exported.variables == ("OPS_URL",)
        assert exported.document["channels"] == {"later": {"url": "${LATER}"}, "ops": told["ops"]}
        assert exported.document["jobs"] == {"nightly": job}
        only = await export_project(work, only=["nightly"])
        assert list(only.document["channels"]) == ["ops"]
        sealed = (await export_project(work, secrets="sealed")).document
        assert SECRET not in written(sealed)
        assert await compare_project(work, project(sealed), environment={}) == ()
        (anew,) = await compare_project(work, project(file), environment={"OPS_URL": f"{URL}x"})
        assert anew.differences == {"url": (MASK, f"{MASK} anew")}
        without = {"connections": connections, "jobs": {"nightly": {**job, "alerts": []}}}
        await apply_project(work, project(without), prune=True, environment={})
        assert (await list_channels(work)).total == 2
        del told["ops"]
        await apply_project(work, project({**without, "channels": told}), prune=True,
                            environment={})  # fmt: skip
        assert [c.name for c in (await list_channels(work)).items] == ["later"]


async def test_a_newer_key_seals_addresses_anew(store: Store) -> None:
    async with plane_of(store).changing(ADMIN) as work:
        await create_channel(work, "ops", ChannelSpec(url=URL))
    keys = ["another key that is long enough to seal", KEY]
    newer = replace(plane_of(store), vault=vault_of(keys))
    async with newer.changing(ADMIN) as work:
        assert await reseal(work) == 1
    (url,) = await kept(newer)
    assert not newer.vault.stale(url)
    assert newer.vault.open(url) == URL


async def test_what_is_sent_says_what_it_is_and_can_be_known_again() -> None:
    async with hook() as web_hook, mailbox() as post:
        message = trial("mark-1", "ops", "https://syncline.example.com")
        await tell(f"json://ada:{SECRET}@{web_hook.url}/path", message, HERE)
        mail = f"mailto://{post.host}?from=syncline@example.com&to=ops@example.com&mode=insecure"
        await tell(mail, message, HERE)
    assert web_hook.got[0]["title"] == "Test of a Syncline channel"
    assert web_hook.got[0]["type"] == "info"
    assert "https://syncline.example.com" in web_hook.got[0]["message"]
    assert web_hook.headers[0]["X-Syncline-Notice"] == "mark-1"
    assert post.mails[0]["Subject"] == "Test of a Syncline channel"
    assert post.mails[0]["X-Syncline-Notice"] == "mark-1"
    assert "the channel ops" in post.mails[0].as_string()
    assert service_of("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/") == "Slack"


async def test_a_delivery_goes_no_further_than_it_may() -> None:
    async with hook() as inner, hook() as outer:

        async def send_on(_: web.Request) -> web.StreamResponse:
            raise web.HTTPTemporaryRedirect(f"http://{inner.url}/secret")

        outer.answer = send_on
        message = trial("mark", "ops", "")
        for url in (f"json://{inner.url}/", f"json://localhost:{inner.url[10:]}/",
                    f"mailto://{inner.url}?from=a@example.com&to=b@example.com"):  # fmt: skip
            with pytest.raises(AddressRefused, match="public internet"):
                await tell(url, message, Reach())
        own = Reach(own={("127.0.0.1", int(outer.url.rpartition(":")[2]))})
        with pytest.raises(AddressRefused):
            await tell(f"json://{outer.url}/", message, own)
        assert len(outer.got) == 1
        assert not inner.got


async def test_errors_do_not_repeat_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text=SECRET)

    async with hook() as web_hook:
        web_hook.answer = refuse
        with pytest.raises(Unavailable, match="503") as refused:
            await tell(f"json://ada:{SECRET}@{web_hook.url}/{SECRET}", trial("m", "o", ""), HERE)
        with pytest.raises(Unavailable) as unknown:
            await tell(f"json://{SECRET}.invalid/", trial("m", "o", ""), HERE)
    assert SECRET not in str(refused.value)
    assert SECRET not in str(unknown.value)
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(("aiohttp", "asyncio"))]
    assert SECRET not in "\n".join(ours)


async def test_a_channel_is_tried(store: Store) -> None:
    async with hook() as web_hook:
        plane = replace(plane_of(store), reach=HERE)
        async with plane.changing(ADMIN) as work:
            await create_channel(work, "ops", ChannelSpec(url=f"json://{web_hook.url}/"))
            await create_channel(work, "unset", ChannelSpec(url="${NOT_SET_ANYWHERE}"))
        assert (await try_channel(plane, ADMIN, "ops")).ok
        unset = await try_channel(plane, ADMIN, "unset")
        assert (unset.ok, unset.code) == (False, "config.project")
        with pytest.raises(Forbidden):
            await try_channel(plane, EDITOR, "ops")
    async with plane.looking(ADMIN) as work:
        states = {c.name: c.status for c in (await list_channels(work)).items}
    assert states == {"ops": "ok", "unset": "failed"}
    assert len(web_hook.got) == 1


@pytest.fixture
async def people(sqlite_store: Store) -> AsyncIterator[dict[str, Caller]]:
    async with calling(replace(plane_of(sqlite_store), reach=Reach())) as callers:
        yield callers


async def test_channels_over_rest(people: dict[str, Caller]) -> None:
    admin = people["admin"]
    made = await admin("POST", "/channels", {"name": "ops", "url": URL})
    assert (made.status_code, made.json()["url"], made.headers["ETag"]) == (201, MASK, '"1"')
    assert (await admin("POST", "/channels", {"name": "ops", "url": URL})).status_code == 409
    changed = await admin("PATCH", "/channels/ops", {"description": "x"}, If_Match='"1"')
    assert changed.json()["description"] == "x"
    late = await admin("PATCH", "/channels/ops", {"description": "y"}, If_Match='"1"')
    assert late.json()["code"] == "request.conflict"
    tried = await admin("POST", "/channels/ops/test")
    assert (tried.status_code, tried.json()["ok"]) == (200, False)
    assert tried.json()["code"] == "config.address"
    page = await people["editor"]("GET", "/channels?search=op")
    assert [c["status"] for c in page.json()["items"]] == ["failed"]
    assert SECRET not in page.text + made.text + tried.text
    address = {"address": "https://syncline.example.com"}
    assert (await admin("PUT", "/settings/address", address)).json() == address
    assert (await people["editor"]("GET", "/settings/address")).json() == address
    for wrong in ("ftp://x", "javascript:alert(1)", "https://u:p@h", "https://["):
        put = await admin("PUT", "/settings/address", {"address": wrong})
        assert put.json()["code"] == "request.invalid"
    assert (await admin("DELETE", "/channels/ops")).status_code == 204
    assert (await admin("GET", "/channels/ops")).status_code == 404
