"""Manifests to profiles: what each part becomes, and what is refused by name."""

from typing import Any

import pytest
import yaml

from syncline.errors import ProfileError
from syncline.profile.airbyte.document import imported
from syncline.profile.imported import Imported
from syncline.profile.loader import parse_profile
from syncline.profile.schema import ApiTable, ParentFanOut, Profile

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": ["null", "string"], "description": "What  it\nis called."},
        "at": {"type": "string", "format": "date-time"},
        "mixed": {"type": ["string", "integer"]},
        "inner": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}


def manifest(stream: Any = None, **more: Any) -> dict[str, Any]:
    """Return a manifest of one stream; parts of it given as retriever__requester__path=…."""
    base: dict[str, Any] = {
        "type": "DeclarativeStream",
        "name": "items",
        "primary_key": "id",
        "retriever": {
            "type": "SimpleRetriever",
            "requester": {
                "type": "HttpRequester",
                "url_base": "https://api.example.com/v1/",
                "path": "/items",
            },
            "record_selector": {"extractor": {"type": "DpathExtractor", "field_path": ["data"]}},
        },
        "schema_loader": {"type": "InlineSchemaLoader", "schema": SCHEMA},
    }
    for place, value in more.items():
        *above, last = place.split("__")
        inner = base
        for step in above:
            inner = inner.setdefault(step, {})
        inner[last] = value
    specification = {
        "required": ["key"],
        "properties": {
            "key": {"type": "string", "airbyte_secret": True, "title": "<b>The</b> key"},
            "start": {"type": "string", "format": "date"},
            "region": {"type": "string", "enum": ["eu", "us"], "default": "eu"},
            "days": {"type": "integer", "default": 7},
        },
    }
    return {
        "version": "1.0.0",
        "type": "DeclarativeSource",
        "spec": {"type": "Spec", "connection_specification": specification},
        "streams": [base, *([stream] if stream else [])],
    }


def result(content: dict[str, Any]) -> Imported:
    return imported(yaml.safe_dump(content), "manifest.yaml", name="test", schema=lambda _: None)


def profile(content: dict[str, Any]) -> Profile:
    return parse_profile(result(content).text, "made.yaml")


def table(**more: Any) -> ApiTable:
    return profile(manifest(**more)).tables["items"]


def refused(**more: Any) -> str:
    with pytest.raises(ProfileError) as caught:
        result(manifest(**more))
    return str(caught.value).partition("items: ")[2]


def test_a_plain_table() -> None:
    made = profile(manifest())
    items = made.tables["items"]
    assert (made.base_url, items.path, items.records) == (
        "https://api.example.com/v1",
        "/items",
        "data",
    )
    assert items.primary_key == ("id",)
    assert items.answer == "either"
    assert made.auth[0].scheme == "None"
    types = {
        n: c if isinstance(c, str) else getattr(c, "type", "") for n, c in items.columns.items()
    }
    assert types == {
        "id": "integer", "name": "string", "at": "datetime", "mixed": "scalar", "inner": "json",
    }  # fmt: skip


def paginator(strategy: dict[str, Any], **more: Any) -> dict[str, Any]:
    option = {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "p"}
    whole = {
        "type": "DefaultPaginator",
        "pagination_strategy": strategy,
        "page_token_option": option,
    }
    return {"retriever__paginator": {**whole, **more}}


