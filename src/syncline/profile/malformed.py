"""What to do about a text that is no YAML, said without showing any of it."""

import re
from collections.abc import Sequence

from syncline.profile.pointing import Spot

_USUAL = "check the indentation and the quotes around this place"
_TABS = "tabs do not indent in YAML: use spaces"
_BRACE = "a text that begins with { must be in quotes, else it is a mapping"
_FIRST = "a text that begins with @ ` % * & or ! must be in quotes"
_MARKS = {"@", "`", "%", "*", "&", "!"}
_TEMPLATE = re.compile(r"^[^'\"#]*(?::|-)\s+\{[^{}:,]*\}[^\s,}\]]")
_JOINED = re.compile(r"^\s*(?:- )?[A-Za-z_]\w*:[^\s/]")


def remedy(cause: Exception, lines: Sequence[str], spot: Spot) -> str:
    """Return what to do about what the parser found at a place."""
    said = f"{getattr(cause, 'context', '')} {getattr(cause, 'problem', '')}"
    line = lines[spot.line - 1] if lines else ""
    known = (
        ("\t" in line[: len(line) - len(line.lstrip())], _TABS),
        ("another document" in said, "a file holds one document: take away what begins with ---"),
        (bool(_TEMPLATE.search(line)), _BRACE),
        ("quoted scalar" in said and "end of stream" in said, _opened(cause, "quote")),
        ("flow" in said, _opened(cause, "bracket or brace")),
        ("mapping values are not allowed" in said, _colon(lines, spot)),
        ("alias" in said or line[spot.column - 1 : spot.column] in _MARKS, _FIRST),
    )
    return next((hint for applies, hint in known if applies), _USUAL)


def _opened(cause: Exception, what: str) -> str:
    mark = getattr(cause, "context_mark", None)
    where = f" that opens in line {mark.line + 1}" if mark is not None else ""
    return f"the {what}{where} may not be closed"


def _colon(lines: Sequence[str], spot: Spot) -> str:
    above = next((n for n in range(spot.line - 1, 0, -1) if lines[n - 1].strip()), 0)
    if above and _JOINED.search(lines[above - 1]):
        return f"write a space after the colon in line {above}"
    return "a text with a colon and a space in it must be in quotes"
