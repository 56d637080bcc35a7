"""Whether what is asked of the API narrows what it answers: filters, and changes since."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncline.control.trial.findings import Finding, counted, ok, unknown, wrong
from syncline.control.trial.reading import Sample, Tried, explained, keys_of, sampled
from syncline.errors import PermissionRefused, TransientError
from syncline.model.table import Operator, Predicate, Scan, Table, Value
from syncline.profile.schema import ApiTable, ColumnFilter, Incremental

Row = Mapping[str, Any]
_PAGES = 2
_BOUNDS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.LT: lambda cell, value: cell < value,
    Operator.LE: lambda cell, value: cell <= value,
    Operator.GT: lambda cell, value: cell > value,
    Operator.GE: lambda cell, value: cell >= value,
}


async def filters_tried(
    source: Tried, scan: Scan, api: ApiTable, rows: Sequence[Row]
) -> list[Finding]:
    """Return what became of every comparison that the profile says the API can answer.

    ``scan``: reads the whole table as far as the trial does; ``rows``: what it has read.
    """
    found: list[Finding] = []
    only = sorted(scan.table.filter_only)
    if only:
        why = f"no record shows what to compare with: {', '.join(only)}"
        found.append(unknown("filters", why))
    for column, filters in api.filters.items():
        if column in scan.table.filter_only or column not in scan.table.schema.names:
            continue
        every = filters if isinstance(filters, tuple) else (filters,)
        hows = [(each, operator) for each in every for operator in each.operators]
        found += [await _filter(source, scan, column, how, rows) for how in hows]
    return found


async def changes_tried(
    source: Tried, scan: Scan, incremental: Incremental, rows: Sequence[Row]
) -> list[Finding]:
    """Return whether the cursor column moves, and its parameter leaves out older rows."""
    column = incremental.column
    cells = [row[column] for row in rows if row[column] is not None]
    found = []
    if len(cells) < len(rows):
        why = f"{column} is null in {counted(len(rows) - len(cells), 'row')}: who finds those?"
        found.append(unknown("changes", why))
    values = sorted(set(cells))
    if not values:
        return [*found, unknown("changes", f"no row has a {column}")]
    if len(values) == 1:
        found.append(unknown("changes", f"{column} is {_shown(values[0])} in every row read"))
    else:
        why = f"{column} moves, from {_shown(values[0])} to {_shown(values[-1])}"
        found.append(ok("changes", why))
    value = values[len(values) // 2]
    since = source.cursor_at(_seconds(value, incremental) + incremental.overlap)
    answer = await sampled(source, scan, pages=_PAGES, since=since)
    early = _earlier(value, incremental)
    asked = _Asked(
        about="changes",
        said=f"{incremental.parameter} of {_shown(value)}",
        matches=lambda row: row[column] is not None and row[column] > value,
        near=lambda row: row[column] is None or row[column] >= early,
        exact=True,
    )
    return [*found, _judged(asked, answer, scan.table, rows)]


async def _filter(
    source: Tried,
    scan: Scan,
    column: str,
    how: tuple[ColumnFilter, Operator],
    rows: Sequence[Row],
) -> Finding:
    given, operator = how
    about = f"filter {column} {operator}"
    cells = [row[column] for row in rows if row[column] is not None]
    if not cells:
        return unknown(about, "no row read has a value of it")
    values = _chosen(operator, cells)
    predicate = Predicate(column=column, operator=operator, values=tuple(map(_plain, values)))
    names = [n for n in scan.columns if n in scan.table.primary_key or n == column]
    narrowed = replace(
        scan, columns=tuple(names or [column]), predicates=(*scan.predicates, predicate)
    )
    answer = await sampled(source, narrowed, pages=_PAGES)

    def matches(row: Row) -> bool:
        return _holds(operator, row[column], values)

    def near(row: Row) -> bool:
        return matches(row) or (not given.exact and _near(operator, row[column], values, given))

    said = f"{given.parameter} of {', '.join(map(_shown, values))}"
    asked = _Asked(about=about, said=said, matches=matches, near=near, exact=given.exact)
    return _judged(asked, answer, scan.table, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for."""

    about: str
    said: str
    matches: Callable[[Row], bool]
    #: Rows that may come although they do not match, and those that match.
    near: Callable[[Row], bool]
    exact: bool


