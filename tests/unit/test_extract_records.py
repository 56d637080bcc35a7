"""Records to rows: every type, everything that may be missing, everything that does not fit."""

import json
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.errors import RecordRefused, ResponseRefused
from syncline.extract.bodies import Unreadable
from syncline.extract.records import Reader
from syncline.extract.rows import Layout
from syncline.model.batch import Reject
from syncline.profile.columns import FlatColumn


def column(name: str, type_: str, **more: Any) -> FlatColumn:
    return FlatColumn(name=name, type=type_, path=tuple(name.split(".")), **more)


def reader(*columns: FlatColumn, **more: Any) -> Reader:
    schema = pa.schema([c.field for c in columns])
    return Reader(Layout(columns=columns, schema=schema, records="data", **more))


def read(
    records: Any, *columns: FlatColumn, keep: bool = False, raw: str = "", **more: Any
) -> tuple[list[dict[str, Any]], tuple[Reject, ...]]:
    """Return the rows of a page with these records, or with these as JSON text."""
    body = f'{{"data": {raw or json.dumps(records)}}}'.encode()
    used = reader(*columns, **more)
    batch, rejects = used.batch(
        used.decode(body), fixed={}, page_is="GET http://x/items", keep_rejects=keep
    )
    batch.validate(full=True)
    assert batch.schema == used.schema
    return batch.to_pylist(), rejects


def values(type_: str, *given: Any, **more: Any) -> list[Any]:
    rows, _ = read([{"a": value} for value in given], column("a", type_), **more)
    return [row["a"] for row in rows]


def test_every_type() -> None:
    assert values("string", "x", "", "Žluťoučký 🐎 \u0000 \u2028", None) == [
        "x", "", "Žluťoučký 🐎 \u0000 \u2028", None,
    ]  # fmt: skip
    assert values("integer", 0, -5, 2**63 - 1, -(2**63), None) == [0, -5, 2**63 - 1, -(2**63), None]
    assert values("number", 1, 1.5, -0.25, 1e300, None) == [1.0, 1.5, -0.25, 1e300, None]
    assert values("boolean", True, False, None) == [True, False, None]
    assert values("date", "2026-02-28", "0001-01-01", None) == [
        date(2026, 2, 28), date(1, 1, 1), None,
    ]  # fmt: skip
    assert values("time", "10:30", "23:59:59.123456", None) == [
        time(10, 30), time(23, 59, 59, 123456), None,
    ]  # fmt: skip


INSTANT = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-29T01:30:00Z", INSTANT),
        ("2026-03-29T01:30Z", INSTANT),
        ("2026-03-28T21:30:00-04:00", INSTANT),
        ("2026-03-29T03:30:00+0200", INSTANT),
        ("2026-03-29 07:00:00+05:30", INSTANT),
        ("2026-03-29T01:30:00", INSTANT),
        ("2026-03-29 01:30:00", INSTANT),
        ("2026-03-29T01:30:00.25Z", INSTANT.replace(microsecond=250000)),
        ("2026-03-29T01:30:00.123456", INSTANT.replace(microsecond=123456)),
        ("2026-03-29T01:30:00.1234560+00:00", INSTANT.replace(microsecond=123456)),
        ("2026-03-29T01:30:00.123456000Z", INSTANT.replace(microsecond=123456)),
        ("2026-03-29", datetime(2026, 3, 29, tzinfo=UTC)),
        ("20260329T013000Z", INSTANT),
    ],
)
def test_instants(text: str, instant: datetime) -> None:
    assert values("datetime", text) == [instant]
    # Whatever else is on the page.
    for other in ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.5-01:00"):
        assert values("datetime", other, None, text)[2] == instant


def test_decimals_are_exact() -> None:
    numbers = ("0.1", '"12345678901234567890.12"', "12345678901234567890.12", "1e2", "null")
    raw = "[" + ",".join('{"a": %s}' % number for number in numbers) + "]"  # noqa: UP031 (braces)
    rows, _ = read(None, column("a", "decimal(22,2)"), raw=raw)
    great = Decimal("12345678901234567890.12")
    assert [row["a"] for row in rows] == [Decimal("0.10"), great, great, Decimal("100.00"), None]


