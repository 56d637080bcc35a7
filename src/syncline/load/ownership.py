"""Whose a target is: a table that Syncline did not make is not Syncline's to change."""

from dataclasses import replace
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.errors import DestinationRefused, SchemaRefused
from syncline.load import fence, names
from syncline.load.checkpoint import SCHEMA, Ledger, read_ledger, text, values
from syncline.load.ddl import column, identifier
from syncline.load.disposition import Step
from syncline.load.evolve import evolve
from syncline.load.load import Load
from syncline.load.rejects import reject_table_of
from syncline.load.staging import REJECTS
from syncline.model.batch import Checkpoint
from syncline.model.job import SchemaPolicy, Task
from syncline.model.ports import Destination

#: What the ledger says of a target: we made it, or it was there and is only written to.
OURS, THEIRS = "ours", "theirs"
#: Characters that the ledger keeps of the task that noted it.
_TOLD = 128


async def claimed(load: Load) -> Load:
    """Return the load, which notes with its first commit whose the target is if nobody has.

    Raises `DestinationRefused` for a table of others that the task would take for its own, and
    for a reject table that is none, before a row is read.
    """
    if load.sweeps is not None or load.compares:
        return load
    noted = told(load.ledger, load.task, load.destination)
    owner = noted
    if load.task.flow is not None:
        owner = noted or THEIRS
    elif noted != OURS:
        await refuse_others(load, noted=noted, known=load.last is not None)
        owner = OURS
    await _refuse_reject_table(load)
    if owner == noted:
        return load
    return replace(load, notes=owner)


async def standing(destination: Destination, task: Task) -> str | None:
    """Return what the ledger says of a task's target: `OURS`, `THEIRS`, or None."""
    schema, id_ = names.schema(task, destination.traits), note_id(task, destination)
    return told(await read_ledger(destination, schema, [id_]), task, destination)


def told(ledger: Ledger, task: Task, destination: Destination) -> str | None:
    """Return what a ledger that was read with `note_id` says of a task's target."""
    note = ledger.newest.get(note_id(task, destination))
    return note.fingerprint if note else None


async def refuse_others(load: Load, *, noted: str | None, known: bool) -> None:
    """Refuse a table that is there and that Syncline did not make. Raises `DestinationRefused`.

    ``noted``: `standing`; ``known``: the task has a checkpoint. Tables that earlier versions
    made have no note. An empty table with just the columns of the query is as good as none.
    """
    if noted == OURS or (known and noted is None):
        return
    held = await load.destination.describe(load.target)
    if held is None or await _is_prepared(load, held):
        return
    if await standing(load.destination, load.task) == OURS:
        # Another run of the task has made it since we asked; which of the two goes on is the
        # generation's to say. The note is never later than the table.
        return
    raise DestinationRefused(
        f"{load.task.target} is there already, and Syncline did not make it; nothing was read, "
        "and nothing was changed",
        hint="set 'existing: true' to write into the table as it is, let 'into' name another "
        "one, or drop it so that Syncline makes it",
    )


async def refuse_foreign(load: Load) -> None:
    """Refuse what a run would refuse, without a run. Raises `DestinationRefused`."""
    if load.task.flow is not None:
        return
    noted = told(load.ledger, load.task, load.destination)
    await refuse_others(load, noted=noted, known=load.task.id in load.ledger.newest)
    await _refuse_reject_table(load)


def notes(load: Load, now: datetime) -> list[Step]:
    """Return what notes whose the target is, in the transaction that first writes to it."""
    if not load.notes:
        return []
    ledger = names.table(names.LEDGER, load.schema_name)
    mine = _mine(load.destination, load.task)
    row = exp.select(*values(_mark(load, load.notes), now))
    steps: list[exp.Expression] = []
    if load.notes == OURS:
        steps.append(exp.Delete(this=ledger.copy(), where=exp.Where(this=mine)))
    else:
        # Whose it has become since we looked is not for a guest to say.
        there = exp.select("1").from_(ledger.copy()).where(mine)
        row = row.where(exp.Not(this=exp.Exists(this=there)))
    into = exp.Schema(this=ledger, expressions=[identifier(n) for n in SCHEMA.names])
    steps.append(exp.Insert(this=into, expression=row))
    return [Step(statement=s) for s in steps]


def claim(load: Load, checkpoint: Checkpoint, now: datetime) -> Step:
    """Return what makes the task the run's own, and notes whose the target is.

    Where each statement commits for itself, both come before the table is made: a run that dies
    between its first rows and its checkpoint finds its own table again.
    """
    note = _mark(load, load.notes) if load.notes else None
    instead = load.notes == OURS
    claimed = fence.claim(checkpoint, load.schema_name, now, note=note, instead=instead)
    return Step(statement=claimed)


def note_id(task: Task, destination: Destination) -> str:
    """Return the id under which the ledger says whose a task's target is."""
    traits = destination.traits
    name = names.target(task.target, traits)
    return f"{name if traits.case_sensitive else name.lower()}#table"


def _mine(destination: Destination, task: Task) -> exp.Expr:
    return column("task").eq(text(note_id(task, destination)))


def _mark(load: Load, owner: str) -> Checkpoint:
    return Checkpoint(
        task=note_id(load.task, load.destination),
        generation=0,
        cursor=None,
        passes=0,
        fingerprint=owner,
        aside=None,
        passes_since_sweep=0,
        # Who it was.
        run=load.task.id[:_TOLD],
    )


async def _is_prepared(load: Load, held: pa.Schema) -> bool:
    """Say whether a table is empty and has the columns that we would give it, and no others."""
    fold = str if load.traits.case_sensitive else str.lower
    if {fold(n) for n in held.names} != {fold(n) for n in load.target_schema.names}:
        return False
    try:
        changes = evolve(load.target, held, load.target_schema, SchemaPolicy.EVOLVE, load.traits)
    except SchemaRefused:
        return False
    if changes or await is_view(load.destination, load.target):
        return False
    found = exp.select(exp.alias_(exp.Literal.number(1), "n")).from_(load.target).limit(1)
    return not (await load.destination.fetch(found)).num_rows


async def is_view(destination: Destination, table: exp.Table) -> bool:
    """Say whether a name is a view's."""
    wanted = (("table_schema", table.db), ("table_name", table.name), ("table_type", "VIEW"))
    query = exp.select(exp.column("table_name")).from_(
        exp.table_("tables", db="information_schema")
    )
    for name, value in wanted:
        same = exp.Lower(this=exp.Literal.string(value))
        query = query.where(exp.Lower(this=exp.column(name)).eq(same))
    return bool((await destination.fetch(query)).num_rows)


async def _refuse_reject_table(load: Load) -> None:
    if not load.task.rejects:
        return
    table = reject_table_of(load)
    held = await load.destination.describe(table)
    # What was kept before rejects had ids has none.
    if held is None or {*held.names, "id"} == set(REJECTS.names):
        return
    raise DestinationRefused(
        f"rejected rows of {load.task.target} are kept in {table.name}, and a table of that name "
        "is there that Syncline did not make",
        hint="rename that table, or leave 'rejects' and 'redirect' out",
    )
