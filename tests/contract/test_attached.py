"""What hangs on a table stays when its rows are replaced: it is emptied and filled, not swapped."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlglot import exp

from contract.test_task_kinds import Bench, bench, opened, person
from standins import postgres
from standins.postgres_place import Place, new_place
from syncline.errors import SchemaRefused
from syncline.load import names
from syncline.model.attached import attached_of
from syncline.model.job import Disposition, ReplaceBy, Task
from syncline.sync import foresee, plan_of
from syncline.testing.conformance_faults import Died, Faulty

__all__ = ["bench", "opened"]

LIST = Task(id="list", query="SELECT * FROM List", target="People", disposition=Disposition.REPLACE)

#: What somebody adds to a table in PostgreSQL, and a query for whether it is there.
POSTGRES = {
    "index": ("CREATE INDEX mine ON {t} (name)", "pg_indexes WHERE indexname = 'mine'"),
    "unique": ("CREATE UNIQUE INDEX mine ON {t} (id)", "pg_indexes WHERE indexname = 'mine'"),
    "descending": ("CREATE INDEX mine ON {t} (id DESC)", "pg_indexes WHERE indexname = 'mine'"),
    "primary key": ("ALTER TABLE {t} ADD CONSTRAINT mine PRIMARY KEY (id)",
                    "pg_constraint WHERE conname = 'mine'"),
    "check": ("ALTER TABLE {t} ADD CONSTRAINT mine CHECK (id > 0)",
              "pg_constraint WHERE conname = 'mine'"),
    "default": ("ALTER TABLE {t} ALTER hours SET DEFAULT 1",
                "pg_attrdef WHERE adrelid = '{t}'::regclass"),
    "not null": ("ALTER TABLE {t} ALTER name SET NOT NULL",
                 ("pg_attribute WHERE attrelid = '{t}'::regclass AND attname = 'name' "
                 "AND attnotnull")),
    "grant": ("GRANT SELECT ON {t} TO PUBLIC",
              "pg_class WHERE oid = '{t}'::regclass AND relacl::text LIKE '%=r/%'"),
    "grant of a column": ("GRANT SELECT (id) ON {t} TO PUBLIC",
                          "pg_attribute WHERE attrelid = '{t}'::regclass AND attacl IS NOT NULL"),
    "comment": ("COMMENT ON TABLE {t} IS 'hello'",
                "pg_description WHERE objoid = '{t}'::regclass AND description = 'hello'"),
    "comment on a column": ("COMMENT ON COLUMN {t}.name IS 'hello'",
                            "pg_description WHERE objoid = '{t}'::regclass"),
    "view": ("CREATE VIEW {s}.mine AS SELECT id FROM {t}",
             "{s}.mine WHERE id = 7"),
    "trigger": (("CREATE FUNCTION {s}.f() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RETURN NULL; END'; CREATE TRIGGER mine AFTER INSERT ON {t} "
                "FOR EACH ROW EXECUTE FUNCTION {s}.f()"), "pg_trigger WHERE tgname = 'mine'"),
    "rule": ("CREATE RULE mine AS ON DELETE TO {t} DO ALSO NOTHING",
             "pg_rules WHERE rulename = 'mine'"),
    "policy": ("CREATE POLICY mine ON {t} USING (true)", "pg_policies WHERE policyname = 'mine'"),
    "row-level security": ("ALTER TABLE {t} ENABLE ROW LEVEL SECURITY",
                           "pg_class WHERE oid = '{t}'::regclass AND relrowsecurity"),
    "publication": (("ALTER TABLE {t} REPLICA IDENTITY FULL; "
                    "CREATE PUBLICATION {p} FOR TABLE {t}"),
                    "pg_publication_rel WHERE prrelid = '{t}'::regclass"),
    "statistics": ("CREATE STATISTICS {s}.mine ON id, name FROM {t}",
                   "pg_statistic_ext WHERE stxname = 'mine'"),
    "storage": ("ALTER TABLE {t} SET (fillfactor = 70)",
                "pg_class WHERE oid = '{t}'::regclass AND reloptions IS NOT NULL"),
    "child": ("CREATE TABLE {s}.child () INHERITS ({t})",
              "pg_inherits WHERE inhparent = '{t}'::regclass"),
    "function": (("CREATE FUNCTION {s}.whole({t}) RETURNS bigint LANGUAGE sql "
                 "AS 'SELECT $1.id'"), ("pg_proc WHERE proname = 'whole' AND "
                 "proargtypes[0] = (SELECT reltype FROM pg_class WHERE oid = '{t}'::regclass)")),
}  # fmt: skip


@pytest.fixture
def place(postgres_server: postgres.Server) -> Place:
    return new_place(postgres_server)


def place_of(bench: Bench, place: Place) -> Place:
    """Return the place that the bench works in."""
    return replace(place, schema=bench.destination.traits.schema)


async def oid(place: Place) -> int:
    rows = place.rows("""SELECT '{s}."People"'::regclass::oid::int8 AS n""")
    return int(rows[0]["n"])


def only_postgres(bench: Bench) -> None:
    if bench.destination.traits.dialect != "postgres":
        pytest.skip("what other databases do not have, or have their own tests of")


@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
@pytest.mark.parametrize("kind", POSTGRES)
async def test_postgres_keeps(bench: Bench, place: Place, kind: str) -> None:
    place = place_of(bench, place)
    await bench.run(LIST)
    made, there = (
        text.replace("{t}", '{s}."People"').replace("{p}", f'"p {place.schema}"')
        for text in POSTGRES[kind]
    )
    for statement in made.split("; ") if "FUNCTION" not in made else split_function(made):
        place.run(statement)
    before = await oid(place)
    bench.source.put("List", person(7, "seven"))
    bench.source.drop("List", 1)
    await bench.run(LIST)
    assert place.rows(f"SELECT 1 AS n FROM {there}"), "it is gone"
    assert await oid(place) == before
    assert await bench.rows("People", "id", "name") == [
        *((n, f"n{n}") for n in range(2, 6)), (7, "seven"),
    ]  # fmt: skip


def split_function(text: str) -> Sequence[str]:
    first, found, second = text.partition("; CREATE TRIGGER")
    return [first, *([f"CREATE TRIGGER{second}"] if found else [])]


@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
async def test_a_table_with_nothing_of_others_is_swapped(bench: Bench, place: Place) -> None:
    place = place_of(bench, place)
    task = replace(LIST, key=("id",))
    for write in (LIST, task):
        await bench.run(replace(write, id="a", target="People"))
        before = await oid(place)
        await bench.run(replace(write, id="a", target="People"))
        assert await oid(place) != before


@pytest.mark.parametrize("opened", ["postgres"], indirect=True)
async def test_rights_that_every_new_table_has_are_not_lost(bench: Bench, place: Place) -> None:
    place = place_of(bench, place)
    place.run("CREATE SCHEMA {s}", "ALTER DEFAULT PRIVILEGES IN SCHEMA {s} "
              "GRANT SELECT ON TABLES TO PUBLIC")  # fmt: skip
    await bench.run(LIST)
    before = await oid(place)
    await bench.run(LIST)
    assert await oid(place) != before


REFERRING = {
    "duckdb": 'CREATE TABLE {s}.child (nr BIGINT REFERENCES {s}."People" (id))',
    "postgres": 'CREATE TABLE {s}.child (nr BIGINT REFERENCES {s}."People" (id) '
                "ON DELETE CASCADE)",
    "tsql": "CREATE TABLE {s}.child (nr BIGINT REFERENCES {s}.[People] (id))",
}  # fmt: skip


async def commands(bench: Bench, *texts: str) -> None:
    """Run statements as somebody else would; {s} is the schema, {t} the table."""
    traits = bench.destination.traits
    schema = exp.to_identifier(traits.schema, quoted=True).sql(dialect=traits.dialect)
    for text in texts:
        written = text.replace("{t}", '{s}."People"').replace("{s}", schema)
        if traits.dialect == "tsql":
            written = written.replace('"People"', "[People]")
            # CREATE VIEW has to be alone in its batch.
            written = f"EXEC (N'{written}')"
        word, _, rest = written.partition(" ")
        await bench.destination.execute([exp.Command(this=word, expression=rest)])


async def prepared(bench: Bench) -> None:
    """Make a table of others with a key, empty, so that it is adopted."""
    kinds = {"duckdb": ("VARCHAR", "DOUBLE", "TIMESTAMPTZ"),
             "postgres": ("TEXT", "DOUBLE PRECISION", "TIMESTAMPTZ"),
             "tsql": ("NVARCHAR(MAX)", "FLOAT", "DATETIMEOFFSET(6)")}  # fmt: skip
    text, number, moment = kinds[bench.destination.traits.dialect]
    await bench.destination.execute(
        [exp.Create(this=exp.Table(db=exp.to_identifier(bench.destination.traits.schema,
                                                        quoted=True)), kind="SCHEMA", exists=True)]
    )  # fmt: skip
    await commands(bench, f"CREATE TABLE {{t}} (id BIGINT NOT NULL PRIMARY KEY, name {text}, "
                          f"hours {number}, updated_at {moment})")  # fmt: skip


async def test_rows_that_others_refer_to_are_not_emptied(bench: Bench) -> None:
    await prepared(bench)
    await bench.run(LIST)
    await commands(bench, REFERRING[bench.destination.traits.dialect],
                   "INSERT INTO {s}.child VALUES (2)")  # fmt: skip
    bench.source.put("List", person(3, "new"), person(7))
    bench.source.drop("List", 1)
    result = await bench.run(LIST)
    assert (result.inserted, result.updated, result.deleted) == (1, 1, 1)
    assert await bench.rows("People", "id", "name") == [
        (2, "n2"), (3, "new"), (4, "n4"), (5, "n5"), (7, "n7"),
    ]  # fmt: skip
    assert await bench.rows("child", "nr", order="nr") == [(2,)]


async def test_rows_that_others_refer_to_need_a_key_to_be_replaced(bench: Bench) -> None:
    await prepared(bench)
    await bench.run(LIST)
    await commands(bench, REFERRING[bench.destination.traits.dialect],
                   "INSERT INTO {s}.child VALUES (2)")  # fmt: skip
    keyless = replace(LIST, query="SELECT id + 0 AS id, name, hours, updated_at FROM List")
    with pytest.raises(SchemaRefused, match="without a key"):
        await bench.run(keyless)
    assert len(await bench.rows("People", "id")) == 5
    assert await bench.rows("child", "nr", order="nr") == [(2,)]


#: What the others have, and what is to be told of it.
ELSEWHERE: dict[str, dict[str, tuple[str, str]]] = {
    "duckdb": {
        "index": ("CREATE INDEX mine ON {t} (name)", "index mine"),
        "unique": ("CREATE UNIQUE INDEX mine ON {t} (id)", "unique index mine"),
        "comment": ("COMMENT ON TABLE {t} IS 'hello'", "comment"),
        "comment on a column": ("COMMENT ON COLUMN {t}.name IS 'hello'", "comment name"),
        "default": ("ALTER TABLE {t} ALTER hours SET DEFAULT 1", "default"),
    },
    "tsql": {
        "index": ("CREATE INDEX mine ON {t} (hours)", "index mine"),
        "unique": ("CREATE UNIQUE INDEX mine ON {t} (id)", "unique index mine"),
        "filtered": ("CREATE INDEX mine ON {t} (hours) WHERE hours > 0", "index mine"),
        "check": ("ALTER TABLE {t} ADD CONSTRAINT mine CHECK (id > 0)", "constraint mine"),
        "key": ("ALTER TABLE {t} ADD CONSTRAINT mine UNIQUE (id)", "unique index mine"),
        "default": ("ALTER TABLE {t} ADD CONSTRAINT mine DEFAULT 1 FOR hours", "default"),
        "grant": ("GRANT SELECT ON {t} TO public", "grants"),
        "bound view": ("CREATE VIEW {s}.mine WITH SCHEMABINDING AS SELECT id FROM {t}",
                       "schema-bound object mine"),
    },
}  # fmt: skip


_NAMES = {"duckdb": "duckdb", "tsql": "sqlserver"}


@pytest.mark.parametrize(
    ("opened", "kind"),
    [(_NAMES[dialect], kind) for dialect, kinds in ELSEWHERE.items() for kind in kinds],
    indirect=["opened"],
)
async def test_others_keep(bench: Bench, kind: str) -> None:
    known = ELSEWHERE[bench.destination.traits.dialect]
    made, told = known[kind]
    await bench.run(LIST)
    table = names.table("People", bench.destination.traits.schema)
    before = await bench.destination.describe(table, attached=True)
    assert before is not None
    assert not attached_of(before)
    await commands(bench, made)
    bench.source.put("List", person(7, "seven"))
    await bench.run(LIST)
    after = await bench.destination.describe(table, attached=True)
    assert after is not None
    found = [*map(str, attached_of(after)), *({"default"} if has_default(after) else ())]
    assert told in found
    assert [i for (i,) in await bench.rows("People", "id")] == [1, 2, 3, 4, 5, 7]


def has_default(schema: Any) -> bool:
    return any((f.metadata or {}).get(b"made_by") == b"default" for f in schema)


@pytest.mark.parametrize("opened", ["duckdb", "postgres"], indirect=True)
async def test_killed_anywhere_the_old_rows_are_whole(bench: Bench) -> None:
    await bench.run(LIST)
    await commands(bench, "CREATE INDEX mine ON {t} (name)")
    bench.source.put("List", *(person(n, "new") for n in range(1, 6)))
    inner, seen, place = bench.destination, set(), 0
    while True:
        bench.destination = Faulty(inner, place=place)
        try:
            await bench.run(LIST)
            break
        except Died:
            place += 1
        finally:
            bench.destination = inner
        rows = await bench.rows("People", "name")
        seen.add(tuple(rows))
        assert rows in ([(f"n{n}",) for n in range(1, 6)], [("new",)] * 5)
    assert place > 5
    assert await bench.rows("People", "name") == [("new",)] * 5
    assert tuple((f"n{n}",) for n in range(1, 6)) in seen


async def test_a_column_of_another_kind_needs_another_table(bench: Bench) -> None:
    await bench.run(LIST)
    await commands(bench, "CREATE INDEX mine ON {t} (hours)")
    other = replace(LIST, query="SELECT id, hours AS updated_at, name FROM List")
    with pytest.raises(SchemaRefused, match="updated_at") as caught:
        await bench.run(other)
    assert "replace_by: drop" in str(caught.value.hint)
    assert len(await bench.rows("People", "hours")) == 5
    await bench.run(replace(other, replace_by=ReplaceBy.DROP))
    assert await bench.rows("People", "updated_at") == [(1.5,)] * 5


async def test_a_new_column_comes_beside_what_hangs_on_the_table(bench: Bench) -> None:
    narrow = replace(LIST, query="SELECT id, name FROM List")
    await bench.run(narrow)
    await commands(bench, "CREATE UNIQUE INDEX mine ON {t} (id)")
    await bench.run(LIST)
    assert await bench.rows("People", "id", "hours") == [(n, 1.5) for n in range(1, 6)]


async def test_it_is_told_before(bench: Bench) -> None:
    planned = plan_of(LIST, await bench.source.tables(), bench.clock)
    await bench.run(LIST)
    assert await foresee(LIST, planned, bench.destination, bench.clock) == ()
    await commands(bench, "CREATE INDEX mine ON {t} (hours)")
    told = await foresee(LIST, planned, bench.destination, bench.clock)
    assert told == ("index mine",)


async def test_dropping_is_what_drop_says(bench: Bench) -> None:
    await bench.run(LIST)
    await commands(bench, "CREATE INDEX mine ON {t} (hours)")
    await bench.run(replace(LIST, replace_by=ReplaceBy.DROP))
    described = await bench.destination.describe(
        names.table("People", bench.destination.traits.schema), attached=True
    )
    assert described is not None
    assert "index mine" not in map(str, attached_of(described))
