"""The bundled Clio profile, held against what Clio documents."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from syncline.model.table import Operator
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.schema import (
    ApiTable,
    ColumnFilter,
    ParentFanOut,
    Profile,
    ValueFanOut,
)

FACTS = json.loads((Path(__file__).parent / "data" / "clio-lists.json").read_text("utf-8"))
CLIO = load_profile("clio")
LISTS: Mapping[str, Mapping[str, Any]] = FACTS["lists"]
SCHEMAS: Mapping[str, Mapping[str, str]] = FACTS["schemas"]
#: Nothing is documented of their members: they are asked for bare, or for their id.
BARE = {"UnredactedParticipant_base"}


def documented(path: str) -> Mapping[str, Any]:
    """The facts of the list that a table's path stands for."""
    shape = re.sub(r"\{[^}]*\}", "{}", path)
    return next(facts for each, facts in LISTS.items() if re.sub(r"\{[^}]*\}", "{}", each) == shape)


def typed(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: type_ for type_, names in fields.items() for name in names.split()}


def filters_of(table: ApiTable) -> Iterator[tuple[str, ColumnFilter]]:
    for column, filters in table.filters.items():
        for each in filters if isinstance(filters, tuple) else (filters,):
            yield column, each


def recorded(table: ApiTable) -> list[FlatColumn]:
    return [c for c in table_columns(CLIO, table) if c.origin == "record"]


TABLES = pytest.mark.parametrize("name", list(CLIO.tables))


def test_every_list_is_a_table() -> None:
    shapes = [re.sub(r"\{[^}]*\}", "{}", t.path) for t in CLIO.tables.values()]
    assert sorted(shapes) == sorted(re.sub(r"\{[^}]*\}", "{}", p) for p in LISTS)
    assert len(CLIO.tables) == 76
    assert sum(len(t.children) for t in CLIO.tables.values()) >= 8


@TABLES
def test_every_documented_field_is_a_column_of_its_type(name: str) -> None:
    table = CLIO.tables[name]
    columns = {c.path: c for c in recorded(table)}
    for field, type_ in typed(documented(table.path)["fields"]).items():
        if type_ == "object":
            members = [path for path in columns if path[0] == field and len(path) == 2]
            assert members, f"{field} has no members"
        else:
            wanted = "json" if type_ == "list" else type_
            assert columns[(field,)].type == wanted, field
            assert columns[(field,)].name == field


@TABLES
def test_nothing_is_asked_for_that_clio_does_not_document(name: str) -> None:
    facts = documented(CLIO.tables[name].path)
    fields, nested = typed(facts["fields"]), facts["nested"]
    for column in recorded(CLIO.tables[name]):
        first, *rest = column.path
        assert first in fields or first in nested, column.name
        schema = nested.get(first, "").strip("[]")
        members = typed(SCHEMAS[schema]) if schema else {}
        if rest and schema in BARE:
            assert rest == ["id"], column.name
        elif rest:
            wanted = members[rest[0]]
            assert column.type == wanted, column.name
        if schema in BARE:
            assert not column.fields
        else:
            assert set(column.fields) <= set(members), column.name


@TABLES
def test_every_nested_object_and_list_is_there(name: str) -> None:
    table = CLIO.tables[name]
    first = {c.path[0] for c in recorded(table)}
    assert set(documented(table.path)["nested"]) <= first
    for column in recorded(table):
        if column.type == "json" and column.path[0] in documented(table.path)["nested"]:
            schema = documented(table.path)["nested"][column.path[0]].strip("[]")
            assert column.fields or schema in BARE, column.name


@TABLES
def test_nested_objects_bring_their_id_and_not_too_much(name: str) -> None:
    table = CLIO.tables[name]
    names = {c.name for c in table_columns(CLIO, table)}
    for field, schema in documented(table.path)["nested"].items():
        if schema.startswith("["):
            continue
        if "id" in typed(SCHEMAS[schema]):
            assert f"{field}_id" in names
        if field != "event":
            assert len([c for c in recorded(table) if c.path[0] == field]) <= 10


@TABLES
def test_child_tables_are_lists_that_clio_documents(name: str) -> None:
    table = CLIO.tables[name]
    for child_name, child in table.children.items():
        nested = documented(table.path)["nested"][child.list]
        assert nested.startswith("["), child_name
        members = typed(SCHEMAS[nested.strip("[]")])
        own = [c for c in child_columns(CLIO, table, child) if c.origin == "record"]
        for column in own:
            assert column.path[0] in members, f"{child_name}.{column.name}"
            if column.type == "scalar":
                # Documented as texts, but of custom fields: as the field, so the value.
                assert column.name in {"value", "field_value"}
                assert members[column.name] == "string"
            elif len(column.path) == 1:
                assert column.type == members[column.path[0]], f"{child_name}.{column.name}"
            else:
                # One level of braces: of a nested record only its defaults can be had.
                assert column.path[1:] == ("id",), f"{child_name}.{column.name}"
                assert members[column.path[0]] == "object"
        assert set(child.parent) <= set(child.primary_key), child_name
        assert "id" in child.primary_key, child_name
        assert child.description, child_name


