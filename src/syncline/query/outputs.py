"""What a query puts out: its columns' names, types and what is known of them, and its key. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from syncline.model.table import Table, field_of
from syncline.query.dialect import OWN
from syncline.query.names import TABLE, reference_of
from syncline.query.pointing import Refuse, did_you_mean

#: On a cast that only gives another form to what it casts: different values stay different.
KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The column of a table that an output hands through unchanged."""

    field: pa.Field
    #: An outer join or a grouping may put NULL in its place.
    nullable: bool


def name_outputs(query: exp.Query, refuse: Refuse) -> exp.Query:
    """Give a name to outputs that have none and whose name is obvious, such as count(*).

    Raises:
        QueryError: an output has no obvious name.
    """
    select = first_select(query)
    for selection in list(select.expressions):
        inner = selection.unnest()
        if isinstance(selection, exp.Subquery) and selection.alias:
            continue
        if inner.is_star or isinstance(inner, exp.Alias | exp.Column | exp.Aliases):
            continue
        name = _obvious(inner)
        if name is None:
            raise refuse("this column has no name", selection, hint="give it one: … AS name")
        alias = exp.alias_(selection.copy(), name, quoted=True)
        selection.replace(alias)
    return query


def first_select(query: exp.Query) -> exp.Select:
    """Return the SELECT that names the outputs of a query: of a UNION, the first."""
    node: exp.Expr = query
    while not isinstance(node, exp.Select):
        node = node.this
    return node


def check_outputs(query: exp.Query, refuse: Refuse) -> tuple[str, ...]:
    """Return the names of the outputs.

    Raises:
        QueryError: two of them are the same, without regard to case.
    """
    seen: dict[str, exp.Expr] = {}
    for selection in first_select(query).selects:
        if selection.unalias().unnest().is_star:
            raise refuse("* cannot stand here", selection, hint="list the columns")
        name = selection.output_name
        if name.lower() in seen:
            table = selection.find(exp.Column)
            prefix = f"{table.table}_" if table is not None and table.table else "other_"
            raise refuse(
                f"two columns are called {name!r}",
                selection if selection.find(exp.Literal, exp.Identifier) else None,
                hint=f"rename one of them, for example AS {prefix}{name}; "
                "list the columns instead of * if need be",
            )
        seen[name.lower()] = selection
    return tuple(selection.output_name for selection in seen.values())


def origins(query: exp.Query, tables: Mapping[str, Table]) -> tuple[Origin | None, ...]:
    """Return for each output the table column it hands through, or None."""
    scopes = {id(scope.expression): scope for scope in traverse_scope(query)}
    return tuple(_origins(query, scopes, tables))


def schema_of(
    names: Sequence[str],
    described: Sequence[tuple[str, pa.DataType, str]],
    known: Sequence[Origin | None],
    refuse: Refuse,
) -> pa.Schema:
    """Return the schema of the outputs, of types that every destination has.

    Raises:
        QueryError: an output is a list, a structure or an interval.
    """
    fields = []
    for name, (_, type_, sql_type), origin in zip(names, described, known, strict=True):
        if origin is not None:
            nullable = origin.nullable or origin.field.nullable
            fields.append(origin.field.with_name(name).with_nullable(nullable))
            continue
        plain = _plain(type_, sql_type)
        if plain is None:
            what = "an interval" if pa.types.is_interval(type_) else "a list or a structure"
            raise refuse(
                f"the column {name!r} is {what}, which no table can hold",
                hint="cast it, for example to_json(…) or CAST(… AS VARCHAR)",
            )
        fields.append(field_of(name, plain, json=sql_type == "JSON"))
    return pa.schema(fields)


def key_of(query: exp.Query, table: Table) -> tuple[str, ...]:
    """Return the outputs that are the table's primary key; () if one of its columns is missing."""
    outputs = [output_of(query, name) for name in table.primary_key]
    return tuple(name for name in outputs if name is not None) if all(outputs) else ()


def output_of(query: exp.Query, column: str | None) -> str | None:
    """Return the first output that hands a column of the query's one table through, if any."""
    for selection in first_select(query).selects:
        inner = selection.unalias()
        while inner.meta.get(KEPT):
            inner = inner.this
        if isinstance(inner, exp.Column) and inner.name == column:
            return selection.output_name
    return None


def chosen_key(key: Sequence[str], names: Sequence[str], refuse: Refuse) -> tuple[str, ...]:
    """Return the outputs that a key names, without regard to case.

    Raises:
        QueryError: one of them is no output.
    """
    known = {name.lower(): name for name in names}
    for name in key:
        if name.lower() not in known:
            raise refuse(
                f"the key column {name!r} is not a column of the query",
                hint=did_you_mean(name, names),
            )
    return tuple(dict.fromkeys(known[name.lower()] for name in key))


