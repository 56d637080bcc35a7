"""Cheap seeded numbers: every value follows from the seed, the table, the row and the field."""

import zlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = 0xFFFFFFFFFFFFFFFF
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def mix(number: int) -> int:
    """64 well-stirred bits of any integer (the finaliser of splitmix64)."""
    x = (number + _GOLDEN) & _MASK
    x = ((x ^ (x >> 30)) * _FIRST) & _MASK
    x = ((x ^ (x >> 27)) * _SECOND) & _MASK
    return x ^ (x >> 31)


def salt(name: str) -> int:
    """A 64-bit constant of a name, the same in every process."""
    return mix(zlib.crc32(name.encode()))


def below(bits: int, field_salt: int, limit: int) -> int:
    """An integer in ``range(limit)`` for one field of the row whose bits are given."""
    x = ((bits ^ field_salt) * _GOLDEN) & _MASK
    return (((x ^ (x >> 29)) * _FIRST & _MASK) >> 24) % limit


def choose(bits: int, field_salt: int, options: Sequence[T]) -> T:
    return options[below(bits, field_salt, len(options))]


def chance(bits: int, field_salt: int, percent: int) -> bool:
    return below(bits, field_salt, 100) < percent
