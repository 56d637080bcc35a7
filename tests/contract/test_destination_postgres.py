"""PostgreSQL keeps the destination contract, and tells its own types apart."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from urllib.parse import quote

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp, parse_one

from standins import postgres
from standins.postgres_place import Place, new_place
from syncline.destinations.postgres import PostgresSettings, open_postgres
from syncline.errors import CredentialError, PropertyError, RecordRefused, SchemaRefused
from syncline.load import names
from syncline.model.ports import Destination
from syncline.model.run import Evolved
from syncline.model.table import field_of, is_indexed, is_json, made_by, size_of
from syncline.testing.conformance import DestinationConformance, Opener
from syncline.testing.conformance_runs import Trial, contents, ordered, task, thing


@pytest.fixture
def place(postgres_server: postgres.Server) -> Place:
    return new_place(postgres_server)


class TestPostgres(DestinationConformance):
    @pytest_asyncio.fixture
    async def open_destination(self, place: Place) -> AsyncIterator[Opener]:
        async def opened() -> Destination:
            return place.open()

        yield opened


def _query(sql: str) -> exp.Query:
    parsed = parse_one(sql, dialect="postgres")
    assert isinstance(parsed, exp.Query)
    return parsed


async def test_an_existing_table_is_described_exactly(place: Place) -> None:
    place.run(
        "CREATE SCHEMA {s}",
        "CREATE DOMAIN {s}.money AS numeric(12, 4)",
        "CREATE TYPE {s}.mood AS ENUM ('good', 'bad')",
        """CREATE TABLE {s}.t (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            code varchar(10) NOT NULL, letter char(3), free text, n numeric, small numeric(5, 2),
            wide numeric(50, 10), rounded numeric(3, -2), paid {s}.money DEFAULT 0,
            twice int GENERATED ALWAYS AS (2) STORED, made int NOT NULL DEFAULT 7,
            js json, jb jsonb, u uuid, m {s}.mood, gone int)""",
        "ALTER TABLE {s}.t DROP COLUMN gone",
        """INSERT INTO {s}.t (code, letter, n, small, wide, rounded, paid, js, jb, u, m) VALUES
            ('x', 'a', 1.5, 2.25, 3, 1234, 5, '{"a": 1}', '[1]',
             '00000000-0000-0000-0000-000000000001', 'good')""",
        "CREATE VIEW {s}.v AS SELECT id, small FROM {s}.t",
    )
    destination = place.open()
    schema = await destination.describe(names.table("t", place.schema))
    assert schema is not None
    assert {f.name: (f.type, f.nullable, size_of(f), made_by(f), is_json(f)) for f in schema} == {
        "id": (pa.int64(), False, None, "identity", False),
        "code": (pa.string(), False, 10, "", False),
        "letter": (pa.string(), True, 3, "", False),
        "free": (pa.string(), True, None, "", False),
        "n": (pa.decimal256(76, 38), True, None, "", False),
        "small": (pa.decimal128(5, 2), True, None, "", False),
        "wide": (pa.decimal256(50, 10), True, None, "", False),
        "rounded": (pa.decimal128(3, -2), True, None, "", False),
        "paid": (pa.decimal128(12, 4), True, None, "default", False),
        "twice": (pa.int32(), True, None, "expression", False),
        "made": (pa.int32(), False, None, "default", False),
        "js": (pa.string(), True, None, "", True),
        "jb": (pa.string(), True, None, "", True),
        "u": (pa.string(), True, None, "", False),
        "m": (pa.string(), True, None, "", False),
    }
    view = await destination.describe(names.table("v", place.schema))
    assert view is not None
    assert view.field("small").type == pa.decimal128(5, 2)
    assert await destination.describe(names.table("nothing", place.schema)) is None
    (row,) = (
        await destination.fetch(exp.select("*").from_(names.table("t", place.schema)))
    ).to_pylist()
    assert (row["n"], row["small"], row["wide"], row["rounded"]) == (
        Decimal("1.5"),
        Decimal("2.25"),
        Decimal(3),
        Decimal(1200),
    )
    assert (row["code"], row["letter"], row["m"], row["js"]) == ("x", "a  ", "good", '{"a": 1}')
    await destination.aclose()


async def test_queries_keep_their_types(place: Place) -> None:
    destination = place.open()
    rows = await destination.fetch(
        _query(
            "SELECT 1 AS i, 2.50 AS n, CAST(1.5 AS numeric(9, 3)) AS d, sum(x) AS s, "
            "count(*) AS c, 'x' AS t, DATE '2026-01-02' AS day FROM (VALUES (1), (2)) AS v(x)"
        )
    )
    assert rows.to_pylist() == [
        {"i": 1, "n": Decimal("2.5"), "d": Decimal("1.5"), "s": 3, "c": 2, "t": "x",
         "day": date(2026, 1, 2)}
    ]  # fmt: skip
    assert rows.schema.field("d").type == pa.decimal128(9, 3)
    await destination.aclose()


async def test_types_that_arrow_lacks_are_text(place: Place) -> None:
    destination = place.open()
    rows = await destination.fetch(
        _query(
            "SELECT '00000000-0000-0000-0000-00000000000a'::uuid AS \"the Id\", 1 AS n, "
            "ARRAY['a', 'b'] AS list, '10.0.0.1'::inet AS address, '[1,3)'::int4range AS range"
        )
    )
    assert rows.to_pylist() == [
        {"the Id": "00000000-0000-0000-0000-00000000000a", "n": 1, "list": "{a,b}",
         "address": "10.0.0.1/32", "range": "[1,3)"}
    ]  # fmt: skip
    await destination.aclose()


async def test_a_number_that_arrow_does_not_have(place: Place) -> None:
    destination = place.open()
    with pytest.raises(RecordRefused, match="'n'"):
        await destination.fetch(_query("SELECT 'NaN'::numeric AS n"))
    await destination.aclose()


async def test_numbers_without_bounds_hold_every_exact_one(place: Place) -> None:
    trial = Trial(
        task=task("T"), schema=pa.schema([("id", pa.int64()), ("v", pa.decimal128(38, 9))])
    )
    place.run("CREATE SCHEMA {s}", 'CREATE TABLE {s}."T" (id numeric, v numeric)')
    destination = place.open()
    trial = trial.but(version=None)
    rows = [{"id": 2**63 - 1, "v": Decimal("12345678901234567890123456789.123456789")}]
    await trial.run(destination, trial.rows(rows))
    assert await contents(destination, trial.task) == rows
    doubles = trial.but(schema=pa.schema([("id", pa.int64()), ("v", pa.float64())]))
    with pytest.raises(SchemaRefused, match="'v'"):
        await doubles.run(destination, doubles.rows([{"id": 1, "v": 0.5}], at=100))
    await destination.aclose()


async def test_a_text_column_of_others_grows_when_a_text_needs_it(place: Place) -> None:
    place.run(
        "CREATE SCHEMA {s}",
        'CREATE TABLE {s}."T" (id bigint PRIMARY KEY, said varchar(5), known varchar(5))',
    )
    destination = place.open()
    fields = [("id", pa.int64()), ("said", pa.string()), field_of("known", pa.string(), size=5)]
    trial = Trial(task=task("T"), schema=pa.schema(fields), version=None)
    first = [{"id": 1, "said": "😀" * 5, "known": "é" * 5}]
    outcome = await trial.run(destination, trial.rows(first))
    assert not [e for e in outcome.events if isinstance(e, Evolved)]
    second = [{"id": 2, "said": "longer than before", "known": "short"}]
    await trial.run(destination, trial.rows(second, at=100))
    assert await contents(destination, trial.task) == ordered([*first, *second])
    made = await destination.describe(names.table("T", place.schema))
    assert made is not None
    assert [size_of(f) for f in made] == [None, None, 5]
    assert [is_indexed(f) for f in made] == [True, False, False]
    await destination.aclose()


@pytest.mark.parametrize(
    ("key", "indexed"),
    [
        (("number", "code"), "number"),
        (("code",), "code"),
        (("short", "code"), "short"),
    ],
)
async def test_keys_of_any_length_have_an_index(
    place: Place, key: tuple[str, ...], indexed: str
) -> None:
    destination = place.open()
    fields = [
        ("number", pa.int64()), ("code", pa.string()), field_of("short", pa.string(), size=9)
    ]  # fmt: skip
    trial = Trial(task=task("T"), schema=pa.schema(fields), key=key, version=None)
    long = "".join(chr(33 + n * 7919 % 5000) for n in range(9000))
    rows = [{"number": n, "code": f"{n}{long}", "short": f"s{n}"} for n in range(3)]
    await trial.run(destination, trial.rows(rows))
    again = await trial.run(destination, trial.rows(rows, at=100), full=True)
    assert (again.result.inserted, again.result.updated) == (0, 0)
    made = await destination.describe(names.table("T", place.schema))
    assert made is not None
    assert [f.name for f in made if is_indexed(f)] == [indexed]
    await destination.aclose()


async def test_names_are_cut_by_bytes_not_by_characters(place: Place) -> None:
    destination = place.open()
    name = "é" * 40
    held = names.fitting(name, destination.traits)
    assert len(held.encode()) <= 63
    trial = Trial(task=task(name), schema=pa.schema([("id", pa.int64()), (name, pa.string())]))
    trial = trial.but(version=None)
    await trial.run(destination, trial.rows([{"id": 1, name: "x"}]))
    (found,) = place.rows(
        "SELECT c.relname AS t FROM pg_class c WHERE c.relkind = 'r' AND c.relname LIKE 'éé%' "
        "AND c.relnamespace = '{s}'::regnamespace"
    )
    assert found["t"] == held
    await destination.aclose()


async def test_nothing_is_left_in_the_session(place: Place) -> None:
    destination = place.open()
    trial = Trial(task=task())
    await trial.run(destination, trial.rows([thing(n) for n in range(5)]))
    count = _query("SELECT count(*) AS n FROM pg_class WHERE relnamespace = pg_my_temp_schema()")
    assert (await destination.fetch(count)).to_pylist() == [{"n": 0}]
    locks = _query("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'")
    assert (await destination.fetch(locks)).to_pylist() == [{"n": 0}]
    await destination.aclose()


@pytest.mark.parametrize("apart", [True, False], ids=["password apart", "password in the URL"])
async def test_an_address_as_url(place: Place, *, apart: bool) -> None:
    word = "" if apart else f":{quote(postgres.PASSWORD, safe='')}"
    settings = PostgresSettings(
        url=f"postgresql://{postgres.USER}{word}@127.0.0.1:{place.server.port}/postgres?sslmode=disable",
        password=postgres.PASSWORD if apart else "",
        schema=place.schema,
    )
    destination = open_postgres(settings)
    assert (await destination.fetch(_query("SELECT 1 AS one"))).to_pylist() == [{"one": 1}]
    await destination.aclose()
    assert postgres.PASSWORD not in repr(settings)


@pytest.mark.parametrize(
    ("other", "match"),
    [({"url": "mysql://x:secret@y/z"}, "URL"), ({"sslmode": "always"}, "SSLMode")],
    ids=["url", "sslmode"],
)
def test_an_address_that_is_none(place: Place, other: dict[str, str], match: str) -> None:
    with pytest.raises(PropertyError, match=match) as refused:
        open_postgres(replace(place.settings, **other))  # type: ignore[arg-type]  # texts
    assert refused.value.hint
    assert "secret" not in str(refused.value)


async def test_a_closed_destination_may_be_used_again(place: Place) -> None:
    destination = place.open()
    await destination.fetch(_query("SELECT 1 AS one"))
    await destination.aclose()
    assert (await destination.fetch(_query("SELECT 2 AS two"))).to_pylist() == [{"two": 2}]
    await destination.aclose()
    refused = place.open(password="wrong")
    with pytest.raises(CredentialError):
        await refused.fetch(_query("SELECT 1 AS one"))
    await refused.aclose()
