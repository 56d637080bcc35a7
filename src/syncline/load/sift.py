"""Which rows of a commit the target refuses: found by halving, in transactions that are undone."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from sqlglot import exp

from syncline.errors import DestinationRefused, RecordRefused
from syncline.load import names
from syncline.load.ddl import column
from syncline.load.disposition import SEQUENCE, Step
from syncline.load.foreseen import among
from syncline.load.load import Load
from syncline.load.staging import as_json
from syncline.load.together import with_identity
from syncline.model.batch import Reject
from syncline.model.job import RowErrors

#: Attempts for one commit; a row that is refused takes about as many as it takes halvings.
ATTEMPTS = 2_000
#: Tries the rows of these numbers; returns why one of them is refused, or None.
Attempt: TypeAlias = Callable[[Sequence[int]], Awaitable[RecordRefused | None]]
_NOWHERE = "_syncline_nowhere"


def sifts(load: Load) -> bool:
    """Say whether rows that constraints of the target refuse are left out or rejected."""
    flow = load.task.flow
    failing = flow is None or flow.on_error is RowErrors.FAIL
    # Without its other rows, a pass that deletes what it lacks would delete too much.
    return not failing and load.traits.transactional and (load.direct or not load.removing)


async def sift(
    numbers: Sequence[int], attempt: Attempt, *, attempts: int = ATTEMPTS
) -> dict[int, RecordRefused]:
    """Return the rows that are refused, each with the reason; all others go together.

    First every row by itself, then what only some rows beside it forbid: of several rows with
    the same unique value the first stays. Raises `RecordRefused` after so many ``attempts``.
    """
    refused: dict[int, RecordRefused] = {}
    numbers = sorted(numbers)
    for alone in (True, False):
        done: list[int] = []
        waiting = [[n for n in numbers if n not in refused]]
        while waiting:
            part = waiting.pop()
            attempts -= 1
            error = await attempt([*([] if alone else done), *part]) if part else None
            if error is None:
                done += part
            elif len(part) == 1:
                refused[part[0]] = error
            elif attempts <= 0:
                raise RecordRefused(
                    f"too many rows are refused to find them all: {error}",
                    hint="write fewer rows at once with 'batch_size', or leave such rows out in "
                    "the query",
                )
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
    return refused


async def attempted(load: Load, steps: Sequence[Step]) -> RecordRefused | None:
    """Run a commit's steps and undo them; return why a row is refused, or None."""
    # What ends the transaction after all others have gone through.
    nowhere = exp.Delete(this=names.table(_NOWHERE, load.schema_name))
    statements = [*(s.statement for s in with_identity(load, steps)), nowhere]
    try:
        await load.destination.execute(statements, lock=f"{load.schema_name}.{load.task.target}")
    except RecordRefused as error:
        return error
    except DestinationRefused as error:
        if _NOWHERE not in str(error):
            raise
        return None
    raise AssertionError("a statement on a missing table went through")


def only(rows: exp.Table, numbers: Sequence[int], kept: Iterable[int] | None) -> list[Step]:
    """Return what leaves just some rows of a table; None: it leaves all.

    ``numbers``: of all of them, sorted.
    """
    if kept is None:
        return []
    places = {number: place for place, number in enumerate(numbers)}
    found = sorted(places[n] for n in kept)
    breaks = [at for at, (a, b) in enumerate(pairwise(found), 1) if b != a + 1]
    runs = [
        exp.and_(
            column(SEQUENCE) >= exp.Literal.number(numbers[found[first]]),
            column(SEQUENCE) <= exp.Literal.number(numbers[found[after - 1]]),
        )
        for first, after in zip([0, *breaks], [*breaks, len(found)], strict=True)
        if found
    ]
    where = exp.Where(this=exp.not_(exp.or_(*runs))) if runs else None
    return [Step(statement=exp.Delete(this=rows.copy(), where=where))]


async def numbered(
    load: Load, tables: Sequence[exp.Table], upto: int | None = None
) -> list[int] | None:
    """Return the numbers of the rows of some tables, sorted; None: some have none."""
    found: set[int | None] = set()
    for table in tables:
        query = exp.select(column(SEQUENCE)).from_(table.copy())
        if upto is not None:
            query = query.where(column(SEQUENCE) <= exp.Literal.number(upto))
        found.update((await load.destination.fetch(query)).column(0).to_pylist())
    known = [n for n in found if n is not None]
    return sorted(known) if len(known) == len(found) else None


async def rejected(
    load: Load,
    tables: Sequence[exp.Table],
    refused: Mapping[int, RecordRefused],
    numbers: exp.Table,
) -> list[Reject]:
    """Return the rejects of rows that were refused; none where the task ignores them.

    ``numbers``: a table of theirs.
    """
    flow = load.task.flow
    if flow is None or flow.on_error is not RowErrors.REDIRECT:
        return []
    rejects: list[Reject] = []
    for table in tables:
        query = exp.select(*(column(c) for c in (*load.schema.names, SEQUENCE)))
        query = query.from_(table.copy()).where(among(numbers))
        for row in (await load.destination.fetch(query)).to_pylist():
            reason = str(refused[row.pop(SEQUENCE)])
            rejects.append(Reject(record=as_json(row), reason=reason))
    return rejects
