"""Ways a row can point at others: any row, a certain one, several, or objects of its own."""

from collections.abc import Callable, Sequence

from syncline.sandbox.randomness import below, chance, salt
from syncline.sandbox.rows import Draw, Follow, Spread, Store, Table, inside

_PRESENT = salt("present")
_ALWAYS = 100


def toward(target: Table, name: str, *, percent: int = 100) -> Follow:
    """A reference to any row the table began with, in some percent of rows."""
    field_salt = salt(f"toward.{target.name}.{name}")

    def follow(draw: Draw) -> Draw | None:
        if target.size == 0:
            return None
        if percent < _ALWAYS and not chance(draw.fixed, field_salt ^ _PRESENT, percent):
            return None
        return target.draw(below(draw.fixed, field_salt, target.size))

    return follow


def by(pick: Callable[[Draw], int | None], target: Table) -> Follow:
    """A reference by row number."""

    def follow(draw: Draw) -> Draw | None:
        index = pick(draw)
        return None if index is None or not 0 <= index < target.size else target.draw(index)

    return follow


def through(*names: str) -> Follow:
    """The reference of a reference."""

    def follow(draw: Draw) -> Draw | None:
        found: Draw | None = draw
        for name in names:
            if found is None:
                return None
            found = found.table.follow(name, found)
        return found

    return follow


def several(target: Table, name: str, *, most: int = 2) -> Spread:
    """None to ``most`` different rows of a table."""
    field_salt = salt(f"several.{target.name}.{name}")

    def spread(draw: Draw) -> Sequence[Draw]:
        if target.size == 0:
            return ()
        count = below(draw.fixed, field_salt ^ _PRESENT, most + 1)
        wanted = sorted(
            {below(draw.fixed, field_salt + step, target.size) for step in range(count)}
        )
        return [target.draw(index) for index in wanted if target.alive(index)]

    return spread


def backward(store: Store, child: str, reference: str) -> Spread:
    """The rows of another table that point at this one."""

    def spread(draw: Draw) -> Sequence[Draw]:
        table = store.tables[child]
        return [table.draw(index) for index in store.backward(child, reference).get(draw.index, ())]

    return spread


def within(name: str, percent: int) -> Follow:
    field_salt = salt(f"within.{name}")
    return lambda draw: (
        inside(draw, field_salt, 0) if chance(draw.fixed, field_salt, percent) else None
    )


def within_list(name: str, most: int) -> Spread:
    field_salt = salt(f"within.{name}")
    return lambda draw: [
        inside(draw, field_salt, position)
        for position in range(below(draw.fixed, field_salt, most + 1))
    ]
