"""Whose a table is: what Syncline did not make is not taken over; what it made stays its own."""

from dataclasses import replace
from typing import Any

import pytest
from sqlglot import exp

from contract.test_task_kinds import PEOPLE, Bench, bench, opened, person
from syncline.errors import DestinationRefused
from syncline.load import names, ownership
from syncline.load.ddl import create_schema, drop_table
from syncline.load.ownership import OURS, THEIRS
from syncline.model.job import Deletes, Disposition, Flow, ReplaceBy, Task
from syncline.sync import foresee, plan_of

__all__ = ["bench", "opened"]

OWN = Task(id="own", query="SELECT * FROM People", target="People")
INTO = replace(
    OWN, id="into", flow=Flow(), disposition=Disposition.MERGE, deletes=Deletes.IGNORE
)  # fmt: skip


async def theirs(bench: Bench, *rows: dict[str, Any], target: str = "People") -> None:
    """Make a table of somebody else's, with the columns of the query."""
    await bench.make(target, PEOPLE.schema)
    table = names.table(target, bench.destination.traits.schema)
    for row in rows:
        values = [exp.Literal.number(row["id"]), exp.Literal.string(row["name"])]
        insert = exp.insert(
            exp.select(*values), table, columns=["id", "name"], dialect="duckdb"
        )  # fmt: skip
        for identifier in insert.this.expressions:
            identifier.set("quoted", True)
        await bench.destination.execute([insert])


async def standing(bench: Bench, task: Task = OWN) -> str | None:
    return await ownership.standing(bench.destination, task)


async def foreseen(bench: Bench, task: Task) -> None:
    planned = plan_of(task, await bench.source.tables(), bench.clock)
    await foresee(task, planned, bench.destination, bench.clock)


@pytest.mark.parametrize(
    ("write", "full"),
    [
        (Disposition.MERGE, False),
        (Disposition.MERGE, True),
        (Disposition.APPEND, False),
        (Disposition.HISTORY, False),
    ],
)
async def test_a_table_of_others_is_refused_before_a_row_is_read(
    bench: Bench,
    write: Disposition,
    full: bool,  # noqa: FBT001 (a parameter of the test)
) -> None:
    await theirs(bench, person(77, "mine"))
    table = names.table("People", bench.destination.traits.schema)
    before = await bench.destination.describe(table)
    task = replace(OWN, disposition=write)
    for attempt in (bench.run(task, full=full), foreseen(bench, task)):
        with pytest.raises(DestinationRefused, match="did not make it") as caught:
            await attempt
        for way in ("existing: true", "into", "drop"):
            assert way in str(caught.value.hint)
    assert bench.source.requests == 0
    assert await bench.rows("People", "id", "name") == [(77, "mine")]
    assert await bench.destination.describe(table) == before


@pytest.mark.parametrize("way", list(ReplaceBy))
async def test_no_way_to_replace_takes_a_table_of_others(bench: Bench, way: ReplaceBy) -> None:
    await theirs(bench, person(77, "mine"))
    with pytest.raises(DestinationRefused):
        await bench.run(replace(OWN, disposition=Disposition.REPLACE, replace_by=way))
    assert await bench.rows("People", "id") == [(77,)]


async def test_what_syncline_made_stays_its_own(bench: Bench) -> None:
    await foreseen(bench, OWN)
    await bench.run(OWN)
    assert await standing(bench) == OURS
    await foreseen(bench, OWN)
    # Renamed, and a second task into the same table.
    for id_ in ("renamed", "second"):
        await bench.run(replace(OWN, id=id_))
    await bench.run(OWN, full=True)
    await bench.run(replace(OWN, disposition=Disposition.HISTORY))
    assert len(await bench.rows("People", "id")) == 5


