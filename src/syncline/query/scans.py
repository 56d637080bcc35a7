"""The scans of a query: what is read of which table, each table as seldom as possible. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from syncline.model.table import Predicate, Scan, Table
from syncline.query.names import reference_of
from syncline.query.pushdown import Pushed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One scan, and the name under which the query reads its rows."""

    scan: Scan
    relation: str
    #: Occurrences of the table in the query that read this scan.
    references: frozenset[int]


def readings(
    query: exp.Query, pushed: Mapping[int, Pushed], *, row_by_row: bool
) -> tuple[Reading, ...]:
    """Return the scans of a query, and let its tables refer to them by their relations.

    Occurrences of a table that ask for the same rows, or for a part of what another asks for,
    share one scan. ``row_by_row``: the query is to be kept up to date from changed rows, so
    their key and cursor column are read too.
    """
    groups: list[tuple[Table, frozenset[Predicate], set[int]]] = []
    # The widest first, so that narrower ones find it.
    for reference, item in sorted(pushed.items(), key=lambda i: (len(i[1].predicates), i[0])):
        asked = frozenset(item.predicates)
        for table, wide, members in groups:
            if table.name == item.table.name and wide <= asked and _same_answers(item, wide):
                members.add(reference)
                break
        else:
            groups.append((item.table, asked, {reference}))
    groups.sort(key=lambda group: min(group[2]))
    taken = {alias.lower() for alias in _names(query)}
    found = []
    for table, asked, members in groups:
        relation = _free(table.name, taken)
        taken.add(relation.lower())
        # In the order in which they were written.
        predicates = tuple(p for p in pushed[min(members)].predicates if p in asked)
        used = {
            column.name for column in query.find_all(exp.Column) if reference_of(column) in members
        }
        scan = Scan(
            table=table,
            columns=columns_for(table, used, row_by_row=row_by_row),
            predicates=predicates,
        )
        found.append(Reading(scan=scan, relation=relation, references=frozenset(members)))
        for reference in members:
            pushed[reference].node.set("this", exp.to_identifier(relation, quoted=True))
    return tuple(found)


def columns_for(table: Table, used: Iterable[str], *, row_by_row: bool) -> tuple[str, ...]:
    """Return the columns to read: those used, and those that say which row is which."""
    wanted = set(used)
    if table.deleted is not None:
        wanted.add(table.deleted.column)
    if row_by_row:
        wanted.update(table.primary_key)
        wanted.update({table.cursor_column} if table.cursor_column else ())
    if not wanted:
        plain = [name for name in table.schema.names if name not in table.filter_only]
        wanted.update(table.primary_key or plain[:1])
    return tuple(name for name in table.schema.names if name in wanted)


def _same_answers(item: Pushed, wide: frozenset[Predicate]) -> bool:
    """Say whether leaving out predicates only means more rows, not other values in them."""
    return all(p.column not in item.table.filter_only for p in set(item.predicates) - wide)


def _names(query: exp.Query) -> Iterable[str]:
    for alias in query.find_all(exp.TableAlias):
        if not (isinstance(alias.parent, exp.Table) and reference_of(alias.parent) is not None):
            yield alias.name


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free.lower() in taken:
        number += 1
        free = f"{name}_{number}"
    return free
