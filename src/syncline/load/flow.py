"""Rows into a table that exists: which column goes where, and which rows do not fit."""

import json
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from syncline.errors import RecordRefused, SchemaRefused
from syncline.load import names
from syncline.load.mapping import Examined, Pair, Problem, examined
from syncline.load.ownership import is_view
from syncline.model.batch import Batch, Reject
from syncline.model.job import Disposition, Flow, RowErrors, Task
from syncline.model.ports import Destination
from syncline.model.steps import on_step, told_step
from syncline.model.table import size_of, units_of
from syncline.model.type_names import told_type


async def matched(
    task: Task, source: pa.Schema, destination: Destination, key: Collection[str] = ()
) -> tuple[Pair, ...]:
    """Return which column goes where in a task's existing target, see `examined`.

    ``key``: the columns of the query by which rows meet.
    Raises `SchemaRefused` with every problem at once, or if there is no such table.
    """
    if task.flow is None:
        return ()
    found = await compared(task, source, destination, key)
    if found is None:
        traits = destination.traits
        raise SchemaRefused(
            f"there is no table {task.target!r} in the schema {names.schema(task, traits)!r}",
            hint="create it first, or leave 'existing: true' out and let Syncline create it",
        )
    if found.problems:
        raise SchemaRefused(
            f"{task.target}: {'; '.join(p.text for p in found.problems)}",
            hint="write 'mapping: {column of the query: column of the table}', leave columns out "
            "of the query, or CAST them there",
        )
    return found.pairs


async def compared(
    task: Task, source: pa.Schema, destination: Destination, key: Collection[str] = ()
) -> Examined | None:
    """Look at a task's existing target; None: there is no such table."""
    traits = destination.traits
    table = names.table(names.target(task.target, traits), names.schema(task, traits))
    target = await destination.describe(table)
    if target is None or task.flow is None:
        return None
    updates = task.disposition in {None, Disposition.MERGE, Disposition.UPDATE}
    changes = set(source.names).difference(key) if updates and key else ()
    met = key if task.disposition is not Disposition.INSERT else ()
    found = examined(task.flow, source, target, changes=changes, key=met)
    if traits.views_written or not await is_view(destination, table):
        return found
    problem = Problem(text="it is a view, into which this database writes no rows")
    return replace(found, problems=(problem, *found.problems))


async def fitted(
    batches: AsyncGenerator[Batch], pairs: Sequence[Pair], flow: Flow
) -> AsyncGenerator[Batch]:
    """Yield the batches with the table's columns and types, without the rows that do not fit.

    Invariant 5: such a row is an error, or a reject, or left out because the task says so.
    """
    async with aclosing(batches):
        async for batch in batches:
            records, rejects = fit(batch.records, pairs, flow)
            removed = batch.removed
            if removed is not None:
                names = {p.source.name: p.target.name for p in pairs}
                removed = removed.rename_columns([names[n] for n in removed.schema.names])
            yield replace(
                batch, records=records, removed=removed, rejects=(*batch.rejects, *rejects)
            )


def fit(
    records: pa.RecordBatch,
    pairs: Sequence[Pair],
    flow: Flow,
    *,
    policy: RowErrors | None = None,
) -> tuple[pa.RecordBatch, list[Reject]]:
    """Return the rows that fit, as the table has them, and the others with the reason.

    ``policy`` takes the place of those of the flow.
    """
    good = pa.repeat(pa.scalar(True), records.num_rows)
    rejects: list[Reject] = []
    for pair in pairs:
        column = records.column(pair.source.name)
        for kind, reason, bad in _bad(column, pair):
            # A row is rejected once, for its first column that does not fit.
            first = pc.and_(good, pc.fill_null(bad, False))
            if not pc.any(first).as_py():
                continue
            chosen = policy or (flow.on_truncation if kind == "truncation" else flow.on_error)
            rows = records.filter(first)
            if chosen is RowErrors.FAIL:
                value = rows.column(pair.source.name)[0].as_py()
                raise RecordRefused(
                    f"{rows.num_rows} row(s) do not fit: {pair.target.name}: {reason}, for "
                    f"example {str(value)[:60]!r}",
                    hint="set 'on_error' or 'on_truncation' to redirect or ignore such rows, or "
                    "change the query",
                )
            if chosen is RowErrors.REDIRECT:
                rejects += [
                    Reject(
                        record=json.dumps(row, default=str, ensure_ascii=False),
                        reason=reason,
                        column=pair.target.name,
                    )
                    for row in rows.to_pylist()
                ]
            good = pc.and_not(good, first)
    kept = records.filter(good)
    columns = [_converted(kept.column(p.source.name), p.target) for p in pairs]
    schema = pa.schema([p.target for p in pairs])
    return pa.RecordBatch.from_arrays(columns, schema=schema), rejects


