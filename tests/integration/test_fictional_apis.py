"""Profiles of APIs that nobody covers, as their writers would write them, read to the last row."""

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from standins.clocks import SkippingClock
from standins.pages import Api, Fault, Row, serving
from standins.reading import batches_of, rows_of, scan_of, source_of
from syncline.errors import ProfileError, ResponseRefused
from syncline.model.batch import Cursor
from syncline.model.table import Operator, Predicate
from syncline.profile.loader import parse_profile
from syncline.profile.notes import notes

HEAD = """
name: Fictional
settings: {BaseURL: {default: "https://api.example.com"}}
auth: [{scheme: None}]
base_url: "{BaseURL}"
"""


def by_path(answers: Mapping[str, Any]) -> Fault:
    """Answer by path with a body, or with what a function makes of the request."""

    async def answer(request: web.Request) -> web.StreamResponse:
        found = answers.get(request.path)
        if found is None:
            return web.Response(status=404)
        made = await found(request) if callable(found) else found
        return made if isinstance(made, web.StreamResponse) else web.json_response(made)

    return answer


async def read(
    text: str,
    table: str,
    answers: Mapping[str, Any],
    since: Cursor | None = None,
    *,
    clock: SkippingClock | None = None,
) -> tuple[list[Row], Api]:
    assert not list(notes(parse_profile(HEAD + text, "a.yaml")))
    async with (
        serving(Api(lists={}, always=by_path(answers))) as api,
        source_of(api, HEAD + text, clock=clock) as source,
    ):
        return rows_of(await batches_of(source, await scan_of(source, table), since)), api


STATIONS = {f"S{n}": {"name": f"n{n}", "height": n + 0.5} for n in range(5)}
WEATHER = """
tables:
  Stations:
    path: /stations
    records: stations
    answer: keyed
    pagination: {type: token, header: X-Next-Cursor, parameter: cursor}
    primary_key: [code]
    columns:
      code: {type: string, path: "@key"}
      name: string
      height: decimal(5,2)
  Rates:
    path: /rates
    records: rates
    answer: keyed
    primary_key: [currency]
    columns: {currency: {type: string, path: "@key"}, rate: {type: "decimal(9,4)", path: "@value"}}
  Readings:
    path: /readings
    records: result.rows
    answer: rows
    primary_key: [id]
    columns:
      id: {type: integer, path: "0"}
      at: {type: datetime, path: "1"}
      celsius: {type: number, path: "2"}
"""


async def stations(request: web.Request) -> web.StreamResponse:
    begin = int(request.query.get("cursor", 0))
    page = dict(list(STATIONS.items())[begin : begin + 2])
    more = {"X-Next-Cursor": str(begin + 2)} if begin + 2 < len(STATIONS) else {}
    return web.json_response({"stations": page}, headers=more)


async def test_rows_in_an_object_by_their_key_and_the_token_in_a_header() -> None:
    rows, api = await read(WEATHER, "Stations", {"/stations": stations})
    assert [row["code"] for row in rows] == list(STATIONS)
    assert str(rows[4]["height"]) == "4.50"
    assert [asked.get("cursor") for asked in api.asked] == [None, "2", "4"]


async def test_values_in_an_object_by_their_key() -> None:
    body = web.Response(text='{"rates": {"USD": 1.1000, "EUR": 0.9}}')

    async def rates(_: web.Request) -> web.StreamResponse:
        return body

    rows, _ = await read(WEATHER, "Rates", {"/rates": rates})
    assert [(row["currency"], str(row["rate"])) for row in rows] == [
        ("USD", "1.1000"), ("EUR", "0.9000"),
    ]  # fmt: skip


async def test_rows_that_are_lists_of_values() -> None:
    listed = [[1, "2026-01-01T00:00:00Z", 3.5], [2, "2026-01-02T00:00:00Z", None]]
    answer = {"result": {"columns": ["id", "at", "celsius"], "rows": listed}}
    rows, _ = await read(WEATHER, "Readings", {"/readings": answer})
    assert [(row["id"], row["celsius"]) for row in rows] == [(1, 3.5), (2, None)]


@pytest.mark.parametrize("answer", [{"stations": [1]}, {"stations": 3}, {"other": {}}])
async def test_what_is_no_object_of_records_is_refused(answer: Any) -> None:
    with pytest.raises(ResponseRefused, match=r"no (object|list) of records at 'stations'"):
        await read(WEATHER, "Stations", {"/stations": answer})


