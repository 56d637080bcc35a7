"""Conditions and values that need no query: numbers in variables, compared."""

import operator
from collections.abc import Callable, Sequence

from standins.tds.lexer import Token
from standins.tds.render import SYSTEM_VARIABLE
from standins.tds.session import Session
from standins.tds.sqltypes import SqlType
from standins.tds.system import system_value

_WHOLE = frozenset({"int", "bigint"})
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def quick_value(session: Session, token: Token, kind: SqlType) -> int | None:
    """Return a whole number that a token says, None if it says something else."""
    return _number(session, token) if kind.name in _WHOLE else None


def quick_condition(session: Session, tokens: Sequence[Token]) -> bool | None:
    """Return whether comparisons of whole numbers, joined by AND, hold; None for all else."""
    for start in range(0, len(tokens), 4):
        part = tokens[start : start + 4]
        last = start + 4 >= len(tokens)
        compare = _COMPARISONS.get(part[1].text) if len(part) == (3 if last else 4) else None
        if compare is None or (not last and part[3].word != "AND"):
            return None
        left, right = _number(session, part[0]), _number(session, part[2])
        if left is None or right is None:
            return None
        if not compare(left, right):
            # What follows must still be something that can be told quickly.
            return False if last else None
    return True if tokens else None


def _number(session: Session, token: Token) -> int | None:
    if token.kind == "number":
        return int(token.text) if token.text.isdigit() else None
    if not token.text.startswith("@"):
        return None
    if token.text.startswith("@@"):
        system = system_value(session, SYSTEM_VARIABLE + token.text[2:].lower())
        kind, value = system or (None, None)
    else:
        variable = session.variable(token.text[1:])
        kind, value = variable.kind, variable.value
    return value if kind and kind.name in _WHOLE and isinstance(value, int) else None
