"""What a walk has read last, by which it knows whether a page goes on from there."""

from collections.abc import Hashable, Sequence
from typing import TypeAlias

import msgspec

#: The key of a record; None: it has none.
Key: TypeAlias = tuple[Hashable, ...] | None

#: Records that are remembered: so many may come between two pages, and the walk finds its place.
_MOST = 10_000


def key_of(values: Sequence[object]) -> Key:
    """Return the values of a key's columns as a key."""
    # A scalar is kept as the text that it is in JSON.
    plain = tuple(bytes(v) or None if isinstance(v, msgspec.Raw) else v for v in values)
    return None if None in plain else plain


class Trail:
    """The keys of the records that a walk has read last, in the order of reading."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._places: dict[Key, int] = {}
        self._next = 0

    def joins(self, keys: Sequence[Key]) -> bool:
        """Say whether a page goes on from what was read, with no record between.

        It does if it begins with a record that was read: all before that one were, too. Records
        that change may move to the end of a list and stand there at the beginning of a page: so
        most of those that were read after that one must be on the page, too.
        """
        place = self._places.get(keys[0]) if keys else None
        if place is None:
            return False
        known = len(self.known(keys))
        return 2 * known > min(self._next - place, len(keys))

    def known(self, keys: Sequence[Key]) -> frozenset[int]:
        """Return the positions on a page of records that were read."""
        places = self._places
        return frozenset(index for index, key in enumerate(keys) if key in places)

    def add(self, keys: Sequence[Key]) -> None:
        """Note that a page was read, which goes on from what was."""
        places = self._places
        for place, key in enumerate(keys, self._next):
            if key is not None:
                places.pop(key, None)
                places[key] = place
        self._next += len(keys)
        for key in list(places)[: max(len(places) - self._most, 0)]:
            del places[key]