TICKETS = """
tables:
  Tickets:
    path: /graphql
    records: data.tickets.nodes
    posting:
      type: graphql
      query: "query ($first: Int!, $after: String, $since: Float) { tickets { nodes { id } } }"
      plain: [since]
    pagination:
      type: token
      path: data.tickets.pageInfo.endCursor
      more: data.tickets.pageInfo.hasNextPage
      parameter: after
    page: {parameter: first, size: 2}
    primary_key: [id]
    incremental: {column: changed, parameter: since, format: epoch_ms, overlap: 0}
    columns: {id: integer, changed: datetime}
"""


async def test_graphql_with_its_cursor_in_the_body_and_milliseconds() -> None:
    seen: list[Any] = []

    async def tickets(request: web.Request) -> Any:
        variables = (await request.json())["variables"]
        seen.append(variables)
        begin = int(variables.get("after") or 0)
        nodes = [{"id": n, "changed": f"2026-01-0{n + 1}T00:00:00Z"} for n in range(5)]
        more = begin + 2 < len(nodes)
        page = {"endCursor": str(begin + 2), "hasNextPage": more}
        return {"data": {"tickets": {"nodes": nodes[begin : begin + 2], "pageInfo": page}}}

    since: Cursor = {"watermark": "2026-01-01T00:00:00+00:00"}
    rows, _ = await read(TICKETS, "Tickets", {"/graphql": tickets}, since)
    assert [row["id"] for row in rows] == list(range(5))
    assert seen[1] == {"first": 2, "after": "2", "since": 1767225600000}


HOURS = """
retry: {statuses: [202, 429, 503]}
tables:
  Hours:
    path: /report.csv
    format: {type: csv}
    primary_key: [id]
    incremental:
      {column: day, parameter: from, until: to, format: date, start: 2026-01-01, step: 864000,
       granularity: 86400}
    columns: {id: integer, day: date, hours: "decimal(5,2)"}
"""


async def test_a_report_in_csv_by_parts_of_the_time_that_is_not_ready_at_once() -> None:
    asked: list[tuple[str, str]] = []
    waiting = {"2026-01-11": 2}

    async def report(request: web.Request) -> web.StreamResponse:
        first, last = request.query["from"], request.query["to"]
        if waiting.get(first, 0):
            waiting[first] -= 1
            return web.Response(status=202, headers={"Retry-After": "5"})
        asked.append((first, last))
        day = datetime.fromisoformat(first).replace(tzinfo=UTC).timetuple().tm_yday
        return web.Response(text=f"id,day,hours\n{day},{first},7.50\n")

    rows, _ = await read(HOURS, "Hours", {"/report.csv": report})
    assert len(rows) == len(asked)
    assert asked[:2] == [("2026-01-01", "2026-01-10"), ("2026-01-11", "2026-01-20")]


VISITS = """
tables:
  Visits:
    path: /visits/{today}
    parameters: {from: "{today-30}", to: "{today+1}"}
    primary_key: [id]
    columns: {id: integer}
  Calls:
    path: /calls
    posting: {type: json, content: {range: {since: "{today-7}T00:00:00Z"}}}
    primary_key: [id]
    columns: {id: integer}
  Changes:
    path: /changes
    primary_key: [id]
    incremental: {column: at, parameter: since, format: date, start: "{today-90}"}
    columns: {id: integer, at: datetime}
"""


class Clock(SkippingClock):
    """It is always the same moment."""

    def time(self) -> float:
        return 1_790_000_000.0


def day(number: int) -> str:
    return (datetime.fromtimestamp(Clock().time(), UTC) + timedelta(number)).date().isoformat()