CURSOR = {"type": "CursorPagination", "cursor_value": "{{ response['meta']['next'] }}"}
LAST = {"type": "CursorPagination", "cursor_value": "{{ last_records[-1]['ref'] }}"}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (
            {"type": "PageIncrement", "page_size": 5},
            {"type": "page_number", "first_page": 0, "on_first": False},
        ),
        (
            {"type": "PageIncrement", "start_from_page": 1, "inject_on_first_request": True},
            {"type": "page_number"},
        ),
        ({"type": "OffsetIncrement", "page_size": 5}, {"type": "offset"}),
        (
            {"type": "OffsetIncrement", "inject_on_first_request": True},
            {"type": "offset", "on_first": True},
        ),
        (CURSOR, {"type": "token", "path": "meta.next"}),
        (
            {**CURSOR, "stop_condition": "{{ not response.meta.next }}"},
            {"type": "token", "path": "meta.next"},
        ),
        (
            {
                **CURSOR,
                "stop_condition": "{{ 'next' not in response.meta or response.meta.next == '' }}",
            },
            {"type": "token", "path": "meta.next"},
        ),
        (
            {**CURSOR, "stop_condition": "{{ response.meta.next is none }}"},
            {"type": "token", "path": "meta.next"},
        ),
        (
            {**CURSOR, "stop_condition": "{{ not response.get('has_more') }}"},
            {"type": "token", "path": "meta.next", "more": "has_more"},
        ),
        (
            {**CURSOR, "stop_condition": "{{ response.has_more == false }}"},
            {"type": "token", "path": "meta.next", "more": "has_more"},
        ),
        (
            {**CURSOR, "page_size": 5, "stop_condition": "{{ last_page_size < 5 }}"},
            {"type": "token", "path": "meta.next", "ends": "short"},
        ),
        (
            {**CURSOR, "stop_condition": "{{ last_records | length == 0 }}"},
            {"type": "token", "path": "meta.next", "ends": "empty"},
        ),
        (
            {**CURSOR, "stop_condition": "{{ not response.data }}"},
            {"type": "token", "path": "meta.next", "ends": "empty"},
        ),
        (LAST, {"type": "last_record", "path": "ref"}),
        (
            {**LAST, "stop_condition": "{{ not response['has_more'] }}"},
            {"type": "last_record", "path": "ref", "more": "has_more"},
        ),
        (
            {
                "type": "CursorPagination",
                "cursor_value": "{{ response.page + 1 }}",
                "stop_condition": "{{ not response.more }}",
            },
            {"type": "page_number", "on_first": False, "more": "more"},
        ),
    ],
)
def test_paginators(strategy: dict[str, Any], expected: dict[str, Any]) -> None:
    found = table(**paginator(strategy)).pagination
    assert found is not None
    assert found.model_dump(exclude_defaults=True) == {"parameter": "p", **expected} | {
        "parameter": "p"
    }


def test_next_addresses() -> None:
    by_path = {"page_token_option": {"type": "RequestPath"}}
    found = table(**paginator({**CURSOR, "stop_condition": "{{ not response.meta }}"}, **by_path))
    assert found.pagination is not None
    dumped = found.pagination.model_dump(exclude_defaults=True)
    assert dumped == {"type": "next_link", "path": "meta.next"}
    links = {"type": "CursorPagination", "cursor_value": "{{ headers['link']['next']['url'] }}"}
    found = table(**paginator(links, **by_path))
    assert found.pagination is not None
    assert found.pagination.type == "link_header"


@pytest.mark.parametrize(
    ("strategy", "said"),
    [
        ({"type": "CustomPaginationStrategy"}, "CustomPaginationStrategy"),
        (
            {"type": "CursorPagination", "cursor_value": "{{ headers['x']['next'] }}"},
            "the cursor_value",
        ),
        (
            {**CURSOR, "stop_condition": "{{ response.page >= response.pages }}"},
            "the stop_condition",
        ),
        ({**CURSOR, "stop_condition": "{{ last_page_size < 5 }}"}, "the stop_condition"),
        ({**CURSOR, "stop_condition": "{% if response %}x{% endif %}"}, "the Jinja statement"),
        ({**CURSOR, "cursor_value": "{{ response | tojson }}"}, "the Jinja expression"),
        ({"type": "PageIncrement", "page_size": "{{ config['size'] }}"}, "page_size"),
    ],
)
def test_paginators_without_equal(strategy: dict[str, Any], said: str) -> None:
    assert said in refused(**paginator(strategy))


def test_one_parameter_for_size_and_place_would_lose_rows() -> None:
    size = {"inject_into": "request_parameter", "field_name": "p"}
    more = paginator({"type": "OffsetIncrement", "page_size": 5}, page_size_option=size)
    assert "p is both size and place" in refused(**more)


def cursor(**more: Any) -> dict[str, Any]:
    start = {"inject_into": "request_parameter", "field_name": "since"}
    whole = {
        "type": "DatetimeBasedCursor",
        "cursor_field": "at",
        "datetime_format": "%Y-%m-%dT%H:%M:%SZ",
        "start_datetime": "{{ config['start'] }}",
        "start_time_option": start,
    }
    return {"incremental_sync": {**whole, **more}}


