"""What has to be written down in the store is tried until the store takes it."""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from syncline.errors import TransientError
from syncline.model.run import Clock

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_PAUSE = 1.0


async def patiently(clock: Clock, call: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Return what a call returns, tried again for as long as the store does not answer.

    A step that failed because of that would fail its run. A node that cannot reach the store for
    long ends itself, so this does not last for ever.
    """
    while True:
        try:
            return await call()
        except TransientError as error:
            _LOG.warning("the store does not answer, trying again: %s", error)
            await clock.sleep(_PAUSE)
