"""A pass collected whole, written to an existing table batch by batch."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import RecordRefused
from syncline.load import alone, commit, disposition, names
from syncline.load.ddl import column, create_table, drop_table
from syncline.load.disposition import SEQUENCE, Step
from syncline.load.finish import declared
from syncline.load.foreseen import foreseen, listed, without
from syncline.load.load import Load
from syncline.load.rejects import kept_rejects
from syncline.load.remains import kept_files
from syncline.load.sift import attempted, numbered, only, rejected, sift, sifts
from syncline.load.target import changed_target
from syncline.load.together import together
from syncline.load.whole import applied_whole
from syncline.model.batch import Checkpoint, Reject
from syncline.model.run import Committed, Evolved


async def pouring(
    load: Load, checkpoint: Checkpoint
) -> AsyncGenerator[tuple[Checkpoint, Committed]]:
    """Move the rows of the aside table to the target, a batch a commit; yield each commit.

    Invariant 2: a batch leaves the aside table in the transaction that writes it, so what is
    there is what is still to do, after any crash.
    """
    if load.copied:
        yield await _copied(load, checkpoint)
        return
    aside = names.table(checkpoint.aside or "", load.schema_name)
    size = load.task.flow.batch_size if load.task.flow else 0
    batch = commit.staging_table(
        load.destination, load.schema_name, load.task, load.run, "batch", generation=0
    )
    while checkpoint.collected:
        upto, rows, left = await _next(load, aside, size)
        now = datetime.fromtimestamp(load.clock.time(), UTC)
        last = rows >= left
        following = replace(
            checkpoint,
            generation=checkpoint.generation + 1,
            collected=not last,
            aside=None if last else checkpoint.aside,
            passes=checkpoint.passes + last,
            passes_since_sweep=checkpoint.passes_since_sweep + last,
            run=load.run,
        )
        steps: list[Step] = []
        if rows:
            await _made(load, batch)
            steps += disposition.take(aside, (*load.schema.names, SEQUENCE), batch, upto)
        applied = await applied_whole(load, load.shape(now), batch) if rows else []
        ended = [Step(statement=drop_table(aside))] if last else []
        rejects: Sequence[Reject] = ()
        try:
            done = await together(load, [*steps, *applied, *ended], following, now, drop=[batch])
        except RecordRefused:
            if not sifts(load):
                raise
            poured = _Poured(load=load, aside=aside, batch=batch, taken=steps, applied=applied,
                             ended=ended, upto=upto, following=following, now=now)  # fmt: skip
            done, rejects = await _fewer(poured)
        checkpoint = following
        yield checkpoint, replace(done, rows=rows, rejected=len(rejects))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poured:
    """A batch that was refused, and what its commit consists of."""

    load: Load
    aside: exp.Table
    batch: exp.Table
    taken: Sequence[Step]
    applied: Sequence[Step]
    ended: Sequence[Step]
    upto: int
    following: Checkpoint
    now: datetime

    async def written(self, left: Sequence[Step], rejects: Sequence[Reject]) -> Committed:
        """Commit the batch with the steps that take refused rows out, and their rejects."""
        load = self.load
        staged = commit.staging_table(
            load.destination, load.schema_name, load.task, load.run, "reject", generation=0
        )
        kept = await kept_rejects(load, rejects, staged, self.following, self.now, first=False)
        steps = [*self.taken, *left, *self.applied, *self.ended, *kept]
        return await together(load, steps, self.following, self.now, drop=[self.batch])


async def _fewer(poured: _Poured) -> tuple[Committed, list[Reject]]:
    """Commit a batch without the rows that the target refuses; return these as rejects."""
    load, aside, batch = poured.load, poured.aside, poured.batch
    refused = await foreseen(load, load.shape(poured.now), (), [aside], poured.upto)
    if not refused:
        return await _halved(poured, [], refused, [])
    async with listed(load, refused) as numbers:
        rejects = await rejected(load, [aside], refused, numbers)
        left = without(batch, numbers)
        try:
            return await poured.written(left, rejects), rejects
        except RecordRefused:
            return await _halved(poured, left, refused, rejects)


async def _halved(
    poured: _Poured,
    left: Sequence[Step],
    known: Mapping[int, RecordRefused],
    rejects: Sequence[Reject],
) -> tuple[Committed, list[Reject]]:
    load, batch = poured.load, poured.batch
    rows = [n for n in await numbered(load, [poured.aside], poured.upto) or [] if n not in known]

    async def attempt(kept: Sequence[int]) -> RecordRefused | None:
        return await attempted(
            load, [*poured.taken, *left, *only(batch, rows, kept), *poured.applied]
        )

    refused = await sift(rows, attempt)
    more: list[Reject] = []
    if refused:
        # The table of what is known already has its name.
        async with listed(load, refused, "halved") as numbers:
            more = await rejected(load, [poured.aside], refused, numbers)
    every = [*rejects, *more]
    fewer = [*left, *only(batch, rows, [n for n in rows if n not in refused])]
    return await poured.written(fewer, every), every


async def _copied(load: Load, checkpoint: Checkpoint) -> tuple[Checkpoint, Committed]:
    """Add the files of a pass to the target: those that it has already are left out."""
    now = datetime.fromtimestamp(load.clock.time(), UTC)
    following = replace(
        checkpoint,
        generation=checkpoint.generation + 1,
        collected=False,
        aside=None,
        passes=checkpoint.passes + 1,
        passes_since_sweep=checkpoint.passes_since_sweep + 1,
        run=load.run,
    )
    # They were all committed; the next generation has staged none.
    mine = replace(following, collected=True)
    files = await kept_files(load.destination, load.task, mine, checkpoint.aside or "")
    changes, steps = await changed_target(load, now, [])
    steps += [declared(load, files), alone.copied(load.shape(now), files)]
    done = await together(load, steps, following, now, drop=[files])
    if changes:
        load.observe(Evolved(changes=tuple(map(str, changes))))
    return following, replace(done, rows=done.inserted)


async def _next(load: Load, aside: exp.Table, size: int) -> tuple[int, int, int]:
    """Return up to which number the next batch goes, its rows, and all rows that are left."""
    first = exp.select(column(SEQUENCE)).from_(aside.copy())
    first = first.order_by(exp.Ordered(this=column(SEQUENCE))).limit(size)
    query = exp.select(
        exp.alias_(exp.Max(this=column(SEQUENCE)), "upto"),
        exp.alias_(exp.Count(this=exp.Star()), "n"),
    ).from_(first.subquery("first"))
    found = (await load.destination.fetch(query)).to_pylist()[0]
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(aside.copy())
    left = (await load.destination.fetch(counted)).to_pylist()[0]["n"]
    return found["upto"] or 0, found["n"], left


async def _made(load: Load, batch: exp.Table) -> None:
    traits = load.destination.traits
    schema = load.schema.append(pa.field(SEQUENCE, pa.int64()))
    await load.destination.execute(
        [
            drop_table(batch),
            create_table(batch, schema, traits.dialect, temporary=traits.temporary_staging),
        ]
    )
