"""Rows as a table for people."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from syncline.cli.grid import columns_of, lines_of
from syncline.model.table import field_of

SCHEMA = pa.schema(
    [
        field_of("id", pa.int64()),
        field_of("name", pa.string()),
        field_of("amount", pa.decimal128(10, 2)),
        field_of("at", pa.timestamp("us", "UTC")),
        field_of("list", pa.string(), json=True),
    ]
)
ROWS = [
    {
        "id": 7,
        "name": "Ann",
        "amount": Decimal("0.50"),
        "at": datetime(2025, 1, 31, 9, 5, tzinfo=UTC),
        "list": '{"a": "' + "x" * 80 + '"}',
    },
    {"id": 1234, "name": "", "amount": Decimal("-12.00"), "at": None, "list": None},
]


def shown(rows: pa.Table, width: int | None) -> list[str]:
    columns = columns_of(rows, str)
    return [line.plain for line in lines_of(columns, rows.num_rows, width)]


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=SCHEMA)


def wide(rows: int, columns: int) -> pa.Table:
    return pa.table({f"column_{n}": [f"value {n}"] * rows for n in range(columns)})


def test_widths_go_by_content_and_numbers_stand_on_the_right() -> None:
    assert shown(table(*ROWS).select(["id", "name", "amount"]), 80) == [
        "  id  name  amount",
        "────  ────  ──────",
        "   7  Ann     0.50",
        "1234        -12.00",
        "2 rows",
    ]


def test_null_is_not_an_empty_text() -> None:
    rows = pa.table({"a": ["", None]})
    assert shown(rows, 40) == ["a", "────", "", "NULL", "2 rows"]


def test_json_is_shortened_and_dates_and_numbers_are_not() -> None:
    lines = shown(table(*ROWS), 80)
    assert lines[2].endswith("…")
    assert "2025-01-31 09:05:00+00:00" in lines[2]
    assert "-12.00" in lines[3]
    assert max(map(cell_len, lines)) <= 80


def test_columns_that_do_not_fit_are_told() -> None:
    lines = shown(wide(20, 80), 60)
    assert lines[0] == "column_0  column_1  column_2  column_3  column_4  column_5"
    assert lines[-2] == "… and 74 columns more; --format csv, or name the columns"
    assert lines[-1] == "20 rows"


def test_few_rows_of_many_columns_stand_one_below_the_other() -> None:
    lines = shown(wide(2, 80), 60)
    assert lines[0].startswith("row 1 ───")
    assert lines[1] == "column_0   value 0"
    assert lines[81].startswith("row 2 ───")
    assert lines[-1] == "2 rows"
    assert len(lines) == 2 * 81 + 1


def test_long_texts_of_such_rows_take_several_lines_and_json_one() -> None:
    rows = pa.Table.from_pylist(
        [
            {
                "text": "0123456789" * 6,
                "list": '["' + "x" * 90 + '"]',
                **dict.fromkeys("abcdef", 12345),
            }
        ],
        schema=pa.schema(
            [
                field_of("text", pa.string()),
                field_of("list", pa.string(), json=True),
                *(field_of(name, pa.int64()) for name in "abcdef"),
            ]
        ),
    )
    assert shown(rows, 40)[1:4] == [
        "text  0123456789012345678901234567890123",
        "      45678901234567890123456789",
        'list  ["xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…',
    ]


def test_without_a_terminal_everything_is_there() -> None:
    lines = shown(wide(3, 80), None)
    assert len(lines[0].split()) == 80
    assert shown(table(*ROWS), None)[2].endswith('"}')


def test_nothing_steers_the_terminal() -> None:
    rows = pa.table({"a\x1b[2J": ["one\ntwo\x1b]0;title\x07", "tab\there"]})
    assert shown(rows, None)[2:4] == [r"one↵two\x1b]0;title\x07", "tab here"]
    assert r"a\x1b[2J" in shown(rows, None)[0]


def test_wide_signs_take_two_cells() -> None:
    lines = shown(pa.table({"名前": ["日本語", "x"], "n": [1, 22]}), 40)
    assert [cell_len(line) for line in lines[:4]] == [10, 10, 10, 10]


def test_no_rows_are_a_heading() -> None:
    assert shown(table(), 80)[0].split() == ["id", "name", "amount", "at", "list"]
    assert shown(table(), 80)[-1] == "0 rows"


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "n": st.none() | st.integers(-(2**62), 2**62),
                "text": st.none() | st.text(max_size=60),
                "other": st.none() | st.text(alphabet="日é a\n\x1b", max_size=60),
            }
        ),
        max_size=8,
    ),
    width=st.integers(20, 120),
)
def test_no_line_is_wider_than_the_terminal(rows: list[dict[str, Any]], width: int) -> None:
    schema = pa.schema([("n", pa.int64()), ("text", pa.string()), ("other", pa.string())])
    lines = shown(pa.Table.from_pylist(rows, schema=schema), width)
    assert all(cell_len(line) <= width for line in lines)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("width", [1, 7, 20])
def test_a_tiny_terminal_is_one_of_twenty_cells(width: int) -> None:
    assert all(cell_len(line) <= 20 for line in shown(table(*ROWS), width))
