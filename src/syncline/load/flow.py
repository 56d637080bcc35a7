"""Rows into a table that exists: which column goes where, and which rows do not fit."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from syncline.errors import RecordRefused, SchemaRefused
from syncline.load import names
from syncline.model.batch import Batch, Reject
from syncline.model.job import Flow, RowErrors, Task
from syncline.model.ports import Destination
from syncline.model.table import made_by, size_of, units_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A column of the query and the column of the table that takes it."""

    source: pa.Field
    target: pa.Field

    def __str__(self) -> str:
        return f"{self.source.name} {self.source.type} → {self.target.name} {self.target.type}"


def paired(flow: Flow, source: pa.Schema, target: pa.Schema, table: str) -> tuple[Pair, ...]:
    """Return which column goes where: as the mapping says, else by equal name in any case.

    Raises `SchemaRefused` with every problem at once: names that are not there, types that
    cannot fit, columns that need a value and get none, columns that take none.
    """
    there = {f.name.lower(): f for f in target}
    have = {f.name.lower(): f for f in source}
    wanted = {k.lower(): v for k, v in flow.mapping.items()}
    problems = [
        f"the query has no column {name!r}" for name in flow.mapping if name.lower() not in have
    ]
    pairs: list[Pair] = []
    for field in source:
        name = wanted.get(field.name.lower(), field.name)
        held = there.get(name.lower())
        if held is not None:
            pairs.append(Pair(source=field, target=held))
            problems += _misfits(flow, pairs[-1])
        elif field.name.lower() in wanted:
            problems.append(f"the table has no column {name!r}")
        else:
            problems.append(f"no column takes {field.name!r}")
    taken = [p.target.name for p in pairs]
    problems += [f"{name!r} is mapped twice" for name in set(taken) if taken.count(name) > 1]
    problems += [
        f"{f.name!r} needs a value and gets none"
        for f in target
        if f.name not in taken and not f.nullable and not made_by(f)
    ]
    if problems:
        raise SchemaRefused(
            f"{table}: {'; '.join(problems)}",
            hint="write 'mapping: {column of the query: column of the table}', leave columns out "
            "of the query, or CAST them there",
        )
    return tuple(pairs)


async def matched(task: Task, source: pa.Schema, destination: Destination) -> tuple[Pair, ...]:
    """Return which column goes where in a task's existing target, see `paired`."""
    if task.flow is None:
        return ()
    traits = destination.traits
    table = names.table(names.target(task.target, traits), names.schema(task, traits))
    target = await destination.describe(table)
    if target is None:
        raise SchemaRefused(
            f"there is no table {task.target!r} in the schema {table.db!r}",
            hint="create it first, or leave 'existing: true' out and let Syncline create it",
        )
    return paired(task.flow, source, target, task.target)


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
    columns = [_converted(kept.column(p.source.name), p.target.type) for p in pairs]
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
    if not column.type.equals(pair.target.type) and not _holds(column, pair.target.type):
        found.append(("error", f"no {pair.target.type}", _unfit(column, pair.target.type)))
    return found


def _units(column: pa.Array) -> pa.Array:
    """Return lengths in UTF-16 units."""
    # A character beyond the basic plane takes four bytes in UTF-8 and two units in UTF-16.
    beyond = pc.count_substring_regex(column, pattern=r"[\x{10000}-\x{10FFFF}]")
    return pc.add(pc.utf8_length(column), beyond)


def _holds(column: pa.Array, type_: pa.DataType) -> bool:
    try:
        _converted(column, type_)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _unfit(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """Return which values do not convert; only for pages that have such."""
    return pa.array([v.is_valid and not _holds(pa.array([v.as_py()], column.type), type_)
                     for v in column])  # fmt: skip


def _converted(column: pa.Array, type_: pa.DataType) -> pa.Array:
    if column.type.equals(type_):
        return column
    if pa.types.is_floating(column.type) and pa.types.is_decimal(type_):
        # Through the shortest text, so that 0.1 is 0.1 and not its binary neighbour.
        return column.cast(pa.string()).cast(type_)
    if pa.types.is_timestamp(column.type) and pa.types.is_timestamp(type_):
        return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(type_)
    return column.cast(type_)


def _misfits(flow: Flow, pair: Pair) -> list[str]:
    """Return why no value of the source column could go into the target column."""
    problems = []
    made = made_by(pair.target)
    if made == "expression":
        problems.append(f"{pair.target.name!r} is computed by the database and takes no value")
    if made == "identity" and not flow.identity_insert:
        problems.append(
            f"{pair.target.name!r} is numbered by the database (set 'identity_insert: true')"
        )
    if not _compatible(pair.source.type, pair.target.type):
        problems.append(
            f"{pair.target.name!r} is {pair.target.type}, and {pair.source.name!r} "
            f"{pair.source.type}"
        )
    return problems


def _compatible(source: pa.DataType, target: pa.DataType) -> bool:
    """Say whether values of one type can be values of the other without a change of meaning."""
    kinds: Mapping[str, Sequence[str]] = {
        "text": ("text",),
        "number": ("number",),
        "boolean": ("boolean", "number"),
        "date": ("date", "moment"),
        "moment": ("moment",),
        "time": ("time",),
        "binary": ("binary",),
    }
    return _kind(target) in kinds.get(_kind(source), ())


def _kind(type_: pa.DataType) -> str:
    for kind, is_kind in (
        ("text", pa.types.is_string),
        ("text", pa.types.is_large_string),
        ("number", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("number", pa.types.is_decimal),
        ("boolean", pa.types.is_boolean),
        ("date", pa.types.is_date),
        ("moment", pa.types.is_timestamp),
        ("time", pa.types.is_time),
        ("binary", pa.types.is_binary),
        ("binary", pa.types.is_large_binary),
    ):
        if is_kind(type_):
            return kind
    return str(type_)
