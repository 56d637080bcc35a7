"""What T-SQL and CData functions, casts and operators mean in DuckDB's words."""

import re
from collections.abc import Callable, Mapping
from typing import cast

from sqlglot import exp

from syncline.query import casts, collations, formats, temporal, texts, zones
from syncline.query.dialect import OWN, Written
from syncline.query.pointing import Refuse, did_you_mean
from syncline.query.wordings import REFUSED, TYPES, WORDINGS, worded

#: What builds functions whose words depend on their arguments.
_BUILDERS: Mapping[str, temporal.Builder] = {
    **temporal.BUILDERS,
    **formats.BUILDERS,
    **texts.BUILDERS,
}
_NUMBER = re.compile(r"\s*\d+(\.\d+)?\s*")
#: Kept on a division of whole numbers.
WHOLE = "whole"


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
        _infer(node)
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


def _infer(node: exp.Expr) -> None:
    """Give arithmetic the type of its operands, where they have only just got theirs."""
    if node.type is not None and not node.is_type(exp.DType.UNKNOWN):
        return
    if isinstance(node, exp.Paren | exp.Neg):
        node.type = node.this.type
    elif isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Mod) and (
        is_integer(node.left) and is_integer(node.right)
    ):
        node.type = exp.DataType.build("BIGINT")


def is_text(node: exp.Expr) -> bool:
    """Say whether a typed node is known to be a text."""
    return node.is_type(*exp.DataType.TEXT_TYPES)


def is_integer(node: exp.Expr) -> bool:
    """Say whether a typed node is known to be a whole number."""
    return node.is_type(*exp.DataType.INTEGER_TYPES)


