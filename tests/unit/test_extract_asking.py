"""From a scan to the first request: fields, filters, bounds, paths."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncline.errors import PropertyError, QueryError
from syncline.extract.asking import Asking
from syncline.extract.describe import views
from syncline.extract.projection import fields, paths_of
from syncline.extract.scanning import asking_of, own_paths
from syncline.model.table import Deleted, Filter, Operator, Predicate, Scan, Value
from syncline.profile.loader import parse_profile
from syncline.profile.schema import Profile, Projection

TEXT = """
name: Small
settings:
  BaseURL: {default: "https://api.example"}
  Account: {}
auth: [{scheme: None}]
base_url: "{BaseURL}/v1/"
defaults:
  records: data
  parameters: {shape: full, order: "id(asc)"}
  page: {parameter: limit, size: 200}
  projection: {parameter: fields, style: braces}
tables:
  Matters:
    path: /accounts/{Account}/matters.json
    parameters: {order: "number(asc)", owner: "{Account}"}
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since}
    deleted: {column: state, values: [gone], parameters: {include_deleted: "true"}}
    windows: {column: opened, since: opened_from, until: opened_to}
    columns:
      id: integer
      number: {type: string, path: display.number}
      client: {object: {id: integer, name: string, deep: {type: string, path: client.office.city}}}
      fields: {type: json, path: custom_field_values, fields: [id, value, picklist.option]}
      all: {type: json, path: everything}
      state: string
      opened: date
      open: boolean
      total: decimal(12,2)
      updated_at: datetime
    filters:
      id: {parameter: "ids[]", operators: ["=", in], many: repeat}
      state:
        parameter: status
        operators: ["=", in, "<>"]
        many: comma
        values: {Open: open, Closed: closed}
      opened:
        - {parameter: "opened[]", operators: [">="], value: ">={value}"}
        - {parameter: "opened[]", operators: ["<"], value: "<{value}", exact: false, widen: 86400}
      open: {parameter: open}
      total: {parameter: total, operators: [">"]}
      updated_at: {parameter: changed, operators: [">=", "<="], exact: false, widen: 1}
      query: {parameter: q, type: string}
    children:
      Lines:
        list: lines
        primary_key: [matter_id, id]
        parent: {matter_id: id, matter_state: state, day: opened, asked: query}
        columns: {id: integer, article: {object: {id: integer}}}
  Notes:
    path: notes/{parent.id}
    fan_out: {parent: Matters, into: matter_id}
    projection: {parameter: include, style: comma}
    columns: {id: integer, author: {object: {id: integer}}}
    filters:
      kind: {parameter: kind, type: string, required: true}
"""
PROFILE: Profile = parse_profile(TEXT, "test.yaml")
SETTINGS = {"BaseURL": "https://api.example", "Account": "a/b 1"}


def asked(
    table: str, *columns: str, walk: Value | None = None, since: float | None = None, **more: Any
) -> dict[str, list[str]]:
    """Return the parameters of a scan's first request, by name; its address under ''."""
    view = views(PROFILE)[table]
    names = columns or tuple(view.table.schema.names)
    scan = Scan(table=view.table, columns=names, **more)
    asking: Asking = asking_of(PROFILE, SETTINGS, view, scan, own_paths(view, scan))
    if since is not None:
        asking = replace(asking, since=since)
    request = asking.request(walk)
    found: dict[str, list[str]] = {"": [request.url]}
    for name, value in request.parameters:
        found.setdefault(name, []).append(value)
    return found


def where(column: str, operator: str, *values: Value) -> dict[str, Any]:
    return {"predicates": (Predicate(column=column, operator=Operator(operator), values=values),)}


def test_the_whole_of_a_request() -> None:
    assert asked("Matters", "id") == {
        "": ["https://api.example/v1/accounts/a%2Fb%201/matters.json"],
        "shape": ["full"],
        "order": ["number(asc)"],
        "owner": ["a/b 1"],
        "fields": ["id"],
        "limit": ["200"],
    }


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (("state",), "id,state"),
        (("client_name", "client_id"), "id,client{name,id}"),
        (("number", "client_id"), "id,display{number},client{id}"),
        (("client_deep",), "id,client{office}"),
        (("fields",), "id,custom_field_values{id,value,picklist}"),
        (("all",), "id,everything"),
        (("query",), "id"),
    ],
)
def test_fields_with_braces(columns: tuple[str, ...], names: str) -> None:
    assert asked("Matters", *columns)["fields"] == [names]


def test_fields_of_a_child() -> None:
    assert asked("Lines", "matter_state", "article_id", "id")["fields"] == [
        "id,state,lines{article,id}"
    ]
    assert asked("Lines", "matter_id")["fields"] == ["id,lines"]


def test_fields_with_commas() -> None:
    view = views(PROFILE)["Matters"]
    comma = Projection(parameter="x", style="comma")
    paths = paths_of(view.columns[n] for n in ("id", "client_id", "client_deep", "fields"))
    assert fields(comma, paths) == (
        "id,client.id,client.office.city,custom_field_values.id,custom_field_values.value,"
        "custom_field_values.picklist.option"
    )


