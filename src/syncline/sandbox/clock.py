"""The sandbox's own clock: it starts where it is told, and tests may set, advance or freeze it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

DEFAULT_START = datetime(2026, 3, 2, 14, 0, 0, tzinfo=UTC)


class Clock:
    """Seconds since 1970 that run with real time unless frozen.

    ``monotonic`` is the source of real seconds. ``elapsed`` never stops, so that rate-limit
    windows still end while the clock is frozen.
    """

    def __init__(
        self,
        start: datetime = DEFAULT_START,
        *,
        frozen: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._started = monotonic()
        self._origin = self._started
        self._base = start.timestamp()
        self._advanced = 0.0
        self._frozen = frozen

    def now(self) -> float:
        running = 0.0 if self._frozen else self._monotonic() - self._origin
        return self._base + running

    def seconds(self) -> int:
        """The whole second, as timestamps of rows have it."""
        return int(self.now())

    def elapsed(self) -> float:
        """Seconds that passed since the start, real ones and those added by ``advance``."""
        return self._monotonic() - self._started + self._advanced

    def advance(self, seconds: float) -> None:
        self._base += seconds
        self._advanced += seconds

    def set(self, moment: datetime) -> None:
        before = self.now()
        self._base = moment.timestamp()
        self._origin = self._monotonic()
        self._advanced += max(0.0, self._base - before)

    def freeze(self) -> None:
        self._base = self.now()
        self._frozen = True

    def run(self) -> None:
        if self._frozen:
            self._frozen = False
            self._origin = self._monotonic()

    @property
    def frozen(self) -> bool:
        return self._frozen

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)

    def http_date(self) -> str:
        return format_datetime(datetime.fromtimestamp(self.seconds(), UTC), usegmt=True)
