"""Profiles from live pages: what is recognised, what is asked, and that they read every row."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from rich.console import Console

from standins.pages import Api, Fault, Row, answering, failure, saying, serving
from standins.reading import batches_of, rows_of, scan_of
from syncline.cli import making
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties
from syncline.errors import CredentialError, ProfileError, PropertyError
from syncline.profile.loader import load_profile

ROWS: list[Row] = [
    {
        "id": number + 1,
        "kind": "ab"[number % 2],
        "price": f"{number}.50",
        "share": number / 4,
        "updated_at": f"2026-0{number % 9 + 1}-01T00:00:00Z",
        "day": f"2026-01-{number % 28 + 1:02}",
        "owner": {"id": number % 3, "name": "x", "tags": ["t"]},
        "parts": [{"id": 1, "n": number}],
        "either": number if number % 2 else "text",
        "empty": None,
    }
    for number in range(130)
]


async def inferred(
    api: Api, tmp_path: Path, query: str = "", *, auth: str = "none", headers: tuple[str, ...] = ()
) -> tuple[Mapping[str, Any], str]:
    """The profile's content and its text."""
    path = tmp_path / "made.yaml"
    path.unlink(missing_ok=True)
    code = await making.infer(
        f"{api.url}/v1/items{query}", auth=auth, headers=headers, name="Made", pages=5,
        output=path, console=Console(stderr=True, width=400),
    )  # fmt: skip
    assert code == 0
    text = path.read_text("utf-8")
    content: Mapping[str, Any] = yaml.safe_load(text)
    return content, text


async def read(tmp_path: Path, settings: Mapping[str, str] | None = None) -> list[Row]:
    """All rows that the inferred profile reads."""
    profile = load_profile(str(tmp_path / "made.yaml"))
    given = ApiProperties.model_validate({"Profile": "x", "ProfileSettings": settings or {}})
    async with opened_api(
        "made", given, profile, SystemClock(), observe=lambda _: None, say=lambda _: None
    ) as source:
        return rows_of(await batches_of(source, await scan_of(source, "Items")))


