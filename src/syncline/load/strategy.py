"""How a task run begins: from the last checkpoint and the task to what to read and how to load."""

import hashlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

import pyarrow as pa

from syncline.errors import QueryError, SchemaRefused
from syncline.load import names
from syncline.load.disposition import ADDED
from syncline.load.load import Load
from syncline.model.batch import Batch, Checkpoint, Cursor
from syncline.model.job import Deletes, Disposition, Task
from syncline.model.ports import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a run reads, and how its rows reach the target."""

    disposition: Disposition
    #: See `Load.direct`.
    direct: bool
    fingerprint: str
    #: The checkpoint to go on from; its cursor is None where the pass starts from the beginning.
    last: Checkpoint | None
    since: Cursor | None
    #: The target has had a whole pass, and only what changed since is read.
    incremental: bool
    #: A pass that was interrupted goes on.
    resuming: bool
    full_because: str


def decide(
    task: Task,
    *,
    has_cursor: bool,
    key: Sequence[str],
    version: str | None,
    fingerprint: str,
    last: Checkpoint | None,
    full: bool,
    missing: bool = False,
    kept: pa.Schema | None = None,
) -> Decision:
    """Decide how a run begins.

    ``missing``: what the checkpoint tells of is not there: the target, or what a pass under way
    has collected. ``kept``: the schema of the rows, if a pass is collected as staged files: the
    files of one pass have the same types.

    ``has_cursor``: the query can be read from where an earlier read ended. ``fingerprint``: of
    the query. Raises `QueryError` where the task asks for what its query cannot give, or where
    a pass that is to begin anew has added rows already; ``full`` means that it shall.
    """
    disposition = task.disposition or (Disposition.MERGE if key else Disposition.REPLACE)
    _check(task, disposition, key)
    mark = _fingerprint(task, disposition, key, fingerprint)
    needed = bool(key) if disposition.needs_key else bool(key and version)
    whole = disposition in {Disposition.REPLACE, Disposition.INSERT}
    incremental = has_cursor and needed and not whole
    # A merged table becomes the first versions of a history; it need not be read again.
    same = {mark}
    if disposition is Disposition.HISTORY:
        same.add(_fingerprint(task, Disposition.MERGE, key, fingerprint))
    changed = last is not None and (missing or last.fingerprint[: len(mark)] not in same)
    if last is not None and last.collected and changed and not full:
        _refuse_twice(task, disposition, key, version, missing=missing)
    if kept is not None:
        # Only what is still to be staged has to be of the types that were staged before.
        types = _digest(f"{f.name} {f.type}" for f in kept)[:8]
        if last is not None and last.aside is not None and not last.collected:
            changed = changed or last.fingerprint[len(mark) :] not in {"", types}
        mark += types
    resuming = last is not None and not changed and _under_way(last)
    # An interrupted pass goes on even if --full is said again: it is the same one.
    afresh = last is None or changed or not incremental or full
    if resuming and last is not None:
        return Decision(
            disposition=disposition, direct=incremental and last.aside is None, fingerprint=mark,
            last=last, since=last.cursor, incremental=False, resuming=True, full_because="",
        )  # fmt: skip
    if not afresh and last is not None:
        return Decision(
            disposition=disposition, direct=True, fingerprint=mark, last=last, since=last.cursor,
            incremental=True, resuming=False, full_because="",
        )  # fmt: skip
    reason = (
        "" if last is None
        else "what an interrupted run had collected is gone" if missing and last.aside
        else "the target table is gone" if missing
        else "the query, its source, its key or the way it is written has changed" if changed
        else "asked for with --full" if full and incremental
        else "its rows do not tell when they changed"
    )  # fmt: skip
    return Decision(
        disposition=disposition,
        # Rows of an earlier load may have to go, which only a whole pass beside them shows.
        direct=incremental and last is None,
        fingerprint=mark,
        last=replace(last, cursor=None, aside=None, collected=False) if last else None,
        since=None,
        incremental=False,
        resuming=False,
        full_because=reason,
    )


def check_columns(schema: pa.Schema, traits: Traits) -> None:
    """Refuse columns that the target cannot tell apart, or that we add ourselves."""
    seen: dict[str, str] = {}
    for name in schema.names:
        folded = name if traits.case_sensitive else name.lower()
        if folded in seen:
            raise SchemaRefused(
                f"the columns {seen[folded]!r} and {name!r} would be one in {traits.dialect}",
                hint="rename one of them in 'columns:' or with AS in the query",
            )
        if folded in ADDED or folded.startswith("_syncline_"):
            raise SchemaRefused(
                f"the column name {name!r} is used by Syncline itself",
                hint="rename it in 'columns:' or with AS in the query",
            )
        seen[folded] = name


def check_sweep(task: Task, decision: Decision, *, marked: bool) -> None:
    """Refuse a sweep by a key that is not the table's own. Raises `QueryError`."""
    wanted = task.deletes in {Deletes.HARD, Deletes.SOFT} and not marked
    if wanted and task.key and decision.direct:
        raise QueryError(
            f"{task.id}: 'deletes: {task.deletes}' looks for deleted rows by the table's primary "
            "key, but the task has a key of its own",
            hint="leave 'key' out and keep the primary key in the query, or set 'deletes: auto'",
        )


