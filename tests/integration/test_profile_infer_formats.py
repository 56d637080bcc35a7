"""Profiles from live pages that are not JSON, behind OAuth, and of APIs that slow their clients."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
import yaml
from aiohttp import web
from rich.console import Console

from standins.pages import Api, Row, serving
from standins.reading import batches_of, rows_of, scan_of
from syncline.cli import making
from syncline.control.answers import recognised
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties
from syncline.errors import PropertyError
from syncline.profile.infer.draft import access
from syncline.profile.infer.texts import typed_records
from syncline.profile.loader import load_profile

ROWS: list[Row] = [
    {
        "id": n + 1,
        "code": f"{n:03}",
        "amount": n + 0.25,
        "open": n % 2 == 0,
        "at": f"2026-01-{n % 28 + 1:02}T00:00:00Z",
        "note": f'a, "b" {n}' if n % 3 else None,
    }
    for n in range(50)
]  # fmt: skip
TYPES = {
    "id": "integer", "code": "string", "amount": "number", "open": "boolean", "at": "datetime",
    "note": "string",
}  # fmt: skip

Answer = Callable[[web.Request, list[Row]], web.Response]


async def inferred(
    answer: Answer, tmp_path: Path, *, auth: str = "none", slow: int = 0
) -> tuple[Mapping[str, Any], list[Row], Api]:
    """The profile's content, the rows that it reads, and the API."""
    path = tmp_path / "made.yaml"
    refused = slow

    async def always(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        if refused:
            refused -= 1
            return web.Response(status=429, headers={"Retry-After": "0"})
        return answer(request, ROWS)

    async with serving(Api(lists={}, always=always)) as api:
        code = await making.infer(
            f"{api.url}/v1/items", auth=auth.replace("{url}", api.url), headers=(), name="Made",
            pages=5, output=path, console=Console(stderr=True, width=200),
        )  # fmt: skip
        assert code == 0
        given = ApiProperties.model_validate({"Profile": "x"})
        profile = load_profile(str(path))
        async with opened_api(
            "made", given, profile, SystemClock(), observe=lambda _: None, say=lambda _: None
        ) as source:
            rows = rows_of(await batches_of(source, await scan_of(source, "Items")))
    return yaml.safe_load(path.read_text("utf-8")), rows, api


def paged(request: web.Request, rows: list[Row]) -> list[Row]:
    number, size = int(request.query.get("page", 1)), int(request.query.get("per_page", 20))
    return rows[(number - 1) * size : number * size]


def skipped(request: web.Request, rows: list[Row]) -> list[Row]:
    first, size = int(request.query.get("offset", 0)), int(request.query.get("limit", 20))
    return rows[first : first + size]


def as_lines(request: web.Request, rows: list[Row]) -> web.Response:
    text = "".join(f"{json.dumps(row)}\n" for row in skipped(request, rows))
    return web.Response(text=text, content_type="application/x-ndjson")


def delimited(rows: list[Row], delimiter: str) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(TYPES), delimiter=delimiter)
    writer.writeheader()
    for row in rows:
        shown = {n: str(v).lower() if isinstance(v, bool) else v for n, v in row.items()}
        writer.writerow(shown)
    return text.getvalue()


def as_csv(request: web.Request, rows: list[Row]) -> web.Response:
    return web.Response(text=delimited(paged(request, rows), ";"), content_type="text/csv")


def as_linked_csv(request: web.Request, rows: list[Row]) -> web.Response:
    asked = {**request.query, "page": str(int(request.query.get("page", 1)) + 1)}
    link = f'<{request.path}?{urlencode(asked)}>; rel="next"'
    size = int(request.query.get("per_page", 20))
    more = {"Link": link} if (int(asked["page"]) - 1) * size < len(rows) else {}
    return web.Response(text=delimited(paged(request, rows), ","), headers=more)


def element(rows: list[Row], around: Mapping[str, str]) -> str:
    root = ET.Element("answer", dict(around))
    items = ET.SubElement(root, "items")
    for row in rows:
        each = ET.SubElement(items, "item", {"id": str(row["id"])})
        for name in ("code", "amount", "at", "note"):
            if row[name] is not None:
                ET.SubElement(each, name).text = str(row[name])
        ET.SubElement(each, "open").text = str(row["open"]).lower()
    return ET.tostring(root, "unicode")


def as_xml(request: web.Request, rows: list[Row]) -> web.Response:
    body = element(skipped(request, rows), {"total": str(len(rows))})
    return web.Response(text=body, content_type="application/xml")


def as_token_xml(request: web.Request, rows: list[Row]) -> web.Response:
    first = int(request.query.get("cursor", "c0")[1:])
    more = {"next_cursor": f"c{first + 20}"} if first + 20 < len(rows) else {}
    return web.Response(text=element(rows[first : first + 20], more), content_type="text/xml")


