"""Conditions and values that need no query: numbers compared, texts added up, ids of objects."""

import operator
from collections.abc import Callable, Sequence

from standins.tds.functions import CONSTANTS
from standins.tds.lexer import Token, closing, split_commas, unquote
from standins.tds.render import SYSTEM_VARIABLE
from standins.tds.session import Session
from standins.tds.sqltypes import SqlType
from standins.tds.system import system_value
from standins.tds.translation import Translation

_WHOLE = frozenset({"int", "bigint"})
#: Tokens of a call with one argument.
_CALL = 4
_IDS = {name.upper(): CONSTANTS[name] for name in ("object_id", "schema_id")}
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


def quick_object(session: Session, tokens: Sequence[Token]) -> tuple[int | None] | None:
    """Return what OBJECT_ID or SCHEMA_ID of a literal is; None if the tokens are not that."""
    head = tokens[0].word if len(tokens) == _CALL else ""
    if head not in _IDS or tokens[1].text != "(" or tokens[2].kind != "text":
        return None
    return (_IDS[head](Translation(session=session), [unquote(tokens[2].text)]),)


def quick_text(session: Session, tokens: Sequence[Token]) -> tuple[str | None] | None:
    """Return what literals, variables and COALESCE of them, added up, say; None for all else."""
    try:
        return (_text(session, tokens),)
    except _SlowError:
        return None


class _SlowError(Exception):
    """Only a query can tell."""


def _text(session: Session, tokens: Sequence[Token]) -> str | None:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "+" and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    values = [_term(session, part) for part in parts]
    return None if None in values else "".join(filter(None, values))


def _term(session: Session, tokens: Sequence[Token]) -> str | None:
    if len(tokens) == 1:
        (token,) = tokens
        if token.kind == "text" and (token.word.startswith("N") or token.text.isascii()):
            return unquote(token.text)
        if token.text.startswith("@") and not token.text.startswith("@@"):
            variable = session.variable(token.text[1:])
            if variable.kind.is_text and variable.kind.is_unicode:
                value: str | None = variable.value
                return value
    elif [t.word for t in tokens[:2]] == ["COALESCE", "("] and _is_call(tokens):
        items = [_text(session, item) for item in split_commas(tokens[2:-1])]
        return next((item for item in items if item is not None), None)
    raise _SlowError


def _is_call(tokens: Sequence[Token]) -> bool:
    """Say whether the parenthesis after the first word closes at the end."""
    return closing(tokens, 1) == len(tokens) - 1


def quick_condition(session: Session, tokens: Sequence[Token]) -> bool | None:
    """Return whether a condition holds that needs no query; None for all others."""
    words = [t.word for t in tokens]
    if words[-2:] == ["IS", "NULL"]:
        known = quick_object(session, tokens[:-2])
        return None if known is None else known[0] is None
    if words[:2] == ["EXISTS", "("]:
        return _nothing(session, tokens, words)
    holds = True
    for start in range(0, len(tokens), 4):
        part = tokens[start : start + 4]
        last = start + 4 >= len(tokens)
        compare = _COMPARISONS.get(part[1].text) if len(part) == (3 if last else 4) else None
        if compare is None or (not last and part[3].word != "AND"):
            return None
        left, right = _number(session, part[0]), _number(session, part[2])
        if left is None or right is None:
            return None
        holds = holds and compare(left, right)
    return holds if tokens else None


def _nothing(session: Session, tokens: Sequence[Token], words: Sequence[str]) -> bool | None:
    """Return False if no row can be found, since an object is not there; None if one might be."""
    if "OR" in words or "NOT" in words or "WHERE" not in words:
        return None
    if not _is_call(tokens):
        return None
    at = words.index("WHERE") + 1
    if words[at] not in {"OBJECT_ID", "[OBJECT_ID]"} or words[at + 1] != "=":
        return None
    known = quick_object(session, tokens[at + 2 : at + 2 + _CALL])
    return False if known == (None,) else None


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
