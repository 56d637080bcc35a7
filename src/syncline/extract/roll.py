"""Which values of a fan-out a pass asks for, and which of them the pass before it has not read."""

import base64
import zlib
from binascii import Error
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate, pairwise
from struct import pack, unpack

from syncline.extract.position import Pass, not_ours
from syncline.model.batch import Json
from syncline.model.table import Value

_BITS = 64
_MASK = (1 << _BITS) - 1
_HALF = 1 << (_BITS - 1)


def packed(values: Iterable[Value]) -> str:
    """Return a set of values as a text, of which `unpacked` tells which are in it.

    Whole numbers are kept as they are, other values as 8 bytes of a hash.
    """
    numbers = sorted({number(value) for value in values})
    steps = [b - a for a, b in pairwise([0, *numbers])]
    raw = pack(f"<{len(steps)}Q", *steps)
    # The upper bytes of the steps are alike, and stand together.
    planes = b"".join(raw[place :: _BITS // 8] for place in range(_BITS // 8))
    return base64.b64encode(zlib.compress(planes)).decode()


def unpacked(text: Json) -> frozenset[int]:
    """Return the numbers of the values of a set. Raises `ConfigError` if it is none of ours."""
    try:
        planes = zlib.decompress(base64.b64decode(str(text), validate=True))
        count = len(planes) // (_BITS // 8)
        raw = bytearray(len(planes))
        for place in range(_BITS // 8):
            raw[place :: _BITS // 8] = planes[place * count : (place + 1) * count]
        return frozenset(accumulate(unpack(f"<{count}Q", raw)))
    except (Error, ValueError, zlib.error, OverflowError):
        raise not_ours() from None


def number(value: Value) -> int:
    """Return the number that stands for a value in a set."""
    if isinstance(value, int) and -_HALF <= value < _HALF:
        return value & _MASK
    return int.from_bytes(blake2b(str(value).encode(), digest_size=_BITS // 8).digest(), "big")


class Roll:
    """The values of a fan-out in one pass.

    Rows below a value that the pass before has not read may be older than that pass, so they
    are read whole. A value counts as read once a pass has asked for it and found its list.
    """

    def __init__(self, values: Sequence[Value], left: Sequence[Value], begun: Pass) -> None:
        #: Those that are still to be asked for.
        self.left = left
        self._seen = begun.seen
        waiting = set(left)
        known = None if begun.asked is None else unpacked(begun.asked)
        gone = {str(value) for value in begun.missed}
        # What was added before the place where the pass goes on was never asked for in it.
        done = [
            value
            for value in values
            if value not in waiting
            and (known is None or number(value) in known)
            and str(value) not in gone
        ]
        self._asked = [*done, *left]
        self._text: str | None = None
        self._missed: dict[Value, None] = {}
        seen = None if begun.seen is None or begun.since is None else unpacked(begun.seen)
        self.fresh = frozenset(() if seen is None else (v for v in left if number(v) not in seen))

    def miss(self, value: Value) -> None:
        """Note that a value has no list."""
        self._missed[value] = None

    def under_way(self) -> Mapping[str, Json]:
        """Return what a cursor keeps to go on."""
        if self._text is None:
            self._text = packed(self._asked)
        kept: dict[str, Json] = {} if self._seen is None else {"seen": self._seen}
        if self._text != self._seen:
            kept["asked"] = self._text
        if self._missed:
            kept["missed"] = list(self._missed)
        return kept

    def complete(self) -> Mapping[str, Json]:
        """Return what a cursor keeps for the next pass."""
        return {"seen": packed(value for value in self._asked if value not in self._missed)}