END = {"inject_into": "request_parameter", "field_name": "to"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {}),
        ({"datetime_format": "%s"}, {"format": "epoch"}),
        ({"datetime_format": "%ms"}, {"format": "epoch_ms"}),
        ({"datetime_format": "%Y-%m-%d"}, {"format": "date"}),
        ({"datetime_format": "%d/%m/%Y"}, {"format": "%d/%m/%Y"}),
        ({"start_datetime": "2020-01-31"}, {"start": "2020-01-31T00:00:00"}),
        (
            {"start_datetime": {"datetime": "31.01.2020", "datetime_format": "%d.%m.%Y"}},
            {"start": "2020-01-31T00:00:00+00:00"},
        ),
        ({"end_time_option": END}, {"until": "to"}),
        ({"end_time_option": END, "step": "P1W"}, {"until": "to", "step": 604800}),
        ({"step": "P1W"}, {}),
        (
            {"end_time_option": END, "step": "P{{ config['days'] }}D"},
            {"until": "to", "step": 604800},
        ),
        ({"lookback_window": "P2DT1H"}, {"overlap": 2 * 86400 + 3600}),
    ],
)
def test_cursors(more: dict[str, Any], expected: dict[str, Any]) -> None:
    found = table(**cursor(**more)).incremental
    assert found is not None
    base = {"column": "at", "parameter": "since", "start": "{start}"}
    assert found.model_dump(exclude_defaults=True) == {**base, **expected}


def test_steps_without_a_key_do_not_touch() -> None:
    found = table(
        primary_key=None, **cursor(end_time_option=END, step="P1D", cursor_granularity="PT1S")
    )
    assert found.incremental is not None
    assert found.incremental.granularity == 1


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"q": "at:>{{ stream_interval.start_time }}"}, {"parameter": "q", "value": "at:>{value}"}),
        (
            {"q": "[{{ stream_slice['start_time'] }} TO {{ stream_slice['end_time'] }}]"},
            {"parameter": "q", "value": "[{value} TO {until}]"},
        ),
        (
            {"a": "{{ stream_interval.start_time }}", "b": "{{ stream_interval['end_time'] }}"},
            {"parameter": "a", "until": "b"},
        ),
        (
            {"a": "{{ format_datetime(stream_interval.start_time, '%Y-%m-%d') }}"},
            {"parameter": "a", "format": "date"},
        ),
    ],
)
def test_windows_in_parameters(parameters: dict[str, str], expected: dict[str, str]) -> None:
    more = cursor(start_time_option=None)
    found = table(retriever__requester__request_parameters=parameters, **more)
    assert found.parameters == {}
    assert found.incremental is not None
    base = {"column": "at", "start": "{start}"}
    assert found.incremental.model_dump(exclude_defaults=True) == {**base, **expected}


def test_a_cursor_that_asks_nothing_of_the_api_is_no_cursor() -> None:
    made = result(manifest(**cursor(start_time_option=None)))
    assert "incremental" not in made.text
    (note,) = made.notes["items"]
    assert note.startswith("the cursor 'at': nothing asks the API")


AUTH = {
    "bearer": (
        {"type": "BearerAuthenticator", "api_token": "{{ config['key'] }}"},
        {"scheme": "Token", "value": "Bearer {key}"},
    ),
    "header": (
        {"type": "ApiKeyAuthenticator", "header": "X-Key", "api_token": "{{ config.key }}"},
        {"scheme": "Token", "header": "X-Key", "value": "{key}"},
    ),
    "parameter": (
        {
            "type": "ApiKeyAuthenticator",
            "inject_into": {"inject_into": "request_parameter", "field_name": "token"},
            "api_token": "{{ config.get('key') }}",
        },
        {"scheme": "APIKey", "parameter": "token", "value": "{key}"},
    ),
    "basic": (
        {"type": "BasicHttpAuthenticator", "username": "{{ config['key'] }}", "password": "x"},
        {"scheme": "Basic", "user": "{key}", "password": "x"},
    ),
    "refresh": (
        {"type": "OAuthAuthenticator", "token_refresh_endpoint": "https://x/t", "client_id": "a"},
        {"scheme": "OAuth", "authorize_url": "", "token_url": "https://x/t"},
    ),
    "client": (
        {
            "type": "OAuthAuthenticator",
            "token_refresh_endpoint": "https://x/t",
            "grant_type": "client_credentials",
            "scopes": ["a", "b"],
        },
        {"scheme": "OAuthClient", "token_url": "https://x/t", "scope": "a b"},
    ),
    "several": (
        {
            "type": "SelectiveAuthenticator",
            "authenticators": {
                "a": {"type": "CustomAuthenticator"},
                "b": {"type": "BearerAuthenticator", "api_token": "{{ config['key'] }}"},
            },
        },
        {"scheme": "Token", "value": "Bearer {key}"},
    ),
}


