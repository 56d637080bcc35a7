"""Several conditions on one column that a source is asked for, made into one. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from syncline.model.table import Operator, Predicate, Value

_LOWER = frozenset({Operator.GT, Operator.GE})
_UPPER = frozenset({Operator.LT, Operator.LE})
_EQUAL = frozenset({Operator.EQ, Operator.IN})


def narrowed(predicates: Sequence[Predicate]) -> tuple[list[Predicate], bool]:
    """Return predicates with at most one list of values and one bound on each side, by column.

    What is said twice of a column usually ends in the same parameter, and what a source makes of
    that is its own affair. The second result is False if the predicates that are left let rows
    through that the others would have kept out.
    """
    result: list[Predicate] = []
    exact = True
    for column in dict.fromkeys(p.column for p in predicates):
        own = [p for p in predicates if p.column == column]
        equal = [p for p in own if p.operator in _EQUAL]
        if len(equal) > 1:
            found = _common(equal)
            exact = exact and found is not None
            result.append(found or equal[0])
        else:
            result += equal
        for side, least in ((_LOWER, False), (_UPPER, True)):
            result += _tightest([p for p in own if p.operator in side], least=least)
        others = [p for p in own if p.operator is Operator.NE]
        result += others[:1]
        exact = exact and len(others) < 2  # noqa: PLR2004 (several)
    # In the order in which they were written.
    return sorted(result, key=lambda p: _place(p, predicates)), exact


def _place(predicate: Predicate, predicates: Sequence[Predicate]) -> int:
    """Return where the first predicate stands that this one is, or is a part of."""
    return next(
        at
        for at, p in enumerate(predicates)
        if p.column == predicate.column
        and (p == predicate or {p.operator, predicate.operator} <= _EQUAL)
    )


def _common(equal: Sequence[Predicate]) -> Predicate | None:
    """Return the predicate for the values that all lists have; None if there are none."""
    first, *others = sorted(equal, key=lambda p: p.operator is not Operator.EQ)
    values = tuple(v for v in first.values if all(v in p.values for p in others))
    if not values:
        return None
    return Predicate(column=first.column, operator=first.operator, values=values)


def _tightest(bounds: Sequence[Predicate], *, least: bool) -> Iterable[Predicate]:
    """Return the one bound that implies the others; all of them if they cannot be compared."""
    if len(bounds) < 2:  # noqa: PLR2004 (several)
        return bounds
    ordered = [(_order(p.values[0]), p) for p in bounds]
    if len({type(order) for order, _ in ordered}) > 1 or ordered[0][0] is None:
        return bounds
    best = (min if least else max)(order for order, _ in ordered if order is not None)
    # Of equal ones the stricter.
    chosen = [p for order, p in ordered if order == best]
    return [min(chosen, key=lambda p: p.operator in {Operator.GE, Operator.LE})]


def _order(value: Value) -> float | None:
    """Return where a number, date or moment stands among others; None for other texts."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