def test_json_is_kept_as_it_came() -> None:
    raw = '[{"a": {"b": [1,  2.50, "ü"]}}, {"a": []}, {"a": null}, {}, {"a": "x"}, {"a": 5.0}]'
    rows, _ = read(None, column("a", "json"), raw=raw)
    texts = [row["a"] for row in rows]
    assert texts == ['{"b": [1,  2.50, "ü"]}', "[]", None, None, '"x"', "5.0"]


def test_nested_members_and_what_is_missing_on_the_way() -> None:
    columns = (column("id", "integer"), column("a.b", "string"), column("a.c.d", "integer"))
    rows, _ = read(
        [{"id": 1, "a": {"b": "x", "c": {"d": 5}, "e": 1}}, {"id": 2, "a": {"c": None}},
         {"id": 3, "a": None}, {"id": 4}, {}],
        *columns,
    )  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        (1, "x", 5), (2, None, None), (3, None, None), (4, None, None), (None, None, None),
    ]  # fmt: skip


def test_columns_that_share_a_place() -> None:
    columns = (
        FlatColumn(name="whole", type="json", path=("a",)),
        FlatColumn(name="b", type="integer", path=("a", "b")),
        FlatColumn(name="again", type="json", path=("a",)),
        FlatColumn(name="text", type="json", path=("a", "b")),
        FlatColumn(name="same", type="integer", path=("a", "b")),
    )
    rows, _ = read([{"a": {"b": 5}}, {"a": None}, {}], *columns)
    assert [tuple(row.values()) for row in rows] == [
        ('{"b": 5}', 5, '{"b": 5}', "5", 5), (None,) * 5, (None,) * 5,
    ]  # fmt: skip


def test_names_that_are_no_identifiers() -> None:
    names = ("class", "first-name", "@id", "ID", "id", "m0", "ünï")
    rows, _ = read([{name: name for name in names}], *(column(name, "string") for name in names))
    assert rows == [{name: name for name in names}]


def test_numbers_as_texts() -> None:
    columns = (column("i", "integer"), column("n", "number"), column("b", "boolean"),
               column("s", "string"), column("d", "decimal(5,2)"))  # fmt: skip
    records = [
        {"i": "5", "n": "1.5", "b": "true", "s": "null", "d": "1.25"},
        {"i": 5, "n": 1.5, "b": True, "s": "5", "d": 1.25},
        {"i": "5.0", "n": 2, "b": "false", "s": "", "d": "1"},
    ]
    rows, _ = read(records, *columns, texts=True)
    assert [tuple(row.values()) for row in rows] == [
        (5, 1.5, True, "null", Decimal("1.25")),
        (5, 1.5, True, "5", Decimal("1.25")),
        (5, 2.0, False, "", Decimal("1.00")),
    ]
    with pytest.raises(RecordRefused):
        read(records, *columns)


def test_whole_numbers_with_a_fraction_of_zero() -> None:
    assert values("integer", 1, 2.0, -3.0, None) == [1, 2, -3, None]
    with pytest.raises(RecordRefused, match=r"record 2 .*column 'a': 1\.5 is no integer"):
        values("integer", 1, 1.5)


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("integer", "5", 'it should be an integer, but is the text "5"'),
        ("integer", True, "but is the boolean true"),
        ("integer", 2**63, "9223372036854775808 is no integer"),
        ("number", "x", 'it should be a number, but is the text "x"'),
        ("string", 5, "it should be a string, but is the number 5"),
        ("string", {"x": 1}, 'but is the object {"x":1}'),
        ("string", ["x" * 500], 'but is the list ["xxx'),
        ("boolean", 1, "it should be a boolean, but is the number 1"),
        ("date", "2026-02-30", '"2026-02-30" is no date'),
        ("date", "2026-02-01T10:00:00", "is no date: it has a time of day"),
        ("date", 5, "it should be a date, but is the number 5"),
        ("datetime", "soon", '"soon" is no datetime'),
        ("datetime", "", '"" is no datetime'),
        ("datetime", "2026-01-01T00:00:00.1234567Z", "more exact than a microsecond"),
        ("datetime", 1790000000, "it should be a datetime, but is the number 1790000000"),
        ("time", "25:00", '"25:00" is no time'),
        ("time", "10:00Z", "it has a zone"),
        ("decimal(5,2)", 1.234, "1.234"),
        ("decimal(5,2)", 12345.67, "12345.67"),
        ("decimal(5,2)", "x", 'the text "x"'),
    ],
)
def test_what_does_not_fit(type_: str, value: Any, words: str) -> None:
    with pytest.raises(RecordRefused) as caught:
        read([{"a": None}, {"a": value}], column("a", type_))
    said = str(caught.value)
    assert "record 2 of GET http://x/items" in said
    assert "column 'a'" in said
    assert words in said
    assert len(said) < 250
    rows, rejects = read([{"a": None}, {"a": value}, {"b": 1}], column("a", type_), keep=True)
    assert rows == [{"a": None}, {"a": None}]
    (reject,) = rejects
    assert json.loads(reject.record) == {"a": value}
    assert reject.column == "a"
    assert words in reject.reason


