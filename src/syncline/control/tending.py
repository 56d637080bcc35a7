"""What every process over a store looks after beside its runs: webhooks, and notices."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from syncline.control.engine.delivering import deliverer
from syncline.control.errands import Errand, safely
from syncline.control.plane import Plane
from syncline.control.touching import Touched
from syncline.control.usecases.webhooks import tend_webhooks
from syncline.model.run import Clock

#: Seconds between two looks for subscriptions that end.
RENEWING = 30.0


def errands(plane: Plane, clock: Clock) -> Sequence[Errand]:
    """Return what a node of a store does: tell people, begin runs of what deliveries changed."""
    notices = deliverer(plane, clock)
    touched = Touched(store=plane.store, clock=plane.clock)
    return (
        Errand(waiting=notices.waiting, do=notices.deliver),
        Errand(waiting=touched.waiting, do=touched.tick),
    )


@asynccontextmanager
async def tended_webhooks(plane: Plane, *, renewing: float = RENEWING) -> AsyncIterator[None]:
    """Renew subscriptions, for as long as the block lasts."""
    renewal = asyncio.create_task(_renewed(plane, renewing))
    try:
        yield
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)


async def _renewed(plane: Plane, seconds: float) -> None:
    while True:
        await safely(partial(tend_webhooks, plane))
        await plane.clock.sleep(seconds)
