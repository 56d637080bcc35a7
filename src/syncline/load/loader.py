"""The one load algorithm: stage, then commit schema, rows and checkpoint together."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlglot import exp

from syncline.errors import ResponseRefused, SynclineError
from syncline.load import commit, names, ownership
from syncline.load.ahead import read_ahead
from syncline.load.checkpoint import prepare
from syncline.load.ddl import drop_table
from syncline.load.load import Load, in_utc
from syncline.load.pour import pouring
from syncline.load.staging import Staging
from syncline.model.batch import Batch, Checkpoint, Cursor
from syncline.model.run import Committed, Read, Result

_NOTHING = Result(read=0, inserted=0, updated=0, deleted=0, rejected=0, requests=0, seconds=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    checkpoint: Checkpoint
    result: Result = _NOTHING
    last_commit: float | None = None
    restarted: bool = False
    stopped: bool = False

    def read(self, batch: Batch) -> "_State":
        removed = batch.removed.num_rows if batch.removed is not None else 0
        rows = batch.records.num_rows + removed
        result = replace(
            self.result,
            read=self.result.read + rows,
            requests=self.result.requests + batch.requests,
        )
        return replace(self, result=result)

    def committed_at(self, started: float) -> float:
        return started if self.last_commit is None else self.last_commit

    def committed(self, done: Committed, checkpoint: Checkpoint, at: float) -> "_State":
        result = replace(
            self.result,
            inserted=self.result.inserted + done.inserted,
            updated=self.result.updated + done.updated,
            deleted=self.result.deleted + done.deleted,
            rejected=self.result.rejected + done.rejected,
        )
        return _State(checkpoint=checkpoint, result=result, last_commit=at)


async def load(batches: AsyncGenerator[Batch], job: Load) -> tuple[Result, Checkpoint]:
    """Bring a read into the target; return what was done and the checkpoint it ended with.

    Invariant 8: commits at the first cursor after ``commit_rows`` rows or ``commit_seconds``
    seconds. On any error, what was committed stays and the next run goes on from there; so it
    does where ``stop`` of the job said so, and the result is ``stopped`` then. Raises
    `DestinationRefused` before a row is read if the target is a table of others.
    """
    started = job.clock.monotonic()
    job, batches = suited(job, batches)
    if not job.ledger.there:
        await prepare(job.destination, job.schema_name)
    job = await ownership.claimed(job)
    staging = Staging(
        destination=job.destination,
        table=_staging_table(job, job.last.generation if job.last else 0),
        schema=job.schema,
        key=job.key,
        keep_rejects=job.task.rejects,
        ignoring=job.ignoring,
        kept=job.kept,
        # Each attempt's rows come after those of the attempts before.
        first=(job.last.generation if job.last else 0) << 32,
    )
    state = _State(checkpoint=job.last or _nothing(job))
    complete = False
    try:
        async with aclosing(read_ahead(batches)) as ahead:
            async for batch in ahead:
                if batch.restarted:
                    await staging.forget()
                    state = replace(state, restarted=True)
                await staging.add(batch)
                complete = batch.complete
                state = state.read(batch)
                job.observe(Read(rows=state.result.read, requests=state.result.requests))
                if batch.cursor is None and not complete:
                    continue
                waited = job.clock.monotonic() - state.committed_at(started)
                due = _due(job, staging.rows, waited)
                stopped = not complete and job.stop()
                if due or complete or stopped:
                    state = await _commit(job, staging, state, batch.cursor, complete=complete)
                if stopped:
                    state = replace(state, stopped=True)
                    break
    finally:
        await _tidy(staging)
    if not complete and not state.stopped:
        raise ResponseRefused(
            f"the source ended its read of {job.task.id} without saying that it was complete",
            hint="the rows read so far are kept; run again to go on",
        )
    if state.checkpoint.collected and not (job.compares or job.confirms):
        if job.stop():
            state = replace(state, stopped=True)
        else:
            state = await _pour(job, state)
    return _ended(job, state, started), state.checkpoint


async def pour(job: Load) -> tuple[Result, Checkpoint]:
    """Go on writing a pass that an earlier run has collected whole."""
    if job.last is None or not job.last.collected:
        raise AssertionError("nothing is collected")
    started = job.clock.monotonic()
    state = await _pour(job, _State(checkpoint=job.last))
    return _ended(job, state, started), state.checkpoint


def _ended(job: Load, state: _State, started: float) -> Result:
    seconds = job.clock.monotonic() - started
    return replace(state.result, seconds=seconds, stopped=state.stopped)


async def _pour(job: Load, state: _State) -> _State:
    async with aclosing(pouring(job, state.checkpoint)) as batches:
        async for checkpoint, done in batches:
            job.observe(done)
            state = state.committed(done, checkpoint, job.clock.monotonic())
            if checkpoint.collected and job.stop():
                return replace(state, stopped=True)
    return state


def suited(job: Load, batches: AsyncGenerator[Batch]) -> tuple[Load, AsyncGenerator[Batch]]:
    """Return both with the names and the types of columns that the destination has."""
    shorter = names.too_long(job.schema.names, job.traits)
    if shorter:
        batches = _renamed(batches, shorter)
    if not job.traits.instants:
        batches = _in_utc(batches)
    return suited_load(job), batches


def suited_load(job: Load) -> Load:
    """Return the load with the names and the types of columns that the destination has."""
    shorter = names.too_long(job.schema.names, job.traits)
    job = job.renamed(shorter) if shorter else job
    return job if job.traits.instants else job.in_utc()


async def _renamed(batches: AsyncGenerator[Batch], new: Mapping[str, str]) -> AsyncGenerator[Batch]:
    async with aclosing(batches):
        async for batch in batches:
            records, removed = batch.records, batch.removed
            records = records.rename_columns([new.get(n, n) for n in records.schema.names])
            if removed is not None:
                removed = removed.rename_columns([new.get(n, n) for n in removed.schema.names])
            yield replace(batch, records=records, removed=removed)


async def _in_utc(batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    async with aclosing(batches):
        async for batch in batches:
            records, removed = batch.records, batch.removed
            records = records.cast(in_utc(records.schema))
            if removed is not None:
                removed = removed.cast(in_utc(removed.schema))
            yield replace(batch, records=records, removed=removed)


async def _commit(
    job: Load, staging: Staging, state: _State, cursor: Cursor | None, *, complete: bool
) -> _State:
    await staging.flush()
    before = state.checkpoint
    generation = before.generation + 1
    begun = before.aside or _new_aside(job, generation)
    if state.restarted and not job.traits.transactional:
        # What earlier commits collected is not of this pass.
        begun = _new_aside(job, generation)
    collected = complete and (job.batched or job.compares or job.copied or job.confirms)
    passed = complete and not collected
    after = Checkpoint(
        task=job.task.id,
        generation=generation,
        # The read that looks once more begins at the beginning.
        cursor=None if job.confirms and complete else cursor,
        passes=before.passes + passed,
        fingerprint=job.fingerprint,
        aside=None if job.direct or passed else begun,
        # Once all keys were read, it stays so.
        collected=collected or (job.confirms and before.collected),
        passes_since_sweep=before.passes_since_sweep + passed,
        run=job.run,
    )
    staging.offer()
    done = await commit.execute(
        commit.Commit(
            load=job,
            staging=staging,
            aside=None if job.direct else names.table(begun, job.schema_name),
            begun=before.aside is not None and not state.restarted,
            checkpoint=after,
            complete=complete,
            first=state.last_commit is None,
            now=datetime.fromtimestamp(job.clock.time(), UTC),
        )
    )
    job.observe(done)
    staging.reset(_staging_table(job, generation))
    if state.last_commit is None:
        # Not before: until we have committed, another run may be the one that goes on, and
        # what it stages is no leftover. From here on it may not commit.
        # What cannot be dropped now is collected by the next run; the rows are committed.
        with suppress(SynclineError):
            await collect_leftovers(job, after)
    return state.committed(done, after, job.clock.monotonic())


def _new_aside(job: Load, generation: int) -> str:
    # Making a table is not refused to a run that has lost its claim.
    return names.aside(job.task, generation, "" if job.traits.transactional else job.run)


def _due(job: Load, rows: int, waited: float) -> bool:
    task, traits = job.task, job.traits
    return rows >= max(task.commit_rows, traits.commit_rows) or (
        waited >= max(task.commit_seconds, traits.commit_seconds)
    )


def _staging_table(job: Load, before: int) -> exp.Table:
    """Return where the rows of the commit after a generation are staged."""
    return commit.staging_table(
        job.destination, job.schema_name, job.task, job.run, generation=before + 1
    )


def _nothing(job: Load) -> Checkpoint:
    return Checkpoint(
        task=job.task.id,
        generation=0,
        cursor=None,
        passes=0,
        fingerprint=job.fingerprint,
        aside=None,
        passes_since_sweep=0,
        run=job.run,
    )


async def collect_leftovers(job: Load, last: Checkpoint) -> None:
    """Drop staging and aside tables of other attempts, but the aside that goes on."""
    found = await commit.tables_of(job.destination, job.schema_name)
    stale = [n for n in found if names.leftover(job.task, n, last.generation) and n != last.aside]
    drops = [drop_table(names.table(n, job.schema_name)) for n in stale]
    if not job.traits.transactional:
        # What a pass under way has staged counts still.
        oldest = names.begun(last.aside) if last.aside else last.generation
        name = names.staged_before(job.task, oldest)
        drops.append(drop_table(exp.table_(exp.to_identifier(name, quoted=True))))
    if drops:
        await job.destination.execute(drops)


async def _tidy(staging: Staging) -> None:
    """Drop the staging table; what cannot be dropped now is collected by the next run."""
    # The error that brought us here is the one to show.
    with suppress(SynclineError):
        await staging.drop()