def _call(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    node = cast("exp.Anonymous", node)
    name = node.name.upper().removeprefix(OWN)
    arguments = list(node.expressions)
    if name in _BUILDERS:
        return _BUILDERS[name](arguments, refuse, node)
    if name == "CHOOSE" and len(arguments) > 1:
        index, *choices = arguments
        case = exp.Case(this=index.copy())
        for number, choice in enumerate(choices, 1):
            case = case.when(exp.Literal.number(number), choice.copy(), copy=False)
        case.type = choices[0].type
        return case
    wording = WORDINGS.get((name, len(arguments)))
    if wording is None:
        if name in {known for known, _ in WORDINGS}:
            raise refuse(f"{name} does not take {len(arguments)} arguments", node)
        return node
    result = worded(wording, *arguments, type_=TYPES.get(name, ""))
    if name == "NEGATE":
        result.type = arguments[0].type
    return result


def _add(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """``+`` between texts puts them together; NULL if one is NULL, as in T-SQL."""
    node = cast("exp.Add", node)
    if not (is_text(node.left) or is_text(node.right)):
        return _days(node, refuse)
    for number, text in ((node.left, node.right), (node.right, node.left)):
        if number.is_type(*exp.DataType.NUMERIC_TYPES):
            return _added(node, text, refuse)
        if number.is_type(*exp.DataType.TEMPORAL_TYPES):
            raise refuse(
                "a date and a text cannot be added",
                node,
                hint="CONCAT(a, b) puts them together; DATEADD(day, 1, value) adds",
            )
    result = exp.DPipe(this=node.left.copy(), expression=node.right.copy())
    result.type = exp.DataType.build("VARCHAR")
    return result


def _added(node: exp.Add, text: exp.Expr, refuse: Refuse) -> exp.Expr:
    """Return the sum of a number and a text that is one, as in T-SQL."""
    if not (text.is_string and _NUMBER.fullmatch(text.name)):
        raise refuse(
            "a number and a text cannot be added",
            node,
            hint="CONCAT(a, b) puts them together; CAST(… AS INT) makes a number of a text",
        )
    literal = exp.Literal.number(text.name.strip())
    text.replace(literal)
    node.type = exp.DataType.build("BIGINT" if literal.is_int else "DOUBLE")
    return node


def _days(node: exp.Expr, _: Refuse) -> exp.Expr:
    """A number beside a date and time is one of days."""
    node = cast("exp.Binary", node)
    moment, number = node.left, node.right
    if not (_is_moment(moment) and is_integer(number)):
        return node
    step = exp.Interval(this=exp.paren(number.copy(), copy=False), unit=exp.var("DAY"))
    result = type(node)(this=moment.copy(), expression=step)
    result.type = moment.type
    return result


def _is_moment(node: exp.Expr) -> bool:
    node = node.unnest()
    kinds = (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.DATETIME)
    return isinstance(node, exp.CurrentTimestamp) or node.is_type(*kinds)


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


def _is_null(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    """ISNULL(value, other): the other is turned into the value's type."""
    if not node.args.get("is_null"):
        return node
    if len(node.expressions) != 1:
        raise refuse("ISNULL takes a value and what stands for NULL", node, hint="or: x IS NULL")
    value, other = node.this.copy(), node.expressions[0].copy()
    if is_text(value) and not is_text(other) and not isinstance(other, exp.Null):
        other = exp.cast(other, exp.DType.TEXT)
    return exp.Coalesce(this=value, expressions=[other])


def _round(node: exp.Expr, _: Refuse) -> exp.Expr:
    """ROUND(number, digits, 1) cuts off."""
    how = node.args.get("truncate")
    if how is None:
        return node
    return worded(
        "CASE WHEN :c = 0 THEN ROUND(:a, :b) ELSE TRUNC(:a, :b) END",
        node.this, node.args["decimals"], how,
    )  # fmt: skip


def _position(node: exp.Expr, _: Refuse) -> exp.Expr:
    """CHARINDEX(part, text, start): places count from 1, and so does the start."""
    if node.this.is_type(*exp.DataType.NUMERIC_TYPES):
        node.set("this", exp.cast(node.this.copy(), exp.DType.TEXT))
    start = node.args.get("position")
    if start is None:
        return node
    return worded(
        "CASE STRPOS(SUBSTRING(:a, GREATEST(:c, 1)), :b) WHEN 0 THEN 0 "
        "ELSE STRPOS(SUBSTRING(:a, GREATEST(:c, 1)), :b) + GREATEST(:c, 1) - 1 END",
        node.this, node.args["substr"], start, type_="BIGINT",
    )  # fmt: skip


def _hashed(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    length = node.args.get("length")
    if length is not None and length.name not in {"0", "256"}:
        raise refuse(f"SHA2_{length.name} is not supported", node, hint="use MD5, SHA1 or SHA2_256")
    return node


def _random(node: exp.Expr, refuse: Refuse) -> exp.Expr:
    if node.this is not None:
        raise refuse("RAND takes no seed", node, hint="write RAND()")
    return node


def _contains(node: exp.Expr, _: Refuse) -> exp.Expr:
    return exp.func("CONTAINS", node.this.copy(), node.expression.copy())


_TRANSLATIONS: Mapping[type[exp.Expr], Callable[[exp.Expr, Refuse], exp.Expr]] = {
    exp.Anonymous: _call,
    exp.AtTimeZone: zones.at_zone,
    exp.Collate: collations.collated,
    exp.Convert: casts.convert,
    exp.Cast: casts.cast_,
    exp.TryCast: casts.cast_,
    exp.Add: _add,
    exp.Sub: _days,
    exp.Div: _divide,
    exp.Coalesce: _is_null,
    exp.CurrentTimestampLTZ: _now,
    exp.DayOfWeek: temporal.day_of_week,
    exp.Week: temporal.week_of_year,
    **dict.fromkeys(
        (
            exp.Hour,
            exp.Minute,
            exp.Second,
            exp.Quarter,
            exp.LastDay,
            exp.DayOfMonth,
            exp.DayOfYear,
        ),
        temporal.of_text,
    ),
    exp.Left: texts.cut,
    exp.Right: texts.cut,
    exp.Substring: texts.substring,
    exp.StrPosition: _position,
    exp.Like: texts.like,
    exp.National: _national,
    exp.Glob: _contains,
    exp.Join: _apply,
    exp.Rand: _random,
    exp.Round: _round,
    exp.SHA2: _hashed,
}


def check_calls(query: exp.Query, known: Callable[[], frozenset[str]], refuse: Refuse) -> None:
    """Refuse functions that DuckDB does not have; ``known`` is asked only if the query calls any.

    Raises:
        QueryError: pointing at the first of them.
    """
    for call in query.find_all(exp.Anonymous):
        if call.name.lower() not in known():
            name = call.name.removeprefix(OWN)
            names = {n.upper() for n in known() if n.isidentifier()} | {n for n, _ in WORDINGS}
            raise refuse(
                f"there is no function {name}",
                call,
                hint=REFUSED.get(name.upper())
                or did_you_mean(name, {*names, *_BUILDERS}, listing=False)
                or "functions of T-SQL and DuckDB can be used",
            )


def as_written(node: exp.Expr) -> str:
    """Return a node in the user's own SQL, on one line."""
    return node.sql(dialect=Written)