def _judged(asked: _Asked, answer: Sample, table: Table, rows: Sequence[Row]) -> Finding:
    """Return what an answer shows; ``rows``: some of those that the table has."""
    about, said = asked.about, asked.said
    if answer.error is not None:
        passing = isinstance(answer.error, TransientError | PermissionRefused)
        return (unknown if passing else wrong)(about, explained(answer.error))
    others = [row for row in rows if not asked.near(row)]
    strange = [row for row in answer.rows if not asked.near(row)]
    lost = _lost(table, [row for row in rows if asked.matches(row)], answer)
    complaint = None
    if lost is not None:
        complaint = f"{said} leaves out a row that matches: {lost}"
    elif strange and _all_there(table, others, answer):
        complaint = f"{said} changes nothing: rows that do not match come all the same"
    elif strange and asked.exact:
        count = counted(len(strange), "row")
        complaint = f"{said} brings {count} of {answer.count} that do not match"
    if complaint is not None:
        return wrong(about, complaint)
    if not others:
        return unknown(about, f"every row read matches {said}, so nothing shows that it filters")
    return ok(about, f"{said}: {counted(len(answer.rows), 'row')}, and none that should not be")


def _lost(table: Table, wanted: Sequence[Row], answer: Sample) -> str | None:
    """Return a row that should be in a whole answer, and is not; None if none is missing."""
    if not answer.ended or answer.rejects:
        return None
    if not table.primary_key:
        return None if answer.rows or not wanted else "there are none at all"
    there = set(keys_of(table, answer.rows))
    for key in keys_of(table, wanted):
        if key not in there:
            return ", ".join(f"{n} {v}" for n, v in zip(table.primary_key, key, strict=True))
    return None


def _all_there(table: Table, others: Sequence[Row], answer: Sample) -> bool:
    if not table.primary_key:
        return answer.count >= len(others)
    there = set(keys_of(table, answer.rows))
    every = set(keys_of(table, others))
    return every <= there if answer.ended else len(every & there) * 2 > min(len(every), len(there))


def _chosen(operator: Operator, cells: Sequence[Any]) -> list[Any]:
    """Return values with which some rows match and others do not, as far as there are any."""
    counts = Counter(cells)
    rare = sorted(counts, key=lambda v: (counts[v], str(v)))
    if operator is Operator.IN:
        return rare[:2]
    if operator is Operator.NE:
        return rare[-1:]
    if operator is Operator.EQ:
        return rare[:1]
    ordered = sorted(counts)
    return [ordered[len(ordered) // 2]]


def _holds(operator: Operator, cell: Any, values: Sequence[Any]) -> bool:
    if cell is None:
        return False
    if operator is Operator.NE:
        return bool(cell != values[0])
    if operator in {Operator.EQ, Operator.IN}:
        return cell in values
    return _BOUNDS[operator](cell, values[0])


def _near(operator: Operator, cell: Any, values: Sequence[Any], given: ColumnFilter) -> bool:
    """Say whether a row is within what an inexact bound may bring."""
    bound = values[0]
    if cell is None or operator not in _BOUNDS or not isinstance(bound, date):
        return False
    wider = timedelta(seconds=max(given.widen, 1))
    if not isinstance(bound, datetime):
        wider = max(wider, timedelta(days=1))
    return bool(bound - wider <= cell <= bound + wider)


def _plain(value: Any) -> Value:
    match value:
        case bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat(sep=" ")
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _shown(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(_plain(value))


def _seconds(value: Any, incremental: Incremental) -> float:
    match value:
        case datetime():
            return value.timestamp()
        case date():
            return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
        case _:
            return float(value) / (1000 if incremental.format == "epoch_ms" else 1)


def _earlier(value: Any, incremental: Incremental) -> Any:
    """Return the earliest value that may come when changes since ``value`` are asked for."""
    match value:
        case datetime():
            by = timedelta(days=1) if incremental.format == "date" else timedelta(seconds=1)
            return value - by
        case date():
            return value - timedelta(days=1)
        case _:
            return value - (1000 if incremental.format == "epoch_ms" else 1)
