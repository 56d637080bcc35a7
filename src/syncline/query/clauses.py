"""What stands in a clause where it cannot, told at the word. Pure."""

import re

from sqlglot import exp

from syncline.query.dialect import OWN
from syncline.query.pointing import Refuse

_UNGROUPED = re.compile(r'column "(?P<name>[^"]+)" must appear in the GROUP BY clause')


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


def ungrouped(message: str, query: exp.Query) -> exp.Expr | None:
    """Return the column that DuckDB's complaint about GROUP BY names; None: it is another one."""
    found = _UNGROUPED.search(message)
    if found is None:
        return None
    columns = (c for c in query.find_all(exp.Column) if c.name == found["name"])
    return next((c for c in columns if not c.find_ancestor(exp.AggFunc, exp.Group)), None)
