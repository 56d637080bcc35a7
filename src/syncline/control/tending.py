"""What every process over a store looks after beside its runs: webhooks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from syncline.control.plane import Plane
from syncline.control.touching import Touched
from syncline.control.usecases.webhooks import tend_webhooks
from syncline.errors import TransientError

_LOG = logging.getLogger(__name__)
#: Seconds between two looks: for what deliveries have changed, for subscriptions that end.
TICK, RENEWING = 2.0, 30.0


@asynccontextmanager
async def tended_webhooks(
    plane: Plane, *, tick: float = TICK, renewing: float = RENEWING
) -> AsyncIterator[None]:
    """Begin runs of what has changed and renew subscriptions, for as long as the block lasts."""
    touched = Touched(store=plane.store, clock=plane.clock)
    jobs = (
        asyncio.create_task(_again_and_again(plane, touched.tick, tick)),
        asyncio.create_task(_again_and_again(plane, lambda: tend_webhooks(plane), renewing)),
    )
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


async def _again_and_again(plane: Plane, job: Callable[[], Awaitable[int]], seconds: float) -> None:
    while True:
        try:
            await job()
        except TransientError as error:
            _LOG.warning("trying again: %s", error)
        except Exception:  # noqa: BLE001 (a defect here must not stop what runs beside it)
            _LOG.exception("a defect, trying again")
        await plane.clock.sleep(seconds)
