"""Cut off before any statement that reaches the database: the rerun ends as a clean run does."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from sqlglot import exp, parse_one

from acceptance.serving import Watched, options, serving
from acceptance.support import small_clio, written
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_source, opener
from syncline.control.project import load_project
from syncline.control.tasks import tasks_of
from syncline.load import checkpoint
from syncline.model.job import Task
from syncline.model.ports import Destination, Source
from syncline.sync import sync
from syncline.testing.conformance_faults import Died, Faulty, Way

_CASES: Mapping[str, tuple[bool, Mapping[str, Any]]] = {
    # Whether it is the next run that is cut off, or the first load; and the task.
    "first load, merge": (False, {"table": "Documents", "commit_rows": 1, "synced_at": True}),
    "first load, append": (False, {"table": "Notes", "write": "append", "commit_rows": 1}),
    "merge and sweep": (True, {"table": "Tasks", "deletes": "soft", "commit_rows": 1}),
    "merge of what is marked": (True, {"table": "Documents", "synced_at": True}),
    "merge of a child": (True, {"table": "ContactEmailAddresses", "commit_rows": 1}),
    "replace": (
        True,
        {
            "query": "SELECT status, count(*) AS n FROM Tasks GROUP BY status",
            "into": "Tasks",
            "write": "replace",
        },
    ),
    "append": (True, {"table": "Notes", "write": "append"}),
    "history": (True, {"table": "Tasks", "write": "history", "deletes": "hard"}),
}
#: Each task in the ledger with its generation and passes; and the target's rows.
State: TypeAlias = tuple[Sequence[Any], Sequence[Any] | None]
#: Columns that hold the time of a run.
_LEDGER = "_syncline_checkpoints"
_TIMES = {"_synced_at", "_valid_from", "_valid_to", "_deleted_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A task that is run into one schema after the other of a database that stays open."""

    task: Task
    source: Source
    destination: Destination

    def of(self, schema: str) -> Task:
        return replace(self.task, schema=schema)

    async def run(self, schema: str, destination: Destination | None = None) -> None:
        await sync(
            self.of(schema),
            self.source,
            destination or self.destination,
            run=uuid.uuid4().hex,
            clock=SystemClock(),
            observe=lambda _: None,
        )

    async def state(self, schema: str) -> State:
        """Return what ledger and target say, but the times of runs."""
        ledger = parse_one(f"SELECT task, max(generation) g, max(passes) p FROM {schema}.{_LEDGER}")
        if await self.destination.describe(exp.table_(_LEDGER, db=schema)) is None:
            return [], None
        assert isinstance(ledger, exp.Select)
        kept = await self.destination.fetch(ledger.group_by("task").order_by("task"))
        target = exp.table_(self.task.target, db=schema)
        if await self.destination.describe(target) is None:
            return kept.to_pylist(), None
        rows = (await self.destination.fetch(exp.select("*").from_(target))).to_pylist()
        plain = [{k: v is not None if k in _TIMES else v for k, v in r.items()} for r in rows]
        return kept.to_pylist(), sorted(plain, key=repr)

    async def begin(self, schema: str, before: str | None) -> None:
        """Make a schema what another one is."""
        if before is None:
            return
        await checkpoint.prepare(self.destination, schema)
        await self.destination.execute(
            [
                _statement(f"INSERT INTO {schema}.{_LEDGER} SELECT * FROM {before}.{_LEDGER}"),
                _statement(
                    f'CREATE TABLE {schema}."{self.task.target}" AS '
                    f'SELECT * FROM {before}."{self.task.target}"'
                ),
            ]
        )


def _statement(sql: str) -> exp.Expression:
    parsed = parse_one(sql)
    assert isinstance(parsed, exp.Expression)
    return parsed


@asynccontextmanager
async def _trial(folder: Path, watched: Watched, task: Mapping[str, Any]) -> AsyncIterator[Trial]:
    project = load_project(written(folder, watched, task, profile=small_clio(folder, 12)).file)
    destination = await opener(project, "lake")()
    async with opened_source(
        project, "api", SystemClock(), observe=lambda _: None, say=print
    ) as source:
        (made,) = tasks_of("job", project.jobs["job"])
        yield Trial(task=made, source=source, destination=destination)
    await destination.aclose()


@pytest.mark.parametrize("case", _CASES.values(), ids=_CASES.keys())
async def test_cut_off_at_every_statement(
    tmp_path: Path, case: tuple[bool, Mapping[str, Any]]
) -> None:
    later, written_task = case
    async with (
        serving(options(rows=90)) as watched,
        _trial(tmp_path, watched, written_task) as trial,
    ):
        before = "before" if later else None
        if before:
            await trial.run(before)
            _change(watched)
        await trial.begin("clean", before)
        states = [await trial.state("clean")]

        async def note() -> None:
            states.append(await trial.state("clean"))

        clean = Faulty(trial.destination)
        clean.done = note
        await trial.run("clean", clean)
        assert clean.passed[Way.DIES] >= 9
        for place in range(clean.passed[Way.DIES]):
            schema = f"place_{place}"
            await trial.begin(schema, before)
            with pytest.raises(Died):
                await trial.run(schema, Faulty(trial.destination, place=place))
            # Invariant 1: rows and ledger are those of one moment of the clean run.
            assert await trial.state(schema) in states, place
            await trial.run(schema)
            assert (await trial.state(schema))[1] == states[-1][1], place


def _change(watched: Watched) -> None:
    sandbox = watched.sandbox
    sandbox.advance(3600)
    with_address = [
        row["id"]
        for row in sandbox.truth("contacts", fields="id,email_addresses{id}")
        if row["email_addresses"]
    ]
    sandbox.delete("contacts", with_address[:2])
    sandbox.mutate("tasks", insert=5, update=6, delete=3)
    sandbox.mutate("documents", insert=4, update=6, delete=3)
    sandbox.mutate("notes", insert=4, update=5)
    sandbox.advance(3600)
