"""Batches are read ahead of the load that takes them, so that reading goes on while it commits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from syncline.model.batch import Batch

#: Rows that may wait to be taken; no more batches are read beyond them.
ROWS = 20_000


async def read_ahead(batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Yield the batches, and after them raise what reading them raised.

    Closing it ends the reading before it returns.
    """
    waiting: asyncio.Queue[Batch | Exception | None] = asyncio.Queue()
    rows = 0
    room = asyncio.Event()

    async def read() -> None:
        nonlocal rows
        end = None
        try:
            async with aclosing(batches):
                async for batch in batches:
                    waiting.put_nowait(batch)
                    rows += batch.records.num_rows
                    if rows >= ROWS:
                        room.clear()
                        await room.wait()
        except Exception as error:  # noqa: BLE001 (raised where the batches are taken)
            end = error
        waiting.put_nowait(end)

    reading = asyncio.create_task(read())
    try:
        while (item := await waiting.get()) is not None:
            if isinstance(item, Exception):
                raise item
            rows -= item.records.num_rows
            if rows < ROWS:
                room.set()
            yield item
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
