"""Values and constraints of tables that others made: what does not fit is told, never bent."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlglot import exp

from contract.test_task_kinds import Bench, at, bench, opened, person
from syncline.errors import RecordRefused, SchemaRefused
from syncline.load import names
from syncline.load.ddl import create_schema, drop_table
from syncline.load.flow import matched
from syncline.load.verify import Comparison
from syncline.model.job import Deletes, Disposition, Flow, ReplaceBy, RowErrors, SchemaPolicy, Task
from syncline.sync import plan_of

__all__ = ["bench", "opened"]


OWN = Task(id="own", query="SELECT * FROM People", target="People")


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


#: Types that round, by dialect, and what a moment is cast to on its way there.
_COARSE = {
    "duckdb": [("TIMESTAMP_S", ""), ("TIMESTAMP_MS", "")],
    "postgres": [("TIMESTAMP(0)", ""), ("TIMESTAMPTZ(3)", ""), ("TIME(2)", "TIME")],
    "tsql": [
        ("DATETIME", ""), ("SMALLDATETIME", ""), ("DATETIME2(1)", ""), ("DATETIMEOFFSET(4)", ""),
        ("TIME(3)", "TIME"),
    ],
}  # fmt: skip


async def test_moments_that_a_column_would_round_are_told(bench: Bench) -> None:
    late = at(5) + timedelta(seconds=59, microseconds=999_999)
    bench.source.put("List", {**person(2), "updated_at": late})
    dialect = bench.destination.traits.dialect
    for kind, cast in _COARSE[dialect]:
        await dropped(bench)
        await made(bench, f"id BIGINT, v {kind}")
        value = f"CAST(updated_at AS {cast})" if cast else "updated_at"
        query = f"SELECT id, {value} AS v FROM List"
        with pytest.raises(RecordRefused, match="v: "):
            await bench.run(task(query))
        assert await bench.rows("Hours", "id") == [], kind
        result = await bench.run(task(query, on_error=RowErrors.REDIRECT))
        assert (result.inserted, result.rejected) == (4, 1), kind
        assert [i for (i,) in await bench.rows("Hours", "id")] == [1, 3, 4, 5], kind


@pytest.mark.parametrize("value", ["hours", "CAST(hours AS DECIMAL(18, 9))"])
async def test_numbers_that_a_column_would_round_are_told(bench: Bench, value: str) -> None:
    await made(bench, "id BIGINT, v REAL")
    bench.source.put("List", person(2, hours=12345678.91), person(4, hours=0.123456789))
    query = f"SELECT id, {value} AS v FROM List"
    with pytest.raises(RecordRefused, match="would be rounded"):
        await bench.run(task(query))
    assert await bench.rows("Hours", "id") == []
    await bench.run(task(query, on_error=RowErrors.REDIRECT))
    assert await bench.rows("Hours", "id", "v") == [(1, 1.5), (3, 1.5), (5, 1.5)]
    rejects = await bench.rows("Hours_rejects", "column", "reason", order="record")
    assert rejects == [("v", "would be rounded")] * 2


async def test_the_mapping_says_which_values_may_not_fit(bench: Bench) -> None:
    await made(bench, "id BIGINT, v REAL")
    planned = plan_of(
        task("SELECT id, hours AS v FROM List"), await bench.source.tables(), bench.clock
    )
    pairs = await matched(
        task("SELECT id, hours AS v FROM List"), planned.schema, bench.destination
    )
    assert [str(pair).endswith("rows that do not are refused)") for pair in pairs] == [False, True]


async def dropped(bench: Bench) -> None:
    """Forget the table, and what was loaded into it."""
    schema = bench.destination.traits.schema
    gone = [drop_table(names.table(name, schema)) for name in ("Hours", names.LEDGER)]
    await bench.destination.execute(gone)


async def test_numbers_without_bounds(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no such type")
    await made(bench, "id NUMERIC PRIMARY KEY, v NUMERIC")
    bench.source.put("List", person(2, hours=0.1), person(3, hours=1e-20), person(4, hours=1e30))
    upsert = task("SELECT id, hours AS v FROM List", Disposition.MERGE)
    await bench.run(upsert)
    rows = [float(v) for (v,) in await bench.rows("Hours", "v")]
    assert rows == [1.5, 0.1, 1e-20, 1e30, 1.5]
    bench.source.put("List", person(2, hours=0.2))
    result = await bench.run(upsert)
    assert (result.inserted, result.updated) == (0, 1)


async def test_values_of_a_column_that_is_always_numbered(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no such column")
    await made(bench, "id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT")
    for write in (Disposition.INSERT, Disposition.MERGE, Disposition.REPLACE):
        query = "SELECT id, name FROM List"
        with pytest.raises(SchemaRefused, match="'id' is numbered by the database"):
            await bench.run(task(query, write))
        await bench.run(task(query, write, identity_insert=True))
        assert await bench.rows("Hours", "id") == [(n,) for n in range(1, 6)]
        schema = bench.destination.traits.schema
        await bench.destination.execute([exp.Delete(this=names.table("Hours", schema))])


@pytest.mark.parametrize("write", [Disposition.MERGE, Disposition.HISTORY])
async def test_repair_deletes_nothing_where_nothing_is_ever_deleted(
    bench: Bench, write: Disposition
) -> None:
    kept = replace(OWN, deletes=Deletes.IGNORE, disposition=write)
    await bench.run(kept)
    bench.source.drop("People", 5)
    bench.source.put("People", person(2, "new"))
    found = await bench.compare(kept, repair=True)
    assert (found.missing, found.extra, found.different) == (0, 1, 1)
    assert await bench.compare(kept) == Comparison(
        rows=4, missing=0, extra=1, different=0, examples=("extra: 5",)
    )


async def test_verify_says_what_to_do_about_a_new_column(bench: Bench) -> None:
    await bench.run(replace(OWN, query="SELECT id, name FROM People"))
    with pytest.raises(SchemaRefused, match="no column 'hours', 'updated_at'") as caught:
        await bench.compare(OWN)
    assert "run the task first" in str(caught.value.hint)


@pytest.mark.parametrize("way", list(ReplaceBy))
async def test_a_frozen_table_keeps_its_columns(bench: Bench, way: ReplaceBy) -> None:
    frozen = replace(
        OWN, query="SELECT id, name FROM List", disposition=Disposition.REPLACE,
        replace_by=way, schema_policy=SchemaPolicy.FREEZE,
    )  # fmt: skip
    await bench.run(frozen)
    await bench.run(frozen)
    narrower = replace(frozen, query="SELECT id FROM List")
    if way is ReplaceBy.TRUNCATE:
        await bench.run(narrower)
    else:
        with pytest.raises(SchemaRefused, match="would lose 'name'"):
            await bench.run(narrower)
    assert len(await bench.rows("People", "name")) == 5


@pytest.mark.parametrize("size", [0, 2])
@pytest.mark.parametrize("policy", [RowErrors.REDIRECT, RowErrors.IGNORE])
async def test_rows_that_constraints_refuse(bench: Bench, size: int, policy: RowErrors) -> None:
    """A key that is there, a CHECK, and two rows of the load with one unique value."""
    text = "NVARCHAR(20)" if bench.destination.traits.dialect == "tsql" else "VARCHAR(20)"
    columns = f"id BIGINT NOT NULL PRIMARY KEY, name {text} NOT NULL UNIQUE, hours FLOAT"
    await made(bench, f"{columns}, CHECK (hours < 100)")
    await bench.run(task("SELECT id, name FROM List WHERE id = 5"))
    bench.source.put("List", person(2, hours=100.0), person(4, "n3"))
    write = task("SELECT id, name, hours FROM List", on_error=policy, batch_size=size)
    write = replace(write, id="g")
    result = await bench.run(write)
    redirected = policy is RowErrors.REDIRECT
    assert (result.inserted, result.rejected) == (2, 3 * redirected)
    rows = await bench.rows("Hours", "id", "name")
    assert [i for i, _ in rows] in ([1, 3, 5], [1, 4, 5])
    assert [name for _, name in rows] == ["n1", "n3", "n5"]
    if redirected:
        rejects = await bench.rows("Hours_rejects", "reason", "record", order="record")
        assert json.loads(rejects[0][1])["id"] == 2
        assert len({record for _, record in rejects}) == 3
        assert all("refuses a row" in reason for reason, _ in rejects)


async def test_an_upsert_leaves_out_rows_that_constraints_refuse(bench: Bench) -> None:
    await made(bench, "id BIGINT NOT NULL PRIMARY KEY, hours FLOAT, CHECK (hours < 100)")
    upsert = task("SELECT id, hours FROM People", Disposition.MERGE, on_error=RowErrors.REDIRECT)
    await bench.run(upsert)
    bench.source.put("People", person(2, hours=200.0, minute=9), person(6, hours=3.0, minute=9))
    result = await bench.run(upsert)
    assert (result.inserted, result.updated, result.rejected) == (1, 0, 1)
    rows = await bench.rows("Hours", "id", "hours")
    assert rows == [*((n, 1.5) for n in range(1, 6)), (6, 3.0)]


_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c330"
#: Types that show text, and take some of it or none.
_OF_THEIR_OWN = {
    "duckdb": ("UUID", "JSON"),
    "postgres": ("JSONB",),
    "tsql": ("UNIQUEIDENTIFIER",),
}
_OF_NO_TEXT = {
    "duckdb": ("ENUM ('a', 'b')", "INTEGER[]"),
    "postgres": ("UUID", "INET", "INTEGER[]", "INTERVAL", "XML", "MONEY"),
    "tsql": (),
}


async def test_text_that_a_type_refuses_is_a_row_that_does_not_fit(bench: Bench) -> None:
    dialect = bench.destination.traits.dialect
    for kind in _OF_THEIR_OWN[dialect]:
        for number in range(1, 6):
            fits = '"json"' if kind.startswith("JSON") else f"{_ID}{number}"
            bench.source.put("List", person(number, "nothing" if number == 3 else fits))
        for write in (Disposition.INSERT, Disposition.MERGE):
            await dropped(bench)
            await made(bench, f"id BIGINT NOT NULL PRIMARY KEY, name {kind}")
            query = "SELECT id, name FROM List"
            with pytest.raises(RecordRefused):
                await bench.run(task(query, write))
            await bench.run(task(query, write, on_error=RowErrors.REDIRECT))
            assert await bench.rows("Hours", "id") == [(1,), (2,), (4,), (5,)], kind


async def test_types_that_take_no_text_are_refused_before_a_row_is_read(bench: Bench) -> None:
    dialect = bench.destination.traits.dialect
    for kind in _OF_NO_TEXT[dialect]:
        await dropped(bench)
        await made(bench, f"id BIGINT NOT NULL PRIMARY KEY, name {kind}")
        with pytest.raises(SchemaRefused, match="'name' is "):
            await bench.run(task("SELECT id, name FROM List"))
    assert bench.source.requests == 0


async def test_a_view_that_takes_no_rows_is_refused(bench: Bench) -> None:
    traits = bench.destination.traits
    if traits.views_written:
        pytest.skip("writes into views")
    await bench.run(replace(OWN, query="SELECT id, name FROM List"))
    view, own = (names.table(n, traits.schema).sql(dialect="duckdb") for n in ("Hours", "People"))
    made_view = exp.Command(this="CREATE", expression=f"VIEW {view} AS SELECT * FROM {own}")
    await bench.destination.execute([made_view])
    with pytest.raises(SchemaRefused, match="it is a view"):
        await bench.run(task("SELECT id, name FROM List", Disposition.MERGE))


async def test_json_without_equality_is_compared_as_text(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no such type")
    await made(bench, "id BIGINT PRIMARY KEY, name JSON")
    for number in range(1, 6):
        bench.source.put("List", person(number, f'{{"n": {number}}}'))
    upsert = task("SELECT id, name FROM List", Disposition.MERGE)
    assert (await bench.run(upsert)).inserted == 5
    result = await bench.run(upsert)
    assert (result.inserted, result.updated) == (0, 0)
    bench.source.put("List", person(2, '{"n": 22}'))
    result = await bench.run(upsert)
    assert (result.inserted, result.updated) == (0, 1)
    found = await bench.rows("Hours", "id", "name")
    assert [(i, json.loads(v)["n"]) for i, v in found] == [(1, 1), (2, 22), (3, 3), (4, 4), (5, 5)]


async def test_json_without_equality_is_no_key(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no such type")
    await made(bench, "id BIGINT, name JSON")
    upsert = replace(task("SELECT id, name FROM List", Disposition.MERGE), key=("name",))
    with pytest.raises(SchemaRefused, match=r"'name' .*cannot be a key"):
        await bench.run(upsert)
    assert bench.source.requests == 0


@pytest.mark.parametrize("precision", [39, 50, 76])
async def test_numbers_of_more_digits_than_most(bench: Bench, precision: int) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no such type")
    await made(bench, f"id NUMERIC({precision}, 2) PRIMARY KEY, v NUMERIC({precision}, 10)")
    bench.source.put("List", person(2, hours=0.25), person(3, hours=1e20))
    upsert = task("SELECT id, hours AS v FROM List", Disposition.MERGE)
    await bench.run(upsert)
    assert [float(v) for (v,) in await bench.rows("Hours", "v")] == [1.5, 0.25, 1e20, 1.5, 1.5]
    bench.source.put("List", person(2, hours=0.5))
    result = await bench.run(upsert)
    assert (result.inserted, result.updated) == (0, 1)
    bench.source.put("List", person(2, hours=1e-11))
    with pytest.raises(RecordRefused, match="v: "):
        await bench.run(upsert)


@pytest.mark.parametrize("kind", ["TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"])
async def test_moments_of_every_precision(bench: Bench, kind: str) -> None:
    if bench.destination.traits.dialect != "duckdb":
        pytest.skip("has no such types")
    await made(bench, f"id BIGINT PRIMARY KEY, v {kind}")
    upsert = task("SELECT id, CAST(updated_at AS TIMESTAMP) AS v FROM List", Disposition.MERGE)
    assert (await bench.run(upsert)).inserted == 5
    bench.source.put("List", {**person(2), "updated_at": at(7)})
    result = await bench.run(upsert)
    assert (result.inserted, result.updated) == (0, 1)
    found = [v.replace(tzinfo=None) for (v,) in await bench.rows("Hours", "v")]
    assert found == [at(7 if n == 2 else 0).replace(tzinfo=None) for n in range(1, 6)]


@pytest.mark.parametrize("write", [Disposition.MERGE, Disposition.UPDATE])
async def test_a_numbered_column_beside_the_key_is_refused(
    bench: Bench, write: Disposition
) -> None:
    kinds = {"postgres": "BIGINT GENERATED ALWAYS AS IDENTITY", "tsql": "BIGINT IDENTITY(1, 1)"}
    kind = kinds.get(bench.destination.traits.dialect)
    if kind is None:
        pytest.skip("has no such columns")
    text = "NVARCHAR(20)" if bench.destination.traits.dialect == "tsql" else "TEXT"
    await made(bench, f"id {kind}, name {text} NOT NULL PRIMARY KEY")
    query = replace(task("SELECT id, name FROM List", write, identity_insert=True), key=("name",))
    with pytest.raises(SchemaRefused, match=r"'id' is numbered .* only a key"):
        await bench.run(query)
    assert bench.source.requests == 0


async def test_domains_are_as_strict_as_they_say(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("has no domains")
    schema = exp.to_identifier(bench.destination.traits.schema, quoted=True).sql("postgres")
    await bench.destination.execute([create_schema(bench.destination.traits.schema)])
    domains = {
        "must": "BIGINT NOT NULL", "seven": "BIGINT DEFAULT 7", "short": "VARCHAR(3)",
        "small": "BIGINT CHECK (VALUE < 4)",
    }  # fmt: skip
    for name, kind in domains.items():
        made_by = exp.Command(this="CREATE", expression=f"DOMAIN {schema}.{name} AS {kind}")
        await bench.destination.execute([made_by])
    await made(bench, f"id BIGINT, must {schema}.must")
    with pytest.raises(SchemaRefused, match="'must' needs a value"):
        await bench.run(task("SELECT id FROM List"))
    await dropped(bench)
    await made(bench, f"id {schema}.small, name {schema}.short, seven {schema}.seven")
    bench.source.put("List", person(1, "long"))
    write = task(
        "SELECT id, name FROM List", on_error=RowErrors.REDIRECT, on_truncation=RowErrors.REDIRECT
    )
    result = await bench.run(write)
    assert (result.inserted, result.rejected) == (2, 3)
    assert await bench.rows("Hours", "id", "name", "seven") == [(2, "n2", 7), (3, "n3", 7)]


#: Types of PostgreSQL that text does not go into, and those that it does.
_REFUSED = (
    "TEXT[]", "BIGINT[]", "{s}.mood", "{s}.who", "MONEY", "INTERVAL", "BYTEA", "INET", "CIDR",
    "MACADDR", "UUID", "POINT", "INT4RANGE", "TSVECTOR", "BIT(3)", "XML", "DATE", "OID",
    "TEXT GENERATED ALWAYS AS ('x') STORED",
)  # fmt: skip
_TAKEN = ("TEXT", "VARCHAR(20)", "CHAR(20)", "NAME", '"char"', "TEXT DEFAULT 'x'")


@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
async def test_types_take_text_or_are_refused_with_their_name(bench: Bench) -> None:
    schema = exp.to_identifier(bench.destination.traits.schema, quoted=True).sql("postgres")
    await bench.destination.execute([create_schema(bench.destination.traits.schema)])
    for kind in ("mood AS ENUM ('good')", "who AS (name TEXT)"):
        await bench.destination.execute(
            [exp.Command(this="CREATE", expression=f"TYPE {schema}.{kind}")]
        )
    for kind in _REFUSED:
        await dropped(bench)
        await made(bench, f"id BIGINT PRIMARY KEY, name {kind.replace('{s}', schema)}")
        with pytest.raises(SchemaRefused, match="'name' is"):
            await bench.run(task("SELECT id, name FROM List", Disposition.MERGE))
    assert bench.source.requests == 0
    for kind in _TAKEN:
        await dropped(bench)
        await made(bench, f"id BIGINT PRIMARY KEY, name {kind}")
        for number in range(1, 6):
            bench.source.put("List", person(number, str(number)))
        upsert = task("SELECT id, name FROM List", Disposition.MERGE)
        assert (await bench.run(upsert)).inserted == 5, kind
        bench.source.put("List", person(2, "9"))
        assert (await bench.run(upsert)).updated == 1, kind


async def test_rows_meet_by_a_key_that_the_database_pads(bench: Bench) -> None:
    await made(bench, "id CHAR(5) NOT NULL, name VARCHAR(20)")
    upsert = task("SELECT name AS id, 'one' AS name FROM List", Disposition.MERGE)
    upsert = replace(upsert, key=("id",))
    results = [await bench.run(upsert) for _ in range(2)]
    assert [(r.inserted, r.updated) for r in results] == [(5, 0), (0, 0)]
    again = replace(upsert, query="SELECT name AS id, 'two' AS name FROM List")
    result = await bench.run(again)
    assert (result.inserted, result.updated) == (0, 5)
    assert await bench.rows("Hours", "name") == [("two",)] * 5