@pytest.mark.parametrize(
    ("predicate", "sent"),
    [
        (where("id", "=", 5), {"ids[]": ["5"]}),
        (where("id", "in", 5, 6), {"ids[]": ["5", "6"]}),
        (where("state", "=", "Open"), {"status": ["open"]}),
        (where("state", "in", "Open", "Closed", "x"), {"status": ["open,closed,x"]}),
        (where("opened", ">=", "2026-01-31"), {"opened[]": [">=2026-01-31"]}),
        (where("opened", "<", "2026-01-31"), {"opened[]": ["<2026-02-01"]}),
        (where("opened", ">=", "2026-01-31 00:00:00"), {"opened[]": [">=2026-01-31"]}),
        (where("open", "=", True), {"open": ["true"]}),
        (where("open", "=", False), {"open": ["false"]}),
        (where("total", ">", 10.5), {"total": ["10.5"]}),
        (where("updated_at", ">=", "2026-01-31 12:00:00"), {"changed": ["2026-01-31T11:59:59Z"]}),
        (
            where("updated_at", "<=", "2026-01-31T12:00:00.25+01:00"),
            {"changed": ["2026-01-31T11:00:01.250000Z"]},
        ),
        (where("query", "=", "a & b"), {"q": ["a & b"]}),
    ],
)
def test_filters(predicate: dict[str, Any], sent: dict[str, list[str]]) -> None:
    found = asked("Matters", "id", **predicate)
    assert {name: found[name] for name in sent} == sent


def test_filters_of_a_child_are_those_of_its_parent() -> None:
    table = views(PROFILE)["Lines"].table
    assert set(table.filters) == {"matter_id", "matter_state", "day", "asked"}
    assert table.filter_only == {"asked"}
    found = asked("Lines", "id", **where("matter_state", "=", "Closed"))
    assert found["status"] == ["closed"]
    assert asked("Lines", "id", **where("day", ">=", "2026-01-01"))["opened[]"] == [">=2026-01-01"]


@pytest.mark.parametrize(
    ("predicate", "words"),
    [
        (where("number", "=", "5"), "cannot be asked for number ="),
        (where("open", "<>", True), "cannot be asked for open <>"),
        (where("opened", ">=", "soon"), "'soon' is no date"),
    ],
)
def test_conditions_that_cannot_be_asked_for(predicate: dict[str, Any], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        asked("Matters", "id", **predicate)


def test_a_filter_that_must_be_there() -> None:
    with pytest.raises(QueryError, match="only be read for a given kind"):
        asked("Notes", "id", walk=1)
    found = asked("Notes", walk="x/1", **where("kind", "=", "a"))
    assert found[""] == ["https://api.example/v1/notes/x%2F1"]
    assert found["kind"] == ["a"]
    assert found["include"] == ["id,author.id"]


def test_a_setting_without_value() -> None:
    view = views(PROFILE)["Matters"]
    scan = Scan(table=view.table, columns=("id",))
    with pytest.raises(PropertyError, match="Account is missing, which Matters needs"):
        asking_of(PROFILE, {"BaseURL": "https://x"}, view, scan, ()).request()


SINCE = datetime(2026, 1, 31, 12, 0, 0, 600000, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("format_", "sent"),
    [
        ("iso8601", "2026-01-31T11:59:00Z"),
        ("date", "2026-01-31"),
        ("epoch", str(int(SINCE) - 60)),
        ("epoch_ms", str(int(SINCE * 1000) - 60000)),
    ],
)
def test_changes_since(format_: str, sent: str) -> None:
    text = TEXT.replace(
        "parameter: updated_since}",
        f"parameter: updated_since, format: {format_}, value: 'gt:{{value}}'}}",
    )
    profile = parse_profile(text, "test.yaml")
    view = views(profile)["Matters"]
    asking = Asking(
        profile=profile, settings=SETTINGS, name="Matters", table=view.api,
        columns=view.api_columns, since=SINCE,
    )  # fmt: skip
    assert asking.request().get("updated_since") == f"gt:{sent}"


def test_deleted_rows() -> None:
    assert "include_deleted" not in asked("Matters")
    assert asked("Matters", deleted=True)["include_deleted"] == ["true"]


def test_a_start() -> None:
    start = datetime(2026, 1, 31, 22, tzinfo=UTC)
    assert asked("Matters", start=start)["opened_from"] == ["2026-01-31"]
    assert "opened_from" not in asked("Notes", walk=1, start=start, **where("kind", "=", "a"))


def test_a_limit_makes_pages_smaller_but_not_of_a_child() -> None:
    assert asked("Matters", limit=7)["limit"] == ["7"]
    assert asked("Matters", limit=700)["limit"] == ["200"]
    assert asked("Matters", limit=0)["limit"] == ["1"]
    assert asked("Lines", limit=7)["limit"] == ["200"]


def test_the_tables_that_the_engine_sees() -> None:
    tables = {name: view.table for name, view in views(PROFILE).items()}
    assert list(tables) == ["Matters", "Lines", "Notes"]
    matters, lines, notes = tables.values()
    assert matters.primary_key == ("id",)
    assert matters.cursor_column == "updated_at"
    assert matters.window_column == "opened"
    assert matters.deleted == Deleted(column="state", values=("gone",))
    assert matters.filter_only == {"query"}
    assert matters.filters["opened"] == Filter(
        operators=frozenset({Operator.GE, Operator.LT}), exact=False
    )
    assert matters.filters["state"].exact
    assert not matters.schema.field("id").nullable
    assert matters.schema.field("state").nullable
    # What has gone from a list is not told, so a list is always read whole.
    assert lines.cursor_column is None
    assert lines.window_column == "day"
    assert lines.deleted is None
    assert notes.filters["kind"].required
    assert notes.filters["matter_id"].operators == {Operator.EQ, Operator.IN}
    assert notes.cursor_column is None
    assert notes.window_column is None