@pytest.mark.parametrize("kind", AUTH)
def test_authenticators(kind: str) -> None:
    given, expected = AUTH[kind]
    made = profile(manifest(retriever__requester__authenticator=given))
    assert made.auth[0].model_dump(exclude_unset=True) == expected
    if "key" in made.settings:
        setting = made.settings["key"]
        assert (setting.secret, setting.default, setting.description) == (True, None, "The key")


@pytest.mark.parametrize(
    "kind", ["SessionTokenAuthenticator", "JwtAuthenticator", "CustomAuthenticator"]
)
def test_authenticators_without_equal(kind: str) -> None:
    assert kind in refused(retriever__requester__authenticator={"type": kind})


def test_requests_with_a_body() -> None:
    option = {"inject_into": "body_json", "field_path": ["paging", "cursor"]}
    more = paginator(CURSOR, page_token_option=option)
    found = table(
        **more,
        retriever__requester__http_method="POST",
        retriever__requester__request_parameters={"v": "2"},
        retriever__requester__request_body_json={
            "region": "{{ config['region'] }}",
            "n": 5,
            "of": ["{{ [1] }}"],
        },
    )
    assert found.posting is not None
    assert found.posting.model_dump(exclude_defaults=True) == {
        "type": "json",
        "content": {"region": "{region}", "n": 5, "of": [[1]]},
        "in_address": ("v",),
        "places": {"paging_cursor": "paging.cursor"},
    }
    assert found.pagination is not None
    assert found.pagination.model_dump()["parameter"] == "paging_cursor"


def test_forms_and_graphql() -> None:
    found = table(
        retriever__requester__http_method="POST",
        retriever__requester__request_body_data={"a": "{{ config['region'] }}"},
    )
    assert found.posting is not None
    assert (found.posting.type, found.parameters) == ("form", {"a": "{region}"})
    found = table(
        retriever__requester__http_method="POST",
        retriever__requester__request_body_json={"query": "{items{id}}", "variables": {"a": 1}},
    )
    assert found.posting is not None
    assert found.posting.model_dump(exclude_defaults=True) == {
        "type": "graphql", "query": "{items{id}}", "variables": {"a": 1},
    }  # fmt: skip


def test_error_handlers() -> None:
    handler = {
        "type": "CompositeErrorHandler",
        "error_handlers": [
            {
                "type": "DefaultErrorHandler",
                "max_retries": 4,
                "backoff_strategies": [{"type": "WaitTimeFromHeader", "header": "X-Wait"}],
                "response_filters": [
                    {"http_codes": [403, 404], "action": "IGNORE"},
                    {"http_codes": [418, 429], "action": "RETRY"},
                    {"error_message_contains": "later", "action": "RETRY"},
                ],
            }
        ],
    }
    content = manifest(retriever__requester__error_handler=handler)
    made = profile(content)
    assert made.tables["items"].absent == (403, 404)
    assert 418 in made.retry.statuses
    assert 503 in made.retry.statuses
    assert (made.retry.after, made.retry.attempts) == ("X-Wait", 5)
    assert "RETRY by what an answer says" in result(content).notes["items"][0]


def test_partitions_of_a_list() -> None:
    option = {"inject_into": "request_parameter", "field_name": "kind"}
    router = {
        "type": "ListPartitionRouter",
        "values": ["a", 2],
        "cursor_field": "kind",
        "request_option": option,
    }
    fan_out = table(retriever__partition_router=router).fan_out
    assert fan_out is not None
    assert fan_out.model_dump(exclude_defaults=True) == {
        "parameter": "kind", "values": ("a", "2"), "into": "kind",
    }  # fmt: skip
    router = {
        "type": "ListPartitionRouter",
        "values": "{{ config['kinds'] }}",
        "cursor_field": "kind",
    }
    found = table(
        retriever__partition_router=router,
        retriever__requester__path="/{{ stream_partition.kind }}/items",
    )
    assert found.path == "/{value}/items"
    assert found.fan_out is not None
    assert found.fan_out.model_dump(exclude_defaults=True) == {"setting": "kinds", "into": "kind"}


