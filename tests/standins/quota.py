"""An API's limit of requests as the other side sees it, in virtual time."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Literal

from standins.clocks import VirtualClock
from syncline.extract.answer import Answer

ROUNDING: dict[str, Callable[[float], float]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
    "exact": lambda value: value,
}


@dataclass(slots=True, kw_only=True)
class Quota:
    """Counts requests as an API does, and answers with its headers."""

    clock: VirtualClock
    limit: int
    window: float
    #: Windows begin with their first request, or at multiples of their length, or slide.
    kind: Literal["first", "aligned", "sliding"]
    headers: Literal["none", "epoch", "seconds"] = "none"
    rounding: str = "floor"
    retry_after: bool = True
    date: bool = True
    #: The server's clock less ours, in seconds.
    skew: float = 0.0
    #: Requests of others that came at the very beginning.
    used: int = 0
    arrivals: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _begun: float = -math.inf
    _count: int = 0

    def __post_init__(self) -> None:
        for _ in range(self.used):
            self._admit(self.clock.now)

    def answer(self, sent: float) -> Answer:
        """Return the answer to a request that arrives now."""
        now = self.clock.now
        admitted = self._admit(now)
        (self.arrivals if admitted else self.refused).append(now)
        headers: dict[str, str] = {}
        ends = self._ends(now)
        shown = ROUNDING[self.rounding]
        if self.headers != "none":
            headers["x-left"] = str(self._left(now))
            at = self._server(ends) if self.headers == "epoch" else ends - now
            headers["x-reset"] = f"{shown(at):g}" if self.rounding == "exact" else str(shown(at))
            if self.headers == "epoch" and self.rounding == "exact":
                headers["x-reset"] = f"{at:.6f}"
        if not admitted and self.retry_after:
            headers["retry-after"] = str(math.floor(ends - now))
        date = math.floor(self._server(now)) if self.date else None
        if date is not None:
            headers["date"] = formatdate(date, usegmt=True)
        return Answer(
            status=200 if admitted else 429, headers=headers, body=b"", date=date, sent=sent
        )

    def _server(self, moment: float) -> float:
        return self.clock.time() - self.clock.now + moment + self.skew

    def _admit(self, now: float) -> bool:
        if self.kind == "sliding":
            if self._left(now) <= 0:
                return False
            self._recent.append(now)
            return True
        if now >= self._begun + self.window:
            self._begun = now
            if self.kind == "aligned":
                self._begun = now - self._server(now) % self.window
            self._count = 0
        if self._count >= self.limit:
            return False
        self._count += 1
        return True

    _recent: list[float] = field(default_factory=list)

    def _left(self, now: float) -> int:
        if self.kind == "sliding":
            self._recent = [t for t in self._recent if t > now - self.window]
            return self.limit - len(self._recent)
        return self.limit - self._count

    def _ends(self, now: float) -> float:
        if self.kind == "sliding":
            return (self._recent[0] if self._recent else now) + self.window
        return self._begun + self.window
