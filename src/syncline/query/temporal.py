"""T-SQL's date and time functions in DuckDB's words."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeAlias

from sqlglot import exp

from syncline.query.dialect import OWN
from syncline.query.pointing import Refuse, did_you_mean
from syncline.query.wordings import worded

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
#: A date without signs between its parts, with or without a time.
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})((?:[ T].*)?)")
#: Units of CData's DATE_TRUNC, which Oracle's TRUNC has.
_ORACLE: Mapping[str, str] = {
    **dict.fromkeys(("YEAR", "YYYY", "YYY", "YY", "Y", "SYYYY", "SYEAR"), "year"),
    **dict.fromkeys(("MONTH", "MON", "MM", "RM"), "month"),
    **dict.fromkeys(("DD", "DDD", "J"), "day"),
    **dict.fromkeys(("HH", "HH12", "HH24"), "hour"),
    **dict.fromkeys(("D", "DAY", "DY"), "week"),
    "Q": "quarter",
    "IW": "iso_week",
    "MI": "minute",
}
#: Units that leave a date a date.
_WHOLE_DAYS = frozenset({"year", "quarter", "month", "week", "day"})
#: Units that DuckDB's DATE_TRUNC takes, and CData's DATE_TRUNC2.
_TRUNCATING = frozenset({
    "millennium", "century", "decade", "year", "quarter", "month", "week", "day", "hour",
    "minute", "second", "millisecond", "milliseconds", "microsecond", "microseconds",
})  # fmt: skip
_NAMES: Mapping[str, str] = {"month": "%B", "weekday": "%A"}

#: Styles of CONVERT: how a moment is written.
_STYLES: Mapping[str, str] = {
    "1": "%m/%d/%y", "2": "%y.%m.%d", "3": "%d/%m/%y", "4": "%d.%m.%y", "5": "%d-%m-%y",
    "6": "%d %b %y", "7": "%b %d, %y", "8": "%H:%M:%S", "10": "%m-%d-%y", "11": "%y/%m/%d",
    "12": "%y%m%d", "13": "%d %b %Y %H:%M:%S:%g", "14": "%H:%M:%S:%g",
    "20": "%Y-%m-%d %H:%M:%S", "21": "%Y-%m-%d %H:%M:%S.%g", "23": "%Y-%m-%d", "24": "%H:%M:%S",
    "25": "%Y-%m-%d %H:%M:%S.%g",
    "101": "%m/%d/%Y", "102": "%Y.%m.%d", "103": "%d/%m/%Y", "104": "%d.%m.%Y", "105": "%d-%m-%Y",
    "106": "%d %b %Y", "107": "%b %d, %Y", "108": "%H:%M:%S", "110": "%m-%d-%Y",
    "111": "%Y/%m/%d", "112": "%Y%m%d", "113": "%d %b %Y %H:%M:%S:%g", "114": "%H:%M:%S:%g",
    "120": "%Y-%m-%d %H:%M:%S", "121": "%Y-%m-%d %H:%M:%S.%g", "126": "%Y-%m-%dT%H:%M:%S.%g",
    "127": "%Y-%m-%dT%H:%M:%S.%gZ",
}  # fmt: skip
#: Styles that DuckDB reads as it reads any moment, with or without a fraction of a second.
_ISO = frozenset({"20", "21", "23", "25", "112", "120", "121", "126", "127"})
#: Styles whose fraction is left out where it is zero.
_SHORT = frozenset({"126", "127"})
#: Styles with a blank before days and hours of one digit, and what follows the minutes.
_PADDED: Mapping[str, str] = {"0": "%p", "100": "%p", "9": ":%S:%g%p", "109": ":%S:%g%p"}


def unit_of(name: str, refuse: Refuse, at: exp.Expr) -> str:
    """Return the unit that a name or its short form means.

    Raises:
        QueryError: there is no such unit.
    """
    unit = _UNIT_OF.get(name.lower())
    if unit is None:
        raise refuse(f"{name!r} is not a unit of time", at, hint=did_you_mean(name, _UNITS))
    return unit


def styled(
    to: exp.DataType, value: exp.Expr, style: exp.Literal, refuse: Refuse, *, safe: bool = False
) -> exp.Expr:
    """Return what CONVERT has to cast: a text for a text type, a moment for a text value.

    ``safe``: a text that is no moment is NULL.

    Raises:
        QueryError: the style is not known.
    """
    to_text = to.is_type(*exp.DataType.TEXT_TYPES)
    to_moment = to.is_type(*exp.DataType.TEMPORAL_TYPES)
    from_text = value.is_type(*exp.DataType.TEXT_TYPES)
    if not (to_text and _is_moment(value)) and not (to_moment and from_text):
        # Elsewhere T-SQL has no use for these styles either.
        return value
    number = style.name
    if number not in _STYLES and not (to_text and number in _PADDED):
        raise refuse(
            f"the style {number} of CONVERT is not supported",
            style,
            hint="120 is yyyy-mm-dd hh:mi:ss; 101 is mm/dd/yyyy; FORMAT takes any pattern",
        )
    if not to_text and number in _ISO:
        return iso(value)
    if to_text and number in _PADDED:
        return worded(
            "STRFTIME(:a, '%b ') || LPAD(STRFTIME(:a, '%-d'), 2, ' ') || STRFTIME(:a, ' %Y ') || "
            f"LPAD(STRFTIME(:a, '%-I'), 2, ' ') || STRFTIME(:a, ':%M{_PADDED[number]}')",
            value,
            type_="VARCHAR",
        )
    name = "STRFTIME" if to_text else "TRY_STRPTIME" if safe else "STRPTIME"
    pattern = exp.Literal.string(_STYLES[number])
    result = function(name, "VARCHAR" if to_text else "TIMESTAMP", value.copy(), pattern)
    if to_text and number in _SHORT:
        return worded("REGEXP_REPLACE(:a, '\\.000(Z?)$', '\\1')", result, type_="VARCHAR")
    return result


def iso(value: exp.Expr) -> exp.Expr:
    """Return a literal such as '20250131 10:00' as DuckDB reads it; others as they are.

    A whole number is a day, as in T-SQL: 0 is the first of January 1900.
    """
    if isinstance(value, exp.Literal) and value.is_int:
        first = date(1900, 1, 1).toordinal()
        literal = exp.Literal.string(date.fromordinal(first + int(value.name)).isoformat())
        literal.type = exp.DataType.build("VARCHAR")
        return literal
    if not value.is_string or (found := _COMPACT.fullmatch(value.name.strip())) is None:
        return value
    year, month, day, rest = found.groups()
    literal = exp.Literal.string(f"{year}-{month}-{day}{rest}")
    literal.type = value.type
    literal.meta.update(value.meta)
    return literal


def _is_moment(value: exp.Expr) -> bool:
    return value.is_type(*exp.DataType.TEMPORAL_TYPES)


def moment(value: exp.Expr) -> exp.Expr:
    """Return a value as DuckDB's date functions want it: texts become timestamps."""
    value = iso(value)
    if value.is_type(*exp.DataType.TEXT_TYPES):
        return exp.cast(value.copy(), exp.DType.TIMESTAMP)
    return value.copy()


