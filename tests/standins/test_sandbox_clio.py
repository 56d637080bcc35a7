"""The stand-in Clio: fields, pages, filters, limits, conditional requests, errors."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

import msgspec
import pytest

from standins.sandbox_asking import Asker, Row, asking
from syncline.sandbox.clock import DEFAULT_START
from syncline.sandbox.options import Options


def _ids(rows: list[Row]) -> list[object]:
    return [row["id"] for row in rows]


def _object(value: object) -> Row:
    return msgspec.convert(value, Row)


async def _error(asker: Asker, path: str, parameters: dict[str, str]) -> tuple[int, object]:
    reply = await asker.clio(path, parameters)
    return reply.status, reply.part("error", "type")


# -- fields


async def test_default_fields_are_id_and_etag() -> None:
    async with asking() as asker:
        row = (await asker.clio("matters.json", {"limit": "1"})).rows()[0]
        assert set(row) == {"id", "etag"}
        assert str(row["etag"]).startswith('"')
        assert str(row["etag"]).endswith('"')


async def test_nested_fields_by_default_and_by_braces() -> None:
    async with asking() as asker:
        fields = "id,matter{id,display_number,client},user,note"
        rows = (await asker.clio("activities", {"fields": fields})).rows()
        row = next(row for row in rows if row["matter"] and row["user"])
        matter = _object(row["matter"])
        assert set(row) == {"id", "matter", "user", "note"}
        assert set(matter) == {"id", "display_number", "client"}
        assert set(_object(matter["client"])) == {"id", "etag"}
        assert set(_object(row["user"])) == {"id", "etag"}
        shown = (await asker.clio(f"matters/{matter['id']}", {"fields": "display_number"})).one()
        assert shown["display_number"] == matter["display_number"]


async def test_nested_lists_take_braces() -> None:
    async with asking() as asker:
        fields = "id,custom_field_values{id,field_name,field_type,value,custom_field}"
        rows = (await asker.clio("matters", {"fields": fields})).rows()
        lists = [msgspec.convert(row["custom_field_values"], list[Row]) for row in rows]
        values = [value for values in lists for value in values]
        kinds = {value["field_type"]: type(value["value"]) for value in values}
        assert kinds["checkbox"] is bool
        assert kinds["numeric"] is float
        assert kinds["matter"] is int
        assert kinds["text_line"] is str
        assert all(str(value["id"]).startswith(f"{value['field_type']}-") for value in values)
        definition = _object(values[0]["custom_field"])["id"]
        shown = (await asker.clio(f"custom_fields/{definition}", {"fields": "name"})).one()
        assert shown["name"] == values[0]["field_name"]
        narrowed = await asker.clio(
            "matters",
            {"fields": "custom_field_values{custom_field}", "custom_field_ids[]": str(definition)},
        )
        for row in narrowed.rows():
            for value in msgspec.convert(row["custom_field_values"], list[Row]):
                assert _object(value["custom_field"])["id"] == definition


@pytest.mark.parametrize(
    "fields",
    [
        "id,nothing",
        "matter{client{id}}",
        "matter{nothing}",
        "id{etag}",
        "matter{id",
        "id,,etag",
        "id}",
    ],
)
async def test_invalid_fields(fields: str) -> None:
    async with asking() as asker:
        status, kind = await _error(asker, "activities", {"fields": fields})
        assert (status, kind) == (400, "InvalidFields")


# -- pages


async def test_a_walk_gives_each_row_once_and_equals_the_truth() -> None:
    async with asking() as asker:
        fields = "id,etag,updated_at,note,matter{id,display_number}"
        asked = {"fields": fields, "limit": "37", "order": "id(asc)"}
        rows = await asker.walk("activities.json", asked)
        ids = _ids(rows)
        assert len(ids) == len(set(ids)) == 400
        assert ids == sorted(ids, key=str)
        assert rows == asker.sandbox.truth("activities", fields=fields)


async def test_the_next_link_keeps_every_parameter() -> None:
    async with asking() as asker:
        asked = [
            ("limit", "5"),
            ("fields", "id"),
            ("updated_since", "2001-04-01T00:00:00+00:00"),
            ("ids[]", str(asker.sandbox.truth("matters", fields="id")[0]["id"])),
        ]
        asked.extend(("ids[]", str(row["id"])) for row in asker.sandbox.truth("matters")[1:9])
        reply = await asker.clio("matters.json", asked)
        link = reply.next()
        assert link is not None
        assert link.startswith(f"{asker.sandbox.url}/api/v4/matters.json?limit=5&fields=id&")
        assert link.count("ids%5B%5D=") == 9
        assert "page_token=" in link
        assert "order=" not in link
        assert reply.part("meta", "records") == 9
        last = await asker.clio(link)
        assert len(last.rows()) == 4
        assert last.next() is None
        assert "previous" in msgspec.convert(last.part("meta", "paging"), Row)


async def test_one_page_has_empty_paging() -> None:
    async with asking() as asker:
        reply = await asker.clio("currencies")
        assert reply.part("meta", "paging") == {}
        assert reply.part("meta", "records") == len(reply.rows())


async def test_previous_leads_back() -> None:
    async with asking() as asker:
        first = await asker.clio("activities", {"limit": "50"})
        second = await asker.clio(str(first.next()))
        back = msgspec.convert(second.part("meta", "paging"), dict[str, str])["previous"]
        assert _ids((await asker.clio(back)).rows()) == _ids(first.rows())


async def test_offset_pages_end_at_ten_thousand() -> None:
    async with asking() as asker:
        ordered = {"order": "date(desc)", "fields": "id,date", "limit": "150"}
        rows = await asker.walk("activities", ordered)
        dates = [str(row["date"]) for row in rows]
        assert len(rows) == 400
        assert dates == sorted(dates, reverse=True)
        assert (await asker.clio("activities", {"offset": "10000"})).rows() == []
        status, kind = await _error(asker, "activities", {"offset": "10001"})
        assert (status, kind) == (422, "ArgumentError")


async def test_keyset_paging_does_not_shift_while_rows_come_and_go() -> None:
    async with asking() as asker:
        reply = await asker.clio("activities", {"limit": "100", "fields": "id"})
        seen = reply.rows()
        asker.sandbox.delete("activities", [row["id"] for row in seen[:10]])
        new = asker.sandbox.mutate("activities", insert=5)["inserted"]
        while (link := reply.next()) is not None:
            reply = await asker.clio(link)
            seen.extend(reply.rows())
        assert len(seen) == len({row["id"] for row in seen}) == 405
        assert _ids(seen)[-5:] == new


@pytest.mark.parametrize("token", ["x", "YWZm", "%%%"])
async def test_made_up_page_tokens_are_refused(token: str) -> None:
    async with asking() as asker:
        status, _ = await _error(asker, "activities", {"page_token": token})
        assert status == 422


@pytest.mark.parametrize(("path", "most"), [("users", 2000), ("matters", 200)])
@pytest.mark.parametrize("over", ["clamp", "refuse"])
async def test_limits(path: str, most: int, over: Literal["clamp", "refuse"]) -> None:
    async with asking(Options(rows=6000, rate_limit=0, limit_over=over)) as asker:
        reply = await asker.clio(path, {"limit": str(most + 1)})
        if over == "refuse":
            assert reply.status == 422
        else:
            assert len(reply.rows()) == min(most, len(asker.sandbox.truth(path, fields="id")))
        assert (await asker.clio(path, {"limit": "0"})).status == 422


async def test_billable_clients_have_pages_of_25() -> None:
    async with asking(Options(rows=2000, rate_limit=0)) as asker:
        assert len((await asker.clio("billable_clients")).rows()) == 25


# -- parents and children


async def test_children_of_a_parent_and_of_none() -> None:
    async with asking() as asker:
        contact = asker.sandbox.truth("contacts", fields="id,primary_email_address")[0]
        path = f"contacts/{contact['id']}/email_addresses.json"
        rows = (await asker.clio(path, {"fields": "id,address"})).rows()
        assert rows[0]["address"] == contact["primary_email_address"]
        assert rows == asker.sandbox.truth(
            "email_addresses", fields="id,address", parent=contact["id"]
        )
        assert await _error(asker, "contacts/1/email_addresses", {}) == (404, "RecordNotFound")
        asker.sandbox.delete("contacts", [contact["id"]])
        assert (await asker.clio(path)).status == 404


async def test_folders_list_shows_folders_and_documents_of_a_folder() -> None:
    async with asking() as asker:
        asked = {"fields": "id,type,name,parent{id}", "scope": "descendants", "limit": "70"}
        rows = await asker.walk("folders/list.json", asked)
        folders = asker.sandbox.truth("folders", fields="id,root")
        documents = asker.sandbox.truth("documents", fields="id")
        below_root = [row for row in folders if not row["root"]]
        assert _ids(rows) == [*_ids(below_root), *_ids(documents)]
        root = next(row["id"] for row in folders if row["root"])
        children = await asker.walk("folders/list", {"fields": "id,parent{id}"})
        assert children
        assert {_object(row["parent"])["id"] for row in children} == {root}


async def test_trash_is_shown_when_asked_for() -> None:
    async with asking() as asker:
        usual = await asker.walk("documents", {"fields": "id,deleted_at"})
        assert all(row["deleted_at"] is None for row in usual)
        gone = asker.sandbox.mutate("documents", delete=3)["deleted"]
        left = await asker.walk("documents", {"fields": "id"})
        assert len(left) == len(usual) - 3
        everything = await asker.walk(
            "documents", {"fields": "id,deleted_at,updated_at", "include_deleted": "true"}
        )
        trashed = {row["id"]: row for row in everything if row["deleted_at"] is not None}
        assert set(gone) <= set(trashed)
        assert trashed[gone[0]]["deleted_at"] == trashed[gone[0]]["updated_at"]


async def test_deleted_rows_elsewhere_are_gone_and_nothing_points_at_them() -> None:
    async with asking() as asker:
        matter = asker.sandbox.truth("matters", fields="id")[0]["id"]
        asker.sandbox.delete("matters", [matter])
        assert (await asker.clio(f"matters/{matter}")).status == 404
        rows = asker.sandbox.truth("activities", fields="matter{id}")
        assert matter not in {_object(row["matter"])["id"] for row in rows if row["matter"]}


async def test_deleted_bills_keep_their_row_with_the_state_deleted() -> None:
    async with asking() as asker:
        gone = asker.sandbox.mutate("bills", delete=2)["deleted"]
        rows = await asker.walk("bills", {"state": "deleted", "fields": "id"})
        assert _ids(rows) == gone


# -- one row


async def test_conditional_requests() -> None:
    async with asking() as asker:
        identity = asker.sandbox.truth("contacts", fields="id")[0]["id"]
        path = f"contacts/{identity}.json"
        first = await asker.clio(path, {"fields": "id,etag,updated_at"})
        assert first.headers["ETag"] == first.one()["etag"]
        modified = parsedate_to_datetime(first.headers["Last-Modified"])
        assert modified == datetime.fromisoformat(str(first.one()["updated_at"]))
        same = await asker.clio(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (same.status, same.content) == (304, b"")
        since = {"If-Modified-Since": first.headers["Last-Modified"]}
        assert (await asker.clio(path, headers=since)).status == 304
        asker.sandbox.change("contacts", identity, {"name": "Someone Else"})
        changed = await asker.clio(
            path, {"fields": "name"}, headers={"If-None-Match": first.headers["ETag"]}
        )
        assert changed.one() == {"name": "Someone Else"}
        assert changed.headers["ETag"] != first.headers["ETag"]


async def test_who_am_i_is_the_first_user() -> None:
    async with asking() as asker:
        row = (await asker.clio("users/who_am_i", {"fields": "id,account_owner"})).one()
        assert row["account_owner"] is True


async def test_api_versions() -> None:
    async with asking() as asker:
        assert (await asker.clio("users")).headers["X-API-VERSION"] == "4.0.13"
        older = await asker.clio("users", headers={"X-API-VERSION": "4.0.12"})
        assert older.headers["X-API-VERSION"] == "4.0.12"
        assert (await asker.clio("users", headers={"X-API-VERSION": "3"})).status == 410


@pytest.mark.parametrize(
    "path", ["nothing", "matters/1", "bill_themes/1", "matters/x", "users/1/a"]
)
async def test_unknown_addresses_are_404(path: str) -> None:
    async with asking() as asker:
        assert await _error(asker, path, {}) == (404, "RecordNotFound")


# -- limits


async def test_rate_limit_headers_and_refusal() -> None:
    async with asking(Options(rows=10, rate_limit=3, frozen=True)) as asker:
        replies = [await asker.clio("users") for _ in range(5)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
        left = [reply.headers["X-RateLimit-Remaining"] for reply in replies]
        assert left == ["2", "1", "0", "0", "0"]
        refused = replies[3]
        assert refused.headers["X-RateLimit-Limit"] == "3"
        assert refused.part("error", "type") == "RateLimited"
        wait = int(refused.headers["Retry-After"])
        assert 50 < wait <= 60
        date = parsedate_to_datetime(refused.headers["Date"]).timestamp()
        assert date == DEFAULT_START.timestamp()
        assert abs(int(refused.headers["X-RateLimit-Reset"]) - date - wait) <= 1
        assert asker.sandbox.counters()["refused"] == 2
        asker.token = asker.sandbox.issue_token().access_token
        assert (await asker.clio("users")).status == 200
        asker.sandbox.advance(60)
        assert (await asker.clio("users")).headers["X-RateLimit-Remaining"] == "2"


async def test_no_limit() -> None:
    async with asking() as asker:
        assert "X-RateLimit-Limit" not in (await asker.clio("users")).headers


async def test_the_virtual_clock_dates_answers_and_changes() -> None:
    async with asking(Options(rows=10, rate_limit=0, frozen=True)) as asker:
        moment = datetime(2026, 3, 12, 3, 4, 5, tzinfo=UTC)
        asker.sandbox.set_clock(moment)
        changed = asker.sandbox.mutate("matters", update=1)["updated"][0]
        reply = await asker.clio(f"matters/{changed}", {"fields": "updated_at"})
        assert parsedate_to_datetime(reply.headers["Date"]) == moment
        assert reply.one()["updated_at"] == "2026-03-11T23:04:05-04:00"
