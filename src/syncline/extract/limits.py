"""Requests wait here, in the order in which they came, until the API allows them."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncline.errors import RateLimited
from syncline.extract.allowance import Allowance
from syncline.extract.answer import Answer, retry_after
from syncline.model.run import Clock, Observer, Waiting
from syncline.profile.schema import Limits

_TOO_MANY = 429
#: Shorter waits are not worth telling.
_TELL = 1.0


class Turn:
    """Leave to send one request; told the answer, so that the next ones know."""

    def __init__(self) -> None:
        self.answer: Answer | None = None


class Limiter:
    """One limit, shared by all who send requests under it."""

    def __init__(
        self,
        limits: Limits,
        clock: Clock,
        observe: Observer | None = None,
        patience: float = math.inf,
        after: str = "Retry-After",
    ) -> None:
        self._allowance = Allowance(limits)
        known = f" of {limits.requests} requests in {limits.seconds:g} s" if limits.requests else ""
        self._reason = f"the API's limit{known}"
        self._clock = clock
        self._observe = observe
        #: If the API asks for a longer wait than this, nobody waits.
        self._patience = patience
        #: The header that asks for a wait.
        self._after = after
        self._first_come = asyncio.Lock()
        self._changed = asyncio.Event()
        self._under_way = 0
        self._told = -math.inf

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for leave to send one request. Leaving without an answer means there was none.

        Raises `RateLimited` if the API has asked everybody to wait for too long.
        """
        async with self._first_come:
            while (wait := self._allowance.wait(self._clock.monotonic(), self._under_way)) > 0:
                await self._pause(wait)
            self._under_way += 1
        turn, sent = Turn(), self._clock.monotonic()
        try:
            yield turn
        finally:
            self._under_way -= 1
            self._note(turn.answer, sent)
            self._changed.set()

    async def _pause(self, seconds: float) -> None:
        asked = self._allowance.blocked - self._clock.monotonic()
        if asked > self._patience:
            raise RateLimited(
                f"the API has asked us to wait for {asked:.0f} seconds", retry_after=asked
            )
        self._changed.clear()
        if math.isinf(seconds):
            await self._changed.wait()
            return
        self._tell(seconds)
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        change = asyncio.ensure_future(self._changed.wait())
        try:
            # An answer to an earlier request may allow more at once.
            await asyncio.wait({sleeping, change}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            change.cancel()
            await asyncio.gather(sleeping, change, return_exceptions=True)

    def _tell(self, seconds: float) -> None:
        now = self._clock.monotonic()
        until = now + seconds
        if self._observe is None or seconds <= _TELL or until <= self._told + _TELL:
            return
        self._told = until
        reason = "the API asked us to wait" if now < self._allowance.blocked else self._reason
        self._observe(Waiting(seconds=seconds, reason=reason))

    def _note(self, answer: Answer | None, sent: float) -> None:
        now = self._clock.monotonic()
        if answer is None:
            self._allowance.unanswered(now)
            return
        self._allowance.answered(answer, sent=sent, now=now, wall=self._clock.time())
        if answer.status == _TOO_MANY:
            wait = retry_after(answer, self._clock.time(), self._after)
            self._allowance.refused(answer, wait=wait, sent=sent, now=now)