def function(name: str, type_: str, *arguments: exp.Expr) -> exp.Expr:
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
    if number.is_type(*exp.DataType.REAL_TYPES, exp.DType.DECIMAL):
        # A part of a unit does not count.
        number = exp.cast(exp.func("TRUNC", number.copy()), exp.DType.BIGINT)
    step = exp.Interval(this=exp.paren(number.copy(), copy=False), unit=exp.var(name.upper()))
    return _like(
        value,
        exp.Add(this=exp.paren(moment(value), copy=False), expression=step),
        keeps_date=name in _WHOLE_DAYS,
    )


def _datediff(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 3, refuse, at)
    unit, *moments = arguments
    start, end = (exp.cast(iso(value).copy(), exp.DType.TIMESTAMP) for value in moments)
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
    return function("DATE_DIFF", "BIGINT", exp.Literal.string(unit), start, end)


def _week(unit: str, value: exp.Expr) -> exp.Expr:
    """Return the begin of a moment's week; T-SQL's begin on Sunday, ISO's and DuckDB's on Monday.

    A day later, both begin together.
    """
    shift = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    if unit == "week":
        value = exp.Add(this=value, expression=shift.copy())
    monday = function("DATE_TRUNC", "TIMESTAMP", exp.Literal.string("week"), value)
    return exp.Sub(this=monday, expression=shift) if unit == "week" else monday


