"""Primary keys of tables, and the parents by whose keys other tables are listed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from syncline.profile.openapi.columns import Known
from syncline.profile.openapi.naming import place_in, segments, singular, snake

#: Types of columns of which several are what a walk is for.
_PLAIN = {"string", "integer"}
_KEYS = ("id", "uuid", "guid", "gid", "_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The table by whose rows another one is listed."""

    table: str
    column: str
    #: The parameter of the path that takes the column's value.
    place: str
    into: str
    #: Of those above the parent: parameter of the path, the parent's column that repeats it, and
    #: the column into which it goes.
    also: tuple[tuple[str, str, str], ...] = ()

    @property
    def walked(self) -> tuple[str, ...]:
        """The columns that repeat what the table is listed by, from the top."""
        return (*(into for _, _, into in self.also), self.into)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A table as far as others need to know it."""

    name: str
    path: str
    key: str | None
    known: Mapping[str, Known]
    parent: Parent | None


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
    found: list[tuple[Place, Parent]] = []
    for index, part in enumerate(parts):
        place = place_in(part)
        above = _listing(parts[:index], tables) if place else None
        if place is None or above is None:
            continue
        column = next((c for c in _fillers(place, above) if c in above.known), None)
        if column is not None:
            found.append((above, _parent(place, above, column)))
    if not found:
        return None, ""
    above, nearest = found[-1]
    also = _above(above, [parent for _, parent in found[:-1]])
    if also is None:
        chain = " and of ".join(parent.table for _, parent in found)
        return None, f"it is listed by the rows of {chain} at once, which a profile cannot say"
    odd = [p for place, p in found if also and place.known[p.column].type not in _PLAIN]
    if odd:
        return None, f"{odd[0].column} of {odd[0].table} is neither a text nor a whole number"
    # Two may be called alike: the id of a team and that of a project.
    if len({*(into for _, _, into in also), nearest.into}) <= len(also):
        nearest = replace(nearest, into=f"{snake(singular(above.name))}_{nearest.column}")
    return replace(nearest, also=tuple(also)), ""


def _above(nearest: Place, others: Sequence[Parent]) -> list[tuple[str, str, str]] | None:
    """Return what of the tables above a parent its own rows repeat; None if it is not all."""
    own = nearest.parent
    if own is None:
        return None if others else []
    repeated = {own.place: own.into, **{place: into for place, _, into in own.also}}
    wanted = [each.place for each in others]
    if set(wanted) != set(repeated):
        return None
    return [(place, repeated[place], repeated[place]) for place in wanted]


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
