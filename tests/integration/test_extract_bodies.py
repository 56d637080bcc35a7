"""Answers that are not JSON: lines, CSV, XML, gzip; and answers that are too much of anything."""

import gzip
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from standins.pages import Api, Fault, saying, serving
from standins.reading import HEAD, batches_of, rows_of, scan_of, source_of
from syncline.errors import ResponseRefused, SynclineError

ROWS = [
    {"id": n, "name": name, "amount": n / 4, "open": n % 2 == 0, "at": "2026-01-02T03:04:05Z"}
    for n, name in enumerate(["a, b", 'say "so"', "two\nlines", "Žluť & <x>", "e", "f", "g"], 1)
]
COLUMNS = "{id: integer, name: string, amount: number, open: boolean, at: datetime}"


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows) + b"\r\n\r\n"


def delimited(rows: list[dict[str, Any]]) -> bytes:
    def field(value: object) -> str:
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        return '"' + plain.replace('"', '""') + '"'

    head = ";".join(ROWS[0])
    return "\r\n".join([head, *(";".join(map(field, row.values())) for row in rows)]).encode()


def marked(rows: list[dict[str, Any]]) -> bytes:
    def member(name: str, value: object) -> str:
        plain = str(value).lower() if isinstance(value, bool) else str(value)
        return f"<d:{name}>{escape(plain)}</d:{name}>"

    each = (
        f"<d:row>{''.join(member(name, value) for name, value in row.items())}</d:row>"
        for row in rows
    )
    text = f'<?xml version="1.0"?><d:answer xmlns:d="urn:d"><d:rows>{"".join(each)}</d:rows>'
    return f"{text}</d:answer>".encode()


FORMATS: Mapping[str, tuple[str, str, Callable[[list[dict[str, Any]]], bytes], str]] = {
    "jsonl": ("{type: jsonl}", "''", lines, "application/x-ndjson"),
    "csv": ('{type: csv, delimiter: ";"}', "''", delimited, "text/csv"),
    "xml": ("{type: xml}", "answer.rows.row", marked, "application/xml"),
}


def profile(form: str, records: str, columns: str = COLUMNS, more: str = "") -> str:
    return f"""{HEAD}
defaults:
  format: {form}
  records: {records}
  pagination: {{type: page_number}}
  page: {{parameter: limit, size: 3}}
tables:
  Items:
    path: /items
    primary_key: [id]
    columns: {columns}
{more}"""


def paged(write: Callable[[list[dict[str, Any]]], bytes], *, packed: bool = False) -> Fault:
    async def answer(request: web.Request) -> web.StreamResponse:
        begin = (int(request.query["page"]) - 1) * 3
        body = write(ROWS[begin : begin + 3])
        return web.Response(body=gzip.compress(body, mtime=0) if packed else body)

    return answer


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", FORMATS)
async def test_every_row_comes_once(form: str, *, packed: bool) -> None:
    written, records, write, accepted = FORMATS[form]
    api = Api(lists={}, always=paged(write, packed=packed))
    async with serving(api), source_of(api, profile(written, records)) as source:
        rows = rows_of(await batches_of(source, await scan_of(source, "Items")))
    assert [{**row, "at": row["at"].strftime("%Y-%m-%dT%H:%M:%SZ")} for row in rows] == ROWS
    assert len(api.asked) == 3
    assert accepted in api.asked[0].headers["Accept"]


async def test_gzip_json_that_says_nothing_of_it() -> None:
    def write(rows: list[dict[str, Any]]) -> bytes:
        return json.dumps({"data": rows}).encode()

    api = Api(lists={}, always=paged(write, packed=True))
    async with serving(api), source_of(api, profile("{type: json}", "data")) as source:
        batches = await batches_of(source, await scan_of(source, "Items"))
    assert [row["id"] for row in rows_of(batches)] == [1, 2, 3, 4, 5, 6, 7]


