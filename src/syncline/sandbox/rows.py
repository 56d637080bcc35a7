"""Tables whose rows are computed on demand, with every change laid over them."""

import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeAlias

from syncline.sandbox.clock import Clock
from syncline.sandbox.randomness import below, mix, salt

_STRIDE = 7
_SHARED = 6
_HISTORY = 3 * 365 * 86400
_UPDATED = salt("updated")
_IDENTITY = salt("identity")

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_HIDDEN_LETTERS = 11
_TAIL_LETTERS = 11
_SECRET_FACTOR = 0xD1342543DE82EF95
_SECRET_INVERSE = pow(_SECRET_FACTOR, -1, 1 << 64)

Generator: TypeAlias = "Callable[[Draw], object]"
Follow: TypeAlias = "Callable[[Draw], Draw | None]"
Spread: TypeAlias = "Callable[[Draw], Sequence[Draw]]"


class Draw:
    """One row being computed: ``bits`` follow its revision, ``fixed`` never change.

    ``position`` is -1 for a row, and a place in a list for an object that lives inside a row.
    """

    __slots__ = ("bits", "fixed", "index", "position", "table")

    def __init__(
        self, table: "Table", index: int, bits: int, fixed: int, position: int = -1
    ) -> None:
        self.table = table
        self.index = index
        self.bits = bits
        self.fixed = fixed
        self.position = position


def inside(draw: Draw, field_salt: int, position: int = 0) -> Draw:
    """The draw of an object that lives inside a row, at a position of a list."""
    place = field_salt ^ (position * 0x5851F42D4C957F2D)
    return Draw(draw.table, draw.index, mix(draw.bits ^ place), mix(draw.fixed ^ place), position)


def zone_of(minutes: int) -> timezone:
    return UTC if minutes == 0 else timezone(timedelta(minutes=minutes))


@dataclass(slots=True, kw_only=True)
class Changes:
    """What was done to a table since it was generated."""

    values: dict[int, dict[str, object]] = field(default_factory=dict)
    references: dict[int, dict[str, int | None]] = field(default_factory=dict)
    revisions: dict[int, int] = field(default_factory=dict)
    edits: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    trashed: dict[int, int] = field(default_factory=dict)


class Table:
    """Rows 0 to ``count`` - 1; ids grow with gaps, timestamps repeat in groups of rows."""

    def __init__(
        self, name: str, *, number: int, size: int, seed: int, clock: Clock, zone: timezone
    ) -> None:
        self.name = name
        self.number = number
        self.size = size
        self.count = size
        self.zone = zone
        self.changes = Changes()
        self.fields: dict[str, Generator] = {}
        self.single: dict[str, tuple[Table, Follow]] = {}
        self.many: dict[str, tuple[Table, Spread]] = {}
        self.label: Generator = lambda draw: str(draw.table.identity(draw.index))
        self.kind: Generator = lambda draw: draw.table.name
        self.opaque = False
        self.parent: str | None = None
        self.soft = False
        self.trash_percent = 0
        self._key = mix(seed * 0x10001 + salt(name))
        self._clock = clock
        self._end = clock.seconds()
        self._times: tuple[array[int], array[int]] | None = None

    # -- rows

    def draw(self, index: int) -> Draw:
        fixed = mix(self._key + index)
        revision = self.changes.revisions.get(index, 0)
        return Draw(self, index, mix(fixed + revision) if revision else fixed, fixed)

    def alive(self, index: int) -> bool:
        if not 0 <= index < self.count or index in self.changes.gone:
            return False
        return not self.orphaned() or self.follow(str(self.parent), self.draw(index)) is not None

    def indexes(self) -> Sequence[int]:
        """Every row that was not deleted, trashed ones included, in the order of ids."""
        if not self.changes.gone and not self.orphaned():
            return range(self.count)
        return [index for index in range(self.count) if self.alive(index)]

    def orphaned(self) -> bool:
        """Rows can be gone because the row they belong to is."""
        if self.parent is None:
            return False
        above = self.single[self.parent][0]
        return bool(above.changes.gone) or above.orphaned()

    def identity(self, index: int) -> int | str:
        """A number that grows with the row, or for ``opaque`` tables a text that does not."""
        number = self.number * 100_000_000 + index * _STRIDE
        number += below(index, self._key ^ _IDENTITY, _STRIDE)
        return _hide(number) if self.opaque else number

    def find(self, identity: object) -> int | None:
        """The row of an id, or None when there is none (any more)."""
        text = str(identity)
        if self.opaque:
            number = _unhide(text)
        elif text.isascii() and text.isdigit():
            number = int(text)
        else:
            return None
        index = (number - self.number * 100_000_000) // _STRIDE
        return index if self.alive(index) and str(self.identity(index)) == text else None

    def edits(self, index: int) -> int:
        """How often the row was changed."""
        return self.changes.edits.get(index, 0)

    # -- time

    @property
    def created(self) -> "array[int]":
        return self._stamps()[0]

    @property
    def updated(self) -> "array[int]":
        return self._stamps()[1]

    def _stamps(self) -> "tuple[array[int], array[int]]":
        if self._times is None:
            self._times = _history(self.size, self._key, self._end)
        return self._times

    def trashed(self, index: int) -> int | None:
        """When the row was moved to the trash, in seconds, or None."""
        if not self.soft:
            return None
        at = self.changes.trashed.get(index)
        if (
            at is None
            and index < self.size
            and below(index, self._key ^ _UPDATED, 100) < self.trash_percent
        ):
            return self.updated[index]
        return at

    def stamp(self, seconds: int) -> str:
        return datetime.fromtimestamp(seconds, self.zone).isoformat()

    # -- references

    def follow(self, name: str, draw: Draw) -> Draw | None:
        """The row a reference points at; None when there is none, or it was deleted."""
        target, pick = self.single[name]
        changed = self.changes.references.get(draw.index)
        if changed is not None and name in changed:
            index = changed[name]
            return target.draw(index) if index is not None and target.alive(index) else None
        found = pick(draw)
        return found if found is not None and found.table.alive(found.index) else None

    # -- changes

    def insert(self, count: int) -> list[int]:
        now = self._clock.seconds()
        created, updated = self._stamps()
        created.extend([now] * count)
        updated.extend([now] * count)
        first = self.count
        self.count += count
        return list(range(first, self.count))

    def touch(self, index: int) -> None:
        """Give every field that is not an id, a reference or a kind a new value."""
        self.changes.revisions[index] = self.changes.revisions.get(index, 0) + 1
        self._edited(index)

    def _edited(self, index: int) -> None:
        self.changes.edits[index] = self.edits(index) + 1
        self.updated[index] = self._clock.seconds()

    def change(self, index: int, values: Mapping[str, object]) -> None:
        """Set fields of a row; a nested name, with or without ``_id``, takes an id or None.

        Raises ValueError for an id that does not exist.
        """
        for name, value in values.items():
            reference = name.removesuffix("_id").removesuffix("ID")
            if reference in self.single:
                target = self.single[reference][0]
                found = None if value is None else target.find(value)
                if found is None and value is not None:
                    raise ValueError(f"{target.name} has no row {value}.")
                self.changes.references.setdefault(index, {})[reference] = found
            else:
                self.changes.values.setdefault(index, {})[name] = value
        self._edited(index)
        if "updated_at" in values:
            self.updated[index] = int(datetime.fromisoformat(str(values["updated_at"])).timestamp())

    def delete(self, index: int, *, hard: bool = False) -> None:
        """Delete a row as the API does: into the trash where it has one, else for good."""
        if self.soft and not hard:
            self.changes.trashed[index] = self._clock.seconds()
            self._edited(index)
        else:
            self.changes.gone.add(index)

    def sample(self, count: int, seed: int) -> list[int]:
        """Rows that exist and are not in the trash, the same for the same seed and history."""
        candidates = [index for index in self.indexes() if self.trashed(index) is None]
        wanted = min(count, len(candidates))
        return sorted(random.Random(seed).sample(candidates, wanted))  # noqa: S311 (no secret)


