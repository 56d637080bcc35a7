"""Every table, column and star of a query resolved to the source's own names, with types."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from syncline.model.table import Table
from syncline.query.dialect import Written
from syncline.query.pointing import Refuse, did_you_mean
from syncline.query.qualifiers import unqualify

#: Notes kept on nodes. A table and the columns that belong to it share a REFERENCE, one per
#: occurrence of the table in the query; TABLE is the table's own name.
REFERENCE, TABLE = "reference", "table"
_WRITTEN = "written"


def resolve(query: exp.Query, tables: Mapping[str, Table], refuse: Refuse) -> exp.Query:
    """Return the query with canonical names, every column qualified, stars expanded, types known.

    Raises:
        QueryError: a table or column is unknown or ambiguous.
    """
    query = _recursive(_fold(unqualify(query, tables, refuse)), tables)
    _mark_tables(query, tables, refuse)
    used = {node.meta[TABLE] for node in query.find_all(exp.Table) if TABLE in node.meta}
    schema = _schema([tables[name] for name in sorted(used)])
    _check_stars(query, refuse)
    try:
        query = qualify_tables(query, dialect=Written)
        query = qualify_columns(query, schema, allow_partial_qualification=True, dialect=Written)
        _restore(query, tables, refuse)
        # Types are looked up by folded names, which only tables have by now.
        return _typed(query, schema)
    except SqlglotError as error:
        raise refuse(str(error).splitlines()[0]) from error


def reference_of(node: exp.Expr) -> int | None:
    """Return which occurrence of a table a table or column node belongs to, if any."""
    reference = node.meta.get(REFERENCE)
    return reference if isinstance(reference, int) else None


def _fold(query: exp.Query) -> exp.Query:
    """Write all names in lower case, and remember how they were written."""
    for identifier in query.find_all(exp.Identifier):
        identifier.meta[_WRITTEN] = identifier.name
        identifier.set("this", identifier.name.lower())
    return query


def _recursive(query: exp.Query, tables: Mapping[str, Table]) -> exp.Query:
    """Mark a WITH whose query reads itself, as T-SQL has no word for it."""
    known = {name.lower() for name in tables}
    for with_ in query.find_all(exp.With):
        for part in with_.expressions:
            name = part.alias
            if name not in known and any(t.name == name for t in part.this.find_all(exp.Table)):
                with_.set("recursive", True)
    return query


def _written(identifier: exp.Expr | None) -> str | None:
    written = identifier.meta.get(_WRITTEN) if identifier is not None else None
    return written if isinstance(written, str) else None


def _scopes(query: exp.Query, refuse: Refuse) -> list[Scope]:
    try:
        return list(traverse_scope(query))
    except SqlglotError as error:
        message = str(error).splitlines()[0]
        name = message.removeprefix("Alias already used: ")
        if name == message:
            raise refuse(message) from error
        same = [t for t in query.find_all(exp.Table, exp.Subquery) if t.alias_or_name == name]
        raise refuse(
            f"two tables of the query are called {name!r}",
            same[1] if len(same) == 2 else None,  # noqa: PLR2004 (the first and the second)
            hint="give each an alias of its own",
        ) from error


def _mark_tables(query: exp.Query, tables: Mapping[str, Table], refuse: Refuse) -> None:
    by_folded: dict[str, list[str]] = {}
    for name in tables:
        by_folded.setdefault(name.lower(), []).append(name)
    seen: dict[int, exp.Table] = {}
    for scope in _scopes(query, refuse):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                seen.setdefault(id(source), source)
    for reference, node in enumerate(seen.values()):
        written = _written(node.this) or node.name
        names = by_folded.get(node.name, [])
        if not names:
            raise refuse(f"there is no table {written!r}", node, hint=did_you_mean(written, tables))
        if len(names) > 1:
            raise refuse(f"{written!r} may be {' or '.join(sorted(names))}", node)
        node.meta[REFERENCE], node.meta[TABLE] = reference, names[0]


def _schema(tables: list[Table]) -> MappingSchema:
    return MappingSchema(
        schema={
            t.name.lower(): {f.name.lower(): sql_type(f.type) for f in t.schema} for t in tables
        },
        visible={
            t.name.lower(): [n.lower() for n in t.schema.names if n not in t.filter_only]
            for t in tables
        },
        dialect=Written,
        normalize=False,
    )


def sql_type(type_: pa.DataType) -> exp.DataType:
    """Return the type that sqlglot reckons with for an Arrow type; unknown if there is none."""
    for is_type, kind in (
        (pa.types.is_boolean, exp.DType.BOOLEAN),
        (pa.types.is_integer, exp.DType.BIGINT),
        (pa.types.is_floating, exp.DType.DOUBLE),
        (pa.types.is_date, exp.DType.DATE),
        (pa.types.is_time, exp.DType.TIME),
        (pa.types.is_binary, exp.DType.BINARY),
    ):
        if is_type(type_):
            return exp.DataType(this=kind)
    if pa.types.is_decimal(type_):
        return exp.DataType.build(f"DECIMAL({type_.precision}, {type_.scale})")
    if pa.types.is_timestamp(type_):
        return exp.DataType(this=exp.DType.TIMESTAMPTZ if type_.tz else exp.DType.TIMESTAMP)
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return exp.DataType(this=exp.DType.VARCHAR)
    return exp.DataType(this=exp.DType.UNKNOWN)


def _check_stars(query: exp.Query, refuse: Refuse) -> None:
    """Refuse ``x.*`` where nothing is called x."""
    for scope in _scopes(query, refuse):
        if not isinstance(scope.expression, exp.Select):
            continue
        for selection in scope.expression.selects:
            if isinstance(selection, exp.Column) and isinstance(selection.this, exp.Star):
                if selection.table and selection.table not in scope.sources:
                    raise _no_alias(selection, scope, refuse)
                if not selection.table and not scope.sources:
                    raise refuse("* needs a table", selection)


def _no_alias(column: exp.Column, scope: Scope, refuse: Refuse) -> Exception:
    identifier = column.args.get("table")
    written = _written(identifier) or column.table
    known = [str(name) for name in scope.selected_sources]
    return refuse(
        f"no table of the query is called {written!r}",
        identifier,
        hint=did_you_mean(written, known),
    )


def _restore(query: exp.Query, tables: Mapping[str, Table], refuse: Refuse) -> None:
    """Check every column, give it its canonical name, and mark what it belongs to."""
    as_written = {
        identifier.name: written
        for identifier in query.find_all(exp.Identifier)
        if (written := _written(identifier))
        and isinstance(identifier.parent, exp.Alias | exp.TableAlias)
    }
    for scope in _scopes(query, refuse):
        for column in scope.columns:
            if isinstance(scope.expression, exp.SetOperation) and not column.table:
                _restore_sorted(column, scope.expression, refuse)
            else:
                _restore_column(column, scope, tables, refuse)
        if isinstance(scope.expression, exp.Select):
            for selection in scope.expression.selects:
                _restore_output(selection, as_written)
            _restore_order(scope.expression)


def _restore_column(
    column: exp.Column, scope: Scope, tables: Mapping[str, Table], refuse: Refuse
) -> None:
    if isinstance(column.this, exp.Star):
        return
    if not column.table:
        raise _unresolved(column, scope, tables, refuse)
    source = scope.sources.get(column.table)
    if source is None:
        # A parent scope may know it: it sees the columns its subqueries took from outside.
        if not (scope.can_be_correlated and scope.parent):
            raise _no_alias(column, scope, refuse)
        return
    names = {name.lower(): name for name in _columns_of(source, tables)}
    name = names.get(column.name.lower())
    if name is None and names:
        written = _written(column.this) or column.name
        raise refuse(
            f"{_written(column.args['table']) or column.table} has no column {written!r}",
            column.this,
            hint=did_you_mean(written, names.values()),
        )
    if name is not None:
        column.this.set("this", name)
    if isinstance(source, exp.Table):
        column.meta[REFERENCE] = source.meta[REFERENCE]
        column.meta[TABLE] = source.meta[TABLE]


def _restore_sorted(column: exp.Column, query: exp.SetOperation, refuse: Refuse) -> None:
    """Check a column by which a UNION is sorted: it is one of the outputs."""
    names = {name.lower(): name for name in query.named_selects}
    if column.name.lower() not in names:
        written = _written(column.this) or column.name
        raise refuse(
            f"the query has no column {written!r} to sort by",
            column,
            hint=did_you_mean(written, names.values()),
        )
    column.this.set("this", names[column.name.lower()])


def _unresolved(
    column: exp.Column, scope: Scope, tables: Mapping[str, Table], refuse: Refuse
) -> Exception:
    written = _written(column.this) or column.name
    sources: dict[str, list[str]] = {}
    reach: Scope | None = scope
    while reach is not None:
        for alias in reach.selected_sources:
            sources.setdefault(str(alias), _columns_of(reach.sources[alias], tables))
        reach = reach.parent if reach.can_be_correlated else None
    owners = [
        alias
        for alias, names in sources.items()
        if column.name.lower() in {name.lower() for name in names}
    ]
    if len(owners) > 1:
        return refuse(
            f"the column {written!r} is ambiguous: {' and '.join(owners)} have it",
            column,
            hint=f"write {owners[0]}.{written}",
        )
    known = dict.fromkeys(name for names in sources.values() for name in names)
    where = f" in {' or '.join(sources)}" if sources else ""
    hint = did_you_mean(written, known)
    if column.this.args.get("quoted") and not column.table:
        hint += "; text values stand in 'single quotes'"
    return refuse(f"there is no column {written!r}{where}", column, hint=hint)


def _columns_of(source: exp.Table | Scope, tables: Mapping[str, Table]) -> list[str]:
    if isinstance(source, exp.Table):
        return list(tables[source.meta[TABLE]].schema.names)
    expression = source.expression
    if isinstance(expression, exp.Lateral):
        expression = expression.this
    if isinstance(expression, exp.Query):
        return list(expression.named_selects)
    alias = expression.args.get("alias")
    return [c.name for c in alias.columns] if isinstance(alias, exp.TableAlias) else []


def _restore_output(selection: exp.Expr, as_written: Mapping[str, str]) -> None:
    """Name an output as it was written, or else as the column it is."""
    if not isinstance(selection, exp.Alias):
        return
    identifier = selection.args["alias"]
    column = next(iter(_plain_columns(selection.this)), None)
    if written := _written(identifier):
        name = written
    elif column is not None and column.name.lower() == identifier.name:
        name = column.name
    else:
        name = as_written.get(identifier.name, identifier.name)
    identifier.set("this", name)


def _restore_order(select: exp.Select) -> None:
    """Sort by outputs under the names they have."""
    order = select.args.get("order")
    names = {name.lower(): name for name in select.named_selects}
    for column in order.find_all(exp.Column) if order else ():
        if not column.table and column.name in names:
            column.this.set("this", names[column.name])


def _plain_columns(expression: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns an output stands for: itself, or those that USING has merged."""
    parts = [expression]
    if isinstance(expression, exp.Coalesce):
        parts = [expression.this, *expression.expressions]
    return (part for part in parts if isinstance(part, exp.Column))


def _typed(query: exp.Query, schema: MappingSchema) -> exp.Query:
    """Annotate types; columns are looked up folded, so show them folded for a moment."""
    columns = [c for c in query.find_all(exp.Column) if isinstance(c.this, exp.Identifier)]
    names = [c.name for c in columns]
    aliases = [a.args["alias"] for a in query.find_all(exp.Alias)]
    alias_names = [a.name for a in aliases]
    for identifier in (*(c.this for c in columns), *aliases):
        identifier.set("this", identifier.name.lower())
    query = annotate_types(query, schema=schema, dialect=Written)
    for column, name in zip(columns, names, strict=True):
        column.this.set("this", name)
    for alias, name in zip(aliases, alias_names, strict=True):
        alias.set("this", name)
    return query
