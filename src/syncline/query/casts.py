"""What T-SQL's CAST and CONVERT mean, in DuckDB's words."""

from collections.abc import Mapping
from typing import cast

from sqlglot import exp

from syncline.errors import QueryError
from syncline.query import engine
from syncline.query.pointing import Refuse, did_you_mean
from syncline.query.temporal import iso, styled
from syncline.query.wordings import worded

#: T-SQL type -> the type that holds it here. FLOAT is double precision in T-SQL.
_TYPES: Mapping[exp.DType, exp.DType] = {
    exp.DType.BIT: exp.DType.BOOLEAN,
    exp.DType.FLOAT: exp.DType.DOUBLE,
    exp.DType.DATETIME: exp.DType.TIMESTAMP,
    exp.DType.DATETIME2: exp.DType.TIMESTAMP,
    exp.DType.SMALLDATETIME: exp.DType.TIMESTAMP,
    exp.DType.UTINYINT: exp.DType.SMALLINT,
}
#: Types whose size T-SQL implies.
_SIZED: Mapping[exp.DType, str] = {
    exp.DType.MONEY: "DECIMAL(19, 4)",
    exp.DType.SMALLMONEY: "DECIMAL(10, 4)",
    exp.DType.DECIMAL: "DECIMAL(18, 0)",
}
_MOMENTS = frozenset(
    {
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPTZ,
        exp.DType.TIME,
        exp.DType.DATETIME,
        exp.DType.DATETIME2,
        exp.DType.SMALLDATETIME,
    }
)
#: Types that are written without a size here.
_PLAIN = frozenset({*exp.DataType.INTEGER_TYPES, *_TYPES, *_MOMENTS})
_FRACTIONS = {*exp.DataType.REAL_TYPES, exp.DType.DOUBLE, exp.DType.DECIMAL, exp.DType.FLOAT}
#: Types of others that neither DuckDB nor a destination has.
_UNKNOWN = frozenset(
    {
        exp.DType.GEOGRAPHY,
        exp.DType.GEOMETRY,
        exp.DType.IMAGE,
        exp.DType.ROWVERSION,
        exp.DType.USERDEFINED,
        exp.DType.VARIANT,
        exp.DType.XML,
    }
)
_KNOWN = (
    "BIT", "TINYINT", "SMALLINT", "INT", "BIGINT", "DECIMAL", "NUMERIC", "MONEY", "FLOAT", "REAL",
    "DATE", "TIME", "DATETIME", "DATETIME2", "DATETIMEOFFSET", "CHAR", "VARCHAR", "NVARCHAR",
    "VARBINARY", "UNIQUEIDENTIFIER",
)  # fmt: skip
_STYLED_HASHES = frozenset({"1", "2"})
#: Digits behind the second -> the unit a moment is rounded to, and half of it.
_ROUNDED: Mapping[str, tuple[str, str]] = {
    "0": ("second", "500 MILLISECOND"),
    "3": ("millisecond", "500 MICROSECOND"),
}
_ODD = frozenset("1245")