async def read(body: bytes, text: str, **asked: Any) -> list[dict[str, Any]]:
    api = Api(lists={}, always=saying(body))
    async with serving(api), source_of(api, text) as source:
        return rows_of(await batches_of(source, await scan_of(source, "Items", **asked)))


async def test_xml_attributes_lists_and_what_is_not_there() -> None:
    body = b"""<answer next="x"><rows>
      <row id="1"><price unit="EUR">1.50</price><tag>a</tag><tag>b</tag><empty/></row>
      <row id="2"><price unit="USD">2</price><tag>c</tag><empty nil="true">x</empty></row>
      <row id="3"/>
    </rows></answer>"""
    columns = """
      id: {type: integer, path: "@id"}
      price: {type: "decimal(9,2)", path: "price.#text"}
      unit: {type: string, path: "price.@unit"}
      tag: json
      empty: string"""
    text = profile("{type: xml}", "answer.rows.row", columns)
    rows = await read(body, text.replace("page_number", "none"))
    assert [(row["id"], str(row["price"]), row["unit"], row["tag"]) for row in rows] == [
        (1, "1.50", "EUR", '["a","b"]'), (2, "2.00", "USD", '"c"'), (3, "None", None, None),
    ]  # fmt: skip
    assert [row["empty"] for row in rows] == [None, None, None]


async def test_lists_inside_xml_records() -> None:
    more = """    children:
      Parts:
        list: parts.part
        parent: {item: id}
        columns: {name: string}
"""
    text = profile("{type: xml}", "answer.row", "{id: integer}", more)
    body = (
        b"<answer><row><id>1</id><parts><part><name>a</name></part></parts></row>"
        b"<row><id>2</id><parts/></row>"
        b"<row><id>3</id><parts><part><name>b</name></part><part/></parts></row></answer>"
    )
    api = Api(lists={}, always=saying(body))
    async with serving(api), source_of(api, text.replace("page_number", "none")) as source:
        rows = rows_of(await batches_of(source, await scan_of(source, "Parts")))
    assert rows == [{"item": 1, "name": "a"}, {"item": 3, "name": "b"}, {"item": 3, "name": None}]


async def test_a_single_record_in_xml() -> None:
    more = """    children:
      Parts:
        list: parts.part
        parent: {item: id}
        columns: {name: string}
"""
    text = profile("{type: xml}", "answer.row", "{id: integer}", "    answer: one\n" + more)
    body = b"<answer><row><id>1</id><parts><part><name>a</name></part></parts></row></answer>"
    api = Api(lists={}, always=saying(body))
    async with serving(api), source_of(api, text.replace("page_number", "none")) as source:
        rows = rows_of(await batches_of(source, await scan_of(source, "Items")))
        parts = rows_of(await batches_of(source, await scan_of(source, "Parts")))
    assert (rows, parts) == ([{"id": 1}], [{"item": 1, "name": "a"}])


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"<answer><rows/></answer>", []),
        (b"<answer><rows></rows></answer>", []),
        (b"<answer><rows>  <row><id>1</id></row> </rows></answer>", [{"id": 1}]),
    ],
)
async def test_few_rows_of_xml(body: bytes, rows: list[dict[str, Any]]) -> None:
    assert await read(body, profile("{type: xml}", "answer.rows.row", "{id: integer}")) == rows


DEEP = b"<answer>" + b"<a>" * 120 + b"</a>" * 120 + b"</answer>"
BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>
<answer><rows><row><id>&b;</id></row></rows></answer>"""
FILE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<answer><rows><row><id>&a;</id></row></rows></answer>"""


