"""The admin addresses, and the sandbox as a process of its own."""

import asyncio
import re
import signal
import sys
from datetime import datetime

import aiohttp
import msgspec
import pytest

from standins.sandbox_asking import Asker, Row, asking
from syncline.sandbox.administration import UnknownNameError
from syncline.sandbox.clock import DEFAULT_START
from syncline.sandbox.options import Options


async def _truth(asker: Asker, path: str) -> list[Row]:
    reply = await asker.get(f"/admin/truth/{path}")
    assert reply.status == 200
    return [msgspec.json.decode(line, type=Row) for line in reply.content.splitlines()]


async def test_rows_can_be_changed_inserted_and_deleted() -> None:
    async with asking(Options(rows=100, rate_limit=0, frozen=True)) as asker:
        before = {row["id"]: row for row in await _truth(asker, "activities")}
        await asker.admin("clock", {"advance": 90})
        done = await asker.admin(
            "mutate", {"table": "activities", "insert": 5, "update": 3, "delete": 2}
        )
        after = {row["id"]: row for row in await _truth(asker, "activities")}
        inserted, updated, deleted = (
            set(msgspec.convert(done[name], list[int]))
            for name in ("inserted", "updated", "deleted")
        )
        assert set(after) - set(before) == inserted
        assert set(before) - set(after) == deleted
        differing = {key for key in before.keys() & after.keys() if before[key] != after[key]}
        assert differing == updated
        now = "2026-03-02T10:01:30-04:00"
        assert {after[key]["updated_at"] for key in inserted | updated} == {now}
        for key in updated:
            assert after[key]["etag"] != before[key]["etag"]
            assert after[key]["matter"] == before[key]["matter"]
            assert after[key]["created_at"] == before[key]["created_at"]


async def test_one_row_can_be_set_exactly() -> None:
    async with asking(Options(rows=100, rate_limit=0)) as asker:
        rows = asker.sandbox.truth("activities")
        matter = asker.sandbox.truth("matters", fields="id,display_number")[3]
        values = {"note": "", "total": -12.5, "matter_id": matter["id"], "user": None}
        changed = {"table": "activities", "id": rows[0]["id"], "values": values}
        await asker.admin("change", changed)
        row = asker.sandbox.truth("activities")[0]
        assert (row["note"], row["total"], row["user"]) == ("", -12.5, None)
        assert msgspec.convert(row["matter"], Row)["display_number"] == matter["display_number"]
        moved = {"note", "total", "matter", "user", "etag", "updated_at"}
        moved |= {"bill", "on_bill", "billed"}
        assert all(row[name] == rows[0][name] for name in row if name not in moved)
        new = await asker.admin(
            "mutate", {"table": "activities", "rows": [{"note": "by hand"}, {"note": "twice"}]}
        )
        assert [row["note"] for row in asker.sandbox.truth("activities")[-2:]] == [
            "by hand",
            "twice",
        ]
        gone = msgspec.convert(new["inserted"], list[int])
        await asker.admin("mutate", {"table": "activities", "ids": gone, "delete": 1})
        assert len(asker.sandbox.truth("activities", fields="id")) == 100


async def test_children_go_with_their_parent() -> None:
    async with asking() as asker:
        contact = asker.sandbox.truth("contacts", fields="id")[0]["id"]
        addresses = asker.sandbox.truth("email_addresses", fields="id")
        of_contact = asker.sandbox.truth("email_addresses", fields="id", parent=contact)
        asker.sandbox.delete("contacts", [contact])
        left = asker.sandbox.truth("email_addresses", fields="id")
        assert left == [row for row in addresses if row not in of_contact]
        assert len(left) < len(addresses)


async def test_trash_can_be_skipped() -> None:
    async with asking() as asker:
        identity = asker.sandbox.truth("documents", fields="id")[0]["id"]
        asker.sandbox.delete("documents", [identity], hard=True)
        everything = asker.sandbox.truth("documents", fields="id", query="include_deleted=true")
        assert identity not in {row["id"] for row in everything}