def convert(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """CONVERT(type, value, style): a cast, or a date, hash or amount written in a style."""
    to, value, style = node.this, node.expression, node.args.get("style")
    if not isinstance(to, exp.DataType) or value is None:
        raise refuse("CONVERT takes a type and a value", node, hint="CONVERT(type, value, style)")
    safe = bool(node.args.get("safe"))
    kind: type[exp.Cast] = exp.TryCast if safe else exp.Cast
    if style is not None and not (isinstance(style, exp.Literal) and not style.is_string):
        raise refuse("the style of CONVERT must be a number", style)
    if style is not None:
        value = _styled(to, value, style, refuse, safe=safe)
    cast_node = kind(this=value.copy(), to=to.copy())
    cast_node.type = to.copy()
    return cast_(cast_node, refuse)


def _styled(
    to: exp.DataType, value: exp.Expr, style: exp.Literal, refuse: Refuse, *, safe: bool
) -> exp.Expr:
    to_text = to.is_type(*exp.DataType.TEXT_TYPES)
    if isinstance(value, exp.MD5 | exp.SHA | exp.SHA2) and style.name in _STYLED_HASHES:
        before = "'0x' || " if style.name == "1" else ""
        return worded(f"{before}UPPER(:a)", value, type_="VARCHAR")
    if to_text and style.name == "1" and value.is_type("DECIMAL(19, 4)"):
        return worded("FORMAT('{:,.2f}', ROUND(CAST(:a AS DOUBLE), 2))", value, type_="VARCHAR")
    return styled(to, value, style, refuse, safe=safe)


def cast_(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """CAST and TRY_CAST. Raises `QueryError` for types that there are not."""
    node = cast("exp.Cast", node)
    to: exp.DataType = node.to
    kind = to.this
    if isinstance(node, exp.JSONCast) or not isinstance(kind, exp.DType):
        return node
    if kind in _UNKNOWN:
        name = str(to.args.get("kind") or to.sql("tsql"))
        raise refuse(
            f"there is no type {name}",
            node,
            hint=did_you_mean(name, _KNOWN, listing=False) or f"there are: {', '.join(_KNOWN)}",
        )
    size = next((p.name for p in to.expressions), "")
    if kind in exp.DataType.TEXT_TYPES:
        text = _retyped(node, exp.DataType.build("TEXT", dialect="duckdb"))
        # DuckDB takes VARCHAR(10) and keeps every character; T-SQL keeps ten.
        return exp.Left(this=text, expression=exp.Literal.number(size)) if size.isdigit() else text
    if kind in {exp.DType.VARBINARY, exp.DType.BINARY}:
        return _retyped(node, exp.DataType(this=exp.DType.VARBINARY))
    value: exp.Expr = node.this
    if kind in exp.DataType.INTEGER_TYPES and kind != exp.DType.BIT:
        _set_whole(node, value, kind)
    if kind in _MOMENTS or kind == exp.DType.DATE:
        value = iso(value)
        _check_moment(node, value, refuse)
        node.set("this", value.copy())
    if kind == exp.DType.TIME and value.is_type(exp.DType.TIMESTAMPTZ):
        node.set("this", exp.cast(value.copy(), exp.DType.TIMESTAMP))
    if kind in _SIZED and not (kind == exp.DType.DECIMAL and to.expressions):
        return _retyped(node, exp.DataType.build(_SIZED[kind]))
    if kind in _PLAIN:
        plain = _retyped(node, exp.DataType(this=_TYPES.get(kind, kind)))
        return _rounded(plain, kind, size, refuse) if kind in _MOMENTS else plain
    return node


def _check_moment(node: exp.Cast, value: exp.Expr, refuse: Refuse) -> None:
    """Refuse a literal that is no date or time, before anything is read."""
    if isinstance(node, exp.TryCast) or not value.is_string:
        return
    kind = "TIME" if node.to.is_type(exp.DType.TIME) else "TIMESTAMPTZ"
    text = exp.Literal.string(value.name).sql("duckdb")
    try:
        engine.constant(f"CAST(CAST({text} AS {kind}) AS VARCHAR)")
    except QueryError:
        what = "a time" if kind == "TIME" else "a date"
        raise refuse(
            f"{text} is not {what}",
            value,
            hint="write '13:45:00'"
            if kind == "TIME"
            else "write '2025-01-31', or say how it is written: CONVERT(date, '01/31/2025', 101)",
        ) from None


def _set_whole(node: exp.Cast, value: exp.Expr, kind: exp.DType) -> None:
    """See to what is cast to a whole number: fractions are cut off, and refused in texts."""
    if value.is_type(*_FRACTIONS):
        # DuckDB rounds to whole numbers, T-SQL cuts off.
        value = exp.func("TRUNC", value.copy())
    elif value.is_type(*exp.DataType.TEXT_TYPES):
        value = worded(
            "CASE WHEN CONTAINS(:a, '.') THEN 'not a whole number: ' || :a ELSE :a END", value
        )
    if kind == exp.DType.UTINYINT:
        # 0 to 255; what is kept is a type that every destination has.
        value = type(node)(this=value.copy(), to=exp.DataType(this=exp.DType.UTINYINT))
    node.set("this", value.copy())


def _rounded(node: exp.Cast, kind: exp.DType, size: str, refuse: Refuse) -> exp.Expr:
    """Round a moment to the digits that its type keeps, as T-SQL does."""
    unit, half = _ROUNDED.get(size, ("", ""))
    if kind == exp.DType.SMALLDATETIME:
        unit, half = "minute", "30 SECOND"
    elif size in _ODD:
        raise refuse(
            f"moments of {size} digits are not supported", node, hint="use 0, 3 or 6 digits"
        )
    if not unit:
        return node
    begun = "DATE '1970-01-01' + :a" if kind == exp.DType.TIME else ":a"
    rounded = worded(f"DATE_TRUNC('{unit}', {begun} + INTERVAL {half})", node)
    result = type(node)(this=rounded, to=node.to.copy())
    result.type = node.to.copy()
    return result


def _retyped(node: exp.Cast, to: exp.DataType) -> exp.Cast:
    result = type(node)(this=node.this.copy(), to=to)
    result.type = to.copy()
    return result