@pytest.mark.parametrize("record", [5, None, "x", [1], True])
def test_records_that_are_no_objects(record: Any) -> None:
    with pytest.raises(RecordRefused, match=r"record 2 .* not an object"):
        read([{"a": 1}, record], column("a", "integer"))
    rows, (reject,) = read([{"a": 1}, record, {"a": 2}], column("a", "integer"), keep=True)
    assert rows == [{"a": 1}, {"a": 2}]
    assert json.loads(reject.record) == record
    assert reject.column is None


def test_an_object_that_is_something_else() -> None:
    with pytest.raises(
        RecordRefused, match=r"column 'a\.b': a should be an object, but is the number 5"
    ):
        read([{"a": 5}], column("a.b", "integer"))


@pytest.mark.parametrize("record", [{"id": None, "x": 1}, {"x": 1}])
def test_what_may_never_be_null(record: Any) -> None:
    columns = (column("id", "integer", required=True), column("x", "integer"))
    with pytest.raises(RecordRefused, match=r"record 2 .*'id': it is missing or null"):
        read([{"id": 1}, record], *columns)
    rows, (reject,) = read([{"id": 1}, record, {"id": 2}], *columns, keep=True)
    assert [row["id"] for row in rows] == [1, 2]
    assert reject.column == "id"


def test_all_bad_rows_of_a_page_are_kept_and_all_good_ones() -> None:
    records = [{"a": n if n % 3 else "x", "b": "2026-01-01" if n % 5 else "y"} for n in range(30)]
    rows, rejects = read(records, column("a", "integer"), column("b", "date"), keep=True)
    assert [row["a"] for row in rows] == [n for n in range(30) if n % 3 and n % 5]
    assert len(rejects) == 30 - len(rows)


def child(records: Any, *, keep: bool = False) -> tuple[list[dict[str, Any]], tuple[Reject, ...]]:
    return read(
        records,
        column("order", "integer", origin="parent", required=True),
        column("buyer.id", "string", origin="parent"),
        column("id", "integer", required=True),
        column("price", "decimal(6,2)"),
        column("article.id", "integer"),
        keep=keep,
        list="lines",
    )


def test_elements_of_a_list_are_rows() -> None:
    rows, _ = child(
        [
            {"order": 1, "buyer": {"id": "b"}, "lines": [{"id": 1, "price": 1.5}, {"id": 2}]},
            {"order": 2, "lines": []},
            {"order": 3, "lines": None},
            {"order": 4},
            {"order": 5, "lines": [{"id": 3, "article": {"id": 9}}]},
        ]
    )
    assert [tuple(row.values()) for row in rows] == [
        (1, "b", 1, Decimal("1.50"), None),
        (1, "b", 2, None, None),
        (5, None, 3, None, 9),
    ]


def test_elements_that_do_not_fit() -> None:
    records = [
        {
            "order": 1,
            "lines": [{"id": 1}, {"id": "x"}, None, {"id": 2, "price": "y"}, {"id": 3}, {}],
        },
        {"order": "2", "lines": [{"id": 4}]},
        {"order": None, "lines": [{"id": 5}]},
        {"order": 4, "lines": {"id": 6}},
        {"order": 5, "lines": [{"id": 7}]},
    ]
    rows, rejects = child(records, keep=True)
    assert [(row["order"], row["id"]) for row in rows] == [(1, 1), (1, 3), (5, 7)]
    assert [(json.loads(r.record), r.column) for r in rejects] == [
        ({"id": "x"}, "id"),
        (None, None),
        ({"id": 2, "price": "y"}, "price"),
        ({}, "id"),
        ({"order": "2", "lines": [{"id": 4}]}, "order"),
        ({"order": None, "lines": [{"id": 5}]}, "order"),
        ({"order": 4, "lines": {"id": 6}}, None),
    ]
    with pytest.raises(RecordRefused, match=r'record 1 .*column .id.: .* the text "x"'):
        child(records)


