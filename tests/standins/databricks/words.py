"""SQL cut into words, as far as a stand-in has to understand it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_WORD = re.compile(
    r"""
      (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
    | (?P<quoted>`(?:[^`]|``)*`)
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>\d[\w.]*)
    | (?P<space>\s+)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


class Word(NamedTuple):
    """A word and its kind: a group of the expression above."""

    kind: str
    text: str


def words(sql: str) -> list[Word]:
    """Return every word, spaces and comments included, so that joined they are the text again."""
    return [Word(m.lastgroup or "", m.group()) for m in _WORD.finditer(sql)]


def meaning(sql: str) -> list[Word]:
    """Return the words without spaces and comments."""
    return [w for w in words(sql) if w.kind not in {"space", "comment"}]


def joined(several: Sequence[Word]) -> str:
    """Return words as text."""
    return "".join(w.text for w in several)


def bare(text: str) -> str:
    """Return what a literal or a quoted name says."""
    if text[:1] in {"'", '"'}:
        inner = _ESCAPE.sub(_unescaped, text[1:-1])
        return inner.replace(text[0] * 2, text[0])
    if text[:1] == "`":
        return text[1:-1].replace("``", "`")
    return text


def _unescaped(found: re.Match[str]) -> str:
    sign = found[1]
    return chr(int(sign[1:], 16)) if len(sign) > 1 else _ESCAPES.get(sign, sign)


def opening(sql: str, count: int = 3) -> list[str]:
    """Return the first words in upper case."""
    return [w.text.upper() for w in meaning(sql[:2000])[:count]]


def statements(text: str) -> list[str]:
    """Return the statements between semicolons."""
    found, current = [], ""
    for word in words(text):
        if word.text == ";" and word.kind == "sign":
            found.append(current.strip())
            current = ""
        else:
            current += word.text
    return [s for s in (*found, current.strip()) if s]


def closing(several: Sequence[Word], start: int) -> int:
    """Return where the bracket that opens at ``start`` closes."""
    depth = 0
    for at in range(start, len(several)):
        depth += {"(": 1, ")": -1}.get(several[at].text, 0)
        if not depth:
            return at
    raise ValueError("a bracket is not closed")


def arguments(several: Sequence[Word]) -> list[list[Word]]:
    """Return the words of each argument of a call, given those between its brackets."""
    found: list[list[Word]] = [[]]
    depth = 0
    for word in several:
        depth += {"(": 1, ")": -1}.get(word.text, 0)
        if word.text == "," and not depth:
            found.append([])
        elif word.kind not in {"space", "comment"}:
            found[-1].append(word)
    return [a for a in found if a]
