"""T-SQL's date and time functions in DuckDB's words."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sqlglot import exp

from syncline.query.dialect import OWN
from syncline.query.pointing import Refuse, did_you_mean

#: Functions whose first argument is a unit.
WITH_UNIT = frozenset(
    OWN + name
    for name in ("DATEADD", "DATEDIFF", "DATEDIFF_BIG", "DATENAME", "DATEPART", "DATETRUNC")
)
Builder: TypeAlias = Callable[[Sequence[exp.Expr], Refuse, exp.Expr], exp.Expr]

_UNITS: Mapping[str, tuple[str, ...]] = {
    "year": ("yy", "yyyy"),
    "quarter": ("qq", "q"),
    "month": ("mm", "m"),
    "dayofyear": ("dy", "y"),
    "day": ("dd", "d"),
    "week": ("wk", "ww"),
    "iso_week": ("isowk", "isoww"),
    "weekday": ("dw", "w"),
    "hour": ("hh",),
    "minute": ("mi", "n"),
    "second": ("ss", "s"),
    "millisecond": ("ms",),
    "microsecond": ("mcs",),
}
_UNIT_OF = {short: unit for unit, shorts in _UNITS.items() for short in (unit, *shorts)}
#: Units that leave a date a date.
_WHOLE_DAYS = frozenset({"year", "quarter", "month", "week", "day"})
_NAMES: Mapping[str, str] = {"month": "%B", "weekday": "%A"}

#: Styles of CONVERT: how a moment is written.
_STYLES: Mapping[str, str] = {
    "1": "%m/%d/%y", "2": "%y.%m.%d", "3": "%d/%m/%y", "4": "%d.%m.%y", "5": "%d-%m-%y",
    "8": "%H:%M:%S", "10": "%m-%d-%y", "11": "%y/%m/%d", "12": "%y%m%d",
    "20": "%Y-%m-%d %H:%M:%S", "21": "%Y-%m-%d %H:%M:%S.%g", "23": "%Y-%m-%d", "24": "%H:%M:%S",
    "25": "%Y-%m-%d %H:%M:%S.%g",
    "101": "%m/%d/%Y", "102": "%Y.%m.%d", "103": "%d/%m/%Y", "104": "%d.%m.%Y", "105": "%d-%m-%Y",
    "106": "%d %b %Y", "107": "%b %d, %Y", "108": "%H:%M:%S", "110": "%m-%d-%Y",
    "111": "%Y/%m/%d", "112": "%Y%m%d", "120": "%Y-%m-%d %H:%M:%S",
    "121": "%Y-%m-%d %H:%M:%S.%g", "126": "%Y-%m-%dT%H:%M:%S.%g", "127": "%Y-%m-%dT%H:%M:%S.%gZ",
}  # fmt: skip
#: Letters of FORMAT's date patterns, longest first.
_PATTERNS: Sequence[tuple[str, str]] = (
    ("yyyy", "%Y"), ("MMMM", "%B"), ("dddd", "%A"), ("fff", "%g"), ("MMM", "%b"), ("ddd", "%a"),
    ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("hh", "%I"), ("mm", "%M"),
    ("ss", "%S"), ("tt", "%p"), ("M", "%-m"), ("d", "%-d"), ("H", "%-H"), ("h", "%-I"),
    ("m", "%-M"), ("s", "%-S"),
)  # fmt: skip
_STANDARD: Mapping[str, str] = {
    "d": "%-m/%-d/%Y", "D": "%A, %B %-d, %Y", "t": "%-I:%M %p", "T": "%-I:%M:%S %p",
    "g": "%-m/%-d/%Y %-I:%M %p", "G": "%-m/%-d/%Y %-I:%M:%S %p", "s": "%Y-%m-%dT%H:%M:%S",
    "u": "%Y-%m-%d %H:%M:%SZ", "M": "%B %-d", "m": "%B %-d", "Y": "%B %Y", "y": "%B %Y",
}  # fmt: skip


def unit_of(name: str, refuse: Refuse, at: exp.Expr) -> str:
    """Return the unit that a name or its short form means.

    Raises:
        QueryError: there is no such unit.
    """
    unit = _UNIT_OF.get(name.lower())
    if unit is None:
        raise refuse(f"{name!r} is not a unit of time", at, hint=did_you_mean(name, _UNITS))
    return unit


def styled(to: exp.DataType, value: exp.Expr, style: exp.Literal, refuse: Refuse) -> exp.Expr:
    """Return what CONVERT has to cast: a text for a text type, a moment for a text value.

    Raises:
        QueryError: the style is not known.
    """
    pattern = _STYLES.get(style.name)
    to_text = to.is_type(*exp.DataType.TEXT_TYPES)
    to_moment = to.is_type(*exp.DataType.TEMPORAL_TYPES)
    from_text = value.is_type(*exp.DataType.TEXT_TYPES)
    if not (to_text and _is_moment(value)) and not (to_moment and from_text):
        # Elsewhere T-SQL has no use for these styles either.
        return value
    if pattern is None:
        raise refuse(
            f"the style {style.name} of CONVERT is not supported",
            style,
            hint="120 is yyyy-mm-dd hh:mi:ss; 101 is mm/dd/yyyy; FORMAT takes any pattern",
        )
    name = "STRFTIME" if to_text else "STRPTIME"
    result = exp.Anonymous(this=name, expressions=[value.copy(), exp.Literal.string(pattern)])
    result.type = exp.DataType.build("VARCHAR" if to_text else "TIMESTAMP")
    return result


def _is_moment(value: exp.Expr) -> bool:
    return value.is_type(*exp.DataType.TEMPORAL_TYPES)


def _moment(value: exp.Expr) -> exp.Expr:
    """Return a value as DuckDB's date functions want it: texts become timestamps."""
    if value.is_type(*exp.DataType.TEXT_TYPES):
        return exp.cast(value.copy(), exp.DType.TIMESTAMP)
    return value.copy()


