"""The stand-in ClickTime: envelope, pages, names in any case, filters, Verbose, limits."""

import base64

import msgspec
import pytest

from standins.sandbox_asking import Asker, Reply, Row, asking
from syncline.sandbox.options import Options


def _links(reply: Reply) -> dict[str, str | None]:
    return msgspec.convert(reply.part("page", "links"), dict[str, str | None])


async def _walk(asker: Asker, path: str, parameters: dict[str, str]) -> list[Row]:
    reply = await asker.clicktime(path, parameters)
    rows = reply.rows()
    while (link := _links(reply)["next"]) is not None:
        reply = await asker.clicktime(link)
        rows.extend(reply.rows())
    return rows


async def test_the_envelope() -> None:
    async with asking() as asker:
        reply = await asker.clicktime("/TimeEntries", {"limit": "30", "offset": "30"})
        assert set(reply.json()) == {"data", "errors", "page"}
        assert reply.json()["errors"] == []
        page = msgspec.convert(reply.json()["page"], Row)
        assert (page["count"], page["limit"], page["offset"]) == (400, 30, 30)
        links = _links(reply)
        base = f"{asker.sandbox.url}/v2/TimeEntries?limit=30&offset="
        assert links == {
            "self": f"{base}30",
            "first": f"{base}0",
            "last": f"{base}390",
            "next": f"{base}60",
            "previous": f"{base}0",
        }


async def test_a_walk_gives_each_entry_once_newest_first() -> None:
    async with asking() as asker:
        rows = await _walk(asker, "/TimeEntries", {"limit": "70"})
        assert len({str(row["ID"]) for row in rows}) == len(rows) == 400
        keys = [(str(row["Date"]), str(row["ID"])) for row in rows]
        assert keys == sorted(keys, reverse=True)
        assert rows == asker.sandbox.truth("/TimeEntries")


@pytest.mark.parametrize(
    ("path", "limit", "rows"),
    [("/TimeEntries", None, 100), ("/TimeEntries", 5000, 500), ("/AuditLog", 5000, 0)],
)
async def test_page_sizes(path: str, limit: int | None, rows: int) -> None:
    async with asking(Options(rows=1200, rate_limit=0)) as asker:
        asked = {} if limit is None else {"limit": str(limit)}
        reply = await asker.clicktime(path, asked)
        if rows:
            assert len(reply.rows()) == rows
        else:
            assert reply.status == 404
        assert len((await asker.clicktime("/Reports/AuditLog", asked)).rows()) == min(
            limit or 100, 300
        )


async def test_verbose_adds_objects_that_are_left_out_otherwise() -> None:
    async with asking() as asker:
        plain = (await asker.clicktime("/Jobs", {"limit": "1"})).rows()[0]
        verbose = (await asker.clicktime("/Jobs", {"limit": "1", "Verbose": "true"})).rows()[0]
        assert set(verbose) - set(plain) == {"Client", "ProjectManager", "LifetimeBudget"}
        client = msgspec.convert(verbose["Client"], Row)
        assert client["ID"] == verbose["ClientID"]
        shown = (await asker.clicktime(f"/Clients/{client['ID']}")).one()
        assert {name: shown[name] for name in client} == client


async def test_paths_keys_and_the_scheme_in_any_case() -> None:
    async with asking() as asker:
        job = (await asker.clicktime("/Jobs")).rows()[0]["ID"]
        one = await asker.clicktime("/timeentries", {"JOBID": str(job), "LIMIT": "5"})
        two = await asker.clicktime("/TimeEntries", {"JobID": str(job), "limit": "5"})
        assert one.rows() == two.rows() != []
        headers = {"Authorization": "tOKEN sandbox-token"}
        assert (await asker.get("/V2/me", headers=headers)).status == 200


async def test_repeated_keys_are_alternatives() -> None:
    async with asking() as asker:
        rows = await _walk(asker, "/TimeEntries", {})
        wanted = sorted({str(row["UserID"]) for row in rows})[:3]
        asked = [("UserID", user) for user in wanted]
        found = (await asker.clicktime("/TimeEntries", [*asked, ("limit", "500")])).rows()
        assert found == [row for row in rows if row["UserID"] in wanted]
        reply = await asker.clicktime("/TimeEntries", [*asked, ("limit", "1")])
        link = str(_links(reply)["next"])
        assert link.count("UserID=") == 3


async def test_windows_of_dates() -> None:
    async with asking() as asker:
        rows = await _walk(asker, "/TimeEntries", {})
        asked = {"StartDate": "2024-06-01", "EndDate": "2024-12-31", "limit": "500"}
        found = (await asker.clicktime("/TimeEntries", asked)).rows()
        assert found == [row for row in rows if "2024-06-01" <= str(row["Date"]) <= "2024-12-31"]
        assert found
        day = str(rows[7]["Date"])
        exact = (await asker.clicktime("/TimeEntries", {"EntryDate": day})).rows()
        assert exact == [row for row in rows if row["Date"] == day]


