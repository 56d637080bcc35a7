"""Values and constraints of tables that others made: what does not fit is told, never bent."""

from typing import Any

import pytest
from sqlglot import exp

from contract.test_task_kinds import Bench, bench, opened
from syncline.errors import RecordRefused
from syncline.load import names
from syncline.load.ddl import create_schema
from syncline.model.job import Deletes, Disposition, Flow, RowErrors, Task

__all__ = ["bench", "opened"]


async def made(bench: Bench, columns: str) -> None:
    """Make the existing table with columns as its database writes them."""
    traits = bench.destination.traits
    await bench.destination.execute([create_schema(traits.schema)])
    table = names.table("Hours", traits.schema).sql(dialect=traits.dialect)
    statement = exp.Command(this="CREATE", expression=f"TABLE {table} ({columns})")
    await bench.destination.execute([statement])


def task(query: str, write: Disposition = Disposition.INSERT, **flow: Any) -> Task:
    """Return a task into the table; by default it fails with a row that does not fit."""
    return Task(
        id="f", query=query, target="Hours", disposition=write, flow=Flow(**flow),
        deletes=Deletes.IGNORE, rejects=flow.get("on_error") is RowErrors.REDIRECT,
    )  # fmt: skip


async def test_the_key_of_a_table_of_others_is_not_the_ledger(bench: Bench) -> None:
    await made(bench, "id BIGINT NOT NULL PRIMARY KEY")
    await bench.run(task("SELECT id FROM List"))
    with pytest.raises(RecordRefused):
        await bench.run(task("SELECT id FROM List"))
    assert await bench.rows("Hours", "id") == [(n,) for n in range(1, 6)]
