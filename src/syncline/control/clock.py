"""The real clock."""

import asyncio
import time


class SystemClock:
    """Implements `syncline.model.run.Clock` with the machine's clock."""

    def time(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Let others run for so many seconds."""
        await asyncio.sleep(seconds)