def test_columns_that_records_do_not_have() -> None:
    columns = (
        column("id", "integer"),
        FlatColumn(name="client", type="integer", path=(), origin="fan_out", required=True),
        FlatColumn(name="since", type="date", path=(), origin="filter"),
        FlatColumn(name="flag", type="boolean", path=(), origin="filter"),
        FlatColumn(name="unasked", type="string", path=(), origin="filter"),
    )
    used = reader(*columns)
    fixed = {"client": 7, "since": "2026-01-02", "flag": True}
    for count in (0, 2):
        page = used.decode(json.dumps({"data": [{"id": 1}] * count}).encode())
        batch, _ = used.batch(page, fixed=fixed, page_is="p", keep_rejects=False)
        assert (
            batch.to_pylist()
            == [{"id": 1, "client": 7, "since": date(2026, 1, 2), "flag": True, "unasked": None}]
            * count
        )
        assert batch.schema == used.schema


@pytest.mark.parametrize(
    ("records", "body", "count"),
    [
        ("", b"[{}, {}]", 2),
        ("data", b'{"data": [{}]}', 1),
        ("a.b.c", b'{"x": [1], "a": {"b": {"c": [{}, {}, {}]}}}', 3),
    ],
)
def test_where_records_are(records: str, body: bytes, count: int) -> None:
    used = Reader(Layout(columns=(), schema=pa.schema([]), records=records))
    assert used.decode(body).count == count


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"data": null}', b'{"data": {"x": 1}}', b'"x"', b"5", b"null"]
)
def test_no_list_of_records(body: bytes) -> None:
    with pytest.raises(ResponseRefused, match="no list of records at 'data'"):
        reader(column("a", "integer")).decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"data": [',
        b'{"data": []} x',
        b'{"data": [{"a": "\xff"}]}',
        b"{'data': []}",
    ],
)
def test_no_json(body: bytes) -> None:
    with pytest.raises(Unreadable):
        reader(column("a", "string")).decode(body)


def test_what_the_paginator_reads() -> None:
    used = reader(column("a", "integer"), values=("meta.next", "meta.page.total", "none", "data2"))
    body = b'{"meta": {"next": "x", "page": {"total": 5}}, "data": [], "data2": null}'
    assert used.decode(body).values == {"meta.next": "x", "meta.page.total": 5, "data2": None}
    assert used.decode(b'{"meta": null, "data": []}').values == {}
    page = used.decode(b'{"meta": {"next": "y"}, "data": [{"a": "no"}]}')
    assert page.values["meta.next"] == "y"
    assert page.count == 1


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "i": st.none() | st.integers(-(2**63), 2**63 - 1),
            "n": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "s": st.none() | TEXTS,
            "b": st.none() | st.booleans(),
            "d": st.none() | st.dates().map(date.isoformat),
            "t": st.none() | st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
            "o": st.none() | st.fixed_dictionaries({}, optional={"x": st.none() | TEXTS}),
            "j": st.recursive(
                st.none() | st.booleans() | st.integers() | TEXTS,
                lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
                max_leaves=4,
            ),
        },
    ),
    max_size=12,
)


@given(records=RECORDS, ascii_=st.booleans())
@settings(max_examples=150, deadline=None)
def test_rows_are_what_a_plain_reader_makes_of_the_records(records: Any, *, ascii_: bool) -> None:
    columns = (
        column("i", "integer"), column("n", "number"), column("s", "string"),
        column("b", "boolean"), column("d", "date"), column("t", "datetime"),
        column("o.x", "string"), column("j", "json"),
    )  # fmt: skip
    rows, _ = read(None, *columns, raw=json.dumps(records, ensure_ascii=ascii_))
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for name in "insb":
            assert row[name] == record.get(name)
        assert row["d"] == (date.fromisoformat(record["d"]) if record.get("d") else None)
        moment = record.get("t")
        assert row["t"] == (datetime.fromisoformat(moment).astimezone(UTC) if moment else None)
        assert row["o.x"] == (record.get("o") or {}).get("x")
        kept = row["j"]
        assert (None if kept is None else json.loads(kept)) == record.get("j")
        assert row["n"] is None or math.isfinite(row["n"])
