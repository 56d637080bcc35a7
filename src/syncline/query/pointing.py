"""Errors that point at the word of a query that is wrong."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Protocol

from sqlglot import exp

from syncline.errors import QueryError

#: Characters of a line that is quoted whole; of a longer one, about as many around the word.
_WIDEST = 160


class Refuse(Protocol):
    """Makes the error of one query, pointing into its text."""

    def __call__(
        self, message: str, at: exp.Expr | tuple[int, int] | None = None, *, hint: str = ""
    ) -> QueryError:
        """Return the error; ``at`` is a node, or first and last offset (both inclusive)."""
        ...


def refusing(sql: str) -> Refuse:
    """Return what makes errors that quote ``sql``."""

    def refuse(
        message: str, at: exp.Expr | tuple[int, int] | None = None, *, hint: str = ""
    ) -> QueryError:
        span = span_of(at) if isinstance(at, exp.Expr) else at
        return QueryError(message + (_quoted(sql, *span) if span else ""), hint=hint)

    return refuse


def span_of(node: exp.Expr) -> tuple[int, int] | None:
    """Return first and last offset (inclusive) of a node in the text it was parsed from."""
    spans = [
        (start, end)
        for part in node.walk()
        if isinstance(start := part.meta.get("start"), int)
        and isinstance(end := part.meta.get("end"), int)
    ]
    if not spans:
        return None
    return min(start for start, _ in spans), max(end for _, end in spans)


def did_you_mean(word: str, known: Iterable[str], *, listing: bool = True) -> str:
    """Return a hint that names what is spelled like ``word``, or else lists what there is."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), names, n=3, cutoff=0.6 if listing else 0.75)
    if not near and listing:
        near = [name for name in names if word.lower() in name or name in word.lower()][:3]
    if near:
        return f"did you mean {' or '.join(names[name] for name in near)}?"
    if not listing:
        return ""
    shown = sorted(names.values(), key=str.lower)
    more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""  # noqa: PLR2004 (fits a line)
    return f"there are: {', '.join(shown[:12])}{more}" if shown else ""


def _quoted(sql: str, start: int, end: int) -> str:
    # An offset past the end points behind the last word.
    start = min(start, len(sql))
    line_start = sql.rfind("\n", 0, start) + 1
    line_end = sql.find("\n", start)
    line_end = len(sql) if line_end < 0 else line_end
    number = sql.count("\n", 0, start) + 1
    begins, ends = line_start, line_end
    if line_end - line_start > _WIDEST:
        begins = max(line_start, start - _WIDEST // 2)
        ends = min(line_end, begins + _WIDEST)
    before, after = "…" * (begins > line_start), "…" * (ends < line_end)
    # Tabs stay tabs, so that the caret stands below the word however wide they are.
    blank = "".join("\t" if char == "\t" else " " for char in before + sql[begins:start])
    carets = "^" * max(1, min(end + 1, ends) - start)
    return f"\nline {number}:\n  {before}{sql[begins:ends].rstrip()}{after}\n  {blank}{carets}"
