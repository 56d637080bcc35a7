"""The ledger of a database where each statement commits for itself, and what fences runs off.

A run claims its task in the ledger before its first commit. Every statement of a commit asks the
ledger whether the claim is still its own and the generation the next one, and fails otherwise.
The checkpoint comes last, so a run that dies before it repeats a commit that changes nothing. A
statement that was under way while another run claimed the task fails when it wants to commit:
the ledger's because both write the row of the claim, the target's because the claim is noted in
its properties too.
"""

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.load import checkpoint as transactional
from syncline.load.checkpoint import KEPT, SCHEMA, values
from syncline.load.ddl import column
from syncline.load.names import LEDGER, begun, table
from syncline.model.batch import Checkpoint
from syncline.model.ports import Traits
from syncline.model.types import sql_type

#: What a refused statement says.
STALE = "syncline: stale generation"
_HELD, _ROWS = "_syncline_held", "_syncline_rows"
_BOTH, _GUARD, _HOLDS = "_syncline_both", "_syncline_guard", "_syncline_holds"
_TOLD = "_syncline_told"
#: Every so many generations, old ones are removed from the ledger.
_PRUNED = 20


def claims(task: str) -> str:
    """Return the id under which the ledger has the claim of a task."""
    return f"{task}#run"


def claim(
    checkpoint: Checkpoint,
    schema: str,
    now: datetime,
    *,
    note: Checkpoint | None = None,
    instead: bool = True,
) -> exp.Expression:
    """Return the statement that makes the task the run's own, if it has not fallen behind.

    ``note``: what the ledger is to say besides; ``instead``: in the place of what it says of
    that now, if anything; else that stays.
    """
    rows: exp.Query = exp.select(*_row(checkpoint, claims(checkpoint.task), 0, now))
    claimed: exp.Condition = exp.NEQ(this=column("run", _HELD), expression=column("run", _ROWS))
    renewed = ["run", "committed_at"]
    tasks = [checkpoint.task, claims(checkpoint.task)]
    whens = []
    if note is not None:
        rows = exp.union(rows, exp.select(*_row(note, note.task, 0, now)), distinct=False)
        tasks.append(note.task)
        is_note = column("task", _ROWS).eq(exp.Literal.string(note.task))
        if instead:
            whens.append(_renewed(["fingerprint", *renewed], is_note))
        claimed = exp.and_(exp.Not(this=exp.paren(is_note.copy())), claimed)
    whens.append(_renewed(renewed, claimed))
    return _merge(
        tasks, schema, _guarded(rows, checkpoint, schema, claimed=False), *whens, _insert()
    )


def _renewed(names: Iterable[str], condition: exp.Expr) -> exp.When:
    sets = [exp.EQ(this=column(n), expression=column(n, _ROWS)) for n in names]
    return exp.When(
        matched=True, source=False, condition=condition, then=exp.Update(expressions=sets)
    )


def mark(target: exp.Table, run: str) -> exp.Expression:
    """Return the statement that lets those fail that write the target under an older claim."""
    noted = exp.Property(this=exp.Literal.string("syncline.run"), value=exp.Literal.string(run))
    action = exp.AlterSet(expressions=[exp.Properties(expressions=[noted])])
    return exp.Alter(this=target.copy(), kind="TABLE", actions=[action])


def held(checkpoint: Checkpoint, schema: str) -> exp.Expression:
    """Return a condition that is true, or fails the statement where the run has fallen behind.

    Invariant 3. It holds again after the checkpoint was written by this run, so that a statement
    may be sent twice. The query inside fails, and not what is done with its answer: it is run
    even where there are no rows to ask it for.
    """
    return exp.Paren(this=_asked(checkpoint, schema, claimed=True))


def nothing(
    checkpoint: Checkpoint, schema: str, columns: Iterable[pa.Field], dialect: str
) -> exp.Select:
    """Return a query of these columns that has no rows, or fails where the run has fallen behind.

    Invariant 3. That there are none is known only when the ledger has been asked, and the values
    come from there too: of a query that cannot have rows, and of conditions on what is always
    null, databases run no part, and nobody is refused.
    """
    told = exp.alias_(exp.Max(this=column("task")), _TOLD, quoted=True)
    asked = _asked(checkpoint, schema, claimed=True).select(told).subquery(_GUARD)
    values = [exp.alias_(_value(f, dialect), f.name, quoted=True) for f in columns]
    return exp.select(*values).from_(asked).where(exp.Not(this=column(_HOLDS, _GUARD)))


def _value(field: pa.Field, dialect: str) -> exp.Expr:
    kind = sql_type(field, dialect)
    if pa.types.is_nested(field.type):
        return exp.cast(exp.null(), kind)
    return exp.TryCast(this=column(_TOLD, _GUARD), to=kind)