def by_page(page: Callable[[list[Row], Mapping[str, str]], Any], rows: list[Row] = ROWS) -> Fault:
    """An API of which one function says how a page is asked for and looks."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(page(rows, dict(request.query)))

    return answer


@pytest.mark.parametrize(
    ("style", "pagination"),
    [
        ("next_link", {"type": "next_link", "path": "meta.paging.next"}),
        ("link_header", {"type": "link_header"}),
        ("token", {"type": "token", "path": "token", "parameter": "token"}),
        ("offset", {"type": "offset", "parameter": "offset", "total": "total"}),
        ("page_number", {"type": "page_number", "parameter": "page", "more": "more"}),
        ("none", {"type": "none"}),
    ],
)
async def test_pagination_is_recognised_by_trying(
    style: str, pagination: Mapping[str, str], tmp_path: Path
) -> None:
    async with serving(Api(lists={"/v1/items": ROWS}, style=style, size=20)) as api:
        content, text = await inferred(api, tmp_path)
        table = content["tables"]["Items"]
        assert table["pagination"] == pagination
        assert table.get("records", "") == ("" if style in {"link_header", "none"} else "data")
        if style != "none":
            assert table["page"] == {"parameter": "limit", "size": 100}
            assert "# tried: " in text
        assert len(await read(tmp_path)) == len(ROWS)
        assert len(api.asked) < 60


def _from_zero(rows: list[Row], query: Mapping[str, str]) -> Any:
    at, size = int(query.get("page", 0)), int(query.get("per_page", 20))
    pages = -(-len(rows) // size)
    return {"items": rows[at * size : at * size + size], "paging": {"totalPages": pages}}


def _after_last(rows: list[Row], query: Mapping[str, str]) -> Any:
    after, size = int(query.get("starting_after", 0)), min(int(query.get("limit", 10)), 50)
    found = [row for row in rows if row["id"] > after]
    return {"data": found[:size], "has_more": len(found) > size}


def _hidden_token(rows: list[Row], query: Mapping[str, str]) -> Any:
    at, size = int(query.get("cursor", "c0")[1:]), int(query.get("limit", 20))
    following = f"c{at + size}" if at + size < len(rows) else ""
    return {"members": rows[at : at + size], "response_metadata": {"next_cursor": following}}


def _skipping(rows: list[Row], query: Mapping[str, str]) -> Any:
    at = int(query.get("skip", 0))
    return rows[at : at + 40]


@pytest.mark.parametrize(
    ("page", "pagination"),
    [
        (
            _from_zero,
            {"type": "page_number", "parameter": "page", "first_page": 0,
             "pages": "paging.totalPages"},
        ),
        (
            _after_last,
            {"type": "last_record", "path": "id", "parameter": "starting_after",
             "more": "has_more"},
        ),
        (
            _hidden_token,
            {"type": "token", "path": "response_metadata.next_cursor", "parameter": "cursor"},
        ),
        (_skipping, {"type": "offset", "parameter": "skip"}),
    ],
)  # fmt: skip
async def test_other_ways_are_recognised(
    page: Callable[[list[Row], Mapping[str, str]], Any],
    pagination: Mapping[str, str],
    tmp_path: Path,
) -> None:
    async with serving(Api(lists={}, always=by_page(page))) as api:
        content, _ = await inferred(api, tmp_path)
        assert content["tables"]["Items"]["pagination"] == pagination
        rows = await read(tmp_path)
        assert [row["id"] for row in rows] == [row["id"] for row in ROWS]


async def test_what_the_records_show(tmp_path: Path) -> None:
    async with serving(Api(lists={"/v1/items": ROWS}, size=20)) as api:
        content, text = await inferred(api, tmp_path)
        table = content["tables"]["Items"]
        assert table["columns"] == {
            "id": "integer", "kind": "string", "price": "string", "share": "number",
            "updated_at": "datetime", "day": "date",
            "owner": {"object": {"id": "integer", "name": "string", "tags": "json"}},
            "parts": "json", "either": "scalar", "empty": "json",
        }  # fmt: skip
        assert table["primary_key"] == ["id"]
        assert table["incremental"] == {"column": "updated_at", "parameter": "updated_since"}
        assert table["children"]["ItemParts"]["parent"] == {"item_id": "id"}
        assert "# ? All are numbers in texts: decimal(12,2) instead?" in text
        assert "# ? Null in every record read: of which type is it?" in text
        assert content["settings"] == {"BaseURL": {"default": api.url}}
        assert content["base_url"] == "{BaseURL}/v1"
        assert text.startswith("# yaml-language-server: $schema=")


async def test_types_are_widened_over_pages(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"id": n, "a": n if n < 50 else n + 0.5, "b": "2026-01-01" if n < 50 else "soon",
         "c": True if n < 50 else None, "d": {"x": 1} if n < 50 else 7, "e": 2**63 * (n > 50)}
        for n in range(60)
    ]  # fmt: skip
    async with serving(Api(lists={"/v1/items": rows}, size=20)) as api:
        content, _ = await inferred(api, tmp_path)
        assert content["tables"]["Items"]["columns"] == {
            "id": "integer", "a": "number", "b": "string", "c": "boolean", "d": "json",
            "e": "decimal(20,0)",
        }  # fmt: skip
        assert len(await read(tmp_path)) == 60


async def test_without_a_clear_key_it_is_asked_for(tmp_path: Path) -> None:
    rows: list[Row] = [{"id": 1, "word": f"w{n}", "other": f"o{n}"} for n in range(5)]
    async with serving(Api(lists={"/v1/items": rows}, style="none")) as api:
        content, text = await inferred(api, tmp_path)
        assert "primary_key" not in content["tables"]["Items"]
        assert "Never equal so far: word, other." in " ".join(text.replace("#", "").split())


@pytest.mark.parametrize(
    ("auth", "header", "value", "settings"),
    [
        ("bearer:t-1", "Authorization", "Bearer t-1", {"Token": "t-1"}),
        ("header:X-Key:t-1", "X-Key", "t-1", {"APIKey": "t-1"}),
        ("basic:ann:t-1", "Authorization", "Basic YW5uOnQtMQ==", None),
        ("bearer:${INFER_TOKEN}", "Authorization", "Bearer t-1", {"Token": "t-1"}),
    ],
)
async def test_auth(
    *, auth: str, header: str, value: str, settings: Mapping[str, str] | None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("INFER_TOKEN", "t-1")

    async def guarded(request: web.Request) -> web.StreamResponse | None:
        known = request.headers.get(header) == value and request.headers.get("X-Version") == "3"
        return None if known else failure(401, "Unauthorized", "who are you?")

    async with serving(Api(lists={"/v1/items": ROWS[:3]}, always=guarded)) as api:
        content, text = await inferred(api, tmp_path, auth=auth, headers=("X-Version: 3",))
        assert "t-1" not in text
        assert content["headers"] == {"X-Version": "3"}
        shown = capsys.readouterr()
        assert "t-1" not in shown.out + shown.err
        assert "3 rows" in shown.err
        if settings:
            assert content["settings"][next(iter(settings))]["secret"] is True
            assert len(await read(tmp_path, settings)) == 3


async def test_a_key_in_the_query_stays_out_of_the_profile(tmp_path: Path) -> None:
    async def guarded(request: web.Request) -> web.StreamResponse | None:
        return None if request.query.get("api_key") == "t-1" else failure(401, "No", "no")

    async with serving(Api(lists={"/v1/items": ROWS}, always=guarded)) as api:
        content, text = await inferred(api, tmp_path, "?kind=a", auth="query:api_key:t-1")
        assert "t-1" not in text
        assert content["auth"] == [{"scheme": "APIKey", "parameter": "api_key"}]
        assert content["tables"]["Items"]["parameters"] == {"kind": "a"}


@pytest.mark.parametrize(
    ("query", "auth", "headers", "said"),
    [
        ("?token=abc", "none", (), "'token' in the address looks like a secret"),
        ("", "none", ("Authorization: abc",), "the header 'Authorization' looks like a secret"),
        ("", "none", ("X-Thing",), "the header 'X-Thing' has no value"),
        ("", "bearer:", (), "--auth is none that can be used"),
        ("", "magic:abc", (), "--auth is none that can be used"),
    ],
)
async def test_what_cannot_be_asked(
    query: str, auth: str, headers: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(PropertyError, match=said) as refused:
        await inferred(Api(lists={}, url="http://127.0.0.1:1"), tmp_path, query, auth=auth,
                       headers=headers)  # fmt: skip
    assert "abc" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "answered no JSON"),
        (b'{"id": 1}', "answered no list of objects"),
        (b"[]", "answered no list of objects"),
        (b"[1, 2]", "answered no list of objects"),
    ],
)
async def test_answers_that_are_no_list(body: bytes, said: str, tmp_path: Path) -> None:
    async with serving(Api(lists={}, always=saying(body))) as api:
        with pytest.raises(ProfileError, match=said):
            await inferred(api, tmp_path)
    assert not (tmp_path / "made.yaml").exists()


async def test_refused_credentials_end_it(tmp_path: Path) -> None:
    async with serving(Api(lists={}, always=answering(401))) as api:
        with pytest.raises(CredentialError):
            await inferred(api, tmp_path)
        assert len(api.asked) == 1


async def test_a_document_from_an_address(tmp_path: Path) -> None:
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Items", "version": "1"},
        "servers": [{"url": "/v1"}],
        "paths": {
            "/items": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {
                                    "schema": {
                                        "type": "array",
                                        "items": {
                                            "properties": {
                                                "id": {"type": "integer"},
                                                "kind": {"type": "string"},
                                            }
                                        },
                                    }
                                }
                            }
                        }
                    }
                }
            }
        },
    }
    console = Console(stderr=True)
    body = json.dumps(document).encode()

    async def answer(request: web.Request) -> web.StreamResponse | None:
        return await saying(body)(request) if request.path == "/docs/api.json" else None

    path = tmp_path / "made.yaml"
    api = Api(lists={"/v1/items": ROWS}, style="none", always=answer)
    async with serving(api):
        assert await making.generate(f"{api.url}/docs/api.json", [], path, console) == 0
        content = yaml.safe_load(path.read_text("utf-8"))
        assert content["settings"]["BaseURL"] == {"default": api.url}
        assert len(await read(tmp_path)) == len(ROWS)
        with pytest.raises(PropertyError, match="is there already"):
            await making.generate(f"{api.url}/docs/api.json", [], path, console)
    with pytest.raises(ProfileError, match="cannot read"):
        await making.generate(str(tmp_path / "nowhere.json"), [], None, console)
