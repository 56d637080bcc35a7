"""Lists asked for by POST: JSON, form fields, GraphQL; the place of every parameter."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from standins.pages import Api, Fault, serving
from standins.reading import HEAD, batches_of, ids_of, items, scan_of, source_of
from syncline.errors import CredentialError, PermissionRefused, ResponseRefused
from syncline.extract.credentials import Credentials
from syncline.model.table import Operator, Predicate

JSON = f"""{HEAD}
defaults:
  records: data.rows
  pagination: {{type: token, path: data.cursor, parameter: cursor}}
  page: {{parameter: limit, size: 3}}
tables:
  Items:
    path: /search
    primary_key: [id]
    headers: {{X-Region: "{{Key}}"}}
    parameters: {{version: "2", tenant: "{{Key}}"}}
    posting:
      type: json
      in_address: [version]
      content: {{filter: {{archived: false, names: ["{{Key}}"]}}, paging: {{order: asc}}}}
      places: {{cursor: paging.cursor, limit: paging.limit, ids: filter.ids, open: filter.open}}
    filters:
      id: {{parameter: ids, operators: ["in"], many: repeat}}
      open: {{parameter: open, operators: ["="], type: boolean}}
      name: {{parameter: name, operators: ["="]}}
    columns: {{id: integer, name: string}}
"""


def searching(rows: list[dict[str, Any]], bodies: list[Any]) -> Fault:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.content_type == "application/json"
        body = json.loads(await request.read())
        bodies.append((dict(request.query), body))
        paging = body["paging"]
        begin = int(paging.get("cursor", "at 0").removeprefix("at "))
        end = begin + paging["limit"]
        more = f"at {end}" if end < len(rows) else None
        return web.json_response({"data": {"rows": rows[begin:end], "cursor": more}})

    return answer


async def test_json_has_every_parameter_at_its_place() -> None:
    bodies: list[Any] = []
    api = Api(lists={}, always=searching(items(7), bodies))
    async with serving(api), source_of(api, JSON, settings={"Key": "s3cret"}) as source:
        scan = await scan_of(
            source,
            "Items",
            predicates=(
                Predicate(column="id", operator=Operator.IN, values=(4, 5)),
                Predicate(column="open", operator=Operator.EQ, values=(True,)),
                Predicate(column="name", operator=Operator.EQ, values=("12",)),
            ),
        )
        assert ids_of(await batches_of(source, scan)) == [1, 2, 3, 4, 5, 6, 7]
    assert [asked.method for asked in api.asked] == ["POST"] * 3
    assert [asked.headers["X-Region"] for asked in api.asked] == ["s3cret"] * 3
    assert [query for query, _ in bodies] == [{"version": "2"}] * 3
    assert [body["paging"] for _, body in bodies] == [
        {"order": "asc", "limit": 3},
        {"order": "asc", "limit": 3, "cursor": "at 3"},
        {"order": "asc", "limit": 3, "cursor": "at 6"},
    ]
    for _, body in bodies:
        expected = {"archived": False, "names": ["s3cret"], "ids": [4, 5], "open": True}
        assert body["filter"] == expected
        assert (body["tenant"], body["name"]) == ("s3cret", "12")


async def test_going_on_from_a_cursor_sends_the_body_again() -> None:
    bodies: list[Any] = []
    api = Api(lists={}, always=searching(items(7), bodies))
    async with serving(api):
        async with source_of(api, JSON, settings={"Key": "s3cret"}) as source:
            cursor = (await batches_of(source, await scan_of(source, "Items")))[0].cursor
        assert "s3cret" not in str(cursor)
        async with source_of(api, JSON, settings={"Key": "s3cret"}) as source:
            rest = await batches_of(source, await scan_of(source, "Items"), cursor)
    assert ids_of(rest) == [4, 5, 6, 7]
    assert bodies[3:] == bodies[1:3]
    assert all(asked.headers["X-Region"] == "s3cret" for asked in api.asked)


async def test_form_fields_and_a_key_in_the_address() -> None:
    seen: list[list[tuple[str, str]]] = []
    text = f"""{HEAD}
