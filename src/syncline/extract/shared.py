"""Pages that several scans of a run read: fetched once, kept compressed until the last has them."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import IO

import pyarrow as pa

from syncline.extract.answer import Answer
from syncline.extract.projection import Path
from syncline.profile.pagination import Request

#: Compressed bytes that are held in memory; more go to a temporary file.
_MEMORY = 64 * 1024 * 1024
_CODEC = "lz4"

#: Asks the API itself.
Ask = Callable[[Request, Collection[int]], Awaitable[Answer]]


class SharedPages:
    """The pages of one run that are read more than once."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, _Group] = {}

    def expect(self, reads: Iterable[tuple[Hashable, Iterable[Path]]]) -> None:
        """Learn which reads will come: what they ask for, but for the fields, and the fields.

        Takes the place of what was expected before.
        """
        self.close()
        reads = [(key, tuple(paths)) for key, paths in reads]
        counts = Counter(key for key, _ in reads)
        for key, paths in reads:
            if counts[key] > 1:
                group = self._groups.setdefault(key, _Group(expected=counts[key]))
                group.paths.update(dict.fromkeys(paths))

    def paths(self, key: Hashable, own: Iterable[Path]) -> tuple[Path, ...]:
        """Return the fields to ask for: a read's own, and those of all that share its pages."""
        group = self._groups.get(key)
        return tuple(own) if group is None else tuple(group.paths | dict.fromkeys(own))

    def reading(self, key: Hashable, ask: Ask) -> "Reading":
        """Begin a read; closing it says that it needs no more pages."""
        return Reading(self._groups.get(key), ask)

    def close(self) -> None:
        """Drop all that is kept."""
        for group in self._groups.values():
            group.close()
        self._groups.clear()


@dataclass(slots=True)
class _Kept:
    answer: Answer
    #: Other reads that have not had it yet.
    left: int
    #: The compressed body, or where it is in the file.
    body: bytes | None
    place: tuple[int, int] = (0, 0)
    length: int = 0


@dataclass(slots=True)
class _Group:
    expected: int
    paths: dict[Path, None] = field(default_factory=dict)
    kept: dict[Request, _Kept] = field(default_factory=dict)
    locks: dict[Request, asyncio.Lock] = field(default_factory=dict)
    memory: int = 0
    file: IO[bytes] | None = None

    def keep(self, request: Request, answer: Answer, left: int) -> None:
        packed: bytes = pa.compress(answer.body, codec=_CODEC, asbytes=True)
        kept = _Kept(
            answer=replace(answer, body=b""), left=left, body=packed, length=len(answer.body)
        )
        if self.memory + len(packed) > _MEMORY:
            # Unlinked from the start: nobody else can read it, and no crash leaves it behind.
            self.file = self.file or tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
            begin = self.file.seek(0, 2)
            self.file.write(packed)
            kept.body, kept.place = None, (begin, len(packed))
        else:
            self.memory += len(packed)
        self.kept[request] = kept

    def take(self, request: Request) -> Answer | None:
        kept = self.kept.get(request)
        if kept is None:
            return None
        packed = kept.body
        if packed is None:
            assert self.file is not None  # noqa: S101 (keep opened it)
            self.file.seek(kept.place[0])
            packed = self.file.read(kept.place[1])
        kept.left -= 1
        if kept.left <= 0:
            self.drop(request)
        body: bytes = pa.decompress(packed, kept.length, codec=_CODEC, asbytes=True)
        return replace(kept.answer, body=body, requests=0)

    def drop(self, request: Request) -> None:
        kept = self.kept.pop(request, None)
        self.locks.pop(request, None)
        if kept is not None and kept.body is not None:
            self.memory -= len(kept.body)

    def close(self) -> None:
        self.kept.clear()
        self.locks.clear()
        self.memory = 0
        if self.file is not None:
            self.file.close()
            self.file = None


class Reading:
    """One read that may share its pages. It is a `Fetch`."""

    def __init__(self, group: _Group | None, ask: Ask) -> None:
        self._group = group if group is not None and group.expected > 0 else None
        self._ask = ask

    async def __call__(
        self, request: Request, *, accept: Collection[int] = (), fresh: bool = False
    ) -> Answer:
        """Return the answer to a request, kept or new. Raises what asking raises."""
        group = self._group
        if group is None:
            return await self._ask(request, accept)
        # One asks, the others wait: an answer that is under way is not asked for again.
        async with group.locks.setdefault(request, asyncio.Lock()):
            if not fresh and (answer := group.take(request)) is not None:
                return answer
            group.drop(request) if fresh else None
            answer = await self._ask(request, accept)
            if group.expected > 1 and answer.status not in accept:
                group.keep(request, answer, left=group.expected - 1)
            return answer

    def close(self) -> None:
        """Say that this read needs no more pages."""
        group, self._group = self._group, None
        if group is not None:
            group.expected -= 1
            if group.expected <= 0:
                group.close()
