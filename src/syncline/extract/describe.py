"""The tables that a profile offers, as the engine sees them. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from syncline.extract.walked import walked_column
from syncline.model.table import Deleted, Filter, Operator, Predicate, Scan, Table
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.missing import misses
from syncline.profile.schema import ApiTable, Child, ColumnFilter, Profile

_WALKS = frozenset({Operator.EQ, Operator.IN})


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One table on offer: a table of the API, or a list inside its records."""

    table: Table
    #: The table of the API, and its name.
    api: ApiTable
    api_name: str
    api_columns: Mapping[str, FlatColumn]
    columns: Mapping[str, FlatColumn]
    child: Child | None = None

    def api_column(self, column: str) -> str:
        """Return the API table's name of a column that can be filtered by."""
        return column if self.child is None else self.child.parent[column]

    def api_predicates(self, scan: Scan) -> tuple[Predicate, ...]:
        """Return the conditions of a scan on the API table's columns."""
        return tuple(
            Predicate(column=self.api_column(p.column), operator=p.operator, values=p.values)
            for p in scan.predicates
        )


def views(profile: Profile) -> Mapping[str, View]:
    """Return everything a profile offers, by name, in its order."""
    return {view.table.name: view for view in _views(profile)}


def _views(profile: Profile) -> Iterator[View]:
    for name, api in profile.tables.items():
        columns = table_columns(profile, api)
        by_name = {c.name: c for c in columns}
        table = Table(
            name=name,
            schema=pa.schema([c.field for c in columns]),
            description=api.description,
            primary_key=api.primary_key,
            cursor_column=api.incremental.column if api.incremental else None,
            filters=_filters(api),
            filter_only=frozenset(c.name for c in columns if c.origin == "filter"),
            deleted=Deleted(column=api.deleted.column, values=api.deleted.values)
            if api.deleted
            else None,
            window_column=api.windows.column if api.windows else None,
            misses=misses(profile, api),
            asked_by=_asked_by(api),
        )
        yield View(table=table, api=api, api_name=name, api_columns=by_name, columns=by_name)
        for child_name, child in api.children.items():
            columns = child_columns(profile, api, child)
            yield View(
                table=_child(table, child_name, child, columns),
                api=api,
                api_name=name,
                api_columns=by_name,
                columns={c.name: c for c in columns},
                child=child,
            )


def _child(parent: Table, name: str, child: Child, columns: Sequence[FlatColumn]) -> Table:
    # The pages are the parent's, so what narrows the parent narrows the child.
    repeated = child.parent.items()
    windows = (own for own, above in repeated if above == parent.window_column)
    return Table(
        name=name,
        schema=pa.schema([c.field for c in columns]),
        description=child.description,
        primary_key=child.primary_key,
        # A changed parent tells what is in its list now, but not what has gone from it.
        cursor_column=None,
        filters={own: parent.filters[above] for own, above in repeated if above in parent.filters},
        filter_only=frozenset(c.name for c in columns if c.origin == "filter"),
        window_column=next(windows, None),
        misses=parent.misses,
    )


def _asked_by(api: ApiTable) -> Operator | None:
    """Return how one request asks whether the row of a key is there."""
    if len(api.primary_key) != 1 or api.fan_out is not None:
        return None
    found = _filters(api).get(api.primary_key[0])
    if found is None or not found.exact:
        return None
    return next((o for o in (Operator.EQ, Operator.IN) if o in found.operators), None)


def _filters(api: ApiTable) -> Mapping[str, Filter]:
    found = {column: _filter(each) for column, each in api.filters.items()}
    walked = walked_column(api)
    if walked is not None:
        own = found.get(walked)
        found[walked] = Filter(
            operators=_WALKS | (own.operators if own else frozenset()),
            required=own.required if own else False,
            exact=own.exact if own else True,
        )
    return found


def _filter(given: ColumnFilter | tuple[ColumnFilter, ...]) -> Filter:
    each = given if isinstance(given, tuple) else (given,)
    return Filter(
        operators=frozenset(operator for f in each for operator in f.operators),
        required=any(f.required for f in each),
        exact=all(f.exact for f in each),
    )
