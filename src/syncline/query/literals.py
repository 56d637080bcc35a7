"""Literals compared with columns, turned into values of the column's type. Pure."""

import re
from datetime import UTC, date, datetime, time

from sqlglot import exp

from syncline.errors import QueryError
from syncline.model.table import Value
from syncline.query import engine
from syncline.query.functions import as_written
from syncline.query.pointing import Refuse

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_TRUE = frozenset({"true", "1", "yes", "t", "y", "on"})
_FALSE = frozenset({"false", "0", "no", "f", "n", "off"})
_WHOLE = re.compile(r"[+-]?\d+")
_NUMBERS = exp.DataType.NUMERIC_TYPES
_INSTANTS = frozenset({exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ})
_MOMENTS = frozenset({exp.DType.TIMESTAMP, exp.DType.DATETIME, exp.DType.DATETIME2})


def coerce(query: exp.Query, refuse: Refuse) -> exp.Query:
    """Return a typed query in which constants compared with columns have the column's type.

    Dates and times become casts of ISO text, instants in UTC.

    Raises:
        QueryError: a text is not a value of the column's type.
    """
    for node in list(query.walk()):
        if isinstance(node, _COMPARISONS):
            node.set("expression", _coerced(node.left, node.right, refuse))
            node.set("this", _coerced(node.right, node.left, refuse))
        elif isinstance(node, exp.Between):
            for bound in ("low", "high"):
                node.set(bound, _coerced(node.this, node.args[bound], refuse))
        elif isinstance(node, exp.In) and node.expressions:
            # At once: there may be thousands, and replacing one of them looks at all.
            node.set("expressions", [_coerced(node.this, n, refuse) for n in node.expressions])
    return query


def value_of(node: exp.Expr) -> Value | None:
    """Return the value of a constant as `coerce` leaves it; None: it is not one."""
    node = node.unnest()
    match node:
        case exp.Boolean():
            return bool(node.this)
        case exp.Literal(is_string=True):
            return str(node.this)
        case exp.Literal():
            return _number(str(node.this))
        case exp.Neg():
            inner = value_of(node.this)
            return -inner if isinstance(inner, int | float) else None
        case exp.Cast(this=exp.Literal(is_string=True)) if node.to.is_type(
            exp.DType.DATE, exp.DType.TIME, *_INSTANTS, *_MOMENTS
        ):
            return str(node.this.this)
        case _:
            return None


def is_constant(node: exp.Expr) -> bool:
    """Say whether a node has the same value for every row and at every time."""
    moving = (
        exp.Column,
        exp.Query,
        exp.AggFunc,
        exp.Window,
        exp.CurrentTimestamp,
        exp.CurrentDate,
        exp.CurrentTime,
        exp.CurrentDatetime,
        exp.Rand,
        exp.Uuid,
    )
    return not any(
        isinstance(part, moving)
        or (isinstance(part, exp.Anonymous) and part.name.lower() in engine.MOVING)
        for part in node.walk()
    )


def _coerced(column: exp.Expr, node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """Return what stands beside a column, in the column's type if it is a constant."""
    column = column.unnest()
    if not isinstance(column, exp.Column) or column.type is None:
        return node
    if isinstance(node.unnest(), exp.Null) or not is_constant(node):
        return node
    new = _typed(node, column.type, refuse)
    if new is None:
        return node
    new.meta.update(node.meta)
    new.type = column.type.copy()
    return new


def _typed(node: exp.Expr, type_: exp.DataType, refuse: Refuse) -> exp.Expr | None:
    """Return the constant as the type wants it; None: leave it as it is."""
    kind = type_.this
    known = {exp.DType.BOOLEAN, exp.DType.DATE, exp.DType.TIME, *_INSTANTS, *_MOMENTS, *_NUMBERS}
    if kind not in known:
        return None
    value = value_of(node) if not isinstance(node.unnest(), exp.Cast) else None
    if value is None:
        value = _computed(node, kind)
        if value is None:
            return None
    try:
        return _node(value, kind)
    except ValueError as error:
        article = "an" if type_.sql()[0] in "AEIOU" else "a"
        raise refuse(
            f"{as_written(node)} is not {article} {_WORDS.get(kind, 'number')}",
            node,
            hint=_HINTS.get(kind, "write a number, without quotes"),
        ) from error


_WORDS = {
    exp.DType.BOOLEAN: "boolean",
    exp.DType.DATE: "date",
    exp.DType.TIME: "time",
    **dict.fromkeys((*_INSTANTS, *_MOMENTS), "date and time"),
}
_HINTS = {
    exp.DType.BOOLEAN: "write 'true' or 'false'",
    exp.DType.DATE: "write '2025-01-31'",
    exp.DType.TIME: "write '13:45:00'",
    **dict.fromkeys((*_INSTANTS, *_MOMENTS), "write '2025-01-31 13:45:00'"),
}


def _computed(node: exp.Expr, kind: exp.DType) -> Value | None:
    """Return what a constant expression comes to, as text; None if DuckDB cannot say."""
    sql = node.sql(dialect="duckdb")
    if kind in _INSTANTS:
        sql = f"CAST({sql} AS TIMESTAMPTZ)"
    try:
        found = engine.constant(f"CAST({sql} AS VARCHAR)")
    except QueryError:
        return None
    return found if isinstance(found, str) else None


def _node(value: Value, kind: exp.DType) -> exp.Expr | None:
    """Return a value as a node of a type; None: DuckDB may say what it thinks of it."""
    text = str(value).strip()
    if kind == exp.DType.BOOLEAN:
        if text.lower() not in _TRUE | _FALSE:
            raise ValueError(text)
        return exp.Boolean(this=text.lower() in _TRUE)
    if kind in _NUMBERS:
        if isinstance(value, bool):
            return None
        # The text itself, not the float it would be: decimals keep all their digits.
        return exp.convert(_number(text)) if _WHOLE.fullmatch(text) else _decimal(text)
    return _temporal(text, kind) if isinstance(value, str) else None


def _decimal(text: str) -> exp.Expr:
    _number(text)
    return exp.Literal.number(text)


def _temporal(text: str, kind: exp.DType) -> exp.Expr:
    if kind == exp.DType.TIME:
        iso = time.fromisoformat(text).isoformat()
        return exp.cast(exp.Literal.string(iso), exp.DType.TIME)
    moment = _moment(text)
    iso = moment.isoformat()
    if kind in _INSTANTS:
        return exp.cast(exp.Literal.string(f"{iso}Z"), exp.DType.TIMESTAMPTZ)
    if kind == exp.DType.DATE and moment.time() == time():
        return exp.cast(exp.Literal.string(moment.date().isoformat()), exp.DType.DATE)
    return exp.cast(exp.Literal.string(iso), exp.DType.TIMESTAMP)


def _moment(text: str) -> datetime:
    """Return a date or date and time in UTC, without time zone."""
    # '+00' without minutes is how DuckDB writes UTC.
    text = re.sub(r"(\d)([+-]\d\d)$", r"\1\2:00", text) if ":" in text else text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        year, month, day = (int(part) for part in re.split(r"[-/]", text))
        moment = datetime.combine(date(year, month, day), time())
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _number(text: str) -> int | float:
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 (NaN only)
        raise ValueError(text)
    return number
