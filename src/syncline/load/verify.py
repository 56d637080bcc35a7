"""A whole pass of the source compared with the target, and the target made equal to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlglot import exp

from syncline.errors import SchemaRefused
from syncline.load import alone, disposition, names, ownership, unlike
from syncline.load.disposition import Step
from syncline.load.emptiness import count
from syncline.load.load import Load
from syncline.load.together import guarded, other, together
from syncline.model.batch import Checkpoint
from syncline.model.job import Deletes
from syncline.model.run import Committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How a target differs from its source."""

    #: Rows of the source.
    rows: int
    #: Rows that the target lacks, has too many, or has with other values.
    missing: int
    extra: int
    different: int
    #: Keys of some of them, as texts.
    examples: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """The target has the rows of the source and no others."""
        return not (self.missing or self.extra or self.different)


def verify_id(load: Load) -> str:
    """Return the id under which a comparison keeps its own checkpoints."""
    return f"{load.task.id}#verify"


def comparing(load: Load, last: Checkpoint | None) -> Load:
    """Return the load that collects a whole pass; ``last``: the comparison's own checkpoint."""
    going_on = last is not None and last.aside and last.fingerprint == load.fingerprint
    afresh = replace(last, cursor=None, aside=None, collected=False) if last else None
    # What is never deleted is still compared, and told.
    kept = {Deletes.SOFT, Deletes.IGNORE}
    deletes = load.task.deletes if load.task.deletes in kept else Deletes.HARD
    return replace(
        load,
        task=replace(load.task, id=verify_id(load), flow=None, deletes=deletes),
        direct=False,
        compares=True,
        last=last if going_on and last and not last.collected else afresh,
    )


async def compare(load: Load, collected: Checkpoint) -> Comparison:
    """Compare the target with a collected pass, every column of every row, in the database."""
    aside = _aside(load, collected)
    if await load.destination.describe(load.target) is None:
        rows = await count(load.destination, aside)
        return Comparison(rows=rows, missing=rows, extra=0, different=0)
    shape = load.shape(datetime.fromtimestamp(load.clock.time(), UTC))
    await _refuse_unlike(load)
    found = {
        "missing": unlike.only_in(shape, aside, here=False),
        "extra": unlike.only_in(shape, aside, here=True),
        "different": unlike.unequal(shape, aside),
    }
    counts = {kind: await _number(load, query) for kind, query in found.items()}
    examples = [
        f"{kind}: {', '.join(map(str, row.values()))}"
        for kind, query in found.items()
        if counts[kind]
        for row in (await load.destination.fetch(query.limit(5))).to_pylist()
    ]
    rows = await count(load.destination, aside)
    return Comparison(rows=rows, examples=tuple(examples), **counts)


async def repair(load: Load, collected: Checkpoint, own: Checkpoint | None) -> Committed:
    """Make the target equal to a collected pass, touching just what differs, in one commit.

    ``own``: the task's checkpoint. Invariant 3: its generation moves too, so that a run which
    began before may not commit after.
    """
    now = datetime.fromtimestamp(load.clock.time(), UTC)
    if await load.destination.describe(load.target) is None:
        raise SchemaRefused(
            f"there is no table {load.task.target!r} to repair", hint="run the task first"
        )
    noted = await ownership.standing(load.destination, load.task)
    await ownership.refuse_others(load, noted=noted, known=own is not None)
    moved = replace(own, generation=own.generation + 1, run=load.run) if own else None
    # The pass is what holds now, whatever it says about when it changed.
    shape = replace(load.shape(now), version=None)
    shape = guarded(load, shape, *([moved] if moved else []))
    aside = _aside(load, collected)
    if load.traits.transactional:
        steps = disposition.difference(shape, aside, removing=load.removing)
    else:
        steps = alone.difference(shape, aside, removing=load.removing)
    if moved is not None:
        steps += other(load, moved, now)
    return await _ended(load, collected, steps, now)


async def forget(load: Load, collected: Checkpoint) -> None:
    """Drop a collected pass."""
    await _ended(load, collected, [], datetime.fromtimestamp(load.clock.time(), UTC))


async def _refuse_unlike(load: Load) -> None:
    """Refuse a comparison of columns that the target does not have yet."""
    current = await load.destination.describe(load.target)
    fold = str if load.traits.case_sensitive else str.lower
    held = {fold(name) for name in current.names} if current is not None else set()
    missing = [name for name in load.schema.names if fold(name) not in held]
    if missing:
        raise SchemaRefused(
            f"{load.task.target} has no column {', '.join(map(repr, missing))}, and the query does",
            hint="run the task first: a run adds new columns",
        )


async def _ended(
    load: Load, collected: Checkpoint, steps: Sequence[Step], now: datetime
) -> Committed:
    aside = _aside(load, collected)
    following = replace(
        collected,
        generation=collected.generation + 1,
        cursor=None,
        aside=None,
        collected=False,
        passes=collected.passes + 1,
        run=load.run,
    )
    return await together(load, steps, following, now, drop=[aside])


async def _number(load: Load, query: exp.Select) -> int:
    counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n")).from_(query.subquery("found"))
    return int((await load.destination.fetch(counted)).column(0)[0].as_py())


def _aside(load: Load, collected: Checkpoint) -> exp.Table:
    return names.table(collected.aside or "", load.schema_name)
