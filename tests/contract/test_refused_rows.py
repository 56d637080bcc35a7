"""Rows that the keys of an existing table refuse: found all at once, however many they are."""

from dataclasses import replace
from typing import Any

import pytest
from sqlglot import exp

from contract.test_existing_tables import made, task
from contract.test_task_kinds import LIST, Bench, bench, opened, person
from syncline.load.ddl import create_schema
from syncline.model.job import Disposition, RowErrors
from syncline.testing.source import MemorySource

__all__ = ["bench", "opened"]

pytestmark = pytest.mark.parametrize("opened", ["duckdb", "postgres"], indirect=True)


async def run(bench: Bench, text: str) -> None:
    """Run a statement; {s} is the schema."""
    schema = exp.to_identifier(bench.destination.traits.schema, quoted=True).sql("postgres")
    word, _, rest = text.replace("{s}", schema).partition(" ")
    await bench.destination.execute([exp.Command(this=word, expression=rest)])


async def teams(bench: Bench, columns: str) -> None:
    """Make a table of teams with the one of number 1, and the table of hours."""
    await bench.destination.execute([create_schema(bench.destination.traits.schema)])
    await run(bench, "CREATE TABLE {s}.teams (nr DOUBLE PRECISION PRIMARY KEY)")
    await run(bench, "INSERT INTO {s}.teams VALUES (1)")
    schema = exp.to_identifier(bench.destination.traits.schema, quoted=True).sql("postgres")
    await made(bench, columns.replace("{s}", schema))


def redirected(query: str, write: Disposition, **more: Any) -> Any:
    return task(query, write, on_error=RowErrors.REDIRECT, **more)


KEYED = "id BIGINT PRIMARY KEY, name TEXT UNIQUE, hours DOUBLE PRECISION REFERENCES {s}.teams (nr)"


@pytest.mark.parametrize("write", [Disposition.INSERT, Disposition.MERGE])
async def test_thousands_of_rows_are_refused_in_one_commit(
    bench: Bench, write: Disposition
) -> None:
    """More than halving could ever find."""
    await teams(bench, KEYED)
    await run(bench, "INSERT INTO {s}.\"Hours\" VALUES (-1, 'held', 1)")
    refused = 0
    rows: list[dict[str, Any]] = []
    for number in range(1, 3_001):
        bad: dict[int, dict[str, Any]] = {
            0: {"name": "held"},
            1: {"hours": 9.0},
            3: {"name": f"n{number - 1}"},
        }
        chosen: dict[str, Any] = bad.get(number % 4, {}) if number > 5 else {}
        refused += bool(chosen)
        rows.append({**person(number, hours=1.0), **chosen})
    bench.source = MemorySource([LIST], {"List": rows}, page_size=2_000)
    result = await bench.run(redirected("SELECT id, name, hours FROM List", write))
    assert refused > 2_000
    assert (result.inserted, result.rejected) == (3_000 - refused, refused)
    found = await bench.rows("Hours", "name")
    assert len(found) == len(set(found)) == result.inserted + 1
    reasons = {r for (r,) in await bench.rows("Hours_rejects", "reason", order="reason")}
    assert any("teams has no row for its hours" in reason for reason in reasons)
    assert any("there is another one with its name" in reason for reason in reasons)


async def test_of_rows_with_one_value_the_first_that_fits_stays(bench: Bench) -> None:
    await teams(bench, KEYED)
    bench.source.put(
        "List", person(1, "a", hours=9.0), person(2, "a", hours=1.0), person(3, "a", hours=1.0),
        person(4, "b", hours=1.0), person(5, "b", hours=1.0),
    )  # fmt: skip
    write = redirected("SELECT id, name, hours FROM List", Disposition.INSERT)
    result = await bench.run(write)
    assert (result.inserted, result.rejected) == (2, 3)
    assert await bench.rows("Hours", "id") == [(2,), (4,)]


async def test_rows_that_refer_to_rows_of_the_same_load_are_not_refused(bench: Bench) -> None:
    await made(
        bench,
        "id DOUBLE PRECISION PRIMARY KEY, hours DOUBLE PRECISION REFERENCES "
        f"{exp.to_identifier(bench.destination.traits.schema, quoted=True).sql('postgres')}"
        '."Hours" (id), name TEXT UNIQUE',
    )
    if bench.destination.traits.dialect == "duckdb":
        pytest.skip("checks such a reference row by row")
    bench.source.put(
        "List", person(1, hours=2.0), person(2, hours=2.0), person(3, hours=77.0),
        person(4, "n5", hours=1.0), person(5, hours=4.0),
    )  # fmt: skip
    query = "SELECT CAST(id AS DOUBLE) AS id, hours, name FROM List"
    result = await bench.run(redirected(query, Disposition.INSERT))
    assert result.rejected == 2
    assert await bench.rows("Hours", "id") == [(1.0,), (2.0,), (4.0,)]


async def test_an_upsert_may_pass_a_unique_value_on(bench: Bench) -> None:
    if bench.destination.traits.dialect == "duckdb":
        pytest.skip("takes a value that was given up in a transaction for one that is held")
    await made(bench, "id BIGINT PRIMARY KEY, name TEXT UNIQUE, hours DOUBLE PRECISION")
    upsert = redirected("SELECT id, name, hours FROM List", Disposition.MERGE)
    await bench.run(upsert)
    # The name goes from the first row to one that is new; another one is refused.
    bench.source.put("List", person(1, "other"), person(6, "n1"), person(7, "n2"))
    result = await bench.run(replace(upsert, id="again"))
    assert (result.inserted, result.updated, result.rejected) == (1, 1, 1)
    assert await bench.rows("Hours", "id", "name") == [
        (1, "other"), (2, "n2"), (3, "n3"), (4, "n4"), (5, "n5"), (6, "n1"),
    ]  # fmt: skip


async def test_rows_are_refused_batch_by_batch(bench: Bench) -> None:
    await teams(bench, KEYED)
    bench.source.put("List", person(2, hours=1.0), person(3, hours=1.0))
    write = redirected("SELECT id, name, hours FROM List", Disposition.INSERT, batch_size=2)
    result = await bench.run(write)
    assert (result.inserted, result.rejected) == (2, 3)
