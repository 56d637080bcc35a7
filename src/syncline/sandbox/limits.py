"""Rate limits in fixed windows per token, and the counts of what was asked and refused."""

import math
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may pass; ``reset_in`` is the seconds to the end of the window."""

    allowed: bool
    limit: int
    remaining: int
    reset_in: float

    @property
    def retry_after(self) -> int:
        """Whole seconds to wait, at least one."""
        return max(1, math.ceil(self.reset_in))


class Windows:
    """Counts requests per key; a window begins with the first request after the last one ended."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[float, int]] = {}

    def take(self, key: str, *, limit: int, window: float, now: float) -> Verdict:
        started, used = self._open.get(key, (now, 0))
        if now - started >= window:
            started, used = now, 0
        allowed = used < limit
        if allowed:
            used += 1
        self._open[key] = (started, used)
        return Verdict(
            allowed=allowed, limit=limit, remaining=limit - used, reset_in=started + window - now
        )


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the APIs were asked; admin and OAuth requests are not counted."""

    total: int = 0
    paths: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    refused: int = 0

    def arrived(self, path: str) -> tuple[int, int]:
        """Numbers of a request, from 1: among all, and among those of its path."""
        self.total += 1
        self.paths[path] += 1
        return self.total, self.paths[path]

    def answered(self, status: int) -> None:
        self.statuses[status] += 1
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self.refused += 1

    def summary(self) -> dict[str, object]:
        return {
            "requests": self.total,
            "refused": self.refused,
            "paths": dict(self.paths),
            "tokens": dict(self.tokens),
            "statuses": {str(status): count for status, count in self.statuses.items()},
        }