async def test_a_table_from_before_there_were_notes_is_its_tasks_own(bench: Bench) -> None:
    await bench.run(OWN)
    ledger = names.table(names.LEDGER, bench.destination.traits.schema)
    noted = exp.column("task", quoted=True).eq(exp.Literal.string(note(bench)))
    await bench.destination.execute([exp.Delete(this=ledger, where=exp.Where(this=noted))])
    assert await standing(bench) is None
    with pytest.raises(DestinationRefused):
        await bench.run(replace(OWN, id="other"))
    await bench.run(OWN)
    assert await standing(bench) == OURS
    await bench.run(replace(OWN, id="other"))


def note(bench: Bench) -> str:
    return ownership.note_id(OWN, bench.destination)


async def test_without_its_ledger_a_table_is_nobodys(bench: Bench) -> None:
    await bench.run(OWN)
    ledger = names.table(names.LEDGER, bench.destination.traits.schema)
    await bench.destination.execute([drop_table(ledger)])
    with pytest.raises(DestinationRefused):
        await bench.run(OWN)
    assert len(await bench.rows("People", "id")) == 5


async def test_an_empty_table_of_the_same_columns_is_as_good_as_none(bench: Bench) -> None:
    await theirs(bench)
    await foreseen(bench, OWN)
    await bench.run(OWN)
    assert len(await bench.rows("People", "id")) == 5
    assert await standing(bench) == OURS


async def test_an_empty_table_of_other_columns_is_refused(bench: Bench) -> None:
    await bench.make("People", PEOPLE.schema.append(bench_field()))
    with pytest.raises(DestinationRefused):
        await bench.run(OWN)
    narrower = PEOPLE.schema.remove(2)
    await bench.make("Fewer", narrower)
    with pytest.raises(DestinationRefused):
        await bench.run(replace(OWN, target="Fewer"))


def bench_field() -> Any:
    return PEOPLE.schema.field("name").with_name("note")


async def test_writing_into_a_table_does_not_make_it_ours(bench: Bench) -> None:
    await theirs(bench, person(77, "mine"))
    await bench.run(INTO)
    assert await standing(bench) == THEIRS
    for task in (replace(INTO, flow=None), OWN):
        with pytest.raises(DestinationRefused):
            await bench.run(task)
    assert len(await bench.rows("People", "id")) == 6
    # Where it is gone, Syncline makes one.
    gone = drop_table(names.table("People", bench.destination.traits.schema))
    await bench.destination.execute([gone])
    await bench.run(OWN)
    assert await standing(bench) == OURS


async def test_writing_into_our_own_table_leaves_it_ours(bench: Bench) -> None:
    await bench.run(OWN)
    await bench.run(INTO)
    assert await standing(bench) == OURS


async def test_a_view_is_never_taken(bench: Bench) -> None:
    await bench.destination.execute([create_schema(bench.destination.traits.schema)])
    await theirs(bench, target="Base")
    dialect = bench.destination.traits.dialect
    view, base = (
        names.table(n, bench.destination.traits.schema).sql(dialect=dialect)
        for n in ("People", "Base")
    )
    made = f"CREATE VIEW {view} AS SELECT * FROM {base}"
    alone = f"EXEC (N'{made}')" if dialect == "tsql" else made
    word, _, rest = alone.partition(" ")
    statement = exp.Command(this=word, expression=rest)
    await bench.destination.execute([statement])
    with pytest.raises(DestinationRefused, match="did not make it"):
        await bench.run(OWN)


async def test_repair_writes_to_no_table_of_others(bench: Bench) -> None:
    await theirs(bench, person(77, "mine"))
    with pytest.raises(DestinationRefused):
        await bench.compare(OWN, repair=True)
    assert await bench.rows("People", "id") == [(77,)]


async def test_a_table_of_others_is_no_reject_table(bench: Bench) -> None:
    await theirs(bench, person(77, "mine"), target="People_rejects")
    with pytest.raises(DestinationRefused, match="People_rejects"):
        await bench.run(replace(OWN, rejects=True))
    assert bench.source.requests == 0
    assert await bench.rows("People_rejects", "id") == [(77,)]