def child(**more: Any) -> dict[str, Any]:
    router = {
        "type": "SubstreamPartitionRouter",
        "parent_stream_configs": [
            {"stream": "#/streams/0", "parent_key": "id", "partition_field": "item_id", **more}
        ],
    }
    (inner,) = manifest(
        name="parts",
        retriever__partition_router=router,
        retriever__requester__path="/items/{{ stream_partition['item_id'] }}/parts",
    )["streams"]
    assert isinstance(inner, dict)
    return inner


def test_partitions_of_a_parent() -> None:
    made = profile(manifest(child()))
    parts = made.tables["parts"]
    assert parts.path == "/items/{parent.id}/parts"
    assert parts.fan_out is not None
    assert parts.fan_out == ParentFanOut(parent="items", column="id", into="item_id")


def test_what_a_parent_is_asked_for_becomes_a_column_of_it() -> None:
    made = profile(manifest(child(parent_key="ref")))
    assert made.tables["items"].columns["ref"] == "scalar"


def test_children_go_with_their_parents() -> None:
    content = manifest(child(), retriever__requester__authenticator={"type": "JwtAuthenticator"})
    other = manifest(name="fine")["streams"]
    made = result({**content, "streams": [*content["streams"], *other]})
    assert made.tables == ("fine",)
    assert made.refused == {
        "items": "JwtAuthenticator",
        "parts": "its parent items is not imported: JwtAuthenticator",
    }
    assert "# Not imported: items: JwtAuthenticator" in made.text


def test_transformations() -> None:
    added = [
        {"path": ["fixed"], "value": "x"},
        {"path": ["name"], "value": "{{ record['inner']['a'] }}"},
        {"path": ["where"], "value": "{{ config['region'] }}"},
        {"path": ["odd"], "value": "{{ record.a + record.b }}"},
        {"path": ["inner", "b"], "value": "x"},
    ]
    content = manifest(
        transformations=[
            {"type": "AddFields", "fields": added},
            {"type": "RemoveFields", "field_pointers": [["mixed"], ["inner", "a"]]},
        ]
    )
    columns = profile(content).tables["items"].columns
    shown = {
        n: c if isinstance(c, str) else c.model_dump(exclude_defaults=True)
        for n, c in columns.items()
    }
    assert shown["fixed"] == {"type": "string", "value": "x"}
    assert shown["where"] == {"type": "string", "value": "{region}"}
    assert shown["name"] == {"type": "string", "path": "inner.a"}
    assert "mixed" not in shown
    assert "odd" not in shown
    notes = " ".join(result(content).notes["items"])
    assert "the column 'odd' is left out" in notes
    assert "inner.b is left out" in notes
    assert "inner.a stays inside its column" in notes


def test_elements_in_wrappers() -> None:
    found = table(retriever__record_selector__extractor__field_path=["items", "*", "data"])
    assert (found.records, found.answer) == ("items", "list")
    assert found.primary_key == ("id",)
    column = found.columns["id"]
    assert not isinstance(column, str)
    assert column.model_dump(exclude_defaults=True) == {"type": "integer", "path": "data.id"}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"type": "StateDelegatingStream"}, "StateDelegatingStream"),
        ({"retriever__type": "AsyncRetriever"}, "AsyncRetriever"),
        ({"retriever__requester__type": "CustomRequester"}, "CustomRequester"),
        ({"retriever__requester__http_method": "PUT"}, "the method PUT"),
        ({"retriever__requester__path": "/{{ next_page_token.x }}"}, "the Jinja template"),
        ({"retriever__requester__path": "/{{ __import__('os') }}"}, "the Jinja expression"),
        ({"retriever__requester__path": "/{config}"}, "braces in /{config}"),
        ({"retriever__requester__url_base": "ftp://x"}, "the address 'ftp://x'"),
        (
            {"retriever__record_selector__extractor__type": "CustomRecordExtractor"},
            "CustomRecordExtractor",
        ),
        ({"retriever__record_selector__extractor__field_path": ["a.b"]}, "cannot be written"),
        (
            {"retriever__record_selector__record_filter": {"condition": "{{ record.x }}"}},
            "RecordFilter",
        ),
        ({"retriever__decoder": {"type": "ZipfileDecoder"}}, "ZipfileDecoder"),
        (
            {"retriever__partition_router": {"type": "GroupingPartitionRouter"}},
            "GroupingPartitionRouter",
        ),
        ({"incremental_sync": {"type": "IncrementingCountCursor"}}, "IncrementingCountCursor"),
        ({"schema_loader": {"type": "DynamicSchemaLoader"}}, "DynamicSchemaLoader"),
        ({"schema_loader": {"type": "JsonFileSchemaLoader"}}, "there is no file items.json"),
        ({"transformations": [{"type": "KeysToLower"}]}, "KeysToLower"),
        (
            {"retriever__requester": {"$ref": "#/definitions/none"}},
            "the reference #/definitions/none",
        ),
    ],
)
def test_parts_without_equal(more: dict[str, Any], said: str) -> None:
    assert said in refused(**more)


