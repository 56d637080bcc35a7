"""A sweep: keys are read, and rows without one are removed, once that is sure."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

import pyarrow as pa
from sqlglot import exp

from syncline.load import names, unlike
from syncline.load.load import Load
from syncline.load.loader import load
from syncline.model.batch import Batch, Checkpoint, Cursor
from syncline.model.run import Result
from syncline.model.table import Value

#: Reads the keys of all rows that the source has, from a cursor on; True: and takes nothing of
#: what an earlier read was answered.
Read: TypeAlias = Callable[[Cursor | None, bool], AsyncGenerator[Batch]]
#: Reads the key of one row, if the source has it.
Ask: TypeAlias = Callable[[Value], AsyncGenerator[Batch]]

#: Reads of all keys in one run, at most.
_READS = 4
#: Rows that are asked for one by one: where nothing is known of how many requests a read takes,
#: and at most.
_FEW, _MANY = 10, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Missing:
    """Rows of the target whose keys were not read."""

    count: int
    #: Their keys, where one value each is enough to ask for them.
    keys: Sequence[Value]


async def sweep(job: Load, read: Read, *, sure: bool, ask: Ask | None) -> Result:
    """Remove the target's rows whose keys the source does not have.

    ``sure``: one read has every row that was there all the time. Where it has not, rows without
    a key are looked for once more: one by one with ``ask``, where that takes fewer requests, or
    by reading all keys again, for as long as that finds some. Only what was never found is
    removed. Raises what `load` raises.
    """
    first = job.last.cursor if job.last else None
    if sure:
        return (await load(read(first, False), job))[0]
    results: list[Result] = []
    held = job.last if job.last is not None and job.last.collected else None
    # A read that goes on where one was stopped looks for what an earlier one did not have.
    confirmed = held is not None and held.cursor is not None
    if held is None or confirmed:
        result, held = await _collected(job, read, job.last)
        results.append(result)
    missing = await _missing(job, held)
    asked: Sequence[Value] = ()
    while not confirmed and missing.count and not _stopped(results):
        few = min(sum(result.requests for result in results) or _FEW, _MANY)
        if ask is not None and len(missing.keys) == missing.count <= few:
            asked = missing.keys
            break
        result, held = await _collected(job, read, replace(held, cursor=None))
        results.append(result)
        before, missing = missing, await _missing(job, held)
        confirmed = missing.count == before.count or len(results) >= _READS
    if not _stopped(results):
        last = replace(held, cursor=None, collected=False)
        results.append((await load(_found(job, ask, asked), replace(job, last=last)))[0])
    return _sum(results)


async def _collected(job: Load, read: Read, last: Checkpoint | None) -> tuple[Result, Checkpoint]:
    """Read all keys, beside those that earlier reads have found; nothing is removed."""
    again = last is not None and last.collected
    batches = read(last.cursor if last else None, again)
    batches = _unbroken(batches) if again else batches
    return await load(batches, replace(job, confirms=True, last=last))


async def _unbroken(batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Yield the batches of a read that may begin again: what was found stays found."""
    async with aclosing(batches):
        async for batch in batches:
            yield replace(batch, restarted=False)


async def _found(job: Load, ask: Ask | None, keys: Sequence[Value]) -> AsyncGenerator[Batch]:
    """Yield the keys of those rows that the source has."""
    for key in keys:
        assert ask is not None  # noqa: S101 (only where there is one, there are keys)
        async with aclosing(ask(key)) as batches:
            async for batch in batches:
                yield replace(batch, cursor=None, complete=False, restarted=False)
    yield Batch(records=pa.RecordBatch.from_pylist([], schema=job.schema), complete=True)


async def _missing(job: Load, held: Checkpoint) -> _Missing:
    shorter = names.too_long(job.schema.names, job.traits)
    job = job.renamed(shorter) if shorter else job
    if held.aside is None or await job.destination.describe(job.target) is None:
        return _Missing(count=0, keys=())
    shape = job.shape(datetime.fromtimestamp(job.clock.time(), UTC))
    aside = names.table(held.aside, job.schema_name)
    query = unlike.only_in(shape, aside, here=True)
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n"))
    counted = counted.from_(query.copy().subquery("missing"))
    count = int((await job.destination.fetch(counted)).column(0)[0].as_py())
    if not count or len(job.key) > 1:
        return _Missing(count=count, keys=())
    found = (await job.destination.fetch(query.limit(_MANY))).column(0).to_pylist()
    keys = [key for key in found if isinstance(key, str | int)]
    return _Missing(count=count, keys=keys)


def _stopped(results: Sequence[Result]) -> bool:
    return bool(results) and results[-1].stopped


def _sum(results: Sequence[Result]) -> Result:
    """Return what several loads did together."""
    return replace(
        results[-1],
        read=sum(result.read for result in results),
        deleted=sum(result.deleted for result in results),
        requests=sum(result.requests for result in results),
        seconds=sum(result.seconds for result in results),
    )