async def test_days_counted_from_today() -> None:
    rows, api = await read(VISITS, "Visits", {f"/visits/{day(0)}": [{"id": 1}]}, clock=Clock())
    assert len(rows) == 1
    assert (api.asked[0].get("from"), api.asked[0].get("to")) == (day(-30), day(1))
    _, api = await read(VISITS, "Calls", {"/calls": [{"id": 1}]}, clock=Clock())
    assert json.loads(api.asked[0].body) == {"range": {"since": f"{day(-7)}T00:00:00Z"}}
    _, api = await read(VISITS, "Changes", {"/changes": [{"id": 1, "at": None}]}, clock=Clock())
    assert api.asked[0].get("since") == day(-90)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("/visits/{today}", "/visits/{today-x}", ""),
        ("/visits/{today}", "/visits/{tomorrow}", "{tomorrow} has no value here"),
        ("  Calls:", '  Other: {path: /, base_url: "{today}", columns: {id: integer}}\n  Calls:',
         "base_url: there is no setting 'today'"),
    ],
)  # fmt: skip
def test_what_is_no_day(old: str, new: str, said: str) -> None:
    text = HEAD + VISITS.replace(old, new)
    if not said:  # braces that name nothing are a text
        assert parse_profile(text, "a.yaml").tables["Visits"].path == "/visits/{today-x}"
        return
    with pytest.raises(ProfileError) as refused:
        parse_profile(text, "a.yaml")
    assert said in str(refused.value)


EVENTS = """
tables:
  Events:
    path: /export
    format: {type: jsonl}
    pagination: {type: last_record, path: id, parameter: after, ends: short}
    page: {parameter: limit, size: 3}
    primary_key: [id]
    columns: {id: integer, kind: string, payload: json}
"""


async def test_packed_lines_of_json() -> None:
    async def export(request: web.Request) -> web.StreamResponse:
        begin = int(request.query.get("after", 0))
        rows = [{"id": n, "kind": "k", "payload": {"n": [n]}} for n in range(1, 8)]
        lines = "\n".join(json.dumps(row) for row in rows[begin : begin + 3])
        return web.Response(body=gzip.compress(lines.encode(), mtime=0))

    rows, _ = await read(EVENTS, "Events", {"/export": export})
    assert [row["id"] for row in rows] == list(range(1, 8))


WORK = """
tables:
  Teams: {path: /teams, primary_key: [id], columns: {id: integer}}
  Projects:
    path: "/teams/{parent.id}/projects"
    fan_out: {parent: Teams, into: team_id}
    primary_key: [id]
    columns: {id: integer}
  Tasks:
    path: "/projects/{parent.id}/tasks"
    fan_out: {parent: Projects, into: project_id}
    primary_key: [project_id, number]
    columns: {number: integer}
"""


async def test_children_of_children() -> None:
    answers = {
        "/teams": [{"id": 1}, {"id": 2}],
        "/teams/1/projects": [{"id": 11}],
        "/teams/2/projects": [{"id": 21}, {"id": 22}],
        "/projects/11/tasks": [{"number": 1}],
        "/projects/22/tasks": [{"number": 1}, {"number": 2}],
    }
    rows, _ = await read(WORK, "Tasks", answers)
    assert {(row["project_id"], row["number"]) for row in rows} == {(11, 1), (22, 1), (22, 2)}


NESTED = """
tables:
  Teams: {path: /teams, primary_key: [id], columns: {id: integer}}
  Projects:
    path: "/teams/{parent.id}/projects"
    fan_out: {parent: Teams, into: team_id}
    primary_key: [team_id, key]
    columns: {key: string}
  Tasks:
    path: "/teams/{parent.team_id}/projects/{parent.key}/tasks"
    fan_out: {parent: Projects, column: key, into: project, also: {team_id: team_id}}
    primary_key: [team_id, project, number]
    columns: {number: integer}
    children:
      Steps:
        list: steps
        parent: {team: team_id, project: project, task: number}
        primary_key: [team, project, task, name]
        columns: {name: string}
  Notes:
    path: "/t/{parent.team_id}/p/{parent.project}/k/{parent.number}/notes"
    fan_out:
      {parent: Tasks, column: number, into: task, also: {project: project, team_id: team_id}}
    primary_key: [team_id, project, task, id]
    columns: {id: integer}
"""
ANSWERS = {
    "/teams": [{"id": 1}, {"id": 10}, {"id": 2}],
    "/teams/1/projects": [{"key": "a"}, {"key": "b/ü"}],
    "/teams/10/projects": [{"key": "a"}],
    "/teams/1/projects/a/tasks": [{"number": 1, "steps": [{"name": "x"}]}],
    "/teams/1/projects/b/ü/tasks": [{"number": 1}, {"number": 2, "steps": [{"name": "y"}]}],
    "/teams/10/projects/a/tasks": [{"number": 1}],
    "/t/1/p/a/k/1/notes": [{"id": 5}],
    "/t/10/p/a/k/1/notes": [{"id": 6}],
}


