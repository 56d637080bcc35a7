"""Naming the fields wanted, in the forms that APIs take. Pure."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from syncline.profile.columns import FlatColumn
from syncline.profile.schema import Projection

#: Where a field is in the record.
Path: TypeAlias = tuple[str, ...]


def paths_of(columns: Iterable[FlatColumn], below: Path = ()) -> tuple[Path, ...]:
    """Return the paths to ask for, for columns whose paths begin at ``below``."""
    found: dict[Path, None] = {}
    for column in columns:
        if column.path:
            inner = [(*below, *column.path, *f.split(".")) for f in column.fields]
            found.update(dict.fromkeys(inner or [(*below, *column.path)]))
    return tuple(found)


def fields(projection: Projection, paths: Sequence[Path]) -> str:
    """Return the value of the projection's parameter."""
    unique = list(dict.fromkeys(paths))
    if projection.style == "comma":
        return ",".join(".".join(path) for path in unique)
    # One level of braces; what is deeper comes with the API's own default members.
    members: dict[str, dict[str, None]] = {}
    for first, *rest in unique:
        members.setdefault(first, {}).update(dict.fromkeys(rest[:1]))
    return ",".join(
        f"{name}{{{','.join(inner)}}}" if inner else name for name, inner in members.items()
    )
