"""Profiles of lists whose first page has one record, or whose list of one is an object."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from rich.console import Console

from standins.pages import Api, Row, serving
from standins.reading import batches_of, rows_of, scan_of
from syncline.cli import making
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties
from syncline.profile.infer.bodies import keyed_path, single_path
from syncline.profile.loader import load_profile

ROWS: list[Row] = [
    {"id": n, "name": f"n{n}", "lines": [{"number": 1}, {"number": 2}]} for n in range(1, 8)
]
Answer = Callable[[Mapping[str, str]], str]


async def inferred(answer: Answer, tmp_path: Path) -> tuple[Mapping[str, Any], str, list[Row]]:
    """The table's content, the file's text, and the rows that the profile reads."""
    path = tmp_path / "made.yaml"

    async def always(request: web.Request) -> web.StreamResponse:
        text = answer(request.query)
        kind = "application/xml" if text.startswith("<") else "application/json"
        return web.Response(text=text, content_type=kind)

    async with serving(Api(lists={}, always=always)) as api:
        code = await making.infer(
            f"{api.url}/v1/orders", auth="none", headers=(), name="Made", pages=9, output=path,
            console=Console(stderr=True, width=200),
        )  # fmt: skip
        assert code == 0
        given = ApiProperties.model_validate({"Profile": "x"})
        async with opened_api(
            "made", given, load_profile(str(path)), SystemClock(),
            observe=lambda _: None, say=lambda _: None,
        ) as source:  # fmt: skip
            rows = rows_of(await batches_of(source, await scan_of(source, "Orders")))
    text = path.read_text("utf-8")
    return yaml.safe_load(text)["tables"]["Orders"], text, rows


def page(query: Mapping[str, str], usual: int) -> list[Row]:
    number, size = int(query.get("page", 1)), int(query.get("limit", usual))
    return ROWS[(number - 1) * size : number * size]


def as_xml(rows: list[Row]) -> str:
    def order(row: Row) -> str:
        lines = "".join(f"<line><number>{each['number']}</number></line>" for each in row["lines"])
        return f"<order id='{row['id']}'><name>{row['name']}</name><lines>{lines}</lines></order>"

    return f"<answer><orders>{''.join(map(order, rows))}</orders></answer>"


def collapsed(rows: list[Row]) -> str:
    """Return rows as APIs do that make JSON of their XML."""
    content: Any = {"order": rows[0] if len(rows) == 1 else rows} if rows else None
    return json.dumps({"orders": content})


@pytest.mark.parametrize("usual", [1, 3, 100])
async def test_xml_of_one_record_is_asked_for_again(usual: int, tmp_path: Path) -> None:
    table, text, rows = await inferred(lambda query: as_xml(page(query, usual)), tmp_path)
    assert table["records"] == "answer.orders.order"
    assert "is the list of records" in text
    assert len(rows) == len(ROWS)
    if usual < len(ROWS):
        assert table["pagination"]["type"] == "page_number"
        assert table["page"]["parameter"] == "limit"


async def test_xml_of_one_record_for_each_page(tmp_path: Path) -> None:
    def one(query: Mapping[str, str]) -> str:
        return as_xml(page({"page": query.get("page", "1")}, 1))

    table, text, rows = await inferred(one, tmp_path)
    assert table["records"] == "answer.orders.order"
    assert table["pagination"] == {"type": "page_number", "parameter": "page"}
    assert "? answer.orders.order" not in text  # another page had another record
    assert len(rows) == len(ROWS)


async def test_xml_that_has_one_record_only_is_a_question(tmp_path: Path) -> None:
    table, text, rows = await inferred(lambda _: as_xml(ROWS[:1]), tmp_path)
    assert table["records"] == "answer.orders.order"
    assert "# ? answer.orders.order is one object: a list of one, or always one?" in text
    assert [row["id"] for row in rows] == [1]


@pytest.mark.parametrize("usual", [1, 3])
async def test_json_that_writes_a_list_of_one_as_an_object(usual: int, tmp_path: Path) -> None:
    table, text, rows = await inferred(lambda query: collapsed(page(query, usual)), tmp_path)
    assert table["records"] == "orders.order"
    assert table["answer"] == "either"
    assert "a list of one comes as an object" in text
    assert len(rows) == len(ROWS)


async def test_json_that_has_one_object_only_is_a_question(tmp_path: Path) -> None:
    one = json.dumps({"orders": {"order": ROWS[0]}})
    table, text, rows = await inferred(lambda _: one, tmp_path)
    assert table["answer"] == "either"
    said = " ".join(text.replace("#", " ").split())
    assert "always one, the records being in orders.order.lines?" in said
    assert [row["id"] for row in rows] == [1]


async def test_members_of_an_object_may_be_the_records(tmp_path: Path) -> None:
    body = json.dumps({"count": 7, "orders": {str(row["id"]): row for row in ROWS}})
    table, text, rows = await inferred(lambda _: body, tmp_path)
    assert table["records"] == "orders"
    assert table["answer"] == "keyed"
    assert "@key is a member's name" in text
    assert [row["key"] for row in rows] == [str(row["id"]) for row in ROWS]
    assert len(rows) == len(ROWS)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"orders": {"order": {"id": 1}}}, "orders.order"),
        ({"Envelope": {"ArrayOfOrder": {"Order": {"Id": 1}}}}, "Envelope.ArrayOfOrder.Order"),
        ({"data": {"id": 1}}, "data"),
        ({"items": {"id": 1}}, "items"),
        ({"people": {"id": 1}}, "people"),
        ({"id": 1, "owner": {"id": 2}}, None),
        ({"data": {"id": 1}, "orders": []}, None),
        ([1], None),
    ],
)
def test_an_object_that_may_be_a_list_of_one(body: Any, path: str | None) -> None:
    assert single_path(body, "people", None) == path


@pytest.mark.parametrize(
    ("body", "found", "path"),
    [
        ({"orders": {"order": {"lines": [{}]}}}, "orders.order.lines", "orders.order"),
        ({"data": {"items": [{}], "next": 1}}, "data.items", None),
        ({"orders": {"order": {"id": 1}}, "notes": [{}]}, "notes", None),
    ],
)
def test_an_object_around_a_list(body: Any, found: str, path: str | None) -> None:
    assert single_path(body, "x", found) == path


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"1": {"a": 1}, "2": {"a": 2}}, ""),
        ({"query": {"pages": {"x": {"code": "x"}, "y": {"code": "y"}}}}, "query.pages"),
        ({"customer": {"id": 1}, "order": {"id": 2}}, None),
        ({"1": {"a": 1}}, None),
        ({"1": {}, "2": {}}, None),
        ([], None),
    ],
)
def test_an_object_whose_members_are_records(body: Any, path: str | None) -> None:
    assert keyed_path(body, None) == path