def _bad(column: pa.Array, pair: Pair) -> Sequence[tuple[str, str, pa.Array]]:
    """Return the ways in which values do not fit: kind, reason, mask."""
    found = []
    if not pair.target.nullable:
        found.append(("error", "needs a value", pc.is_null(column)))
    size = size_of(pair.target)
    if size is not None and pa.types.is_string(column.type):
        count = _units if units_of(pair.target) == size else pc.utf8_length
        found.append(("truncation", f"longer than {size}", pc.greater(count(column), size)))
    if not _holds(column, pair.target):
        found.append(("error", _unfitting(pair.target), _unfit(column, pair.target)))
    return found


def _units(column: pa.Array) -> pa.Array:
    """Return lengths in UTF-16 units."""
    # A character beyond the basic plane takes four bytes in UTF-8 and two units in UTF-16.
    beyond = pc.count_substring_regex(column, pattern=r"[\x{10000}-\x{10FFFF}]")
    return pc.add(pc.utf8_length(column), beyond)


def _unfitting(target: pa.Field) -> str:
    step = told_step(target)
    if step:
        return f"would be rounded to {step}"
    return (
        "would be rounded"
        if pa.types.is_floating(target.type)
        else f"does not fit {told_type(target)}"
    )


def _holds(column: pa.Array, target: pa.Field) -> bool:
    try:
        _converted(column, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _unfit(column: pa.Array, target: pa.Field) -> pa.Array:
    """Return which values do not convert; only for pages that have such."""
    return pa.array([v.is_valid and not _holds(pa.array([v.as_py()], column.type), target)
                     for v in column])  # fmt: skip


def _converted(column: pa.Array, target: pa.Field) -> pa.Array:
    """Return values as the target has them. Raises `pa.ArrowInvalid` if one would change."""
    result = _cast(column, target.type)
    if not (_unrounded(column, result) and on_step(result, target)):
        raise pa.ArrowInvalid("a value would be rounded")
    return result


def _unrounded(column: pa.Array, result: pa.Array) -> bool:
    """Say whether numbers are the same as floats: Arrow rounds to them without a word."""
    if column.type.equals(result.type) or not pa.types.is_floating(result.type):
        return True
    if pa.types.is_decimal(column.type):
        # The double nearest to a decimal stands for it.
        doubles = column.cast(pa.float64())
        back = doubles.cast(column.type)
        return bool(back.equals(column)) and _unrounded(doubles, result)
    if pa.types.is_floating(column.type):
        # As the digits that are shown, so that 0.1 is 0.1 in fewer bits too.
        back = result.cast(pa.string()).cast(column.type)
        differs = pc.and_not(pc.not_equal(back, column), pc.is_nan(column))
        return not pc.any(differs, min_count=0).as_py()
    return True


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    if column.type.equals(type_):
        return column
    if pa.types.is_floating(column.type) and pa.types.is_decimal(type_):
        # Through the shortest text, so that 0.1 is 0.1 and not its binary neighbour.
        return column.cast(pa.string()).cast(type_)
    if pa.types.is_decimal(column.type) and pa.types.is_float32(type_):
        # Right away, the last bit may be another one.
        return column.cast(pa.float64()).cast(type_)
    if pa.types.is_timestamp(column.type) and pa.types.is_timestamp(type_):
        return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(type_)
    return column.cast(type_)
