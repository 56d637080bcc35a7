"""Profiles from OpenAPI and Swagger documents: of real vendors as goldens, and word by word."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncline.errors import ProfileError
from syncline.profile.columns import child_columns, table_columns
from syncline.profile.loader import parse_profile
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import Generated, generate
from syncline.profile.schema import ParentFanOut, Profile

_DATA = Path(__file__).parent / "data" / "openapi"
_GOLDEN = Path(__file__).parents[1] / "golden" / "openapi"


@pytest.mark.parametrize("name", ["github.json", "netlify.json", "blockfrost.yaml", "figma.yaml"])
def test_golden(name: str) -> None:
    text = gzip.decompress((_DATA / f"{name}.gz").read_bytes())
    found = generate(read_document(text, name))
    golden = _GOLDEN / f"{name.partition('.')[0]}.yaml"
    assert found.text == golden.read_text("utf-8")
    assert parse_profile(found.text, golden.name) == found.profile
    assert found.text.count("# ? ") == found.questions


THING: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "updated_at": {"type": "string", "format": "date-time"},
    },
}


def document(
    *,
    thing: Mapping[str, Any] = THING,
    parameters: Any = (),
    answer: Mapping[str, Any] | None = None,
    headers: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    paths: Mapping[str, Any] | None = None,
    version: str = "3.1.0",
) -> Mapping[str, Any]:
    schema = answer or {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    good = {"content": {"application/json": {"schema": schema}}, "headers": headers or {}}
    return {
        "openapi": version,
        "info": {"title": "Things API", "version": "1"},
        "servers": [{"url": "https://things.example.com/v1"}],
        "paths": {
            "/things": {"get": {"parameters": list(parameters), "responses": {"200": good}}},
            **(paths or {}),
        },
        "components": {
            "schemas": {"Thing": thing},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        **(more or {}),
    }


def made(given: Mapping[str, Any], *tables: str) -> Generated:
    return generate(read_document(json.dumps(given).encode(), "things.json"), tables=tables)


def types(profile: Profile, table: str = "Things") -> dict[str, str]:
    return {c.name: c.type for c in table_columns(profile, profile.tables[table])}


def listing(*members: str) -> dict[str, Any]:
    """An answer with a list of things, and other members."""
    types_ = {
        "total_pages": "integer", "total": "integer", "count": "integer", "has_more": "boolean",
        "next_cursor": "string",
    }  # fmt: skip
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
            **{name: {"type": types_[name]} for name in members},
        },
    }


def asks(name: str, type_: str = "integer", **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": type_, **schema}}


_NEXT = {
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        "links": {
            "type": "object",
            "properties": {"next": {"type": "string", "format": "uri"}},
        },
    },
}


@pytest.mark.parametrize(
    ("given", "pagination"),
    [
        ({"headers": {"Link": {}}}, {"type": "link_header", "rel": "next"}),
        ({"answer": _NEXT}, {"type": "next_link", "path": "links.next"}),
        (
            {"answer": listing("next_cursor"), "parameters": [asks("cursor", "string")]},
            {"type": "token", "path": "next_cursor", "parameter": "cursor"},
        ),
        (
            {"answer": listing("total"), "parameters": [asks("offset"), asks("limit")]},
            {"type": "offset", "parameter": "offset", "total": "total"},
        ),
        (
            {
                "answer": listing("total_pages", "has_more"),
                "parameters": [asks("page", minimum=0), asks("per_page", maximum=50)],
            },
            {"type": "page_number", "first_page": 0, "pages": "total_pages"},
        ),
        (
            {"answer": listing("has_more"), "parameters": [asks("starting_after", "string")]},
            {"type": "last_record", "parameter": "starting_after", "more": "has_more"},
        ),
        (
            {"answer": listing("has_more"), "parameters": [asks("page", default=1)]},
            {"type": "page_number", "first_page": 1, "more": "has_more"},
        ),
        ({}, {"type": "none"}),
    ],
)
def test_pagination_is_recognised(given: Mapping[str, Any], pagination: Mapping[str, Any]) -> None:
    found = made(document(**given))
    said = found.profile.defaults.pagination.model_dump()
    assert pagination.items() <= said.items()
    assert found.questions == 0 or "greatest size" in found.text


@pytest.mark.parametrize(
    ("given", "question"),
    [
        ({"parameters": [asks("page_token", "string")]}, "where an answer names the next one"),
        ({"parameters": [asks("limit")]}, "how the next page is asked for"),
        ({"parameters": [asks("page")]}, "Is the first page 1?"),
        (
            {"answer": listing("count"), "parameters": [asks("offset")]},
            "Is count the number of all records?",
        ),
        ({"parameters": [asks("limit", default=20)]}, "Which is the greatest size"),
        ({"more": {"components": {"schemas": {"Thing": THING}}}}, "no way to say who is asking"),
        ({"more": {"servers": []}}, "does not say where the API is"),
        ({"parameters": [asks("fields", "string")]}, "does not show how those within others"),
        (
            {"thing": {"properties": {"name": {"type": "string"}}}},
            "Which columns identify a record",
        ),
        (
            {"parameters": [asks("updated_since", "integer")]},
            "seconds since 1970 (epoch), or milliseconds",
        ),
        (
            {
                "thing": {"properties": {"id": {"type": "integer"}}},
                "parameters": [asks("updated_since", "string")],
            },
            "records have no column that clearly tells when they changed",
        ),
        (
            {"parameters": [asks("status", "string", default="open", enum=["open", "all"])]},
            "set parameters: {status: all} in this table",
        ),
        (
            {"parameters": [asks("kind", "string", enum=["a", "b"]) | {"required": True}]},
            "fan_out: {parameter: kind, values: [a, b], into: kind}",
        ),
        (
            {
                "thing": {"properties": {"id": {"type": "integer"}, "state": {"enum": ["a", "b"]}}},
                "parameters": [asks("state", "string", enum=["open"])],
            },
            "'state' is left out of the filters",
        ),
    ],
)
def test_what_is_not_said_is_asked(given: Mapping[str, Any], question: str) -> None:
    found = made(document(**given))
    plain = " ".join(found.text.replace("\n", " ").replace("#", " ").split())
    assert question in plain
    assert found.questions >= 1


def test_types_of_schemas() -> None:
    given: Mapping[str, Any] = {
        "id": {"type": "string", "format": "uuid"},
        "int": {"type": ["integer", "null"]},
        "number": {"type": "number"},
        "whole_or_not": {"type": ["integer", "number"]},
        "day": {"type": "string", "format": "date"},
        "moment": {"oneOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        "this_or_that": {"type": ["string", "integer"]},
        "either": {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
        "big": {"type": "integer", "format": "uint64"},
        "word": {"enum": ["a", "b", None]},
        "constant": {"const": "x", "type": "string"},
        "anything": {},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}},
        "old": {"type": "string", "nullable": True},
        "odd name": {"type": "string"},
        "@odata.etag": {"type": "string"},
        "nested": {
            "allOf": [
                {"$ref": "#/components/schemas/Part"},
                {"type": "object", "properties": {"deep": {"$ref": "#/components/schemas/Part"}}},
            ]
        },
        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}},
    }
    part = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": {"type": "string"},
            "again": {"$ref": "#/components/schemas/Part"},
        },
    }
    whole = dict(document(thing={"type": "object", "properties": given}))
    whole["components"] = {**whole["components"]}
    whole["components"]["schemas"] = {**whole["components"]["schemas"], "Part": part}
    profile = made(whole).profile
    assert types(profile) == {
        "id": "string", "int": "integer", "number": "number", "whole_or_not": "number",
        "day": "date", "moment": "datetime", "this_or_that": "scalar", "either": "scalar",
        "big": "decimal(20,0)", "word": "string", "constant": "string", "anything": "json",
        "map": "json", "tags": "json", "old": "string", "odd_name": "string",
        "nested_id": "integer", "nested_name": "string", "nested_again": "json",
        "nested_deep": "json", "parts": "json",
    }  # fmt: skip
    columns = {c.name: c for c in table_columns(profile, profile.tables["Things"])}
    assert columns["odd_name"].path == ("odd name",)
    child = profile.tables["Things"].children["ThingParts"]
    assert child.primary_key == ("thing_id", "id")
    inner = child_columns(profile, profile.tables["Things"], child)
    assert [(c.name, c.type) for c in inner] == [
        ("thing_id", "string"), ("id", "integer"), ("name", "string"), ("again_id", "integer"),
        ("again_name", "string"), ("again_again", "json"),
    ]  # fmt: skip


def test_one_of_several_objects_has_the_members_of_all() -> None:
    one = {"type": "object", "properties": {"id": {"type": "integer"}, "x": {"type": "string"}}}
    other = {"type": "object", "properties": {"id": {"type": "string"}, "y": {"type": "boolean"}}}
    found = made(document(thing={"oneOf": [one, other]}))
    assert types(found.profile) == {"id": "scalar", "x": "string", "y": "boolean"}


def test_filters_of_parameters() -> None:
    thing = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "name": {"type": "string"},
            "created_at": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "modified_at": {"type": "string", "format": "date-time"},
            "owner": {"type": "object", "properties": {"id": {"type": "integer"}}},
        },
    }
    numbers = {"type": "array", "items": {"type": "integer"}}
    parameters = [
        {"name": "ids", "in": "query", "schema": numbers, "explode": False},
        asks("name", "string"),
        asks("owner_id"),
        asks("created_after", "string", format="date-time"),
        asks("created_before", "string", format="date-time"),
        {**asks("from_date", "string"), "description": "Those whose `day` is on or after it."},
        asks("modified_since", "string"),
        {**asks("q", "string"), "description": "Words. To search for."},
        asks("sort", "string"),
    ]
    found = made(document(thing=thing, parameters=parameters))
    table = found.profile.tables["Things"]
    assert table.incremental is not None
    assert table.incremental.column == "modified_at"
    assert table.incremental.parameter == "modified_since"
    written = yaml.safe_load(found.text)["tables"]["Things"]["filters"]
    assert written == {
        "id": {"parameter": "ids", "operators": ["=", "in"], "many": "comma"},
        "name": {"parameter": "name", "exact": False},
        "owner_id": {"parameter": "owner_id"},
        "created_at": [
            {"parameter": "created_after", "operators": [">", ">="], "exact": False, "widen": 1},
            {"parameter": "created_before", "operators": ["<", "<="], "exact": False, "widen": 1},
        ],
        "day": {"parameter": "from_date", "operators": [">="]},
        "q": {"parameter": "q", "type": "string", "description": "Only to filter by: Words."},
    }


def test_filters_in_other_words() -> None:
    thing = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "status": {"type": "string", "enum": ["Open", "In Progress", "Closed"]},
            "kind": {"type": "string", "enum": ["A", "B"]},
            "all_day": {"type": "boolean"},
            "opened": {"type": "string", "format": "date"},
            "at": {"type": "string", "format": "date-time"},
        },
    }
    bounds = ["=DATE", ">=DATE", "<DATE"]
    several = "It accepts comma-separated statuses."
    parameters = [
        {**asks("status", "string", enum=["open", "in_progress"]), "description": several},
        asks("kind", "string", enum=["a", "C"]),
        asks("is_all_day", "boolean"),
        asks("opened[]", "string", enum=bounds),
        asks("at", "string", enum=["=TIME", ">TIME"]),
    ]
    found = made(document(thing=thing, parameters=parameters))
    written = yaml.safe_load(found.text)["tables"]["Things"]["filters"]
    assert written == {
        "status": {
            "parameter": "status",
            "operators": ["=", "in"],
            "many": "comma",
            "values": {"Open": "open", "In Progress": "in_progress"},
        },
        "all_day": {"parameter": "is_all_day", "exact": False},
        "opened": [
            {"parameter": "opened[]", "operators": ["="], "value": "={value}"},
            {"parameter": "opened[]", "operators": [">="], "value": ">={value}"},
            {"parameter": "opened[]", "operators": ["<"], "value": "<{value}"},
        ],
        "at": {"parameter": "at", "operators": [">"], "value": ">{value}"},
    }
    assert "'kind' is left out of the filters" in found.text


def test_paths_are_filled_in_by_parents_and_settings() -> None:
    things = {"get": document()["paths"]["/things"]["get"]}
    paths = {
        "/things/{thing_id}": {"get": {"responses": {}}},
        "/things/{thing_id}/orders": things,
        "/things/{thing_id}/orders/{order_id}": {"get": {"responses": {}}},
        "/things/{thing_id}/orders/{order_id}/lines": things,
        "/teams/{team}/things": things,
    }
    found = made(document(paths=paths))
    tables = found.profile.tables
    assert set(tables) == {"Things", "Orders", "Lines", "TeamThings"}
    assert tables["Orders"].path == "/things/{parent.id}/orders"
    assert tables["Orders"].fan_out == ParentFanOut(parent="Things", column="id", into="thing_id")
    assert tables["Orders"].primary_key == ("thing_id", "id")
    assert tables["TeamThings"].path == "/teams/{team}/things"
    assert "team" in found.profile.settings
    assert tables["Lines"].path == "/things/{parent.thing_id}/orders/{parent.id}/lines"
    assert tables["Lines"].fan_out == ParentFanOut(
        parent="Orders", column="id", into="order_id", also={"thing_id": "thing_id"}
    )
    assert tables["Lines"].primary_key == ("thing_id", "order_id", "id")
    assert found.left == ()
    only = made(document(paths=paths), "orders")
    assert set(only.profile.tables) == {"Things", "Orders"}
    assert "no table:" not in only.text


def test_paths_of_four_levels_and_keys_that_are_no_texts() -> None:
    things = {"get": document()["paths"]["/things"]["get"]}
    whole, half = "/things/{id}/orders/{orderId}/lines", "/parts/{id}/pieces/{pieceId}/bits"
    odd = {"properties": {"id": {"type": "number"}}}
    answer = {"type": "array", "items": odd}
    parts = {"get": {"responses": {"200": {"content": {"application/json": {"schema": answer}}}}}}
    paths = {
        "/things/{id}/orders": things, whole: things, f"{whole}/{{lineId}}/notes": things,
        "/parts": parts, "/parts/{id}/pieces": things, half: things,
    }  # fmt: skip
    found = made(document(paths=paths))
    notes = found.profile.tables["Notes"]
    above = "/things/{parent.thing_id}/orders/{parent.order_id}"
    assert notes.path == f"{above}/lines/{{parent.id}}/notes"
    assert isinstance(notes.fan_out, ParentFanOut)
    assert notes.fan_out.also == {"thing_id": "thing_id", "order_id": "order_id"}
    assert "id of Parts is neither a text nor a whole number" in found.left[0]


def test_a_place_of_a_path_is_not_taken_for_a_secret() -> None:
    things = {"get": document()["paths"]["/things"]["get"]}
    profile = made(document(paths={"/tokens/{token}/things": things})).profile
    assert profile.tables["TokenThings"].path == "/tokens/{token_in_path}/things"
    assert not profile.settings["token_in_path"].secret


@pytest.mark.parametrize(
    ("scheme", "auth", "settings"),
    [
        ({"type": "http", "scheme": "basic"}, {"scheme": "Basic"}, []),
        (
            {"type": "apiKey", "in": "header", "name": "X-Key"},
            {"scheme": "Token", "header": "X-Key", "value": "{APIKey}"},
            ["APIKey"],
        ),
        (
            {"type": "apiKey", "in": "query", "name": "key"},
            {"scheme": "APIKey", "parameter": "key"},
            ["APIKey"],
        ),
        (
            {
                "type": "oauth2",
                "flows": {
                    "authorizationCode": {
                        "authorizationUrl": "/authorize",
                        "tokenUrl": "https://login.example.com/token",
                        "scopes": {"read": "", "list": ""},
                    }
                },
            },
            {
                "scheme": "OAuth",
                "authorize_url": "https://things.example.com/authorize",
                "token_url": "https://login.example.com/token",
                "scope": "read list",
            },
            [],
        ),
        (
            {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t.example"}}},
            {"scheme": "OAuthClient", "token_url": "https://t.example"},
            [],
        ),
        ({"type": "apiKey", "in": "cookie", "name": "s"}, {"scheme": "None"}, []),
    ],
)
def test_auth_schemes(scheme: Any, auth: Mapping[str, str], settings: list[str]) -> None:
    more = {"components": {"schemas": {"Thing": THING}, "securitySchemes": {"it": scheme}}}
    profile = made(document(more=more)).profile
    assert auth.items() <= profile.auth[0].model_dump().items()
    assert list(profile.settings) == ["BaseURL", *settings]
    assert all(profile.settings[name].secret for name in settings)


def test_server_variables_are_settings() -> None:
    variables = {"region": {"default": "eu", "enum": ["eu", "us"]}, "account": {"default": ""}}
    server = {"url": "https://{account}.{region}.example.com/v2/", "variables": variables}
    profile = made(document(more={"servers": [server]})).profile
    assert profile.settings["region"].choices == ("eu", "us")
    assert profile.settings["account"].default is None
    assert profile.settings["BaseURL"].default == "https://{account}.{region}.example.com"
    assert profile.base_url == "{BaseURL}/v2"


def test_swagger_2_in_yaml() -> None:
    text = """
