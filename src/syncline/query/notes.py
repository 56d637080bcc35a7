"""Why a query can or cannot run row by row, and what is asked of the source, in words. Pure."""

from collections.abc import Iterable, Sequence

from sqlglot import exp

from syncline.model.table import Misses, Predicate, Scan
from syncline.query.functions import WHOLE
from syncline.query.pushdown import Pushed, lasting

#: The one obstacle that does not need all rows at once.
LIMITED = "it wants only some of the rows (TOP, LIMIT or OFFSET)"
MOVING = "it asks for the time or for a random value"
AGGREGATES = "it computes over several rows (COUNT, SUM and the like)"
SYSTEM = "it reads a system table"
_EVERY_TIME = "everything is read every time"
#: How the note begins that a later run reads less than the first.
CHANGES = "after the first time only changed rows are read"


def obstacles(query: exp.Query, pushed: Iterable[Pushed]) -> tuple[str, ...]:
    """Return why the form of a query needs more than one row at a time; () if it does not."""
    found: list[str] = []
    if isinstance(query, exp.SetOperation):
        found.append("it puts queries together (UNION and the like)")
    items = list(pushed)
    if query.find(exp.Join, exp.Lateral) or query.find(exp.Unnest):
        found.append("it joins tables")
    elif isinstance(query, exp.Subquery) or (
        not isinstance(query, exp.SetOperation) and len(list(query.find_all(exp.Select))) > 1
    ):
        found.append("it has a query inside")
    for kinds, reason in (
        ((exp.AggFunc,), AGGREGATES),
        ((exp.Window,), "it has a window function (OVER)"),
        ((exp.Group,), "it groups rows"),
        ((exp.Having, exp.Qualify), "it filters groups or windows"),
        ((exp.Limit, exp.Fetch, exp.Offset), LIMITED),
        (
            (
                exp.CurrentTimestamp,
                exp.CurrentDate,
                exp.CurrentTime,
                exp.CurrentDatetime,
                exp.Rand,
                exp.Uuid,
            ),
            MOVING,
        ),
    ):
        if query.find(*kinds):
            found.append(reason)
    if any(node.args.get("distinct") for node in query.find_all(exp.Select)):
        found.append("it drops repeated rows (DISTINCT)")
    if any(node.args.get("order") for node in query.find_all(exp.Query)):
        found.append("it sorts")
    if any(item.table.name.lower().startswith("sys_") for item in items):
        found.append(SYSTEM)
    return tuple(dict.fromkeys(found))


def notes_of(
    query: exp.Query,
    scans: Sequence[Scan],
    pushed: Sequence[Pushed],
    reasons: Sequence[str],
    *,
    own_key: bool,
) -> tuple[str, ...]:
    """Say what is asked of the source, what is not, and whether changes alone can be read.

    ``own_key``: rows are told apart by other columns than the table's primary key.
    """
    result = [_scanned(scan) for scan in scans]
    for item in pushed:
        result += [
            f"{item.table.name}: {text} is checked here, because the source does not answer it"
            for text in dict.fromkeys(item.unanswered)
        ]
        result += [
            f"{item.table.name}: {text} is checked here, because it is too long for a request"
            for text in dict.fromkeys(item.long)
        ]
    result += [
        f"{scan.table.name}: its pages are counted, so a row may be missed where others are "
        "deleted while they are read; it comes when it changes, or with the next full read"
        for scan in scans
        if scan.table.misses is Misses.GONE
    ]
    result.append(_incremental(scans, reasons))
    if not reasons and scans[0].table.cursor_column is not None:
        result += _unnoticed(scans[0])
        if own_key:
            result.append(
                "a row whose key changes leaves its old copy until a full refresh, because the "
                f"key is not the primary key of {scans[0].table.name}"
            )
    if any(WHOLE in division.meta for division in query.find_all(exp.IntDiv)):
        result.append("/ between whole numbers drops the remainder, as in T-SQL")
    return tuple(result)


def _unnoticed(scan: Scan) -> Iterable[str]:
    """Say which rows stay in the target although they left the query's filter."""
    for predicate in lasting(scan.table, scan.predicates):
        if predicate.column not in scan.table.primary_key:
            yield (
                f"a row that stops to match {_predicate(predicate)} stays until a full refresh, "
                "because the source always applies it"
            )


def _scanned(scan: Scan) -> str:
    asked = " and ".join(_predicate(predicate) for predicate in scan.predicates)
    some = f", the first {scan.limit} rows" if scan.limit is not None else ""
    if asked:
        return f"{scan.table.name}: the source is asked for {asked}{some}"
    return f"{scan.table.name}: the source is asked for {some[2:] or 'all rows'}"


def _predicate(predicate: Predicate) -> str:
    values = ", ".join(
        str(value).lower() if isinstance(value, bool) else str(value) for value in predicate.values
    )
    if predicate.operator == "in":
        return f"{predicate.column} in ({values})"
    return f"{predicate.column} {predicate.operator} {values}"


def _incremental(scans: Sequence[Scan], reasons: Sequence[str]) -> str:
    if reasons:
        return f"{_EVERY_TIME}, because {' and '.join(dict.fromkeys(reasons))}"
    table = scans[0].table
    if table.cursor_column is None:
        return f"{_EVERY_TIME}, because no column of {table.name} says when a row changed"
    return f"{CHANGES}, by {table.cursor_column}"