@TABLES
def test_changes_are_asked_for_wherever_clio_can_tell(name: str) -> None:
    table = CLIO.tables[name]
    facts = documented(table.path)
    can = "updated_since" in facts["parameters"].split() and "updated_at" in typed(facts["fields"])
    assert (table.incremental is not None) == can
    if table.incremental:
        assert table.incremental.column == "updated_at"
        assert table.incremental.parameter == "updated_since"
        assert table.incremental.format == "iso8601"
        assert table.incremental.overlap == 60


@TABLES
def test_no_parameter_is_sent_that_clio_does_not_document(name: str) -> None:
    table = CLIO.tables[name]
    facts = documented(table.path)
    known = {*facts["parameters"].split(), "order"}
    sent = {f.parameter for _, f in filters_of(table)} | set(table.parameters)
    if table.deleted:
        sent |= set(table.deleted.parameters)
    if table.windows:
        sent |= {table.windows.since, table.windows.until, *table.windows.earliest}
    if isinstance(table.fan_out, ValueFanOut) and table.fan_out.parameter:
        sent.add(table.fan_out.parameter)
    assert sent <= known


@TABLES
def test_what_clio_requires_is_sent(name: str) -> None:
    table = CLIO.tables[name]
    sent = set(table.parameters)
    if isinstance(table.fan_out, ValueFanOut) and table.fan_out.parameter:
        sent.add(table.fan_out.parameter)
    if isinstance(table.fan_out, ParentFanOut):
        assert "{parent.id}" in table.path or "{parent.id}" in table.parameters.values()
        sent.add("id")
    assert set(documented(table.path).get("required", "").split()) <= sent


@TABLES
def test_pages_are_as_large_and_as_steady_as_clio_allows(name: str) -> None:
    table = CLIO.tables[name]
    facts = documented(table.path)
    page = table.page or CLIO.defaults.page
    assert page.parameter == "limit"
    assert page.size == facts.get("limit", 200)
    assert table.parameters.get("order") == ("id(asc)" if facts.get("id_asc") else None)


@TABLES
def test_ids_and_creation_times_are_filtered_by_clio(name: str) -> None:
    table = CLIO.tables[name]
    facts = documented(table.path)
    known, fields = facts["parameters"].split(), typed(facts["fields"])
    pushed = {(c, f.parameter): f for c, f in filters_of(table)}
    assert (("id", "ids[]") in pushed) == ("ids[]" in known and "id" in fields)
    created = "created_since" in known and "created_at" in fields
    assert (("created_at", "created_since") in pushed) == created
    if created:
        since = pushed["created_at", "created_since"]
        assert set(since.operators) == {Operator.GT, Operator.GE}
        assert not since.exact


@TABLES
def test_filters_fit_their_columns(name: str) -> None:
    table = CLIO.tables[name]
    columns = {c.name: c for c in table_columns(CLIO, table)}
    for column, each in filters_of(table):
        if columns[column].origin == "filter":
            assert each.type
            assert each.description.startswith("Only to "), column
        else:
            assert each.type is None, column


@TABLES
def test_names_are_as_they_should_be(name: str) -> None:
    table = CLIO.tables[name]
    assert table.description.endswith("."), name
    for each in (name, *table.children):
        assert re.fullmatch(r"([A-Z][a-z]+)+", each), each
    for column in table_columns(CLIO, table):
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name), column.name
        assert not column.description or column.description.endswith("."), column.name


@TABLES
def test_rows_have_a_key(name: str) -> None:
    table = CLIO.tables[name]
    required = {c.name for c in table_columns(CLIO, table) if c.required}
    assert table.primary_key
    assert set(table.primary_key) <= required


@TABLES
def test_the_address_of_everything_at_once_is_short_enough(name: str) -> None:
    wanted: dict[str, list[str]] = {}
    for column in recorded(CLIO.tables[name]):
        inner = wanted.setdefault(column.path[0], [])
        inner.extend([*column.path[1:2], *column.fields])
    fields = ",".join(f"{k}{{{','.join(dict.fromkeys(v))}}}" if v else k for k, v in wanted.items())
    assert len(quote(fields)) < 4000


def test_keys_that_need_more_than_an_id() -> None:
    keys = {n: t.primary_key for n, t in CLIO.tables.items() if t.primary_key != ("id",)}
    assert keys == {
        "JurisdictionTriggers": ("jurisdiction_id", "id"),
        "LaukExpenseCategories": ("region", "id"),
        "MatterContacts": ("matter_id", "id"),
        "MyEvents": ("event_id",),
        "RelatedContacts": ("matter_id", "id"),
    }