def _asked(checkpoint: Checkpoint, schema: str, *, claimed: bool) -> exp.Select:
    ledger = table(LEDGER, schema)
    mine = column("task").eq(exp.Literal.string(checkpoint.task))
    own = exp.and_(
        column("generation").eq(exp.Literal.number(checkpoint.generation)),
        column("run").eq(exp.Literal.string(checkpoint.run)),
    )
    newest = _greatest("generation", exp.and_(mine, exp.Not(this=exp.paren(own))))
    before = exp.Literal.number(checkpoint.generation - 1)
    holds: exp.Expr = exp.func("COALESCE", newest, exp.Literal.number(0)).eq(before)
    tasks = [checkpoint.task]
    if claimed:
        theirs = column("task").eq(exp.Literal.string(claims(checkpoint.task)))
        run = exp.Literal.string(checkpoint.run)
        claimant = exp.func("COALESCE", _greatest("run", theirs), run.copy())
        holds = exp.and_(holds, claimant.eq(run))
        tasks.append(claims(checkpoint.task))
    told = exp.Case(
        ifs=[exp.If(this=holds, true=exp.true())],
        default=exp.Anonymous(this="RAISE_ERROR", expressions=[exp.Literal.string(STALE)]),
    )
    asked = exp.select(exp.alias_(told, _HOLDS, quoted=True)).from_(ledger)
    return asked.where(column("task").isin(*(exp.Literal.string(t) for t in tasks)))


def _guarded(rows: exp.Query, checkpoint: Checkpoint, schema: str, *, claimed: bool) -> exp.Select:
    """Return rows of the ledger's own, or fail.

    The ledger is asked in a join: Delta Lake cannot always read a MERGE's own target in a
    condition's query ("Table does not support reads").
    """
    asked = _asked(checkpoint, schema, claimed=claimed)
    return (
        exp.select(*(column(name, _BOTH) for name in SCHEMA.names))
        .from_(rows.subquery(_BOTH))
        .join(asked.subquery(_GUARD), join_type="cross")
        .where(column(_HOLDS, _GUARD))
    )


def record(
    checkpoint: Checkpoint, schema: str, now: datetime, traits: Traits
) -> list[exp.Expression]:
    """Return what adds a checkpoint, in the way that the destination fences runs off."""
    if traits.transactional:
        return transactional.write_checkpoint(checkpoint, schema, now)
    return write_checkpoint(checkpoint, schema, now)


def write_checkpoint(checkpoint: Checkpoint, schema: str, now: datetime) -> list[exp.Expression]:
    """Return what adds a checkpoint, after everything that it covers."""
    added = exp.select(*_row(checkpoint, checkpoint.task, checkpoint.generation, now))
    renewed = exp.select(*_row(checkpoint, claims(checkpoint.task), 0, now))
    both = exp.union(added, renewed, distinct=False)
    rows = _guarded(both, checkpoint, schema, claimed=True)
    is_claim = column("generation", _ROWS).eq(exp.Literal.number(0))
    statements: list[exp.Expression] = [
        _merge(
            [checkpoint.task, claims(checkpoint.task)],
            schema,
            rows,
            _renewed(["committed_at"], is_claim),
            _insert(exp.GT(this=column("generation", _ROWS), expression=exp.Literal.number(0))),
        )
    ]
    if checkpoint.generation % _PRUNED == 0:
        # The commits of a pass under way tell which of its rows count.
        oldest = checkpoint.generation - KEPT
        if checkpoint.aside:
            oldest = min(oldest, begun(checkpoint.aside) - 1)
        old = exp.and_(
            column("task").eq(exp.Literal.string(checkpoint.task)),
            column("generation") <= exp.Literal.number(oldest),
        )
        statements.append(exp.Delete(this=table(LEDGER, schema), where=exp.Where(this=old)))
    return statements


def _row(checkpoint: Checkpoint, task: str, generation: int, now: datetime) -> list[exp.Expr]:
    given = values(checkpoint, now)
    given[0], given[1] = exp.Literal.string(task), exp.Literal.number(generation)
    return [
        exp.alias_(value if not isinstance(value, exp.Null) else _null(field), field.name,
                   quoted=True)
        for field, value in zip(SCHEMA, given, strict=True)
    ]  # fmt: skip


def _null(field: pa.Field) -> exp.Expression:
    kind = exp.DataType.Type.BIGINT if field.type == pa.int64() else exp.DataType.Type.TEXT
    return exp.cast(exp.null(), kind)


def _greatest(name: str, where: exp.Expr) -> exp.Expression:
    return exp.Max(this=exp.Case(ifs=[exp.If(this=where, true=column(name))]))


def _merge(tasks: Iterable[str], schema: str, rows: exp.Select, *whens: exp.When) -> exp.Merge:
    same: list[exp.Expr] = [column(n, _HELD).eq(column(n, _ROWS)) for n in ("task", "generation")]
    # Said of the ledger alone, so that tasks do not get into each other's way.
    same.insert(0, column("task", _HELD).isin(*(exp.Literal.string(t) for t in tasks)))
    return exp.Merge(
        this=exp.alias_(table(LEDGER, schema), _HELD, table=True),
        using=rows.subquery(_ROWS),
        on=exp.and_(*same),
        whens=exp.Whens(expressions=list(whens)),
    )


def _insert(where: exp.Expr | None = None) -> exp.When:
    names = [column(n) for n in SCHEMA.names]
    taken = [column(n, _ROWS) for n in SCHEMA.names]
    insert = exp.Insert(this=exp.Tuple(expressions=names), expression=exp.Tuple(expressions=taken))
    return exp.When(matched=False, source=False, condition=where, then=insert)
