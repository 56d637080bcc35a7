"""Keys that the loader looks at itself mean there what they mean in a database."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import pyarrow as pa
import pytest

from contract.test_task_kinds import Opener, opened
from standins.postgres import Server
from standins.postgres_place import new_place
from syncline.errors import ResponseRefused, StaleGeneration
from syncline.load.checkpoint import prepare
from syncline.load.emptiness import count
from syncline.load.loader import load
from syncline.load.ranges import FEWEST
from syncline.model.batch import Batch
from syncline.model.job import Disposition
from syncline.model.table import field_of
from syncline.testing.conformance_runs import Trial, contents, reading, table_of, task, thing

__all__ = ["opened"]
_SERVERS = pytest.mark.parametrize("opened", ["postgres", "sqlserver"], indirect=True)
_POSTGRES = pytest.mark.parametrize("opened", ["postgres"], indirect=True)


def _batches(schema: pa.Schema, *keys: Sequence[object]) -> list[Batch]:
    """Return batches of rows with these keys; the last one ends the pass."""
    return [
        Batch(
            records=pa.RecordBatch.from_arrays(
                [pa.array(k, pa.int32()).cast(schema.field(0).type)
                 if pa.types.is_date(schema.field(0).type) else pa.array(k, schema.field(0).type),
                 pa.array([f"{at}" for at in range(len(k))])],
                schema=schema,
            ),
            cursor={"at": number},
            complete=number == len(keys),
            requests=1,
        )
        for number, k in enumerate(keys, 1)
    ]  # fmt: skip


@_POSTGRES
async def test_json_is_equal_however_it_is_written(opened: Opener) -> None:
    schema = pa.schema([field_of("id", pa.string(), json=True), ("name", pa.string())])
    trial = Trial(task=task(commit_rows=100), schema=schema, version=None)
    destination = await opened()
    await trial.run(destination, _batches(schema, ['{"a": 1}', '{"a":1}']))
    assert len(await contents(destination, trial.task)) == 1
    await destination.aclose()


@_POSTGRES
async def test_days_that_python_does_not_know(opened: Opener) -> None:
    schema = pa.schema([("id", pa.date32()), ("name", pa.string())])
    trial = Trial(task=task(commit_rows=FEWEST), schema=schema, version=None)
    destination = await opened()
    near, far = range(FEWEST), range(3_000_000, 3_000_000 + FEWEST)
    await trial.run(destination, _batches(schema, list(near), list(far)))
    found = await count(destination, table_of(trial.task, destination.traits))
    assert found == 2 * FEWEST
    await destination.aclose()


@_SERVERS
async def test_a_stale_run_with_many_rows_whose_pass_another_has_ended(opened: Opener) -> None:
    """It looks for the range of its keys in a table that is gone, and is told why."""
    destination = await opened()
    chosen = task(disposition=Disposition.REPLACE, commit_rows=FEWEST)
    trial = Trial(task=chosen, has_cursor=False)
    batches = trial.rows([thing(n) for n in range(2 * FEWEST)], size=FEWEST)
    with pytest.raises(ResponseRefused):
        await trial.run(destination, [replace(b, complete=False) for b in batches[:1]])
    early, decision, _ = await trial.begin(destination)
    await trial.run(destination, batches)
    with pytest.raises(StaleGeneration):
        await load(reading(batches, decision.since), early)
    assert await count(destination, table_of(trial.task, destination.traits)) == 2 * FEWEST
    await destination.aclose()


async def test_a_ledger_that_is_there_needs_no_right_to_make_tables(
    postgres_server: Server,
) -> None:
    place = new_place(postgres_server)
    owner = place.open()
    await prepare(owner, place.schema)
    await owner.aclose()
    role = f"r{uuid4().hex[:12]}"
    place.run(
        f"CREATE ROLE {role} LOGIN PASSWORD 'x'",
        f"GRANT USAGE ON SCHEMA {{s}} TO {role}",
        f"GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA {{s}} TO {role}",
    )
    guest = place.open(user=role, password="x")
    await prepare(guest, place.schema)
    await guest.aclose()