def _obvious(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Column):
        return node.this.name
    if not isinstance(node, exp.Func | exp.Window):
        return None
    function = node.this if isinstance(node, exp.Window) else node
    if isinstance(function, exp.Anonymous):
        name = function.name.removeprefix(OWN)
    else:
        name = function.sql_name() if isinstance(function, exp.Func) else ""
    arguments = [a for a in function.iter_expressions() if isinstance(a, exp.Expr)]
    if isinstance(function, exp.Case | exp.Connector) or not name:
        return None
    columns = []
    for argument in arguments:
        inner = argument.unnest()
        if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
            inner = inner.expressions[0]
        if isinstance(inner, exp.Column):
            columns.append(inner.name)
        elif not isinstance(inner, exp.Star | exp.Literal | exp.Var | exp.DataType):
            return None
    return "_".join([name.lower(), *columns])


def _origins(
    query: exp.Expr, scopes: Mapping[int, Scope], tables: Mapping[str, Table]
) -> Iterator[Origin | None]:
    if isinstance(query, exp.Subquery):
        yield from _origins(query.this, scopes, tables)
    elif isinstance(query, exp.SetOperation):
        left = list(_origins(query.this, scopes, tables))
        right = list(_origins(query.expression, scopes, tables))
        for one, other in zip(left, right, strict=False):
            yield _common(one, other)
    elif isinstance(query, exp.Select):
        nullable = _null_supplied(query)
        group = query.args.get("group")
        several = group is not None and any(
            group.args.get(kind) for kind in ("rollup", "cube", "grouping_sets")
        )
        for selection in query.selects:
            column = selection.unalias()
            if not isinstance(column, exp.Column):
                yield None
                continue
            origin = _origin(column, scopes.get(id(query)), scopes, tables)
            if origin and (several or column.table in nullable):
                origin = Origin(field=origin.field, nullable=True)
            yield origin


def _origin(
    column: exp.Column,
    scope: Scope | None,
    scopes: Mapping[int, Scope],
    tables: Mapping[str, Table],
) -> Origin | None:
    if reference_of(column) is not None:
        field = tables[column.meta[TABLE]].schema.field(column.name)
        return Origin(field=field, nullable=bool(field.nullable))
    source = scope.sources.get(column.table) if scope is not None else None
    if not isinstance(source, Scope) or not isinstance(source.expression, exp.Query):
        return None
    if source.expression.find_ancestor(exp.With) and _is_recursive(source.expression):
        return None
    outputs = [name.lower() for name in source.expression.named_selects]
    found = list(_origins(source.expression, scopes, tables))
    if column.name.lower() not in outputs or len(found) != len(outputs):
        return None
    return found[outputs.index(column.name.lower())]


def _is_recursive(query: exp.Expr) -> bool:
    with_ = query.find_ancestor(exp.With)
    return bool(with_ and with_.args.get("recursive"))


def _common(one: Origin | None, other: Origin | None) -> Origin | None:
    """Return what is known of a column of a UNION: what both sides agree on."""
    if one is None or other is None or one.field.type != other.field.type:
        return None
    nullable = one.nullable or other.nullable
    if one.field.metadata == other.field.metadata:
        return Origin(field=one.field, nullable=nullable)
    return Origin(field=pa.field(one.field.name, one.field.type), nullable=nullable)


def _null_supplied(select: exp.Select) -> frozenset[str]:
    """Return the aliases whose columns an outer join may fill with NULL."""
    from_ = select.args.get("from_")
    before = {from_.this.alias_or_name} if from_ else set()
    nullable: set[str] = set()
    for join in select.args.get("joins") or []:
        if join.side in {"LEFT", "FULL"}:
            nullable.add(join.this.alias_or_name)
        if join.side in {"RIGHT", "FULL"}:
            nullable |= before
        before.add(join.this.alias_or_name)
    return frozenset(nullable)


def _plain(type_: pa.DataType, sql_type: str) -> pa.DataType | None:
    if sql_type in {"HUGEINT", "UHUGEINT"}:
        # What SUM makes of whole numbers; as in SQL Server, one that does not fit is an error.
        return pa.int64()
    if pa.types.is_null(type_) or pa.types.is_dictionary(type_):
        return pa.string()
    if pa.types.is_timestamp(type_):
        return pa.timestamp("us", tz="UTC" if type_.tz else None)
    if pa.types.is_time(type_):
        return pa.time64("us")
    if pa.types.is_nested(type_) or pa.types.is_interval(type_):
        return None
    return type_