def _datepart(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 2, refuse, at)
    unit, value = arguments
    return _part(unit.name, moment(value))


def _part(unit: str, value: exp.Expr) -> exp.Expr:
    def part(name: str) -> exp.Expr:
        return function("DATE_PART", "BIGINT", exp.Literal.string(name), value.copy())

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
        return function("STRFTIME", "VARCHAR", moment(value), exp.Literal.string(pattern))
    return exp.cast(_part(unit.name, moment(value)), exp.DType.VARCHAR)


def _datetrunc(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    _expect(arguments, 2, refuse, at)
    unit, value = arguments
    if unit.name == "weekday":
        raise refuse("weekday is not a unit of DATETRUNC", at, hint="use day or week")
    return _truncated(unit.name, value)


def _truncated(unit: str, value: exp.Expr) -> exp.Expr:
    start = moment(value)
    if unit in {"week", "iso_week"}:
        return _like(value, _week(unit, start), keeps_date=True)
    name = "day" if unit == "dayofyear" else unit
    result = function("DATE_TRUNC", "TIMESTAMP", exp.Literal.string(name), start)
    return _like(value, result, keeps_date=True)


def _date_trunc(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """DATE_TRUNC(value, 'MM') as CData has it, DATE_TRUNC('month', value) as DuckDB."""
    _expect(arguments, 2, refuse, at)
    first, second = arguments
    if first.is_string and first.name.lower() in _TRUNCATING:
        return function("DATE_TRUNC", "TIMESTAMP", first.copy(), moment(second))
    unit = _ORACLE.get(second.name.upper()) if second.is_string else None
    if unit is None:
        raise refuse(
            "a unit such as 'month' or 'MM' belongs here",
            second if second.is_string else at,
            hint="DATE_TRUNC(value, 'MM'), or DATETRUNC(month, value)",
        )
    return _truncated(unit, first)


def _date_trunc_2(arguments: Sequence[exp.Expr], refuse: Refuse, at: exp.Expr) -> exp.Expr:
    """DATE_TRUNC2('week', value, 'sunday'): by default a week begins on Monday."""
    if len(arguments) not in {2, 3} or not arguments[0].is_string:
        raise refuse("DATE_TRUNC2 takes a unit, a value and a day of the week", at)
    unit, value = arguments[0].name.lower(), arguments[1]
    day = arguments[2].name.lower() if len(arguments) > 2 else "monday"  # noqa: PLR2004 (the third)
    if unit not in _TRUNCATING:
        raise refuse(f"{unit!r} is not a unit", arguments[0], hint=did_you_mean(unit, _TRUNCATING))
    if day not in {"monday", "sunday"}:
        raise refuse("a week can begin on 'monday' or 'sunday'", arguments[2])
    if unit == "week":
        return _truncated("iso_week" if day == "monday" else "week", value)
    return _truncated(unit, value)


def day_of_week(node: exp.Expr, _: Refuse) -> exp.Expr:
    """DAYOFWEEK: 1 is Sunday, as in CData and everywhere but in DuckDB."""
    return _part("weekday", moment(node.this))


def of_text(node: exp.Expr, _: Refuse) -> exp.Expr:
    """HOUR, QUARTER and their like take a text that is a moment, too."""
    if node.this is not None and node.this.is_type(*exp.DataType.TEXT_TYPES):
        node.set("this", moment(node.this))
    return node


def week_of_year(node: exp.Expr, _: Refuse) -> exp.Expr:
    """WEEK: the first of January is in week 1, and a week begins on Sunday, as in T-SQL."""
    return _part("week", moment(node.this))


BUILDERS: Mapping[str, Builder] = {
    "DATEADD": _dateadd,
    "DATEDIFF": _datediff,
    "DATEDIFF_BIG": _datediff,
    "DATENAME": _datename,
    "DATEPART": _datepart,
    "DATETRUNC": _datetrunc,
    "DATE_TRUNC": _date_trunc,
    "DATE_TRUNC2": _date_trunc_2,
}