@pytest.mark.parametrize(
    ("answer", "format_", "pagination"),
    [
        (as_lines, {"type": "jsonl"}, {"type": "offset", "parameter": "offset"}),
        (as_csv, {"type": "csv", "delimiter": ";"}, {"type": "page_number", "parameter": "page"}),
        (as_linked_csv, {"type": "csv"}, {"type": "link_header"}),
        (
            as_xml,
            {"type": "xml"},
            {"type": "offset", "parameter": "offset", "total": "answer.@total"},
        ),
        (
            as_token_xml,
            {"type": "xml"},
            {"type": "token", "path": "answer.@next_cursor", "parameter": "cursor"},
        ),
    ],
)
async def test_answers_that_are_not_json(
    answer: Answer, format_: Mapping[str, str], pagination: Mapping[str, str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    content, rows, _ = await inferred(answer, tmp_path)
    table = content["tables"]["Items"]
    assert table["format"] == format_
    assert table["pagination"] == pagination
    assert table["primary_key"] == ["id"]
    assert table.get("records", "") == ("answer.items.item" if format_["type"] == "xml" else "")
    types = {n: t if isinstance(t, str) else t["type"] for n, t in table["columns"].items()}
    assert types == TYPES
    assert len(rows) == len(ROWS)
    assert {row["code"]: row["amount"] for row in rows} == {r["code"]: r["amount"] for r in ROWS}
    # The first rows are shown.
    assert "10 rows" in capsys.readouterr().err


async def test_an_api_that_slows_its_clients_is_asked_again(tmp_path: Path) -> None:
    def limited(request: web.Request, rows: list[Row]) -> web.Response:
        told = {"X-RateLimit-Remaining": "50", "X-RateLimit-Reset": "30"}
        return web.json_response(paged(request, rows), headers=told)

    content, rows, api = await inferred(limited, tmp_path, slow=3)
    assert content["tables"]["Items"]["pagination"] == {"type": "page_number", "parameter": "page"}
    assert content["limits"] == {
        "remaining": "x-ratelimit-remaining", "reset": "x-ratelimit-reset", "reset_as": "seconds",
    }  # fmt: skip
    assert len(rows) == len(ROWS)
    assert len(api.asked) < 80


@pytest.mark.parametrize(
    ("auth", "scheme", "grant"),
    [
        ("client:me:s-1:{url}/token", {"scheme": "OAuthClient"}, "client_credentials"),
        (
            "oauth:me:s-1:r-1:{url}/token",
            {"scheme": "OAuth", "authorize_url": ""},
            "refresh_token",
        ),
    ],
)
async def test_oauth(auth: str, scheme: Mapping[str, str], grant: str, tmp_path: Path) -> None:
    grants: list[str] = []
    path = tmp_path / "made.yaml"

    async def guarded(request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            form = await request.post()
            grants.append(str(form["grant_type"]))
            assert (form["client_id"], form["client_secret"]) == ("me", "s-1")
            # A refresh token is good for one time.
            assert form.get("refresh_token", f"r-{len(grants)}") == f"r-{len(grants)}"
            token: dict[str, Any] = {
                "access_token": "t-1",
                "token_type": "Bearer",
                "expires_in": 3600,
            }
            if grant == "refresh_token":
                token["refresh_token"] = f"r-{len(grants) + 1}"
            return web.json_response(token)
        if request.headers.get("Authorization") != "Bearer t-1":
            return web.Response(status=401)
        return web.json_response(paged(request, ROWS))

    async with serving(Api(lists={}, always=guarded)) as api:
        code = await making.infer(
            f"{api.url}/v1/items", auth=auth.replace("{url}", api.url), headers=(), name="Made",
            pages=2, output=path, console=Console(stderr=True, width=200),
        )  # fmt: skip
        assert code == 0
        text = path.read_text("utf-8")
        (written,) = yaml.safe_load(text)["auth"]
        assert written == {**scheme, "token_url": f"{api.url}/token"}
    assert set(grants) == {grant}
    assert not {"s-1", "r-1", "t-1"} & set(text.replace('"', " ").split())


@pytest.mark.parametrize(
    "auth", ["client:me", "client:me:s-1", "client:me::https://a/t", "oauth:me:s-1:https://a/t"]
)
def test_oauth_that_lacks_something(auth: str) -> None:
    with pytest.raises(PropertyError, match="--auth is none that can be used") as refused:
        access(auth)
    assert "s-1" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        (b'{"a": [1]}', "json"),
        (b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        (b"a,b\n1,2\n", "csv"),
        (b"\xef\xbb\xbfa;b;c,d\n1;2;3\n", "csv"),
        ("a\tb\n1\té\n".encode("cp1252"), "csv"),
        (b"<a><b/></a>", "xml"),
    ],
)
def test_what_answers_are_written_in(body: bytes, type_: str) -> None:
    found = recognised(body, {})
    assert found is not None
    assert found.format.type == type_


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Hello",
        b"<html><body/></html>",
        b"<html><body>",
        b"a,b\n1,2,3\n",
        b"\x1f\x8b broken",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b"[" * 100_000,
    ],
)
def test_what_is_none_of_these(body: bytes) -> None:
    assert recognised(body, {}) is None


def test_texts_are_numbers_only_if_all_are() -> None:
    records = typed_records(
        [
            {"a": "1", "b": "1", "c": "1.5", "d": "true", "e": {"f": ["1", "2"]}, "g": "007"},
            {"a": "2", "b": "x", "c": "2", "d": "False", "e": {"f": ["3"]}, "g": "8", "h": None},
        ]
    )
    assert records[0] == {"a": 1, "b": "1", "c": 1.5, "d": True, "e": {"f": [1, 2]}, "g": "007"}
    assert records[1]["d"] is False
    assert records[1]["c"] == 2.0
