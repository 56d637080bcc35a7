"""The checkpoint table: a ledger in the destination, one row per commit.

Its primary key is (task, generation), so of two runs that commit the same generation one is
refused, and its whole transaction with it. That is the only fence the engine needs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlglot import exp

from syncline.load.ddl import column, create_schema, create_table, identifier
from syncline.load.names import LEDGER, table
from syncline.model.batch import Checkpoint
from syncline.model.ports import Destination, Traits
from syncline.model.table import field_of

#: How many rows of the ledger a task keeps, as its history.
KEPT = 100

#: The columns of the ledger.
SCHEMA = pa.schema(
    [
        field_of("task", pa.string(), size=220),
        ("generation", pa.int64()),
        field_of("cursor", pa.string()),
        ("passes", pa.int64()),
        field_of("fingerprint", pa.string(), size=64),
        field_of("aside", pa.string(), size=128),
        ("collected", pa.bool_()),
        ("passes_since_sweep", pa.int64()),
        field_of("run", pa.string(), size=128),
        ("committed_at", pa.timestamp("us", tz="UTC")),
    ]
)


def create_ledger(schema: str, traits: Traits) -> exp.Expression:
    """Return the statement that makes the ledger of a schema, if it is not there."""
    return create_table(
        table(LEDGER, schema), SCHEMA, traits.dialect, key=("task", "generation"), enforced=True
    )


async def prepare(destination: Destination, schema: str) -> None:
    """Make sure that the schema and its ledger are there."""
    if await destination.describe(table(LEDGER, schema)) is not None:
        return
    if not await _has_schema(destination, schema):
        await destination.execute([create_schema(schema)])
    await destination.execute([create_ledger(schema, destination.traits)])


async def _has_schema(destination: Destination, schema: str) -> bool:
    """Say whether a schema is there: who may write to it may not be allowed to make one."""
    query = (
        exp.select(exp.column("schema_name"))
        .from_(exp.table_("schemata", db="information_schema"))
        .where(exp.column("schema_name").eq(exp.Literal.string(schema)))
    )
    return bool((await destination.fetch(query)).num_rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What the ledger of a schema says of some tasks."""

    #: There is one.
    there: bool = False
    #: The newest checkpoint of each task that has any, by id.
    newest: Mapping[str, Checkpoint] = field(default_factory=dict)


async def read_ledger(destination: Destination, schema: str, tasks: Sequence[str]) -> Ledger:
    """Read the newest checkpoint of each task, all with one query."""
    if await destination.describe(table(LEDGER, schema)) is None:
        return Ledger()
    rows = (await destination.fetch(newest_of(schema, tasks))).to_pylist()
    return Ledger(there=True, newest={row["task"]: _checkpoint(row) for row in rows})


def newest_of(schema: str, tasks: Sequence[str]) -> exp.Select:
    """Select the newest row of each task that has one."""
    held, later = (
        exp.alias_(table(LEDGER, schema), name, table=True) for name in ("held", "later")
    )
    newer = exp.select("1").from_(later)
    newer = newer.where(
        column("task", "later").eq(column("task", "held")),
        exp.GT(this=column("generation", "later"), expression=column("generation", "held")),
    )
    return (
        exp.select(*(column(name, "held") for name in SCHEMA.names))
        .from_(held)
        .where(
            column("task", "held").isin(*map(text, tasks)),
            exp.Not(this=exp.Exists(this=newer)),
        )
    )


async def last_checkpoint(destination: Destination, schema: str, task: str) -> Checkpoint | None:
    """Return the newest checkpoint of a task, or None; a missing ledger is an empty one."""
    return (await read_ledger(destination, schema, [task])).newest.get(task)


def _checkpoint(row: Mapping[str, Any]) -> Checkpoint:
    return Checkpoint(
        task=row["task"],
        generation=row["generation"],
        cursor=json.loads(row["cursor"]),
        passes=row["passes"],
        fingerprint=row["fingerprint"],
        aside=row["aside"],
        collected=bool(row["collected"]),
        passes_since_sweep=row["passes_since_sweep"],
        run=row["run"],
    )


def write_checkpoint(checkpoint: Checkpoint, schema: str, now: datetime) -> list[exp.Expression]:
    """Return the statements that add a checkpoint, last in the transaction of its rows.

    Invariant 3: where another run has committed this generation, the row inserted is one that
    the ledger has already, so its key refuses the transaction. It is so for a generation that
    was pruned long ago too.
    """
    ledger = table(LEDGER, schema)
    newest = exp.func("COALESCE", exp.Max(this=column("generation")), exp.Literal.number(0))
    generation = exp.Case(
        ifs=[
            exp.If(
                this=exp.EQ(this=newest, expression=number(checkpoint.generation - 1)),
                true=number(checkpoint.generation),
            )
        ],
        default=exp.Max(this=column("generation")),
    )
    given = values(checkpoint, now)
    given[1] = generation
    mine = column("task").eq(text(checkpoint.task))
    insert = exp.Insert(
        this=exp.Schema(this=ledger, expressions=[identifier(n) for n in SCHEMA.names]),
        expression=exp.select(*given).from_(ledger.copy()).where(mine),
    )
    oldest = column("generation") <= number(checkpoint.generation - KEPT)
    return [insert, exp.Delete(this=ledger.copy(), where=exp.Where(this=exp.and_(mine, oldest)))]


def values(checkpoint: Checkpoint, now: datetime) -> list[exp.Expression]:
    """Return a checkpoint as a row of the ledger."""
    return [
        text(checkpoint.task),
        number(checkpoint.generation),
        text(json.dumps(checkpoint.cursor, sort_keys=True, ensure_ascii=False)),
        number(checkpoint.passes),
        text(checkpoint.fingerprint),
        text(checkpoint.aside) if checkpoint.aside else exp.null(),
        exp.true() if checkpoint.collected else exp.false(),
        number(checkpoint.passes_since_sweep),
        text(checkpoint.run),
        instant(now),
    ]


def text(value: str) -> exp.Expression:
    """Return a text literal."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Expression:
    """Return an integer literal."""
    return exp.Literal.number(value)


def instant(value: datetime) -> exp.Expression:
    """Return an instant as SQL, with its offset from UTC."""
    stamp = value.isoformat(sep=" ", timespec="microseconds")
    return exp.cast(exp.Literal.string(stamp), exp.DataType.Type.TIMESTAMPTZ)