swagger: "2.0"
info: {title: Old things, version: 2020-01-01}
host: old.example.com
basePath: /api
schemes: [http, https]
produces: [application/json]
securityDefinitions: {login: {type: basic}}
paths:
  /things:
    parameters: [{$ref: '#/parameters/size'}]
    get:
      parameters:
        - {name: kind, in: query, type: array, items: {type: string}, collectionFormat: multi}
        - {name: page, in: query, type: integer, default: 1}
      responses:
        200: {schema: {type: array, items: {$ref: '#/definitions/Thing'}}}
        404: {schema: {properties: {message: {type: string}}}}
parameters: {size: {name: per_page, in: query, type: integer, maximum: 30}}
definitions:
  Thing: {properties: {id: {type: integer}, kind: {type: string}, on: {type: string, format: date}}}
"""
    found = generate(read_document(text.encode(), "old.yaml"))
    profile = found.profile
    assert profile.settings["BaseURL"].default == "https://old.example.com"
    assert profile.base_url == "{BaseURL}/api"
    assert profile.auth[0].scheme == "Basic"
    assert profile.defaults.page.size == 30
    assert profile.errors == ("message",)
    assert types(profile) == {"id": "integer", "kind": "string", "on": "date"}
    assert found.questions == 0
    written = yaml.safe_load(found.text)["tables"]["Things"]["filters"]["kind"]
    assert written["many"] == "repeat"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "d is no OpenAPI 3 or Swagger 2 document"),
        ("openapi: 4.0.0\npaths: {}", "d is no OpenAPI 3 or Swagger 2 document"),
        ("openapi: 3.0.0\npaths: {", "not YAML:"),
        ('{"openapi": "3.0.0", "paths": ', "d: not JSON:"),
        ("openapi: 3.0.0\npaths: {}", "d: no GET of it lists records"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'other.yaml'}}", "other.yaml is in another document"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: '#/x/y'}}", "#/x/y leads nowhere"),
        (
            "openapi: 3.0.0\nx: {y: {$ref: '#/x/y'}}\npaths: {/a: {$ref: '#/x/y'}}",
            "#/x/y refers to itself",
        ),
        ('{"openapi": "3.0.0", "paths": ' + "[" * 100_000, "d is nested too deeply"),
        ("openapi: 3.0.0\npaths: " + "[" * 100_000, "d: more than 200 levels"),
    ],
)
def test_documents_that_cannot_be_used(text: str, said: str) -> None:
    with pytest.raises(ProfileError) as refused:
        generate(read_document(text.encode(), "d"))
    assert said in str(refused.value)


def test_a_table_that_the_document_does_not_have() -> None:
    with pytest.raises(ProfileError, match=r"no table 'Thinks'; did you mean 'Things'\?"):
        made(document(), "Thinks")


def test_texts_of_the_document_cannot_break_the_file() -> None:
    text = "a: b # c\n\u2028\u0085\x00'\"{}[] - ?\ud83d\ude00"
    thing = {
        "description": text,
        "properties": {
            "id": {"type": "integer", "description": text},
            "no": {"type": "string"},
            "null": {"type": "string", "description": "true"},
        },
    }
    more = {"info": {"title": f"A {text}", "version": "1: #", "description": text}}
    found = made(document(thing=thing, more=more))
    assert types(found.profile) == {"id": "integer", "no": "string", "null": "string"}
    assert found.profile.title == " ".join(f"A {text}".split()) or found.profile.title


def test_a_key_in_every_address_is_auth_and_no_filter() -> None:
    asked = [
        {**asks("api_key", "string"), "description": "Your key."},
        asks("key", "string"),
        {**asks("token", "string"), "description": "An access token."},
    ]
    no_schemes = {"components": {"schemas": {"Thing": THING}}}
    found = made(document(parameters=asked, more=no_schemes))
    (auth,) = found.profile.auth
    assert auth.model_dump() == {"scheme": "APIKey", "parameter": "api_key", "value": "{APIKey}"}
    assert found.profile.settings["APIKey"].secret
    assert set(found.profile.tables["Things"].filters) == {"key"}
    assert found.questions == 0


def test_what_forms_the_answer_is_no_filter() -> None:
    forms = [asks(name, "string") for name in ("export", "groupBy", "meta", "timezone", "kind")]
    objects = [asks(name, "object") for name in ("filter", "tags")]
    found = made(document(parameters=[*forms, *objects]))
    assert set(found.profile.tables["Things"].filters) == {"kind"}
    assert found.text.count("which no filter can send") == 1
    assert "# filter, tags: take objects, which no filter can send" in found.text


@pytest.mark.parametrize(
    ("schema", "name"), [("AppThing", "AppThings"), ("V1ApiListQueryThing", "Things")]
)
def test_a_schema_of_many_words_gives_no_name(schema: str, name: str) -> None:
    answer = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    given = document(answer=answer, more={"components": {"schemas": {schema: THING}}})
    assert list(made(given).profile.tables) == [name]


@pytest.mark.parametrize("listed", [True, False])
def test_a_path_that_lists_what_is_of_a_value_tells_no_key(*, listed: bool) -> None:
    thing = {"type": "object", "properties": {"kind": {"type": "string"}, "n": {"type": "integer"}}}
    one = {"$ref": "#/components/schemas/Thing"}
    data = {"type": "array", "items": one} if listed else one
    answer = {"type": "object", "properties": {"data": data}}
    good = {"200": {"content": {"application/json": {"schema": answer}}}}
    below = {"/things/{kind}": {"get": {"responses": good}}}
    found = made(document(thing=thing, answer=listing(), paths=below))
    assert found.profile.tables["Things"].primary_key == (() if listed else ("kind",))