async def test_clock() -> None:
    async with asking(Options(rows=10, rate_limit=0, frozen=True)) as asker:
        assert asker.sandbox.now() == DEFAULT_START
        moved = await asker.admin("clock", {"set": "2026-05-01T00:00:00Z", "advance": 0.5})
        assert moved == {"now": "2026-05-01T00:00:00.500000+00:00", "frozen": True}
        running = await asker.admin("clock", {"frozen": False})
        assert running["frozen"] is False
        await asyncio.sleep(0.01)
        assert asker.sandbox.now() > datetime.fromisoformat("2026-05-01T00:00:00.505+00:00")


async def test_tokens_without_a_browser() -> None:
    async with asking() as asker:
        pair = await asker.admin("token", {"expires_in": 60})
        assert pair["expires_in"] == 60
        asker.token = str(pair["access_token"])
        assert (await asker.clio("users")).status == 200
        assert await asker.admin("expire", {"token": asker.token}) == {"expired": 1}
        assert (await asker.clio("users")).status == 401
        clicktime = (await asker.admin("token", {"system": "clicktime"}))["token"]
        headers = {"Authorization": f"Token {clicktime}"}
        assert (await asker.get("/v2/Jobs", headers=headers)).status == 200
        assert await asker.admin("revoke", {"token": clicktime}) == {"revoked": True}
        assert (await asker.get("/v2/Jobs", headers=headers)).status == 401
        assert await asker.admin("expire", {}) == {"expired": 2}


async def test_counters_and_reset() -> None:
    async with asking() as asker:
        await asker.clio("users.json")
        await asker.clio("users")
        await asker.clicktime("/Jobs")
        counters = asker.sandbox.counters()
        assert counters["requests"] == 3
        assert counters["paths"] == {"/api/v4/users": 2, "/v2/Jobs": 1}
        assert counters["tokens"] == {asker.token: 2, "sandbox-token": 1}
        assert counters["statuses"] == {"200": 3}
        asker.sandbox.mutate("activities", delete=50)
        await asker.admin("reset", {})
        assert asker.sandbox.requests() == 0
        assert len(asker.sandbox.truth("activities", fields="id")) == 400
        assert (await asker.clio("users")).status == 401


async def test_truth_by_list_table_and_parameters() -> None:
    async with asking() as asker:
        assert await _truth(asker, "document_versions?fields=id") == await _truth(
            asker, "documents/%7Bid%7D/versions?fields=id"
        )
        found = await _truth(asker, "activities?fields=id,type&type=TimeEntry")
        assert {row["type"] for row in found} == {"TimeEntry"}
        assert len(await _truth(asker, "TimeEntries?Verbose=true")) == 400
        assert (await asker.get("/admin/truth/nothing")).status == 404
        tables = (await asker.get("/admin/tables")).json()
        assert tables["activities"] == tables["TimeEntries"] == 400


async def test_unknown_names_and_bad_orders() -> None:
    async with asking() as asker:
        with pytest.raises(UnknownNameError):
            asker.sandbox.mutate("nothing", insert=1)
        with pytest.raises(UnknownNameError):
            asker.sandbox.change("matters", 1, {})
        with pytest.raises(ValueError, match="contacts has no row 1"):
            asker.sandbox.insert("matters", {"client": 1})
        for path, body, status in (
            ("mutate", b'{"table":"nothing"}', 404),
            ("mutate", b'{"tables":"activities"}', 400),
            ("clock", b'{"set":"2026-01-01T00:00:00"}', 400),
        ):
            async with asker.session.post(f"{asker.sandbox.url}/admin/{path}", data=body) as answer:
                assert answer.status == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_process_says_where_it_is_and_ends_cleanly(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "syncline.sandbox", "--rows", "50", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = (await process.stdout.readline()).decode()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None, line
    async with aiohttp.ClientSession() as session, session.get(f"{found[0]}/admin/tables") as reply:
        assert (await reply.json())["activities"] == 50
    process.send_signal(number)
    assert await process.wait() == 0
    assert await process.stderr.read() == b""
