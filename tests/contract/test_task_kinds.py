"""Existing targets, history and repair on every destination: real databases, rows in memory."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp

from standins import postgres
from standins.tds.fixture import TdsServer
from syncline.destinations.duckdb import open_duckdb
from syncline.destinations.postgres import PostgresSettings, open_postgres
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.errors import Missing, RecordRefused, SchemaRefused, StaleGeneration
from syncline.load import names
from syncline.load.ddl import create_schema, create_table, drop_table
from syncline.load.resending import KeptReject, kept
from syncline.load.verify import Comparison
from syncline.model.job import Deletes, Disposition, Flow, ReplaceBy, RowErrors, Task
from syncline.model.ports import Destination, Merged
from syncline.model.run import Committed, Result
from syncline.model.table import Table, field_of
from syncline.sync import compare, resend, sync
from syncline.testing.conformance_runs import StepClock
from syncline.testing.source import MemorySource

Opener = Callable[[], Awaitable[Destination]]
INSTANT = pa.timestamp("us", tz="UTC")
PEOPLE = Table(
    name="People",
    schema=pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            ("name", pa.string()),
            ("hours", pa.float64()),
            ("updated_at", INSTANT),
        ]
    ),
    primary_key=("id",),
    cursor_column="updated_at",
)
#: The same rows, but nothing tells when they changed.
LIST = Table(name="List", schema=PEOPLE.schema, primary_key=("id",))


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 12, minute, tzinfo=UTC)


def person(number: int, name: str = "", *, minute: int = 0, hours: float = 1.5) -> dict[str, Any]:
    return {
        "id": number,
        "name": name or f"n{number}",
        "hours": hours,
        "updated_at": at(minute),
    }


@pytest_asyncio.fixture(params=["duckdb", "postgres", "sqlserver"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    schema = f"s {uuid4().hex[:12]}"
    if request.param == "postgres":
        server: postgres.Server = request.getfixturevalue("postgres_server")

        async def opener() -> Destination:
            return open_postgres(
                PostgresSettings(
                    server="127.0.0.1", port=server.port, user=postgres.USER,
                    password=postgres.PASSWORD, schema=schema,
                )
            )  # fmt: skip

    elif request.param == "sqlserver":
        tds: TdsServer = request.getfixturevalue("sqlserver_server")

        async def opener() -> Destination:
            return open_sqlserver(
                Settings(
                    server=tds.host, port=tds.port, user=tds.user, password=tds.password,
                    database=tds.database, schema=schema, trust_server_certificate=True,
                )
            )  # fmt: skip

    else:

        async def opener() -> Destination:
            return open_duckdb(str(tmp_path / "t.duckdb"), schema=schema)

    yield opener


@dataclass(kw_only=True)
class Bench:
    """A source and a destination, and what tests do with them."""

    source: MemorySource
    destination: Destination
    clock: StepClock = field(default_factory=StepClock)

    async def run(self, task: Task, **options: Any) -> Result:
        return await sync(
            task, self.source, self.destination, run=uuid4().hex, clock=self.clock,
            observe=lambda _: None, **options,
        )  # fmt: skip

    async def resend(self, task: Task, rows: Mapping[str | None, Any]) -> Committed:
        assert None not in rows
        return await resend(
            task, await self.source.tables(), self.destination,
            {str(i): row for i, row in rows.items()}, run=uuid4().hex, clock=self.clock,
            observe=lambda _: None,
        )  # fmt: skip

    async def compare(self, task: Task, *, repair: bool = False) -> Comparison:
        found, _ = await compare(
            task, self.source, self.destination, run=uuid4().hex, clock=self.clock,
            observe=lambda _: None, repair=repair,
        )  # fmt: skip
        return found

    async def rows(self, target: str, *columns: str, order: str = "id") -> list[tuple[Any, ...]]:
        table = names.table(target, self.destination.traits.schema)
        picked = [exp.column(exp.to_identifier(c, quoted=True)) for c in columns]
        query = exp.select(*picked).from_(table)
        query = query.order_by(exp.column(exp.to_identifier(order, quoted=True)))
        found = await self.destination.fetch(query)
        return [tuple(row.values()) for row in found.to_pylist()]

    async def make(self, target: str, schema: pa.Schema, key: Sequence[str] = ()) -> None:
        table = names.table(target, self.destination.traits.schema)
        await self.destination.execute([create_schema(self.destination.traits.schema)])
        made = create_table(table, schema, self.destination.traits.dialect, key=key)
        await self.destination.execute([made])


@pytest_asyncio.fixture
async def bench(opened: Opener) -> AsyncIterator[Bench]:
    source = MemorySource(
        [PEOPLE, LIST],
        {
            "People": [person(n) for n in range(1, 6)],
            "List": [person(n) for n in range(1, 6)],
        },
        page_size=2,
    )
    destination = await opened()
    yield Bench(source=source, destination=destination)
    await destination.aclose()


HOURS = pa.schema(
    [
        pa.field("nr", pa.int64(), nullable=False),
        field_of("who", pa.string(), size=20),
        pa.field("spent", pa.decimal128(9, 2)),
    ]
)
MAPPED = Flow(mapping={"id": "nr", "name": "who", "hours": "spent"})


def flow(write: Disposition, query: str = "SELECT id, name, hours FROM List", **more: Any) -> Task:
    options: dict[str, Any] = {"flow": MAPPED, "deletes": Deletes.IGNORE} | more
    return Task(id="f", query=query, target="Hours", disposition=write, **options)


async def test_insert_into_an_existing_table(bench: Bench) -> None:
    await bench.make("Hours", HOURS, ["nr"])
    result = await bench.run(flow(Disposition.INSERT))
    assert (result.read, result.inserted) == (5, 5)
    rows = await bench.rows("Hours", "nr", "who", "spent", order="nr")
    assert rows[0] == (1, "n1", pa.scalar("1.50").cast(pa.decimal128(9, 2)).as_py())
    assert len(rows) == 5


@pytest.mark.parametrize("size", [2, 5])
async def test_batches_that_are_interrupted_go_on(bench: Bench, size: int) -> None:
    await bench.make("Hours", HOURS)
    task = flow(Disposition.INSERT, flow=Flow(mapping=MAPPED.mapping, batch_size=size))
    real, died = bench.destination, 0
    for n in range(1, 200):
        bench.destination = Dies(real, n)  # type: ignore[assignment]
        try:
            await bench.run(task)
        except Killed:
            died += 1
            bench.destination = real
            await bench.run(task)
        bench.destination = real
        rows = await bench.rows("Hours", "nr", order="nr")
        assert rows == [(n,) for n in range(1, 6)], f"killed at call {n}"
        await bench.destination.execute([exp.Delete(this=names.table("Hours", real.traits.schema))])
        if died < n:
            break
    assert died >= 5


async def test_update_changes_only_rows_that_are_there(bench: Bench) -> None:
    await bench.make("Hours", HOURS, ["nr"])
    await bench.run(flow(Disposition.INSERT, "SELECT id, name, hours FROM List WHERE id <= 3"))
    for number in range(1, 6):
        bench.source.put("List", person(number, "new" if number in {2, 5} else ""))
    result = await bench.run(flow(Disposition.UPDATE))
    assert (result.inserted, result.updated) == (0, 1)
    assert await bench.rows("Hours", "nr", "who", order="nr") == [(1, "n1"), (2, "new"), (3, "n3")]


async def test_upsert_and_delete(bench: Bench) -> None:
    await bench.make("Hours", HOURS, ["nr"])
    await bench.run(flow(Disposition.MERGE, "SELECT id, name, hours FROM List WHERE id <= 3"))
    bench.source.put("List", person(2, "new"))
    result = await bench.run(flow(Disposition.MERGE))
    assert (result.inserted, result.updated, result.deleted) == (2, 1, 0)
    result = await bench.run(
        flow(Disposition.DELETE, "SELECT id FROM List WHERE id IN (1, 5)",
             flow=Flow(mapping={"id": "nr"}))
    )  # fmt: skip
    assert result.deleted == 2
    assert await bench.rows("Hours", "nr", "who", order="nr") == [(2, "new"), (3, "n3"), (4, "n4")]


async def test_replace_keeps_the_table(bench: Bench) -> None:
    await bench.make("Hours", HOURS.append(field_of("extra", pa.string(), size=5)), ["nr"])
    await bench.run(flow(Disposition.REPLACE))
    bench.source.drop("List", 1)
    await bench.run(flow(Disposition.REPLACE))
    rows = await bench.rows("Hours", "nr", "extra", order="nr")
    assert rows == [(n, None) for n in range(2, 6)]


@pytest.mark.parametrize("way", [ReplaceBy.SWAP, ReplaceBy.TRUNCATE])
async def test_replace_is_one_commit_whatever_the_batch_size(bench: Bench, way: ReplaceBy) -> None:
    await bench.make("Hours", HOURS, ["nr"])
    task = flow(Disposition.REPLACE, flow=replace(MAPPED, batch_size=2))
    for _ in range(2):
        await bench.run(replace(task, replace_by=way))
        assert await bench.rows("Hours", "nr", order="nr") == [(n,) for n in range(1, 6)]


async def test_incremental_upsert_reads_changes_only(bench: Bench) -> None:
    await bench.make("Hours", HOURS, ["nr"])
    task = flow(Disposition.MERGE, "SELECT id, name, hours FROM People")
    await bench.run(task)
    bench.source.put("People", person(3, "new", minute=9))
    result = await bench.run(task)
    assert result.read < 5
    assert (result.inserted, result.updated) == (0, 1)


async def test_everything_wrong_is_said_before_a_row_is_read(bench: Bench) -> None:
    schema = pa.schema(
        [
            pa.field("nr", pa.int64(), nullable=False),
            pa.field("must", pa.int64(), nullable=False),
            pa.field("spent", pa.date32()),
        ]
    )
    await bench.make("Hours", schema, ["must"])
    task = flow(Disposition.INSERT, flow=Flow(mapping={"id": "nr", "hours": "spent", "x": "y"}))
    with pytest.raises(SchemaRefused) as caught:
        await bench.run(task)
    for complaint in (
        "the query has no column 'x'",
        "no column takes 'name'",
        "'spent' is date, and 'hours' number",
        "'must' needs a value and gets none",
    ):
        assert complaint in str(caught.value)
    assert bench.source.requests == 0


async def test_a_missing_table_is_said(bench: Bench) -> None:
    with pytest.raises(SchemaRefused, match="there is no table 'Hours'"):
        await bench.run(flow(Disposition.INSERT))


@pytest.mark.parametrize("policy", list(RowErrors))
async def test_rows_that_do_not_fit(bench: Bench, policy: RowErrors) -> None:
    schema = pa.schema(
        [pa.field("nr", pa.int32(), nullable=False), pa.field("spent", pa.decimal128(4, 2))]
    )
    await bench.make("Hours", schema)
    bench.source.put("List", person(2, hours=1000.0), person(4, hours=0.125))
    task = flow(
        Disposition.INSERT,
        "SELECT id, hours FROM List",
        flow=Flow(mapping={"id": "nr", "hours": "spent"}, on_error=policy),
        rejects=policy is RowErrors.REDIRECT,
    )
    if policy is RowErrors.FAIL:
        with pytest.raises(RecordRefused, match=r"spent: does not fit decimal\(4,2\)"):
            await bench.run(task)
        assert await bench.rows("Hours", "nr", order="nr") == []
        return
    result = await bench.run(task)
    assert await bench.rows("Hours", "nr", order="nr") == [(1,), (3,), (5,)]
    if policy is RowErrors.REDIRECT:
        assert result.rejected == 2
        rejects = await bench.rows("Hours_rejects", "column", "reason", "record", order="record")
        assert [(c, r) for c, r, _ in rejects] == [("spent", "does not fit decimal(4,2)")] * 2
        assert '"hours": 1000.0' in rejects[0][2]


_TIGHT = pa.schema(
    [pa.field("nr", pa.int32(), nullable=False), pa.field("spent", pa.decimal128(4, 2))]
)
_REDIRECTED = flow(
    Disposition.INSERT,
    "SELECT id, hours FROM List",
    flow=Flow(mapping={"id": "nr", "hours": "spent"}, on_error=RowErrors.REDIRECT),
    rejects=True,
)


async def _kept(bench: Bench, task: Task = _REDIRECTED) -> list[KeptReject]:
    _, rows = await kept(bench.destination, task, "", 100)
    return sorted(rows, key=lambda row: row.record)


async def test_rejected_rows_are_mended_and_sent_again_once(bench: Bench) -> None:
    await bench.make("Hours", _TIGHT)
    bench.source.put("List", person(2, hours=1000.0), person(4, hours=0.125))
    await bench.run(_REDIRECTED)
    small, great = sorted(await _kept(bench), key=lambda row: "1000" in row.record)
    assert (small.column, small.reason) == ("spent", "does not fit decimal(4,2)")
    # As the table names its columns, with another type; and one that does not fit again.
    sent = {great.id: {"NR": "2", "spent": 9.75}, small.id: {"id": 4, "hours": 0.625}}
    done = await bench.resend(_REDIRECTED, sent)
    assert (done.inserted, done.rejected) == (1, 1)
    rows = await bench.rows("Hours", "nr", "spent", order="nr")
    assert [(nr, str(spent)) for nr, spent in rows if nr == 2] == [(2, "9.75")]
    assert [nr for nr, _ in rows] == [1, 2, 3, 5]
    (again,) = await _kept(bench)
    assert again.id not in sent
    assert json.loads(again.record) == {"id": 4, "hours": 0.625}
    # Whoever is too late sends nothing twice.
    with pytest.raises(Missing, match="no longer"):
        await bench.resend(_REDIRECTED, sent)
    with pytest.raises(RecordRefused, match="hours: 'many' is no number"):
        await bench.resend(_REDIRECTED, {again.id: {"id": 4, "hours": "many"}})
    with pytest.raises(RecordRefused, match=r"lacks 'hours'; the query has no 'hour'"):
        await bench.resend(_REDIRECTED, {again.id: {"id": 4, "hour": 1}})
    assert len(await bench.rows("Hours", "nr", order="nr")) == 4
    # The table was mended instead: there is room now, and the row goes as it is.
    target = names.table("Hours", bench.destination.traits.schema)
    await bench.destination.execute([drop_table(target)])
    await bench.make("Hours", _TIGHT.set(1, pa.field("spent", pa.decimal128(5, 3))))
    done = await bench.resend(_REDIRECTED, {again.id: None})
    assert (done.inserted, done.rejected) == (1, 0)
    assert await _kept(bench) == []


async def test_of_two_who_send_a_row_again_one_is_told(bench: Bench) -> None:
    await bench.make("Hours", _TIGHT)
    bench.source.put("List", person(2, hours=1000.0))
    await bench.run(_REDIRECTED)
    (row,) = await _kept(bench)
    real, mended = bench.destination, {row.id: {"id": 2, "hours": 1.25}}

    class Slow(Dies):
        async def execute(self, statements: Any, *, lock: str | None = None) -> Any:
            if any(isinstance(s, exp.Delete) for s in statements):
                bench.destination = real
                await bench.resend(_REDIRECTED, mended)
            return await real.execute(statements, lock=lock)

    bench.destination = Slow(real, 10**9)  # type: ignore[assignment]
    with pytest.raises(StaleGeneration):
        await bench.resend(_REDIRECTED, mended)
    bench.destination = real
    rows = await bench.rows("Hours", "nr", order="nr")
    assert [nr for (nr,) in rows] == [1, 2, 3, 4, 5]
    assert await _kept(bench) == []


@pytest.mark.parametrize("write", [None, Disposition.REPLACE, Disposition.APPEND])
async def test_rows_of_our_own_tables_are_sent_again(
    bench: Bench, write: Disposition | None
) -> None:
    task = Task(
        id="own", query="SELECT id, name, hours FROM List", target="Own", rejects=True,
        key=("name",), disposition=write,
    )  # fmt: skip
    bench.source.put("List", {**person(2), "name": None})
    await bench.run(task)
    before = await bench.rows("Own", "id")
    (row,) = await _kept(bench, task)
    await bench.resend(task, {row.id: {"id": 2, "name": "two", "hours": 3}})
    assert await bench.rows("Own", "id") == sorted([*before, (2,)])
    # What the next run reads is not less for it.
    result = await bench.run(task)
    assert result.read == 5


_MADE = {
    "duckdb": "nr BIGINT DEFAULT 7, doubled DECIMAL(9, 2) GENERATED ALWAYS AS (spent * 2)",
    "postgres": "nr BIGINT GENERATED BY DEFAULT AS IDENTITY, "
    "doubled DECIMAL(9, 2) GENERATED ALWAYS AS (spent * 2) STORED",
    "tsql": "nr BIGINT IDENTITY(1, 1) NOT NULL, doubled AS (spent * 2)",
}


async def test_columns_that_the_database_makes(bench: Bench) -> None:
    traits = bench.destination.traits
    await bench.make("Ledger", pa.schema([("x", pa.int64())]))
    table = names.table("Hours", traits.schema).sql(dialect=traits.dialect)
    made = f"TABLE {table} (spent DECIMAL(9, 2), {_MADE[traits.dialect]})"
    await bench.destination.execute([exp.Command(this="CREATE", expression=made)])
    query = "SELECT id, hours FROM List"
    numbered = Flow(mapping={"id": "nr", "hours": "spent"})
    if traits.dialect != "duckdb":
        with pytest.raises(SchemaRefused, match="'nr' is numbered by the database"):
            await bench.run(flow(Disposition.INSERT, query, flow=numbered))
    own = Flow(mapping=numbered.mapping, identity_insert=True)
    await bench.run(flow(Disposition.INSERT, query, flow=own))
    assert await bench.rows("Hours", "nr", order="nr") == [(n,) for n in range(1, 6)]
    # Left out, the database makes the value.
    left_out = flow(
        Disposition.REPLACE, "SELECT hours FROM List", flow=Flow(mapping={"hours": "spent"})
    )
    await bench.run(left_out)
    assert len(await bench.rows("Hours", "nr", order="nr")) == 5
    with pytest.raises(SchemaRefused, match="'doubled'"):
        await bench.run(
            flow(Disposition.INSERT, query,
                 flow=Flow(mapping={"id": "nr", "hours": "doubled"}, identity_insert=True))
        )  # fmt: skip


HISTORY = Task(
    id="h", query="SELECT * FROM People", target="People", disposition=Disposition.HISTORY,
    deletes=Deletes.HARD,
)  # fmt: skip


async def test_history_appends_versions(bench: Bench) -> None:
    await bench.run(HISTORY)
    bench.source.put("People", person(2, "second", minute=5))
    result = await bench.run(HISTORY)
    assert (result.inserted, result.updated) == (1, 1)
    bench.source.put("People", person(2, "third", minute=8))
    await bench.run(HISTORY)
    again = await bench.run(HISTORY)
    assert (again.inserted, again.updated) == (0, 0)
    versions = await bench.rows(
        "People", "id", "name", "_active", "_valid_from", "_valid_to", order="_valid_from"
    )
    assert [v for v in versions if v[0] == 2] == [
        (2, "n2", False, at(0), at(5)),
        (2, "second", False, at(5), at(8)),
        (2, "third", True, at(8), None),
    ]


async def test_history_closes_deleted_rows_and_reopens_them(bench: Bench) -> None:
    await bench.run(HISTORY)
    bench.source.drop("People", 3)
    await bench.run(HISTORY)
    (closed,) = [r for r in await bench.rows("People", "id", "_active", "_valid_to") if r[0] == 3]
    assert closed[1] is False
    assert closed[2] is not None
    bench.source.put("People", person(3, "back", minute=30))
    await bench.run(HISTORY)
    assert [r[1] for r in await bench.rows("People", "id", "_active") if r[0] == 3].count(True) == 1


async def test_a_merged_table_becomes_a_history_without_another_read(bench: Bench) -> None:
    merged = Task(id="h", query=HISTORY.query, target="People", deletes=Deletes.HARD)
    await bench.run(merged)
    bench.source.put("People", person(1, "new", minute=7))
    result = await bench.run(HISTORY)
    assert result.read < 5
    rows = await bench.rows("People", "id", "name", "_active", "_valid_from", order="_valid_from")
    assert [r for r in rows if r[0] == 1] == [(1, "n1", False, at(0)), (1, "new", True, at(7))]
    assert len(rows) == 6
    with pytest.raises(SchemaRefused, match="keeps the history of its rows"):
        await bench.run(merged)


async def test_a_late_page_makes_no_version(bench: Bench) -> None:
    await bench.run(HISTORY)
    bench.source.put("People", person(2, "new", minute=9))
    await bench.run(HISTORY)
    # The API answers with an older state of the row, as a stale replica may.
    bench.source.put("People", person(2, "stale", minute=4))
    result = await bench.run(HISTORY)
    assert (result.inserted, result.updated) == (0, 0)


MERGED = Task(id="m", query="SELECT * FROM People", target="People")


async def test_verify_finds_and_mends(bench: Bench) -> None:
    await bench.run(MERGED)
    assert await bench.compare(MERGED) == Comparison(rows=5, missing=0, extra=0, different=0)
    target = names.table("People", bench.destination.traits.schema)
    number = exp.column(exp.to_identifier("id", quoted=True))
    await bench.destination.execute(
        [
            exp.Delete(this=target.copy(), where=exp.Where(this=number.eq(1))),
            exp.Update(
                this=target.copy(),
                expressions=[
                    exp.EQ(
                        this=exp.column(exp.to_identifier("name", quoted=True)),
                        expression=exp.Literal.string("bent"),
                    )
                ],
                where=exp.Where(this=number.copy().eq(2)),
            ),
            exp.Update(
                this=target.copy(),
                expressions=[exp.EQ(this=number.copy(), expression=exp.Literal.number(77))],
                where=exp.Where(this=number.copy().eq(3)),
            ),
        ]
    )
    found = await bench.compare(MERGED)
    assert (found.missing, found.extra, found.different) == (2, 1, 1)
    assert set(found.examples) == {"missing: 1", "missing: 3", "extra: 77", "different: 2"}
    assert not (await bench.compare(MERGED, repair=True)).equal
    assert (await bench.compare(MERGED)).equal
    assert [r[0] for r in await bench.rows("People", "id")] == [1, 2, 3, 4, 5]
    # The next ordinary run goes on from its own checkpoint.
    bench.source.put("People", person(6, minute=50))
    assert (await bench.run(MERGED)).inserted == 1


class Killed(Exception):
    pass


class Dies:
    """A destination whose process is gone at the n-th call that writes."""

    def __init__(self, real: Destination, at_call: int) -> None:
        self._real, self._left = real, at_call
        self.traits = real.traits
        self.describe, self.fetch = real.describe, real.fetch

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        self._count()
        await self._real.ingest(table, records)

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int | Merged]:
        self._count()
        return await self._real.execute(statements, lock=lock)

    def _count(self) -> None:
        self._left -= 1
        if self._left <= 0:
            raise Killed


async def test_a_dropped_target_is_loaded_again(bench: Bench) -> None:
    await bench.run(MERGED)
    target = names.table("People", bench.destination.traits.schema)
    await bench.destination.execute([exp.Drop(tables=[target], kind="TABLE", exists=True)])
    bench.source.put("People", person(6, minute=50))
    assert (await bench.run(MERGED)).inserted == 6
    assert len(await bench.rows("People", "id")) == 6
    assert (await bench.run(MERGED)).inserted == 0
