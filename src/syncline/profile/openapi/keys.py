"""Primary keys of tables, and the parents by whose keys other tables are listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncline.profile.openapi.columns import Known
from syncline.profile.openapi.naming import place_in, segments, singular, snake

_KEYS = ("id", "uuid", "guid", "gid", "_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The table by whose rows another one is listed."""

    table: str
    column: str
    #: The parameter of the path that takes the column's value.
    place: str
    into: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A table as far as others need to know it."""

    name: str
    path: str
    key: str | None
    known: Mapping[str, Known]
    fans_out: bool


def key_of(
    name: str, path: str, known: Mapping[str, Known], paths: Sequence[str]
) -> tuple[str | None, str]:
    """Return the column that identifies a record, and why; None if none clearly does.

    ``paths``: those that answer with one record, or may.
    """
    top = {n: c for n, c in known.items() if len(c.path) == 1 and c.type != "json"}
    stem = snake(singular(name))
    own = segments(path)
    for other in paths:
        parts = segments(other)
        if parts[:-1] != own or (place := place_in(parts[-1])) is None:
            continue
        for column in _by_place(place, stem):
            if column in top:
                return column, f"GET {other} gives the record that has it"
    for column in (*_KEYS, f"{stem}_id", f"{stem}Id"):
        if column in top:
            return column, "by its name"
    return None, ""


def parent_of(path: str, tables: Sequence[Place]) -> tuple[Parent | None, str]:
    """Return the parent whose rows fill in a place of a path, or '' and why there is none."""
    parts = segments(path)
    found: list[Parent] = []
    nested = False
    for index, part in enumerate(parts):
        place = place_in(part)
        above = _listing(parts[:index], tables) if place else None
        if place is None or above is None:
            continue
        column = next((c for c in _fillers(place, above) if c in above.known), None)
        if column is not None:
            nested = nested or above.fans_out
            found.append(_parent(place, above, column))
    if not found:
        return None, ""
    if len(found) > 1 or nested:
        chain = " and of ".join(p.table for p in found)
        return None, f"it is listed by the rows of {chain} at once, which a profile cannot say"
    return found[0], ""


def _parent(place: str, above: Place, column: str) -> Parent:
    word = snake(place)
    short = word in {"id", column} and "_" not in word
    into = f"{snake(singular(above.name))}_{column}" if short else word
    return Parent(table=above.name, column=column, place=place, into=into)


def _listing(prefix: Sequence[str], tables: Sequence[Place]) -> Place | None:
    plain = [p if place_in(p) is None else "{}" for p in prefix]
    for table in tables:
        theirs = [p if place_in(p) is None else "{}" for p in segments(table.path)]
        if theirs == plain and plain:
            return table
    return None


def _fillers(place: str, above: Place) -> list[str]:
    found = _by_place(place, snake(singular(above.name)))
    if above.key is not None and snake(place).rsplit("_", 1)[-1] in {
        "id",
        "key",
        "uuid",
        above.key,
    }:
        found.append(above.key)
    return found


def _by_place(place: str, stem: str) -> list[str]:
    """Return the columns that a place may mean: of its own name, or without the table's."""
    word = snake(place)
    last = stem.rsplit("_", 1)[-1]
    found = [place, word]
    found += [word.removeprefix(f"{s}_") for s in (stem, last) if word.startswith(f"{s}_")]
    if word.endswith("_id"):
        found.append("id")
    return list(dict.fromkeys(found))