def _hide(number: int) -> str:
    """24 letters and digits that do not show the number, from which it can be had back."""
    hidden = number * _SECRET_FACTOR % (1 << 64)
    letters = []
    for _ in range(_HIDDEN_LETTERS):
        hidden, letter = divmod(hidden, len(_LETTERS))
        letters.append(_LETTERS[letter])
    tail = mix(number)
    for _ in range(_TAIL_LETTERS):
        tail, letter = divmod(tail, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters) + "Q2"


def _unhide(text: str) -> int:
    hidden = 0
    for letter in reversed(text[:_HIDDEN_LETTERS]):
        hidden = hidden * len(_LETTERS) + max(_LETTERS.find(letter), 0)
    return hidden * _SECRET_INVERSE % (1 << 64)


def _history(size: int, key: int, end: int) -> "tuple[array[int], array[int]]":
    """Creation grows over three years; half the groups of rows share one last update."""
    begin = end - _HISTORY
    step = _HISTORY / max(size, 1)
    created = array("q", [begin + int((index - index % _SHARED) * step) for index in range(size)])
    updated = array("q", bytes(8 * size))
    for first in range(0, size, _SHARED):
        bits = mix(key ^ _UPDATED ^ first)
        last = min(first + _SHARED, size)
        room = max(end - 1 - created[first], 0)
        if bits & 1:
            shared = created[first] + (bits >> 8) % (room + 1)
            for index in range(first, last):
                updated[index] = shared
        else:
            for index in range(first, last):
                draw = (mix(bits + index) >> 8) % (room + 1)
                updated[index] = created[index] + (draw if draw % 3 else 0)
    return created, updated


class Store:
    """The tables of one API; ``version`` grows with every change, so that caches forget."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self.version = 0
        self._backward: dict[tuple[str, str], dict[int, list[int]]] = {}
        self._backward_version = 0

    def changed(self) -> None:
        self.version += 1

    def backward(self, child: str, reference: str) -> dict[int, list[int]]:
        """Rows of ``child`` by the row their reference points at."""
        if self._backward_version != self.version:
            self._backward.clear()
            self._backward_version = self.version
        key = (child, reference)
        known = self._backward.get(key)
        if known is None:
            known = {}
            table = self.tables[child]
            for index in table.indexes():
                found = table.follow(reference, table.draw(index))
                if found is not None and table.trashed(index) is None:
                    known.setdefault(found.index, []).append(index)
            self._backward[key] = known
        return known
