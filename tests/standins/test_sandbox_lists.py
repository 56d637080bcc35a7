"""Every list of both stand-ins answers with rows of the declared types, the same every time."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

import msgspec
import pytest

from standins.sandbox_asking import Asker, Row, asking
from syncline.sandbox import describe
from syncline.sandbox.clio_fields import everything
from syncline.sandbox.options import Options

CLIO = describe.clio()
CLICKTIME = describe.clicktime()
REQUIRED = {"type": "Contact", "region": "London", "conversation_id": "conversations"}
CLIO_PARENTS = {
    "{contact_id}": "contacts",
    "{matter_id}": "matters",
    "{jurisdiction_id}": "court_rules_jurisdictions",
    "{id}": "documents",
}
CLICKTIME_PARENTS = {
    "{clientID}": "Clients",
    "{jobID}": "Jobs",
    "{userID}": "Users",
    "{taskID}": "Tasks",
    "{expenseSheetID}": "ExpenseSheets",
    "{timeOffRequestID}": "TimeOffRequests",
    "{employmentTypeID}": "EmploymentTypes",
    "{timeOffTypeID}": "TimeOffTypes",
    "{overtimeDefinitionID}": "Overtime",
    "{jobApprovalID}": "Jobs",
    "{alternativeTimeOffTypeID}": "AlternativeTimeOffTypes",
    "{holidayTypeID}": "HolidayTypes",
    "{Timesheets-id}": "Timesheets",
}


def _is_date(value: object) -> bool:
    return isinstance(value, str) and date.fromisoformat(value) is not None


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "int32": lambda value: _is_whole(value) and abs(int(str(value))) < 2**31,
    "int64": _is_whole,
    "double": lambda value: isinstance(value, float) or _is_whole(value),
    "date": _is_date,
    "datetime": _is_moment,
    "object": lambda value: isinstance(value, dict),
    "custom": lambda value: isinstance(value, dict),
}


def _wrong(kind: describe.Kind, value: object) -> bool:
    if value is None:
        return False
    if kind.name == "enum":
        return value not in kind.choices
    if kind.name.startswith("["):
        inner = describe.Kind(name=kind.name[1:-1], choices=kind.choices)
        return not isinstance(value, list) or any(_wrong(inner, one) for one in value)
    return not TYPES[kind.name](value)


def _faults(schemas: Mapping[str, describe.Schema], schema: describe.Schema, row: Row) -> list[str]:
    """What of a row, or of the objects in it, does not have its declared type."""
    found = []
    for name, value in row.items():
        association = schema.nested.get(name)
        if association is None:
            if (schema.name, name) == ("CustomFieldValue", "value"):
                continue
            if _wrong(schema.fields[name], value):
                found.append(f"{schema.name}.{name} is {value!r}")
        elif association.many != isinstance(value, list) and value is not None:
            found.append(f"{schema.name}.{name} is {value!r}")
        elif value is not None:
            inner = schemas[association.schema]
            for one in msgspec.convert(value if association.many else [value], list[Row]):
                found.extend(_faults(schemas, inner, one))
    return found


def _first(asker: Asker, table: str) -> str:
    rows = asker.sandbox.table(table)[1]
    return str(rows.identity(0))


async def test_every_clio_list_answers_rows_of_its_types() -> None:
    assert len(CLIO.lists) == 76
    async with asking(Options(rows=300, rate_limit=0)) as asker:
        for entry in CLIO.lists:
            path = entry.path
            for parameter, table in CLIO_PARENTS.items():
                path = path.replace(parameter, _first(asker, table))
            asked = {"fields": everything(entry.schema), "limit": "60"}
            for name in entry.required:
                value = REQUIRED[name]
                asked[name] = _first(asker, value) if name.endswith("_id") else value
            rows = (await asker.clio(f"{path}.json", asked)).rows()
            assert rows, path
            assert set(rows[0]) == {*entry.schema.fields, *entry.schema.nested}
            wrong = [fault for row in rows for fault in _faults(CLIO.schemas, entry.schema, row)]
            assert not wrong, (path, wrong[:5])
            bare = (await asker.clio(path, {**asked, "fields": ""})).rows()
            assert set(bare[0]) == set(entry.schema.defaults()), path


async def test_every_clicktime_list_answers_rows_of_its_types() -> None:
    assert len(CLICKTIME.lists) == 136
    async with asking(Options(rows=600, rate_limit=0)) as asker:
        empty = []
        for entry in CLICKTIME.lists:
            path = entry.path
            for parameter, table in CLICKTIME_PARENTS.items():
                path = path.replace(parameter, _first(asker, table))
            asked = {"Verbose": "true"}
            for name in entry.required:
                asked[name] = {"StartDate": "2000-01-01", "EndDate": "2030-01-01"}.get(name, "Job")
            reply = await asker.clicktime(path, asked)
            assert reply.status == 200, path
            data = msgspec.convert(reply.json()["data"], list[object])
            if not data:
                empty.append(entry.path)
            if entry.model is None:
                assert all(isinstance(value, str) for value in data), path
                continue
            for row in msgspec.convert(data, list[Row]):
                assert set(row) == {*entry.model.fields, *entry.model.nested}, path
                wrong = _faults(CLICKTIME.models, entry.model, row)
                assert not wrong, (path, wrong[:5])
        # What was entered in one certain week may be nothing.
        assert all("/{Timesheets-id}/" in path for path in empty), empty


async def test_every_row_has_ids_that_lead_to_itself() -> None:
    async with asking(Options(rows=60, rate_limit=0)) as asker:
        for entry in CLIO.lists:
            if not entry.show or "{" in entry.path:
                continue
            for row in asker.sandbox.truth(entry.path, fields="")[:3]:
                assert (await asker.clio(f"{entry.path}/{row['id']}.json")).one() == row
        for listed in CLICKTIME.lists:
            if listed.show and "{" not in listed.path and listed.model is not None:
                reply = await asker.clicktime(listed.path)
                if reply.status == 200 and reply.rows() and "ID" in listed.model.fields:
                    row = reply.rows()[0]
                    assert (await asker.clicktime(f"{listed.path}/{row['ID']}")).one() == row


async def test_nested_objects_are_the_rows_they_name() -> None:
    async with asking() as asker:
        names = {row["id"]: row for row in asker.sandbox.truth("users", fields="id,name,email")}
        fields = "user{id,name,email},matter{id,client_id,client},bill{id,state,total}"
        matters = {
            row["id"]: row for row in asker.sandbox.truth("matters", fields="id,client_id,client")
        }
        bills = {
            row["id"]: row for row in asker.sandbox.truth("bills", fields="id,state,total,matters")
        }
        seen = 0
        for row in asker.sandbox.truth("activities", fields=fields):
            user, matter, bill = (
                msgspec.convert(row[name], Row | None) for name in ("user", "matter", "bill")
            )
            assert user is None or user == names[user["id"]]
            assert matter is None or matter == matters[matter["id"]]
            if bill is not None and matter is not None:
                seen += 1
                assert bill["total"] == bills[bill["id"]]["total"]
                billed = msgspec.convert(bills[bill["id"]]["matters"], list[Row])
                assert [one["id"] for one in billed] == [matter["id"]]
        assert seen > 50


async def test_lists_of_entries_are_the_entries_that_name_the_row() -> None:
    async with asking() as asker:
        pointing: dict[object, list[object]] = {}
        for row in asker.sandbox.truth("activities", fields="id,task{id}"):
            task = msgspec.convert(row["task"], Row | None)
            if task is not None:
                pointing.setdefault(task["id"], []).append(row["id"])
        for row in asker.sandbox.truth("tasks", fields="id,time_entries{id},time_entries_count"):
            entries = [one["id"] for one in msgspec.convert(row["time_entries"], list[Row])]
            assert entries == pointing.get(row["id"], [])
            assert row["time_entries_count"] == len(entries)


async def test_the_data_has_awkward_values() -> None:
    async with asking(Options(rows=3000, rate_limit=0)) as asker:
        rows = asker.sandbox.truth("activities", fields="note,total,price")
        notes = [row["note"] for row in rows]
        assert None in notes
        assert "" in notes
        assert any(len(str(note)) > 2000 for note in notes)
        assert any("\U0001f600" in str(note) for note in notes)
        assert any("客户" in str(note) for note in notes)
        assert any("\n" in str(note) for note in notes)
        assert any(float(str(row["total"])) < 0 for row in rows)
        assert any(re.search(r"\.\d{3,4}$", str(row["price"])) for row in rows)


async def test_the_same_options_give_the_same_bytes() -> None:
    options = Options(rows=200, rate_limit=0, frozen=True)
    asked = {"fields": everything(CLIO.schemas["Activity"]), "order": "id(asc)", "limit": "200"}
    contents: list[tuple[bytes, ...]] = []
    for _ in range(2):
        async with asking(options) as asker:
            changes = {
                name: asker.sandbox.mutate(name, insert=3, update=4, delete=2)
                for name in ("activities", "matters", "TimeEntries")
            }
            contents.append(
                (
                    (await asker.clio("activities.json", asked)).content.split(b'"meta"')[0],
                    *asker.sandbox.truth_lines("contacts"),
                    *asker.sandbox.truth_lines("TimeEntries", query="Verbose=true"),
                    msgspec.json.encode(changes),
                    asker.token.encode(),
                )
            )
    assert contents[0] == contents[1]


@pytest.mark.parametrize("name", ["activities", "TimeEntries"])
async def test_another_seed_gives_other_data(name: str) -> None:
    found = []
    for seed in (1, 2):
        async with asking(Options(rows=50, seed=seed, rate_limit=0)) as asker:
            found.append(asker.sandbox.truth(name))
    assert found[0] != found[1]


async def test_a_large_sandbox_starts_at_once_and_pages_fast() -> None:
    async with asking(Options(rows=100_000, rate_limit=0)) as asker:
        reply = await asker.clio("activities", {"limit": "200", "fields": "id,note,matter{id}"})
        assert reply.part("meta", "records") == 100_000
        entries = await asker.clicktime("/Jobs", {"limit": "1000"})
        assert entries.part("page", "count") == 4000
