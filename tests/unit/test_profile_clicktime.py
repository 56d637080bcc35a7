"""The bundled ClickTime profile, held against what ClickTime documents."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from syncline.model.table import Operator
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.schema import ApiTable, ColumnFilter, ParentFanOut

FACTS = json.loads((Path(__file__).parent / "data" / "clicktime-lists.json").read_text("utf-8"))
CLICKTIME = load_profile("ClickTime")
LISTS: Mapping[str, Mapping[str, Any]] = FACTS["lists"]
TABLES = pytest.mark.parametrize("name", list(CLICKTIME.tables))


def documented(table: ApiTable) -> Mapping[str, Any]:
    """The facts of the list that a table's path stands for."""
    shape = re.sub(r"\{[^}]*\}", "{}", table.path)
    return next(facts for each, facts in LISTS.items() if re.sub(r"\{[^}]*\}", "{}", each) == shape)


def typed(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: type_ for type_, names in fields.items() for name in names.split()}


def recorded(table: ApiTable) -> list[FlatColumn]:
    return [c for c in table_columns(CLICKTIME, table) if c.origin == "record"]


def filters_of(table: ApiTable) -> Iterator[tuple[str, ColumnFilter]]:
    for column, filters in table.filters.items():
        for each in filters if isinstance(filters, tuple) else (filters,):
            yield column, each


def test_every_list_worth_it_is_a_table() -> None:
    shapes = {re.sub(r"\{[^}]*\}", "{}", t.path) for t in CLICKTIME.tables.values()}
    assert shapes == {re.sub(r"\{[^}]*\}", "{}", p) for p in LISTS}
    assert len(CLICKTIME.tables) == len(LISTS) >= 50


@TABLES
def test_every_documented_field_is_a_column_of_its_type(name: str) -> None:
    table = CLICKTIME.tables[name]
    columns = {c.name: c for c in recorded(table)}
    fields = typed(documented(table)["fields"])
    assert set(columns) == set(fields)
    for field, type_ in fields.items():
        column = columns[field]
        if type_ == "object":
            # The name of what the id beside it points to, or the whole record.
            assert column.type == ("string" if len(column.path) == 2 else "json"), field
            assert column.path[0] == field
        elif type_ == "string":
            # ClickTime's description has no word for dates.
            assert column.type in {"string", "date"}, field
            assert column.type == "string" or field.endswith("Date"), field
        else:
            assert column.type == {"list": "json"}.get(type_, type_), field
        assert column.path[0] == field


@TABLES
def test_nested_records_give_the_name_that_lists_show(name: str) -> None:
    for column in recorded(CLICKTIME.tables[name]):
        if len(column.path) > 1:
            shown = {
                "Job": "ListDisplayText",
                "Task": "ListDisplayText",
                "Client": "ListDisplayText",
            }
            shown |= {"DefaultTask": "ListDisplayText", "ExpenseSheet": "Title"}
            assert column.path == (column.name, shown.get(column.name, "Name"))


@TABLES
def test_verbose_is_asked_for_where_columns_need_it(name: str) -> None:
    table = CLICKTIME.tables[name]
    verbose = set(documented(table)["verbose"].split()) & {c.name for c in recorded(table)}
    assert table.parameters == ({"Verbose": "true"} if verbose else {})


@TABLES
def test_no_parameter_is_sent_that_clicktime_does_not_document(name: str) -> None:
    table = CLICKTIME.tables[name]
    known = documented(table)["parameters"].split()
    assert {f.parameter for _, f in filters_of(table)} <= set(known)
    if table.windows:
        sent = {table.windows.since, table.windows.until, *table.windows.earliest}
        assert sent | set(table.windows.latest) <= set(known)
    paged = (table.pagination or CLICKTIME.defaults.pagination).type == "offset"
    assert paged == ("offset" in known)
    assert (table.page or CLICKTIME.defaults.page).parameter == ("limit" if paged else None)


@TABLES
def test_bounds_of_dates_are_pushed_with_care(name: str) -> None:
    for column, each in filters_of(CLICKTIME.tables[name]):
        if Operator.EQ not in each.operators:
            assert not each.exact, column
            assert each.widen == 86400 or each.required, column


@TABLES
def test_names_and_keys(name: str) -> None:
    table = CLICKTIME.tables[name]
    assert table.description.endswith(".")
    columns = table_columns(CLICKTIME, table)
    assert set(table.primary_key) <= {c.name for c in columns if c.required}
    for column in columns:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", column.name), column.name
    for child_name, child in table.children.items():
        names = [c.name for c in child_columns(CLICKTIME, table, child)]
        assert set(child.primary_key) <= set(names), child_name
        assert typed(documented(table)["fields"])[child.list] == "list"


def test_rows_without_a_key() -> None:
    without = {n for n, t in CLICKTIME.tables.items() if not t.primary_key}
    assert without == {"ExpenseSheetHistory", "JobBudgets", "TimesheetHistory"}


def test_allocations_answer_the_query_that_people_bring_along() -> None:
    allocations = CLICKTIME.tables["Allocations"]
    columns = {c.name: c for c in table_columns(CLICKTIME, allocations)}
    assert columns["EstHours"].type == "number"
    assert columns["Job"].path == ("Job", "ListDisplayText")
    assert columns["User"].path == ("User", "Name")
    assert allocations.primary_key == ("JobID", "UserID", "Month")
    for name in ("UserIsActive", "JobIsActive"):
        assert (columns[name].type, columns[name].origin) == ("boolean", "filter")
        pushed = allocations.filters[name]
        assert isinstance(pushed, ColumnFilter)
        assert pushed.parameter == name


def test_tables_that_are_walked_more_than_once() -> None:
    for name, table in CLICKTIME.tables.items():
        walked = "{parent.ID}" in table.path
        assert isinstance(table.fan_out, ParentFanOut) == walked, name
        if isinstance(table.fan_out, ParentFanOut):
            assert table.fan_out.parent in CLICKTIME.tables, name


def test_tables_that_can_be_read_in_windows() -> None:
    windows = {n: t.windows.column for n, t in CLICKTIME.tables.items() if t.windows}
    assert windows == {"ExpenseItems": "ExpenseDate", "TimeEntries": "Date", "TimeReport": "Date"}


def test_reports_that_need_a_span_of_dates() -> None:
    for name in ("DailyTimeSummary", "WeeklyTimeSummary"):
        required = [f.parameter for _, f in filters_of(CLICKTIME.tables[name]) if f.required]
        assert required == ["StartDate", "EndDate"]


def test_what_holds_for_all_of_clicktime() -> None:
    assert CLICKTIME.name == "ClickTime"
    assert CLICKTIME.settings["APIKey"].secret
    assert CLICKTIME.settings["BaseURL"].default == "https://api.clicktime.com"
    assert CLICKTIME.base_url == "{BaseURL}/v2"
    assert CLICKTIME.auth[0].model_dump() == {
        "scheme": "Token",
        "header": "Authorization",
        "value": "Token {APIKey}",
    }
    assert CLICKTIME.numbers_as_strings
    assert CLICKTIME.errors == ("errors.0.Message",)
    assert CLICKTIME.defaults.records == "data"
    assert CLICKTIME.defaults.page.size == 1000
    entries = CLICKTIME.tables["TimeEntries"]
    assert entries.page is not None
    assert entries.page.size == 500
    assert entries.limits is not None
    assert (entries.limits.requests, entries.limits.seconds) == (10, 5)
    assert not any(t.incremental for t in CLICKTIME.tables.values())