def _function(name: str, type_: str, *arguments: exp.Expr) -> exp.Expr:
    result = exp.Anonymous(this=name, expressions=list(arguments))
    result.type = exp.DataType.build(type_)
    return result


def _expect(arguments: Sequence[exp.Expr], count: int, refuse: Refuse, at: exp.Expr) -> None:
    if len(arguments) != count:
        name = at.name.removeprefix(OWN)
        raise refuse(f"{name} takes {count} arguments, not {len(arguments)}", at)


def _like(value: exp.Expr, result: exp.Expr, *, keeps_date: bool) -> exp.Expr:
    """Give a result the type of its operand, which DuckDB widens from a date to a timestamp."""
    if keeps_date and value.is_type(exp.DType.DATE):
        return exp.cast(result, exp.DType.DATE)
    result.type = (
        value.type.copy() if value.type and _is_moment(value) else exp.DataType.build("TIMESTAMP")
    )
    return result


def _dateadd(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 3, refuse, at)
    unit, number, value = arguments
    name = "day" if unit.name in {"dayofyear", "weekday"} else unit.name
    if name == "iso_week":
        raise refuse("iso_week is not a unit of DATEADD", at, hint="use week")
    step = exp.Interval(this=exp.paren(number.copy(), copy=False), unit=exp.var(name.upper()))
    return _like(
        value,
        exp.Add(this=exp.paren(_moment(value), copy=False), expression=step),
        keeps_date=name in _WHOLE_DAYS,
    )


def _datediff(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 3, refuse, at)
    unit, *moments = arguments
    start, end = (exp.cast(moment.copy(), exp.DType.TIMESTAMP) for moment in moments)
    name = unit.name
    if name in {"week", "iso_week"}:
        weeks = exp.IntDiv(
            this=_difference("day", _week(name, start), _week(name, end)),
            expression=exp.Literal.number(7),
        )
        weeks.type = exp.DataType.build("BIGINT")
        return exp.paren(weeks, copy=False)
    return _difference("day" if name in {"dayofyear", "weekday"} else name, start, end)


def _difference(unit: str, start: exp.Expr, end: exp.Expr) -> exp.Expr:
    return _function("DATE_DIFF", "BIGINT", exp.Literal.string(unit), start, end)


def _week(unit: str, moment: exp.Expr) -> exp.Expr:
    """Return the begin of a moment's week; T-SQL's begin on Sunday, ISO's and DuckDB's on Monday.

    A day later, both begin together.
    """
    shift = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    if unit == "week":
        moment = exp.Add(this=moment, expression=shift.copy())
    monday = _function("DATE_TRUNC", "TIMESTAMP", exp.Literal.string("week"), moment)
    return exp.Sub(this=monday, expression=shift) if unit == "week" else monday


