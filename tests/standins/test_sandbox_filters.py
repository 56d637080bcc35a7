"""The stand-in Clio's filters: what they keep equals what the truth says they should."""

from collections.abc import Callable
from datetime import datetime

import msgspec
import pytest

from standins.sandbox_asking import Row, asking
from syncline.sandbox.clock import DEFAULT_START
from syncline.sandbox.options import Options


def _ids(rows: list[Row]) -> list[object]:
    return [row["id"] for row in rows]


def _object(value: object) -> Row:
    return msgspec.convert(value, Row)


async def test_updated_since_is_strict_unless_told_otherwise() -> None:
    for inclusive in (False, True):
        options = Options(rows=400, rate_limit=0, inclusive_since=inclusive)
        async with asking(options) as asker:
            rows = asker.sandbox.truth("activities", fields="id,updated_at")
            stamps = [datetime.fromisoformat(str(row["updated_at"])) for row in rows]
            middle = sorted(stamps)[200]
            assert middle.utcoffset() is not None
            found = await asker.walk(
                "activities", {"updated_since": middle.isoformat(), "fields": "id,updated_at"}
            )
            expected = [
                row["id"]
                for row, stamp in zip(rows, stamps, strict=True)
                if stamp > middle or (inclusive and stamp == middle)
            ]
            assert _ids(found) == expected


async def test_timestamps_repeat_and_have_the_accounts_offset() -> None:
    async with asking() as asker:
        rows = asker.sandbox.truth("activities", fields="updated_at,created_at")
        stamps = [str(row["updated_at"]) for row in rows]
        assert len(set(stamps)) < len(stamps) * 0.8
        assert all(stamp.endswith("-04:00") for stamp in stamps)
        assert all(
            datetime.fromisoformat(str(row["created_at"]))
            <= datetime.fromisoformat(str(row["updated_at"]))
            < DEFAULT_START
            for row in rows
        )


async def test_created_since() -> None:
    async with asking(Options(rows=100, rate_limit=0, frozen=True)) as asker:
        asked = {"created_since": "2026-03-02T14:00:00Z", "fields": "id"}
        asker.sandbox.mutate("tasks", insert=3)
        assert (await asker.clio("tasks", asked)).rows() == []
        asker.sandbox.advance(1)
        new = asker.sandbox.mutate("tasks", insert=2)["inserted"]
        assert _ids((await asker.clio("tasks", asked)).rows()) == new


async def test_filters_by_reference_enum_flag_and_date() -> None:
    async with asking() as asker:
        fields = "id,type,date,non_billable,matter{id},user{id}"
        rows = asker.sandbox.truth("activities", fields=fields)
        matter = _object(next(row["matter"] for row in rows if row["matter"]))["id"]

        async def found(**asked: str) -> list[object]:
            return _ids(await asker.walk("activities", {"fields": "id", **asked}))

        def wanted(test: Callable[[Row], object]) -> list[object]:
            return [row["id"] for row in rows if test(row)]

        def of_matter(row: Row) -> bool:
            return row["matter"] is not None and _object(row["matter"])["id"] == matter

        assert await found(matter_id=str(matter)) == wanted(of_matter)
        assert await found(matter_id="null") == wanted(lambda row: row["matter"] is None)
        expenses = wanted(lambda row: row["type"] == "ExpenseEntry")
        assert await found(type="ExpenseEntry") == expenses
        assert await found(status="non_billable") == wanted(lambda row: row["non_billable"])
        expected = wanted(lambda row: "2024-01-01" <= str(row["date"]) <= "2024-12-31")
        assert expected
        assert await found(start_date="2024-01-01", end_date="2024-12-31") == expected
        assert await found(nonsense="ignored") == _ids(rows)


async def test_comma_separated_status_and_date_operators() -> None:
    async with asking() as asker:
        rows = asker.sandbox.truth("matters", fields="id,status,open_date")
        found = await asker.walk("matters", {"status": "open,pending", "fields": "id"})
        assert _ids(found) == [row["id"] for row in rows if row["status"] in ("Open", "Pending")]
        asked = [("open_date[]", ">=2024-01-01"), ("open_date[]", "<2025-01-01"), ("fields", "id")]
        found = await asker.walk("matters", asked)
        expected = [
            row["id"] for row in rows if "2024-01-01" <= str(row["open_date"] or "") < "2025-01-01"
        ]
        assert expected
        assert _ids(found) == expected


async def test_custom_field_values_filter() -> None:
    async with asking() as asker:
        fields = "id,custom_field_values{field_type,value,custom_field}"
        rows = asker.sandbox.truth("matters", fields=fields)
        expected, definition = [], None
        for row in rows:
            for value in msgspec.convert(row["custom_field_values"], list[Row]):
                if value["field_type"] == "numeric":
                    definition = _object(value["custom_field"])["id"]
                    if float(str(value["value"])) >= 2000:
                        expected.append(row["id"])
        asked = {f"custom_field_values[{definition}]": ">=2000", "fields": "id"}
        assert expected
        assert _ids(await asker.walk("matters", asked)) == expected


async def test_search() -> None:
    async with asking() as asker:
        rows = asker.sandbox.truth("activities", fields="id,note")
        expected = [row["id"] for row in rows if "zoë" in str(row["note"] or "").lower()]
        assert expected
        assert _ids(await asker.walk("activities", {"query": "Zoë", "fields": "id"})) == expected


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("notes", {"type": "Matter"}),
        ("conversation_messages", {"conversation_id": ""}),
        ("lauk_expense_categories", {"region": "London"}),
    ],
)
async def test_required_filters(path: str, filters: dict[str, str]) -> None:
    async with asking() as asker:
        assert (await asker.clio(path)).status == 400
        if "conversation_id" in filters:
            first = asker.sandbox.truth("conversations", fields="id")[0]["id"]
            filters = {"conversation_id": str(first)}
        assert (await asker.clio(path, filters)).rows()


async def test_the_two_kinds_of_notes_are_all_notes() -> None:
    async with asking() as asker:
        found: list[Row] = []
        for kind in ("Matter", "Contact"):
            asked = {"type": kind, "fields": "id,type,matter,contact"}
            rows = await asker.walk("notes", asked)
            assert {row["type"] for row in rows} == {kind}
            assert any(row[kind.lower()] for row in rows)
            found.extend(rows)
        assert sorted(_ids(found), key=str) == _ids(asker.sandbox.truth("notes", fields="id"))


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("activities", {"order": "price(up)"}),
        ("activities", {"order": "etag(asc)"}),
        ("activities", {"updated_since": "yesterday"}),
        ("activities", {"matter_id": "abc"}),
        ("activities", {"limit": "many"}),
    ],
)
async def test_bad_arguments_are_422(path: str, asked: dict[str, str]) -> None:
    async with asking() as asker:
        reply = await asker.clio(path, asked)
        assert (reply.status, reply.part("error", "type")) == (422, "ArgumentError")
