"""T-SQL's text functions whose wording in DuckDB depends on their arguments."""

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from syncline.query.pointing import Refuse
from syncline.query.temporal import Builder
from syncline.query.wordings import worded

_QUOTES: Mapping[str, str] = {"'": "''", '"': '""', "[": "[]", "]": "[]", "`": "``"}
_MOST_DECIMALS = 16
_WIDTH = 10


def cut(node: exp.Expr, _: Refuse) -> exp.Expr:
    """LEFT and RIGHT, which take no negative length; DuckDB's leave so many characters out."""
    return type(node)(this=node.this.copy(), expression=_length(node.expression))


def substring(node: exp.Expr, _: Refuse) -> exp.Expr:
    """SUBSTRING, which begins before the text where the start is below 1; DuckDB's at its end."""
    start, length = node.args.get("start"), node.args.get("length")
    if start is None or length is None:
        return node
    if _whole(start) is not None and (_whole(start) or 0) >= 1:
        return exp.Substring(this=node.this.copy(), start=start.copy(), length=_length(length))
    return worded(
        "SUBSTRING(:a, GREATEST(:b, 1), GREATEST(:b + :c - GREATEST(:b, 1), 0))",
        node.this,
        start,
        _length(length),
        type_="VARCHAR",
    )


def _length(node: exp.Expr) -> exp.Expr:
    """Return a length that is an error if it is negative, as in T-SQL."""
    if (_whole(node) or 0) > 0 or node.name == "0":
        return node.copy()
    # Casting the complaint is how a value can fail in the middle of a query.
    return worded(
        "CASE WHEN :a < 0 THEN CAST('LEFT, RIGHT and SUBSTRING take no negative length' AS BIGINT) "
        "ELSE :a END",
        node,
        type_="BIGINT",
    )


def _whole(node: exp.Expr) -> int | None:
    """Return the number a literal is; None if it is none."""
    return int(node.this) if isinstance(node, exp.Literal) and node.is_int else None


def _str(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """STR(number, length, decimals): on the right, with less decimals or stars where it must."""
    if not 1 <= len(arguments) <= 3:  # noqa: PLR2004 (number, length, decimals)
        raise refuse("STR takes a number, a length and decimals", at)
    width = _whole(arguments[1]) if len(arguments) > 1 else _WIDTH
    decimals = _whole(arguments[2]) if len(arguments) > 2 else 0  # noqa: PLR2004 (the third)
    if width is None or decimals is None or width < 1:
        raise refuse("length and decimals of STR must be whole numbers", at)
    case = "CASE"
    for digits in range(min(decimals, _MOST_DECIMALS), -1, -1):
        text = f"FORMAT('{{:.{digits}f}}', ROUND(CAST(:a AS DOUBLE), {digits}))"
        case += f" WHEN LENGTH({text}) <= {width} THEN LPAD({text}, {width}, ' ')"
    stars = "*" * width
    return worded(f"{case} WHEN :a IS NOT NULL THEN '{stars}' END", arguments[0], type_="VARCHAR")


def _quotename(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    if not 1 <= len(arguments) <= 2:  # noqa: PLR2004 (name, quote)
        raise refuse("QUOTENAME takes a name and a quote", at)
    quote = arguments[1] if len(arguments) > 1 else exp.Literal.string("[")
    if not (isinstance(quote, exp.Literal) and quote.name in _QUOTES):
        raise refuse("the quote of QUOTENAME must be one of ' \" [ `", quote)
    before, after = (exp.Literal.string(sign) for sign in _QUOTES[quote.name])
    return worded(
        ":b || REPLACE(:a, :c, :c || :c) || :c", arguments[0], before, after, type_="VARCHAR"
    )


def _patindex(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """PATINDEX('%pattern%', text): where it first fits, counted from 1; else 0."""
    if len(arguments) != 2:  # noqa: PLR2004 (pattern, text)
        raise refuse(f"PATINDEX takes 2 arguments, not {len(arguments)}", at)
    pattern, text = arguments
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise refuse("the pattern of PATINDEX must be a text", pattern)
    before = "^(.*?)" if pattern.name.startswith("%") else "^()"
    after = "" if pattern.name.endswith("%") else "$"
    found = f"(?s){before}{_expression(pattern.name.strip('%'))}{after}"
    return worded(
        "CASE WHEN REGEXP_MATCHES(:a, :b) THEN LENGTH(REGEXP_EXTRACT(:a, :b, 1)) + 1 "
        "WHEN :a IS NOT NULL THEN 0 END",
        text,
        exp.Literal.string(found),
        type_="BIGINT",
    )


def like(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """LIKE with sets such as [a-f] or [^0-9], which DuckDB does not know."""
    escape = node.parent.expression.name if isinstance(node.parent, exp.Escape) else ""
    if node.this.type is not None and not node.this.is_type(
        *exp.DataType.TEXT_TYPES, exp.DType.UNKNOWN
    ):
        # 12 LIKE '1%' compares the text that the number is.
        node.set("this", exp.cast(node.this.copy(), exp.DType.TEXT))
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and "[" in pattern.name):
        return node
    if escape:
        raise refuse(
            "sets in [ ] and ESCAPE cannot be used together",
            pattern,
            hint="write the sign in a set of its own, such as [%] for %",
        )
    sign = exp.Literal.string(f"(?s)^{_expression(pattern.name)}$")
    negated = "NOT " if node.args.get("negate") else ""
    return worded(f"{negated}REGEXP_MATCHES(:a, :b)", node.this, sign, type_="BOOLEAN")


def _expression(pattern: str) -> str:
    """Return the regular expression that a pattern of LIKE is."""
    written, at = "", 0
    while at < len(pattern):
        letter = pattern[at]
        end = pattern.find("]", at + 1)
        if letter == "[" and end > at + 1:
            inside = pattern[at + 1 : end]
            negated = inside.startswith("^")
            body = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside.removeprefix("^"))
            written += f"[{'^' if negated else ''}{body}]"
            at = end
        else:
            written += {"%": ".*", "_": "."}.get(letter) or re.escape(letter)
        at += 1
    return written


BUILDERS: Mapping[str, Builder] = {
    "PATINDEX": _patindex,
    "QUOTENAME": _quotename,
    "STR": _str,
}
