"""Names before a table's own, as in ``[Connection].[Schema].[Table]``. Pure."""

from collections.abc import Iterable, Mapping

from sqlglot import exp

from syncline.model.table import Table
from syncline.query.pointing import Refuse, did_you_mean

#: What CData's drivers and our own system tables call the catalog and the schema of an API.
_USUAL = ("API", "CData", "REST", "Source", "Syncline")
_PARTS = ("db", "catalog")


def unqualify(query: exp.Query, tables: Mapping[str, Table], refuse: Refuse) -> exp.Query:
    """Return the query with every table and column without the names of its source.

    A source has one catalog with one schema: the names lead nowhere else.

    Raises:
        QueryError: a name is not one of the source's; or leaves open which table is meant.
    """
    own = dict.fromkeys(name for table in tables.values() for name in table.qualifiers)
    known = {name.lower() for name in (*own, *_USUAL)}
    for node in [*query.find_all(exp.Table), *query.find_all(exp.Column)]:
        if not any(node.args.get(part) for part in _PARTS):
            continue
        if isinstance(node, exp.Table):
            _check_table(node, query, refuse)
        for part in _PARTS:
            identifier = node.args.get(part)
            # Between two dots, the schema may be left out.
            if isinstance(identifier, exp.Identifier) and identifier.name.lower() not in known:
                raise _unknown(node, identifier, own, tables, refuse)
            node.set(part, None)
    return query


def _check_table(node: exp.Table, query: exp.Query, refuse: Refuse) -> None:
    for query_of_with in query.find_all(exp.CTE):
        inside = any(ancestor is query_of_with for ancestor in _above(node))
        if query_of_with.alias.lower() == node.name.lower() and not inside:
            raise refuse(
                f"{node.name} is a table of the source and a name of WITH",
                node,
                hint="give the query in WITH another name",
            )


def _above(node: exp.Expr) -> Iterable[exp.Expr]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _unknown(
    node: exp.Expr,
    identifier: exp.Expr,
    own: Iterable[str],
    tables: Mapping[str, Table],
    refuse: Refuse,
) -> Exception:
    name = identifier.name
    if isinstance(node, exp.Column):
        return refuse(
            f"[{name}] is not a name of the source",
            identifier,
            hint=_near(name, own) or "write alias.column, or the column alone",
        )
    written = {table.lower(): table for table in tables}
    alone = written.get(node.name.lower(), node.name)
    return refuse(
        f"[{name}] is not a name of the source",
        identifier,
        hint=_near(name, own) or f"write [{alone}] alone",
    )


def _near(name: str, own: Iterable[str]) -> str:
    return did_you_mean(name, [*own, *_USUAL], listing=False)
