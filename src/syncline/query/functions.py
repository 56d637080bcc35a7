"""What T-SQL and CData functions, casts and operators mean in DuckDB's words."""

from collections.abc import Callable, Mapping
from typing import cast

import sqlglot
from sqlglot import exp

from syncline.query import temporal
from syncline.query.dialect import OWN, Written
from syncline.query.pointing import Refuse, did_you_mean

#: DuckDB's wording of functions it does not have, by name and number of arguments (-1: any).
_WORDINGS: Mapping[tuple[str, int], str] = {
    ("CHAR", 1): "CHR(:a)",
    ("CURDATE", 0): "CURRENT_DATE",
    ("FROM_UNIXTIME", 1): "TO_TIMESTAMP(:a)",
    ("GETUTCDATE", 0): "CURRENT_TIMESTAMP",
    ("IIF", 3): "CASE WHEN :a THEN :b ELSE :c END",
    ("ISDATE", 1): "CASE WHEN TRY_CAST(:a AS TIMESTAMP) IS NULL THEN 0 ELSE 1 END",
    ("ISJSON", 1): "CASE WHEN JSON_VALID(:a) THEN 1 ELSE 0 END",
    ("ISNUMERIC", 1): "CASE WHEN TRY_CAST(:a AS DOUBLE) IS NULL THEN 0 ELSE 1 END",
    ("LEN", 1): "LENGTH(RTRIM(CAST(:a AS TEXT), ' '))",
    ("NCHAR", 1): "CHR(:a)",
    ("QUOTENAME", 1): "'[' || REPLACE(:a, ']', ']]') || ']'",
    ("SPACE", 1): "REPEAT(' ', :a)",
    ("STDEVP", 1): "STDDEV_POP(:a)",
    ("STR", 1): "LPAD(CAST(CAST(ROUND(:a, 0) AS BIGINT) AS TEXT), 10, ' ')",
    ("STUFF", 4): "LEFT(:a, :b - 1) || :d || SUBSTRING(:a, :b + :c)",
    ("SYSUTCDATETIME", 0): "CURRENT_TIMESTAMP",
    ("VAR", 1): "VAR_SAMP(:a)",
    ("VARP", 1): "VAR_POP(:a)",
}
_PLACES = "abcd"
#: Kept on a division of whole numbers.
WHOLE = "whole"
_TEXT_RESULTS = frozenset({"CHAR", "NCHAR", "QUOTENAME", "SPACE", "STR", "STUFF"})

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
#: Types that are written without a size here.
_PLAIN = frozenset(
    {
        *exp.DataType.INTEGER_TYPES,
        *_TYPES,
        exp.DType.TIMESTAMPTZ,
        exp.DType.TIME,
        exp.DType.TIMESTAMP,
    }
)
_FRACTIONS = {*exp.DataType.REAL_TYPES, exp.DType.DOUBLE, exp.DType.DECIMAL, exp.DType.FLOAT}


def name_units(query: exp.Query, refuse: Refuse) -> exp.Query:
    """Turn the unit of DATEADD and its like into a text, before it is taken for a column."""
    for call in list(query.find_all(exp.Anonymous)):
        if call.name.upper() in temporal.WITH_UNIT and call.expressions:
            first = call.expressions[0]
            if isinstance(first, exp.Column | exp.Var | exp.Literal):
                unit = temporal.unit_of(first.name, refuse, first)
                first.replace(exp.Literal.string(unit))
            else:
                raise refuse("a unit such as day or month belongs here", first)
    return query


def translate(query: exp.Query, refuse: Refuse) -> exp.Query:
    """Return a typed query in nodes that mean in DuckDB what they mean in T-SQL.

    Raises:
        QueryError: there is no such function, or not with these arguments.
    """
    # Innermost first, so that each node sees its arguments translated and typed.
    for node in reversed(list(query.walk())):
        translation = _TRANSLATIONS.get(type(node))
        if translation is None or node.parent is None:
            continue
        new = translation(node, refuse)
        if new is not node:
            if new.type is None:
                new.type = node.type
            new.meta.update({k: v for k, v in node.meta.items() if k not in new.meta})
            node.replace(new)
    return query


def is_text(node: exp.Expr) -> bool:
    """Say whether a typed node is known to be a text."""
    return node.is_type(*exp.DataType.TEXT_TYPES)


def is_integer(node: exp.Expr) -> bool:
    """Say whether a typed node is known to be a whole number."""
    return node.is_type(*exp.DataType.INTEGER_TYPES)


def _wording(text: str, *arguments: exp.Expr) -> exp.Expr:
    template = sqlglot.parse_one(text, dialect="duckdb")
    return exp.replace_placeholders(
        template,
        **{
            place: exp.paren(argument.copy(), copy=False)
            if isinstance(argument, exp.Binary | exp.Connector)
            else argument.copy()
            for place, argument in zip(_PLACES, arguments, strict=False)
        },
    )