tables:
  Items:
    path: /list.do
    records: rows
    pagination: {{type: offset, parameter: skip}}
    page: {{parameter: limit, size: 2}}
    parameters: {{what: "a & b"}}
    posting: {{type: form}}
    columns: {{id: integer}}
"""

    async def answer(request: web.Request) -> web.StreamResponse:
        fields = parse_qsl((await request.read()).decode())
        seen.append(fields)
        assert request.content_type == "application/x-www-form-urlencoded"
        assert dict(request.query) == {"api_key": "s3cret"}
        begin = int(dict(fields).get("skip", 0))
        return web.json_response({"rows": items(5)[begin : begin + 2]})

    api = Api(lists={}, always=answer)
    key = Credentials(scheme="APIKey")
    async with (
        serving(api),
        source_of(api, text, credentials=key, settings={"Key": "s3cret"}) as source,
    ):
        assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == [1, 2, 3, 4, 5]
    assert seen[0] == [("what", "a & b"), ("limit", "2")]
    assert seen[2] == [("what", "a & b"), ("limit", "2"), ("skip", "4")]


GRAPHQL = f"""{HEAD}
tables:
  Items:
    path: /graphql
    records: data.items.nodes
    pagination:
      type: token
      path: data.items.pageInfo.endCursor
      more: data.items.pageInfo.hasNextPage
      parameter: after
    page: {{parameter: first, size: 3}}
    primary_key: [id]
    posting:
      type: graphql
      query: |
        query ($first: Int!, $after: String, $team: String) {{
          items(first: $first, after: $after, team: $team) {{nodes {{id}} pageInfo {{endCursor}}}}
        }}
      variables: {{team: "{{Key}}"}}
    columns: {{id: integer}}
"""


def graph(rows: list[dict[str, Any]], bodies: list[Any]) -> Fault:
    async def answer(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        bodies.append(body)
        begin = int(body["variables"].get("after", "0"))
        end = begin + body["variables"]["first"]
        info = {"endCursor": str(end), "hasNextPage": end < len(rows)}
        return web.json_response({"data": {"items": {"nodes": rows[begin:end], "pageInfo": info}}})

    return answer


async def test_graphql_has_its_cursor_in_the_variables() -> None:
    bodies: list[Any] = []
    api = Api(lists={}, always=graph(items(8), bodies))
    async with serving(api), source_of(api, GRAPHQL, settings={"Key": "s3cret"}) as source:
        assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == list(range(1, 9))
    assert [body["variables"] for body in bodies] == [
        {"team": "s3cret", "first": 3},
        {"team": "s3cret", "first": 3, "after": "3"},
        {"team": "s3cret", "first": 3, "after": "6"},
    ]
    assert all("$after: String" in body["query"] for body in bodies)


def wrong(code: str, data: object = None) -> Fault:
    async def answer(_: web.Request) -> web.StreamResponse:
        error = {"message": "field 'x' broke", "extensions": {"code": code}}
        return web.json_response({"data": data, "errors": [error]})

    return answer


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("BAD_USER_INPUT", ResponseRefused),
        ("UNAUTHENTICATED", CredentialError),
        ("FORBIDDEN", PermissionRefused),
    ],
)
async def test_errors_of_graphql_are_errors(code: str, error: type[Exception]) -> None:
    # Data beside errors is not whole.
    data = {"items": {"nodes": [{"id": 1}], "pageInfo": {"hasNextPage": False}}}
    api = Api(lists={}, always=wrong(code, data))
    async with serving(api), source_of(api, GRAPHQL, settings={"Key": "s3cret"}) as source:
        with pytest.raises(error, match="field 'x' broke"):
            await batches_of(source, await scan_of(source, "Items"))
    assert len(api.asked) == 1


async def test_graphql_that_is_throttled_is_asked_again() -> None:
    bodies: list[Any] = []
    api = Api(lists={}, always=graph(items(2), bodies))
    api.faults.extend([wrong("THROTTLED"), wrong("RATE_LIMITED")])
    async with serving(api), source_of(api, GRAPHQL, settings={"Key": "s3cret"}) as source:
        batches = await batches_of(source, await scan_of(source, "Items"))
    assert ids_of(batches) == [1, 2]
    assert sum(batch.requests for batch in batches) == 3
