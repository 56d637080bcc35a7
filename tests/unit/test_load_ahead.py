import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pyarrow as pa
import pytest

from syncline.errors import ResponseRefused
from syncline.load.ahead import ROWS, read_ahead
from syncline.model.batch import Batch


class Read:
    """Batches numbered from 0, and what has become of reading them."""

    def __init__(self, count: int, *, rows: int = 1, error: Exception | None = None) -> None:
        self.made = 0
        self.closed = False
        self._count = count
        self._error = error
        self._records = pa.RecordBatch.from_arrays([pa.nulls(rows, pa.int64())], names=["id"])

    async def batches(self) -> AsyncGenerator[Batch]:
        try:
            for number in range(self._count):
                await asyncio.sleep(0)
                self.made += 1
                yield Batch(records=self._records, cursor={"at": number})
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def settled() -> None:
    """Let every other task go as far as it can."""
    for _ in range(100):
        await asyncio.sleep(0)


async def test_batches_come_in_their_order() -> None:
    read = Read(50)
    found = [batch.cursor async for batch in read_ahead(read.batches())]
    assert found == [{"at": number} for number in range(50)]
    assert read.closed


async def test_reading_goes_on_while_a_batch_is_worked_on() -> None:
    read = Read(10)
    async with aclosing(read_ahead(read.batches())) as ahead:
        await anext(ahead)
        await settled()
        assert read.made == 10


async def test_no_more_is_read_than_may_wait() -> None:
    read = Read(50, rows=ROWS // 4)
    async with aclosing(read_ahead(read.batches())) as ahead:
        await anext(ahead)
        await settled()
        assert read.made == 5
        await anext(ahead)
        await settled()
        assert read.made == 6


async def test_a_batch_larger_than_what_may_wait_passes() -> None:
    read = Read(3, rows=3 * ROWS)
    assert len([batch async for batch in read_ahead(read.batches())]) == 3


async def test_an_error_comes_after_the_batches_before_it() -> None:
    ahead = read_ahead(Read(3, error=ResponseRefused("cut off")).batches())
    for number in range(3):
        assert (await anext(ahead)).cursor == {"at": number}
        await settled()
    with pytest.raises(ResponseRefused, match="cut off"):
        await anext(ahead)


async def test_closing_ends_the_reading() -> None:
    read = Read(1000, rows=ROWS)
    ahead = read_ahead(read.batches())
    await anext(ahead)
    await ahead.aclose()
    assert read.closed
    assert read.made < 5


async def test_cancelling_ends_the_reading() -> None:
    read = Read(1000, rows=ROWS)

    async def slowly() -> None:
        async with aclosing(read_ahead(read.batches())) as ahead:
            async for _ in ahead:
                await asyncio.Event().wait()

    task = asyncio.create_task(slowly())
    await settled()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert read.closed