def test_a_manifest_without_its_schemas_says_what_is_missing() -> None:
    with pytest.raises(ProfileError, match=r"there is no file items\.json") as caught:
        result(manifest(schema_loader=None))
    assert caught.value.hint == "keep the folder 'schemas' of the package beside the manifest"


def test_references_and_parameters() -> None:
    content = manifest()
    (stream,) = content["streams"]
    content["definitions"] = {
        "requester": {"type": "HttpRequester", "url_base": "https://api.example.com"},
        "selector": {"extractor": {"field_path": ["{{ parameters['name'] }}"]}},
        "base": {
            "retriever": {
                "requester": {"$ref": "#/definitions/requester"},
                "record_selector": "#/definitions/selector",
            }
        },
    }
    content["streams"] = [
        {
            "$ref": "#/definitions/base",
            "$parameters": {"name": "things", "path": "/things", "primary_key": "id"},
            "schema_loader": stream["schema_loader"],
        }
    ]
    things = profile(content).tables["things"]
    assert (things.path, things.records, things.primary_key) == ("/things", "things", ("id",))


def test_a_reference_to_itself_is_refused() -> None:
    content = manifest()
    content["definitions"] = {"a": {"$ref": "#/definitions/a"}}
    content["streams"][0]["retriever"] = {"$ref": "#/definitions/a"}
    with pytest.raises(ProfileError, match="leads to itself"):
        result(content)


def test_a_host_that_is_chosen_becomes_a_setting() -> None:
    base = "{{ 'https://a.example' if config['test'] else 'https://b.example' }}"
    made = profile(manifest(retriever__requester__url_base=base))
    assert made.base_url == "{BaseURL}"
    assert made.settings["BaseURL"].choices == ("https://a.example", "https://b.example")
    assert made.settings["BaseURL"].default == "https://b.example"


def test_most_tables_decide_on_host_and_auth() -> None:
    bearer = {"type": "BearerAuthenticator", "api_token": "{{ config['key'] }}"}
    content = manifest(name="odd", retriever__requester__authenticator=bearer)
    for name in ("one", "two"):
        base = f"https://{'two' if name == 'two' else 'api'}.example.com"
        content["streams"] += manifest(name=name, retriever__requester__url_base=base)["streams"]
    made = result(content)
    assert made.refused == {"odd": "it has an authenticator of its own: Token"}
    tables = parse_profile(made.text, "made.yaml").tables
    assert sorted(t.base_url or "" for t in tables.values()) == ["", "https://two.example.com"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("streams: [", "not YAML"),
        ("a: 1", "no declarative manifest: it has no list 'streams'"),
        ("dynamic_streams: []", "of dynamic streams only"),
        ("streams: []", "none of its tables can be imported: there are none"),
        (f"streams: {'[' * 100_000}", "more than 200 levels inside each other"),
        ("streams: &a [*a]", "an alias inside of what it stands for"),
    ],
)
def test_no_manifest(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        imported(text, "manifest.yaml", name="x", schema=lambda _: None)


@pytest.mark.parametrize(
    "text", ["{{ today_utc() }}", "{{ now_utc().strftime('%Y-%m-%d') }}",
             "{{ format_datetime(now_utc(), '%Y-%m-%d') }}"],
)  # fmt: skip
def test_the_day_of_the_read(text: str) -> None:
    made = table(retriever__requester__request_parameters={"to": text})
    assert made.parameters == {"to": "{today}"}


def test_a_moment_has_no_equal() -> None:
    moment = "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') }}"
    assert "Jinja" in refused(retriever__requester__request_parameters={"to": moment})


def test_a_token_in_a_header() -> None:
    strategy = {"type": "CursorPagination", "cursor_value": "{{ headers['X-Next'] }}"}
    made = table(**paginator(strategy)).pagination
    assert made is not None
    shown = made.model_dump(exclude_defaults=True)
    assert shown == {"type": "token", "header": "X-Next", "parameter": "p"}
