"""The stand-in Clio's webhooks, as Clio's documentation describes them."""

import asyncio
import hmac
from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import web

from standins.sandbox_asking import Asker, Row, asking
from syncline.sandbox.options import Options

OPTIONS = Options(rows=50, rate_limit=0, frozen=True, webhook_retry=0.01)


class Receiver:
    """Somebody who is told; answers as it is said."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.echoes = True
        self.heard: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.put_nowait((headers, await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        secret = headers.get("x-hook-secret", "")
        back = {"X-Hook-Secret": secret} if secret and self.echoes else {}
        return web.Response(status=status, headers=back)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/told", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/told"
    yield made
    await runner.cleanup()


async def sent(
    asker: Asker, method: str, path: str, data: Row | None = None, **headers: str
) -> tuple[int, Row]:
    """Send to the webhooks' addresses; return status and data."""
    named = {"Authorization": f"Bearer {asker.token}"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{asker.sandbox.url}/api/v4/{path}"
    body = None if data is None else msgspec.json.encode({"data": data})
    async with asker.session.request(method, url, data=body, headers=named) as answer:
        content = await answer.read()
        found = msgspec.json.decode(content, type=Row) if content else {}
        return answer.status, msgspec.convert(found.get("data", found), Row)


async def becomes(asker: Asker, identity: object, status: str) -> None:
    path = f"webhooks/{identity}?fields=status"
    while (await sent(asker, "GET", path))[1] != {"status": status}:  # noqa: ASYNC110 (over HTTP)
        await asyncio.sleep(0.01)


async def test_a_handshake_and_what_happens_to_rows(receiver: Receiver) -> None:
    async with asking(OPTIONS) as asker:
        given: Row = {"url": receiver.url, "model": "matter", "events": ["updated", "deleted"]}
        status, made = await sent(asker, "POST", "webhooks.json?fields=id,status", given)
        assert (status, made["status"]) == (201, "pending")
        headers, _ = await receiver.heard.get()
        secret = headers["x-hook-secret"]
        await becomes(asker, made["id"], "enabled")
        done = asker.sandbox.mutate("matters", insert=1, update=1, delete=1)
        asker.sandbox.mutate("contacts", update=1)
        told = []
        for _ in range(2):
            headers, body = await receiver.heard.get()
            signed = hmac.digest(secret.encode(), body, "sha256").hex()
            assert headers["x-hook-signature"] == signed
            told.append(msgspec.json.decode(body))
        assert {(t["meta"]["event"], t["data"]["id"]) for t in told} == {
            ("updated", done["updated"][0]), ("deleted", done["deleted"][0]),
        }  # fmt: skip
        assert {t["meta"]["webhook_id"] for t in told} == {made["id"]}
        assert (await sent(asker, "DELETE", f"webhooks/{made['id']}.json"))[0] == 204
        asker.sandbox.mutate("matters", update=1)
        assert (await sent(asker, "GET", f"webhooks/{made['id']}"))[0] == 404
        assert receiver.heard.empty()


async def test_a_secret_can_be_brought_back_later(receiver: Receiver) -> None:
    receiver.echoes = False
    async with asking(OPTIONS) as asker:
        given: Row = {"url": receiver.url, "model": "task", "events": ["created"]}
        _, made = await sent(asker, "POST", "webhooks", given)
        assert set(made) == {"id", "etag"}
        headers, _ = await receiver.heard.get()
        path = f"webhooks/{made['id']}/activate"
        assert (await sent(asker, "PUT", path, X_Hook_Secret="another"))[0] == 403
        assert (await sent(asker, "PUT", path, X_Hook_Secret=headers["x-hook-secret"]))[0] == 200
        asker.sandbox.insert("tasks")
        _, body = await receiver.heard.get()
        assert msgspec.json.decode(body)["meta"]["event"] == "created"


async def test_deliveries_are_tried_again_and_410_ends_them(receiver: Receiver) -> None:
    async with asking(OPTIONS) as asker:
        given: Row = {"url": receiver.url, "model": "bill", "events": ["updated"]}
        _, made = await sent(asker, "POST", "webhooks", given)
        await receiver.heard.get()
        await becomes(asker, made["id"], "enabled")
        receiver.statuses = [500, 503, 200]
        asker.sandbox.mutate("bills", update=1)
        bodies = {(await receiver.heard.get())[1] for _ in range(3)}
        assert len(bodies) == 1
        receiver.statuses = [410]
        asker.sandbox.mutate("bills", update=1)
        await receiver.heard.get()
        await becomes(asker, made["id"], "suspended")


async def test_they_end_unless_they_are_renewed(receiver: Receiver) -> None:
    async with asking(OPTIONS) as asker:
        given: Row = {"url": receiver.url, "model": "folder", "events": ["created"]}
        _, made = await sent(asker, "POST", "webhooks?fields=id,expires_at", given)
        await receiver.heard.get()
        await becomes(asker, made["id"], "enabled")
        assert str(made["expires_at"]).startswith("2026-03-05")
        asker.sandbox.advance(2 * 86_400)
        path = f"webhooks/{made['id']}?fields=expires_at"
        status, renewed = await sent(
            asker, "PATCH", path, {"expires_at": "2026-04-01T00:00:00+00:00"}
        )
        assert (status, renewed["expires_at"]) == (200, "2026-04-01T00:00:00+00:00")
        asker.sandbox.advance(2 * 86_400)
        asker.sandbox.insert("folders")
        await receiver.heard.get()
        asker.sandbox.advance(30 * 86_400)
        asker.sandbox.insert("folders")
        await asker.sandbox._world.webhooks.letters.join()
        assert receiver.heard.empty()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "moon"}, "model"),
        ({"events": []}, "events"),
        ({"events": ["exploded"]}, "events"),
        ({"url": "nowhere"}, "url"),
        ({"fields": "x" * 1001}, "1000"),
        ({"expires_at": "2026-12-01T00:00:00Z"}, "31 days"),
        ({"expires_at": "soon"}, "timestamp"),
    ],
)
async def test_what_is_refused(receiver: Receiver, wrong: Row, said: str) -> None:
    async with asking(OPTIONS) as asker:
        given = {"url": receiver.url, "model": "matter", "events": ["created"], **wrong}
        status, answer = await sent(asker, "POST", "webhooks", given)
        assert status == 422
        assert said in str(answer)


async def test_over_https_only_as_the_real_one() -> None:
    options = Options(rows=50, rate_limit=0, webhooks_over_http=False)
    async with asking(options) as asker:
        given: Row = {"url": "http://here.example", "model": "matter", "events": ["created"]}
        assert (await sent(asker, "POST", "webhooks", given))[0] == 422
        assert (await sent(asker, "POST", "webhooks/1/activate"))[0] == 404
        assert (await sent(asker, "POST", "matters", {}))[0] == 405
