"""Each scripted fault, at the request it was scripted for."""

import time

import aiohttp
import msgspec
import pytest

from standins.sandbox_asking import Asker, Reply, Row, asking
from syncline.sandbox.faults import Fault


async def _script(asker: Asker, **fault: object) -> None:
    await asker.admin("faults", fault)


async def test_a_status_at_a_number_for_some_times() -> None:
    async with asking() as asker:
        await _script(asker, request=2, fault="status", status=503, times=2, retry_after=7)
        replies = [await asker.clio("users") for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 503, 503, 200]
        assert replies[1].headers["Retry-After"] == "7"
        assert replies[1].part("error", "type") == "ScriptedFault"
        assert asker.sandbox.faults() == []


async def test_numbers_can_count_one_path_only() -> None:
    async with asking() as asker:
        await _script(asker, path="/api/v4/matters.json", request=2, fault="status", status=500)
        paths = ["users", "matters", "users", "contacts", "matters.json", "matters"]
        statuses = [(await asker.clio(path)).status for path in paths]
        assert statuses == [200, 200, 200, 200, 500, 200]


async def test_oauth_and_admin_requests_are_not_counted() -> None:
    async with asking() as asker:
        asker.sandbox.fault(Fault(request=1, fault="status", status=500))
        await asker.get("/oauth/approval", {"code": "x"})
        await asker.get("/admin/counters")
        assert asker.sandbox.requests() == 0
        assert (await asker.clio("users")).status == 500


async def test_without_a_number_the_next_request_is_hit() -> None:
    async with asking() as asker:
        await asker.clio("users")
        await _script(asker, fault="status", status=502)
        assert (await asker.clio("users")).status == 502
        assert (await asker.clio("users")).status == 200


async def test_clicktime_faults_have_its_error_shape() -> None:
    async with asking() as asker:
        await _script(asker, fault="status", status=500)
        reply = await asker.clicktime("/Jobs")
        assert reply.status == 500
        assert "errors" in reply.json()


async def test_a_dropped_connection() -> None:
    async with asking() as asker:
        # This client asks a second time by itself.
        await _script(asker, fault="drop", times=2)
        with pytest.raises(aiohttp.ClientConnectionError):
            await asker.clio("users")
        assert asker.sandbox.requests() == 2
        assert (await asker.clio("users")).status == 200


async def test_a_truncated_body() -> None:
    async with asking() as asker:
        await _script(asker, fault="truncate")
        with pytest.raises(aiohttp.ClientPayloadError):
            await asker.clio("activities")
        assert len((await asker.clio("activities")).rows()) == 200


@pytest.mark.parametrize("fault", ["garbage", "broken_json"])
async def test_bodies_that_are_no_json(fault: str) -> None:
    async with asking() as asker:
        await _script(asker, fault=fault)
        reply = await asker.clio("activities")
        assert reply.status == 200
        assert int(reply.headers["Content-Length"]) == len(reply.content)
        with pytest.raises(msgspec.DecodeError):
            reply.json()


async def test_a_slow_answer() -> None:
    async with asking() as asker:
        await _script(asker, fault="slow", delay=0.2)
        started = time.monotonic()
        assert (await asker.clio("users")).status == 200
        assert time.monotonic() - started >= 0.2


def _next(reply: Reply) -> str:
    if "page" in reply.json():
        return str(reply.part("page", "links", "next"))
    return str(reply.next())


async def _bent(asker: Asker, system: str) -> Reply:
    if system == "clio":
        return await asker.clio("activities", {"limit": "10"})
    return await asker.clicktime("/TimeEntries", {"limit": "10"})


@pytest.mark.parametrize("system", ["clio", "clicktime"])
async def test_a_link_to_the_same_page(system: str) -> None:
    async with asking() as asker:
        await _script(asker, fault="repeat_page")
        first = await _bent(asker, system)
        again = await (asker.clio if system == "clio" else asker.clicktime)(_next(first))
        assert again.rows() == first.rows()


@pytest.mark.parametrize("system", ["clio", "clicktime"])
async def test_a_link_to_another_host(system: str) -> None:
    async with asking() as asker:
        await _script(asker, fault="next_elsewhere")
        assert _next(await _bent(asker, system)).startswith("https://elsewhere.invalid/")


@pytest.mark.parametrize("system", ["clio", "clicktime"])
async def test_an_id_that_is_a_text(system: str) -> None:
    async with asking() as asker:
        await _script(asker, fault="wrong_type")
        rows: list[Row] = (await _bent(asker, system)).rows()
        name = "id" if system == "clio" else "ID"
        wrong = [row for row in rows if str(row[name]).startswith("not a number")]
        assert len(wrong) == 1
        assert len(rows) == 10


async def test_faults_can_be_taken_back_and_must_be_known() -> None:
    async with asking() as asker:
        await asker.admin("faults", [{"fault": "drop"}, {"fault": "garbage", "request": 9}])
        assert len(asker.sandbox.faults()) == 2
        async with asker.session.delete(f"{asker.sandbox.url}/admin/faults") as answer:
            assert msgspec.json.decode(await answer.read()) == {"pending": []}
        for body in (b'{"fault":"earthquake"}', b'{"fault":"drop","when":1}', b"{"):
            async with asker.session.post(f"{asker.sandbox.url}/admin/faults", data=body) as answer:
                assert answer.status == 400
