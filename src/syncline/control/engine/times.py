"""The time that all nodes share: the database's, not that of each machine."""

from datetime import datetime

from sqlalchemy import text

from syncline.control.store.database import Store
from syncline.model.run import Clock

#: Smaller differences are those of the network, and not worth a step back.
_NOTICEABLE = 0.25


class StoreClock:
    """A node's clock, set by the store's. Implements `syncline.model.run.Clock`.

    Slots would come early on a machine whose clock is fast, and deadlines late on a slow one.
    """

    def __init__(self, clock: Clock, store: Store) -> None:
        self._clock = clock
        self._store = store
        self._ahead = 0.0

    def time(self) -> float:
        """Seconds since the epoch, UTC, as the store has it."""
        return self._clock.time() + self._ahead

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others run for so many seconds."""
        await self._clock.sleep(seconds)

    async def set(self) -> None:
        """Ask the store for the time. A store in a file has that of its machine."""
        if self._store.dialect != "postgresql":
            return
        async with self._store.reading() as connection:
            asked = self._clock.time()
            now = await connection.scalar(text("SELECT clock_timestamp()"))
            answered = self._clock.time()
        assert isinstance(now, datetime)  # noqa: S101 (it is the time)
        ahead = now.timestamp() - (asked + answered) / 2
        if abs(ahead - self._ahead) > _NOTICEABLE:
            self._ahead = ahead
