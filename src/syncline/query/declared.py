"""Outputs of a query given the names and types that a REPLICATE statement declares. Pure."""

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError

from syncline.model.job import DeclaredColumn
from syncline.model.table import description_of, field_of
from syncline.query.dialect import Written
from syncline.query.outputs import KEPT, first_select
from syncline.query.pointing import Refuse, did_you_mean

_QUERY = "_syncline_query"
_ONE_BY_ONE = ("distinct", "order", "limit", "offset")


def declare(
    query: exp.Query, columns: Sequence[DeclaredColumn], refuse: Refuse, *, starred: bool
) -> exp.Query:
    """Return a typed query whose outputs are the declared columns, in their order and types.

    ``starred``: the query asks for all columns, of which only the declared are wanted.

    Raises:
        QueryError: the query has no such output, or one that is not declared; a type is unknown.
    """
    if not columns:
        return query
    if not isinstance(query, exp.Select) or any(query.args.get(a) for a in _ONE_BY_ONE):
        query = _wrapped(query)
    outputs = {s.output_name.lower(): s for s in query.selects}
    chosen = []
    for column in columns:
        output = outputs.pop(column.name.lower(), None)
        if output is None:
            raise refuse(
                f"REPLICATE declares the column {column.name}, which the query does not have",
                hint=did_you_mean(column.name, [s.output_name for s in query.selects]),
            )
        chosen.append(_output(output, column, refuse))
    if outputs and not starred:
        extra = next(iter(outputs.values()))
        raise refuse(
            f"REPLICATE does not declare the column {extra.output_name} of the query",
            hint="declare it with its type, or leave it out of the query",
        )
    query.set("expressions", chosen)
    return query


def _wrapped(query: exp.Query) -> exp.Select:
    """Return the query inside another, so that types do not change what it sorts or compares."""
    wrapped = exp.Select(expressions=[]).from_(query.subquery(_QUERY, copy=False), copy=False)
    for selection in first_select(query).selects:
        column = exp.column(selection.output_name, table=_QUERY, quoted=True)
        column.type = selection.type
        wrapped.append("expressions", exp.alias_(column, selection.output_name, quoted=True))
    return wrapped


def _output(output: exp.Expr, column: DeclaredColumn, refuse: Refuse) -> exp.Expr:
    value = output.unalias().copy()
    to = type_of(column, refuse)
    if to.is_type(*exp.DataType.TEXT_TYPES):
        # How long it may be is told to the target: a text that is longer is not cut.
        to = exp.DataType.build("TEXT")
    if not _is_already(value, to):
        cast = exp.Cast(this=value, to=to)
        cast.type = to.copy()
        cast.meta[KEPT] = _is_kept(value, to)
        value = cast
    return exp.alias_(value, column.name, quoted=True)


def _is_already(value: exp.Expr, to: exp.DataType) -> bool:
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return value.is_type(*exp.DataType.TEXT_TYPES)
    same = {
        exp.DType.BIT: exp.DType.BOOLEAN,
        exp.DType.FLOAT: exp.DType.DOUBLE,
    }
    plain = not to.expressions
    return plain and value.type is not None and value.type.this == same.get(to.this, to.this)


def _is_kept(value: exp.Expr, to: exp.DataType) -> bool:
    whole = value.is_type(*exp.DataType.INTEGER_TYPES) and not to.is_type(exp.DType.BIT)
    if to.is_type(*exp.DataType.TEXT_TYPES):
        return whole
    return whole and to.is_type(*exp.DataType.INTEGER_TYPES)


def type_of(column: DeclaredColumn, refuse: Refuse) -> exp.DataType:
    """Return the type that a column is declared with. Raises `QueryError` if there is none."""
    try:
        written = Written().parse(f"SELECT CAST(x AS {column.type})")[0]
    except SqlglotError:
        written = None
    found = written.expressions[0] if isinstance(written, exp.Select) else None
    if not isinstance(found, exp.Cast):
        raise refuse(f"{column.name} {column.type}: this is no type", hint="for example int")
    return found.to


def declared_schema(
    schema: pa.Schema, columns: Sequence[DeclaredColumn], refuse: Refuse
) -> pa.Schema:
    """Return the schema of declared outputs: texts are as long as they are declared to be."""
    fields = []
    for field, column in zip(schema, columns, strict=True):
        to = type_of(column, refuse)
        if not to.is_type(*exp.DataType.TEXT_TYPES):
            fields.append(field)
            continue
        size = next((p.name for p in to.expressions), "")
        fields.append(
            field_of(
                field.name,
                field.type,
                nullable=field.nullable,
                description=description_of(field),
                size=int(size) if size.isdigit() else None,
            )
        )
    return pa.schema(fields)