def _call(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    node = cast("exp.Anonymous", node)
    name = node.name.upper().removeprefix(OWN)
    arguments = list(node.expressions)
    if name in temporal.BUILDERS:
        return temporal.BUILDERS[name](arguments, refuse, node)
    if name == "CHOOSE" and len(arguments) > 1:
        index, *choices = arguments
        case = exp.Case(this=index.copy())
        for number, choice in enumerate(choices, 1):
            case = case.when(exp.Literal.number(number), choice.copy(), copy=False)
        case.type = choices[0].type
        return case
    wording = _WORDINGS.get((name, len(arguments)))
    if wording is None:
        known = {place for place, _ in _WORDINGS} & {name}
        if known or node.name.upper().startswith(OWN):
            raise refuse(f"{name} does not take {len(arguments)} arguments", node)
        return node
    result = _wording(wording, *arguments)
    if name in _TEXT_RESULTS:
        result.type = exp.DataType.build("VARCHAR")
    return result


def _convert(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """CONVERT(type, value, style): a cast, or a date written or read in a style."""
    to, value, style = node.this, node.expression, node.args.get("style")
    if not isinstance(to, exp.DataType) or value is None:
        raise refuse("CONVERT takes a type and a value", node, hint="CONVERT(type, value, style)")
    kind: type[exp.Cast] = exp.TryCast if node.args.get("safe") else exp.Cast
    if style is not None and not (isinstance(style, exp.Literal) and not style.is_string):
        raise refuse("the style of CONVERT must be a number", style)
    if style is not None and style.name != "0":
        value = temporal.styled(to, value, style, refuse)
    cast_node = kind(this=value.copy(), to=to.copy())
    cast_node.type = to.copy()
    return _cast(cast_node, refuse)


def _cast(node: exp.Expr, _: Refuse) -> exp.Expr:
    node = cast("exp.Cast", node)
    to: exp.DataType = node.to
    kind = to.this
    if isinstance(node, exp.JSONCast) or not isinstance(kind, exp.DType):
        return node
    if kind in exp.DataType.TEXT_TYPES:
        size = next((p.name for p in to.expressions), "")
        text = _retyped(node, exp.DataType.build("TEXT", dialect="duckdb"))
        # DuckDB takes VARCHAR(10) and keeps every character; T-SQL keeps ten.
        return exp.Left(this=text, expression=exp.Literal.number(size)) if size.isdigit() else text
    value: exp.Expr = node.this
    if kind in exp.DataType.INTEGER_TYPES and value.is_type(*_FRACTIONS):
        # DuckDB rounds to whole numbers, T-SQL cuts off.
        node.set("this", exp.func("TRUNC", value.copy()))
    if kind == exp.DType.TIME and value.is_type(exp.DType.TIMESTAMPTZ):
        node.set("this", exp.cast(value.copy(), exp.DType.TIMESTAMP))
    if kind in _SIZED and not (kind == exp.DType.DECIMAL and to.expressions):
        return _retyped(node, exp.DataType.build(_SIZED[kind]))
    if kind in _PLAIN:
        return _retyped(node, exp.DataType(this=_TYPES.get(kind, kind)))
    return node


def _retyped(node: exp.Cast, to: exp.DataType) -> exp.Cast:
    result = type(node)(this=node.this.copy(), to=to)
    result.type = to.copy()
    return result


def _add(node: exp.Expr, _: Refuse) -> exp.Expr:
    """``+`` between texts puts them together; NULL if one is NULL, as in T-SQL."""
    node = cast("exp.Add", node)
    if not (is_text(node.left) or is_text(node.right)):
        return node
    result = exp.DPipe(this=node.left.copy(), expression=node.right.copy())
    result.type = exp.DataType.build("VARCHAR")
    return result


def _divide(node: exp.Expr, _: Refuse) -> exp.Expr:
    """Whole numbers are divided as T-SQL divides them, without a remainder."""
    node = cast("exp.Div", node)
    operands = {"this": node.left.copy(), "expression": node.right.copy()}
    if is_integer(node.left) and is_integer(node.right):
        whole = exp.IntDiv(**operands)
        whole.type = exp.DataType.build("BIGINT")
        whole.meta[WHOLE] = True
        return whole
    return exp.Div(**operands, typed=False, safe=False)


def _now(_: exp.Expr, __: Refuse) -> exp.Expr:
    return exp.CurrentTimestamp()


def _national(node: exp.Expr, _: Refuse) -> exp.Expr:
    literal = exp.Literal.string(node.name)
    literal.type = exp.DataType.build("VARCHAR")
    return literal


def _apply(node: exp.Expr, _: Refuse) -> exp.Expr:
    """CROSS APPLY and OUTER APPLY are lateral joins without a condition of their own."""
    join = cast("exp.Join", node)
    lateral = join.this
    if not isinstance(lateral, exp.Lateral) or lateral.args.get("cross_apply") is None:
        return node
    crossing = lateral.args["cross_apply"]
    lateral.set("cross_apply", None)
    if crossing:
        return exp.Join(this=lateral.copy(), kind="CROSS")
    return exp.Join(this=lateral.copy(), side="LEFT", on=exp.true())


def _contains(node: exp.Expr, _: Refuse) -> exp.Expr:
    return exp.func("CONTAINS", node.this.copy(), node.expression.copy())


_TRANSLATIONS: Mapping[type[exp.Expr], Callable[[exp.Expr, Refuse], exp.Expr]] = {
    exp.Anonymous: _call,
    exp.Convert: _convert,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Add: _add,
    exp.Div: _divide,
    exp.CurrentTimestampLTZ: _now,
    exp.National: _national,
    exp.Glob: _contains,
    exp.Join: _apply,
}


def check_calls(query: exp.Query, known: Callable[[], frozenset[str]], refuse: Refuse) -> None:
    """Refuse functions that DuckDB does not have; ``known`` is asked only if the query calls any.

    Raises:
        QueryError: pointing at the first of them.
    """
    for call in query.find_all(exp.Anonymous):
        if call.name.lower() not in known():
            names = (name for name in known() if name.isidentifier())
            raise refuse(
                f"there is no function {call.name.removeprefix(OWN)}",
                call,
                hint=did_you_mean(call.name, names, listing=False)
                or "functions of T-SQL and DuckDB can be used",
            )


def as_written(node: exp.Expr) -> str:
    """Return a node in the user's own SQL, on one line."""
    return node.sql(dialect=Written)
