"""What must hold after any disturbance: of runs, of slots, of the destination's ledger."""

import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from sqlalchemy import select

from syncline.control.runs import Run, State, events_of, list_runs
from syncline.control.store.database import Store
from syncline.control.store.slots import slots

MINUTE = timedelta(minutes=1)


async def whole_runs(store: Store) -> list[Run]:
    """Every run is over, went well, began once and ended once; those of a job do not overlap."""
    found = list(await list_runs(store, limit=10_000))
    for run in found:
        told = await events_of(store, run.id, limit=100_000)
        assert run.state is State.SUCCEEDED, (run, [e.message for e in told[-10:]])
        kinds = [e.kind for e in told if e.number is None]
        assert kinds.count("started") == 1, kinds
        assert kinds.count("succeeded") == 1, kinds
    for job in {r.job for r in found}:
        mine = sorted((r for r in found if r.job == job), key=lambda r: r.created_at)
        for one, other in pairwise(mine):
            assert one.finished_at is not None
            assert other.started_at is not None
            assert one.finished_at <= other.started_at, (one, other)
    return found


async def no_slot_lost(store: Store, job: str) -> int:
    """Every minute from the first slot to the last has been decided about, once."""
    query = select(slots).where(slots.c.job_id == job).order_by(slots.c.planned_at)
    async with store.reading() as connection:
        rows = (await connection.execute(query)).mappings().all()
    planned = [row["planned_at"] for row in rows]
    for one, other in pairwise(planned):
        assert other - one == MINUTE, (one, other)
    for row in rows:
        assert (row["outcome"] == "run") == (not row["reason"]), row
        assert row["run_id"] is not None or row["reason"].startswith("missed"), row
    return len(rows)


def one_run_at_a_time(ledger: Iterable[tuple[str, int, str]]) -> None:
    """In the order of generations, a task's commits of one run come without another's between.

    ``ledger``: task, generation, run of each commit.
    """
    of_task: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for task, generation, run in ledger:
        of_task[task].append((generation, run.partition("/")[0]))
    for task, commits in of_task.items():
        order = [run for _, run in sorted(commits)]
        seen: list[str] = []
        for run in order:
            if not seen or seen[-1] != run:
                assert run not in seen, f"{task}: {run} commits before and after another run"
                seen.append(run)


def contents(connection: psycopg.Connection, schema: str) -> dict[str, list[str]]:
    """Return whole rows of every table of ours in a schema, in an order of their own.

    Times that tell when a run was are left out; only whether a row counts as deleted is kept.
    """
    query = (
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = %s ORDER BY column_name"
    )
    columns: dict[str, list[str]] = defaultdict(list)
    for table, column in connection.execute(query, [schema]).fetchall():
        if table.startswith("_syncline"):
            continue
        if column == "_deleted_at":
            columns[table].append('"_deleted_at" IS NOT NULL')
        elif not column.startswith("_"):
            columns[table].append(f'"{column}"')
    return {
        table: sorted(
            map(
                repr,
                connection.execute(
                    f'SELECT {", ".join(chosen)} FROM "{schema}"."{table}"'
                ).fetchall(),
            )
        )
        for table, chosen in sorted(columns.items())
    }


def told(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Say something to whoever watches."""
    with capsys.disabled():
        sys.stdout.write(words)
        sys.stdout.flush()