async def test_children_that_are_asked_for_by_all_above_them() -> None:
    rows, api = await read(NESTED, "Tasks", ANSWERS)
    found = [(row["team_id"], row["project"], row["number"]) for row in rows]
    assert sorted(found) == [(1, "a", 1), (1, "b/ü", 1), (1, "b/ü", 2), (10, "a", 1)]
    assert [asked.path for asked in api.asked].count("/teams") == 1


async def test_lists_inside_children_and_their_children() -> None:
    rows, _ = await read(NESTED, "Steps", ANSWERS)
    steps = {(row["team"], row["project"], row["task"], row["name"]) for row in rows}
    assert steps == {(1, "a", 1, "x"), (1, "b/ü", 2, "y")}
    rows, _ = await read(NESTED, "Notes", ANSWERS)
    notes_ = [(row["team_id"], row["project"], row["task"], row["id"]) for row in rows]
    assert sorted(notes_) == [(1, "a", 1, 5), (10, "a", 1, 6)]


async def test_a_condition_leaves_out_walks() -> None:
    condition = Predicate(column="project", operator=Operator.EQ, values=("a",))
    async with (
        serving(Api(lists={}, always=by_path(ANSWERS))) as api,
        source_of(api, HEAD + NESTED) as source,
    ):
        scan = await scan_of(source, "Tasks", predicates=(condition,))
        rows = rows_of(await batches_of(source, scan))
    assert {row["team_id"] for row in rows} == {1, 10}
    asked = {each.path for each in api.asked if each.path.endswith("/tasks")}
    assert asked == {"/teams/1/projects/a/tasks", "/teams/10/projects/a/tasks"}


async def test_children_go_on_where_they_were_left() -> None:
    async with (
        serving(Api(lists={}, always=by_path(ANSWERS))) as api,
        source_of(api, HEAD + NESTED) as source,
    ):
        scan = await scan_of(source, "Tasks")
        batches = await batches_of(source, scan)
        first = next(batch for batch in batches if batch.cursor is not None)
        again = rows_of(await batches_of(source, scan, first.cursor))
    whole = rows_of(batches)
    assert again == whole[first.records.num_rows :]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{team_id: team_id}}\n    primary_key: [team_id, project, number]",
         "{team: team_id}}\n    primary_key: [team_id, project, number]",
         "also.team: Projects has no column 'team'; did you mean 'team_id'?"),
        ("into: project, also: {team_id: team_id}", "into: project, also: {team_id: project}",
         "two columns of Projects go into 'project'"),
        ("columns: {key: string}", "columns: {key: date}", "is of type date, not string or int"),
        ("{parent.team_id}/projects", "{parent.team}/projects", "did you mean 'parent.team_id'?"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_more_columns_of_a_parent(old: str, new: str, said: str) -> None:
    assert NESTED.count(old) == 1
    with pytest.raises(ProfileError) as refused:
        parse_profile(HEAD + NESTED.replace(old, new), "a.yaml")
    assert said in str(refused.value)


SOAP = """
defaults: {format: {type: xml}}
tables:
  Orders:
    path: /orders.asmx/List
    records: Envelope.Body.ListResponse.ListResult.Order
    primary_key: [id]
    columns: {id: {type: integer, path: "@id"}, total: {type: "decimal(9,2)", path: Total}}
"""


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_xml_in_an_envelope(count: int) -> None:
    async def orders(_: web.Request) -> web.StreamResponse:
        each = "".join(f'<o:Order id="{n}"><Total>{n}.10</Total></o:Order>' for n in range(count))
        listed = f"<ListResponse><ListResult xmlns:o='urn:o'>{each}</ListResult></ListResponse>"
        body = f"<s:Envelope xmlns:s='urn:s'><s:Body>{listed}</s:Body></s:Envelope>"
        return web.Response(text=body, content_type="text/xml")

    rows, _ = await read(SOAP, "Orders", {"/orders.asmx/List": orders})
    assert [row["id"] for row in rows] == list(range(count))


def test_limits_are_told_where_profiles_are_written() -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "other-answers.md"
    assert "## What a profile cannot say" in page.read_text("utf-8")