def _datepart(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 2, refuse, at)
    unit, value = arguments
    return _part(unit.name, _moment(value))


def _part(unit: str, value: exp.Expr) -> exp.Expr:
    def part(name: str) -> exp.Expr:
        return _function("DATE_PART", "BIGINT", exp.Literal.string(name), value.copy())

    one, seven = exp.Literal.number(1), exp.Literal.number(7)
    match unit:
        case "weekday":
            # 1 is Sunday in T-SQL, 0 in DuckDB.
            result: exp.Expr = exp.paren(exp.Add(this=part("dow"), expression=one))
        case "week":
            # 1 January is in week 1, and a week begins on Sunday.
            left = exp.Sub(this=part("doy"), expression=part("dow"))
            days = exp.paren(exp.Add(this=left, expression=exp.Literal.number(12)))
            result = exp.paren(exp.IntDiv(this=days, expression=seven))
        case "millisecond" | "microsecond":
            size = exp.Literal.number(1000 if unit == "millisecond" else 1_000_000)
            result = exp.paren(exp.Mod(this=part(unit), expression=size))
        case _:
            names = {"dayofyear": "doy", "iso_week": "week"}
            return part(names.get(unit, unit))
    result.type = exp.DataType.build("BIGINT")
    return result


def _datename(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 2, refuse, at)
    unit, value = arguments
    if pattern := _NAMES.get(unit.name):
        return _function("STRFTIME", "VARCHAR", _moment(value), exp.Literal.string(pattern))
    return exp.cast(_part(unit.name, _moment(value)), exp.DType.VARCHAR)


def _datetrunc(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 2, refuse, at)
    unit, value = arguments
    if unit.name == "weekday":
        raise refuse("weekday is not a unit of DATETRUNC", at, hint="use day or week")
    moment = _moment(value)
    if unit.name in {"week", "iso_week"}:
        return _like(value, _week(unit.name, moment), keeps_date=True)
    name = "day" if unit.name == "dayofyear" else unit.name
    result = _function("DATE_TRUNC", "TIMESTAMP", exp.Literal.string(name), moment)
    return _like(value, result, keeps_date=True)


def _format(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """FORMAT(value, pattern): of a moment, or of a number with N2, F2, 0.00 or #,##0.00."""
    if not arguments or len(arguments) > 3:  # noqa: PLR2004 (value, pattern, culture)
        raise refuse("FORMAT takes a value and a pattern", at)
    value, pattern = arguments[0], arguments[1] if len(arguments) > 1 else None
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise refuse("the pattern of FORMAT must be a text", pattern or at)
    if value.is_type(*exp.DataType.NUMERIC_TYPES):
        digits = _digits(pattern.name)
        if digits is None:
            raise refuse(
                f"the number pattern {pattern.name!r} is not supported",
                pattern,
                hint="use N2, F2, 0.00 or #,##0.00",
            )
        number = exp.cast(value.copy(), exp.DType.DOUBLE)
        return _function("FORMAT", "VARCHAR", exp.Literal.string(digits), number)
    written = _STANDARD.get(pattern.name) or _pattern(pattern.name)
    return _function("STRFTIME", "VARCHAR", _moment(value), exp.Literal.string(written))


def _digits(pattern: str) -> str | None:
    if pattern[:1].upper() in {"N", "F"} and (pattern[1:].isdigit() or len(pattern) == 1):
        comma = "," if pattern[0].upper() == "N" else ""
        return f"{{:{comma}.{pattern[1:] or 2}f}}"
    whole, _, fraction = pattern.partition(".")
    if set(fraction) <= {"0"} and whole in {"0", "#,##0", "#,0", "#"}:
        return f"{{:{',' if ',' in whole else ''}.{len(fraction)}f}}"
    return None


def _pattern(pattern: str) -> str:
    written, at = "", 0
    while at < len(pattern):
        letters, meaning = next(
            ((form, to) for form, to in _PATTERNS if pattern.startswith(form, at)),
            (pattern[at], ""),
        )
        written += meaning or letters.replace("%", "%%")
        at += len(letters)
    return written


BUILDERS: Mapping[str, Builder] = {
    "DATEADD": _dateadd,
    "DATEDIFF": _datediff,
    "DATEDIFF_BIG": _datediff,
    "DATENAME": _datename,
    "DATEPART": _datepart,
    "DATETRUNC": _datetrunc,
    "FORMAT": _format,
}
