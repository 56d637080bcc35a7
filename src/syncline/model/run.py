"""What happened: the events of a task run, oldest first, and its result."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The query is planned and the last checkpoint read."""

    scans: int
    #: Only what changed since the last whole pass will be read.
    incremental: bool
    #: A read that was interrupted goes on where it stopped.
    resuming: bool
    #: Why the task reads everything again; '' if it does not.
    full_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Rows have arrived; totals of the task run so far."""

    rows: int
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """The source makes us wait; sent once per wait."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolved:
    """The target's schema was changed."""

    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """Rows and checkpoint became visible together."""

    generation: int
    rows: int
    inserted: int
    updated: int
    deleted: int
    rejected: int = 0


Event: TypeAlias = Planned | Read | Waiting | Evolved | Committed

#: Receives each event once, in order. Must not raise and must not block.
Observer: TypeAlias = Callable[[Event], None]

#: Asked at every place where a load may stop; True: commit here and end, for another run to go on.
Stop: TypeAlias = Callable[[], bool]


def never() -> bool:
    """Let a run go on to its end: the `Stop` of those who do not care."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a task run did, over all its commits."""

    read: int
    inserted: int
    updated: int
    deleted: int
    rejected: int
    requests: int
    seconds: float
    #: It ended at a commit because it was asked to; another run goes on from there.
    stopped: bool = False


class Clock(Protocol):
    """Where the time comes from; passed in so that tests own it."""

    def time(self) -> float:
        """Seconds since the epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let others run for so many seconds."""
        ...
