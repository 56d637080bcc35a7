"""In DuckDB a changed row is deleted and inserted again, unless the table has columns of others."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlglot import exp, parse_one

from syncline.destinations.duckdb import DuckDB, open_duckdb
from syncline.model.job import Deletes
from syncline.testing.conformance_runs import Trial, contents, gone, task, thing

_ROWS = [thing(n) for n in range(6)]
_CHANGED = [thing(0), thing(1, "new", minute=1), thing(2, "new", minute=1), thing(9)]


@pytest_asyncio.fixture
async def destination() -> AsyncIterator[DuckDB]:
    opened = open_duckdb(":memory:")
    yield opened
    await opened.aclose()


def _statement(text: str) -> exp.Expression:
    parsed = parse_one(text, dialect="duckdb")
    assert isinstance(parsed, exp.Expression)
    return parsed


def _query(text: str) -> exp.Query:
    parsed = parse_one(text, dialect="duckdb")
    assert isinstance(parsed, exp.Query)
    return parsed


async def test_rows_are_counted_as_what_happened_to_them(destination: DuckDB) -> None:
    trial = Trial(task=task(deletes=Deletes.SOFT))
    await trial.run(destination, trial.rows(_ROWS))
    batches = [*trial.rows(_CHANGED, at=100, size=4)]
    result = (await trial.run(destination, batches)).result
    assert (result.inserted, result.updated, result.deleted) == (1, 2, 0)
    expected = {row["id"]: row for row in [*_ROWS, *_CHANGED]}
    found = await contents(destination, trial.task)
    assert {row["id"]: row["name"] for row in found} == {i: r["name"] for i, r in expected.items()}


async def test_a_row_that_was_gone_comes_back(destination: DuckDB) -> None:
    trial = Trial(task=task(deletes=Deletes.SOFT))
    await trial.run(destination, trial.rows(_ROWS))
    await trial.run(destination, [gone([3], at=100)])
    query = _query('SELECT count(*) FROM main."Things" WHERE _deleted_at IS NULL')
    assert (await destination.fetch(query)).column(0).to_pylist() == [5]
    result = (await trial.run(destination, trial.rows([_ROWS[3]], at=200))).result
    assert (result.inserted, result.updated) == (0, 1)
    assert (await destination.fetch(query)).column(0).to_pylist() == [6]


@pytest.mark.parametrize("own", [True, False])
async def test_columns_of_others_keep_their_values(destination: DuckDB, *, own: bool) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS))
    if own:
        await destination.execute(
            [
                _statement('ALTER TABLE main."Things" ADD COLUMN mine INT'),
                _statement('UPDATE main."Things" SET mine = id * 10'),
            ]
        )
    result = (await trial.run(destination, trial.rows(_CHANGED, at=100, size=4))).result
    assert (result.inserted, result.updated) == (1, 2)
    if own:
        kept = _query('SELECT id, mine FROM main."Things" WHERE id < 6 ORDER BY id')
        assert (await destination.fetch(kept)).column(1).to_pylist() == [0, 10, 20, 30, 40, 50]


async def test_a_key_of_the_user_does_no_harm(destination: DuckDB) -> None:
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS))
    await destination.execute([_statement('CREATE UNIQUE INDEX u ON main."Things" (id)')])
    await trial.run(destination, trial.rows(_CHANGED, at=100, size=4))
    assert len(await contents(destination, trial.task)) == 7