def wants_sweep(load: Load, done: Checkpoint, *, marked: bool, asked: bool) -> bool:
    """Say whether to look for rows that are gone, after a run that ended with ``done``.

    ``marked``: the source marks deleted rows itself. ``asked``: the user wants a sweep now.
    """
    if not load.direct or not load.disposition.keyed or done.passes <= 1:
        return False
    if asked:
        return True
    due = done.passes_since_sweep >= load.task.sweep_every
    return load.task.deletes in {Deletes.HARD, Deletes.SOFT} and not marked and due


def sweep_of(load: Load, done: Checkpoint, last: Checkpoint | None) -> Load:
    """Return the load that collects all keys and removes the target's rows without one.

    ``done``: the task's own checkpoint; ``last``: the checkpoint of the sweep, if any.
    """
    going_on = last is not None and last.aside and last.fingerprint == load.fingerprint
    return replace(
        load,
        task=replace(
            load.task,
            id=sweep_id(load.task),
            deletes=Deletes.SOFT if load.task.deletes is Deletes.SOFT else Deletes.HARD,
        ),
        schema=pa.schema([load.schema.field(name) for name in load.key]),
        direct=False,
        last=last
        if going_on or last is None
        else replace(last, cursor=None, aside=None, collected=False),
        sweep_aside=None,
        sweeps=done,
        ledger=replace(load.ledger, there=True),
    )


def sweep_id(task: Task) -> str:
    """Return the id under which a task's sweep keeps its own checkpoints."""
    return f"{task.id}#sweep"


async def renamed(
    batches: AsyncGenerator[Batch], columns: Sequence[str], names: Sequence[str]
) -> AsyncGenerator[Batch]:
    """Yield the batches with just these columns, under these names."""
    async with aclosing(batches):
        async for batch in batches:
            records = batch.records.select(list(columns)).rename_columns(list(names))
            yield replace(batch, records=records)


def _check(task: Task, disposition: Disposition, key: Sequence[str]) -> None:
    if names.ours(task.target):
        raise QueryError(
            f"{task.id}: a table cannot be named {task.target!r}: names that begin with "
            "'_syncline' are Syncline's own",
            hint="let 'into' name another table",
        )
    if disposition.needs_key and not key:
        raise QueryError(
            f"{task.id}: {disposition} needs a key, and the query does not keep the table's "
            "primary key",
            hint="add the key columns to the query, name others with 'key: [...]', or set "
            "'write: replace'",
        )
    if task.deletes is Deletes.SOFT and not disposition.keyed:
        raise QueryError(
            f"{task.id}: 'deletes: soft' keeps deleted rows, which 'write: {disposition}' does not",
            hint="set 'write: merge', or leave 'deletes' out",
        )


def _under_way(last: Checkpoint) -> bool:
    return last.aside is not None or (last.passes == 0 and last.cursor is not None)


def _refuse_twice(
    task: Task, disposition: Disposition, key: Sequence[str], version: str | None, *, missing: bool
) -> None:
    """Refuse to begin anew where rows of the pass before may have been added for good.

    Invariant 2. What updates by key, or adds what is not there, may be done again.
    """
    added = disposition is Disposition.INSERT or (
        disposition is Disposition.APPEND and not (key and version)
    )
    if added:
        why = "the rest of them is gone" if missing else "the task has changed since"
        raise QueryError(
            f"{task.id}: an interrupted run had read all rows and begun to add them to "
            f"{task.target}, and {why}: added again, some would be there twice",
            hint="take the rows of that run out of the table and run with --full; or, if the task "
            "has changed, run it once as it was",
        )


def _fingerprint(task: Task, disposition: Disposition, key: Sequence[str], fingerprint: str) -> str:
    merged = disposition is Disposition.MERGE
    soft = "soft" if task.deletes is Deletes.SOFT and merged else ""
    # What was left out by a start, or written to another column, does not come by itself.
    more = [task.start.isoformat()] if task.start else []
    more += [f"{a}={b}" for a, b in sorted(task.flow.mapping.items())] if task.flow else []
    return _digest([fingerprint, disposition, *key, soft, *more])[:32]


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
