"""The keys that a MERGE is said to bring: never fewer than those that are staged."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from syncline.destinations.databricks_ranges import Keys

_HELD: Final = exp.column("id", table="held")
_EPOCH: Final = date(1970, 1, 1)
_INT64: Final = st.integers(-(2**63), 2**63 - 1)
_KEYS: Final = st.one_of(
    st.tuples(st.just(pa.int64()), st.lists(_INT64, min_size=1, max_size=60)),
    st.tuples(
        st.just(pa.int64()),
        # Near each other, and where a double cannot tell them apart.
        st.lists(st.integers(2**60, 2**60 + 40), min_size=1, max_size=40),
    ),
    st.tuples(st.just(pa.date32()), st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1)),
    st.tuples(st.just(pa.date32()), st.lists(st.dates(), min_size=1)),
    st.tuples(st.just(pa.string()), st.lists(st.text(), min_size=1)),
)


def _condition(kind: pa.DataType, values: Sequence[Any]) -> exp.Expr | None:
    keys = Keys()
    for part in (values[::2], values[1::2]):
        # Dates are given as days too: Python does not know all of them.
        days = kind == pa.date32() and isinstance(values[0], int)
        array = pa.array(part, pa.int32()).cast(kind) if days else pa.array(part, kind)
        keys.add(pa.table({"id": array}), ("id",))
    return keys.condition(_HELD, "id")


def _holds(tree: Any, value: Any) -> bool:
    """Say whether a condition of ranges holds for a value."""
    match tree:
        case exp.Paren():
            return _holds(tree.this, value)
        case exp.Or():
            return _holds(tree.this, value) or _holds(tree.expression, value)
        case exp.EQ():
            return bool(_said(tree.expression) == value)
        case exp.Between():
            return bool(_said(tree.args["low"]) <= value <= _said(tree.args["high"]))
    raise AssertionError(tree)


def _said(tree: Any) -> Any:
    match tree:
        case exp.Cast():
            return date.fromisoformat(tree.this.name)
        case exp.Neg():
            return -int(tree.this.name)
    return tree.name if tree.is_string else int(tree.name)


@settings(deadline=None)
@given(_KEYS)
def test_what_is_said_holds_for_every_key(case: tuple[pa.DataType, list[Any]]) -> None:
    kind, values = case
    found = _condition(kind, values)
    if kind == pa.date32() and isinstance(values[0], int):
        if found is None:
            return
        values = [_EPOCH + timedelta(days=n) for n in values]
    assert found is not None
    assert all(_holds(found, value) for value in values)


@settings(deadline=None)
@given(st.lists(_INT64, min_size=2, max_size=200))
def test_what_is_said_leaves_out_the_widest_gap(values: list[int]) -> None:
    """A whole number in the middle of it is not said to be there."""
    known = sorted(set(values))
    gap, low = max(((b - a, a) for a, b in pairwise(known)), default=(0, 0))
    # Doubles of this size are up to 2^11 apart.
    if gap > 2**20:
        found = _condition(pa.int64(), values)
        assert not _holds(found, low + gap // 2)


@pytest.mark.parametrize("days", [[3_000_000], [5, 3_000_000], [-800_000, 5]])
def test_dates_that_python_does_not_know(days: list[int]) -> None:
    """Of the year 10183, and before the year 1: nothing is said of any key."""
    assert _condition(pa.date32(), days) is None
