"""Errands: each is done when the store says so, whatever becomes of the others."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import ColumnElement, false, true

from syncline.control.errands import Errand, attend
from syncline.control.store.database import Store
from syncline.errors import Unavailable

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _always(_: datetime) -> ColumnElement[bool]:
    return true()


def _never(_: datetime) -> ColumnElement[bool]:
    return false()


async def test_no_errand_waits_for_another(
    sqlite_store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    stop, asked = asyncio.Event(), list[datetime]()
    times = dict.fromkeys(("slow", "gone", "broken", "idle", "quick"), 0)

    def noted(moment: datetime) -> ColumnElement[bool]:
        asked.append(moment)
        return true()

    async def slow() -> None:
        times["slow"] += 1
        await stop.wait()

    async def gone() -> None:
        times["gone"] += 1
        raise Unavailable("the store is away")

    async def broken() -> None:
        times["broken"] += 1
        raise ZeroDivisionError

    async def idle() -> None:
        times["idle"] += 1

    async def quick() -> None:
        times["quick"] += 1
        if min(times["quick"], times["gone"], times["broken"]) >= 3:
            stop.set()

    errands = (
        Errand(waiting=noted, do=slow), Errand(waiting=_always, do=gone),
        Errand(waiting=_always, do=broken), Errand(waiting=_never, do=idle),
        Errand(waiting=_always, do=quick),
    )  # fmt: skip
    await attend(sqlite_store, errands, stop, every=0.001, now=lambda: NOW)
    assert times["slow"] == 1
    assert times["idle"] == 0
    assert set(asked) == {NOW}
    assert "the store is away" in caplog.text
    assert "ZeroDivisionError" in caplog.text
