"""What stands in a clause where it cannot, told at the word. Pure."""

import re

from sqlglot import exp

from syncline.query.dialect import OWN
from syncline.query.pointing import Refuse

_UNGROUPED = re.compile(r'column "(?P<name>[^"]+)" must appear in the GROUP BY clause')
_ARGUMENTS = re.compile(r"(?:argument types '|function call \")(?P<name>\w+)\((?P<types>[^)']*)\)")
_MIXED = re.compile(
    r"Cannot mix values of type (?P<one>\w+) and (?P<other>\w+) in (?P<where>COALESCE|CASE)"
)


def check_clauses(query: exp.Query, refuse: Refuse) -> None:
    """Refuse aggregates in WHERE and places in ORDER BY that there are not.

    Raises:
        QueryError: pointing at the first of them.
    """
    for select in query.find_all(exp.Select):
        where = select.args.get("where")
        if where is None:
            continue
        for call in where.find_all(exp.AggFunc):
            if call.parent_select is select and not call.find_ancestor(exp.Window):
                raise refuse(
                    f"{call.sql_name().removeprefix(OWN)} counts over several rows and cannot "
                    "stand in WHERE",
                    call,
                    hint="HAVING filters groups, after GROUP BY",
                )
        if (window := where.find(exp.Window)) is not None and window.parent_select is select:
            raise refuse(
                "window functions cannot stand in WHERE",
                window,
                hint="WITH x AS (SELECT …, ROW_NUMBER() OVER (…) AS n …) SELECT … WHERE n = 1",
            )
    for sorted_ in query.find_all(exp.Query):
        names = [] if sorted_.is_star else sorted_.named_selects
        for item in _items(sorted_) if names else ():
            if (
                isinstance(item, exp.Literal)
                and item.is_int
                and not 0 < int(item.name) <= len(names)
            ):
                raise refuse(
                    f"there is no column {item.name}: the query has {len(names)}",
                    item if "start" in item.meta else sorted_.args["order"],
                )


def _items(query: exp.Query) -> list[exp.Expr]:
    order = query.args.get("order")
    return [o.this for o in order.expressions if isinstance(o, exp.Ordered)] if order else []


def misused(message: str, query: exp.Query) -> tuple[exp.Expr, str] | None:
    """Return the call that DuckDB's complaint about arguments is about, and the complaint.

    None: it is about something else, or about more calls than one.
    """
    if (found := _ARGUMENTS.search(message)) is not None:
        name, types = found["name"].lower(), found["types"].replace("_LITERAL", "")
        calls = [c for c in query.find_all(exp.Func) if _named(c) == name]
        told = f"{name.upper()} does not take ({types})"
    elif (found := _MIXED.search(message)) is not None:
        kind = exp.Coalesce if found["where"] == "COALESCE" else exp.Case
        calls = list(query.find_all(kind))
        told = f"{found['where']} cannot mix {found['one']} and {found['other']}"
    else:
        return None
    return (calls[0], told.replace("_LITERAL", "")) if len(calls) == 1 else None


def _named(call: exp.Func) -> str:
    return (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()


def ungrouped(message: str, query: exp.Query) -> exp.Expr | None:
    """Return the column that DuckDB's complaint about GROUP BY names; None: it is another one."""
    found = _UNGROUPED.search(message)
    if found is None:
        return None
    columns = (c for c in query.find_all(exp.Column) if c.name == found["name"])
    return next((c for c in columns if not c.find_ancestor(exp.AggFunc, exp.Group)), None)
