"""Generators run ahead of who reads them: in tasks of their own, with a bounded lead."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

T = TypeVar("T")

#: How many items may wait to be read.
LEAD = 16


async def in_order(
    make: Sequence[Callable[[], AsyncGenerator[T]]], *, at_once: int
) -> AsyncGenerator[tuple[int, T]]:
    """Yield (index, item) of all generators, one generator after the other.

    Up to ``at_once`` of them run at the same time, each up to `LEAD` items ahead. Closing it
    ends them all before it returns.
    """
    waiting = deque(enumerate(make))
    running: deque[_Runner[T]] = deque()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_Runner([waiting.popleft()]))
            async with aclosing(running[0].items()) as items:
                async for item in items:
                    yield item
            await running.popleft().aclose()
    finally:
        for runner in running:
            await runner.aclose()


async def as_they_come(
    make: Sequence[Callable[[], AsyncGenerator[T]]], *, at_once: int
) -> AsyncGenerator[tuple[int, T]]:
    """Yield (index, item) of all generators as they come; each one's own items in order.

    Up to ``at_once`` of them run at the same time. Closing it ends them all before it returns.
    """
    runner = _Runner(list(enumerate(make)), workers=at_once)
    try:
        async with aclosing(runner.items()) as items:
            async for item in items:
                yield item
    finally:
        await runner.aclose()


class _Runner(Generic[T]):
    """Reads generators in tasks, into a bounded queue."""

    def __init__(
        self,
        work: Iterable[tuple[int, Callable[[], AsyncGenerator[T]]]],
        *,
        workers: int = 1,
    ) -> None:
        self._work = deque(work)
        self._queue: asyncio.Queue[tuple[int, T] | BaseException | None] = asyncio.Queue(LEAD)
        self._tasks = [
            asyncio.create_task(self._run()) for _ in range(min(workers, len(self._work)))
        ]

    async def items(self) -> AsyncGenerator[tuple[int, T]]:
        """Yield what comes, and raise what a generator raises, after all that came before it."""
        left = len(self._tasks)
        while left:
            item = await self._queue.get()
            match item:
                case None:
                    left -= 1
                case BaseException():
                    raise item
                case _:
                    yield item

    async def aclose(self) -> None:
        """End all tasks; their errors are of no interest any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while self._work:
                index, make = self._work.popleft()
                async with aclosing(make()) as generator:
                    async for item in generator:
                        await self._queue.put((index, item))
        except Exception as error:  # noqa: BLE001 (raised where the items are read)
            await self._queue.put(error)
        else:
            await self._queue.put(None)
