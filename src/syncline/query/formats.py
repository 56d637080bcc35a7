"""FORMAT's patterns of .NET, for dates and numbers, in DuckDB's words."""

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp

from syncline.query.pointing import Refuse
from syncline.query.temporal import Builder, function, moment
from syncline.query.wordings import worded

#: Parts of a date's pattern, longest first.
_PATTERNS: Sequence[tuple[str, str]] = (
    ("ffffff", "%f"), ("yyyy", "%Y"), ("MMMM", "%B"), ("dddd", "%A"), ("fff", "%g"),
    ("MMM", "%b"), ("ddd", "%a"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"),
    ("hh", "%I"), ("mm", "%M"), ("ss", "%S"), ("tt", "%p"), ("M", "%-m"), ("d", "%-d"),
    ("H", "%-H"), ("h", "%-I"), ("m", "%-M"), ("s", "%-S"),
)  # fmt: skip
#: Letters that .NET has and DuckDB has not, or not so often.
_MISSING = frozenset("fFgKtyz")
_STANDARD: Mapping[str, str] = {
    "d": "%-m/%-d/%Y", "D": "%A, %B %-d, %Y", "t": "%-I:%M %p", "T": "%-I:%M:%S %p",
    "f": "%A, %B %-d, %Y %-I:%M %p", "F": "%A, %B %-d, %Y %-I:%M:%S %p",
    "g": "%-m/%-d/%Y %-I:%M %p", "G": "%-m/%-d/%Y %-I:%M:%S %p", "s": "%Y-%m-%dT%H:%M:%S",
    "u": "%Y-%m-%d %H:%M:%SZ", "M": "%B %-d", "m": "%B %-d", "Y": "%B %Y", "y": "%B %Y",
}  # fmt: skip
_STANDARD_NUMBER = re.compile(r"(?P<kind>[CDFNPX])(?P<digits>\d{0,2})", re.IGNORECASE)
_LITERAL = r"(?:[^#0.,%;eE\\'\"]|'[^']*'|\"[^\"]*\"|\\.)*"
_CUSTOM_NUMBER = re.compile(
    rf"(?P<before>{_LITERAL})(?P<whole>[#0][#0,]*)(?:\.(?P<fraction>0*#*))?"
    rf"(?P<after>{_LITERAL})(?P<percent>%?)(?P<end>{_LITERAL})"
)
_CULTURES = frozenset({"", "en-us", "iv"})
_MOST_DIGITS = 15


def pattern_of(pattern: str, refuse: Refuse, at: exp.Expr) -> str:
    """Return a date's pattern of .NET as DuckDB's. Raises `QueryError` for what it has not."""
    written, place = "", 0
    while place < len(pattern):
        letter = pattern[place]
        if letter in "'\"":
            end = pattern.find(letter, place + 1)
            if end < 0:
                raise refuse("a quote in the pattern is not closed", at)
            written += pattern[place + 1 : end].replace("%", "%%")
            place = end + 1
            continue
        if letter == "\\":
            written += pattern[place + 1 : place + 2].replace("%", "%%")
            place += 2
            continue
        form, meaning = next(
            ((form, to) for form, to in _PATTERNS if pattern.startswith(form, place)), (letter, "")
        )
        if not meaning and letter in _MISSING:
            raise refuse(
                f"{letter!r} in the pattern is not supported",
                at,
                hint="yyyy MM dd HH hh mm ss fff ffffff tt MMM MMMM ddd dddd can be used; "
                "other letters stand in quotes",
            )
        written += meaning or form.replace("%", "%%")
        place += len(form)
    return written


def _format(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """FORMAT(value, pattern, culture), and CData's FORMAT(text, its pattern, pattern)."""
    if not arguments or len(arguments) > 3:  # noqa: PLR2004 (value, pattern, culture)
        raise refuse("FORMAT takes a value and a pattern", at)
    value, *patterns = arguments
    for pattern in patterns or [at]:
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise refuse("the pattern of FORMAT must be a text", pattern)
    if len(patterns) > 1 and value.is_type(*exp.DataType.TEXT_TYPES):
        value, patterns = _read(value, patterns[0], refuse), patterns[1:]
    if len(patterns) > 1 and patterns[1].name.lower() not in _CULTURES:
        raise refuse(
            f"the culture {patterns[1].name!r} is not supported",
            patterns[1],
            hint="leave it out, and write the pattern as it is to be, for example 'dd.MM.yyyy'",
        )
    pattern = patterns[0]
    if value.is_type(*exp.DataType.NUMERIC_TYPES):
        return _number(value, pattern, refuse)
    written = _STANDARD.get(pattern.name)
    if written is None and len(pattern.name) == 1 and pattern.name.isalpha():
        raise refuse(
            f"the date pattern {pattern.name!r} is not supported",
            pattern,
            hint="write it out, for example 'yyyy-MM-dd HH:mm'",
        )
    written = written or pattern_of(pattern.name, refuse, pattern)
    return function("STRFTIME", "VARCHAR", moment(value), exp.Literal.string(written))


def _number(value: exp.Expr, pattern: exp.Expr, refuse: Refuse) -> exp.Expr:
    standard = _STANDARD_NUMBER.fullmatch(pattern.name)
    custom = _CUSTOM_NUMBER.fullmatch(pattern.name)
    whole = value.is_type(*exp.DataType.INTEGER_TYPES)
    result: str | None = None
    if standard is not None:
        result = _standard(standard["kind"].upper(), standard["digits"], whole=whole)
    elif custom is not None:
        result = _custom(custom, whole=whole)
    if result is None:
        raise refuse(
            f"the number pattern {pattern.name!r} is not supported",
            pattern,
            hint="use N2, F2, C2, P1, D5, 0.00, #,##0.00, 0.## or 0.0%",
        )
    return worded(result, value, type_="VARCHAR")


def _standard(kind: str, digits: str, *, whole: bool) -> str | None:
    count = int(digits) if digits else 2
    if kind == "D":
        width = int(digits or 1)
        return _digits(grouped=False, least=0, most=0, whole=True, width=width) if whole else None
    if kind == "X":
        return f"{_padded('HEX(:a)', int(digits or 1))}" if whole else None
    if count > _MOST_DIGITS:
        return None
    if kind == "P":
        return f"{_digits(grouped=True, least=count, most=count, factor=100)} || ' %'"
    if kind == "C":
        text = _amount(grouped=True, most=count, whole=whole)
        return f"CASE WHEN :a < 0 THEN '($' || {text} || ')' ELSE '$' || {text} END"
    return _digits(grouped=kind == "N", least=count, most=count, whole=whole)


def _custom(found: re.Match[str], *, whole: bool) -> str | None:
    places, fraction = found["whole"], found["fraction"] or ""
    if places.endswith(",") or re.search("0.*#", places):
        return None
    before, after, end = (_plain(found[name]) for name in ("before", "after", "end"))
    if len(fraction) > _MOST_DIGITS:
        return None
    return _digits(
        grouped="," in places,
        least=fraction.count("0"),
        most=len(fraction),
        whole=whole,
        width=places.count("0"),
        factor=100 if found["percent"] else 1,
        before=before,
        after=after + found["percent"] + end,
    )


def _padded(text: str, width: int) -> str:
    """Return the words for a text with zeros in front, never cut."""
    return f"LPAD({text}, CAST(GREATEST({width}, LENGTH({text})) AS INTEGER), '0')"


def _plain(literal: str) -> str:
    """Return a part of a pattern that stands for itself, without quotes, as SQL's text holds it."""
    parts = re.findall(r"'([^']*)'|\"([^\"]*)\"|\\(.)|(.)", literal, re.DOTALL)
    return "".join("".join(part) for part in parts).replace("'", "''")


def _amount(*, grouped: bool, most: int, whole: bool, factor: int = 1) -> str:
    """Return the words for the digits of a number without its sign."""
    comma = "," if grouped else ""
    if whole and factor == 1:
        digits = f"FORMAT('{{:{comma}d}}', ABS(CAST(:a AS HUGEINT)))"
        return f"{digits} || '.{'0' * most}'" if most else digits
    scaled = f"ABS(CAST(:a AS DOUBLE) * {factor})"
    return f"FORMAT('{{:{comma}.{most}f}}', ROUND({scaled}, {most}))"


def _digits(
    *,
    grouped: bool,
    least: int,
    most: int,
    whole: bool = False,
    width: int = 1,
    factor: int = 1,
    before: str = "",
    after: str = "",
) -> str:
    """Return the words for a number with its sign.

    ``least`` and ``most``: digits behind the point. ``width``: digits before it, at least.
    """
    text = _amount(grouped=grouped, most=most, whole=whole, factor=factor)
    if most > least:
        text = f"RTRIM(REGEXP_REPLACE({text}, '0{{1,{most - least}}}$', ''), '.')"
    if width == 0:
        text = f"REGEXP_REPLACE({text}, '^0(\\.|$)', '\\1')"
    if width > 1:
        ahead, rest = f"SPLIT_PART({text}, '.', 1)", f"REGEXP_EXTRACT({text}, '\\..*$')"
        text = f"{_padded(ahead, width)} || {rest}"
    rounded = f"ROUND(CAST(:a AS DOUBLE) * {factor}, {most})"
    sign = f"CASE WHEN {rounded} < 0 THEN '-' ELSE '' END"
    start, close = f" || '{before}'" * bool(before), f" || '{after}'" * bool(after)
    return f"{sign}{start} || {text}{close}"


def _read(text: exp.Expr, pattern: exp.Expr, refuse: Refuse, *, strict: bool = True) -> exp.Expr:
    """Return the moment that a text is in a pattern of .NET."""
    name = "STRPTIME" if strict else "TRY_STRPTIME"
    written = exp.Literal.string(pattern_of(pattern.name, refuse, pattern))
    return function(name, "TIMESTAMP", exp.cast(text.copy(), exp.DType.VARCHAR), written)


def _strtodate(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    text, pattern = _two(arguments, refuse, at)
    return _read(text, pattern, refuse)


def _isdate(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    if len(arguments) == 1:
        return worded(
            "CASE WHEN TRY_CAST(:a AS TIMESTAMP) IS NULL THEN 0 ELSE 1 END",
            arguments[0],
            type_="INTEGER",
        )
    text, pattern = _two(arguments, refuse, at)
    found = _read(text, pattern, refuse, strict=False)
    return worded("CASE WHEN :a IS NULL THEN 0 ELSE 1 END", found, type_="INTEGER")


def _two(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    if len(arguments) != 2 or not arguments[1].is_string:  # noqa: PLR2004 (text, pattern)
        raise refuse(f"{at.name} takes a text and its pattern", at)
    return arguments[0], arguments[1]


BUILDERS: Mapping[str, Builder] = {
    "FORMAT": _format,
    "ISDATE": _isdate,
    "STRTODATE": _strtodate,
}
