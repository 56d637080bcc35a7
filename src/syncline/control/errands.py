"""What is done again and again, and what is done when the store says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from syncline.control.store.database import Store
from syncline.errors import TransientError

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something to do now and then."""

    #: Return what is true where there may be something to do at an instant.
    waiting: Callable[[datetime], ColumnElement[bool]]
    do: Callable[[], Awaitable[object]]


async def attend(
    store: Store,
    errands: Sequence[Errand],
    stop: asyncio.Event,
    *,
    every: float,
    now: Callable[[], datetime],
) -> None:
    """Do what the store says it is time for, until told to stop; no errand waits for another.

    One look in ``every`` seconds, with one statement that mostly finds nothing: this is what
    thousands of idle schedules cost.
    """
    called = [asyncio.Event() for _ in errands]

    async def look() -> None:
        moment = now()
        query = select(*(e.waiting(moment).label(f"e{n}") for n, e in enumerate(errands)))
        async with store.reading() as connection:
            found = (await connection.execute(query)).one()
        for call, is_time in zip(called, found, strict=True):
            if is_time:
                call.set()

    async with asyncio.TaskGroup() as group:
        for call, errand in zip(called, errands, strict=True):
            group.create_task(_whenever(call, errand, stop))
        await again_and_again(look, every, stop)
        for call in called:
            call.set()


async def _whenever(call: asyncio.Event, errand: Errand, stop: asyncio.Event) -> None:
    while await call.wait() and not stop.is_set():
        call.clear()
        await safely(errand.do)


async def again_and_again(
    job: Callable[[], Awaitable[object]], seconds: float, stop: asyncio.Event
) -> None:
    """Do something, wait for so many seconds, and do it again, until told to stop."""
    while not stop.is_set():
        await safely(job)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await stop.wait()


async def safely(job: Callable[[], Awaitable[object]]) -> None:
    """Do something that is done again anyway: log what goes wrong."""
    try:
        await job()
    except TransientError as error:
        _LOG.warning("trying again: %s", error)
    except Exception:  # noqa: BLE001 (a defect in one thing must not stop all the others)
        _LOG.exception("a defect, trying again")