async def test_allocations_have_no_id_but_a_key() -> None:
    async with asking(Options(rows=4000, rate_limit=0)) as asker:
        rows = await _walk(asker, "/Allocations", {"limit": "1000"})
        assert "ID" not in rows[0]
        keys = {(row["JobID"], row["UserID"], row["Month"]) for row in rows}
        assert len(keys) == len(rows) == 480
        jobs = {row["ID"]: row["IsActive"] for row in await _walk(asker, "/Jobs", {})}
        asked = {"JobIsActive": "true", "limit": "1000"}
        active = await _walk(asker, "/Allocations", asked)
        assert active == [row for row in rows if jobs[row["JobID"]]]
        month = str(rows[0]["Month"])
        inside = await _walk(
            asker, "/Allocations", {"StartMonth": month, "EndMonth": f"{month}-01"}
        )
        assert inside == [row for row in rows if row["Month"] == month]


async def test_lists_of_me_and_of_parents() -> None:
    async with asking() as asker:
        me = (await asker.clicktime("/Me")).one()
        mine = (await asker.clicktime("/Me/TimeEntries", {"limit": "500"})).rows()
        rows = await _walk(asker, "/TimeEntries", {})
        assert mine
        assert [row["ID"] for row in mine] == [
            row["ID"] for row in rows if row["UserID"] == me["ID"]
        ]
        sheets = await _walk(asker, "/Timesheets", {})
        counts = 0
        for sheet in sheets:
            found = (await asker.clicktime(f"/Timesheets/{sheet['ID']}/TimeEntries")).rows()
            counts += len(found)
            for row in found:
                assert row["UserID"] == sheet["UserID"]
                assert str(sheet["StartDate"]) <= str(row["Date"]) <= str(sheet["EndDate"])
        assert counts
        assert (await asker.clicktime("/Timesheets/nothing/TimeEntries")).status == 404


async def test_me_takes_a_login_and_shows_the_token() -> None:
    async with asking() as asker:
        for login, status in (("admin@example.com:sandbox", 200), ("admin@example.com:x", 401)):
            basic = base64.b64encode(login.encode()).decode()
            headers = {"Authorization": f"Basic {basic}"}
            reply = await asker.get("/v2/Me", headers=headers)
            assert reply.status == status
            assert (await asker.get("/v2/Jobs", headers=headers)).status == 401
        me = (await asker.clicktime("/Me")).one()
        assert msgspec.convert(me["AuthToken"], Row)["Token"] == "sandbox-token"


async def test_errors() -> None:
    async with asking() as asker:
        refused = await asker.get("/v2/Jobs", headers={"Authorization": "Token wrong"})
        assert refused.status == 401
        errors = msgspec.convert(refused.json()["errors"], list[Row])
        assert set(errors[0]) == {"Message", "Field", "MessageDetail"}
        assert (await asker.clicktime("/Nothing")).status == 404
        assert (await asker.clicktime("/Jobs", {"limit": "x"})).status == 400
        missing = await asker.clicktime("/Reports/TimeSummary/Daily", {"StartDate": "2024-01-01"})
        assert missing.status == 400
        assert msgspec.convert(missing.json()["errors"], list[Row])[0]["Field"] == "EndDate"


async def test_time_entries_have_a_limit_of_their_own() -> None:
    async with asking(Options(rows=20)) as asker:
        statuses = [(await asker.clicktime("/TimeEntries")).status for _ in range(11)]
        assert statuses == [200] * 10 + [429]
        refused = await asker.clicktime("/TimeEntries")
        assert 1 <= int(refused.headers["Retry-After"]) <= 5
        assert (await asker.clicktime("/Jobs")).status == 200
        asker.sandbox.advance(5)
        assert (await asker.clicktime("/TimeEntries")).status == 200


async def test_numbers_as_texts() -> None:
    async with asking(Options(rows=20, rate_limit=0, numbers_as_strings=True)) as asker:
        row = (await asker.clicktime("/TimeEntries")).rows()[0]
        assert isinstance(row["Hours"], str)
        assert float(row["Hours"]) > 0


async def test_changes_are_seen() -> None:
    async with asking() as asker:
        done = asker.sandbox.mutate("TimeEntries", insert=5, update=3, delete=7)
        rows = {row["ID"]: row for row in await _walk(asker, "/TimeEntries", {})}
        assert len(rows) == 398
        assert set(done["inserted"]) <= set(rows)
        assert not set(done["deleted"]) & set(rows)
        changed = done["updated"][0]
        asker.sandbox.change("TimeEntries", changed, {"Hours": 23.5, "Comment": "late"})
        shown = (await asker.clicktime(f"/TimeEntries/{changed}")).one()
        assert (shown["Hours"], shown["Comment"]) == (23.5, "late")
        assert shown["JobID"] == rows[changed]["JobID"]
