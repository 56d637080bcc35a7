"""Several conditions on one column become one that a source can be asked for."""

import pytest

from query_tables import TABLES
from syncline.model.table import Operator, Predicate, Value
from syncline.query.narrowing import narrowed
from syncline.query.plan import plan


def asked(operator: str, *values: Value, column: str = "c") -> Predicate:
    return Predicate(column=column, operator=Operator(operator), values=values)


@pytest.mark.parametrize(
    ("given", "expected", "exact"),
    [
        ([asked("in", 1, 2), asked("in", 2, 3)], [asked("in", 2)], True),
        ([asked("in", 1, 2), asked("=", 2)], [asked("=", 2)], True),
        ([asked("=", 1), asked("=", 1)], [asked("=", 1)], True),
        ([asked("=", 1), asked("=", 2)], [asked("=", 1)], False),
        ([asked(">=", 1), asked(">=", 3), asked(">", 2)], [asked(">=", 3)], True),
        ([asked(">=", 3), asked(">", 3)], [asked(">", 3)], True),
        ([asked("<=", 5), asked("<", 4.5), asked(">", 1)], [asked("<", 4.5), asked(">", 1)], True),
        ([asked("<>", 1), asked("<>", 2)], [asked("<>", 1)], False),
        (
            [asked("=", 1), asked("=", 2, column="d")],
            [asked("=", 1), asked("=", 2, column="d")],
            True,
        ),
        (
            [asked(">=", "2025-01-01T00:00:00Z"), asked(">=", "2025-01-01T00:00:00.5Z")],
            [asked(">=", "2025-01-01T00:00:00.5Z")],
            True,
        ),
        ([asked(">=", "a"), asked(">=", "b")], [asked(">=", "a"), asked(">=", "b")], True),
    ],
)
def test_one_list_and_one_bound_are_left(
    given: list[Predicate], expected: list[Predicate], *, exact: bool
) -> None:
    found, is_exact = narrowed(given)
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert is_exact is exact


def test_rows_that_repeated_lists_let_through_do_not_use_up_a_limit() -> None:
    found = plan("SELECT TOP 1 Id FROM Activities WHERE Id = 1 AND Id = 2", TABLES)
    assert found.scans[0].limit is None


def test_a_long_list_is_compared_here() -> None:
    many = ", ".join(map(str, range(1000)))
    found = plan(f"SELECT TOP 2 Id FROM Activities WHERE MatterId IN ({many})", TABLES)
    (scan,) = found.scans
    assert scan.predicates == ()
    assert scan.limit is None
    told = next(note for note in found.notes if "too long for a request" in note)
    assert len(told) < 400
