"""T-SQL text as tokens: names, literals, and lists of either."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from standins.tds.errors import ServerError, syntax_error

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<text>[Nn]?'(?:[^']|'')*')
    |(?P<quoted>\[(?:[^\]]|\]\])*\]|"(?:[^"]|"")*")
    |(?P<number>0[xX][0-9A-Fa-f]*|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<name>[@\#$_A-Za-z\u0080-\uffff][\w@\#$]*)
    |(?P<operator><>|<=|>=|!=|\+=|-=|.)""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST_NAME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A word of T-SQL: ``text`` as written, ``word`` in capitals."""

    kind: str
    text: str
    word: str
    start: int
    end: int

    @property
    def is_name(self) -> bool:
        """Whether it can name an object."""
        return self.kind in {"name", "quoted"}


def tokenize(text: str) -> list[Token]:
    """Return the tokens of T-SQL text. Raises 103 and 105."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "operator"
        if kind == "space":
            continue
        written = match[0]
        if kind == "operator" and written in "'[\"":
            rest = text[match.end() :][:100]
            raise ServerError(105, f"Unclosed quotation mark after the character string '{rest}'.")
        if kind in {"name", "quoted"} and len(unquote(written)) > _LONGEST_NAME:
            raise ServerError(
                103, f"The identifier that starts with '{unquote(written)[:128]}' is too long. "
                "Maximum length is 128."
            )  # fmt: skip
        found.append(
            Token(
                kind=kind,
                text=written,
                word=written.upper(),
                start=match.start(),
                end=match.end(),
            )
        )
    return found


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def unquote(text: str) -> str:
    """Return what a quoted name or a string literal says."""
    if text.startswith("["):
        return text[1:-1].replace("]]", "]")
    if text.startswith('"'):
        return text[1:-1].replace('""', '"')
    if text.endswith("'"):
        return text[text.index("'") + 1 : -1].replace("''", "'")
    return text


def quote(name: str) -> str:
    """Return a name as DuckDB reads it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a string literal."""
    return "'" + text.replace("'", "''") + "'"


def joined(tokens: Sequence[Token]) -> str:
    """Return tokens as text, spaced as they were written."""
    parts = []
    for at, token in enumerate(tokens):
        following = tokens[at + 1].start if at + 1 < len(tokens) else token.end
        parts.append(token.text + (" " if following > token.end else ""))
    return "".join(parts)


def split_name(text: str) -> list[str]:
    """Return the parts of a name, an empty one where it was left out."""
    return name_parts(tokenize(text))


def name_parts(tokens: Sequence[Token]) -> list[str]:
    """Return the parts of a name given as tokens."""
    parts = [""]
    for token in tokens:
        if token.text == ".":
            parts.append("")
        else:
            parts[-1] += unquote(token.text)
    return parts


def split_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    """Return the items of a list; commas inside of parentheses do not part."""
    items: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if token.text == "," and not depth:
            items.append([])
        else:
            items[-1].append(token)
    return [item for item in items if item]


def closing(tokens: Sequence[Token], start: int) -> int:
    """Return where the parenthesis opened at ``start`` closes. Raises 102."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at].text == "(") - (tokens[at].text == ")")
        if not depth:
            return at
    raise syntax_error(tokens[-1].text)


def find(tokens: Sequence[Token], word: str, start: int = 0) -> int | None:
    """Return where a bare word is, outside of parentheses."""
    depth = 0
    for at in range(start, len(tokens)):
        token = tokens[at]
        if not depth and token.word == word and token.kind in {"name", "operator"}:
            return at
        depth += (token.text == "(") - (token.text == ")")
    return None


def words(tokens: Sequence[Token]) -> list[str]:
    """Return the tokens in capitals; quoted names are left out of the comparison by a mark."""
    return ["[]" if token.kind == "quoted" else token.word for token in tokens]
