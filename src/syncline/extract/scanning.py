"""What a scan wants of a table: its fields, its values, and all that decides about its requests."""

from collections.abc import Mapping, Sequence
from datetime import UTC

from syncline.extract.asking import Asking
from syncline.extract.describe import View
from syncline.extract.projection import Path, paths_of
from syncline.extract.walked import walked_column
from syncline.model.table import Operator, Scan, Value
from syncline.profile.columns import FlatColumn
from syncline.profile.schema import ApiTable, Profile


def own_paths(view: View, scan: Scan) -> tuple[Path, ...]:
    """Return the fields of the API's records that a scan needs."""
    columns = [view.columns[name] for name in scan.columns]
    key = paths_of(key_of(view))
    if view.child is None:
        return tuple(dict.fromkeys((*key, *paths_of(columns))))
    above = paths_of(c for c in columns if c.origin == "parent")
    below = tuple(view.child.list.split("."))
    inside = paths_of((c for c in columns if c.origin == "record"), below)
    # An element without a wanted member still makes a row.
    return tuple(dict.fromkeys((*key, *above, *(inside or (below,)))))


def asking_of(
    profile: Profile,
    settings: Mapping[str, str],
    view: View,
    scan: Scan,
    paths: Sequence[Path],
    *,
    until: float | None = None,
) -> Asking:
    """Return what is asked for a scan, whatever place it begins at.

    ``until``: the end of the time to ask for, in seconds since the epoch.
    """
    start = scan.start
    if start is not None and start.tzinfo is not None:
        start = start.astimezone(UTC)
    return Asking(
        profile=profile,
        settings=settings,
        name=view.api_name,
        table=view.api,
        columns=view.api_columns,
        predicates=view.api_predicates(scan),
        paths=tuple(paths),
        deleted=scan.deleted,
        start=start.date() if start else None,
        # Of a list inside the records nobody knows how many rows a page makes.
        limit=scan.limit if view.child is None else None,
        until=until,
    )


def narrowed(view: View, scan: Scan) -> list[Value] | None:
    """Return the only values of the fan-out that a scan's conditions leave; None: all."""
    walked = walked_column(view.api)
    found: list[Value] | None = None
    for predicate in view.api_predicates(scan):
        if predicate.column == walked and predicate.operator in {Operator.EQ, Operator.IN}:
            known = list(dict.fromkeys(predicate.values))
            found = known if found is None else [v for v in found if v in known]
    return found


def key_of(view: View) -> list[FlatColumn]:
    """Return the columns of records that tell them apart."""
    api: ApiTable = view.api
    key = [view.api_columns[name] for name in api.primary_key]
    return [column for column in key if column.origin == "record"]