def test_deletions_that_clio_tells_of() -> None:
    marks = {n: t.deleted for n, t in CLIO.tables.items() if t.deleted}
    trash = {"Documents", "Folders", "FolderItems"}
    stamped = {"Comments", "MatterDockets", "TaskTypes"}
    assert set(marks) == trash | stamped | {"Bills", "CustomFields"}
    for name in trash:
        assert marks[name].column == "deleted_at"
        assert marks[name].parameters == {"include_deleted": "true"}
    for name in stamped:
        assert marks[name].column == "deleted_at"
    assert (marks["Bills"].column, marks["Bills"].values) == ("state", ("deleted",))
    assert marks["CustomFields"].column == "deleted"


def test_tables_that_are_walked_more_than_once() -> None:
    parents = {
        n: (t.fan_out.parent, t.fan_out.into)
        for n, t in CLIO.tables.items()
        if isinstance(t.fan_out, ParentFanOut)
    }
    assert parents == {
        "ConversationMessages": ("Conversations", "conversation_id"),
        "DocumentVersions": ("Documents", None),
        "EmailAddresses": ("Contacts", "contact_id"),
        "JurisdictionTriggers": ("Jurisdictions", "jurisdiction_id"),
        "MatterContacts": ("Matters", None),
        "PhoneNumbers": ("Contacts", "contact_id"),
        "RelatedContacts": ("Matters", "matter_id"),
    }
    notes, lauk = CLIO.tables["Notes"].fan_out, CLIO.tables["LaukExpenseCategories"].fan_out
    assert isinstance(notes, ValueFanOut)
    assert (notes.parameter, notes.values, notes.column) == ("type", ("Matter", "Contact"), "type")
    assert isinstance(lauk, ValueFanOut)
    assert (lauk.parameter, lauk.into) == ("region", "region")


def test_activities_can_be_read_in_windows() -> None:
    windows = CLIO.tables["Activities"].windows
    assert windows is not None
    assert (windows.column, windows.since, windows.until) == ("date", "start_date", "end_date")
    assert windows.earliest == {"order": "date(asc)"}
    assert windows.latest == {"order": "date(desc)"}
    assert [n for n, t in CLIO.tables.items() if t.windows] == ["Activities"]


def test_values_that_clio_spells_in_two_ways() -> None:
    def spelt(table: str, column: str) -> Mapping[str, str]:
        found = CLIO.tables[table].filters[column]
        assert isinstance(found, ColumnFilter)
        return found.values

    assert spelt("Matters", "status") == {"Open": "open", "Pending": "pending", "Closed": "closed"}
    assert spelt("BankAccounts", "type") == {
        "Operating": "OperatingAccount",
        "Trust": "TrustAccount",
    }
    assert spelt("Tasks", "priority") == {"High": "high", "Normal": "normal", "Low": "low"}
    assert spelt("CustomFields", "parent_type") == {"Matter": "matter", "Contact": "contact"}


def test_dates_of_matters_are_compared_by_clio() -> None:
    filters = CLIO.tables["Matters"].filters["open_date"]
    assert isinstance(filters, tuple)
    forms = {f.operators: (f.parameter, f.value, f.exact) for f in filters}
    assert forms == {
        (Operator(o),): ("open_date[]", f"{o}{{value}}", True) for o in ("=", ">", ">=", "<", "<=")
    }


def test_what_holds_for_all_of_clio() -> None:
    profile: Profile = CLIO
    assert profile.name == "Clio"
    assert profile.settings["Region"].default == "app.clio.com"
    assert set(profile.settings["Region"].choices) == {
        "app.clio.com",
        "eu.app.clio.com",
        "ca.app.clio.com",
        "au.app.clio.com",
    }
    assert profile.settings["BaseURL"].default == "https://{Region}"
    assert profile.base_url == "{BaseURL}/api/v4"
    assert profile.headers == {"X-API-VERSION": "4.0.13"}
    assert profile.auth[0].model_dump(include={"scheme", "authorize_url", "token_url"}) == {
        "scheme": "OAuth",
        "authorize_url": "{BaseURL}/oauth/authorize",
        "token_url": "{BaseURL}/oauth/token",
    }
    assert (profile.limits.requests, profile.limits.seconds) == (50, 60)
    assert profile.limits.remaining == "X-RateLimit-Remaining"
    assert profile.limits.reset == "X-RateLimit-Reset"
    assert profile.defaults.records == "data"
    assert profile.defaults.pagination.model_dump(exclude_defaults=True) == {
        "type": "next_link",
        "path": "meta.paging.next",
    }
    assert profile.defaults.projection is not None
    assert profile.defaults.projection.style == "braces"
    assert profile.errors == ("error.message", "error_description")
