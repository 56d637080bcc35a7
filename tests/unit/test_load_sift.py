"""Rows that a target refuses are found by halving: each of them, and no other."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from syncline.errors import RecordRefused
from syncline.load.sift import only, sift


@given(st.lists(st.integers(0, 5), max_size=40), st.sets(st.integers(0, 39)))
def test_rows_that_are_refused_are_found(values: list[int], bad: set[int]) -> None:
    """A row may be refused for itself, or for a value that an earlier row has."""

    async def attempt(kept: Sequence[int]) -> RecordRefused | None:
        found = [values[n] for n in kept]
        refused = bad.intersection(kept) or len(set(found)) < len(found)
        return RecordRefused("no") if refused else None

    sifting = sift(range(len(values)), attempt)
    with pytest.raises(StopIteration) as ended:
        sifting.send(None)
    seen: set[int] = set()
    wanted = set()
    for number, value in enumerate(values):
        if number in bad or value in seen:
            wanted.add(number)
        else:
            seen.add(value)
    assert set(ended.value.value) == wanted


async def test_one_row_of_many_takes_few_attempts() -> None:
    attempts = 0

    async def attempt(kept: Sequence[int]) -> RecordRefused | None:
        nonlocal attempts
        attempts += 1
        return RecordRefused("no") if 70_001 in kept else None

    assert list(await sift(range(100_000), attempt)) == [70_001]
    assert attempts < 50


async def test_too_many_refused_rows_are_an_error() -> None:
    async def attempt(kept: Sequence[int]) -> RecordRefused | None:
        return RecordRefused("row too bad") if kept else None

    with pytest.raises(RecordRefused, match=r"too many rows are refused .* row too bad") as caught:
        await sift(range(1_000), attempt, attempts=100)
    assert "batch_size" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("kept", "where"),
    [
        ([], ""),
        ([1, 3, 5], ' WHERE NOT (("_syncline_seq" >= 1 AND "_syncline_seq" <= 5))'),
        ([3], ' WHERE NOT (("_syncline_seq" >= 3 AND "_syncline_seq" <= 3))'),
    ],
)
def test_only_some_rows_are_left(kept: list[int], where: str) -> None:
    (step,) = only(exp.table_("t"), [1, 3, 5, 9], kept)
    assert step.statement.sql(dialect="duckdb").replace(" ", "").replace("(", "").replace(
        ")", ""
    ) == f"DELETE FROM t{where}".replace(" ", "").replace("(", "").replace(")", "")
