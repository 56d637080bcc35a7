"""Clocks that tests own."""

import asyncio
import heapq
import itertools
import time

EPOCH = 1_790_000_000.0


class SkippingClock:
    """The machine's clock, but sleeping takes no time: it moves the clock instead."""

    def __init__(self) -> None:
        self.skipped = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return time.time() + self.skipped

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.skipped += seconds
        await asyncio.sleep(0)


class VirtualClock:
    """Time that moves only when everybody waits for it: `run` moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return EPOCH + self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), woken))
        await woken

    async def run(self, until: float) -> None:
        """Let everything happen that happens up to a moment."""
        loop = asyncio.get_running_loop()
        while True:
            while loop._ready:  # type: ignore[attr-defined]  # noqa: ASYNC110 (the only way to see it)
                await asyncio.sleep(0)
            if not self._sleepers or self._sleepers[0][0] > until:
                self.now = until
                return
            self.now, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