@pytest.mark.parametrize(
    ("form", "body", "said"),
    [
        ("xml", b"<error>no</error>", "no list of records at 'answer.rows.row'"),
        ("xml", b"<answer><rows>", "not XML: no element found"),
        ("xml", b"", "not XML: no element found"),
        ("xml", DEEP, "more than 100 elements stand inside each other"),
        ("xml", BOMB, "declares entities"),
        ("xml", FILE, "declares entities"),
        ("csv", b"id;name\n1;a\n2", "not CSV: line 3 has 1 fields, not 2"),
        ("csv", b'id;name\n1;"a', "not CSV: line 2: unexpected end of data"),
        ("csv", b"id;id\n1;2", "not CSV: a name stands twice in id, id"),
        ("csv", b"id;name\n\xff;2", "not CSV: 'utf-8' codec can't decode"),
        ("jsonl", b'{"id": 1}\n{"id": ', "not lines of JSON"),
        ("jsonl", b"<html>", "not lines of JSON"),
        (
            "jsonl",
            gzip.compress(b'{"id": 1}', mtime=0)[:-9],
            "not lines of JSON: gzip: it was cut off",
        ),
    ],
)
async def test_what_cannot_be_read(form: str, body: bytes, said: str) -> None:
    written, records, _, _ = FORMATS[form]
    with pytest.raises(ResponseRefused) as caught:
        await read(body, profile(written, records, "{id: integer}"))
    assert said in str(caught.value)


async def test_csv_without_names_in_another_encoding() -> None:
    form = "{type: csv, delimiter: '\\t', encoding: cp1250, skip: 2, names: [id, name]}"
    body = "made by us\n\n1\tŽluť\n2\t\n".encode("cp1250")
    rows = await read(body, profile(form.replace("'", '"'), "''", "{id: integer, name: string}"))
    assert rows == [{"id": 1, "name": "Žluť"}, {"id": 2, "name": None}]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_huge_page_is_refused_unless_it_is_allowed(*, packed: bool) -> None:
    whole = json.dumps([{"id": 1, "name": "x" * 5000}]).encode()
    body = gzip.compress(whole, mtime=0) if packed else whole
    columns = "{id: integer}"
    limited = profile("{type: json}", "''", columns) + "limits: {page_bytes: 4000}\n"
    with pytest.raises(ResponseRefused, match="longer than 4000 bytes") as caught:
        await read(body, limited)
    assert "raise 'page_bytes'" in caught.value.hint
    assert await read(body, limited.replace("4000", "6000")) == [{"id": 1}]


async def test_a_bomb_of_zeros_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000, mtime=0)
    assert len(bomb) < 100_000
    limited = profile("{type: json}", "''", "{id: integer}") + "limits: {page_bytes: 1000000}\n"
    with pytest.raises(ResponseRefused, match="longer than 1000000 bytes"):
        await read(bomb, limited)


async def test_deep_json_is_read_where_it_is_allowed() -> None:
    deep = "[" * 5000 + "]" * 5000
    body = f'[{{"id": 1, "x": {deep}}}, {{"id": "no", "x": {deep}}}]'.encode()
    text = profile("{type: json}", "''", "{id: integer, x: json}")
    (row,) = await read(body, text + "limits: {depth: 6000}\n", keep_rejects=True)
    assert row == {"id": 1, "x": deep}
    assert sys.getrecursionlimit() < 5000


@pytest.mark.parametrize("depth", [100_000, 1_000_000])
async def test_deep_json_is_an_error_of_ours(depth: int) -> None:
    body = b'[{"id": 1, "x": ' + b"[" * depth + b"]" * depth + b"}]"
    with pytest.raises(SynclineError, match="inside each other"):
        await read(body, profile("{type: json}", "''", "{id: integer, x: json}"))


async def test_a_bomb_in_the_encoding_of_the_answer_is_refused() -> None:
    bomb = gzip.compress(b"[" + b" " * 50_000_000, mtime=0)

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    text = profile("{type: json}", "''", "{id: integer}") + "limits: {page_bytes: 1000000}\n"
    api = Api(lists={}, always=answer)
    async with serving(api), source_of(api, text) as source:
        with pytest.raises(ResponseRefused, match="longer than 1000000 bytes"):
            await batches_of(source, await scan_of(source, "Items"))
    assert len(api.asked) == 1
