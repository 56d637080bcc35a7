"""Databricks' own SQL, as Spark and Delta Lake understand it: the loads that matter most."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
import pytest_asyncio
from pyarrow.types import is_time
from sqlglot import exp

from standins.databricks.contract import asked, connected
from standins.databricks.disturbing import Ending, counted, loaded
from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import borrowed, settings_of
from syncline.destinations.databricks import Databricks, open_databricks
from syncline.destinations.databricks_check import checks
from syncline.destinations.databricks_connection import Settings
from syncline.errors import DestinationRefused
from syncline.load import names
from syncline.load.checkpoint import last_checkpoint
from syncline.model.job import Deletes, Disposition
from syncline.model.ports import Destination
from syncline.model.table import is_padded
from syncline.testing.conformance_crashes import STORIES
from syncline.testing.conformance_history import HistoryConformance
from syncline.testing.conformance_runs import (
    SCHEMA,
    Opener,
    Trial,
    contents,
    gone,
    ordered,
    table,
    task,
    thing,
)
from syncline.testing.conformance_types import CASES


@pytest.fixture(scope="module")
def spark_settings(spark_server: DatabricksServer) -> Iterator[Settings]:
    with borrowed(spark_server) as chosen:
        yield chosen


@pytest_asyncio.fixture
async def spark(spark_server: DatabricksServer) -> AsyncIterator[Databricks]:
    with borrowed(spark_server) as chosen:
        destination = Databricks(chosen)
        yield destination
        await destination.aclose()


async def test_a_merge_with_removals(spark: Databricks) -> None:
    trial = Trial(task=task(commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2), thing(3)]))
    (batch,) = trial.rows([thing(2, "new", minute=1), thing(4)], at=100)
    outcome = await trial.run(spark, [replace(batch, complete=False), gone([3], at=110)])
    assert (outcome.result.inserted, outcome.result.updated, outcome.result.deleted) == (1, 1, 1)
    wanted = [thing(1), thing(2, "new", minute=1), thing(4)]
    assert await contents(spark, trial.task) == ordered(wanted)


async def test_soft_deletes(spark: Databricks) -> None:
    trial = Trial(task=task(deletes=Deletes.SOFT, synced_at=True, commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2)]))
    outcome = await trial.run(spark, [gone([2], at=110)])
    assert (outcome.result.updated, outcome.result.deleted) == (0, 1)
    rows = {r["id"]: r for r in await contents(spark, trial.task)}
    assert rows[2]["_deleted_at"] == rows[2]["_synced_at"]
    assert rows[1]["_deleted_at"] is None


def _statements(server: DatabricksServer) -> list[str]:
    """Return the statements so far; those of a workspace are not told."""
    return [] if server.real else server.log()


async def test_history_is_one_merge(spark: Databricks, spark_server: DatabricksServer) -> None:
    trial = Trial(task=task(disposition=Disposition.HISTORY, commit_rows=100))
    await trial.run(spark, trial.rows([thing(1), thing(2)]))
    before = _statements(spark_server)
    await trial.run(spark, trial.rows([thing(1, "new", minute=5), thing(3)], at=100))
    merges = [s for s in _statements(spark_server)[len(before) :] if s.startswith("MERGE")]
    into = [s for s in merges if "`things`" in s.partition("USING")[0]]
    assert len(into) == (0 if spark_server.real else 1)
    found = await contents(spark, trial.task, "id", "name", "_active")
    assert found == ordered(
        [
            {"id": 1, "name": "name 1", "_active": False},
            {"id": 1, "name": "new", "_active": True},
            {"id": 2, "name": "name 2", "_active": True},
            {"id": 3, "name": "name 3", "_active": True},
        ]
    )


@pytest.mark.parametrize("keyed", [True, False])
async def test_replace_in_one_commit(spark: Databricks, *, keyed: bool) -> None:
    trial = Trial(task=task(disposition=Disposition.REPLACE), has_cursor=False)
    trial = trial if keyed else trial.but(key=(), version=None)
    await trial.run(spark, trial.rows([thing(1), thing(2), thing(3)]))
    await trial.run(spark, trial.rows([thing(2, "x"), thing(4)]))
    assert await contents(spark, trial.task) == ordered([thing(2, "x"), thing(4)])


async def test_append_adds_every_file_once(spark: Databricks) -> None:
    trial = Trial(task=task(disposition=Disposition.APPEND), key=(), version=None, has_cursor=False)
    rows = [thing(1), thing(1), thing(2)]
    await trial.run(spark, trial.rows(rows))
    await trial.run(spark, trial.rows(rows, at=100))
    assert await contents(spark, trial.task) == ordered([*rows, *rows])


async def test_a_table_is_kept_as_it_should_be(spark: Databricks) -> None:
    trial = Trial(task=task(commit_rows=100))
    await trial.run(spark, trial.rows([thing(1)]))
    name = exp.table_("things", db=spark.traits.schema, quoted=True).sql("databricks")
    detail = spark._sent(f"DESCRIBE DETAIL {name}").to_pylist()[0]
    assert detail["clusteringColumns"] == ["id"]
    properties = dict(detail["properties"])
    assert properties["delta.columnMapping.mode"] == "name"
    assert properties["delta.enableTypeWidening"] == "true"


async def test_values_that_look_like_variables(spark: Databricks) -> None:
    """Spark puts variables into a statement before it looks at anything else."""
    schema = pa.schema([("id", pa.string()), *list(SCHEMA)[1:]])
    trial = Trial(task=task(commit_rows=100), schema=schema)
    given = ["${spark.app.name}", "${x}", "a${env:HOME}", "\\${x}'\n"]
    for at, name in ((0, "first"), (100, "second")):
        rows = [thing(1, name) | {"id": value} for value in given]
        (batch,) = trial.rows(rows, at=at, size=100)
        await trial.run(spark, [replace(batch, cursor={"after": given, "at": at})])
    found = await contents(spark, trial.task, "id", "name")
    assert found == ordered([{"id": value, "name": "second"} for value in given])
    told = await last_checkpoint(spark, spark.traits.schema, trial.task.id)
    assert told is not None
    assert told.cursor == {"after": given, "at": 100}


async def test_values_of_every_type(spark: Databricks) -> None:
    """As `TypesConformance` has them, all in one table; first inserted, then updated."""
    columns = [f"c{number}" for number in range(len(CASES))]
    schema = pa.schema(
        [("id", pa.int64())] + [f.with_name(c) for c, (_, f, _) in zip(columns, CASES, strict=True)]
    )
    trial = Trial(task=task(commit_rows=1000), schema=schema, version=None)

    def rows(shift: int) -> list[dict[str, Any]]:
        """Return rows with all values, and one with none, from the other end if shifted."""
        values = [[None, *given][:: -1 if shift else 1] for _, _, given in CASES]
        return [
            {"id": n, **{c: v[n % len(v)] for c, v in zip(columns, values, strict=True)}}
            for n in range(max(map(len, values)))
        ]

    for shift in (0, 1):
        await trial.run(spark, trial.rows(rows(shift), at=100 * shift, size=100))
        found = {r["id"]: r for r in (await table(spark, trial.task)).to_pylist()}
        for row in rows(shift):
            for name, (case, field, _) in zip(columns, CASES, strict=True):
                wanted, got = row[name], found[row["id"]][name]
                if is_time(field.type) and wanted is not None:
                    got = time.fromisoformat(got)
                assert got == wanted, case


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.APPEND])
async def test_days_before_the_gregorian_calendar(
    spark: Databricks, disposition: Disposition
) -> None:
    """Spark takes files that do not say who wrote them for files of the other calendar."""
    fields = [("d", pa.date32()), ("t", pa.timestamp("us", tz="UTC")), ("n", pa.timestamp("us"))]
    schema = pa.schema([("id", pa.int64()), *fields])
    keyed = disposition is Disposition.MERGE
    trial = Trial(task=task(disposition=disposition, commit_rows=100), schema=schema, version=None)
    trial = trial if keyed else trial.but(key=(), has_cursor=False)
    days = [
        datetime(*d, tzinfo=UTC)
        for d in ((1, 1, 2), (1500, 3, 1), (1582, 10, 14), (1899, 12, 31), (2026, 1, 1))
    ]
    rows = [
        {"id": n, "d": day.date(), "t": day, "n": day.replace(tzinfo=None)}
        for n, day in enumerate(days)
    ]
    await trial.run(spark, trial.rows(rows, size=100))
    assert await contents(spark, trial.task) == ordered(rows)


async def test_a_char_is_not_equal_to_its_text(
    spark: Databricks, spark_server: DatabricksServer
) -> None:
    """Why it is refused as a key."""
    schema = spark.traits.schema
    with connected(spark_server) as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name, kind in (("kept", "CHAR(5)"), ("brought", "STRING")):
            cursor.execute(f"CREATE TABLE {schema}.{name} (code {kind})")
            cursor.execute(f"INSERT INTO {schema}.{name} VALUES ('ab')")
        joined = f"SELECT * FROM {schema}.kept AS k JOIN {schema}.brought AS b ON k.code = b.code"
        assert asked(cursor, joined) == []
    for name, padded in (("kept", True), ("brought", False)):
        found = await spark.describe(names.table(name, schema))
        assert found is not None
        assert is_padded(found.field("code")) is padded


async def test_columns_are_added_and_widened(spark: Databricks) -> None:
    """By Delta Lake's own rules of what a type may become."""
    grown = {
        "small": (pa.int16(), 7, pa.int64(), 2**40),
        "whole": (pa.int32(), 2**31 - 1, pa.decimal128(14, 4), Decimal("0.0001")),
        "large": (pa.int64(), -(2**63), pa.decimal128(24, 2), Decimal("1.25")),
        "short": (pa.float32(), 0.5, pa.float64(), 0.1),
        "exact": (pa.decimal128(9, 2), Decimal("1.25"), pa.decimal128(20, 4), Decimal("0.0001")),
    }
    before = pa.schema([("id", pa.int64()), *((n, g[0]) for n, g in grown.items())])
    after = pa.schema(
        [("id", pa.int64()), *((n, g[2]) for n, g in grown.items()), ("more", pa.string())]
    )
    trial = Trial(task=task(commit_rows=100), schema=before, version=None)
    first = {"id": 1, **{n: g[1] for n, g in grown.items()}}
    await trial.run(spark, trial.rows([first]))
    wider = trial.but(schema=after)
    second = {"id": 2, **{n: g[3] for n, g in grown.items()}, "more": "x"}
    await wider.run(spark, wider.rows([second], at=100))
    assert await contents(spark, trial.task) == ordered([first | {"more": None}, second])


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.REPLACE])
async def test_columns_that_delta_lake_is_particular_about(
    spark: Databricks, disposition: Disposition
) -> None:
    """Keys that a table cannot be clustered by; then the first time without a zone."""
    wide = [(f"c{n:02}", pa.int32()) for n in range(32)]
    schema = pa.schema([("flag", pa.bool_()), *wide, *SCHEMA])
    trial = Trial(task=task(disposition=disposition, commit_rows=100), schema=schema)
    trial = trial.but(key=("flag", "c00", "id"), has_cursor=disposition is Disposition.MERGE)
    row = {"flag": True, **{name: 1 for name, _ in wide}}
    await trial.run(spark, trial.rows([thing(1) | row]))
    trial = trial.but(schema=pa.schema([*schema, ("begins", pa.timestamp("us"))]))
    local = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001 (it has no zone)
    rows = [thing(1, "new", minute=1) | row | {"begins": local}]
    await trial.run(spark, trial.rows(rows, at=100))
    assert await contents(spark, trial.task) == rows
    name = exp.table_("things", db=spark.traits.schema, quoted=True).sql("databricks")
    detail = spark._sent(f"DESCRIBE DETAIL {name}").to_pylist()[0]
    assert detail["clusteringColumns"] == ["c00"]


#: A kind of load, a statement or call of it that a fault meets, and the fault.
_SAMPLE: Final[Mapping[str, tuple[str, str, str, Mapping[str, int]]]] = {
    "claim": ("increment", "MERGE INTO `{}`.`_syncline_checkpoints`", "drop_after", {}),
    "new column": ("increment", "ALTER TABLE `{}`.`target_0.* ADD", "drop_after", {}),
    "upload": ("increment", "PUT /api/.*{}", "status", {"status": 503}),
    "merge": ("increment", "MERGE INTO `{}`.`target_0", "drop_after", {}),
    "merge that is too much": ("increment", "MERGE INTO `{}`.`target_0", "status", {"status": 429}),
    "checkpoint": ("increment", "MERGE INTO `{}`.`_sync.*points`", "drop_before", {"nth": 2}),
    "history": ("history", "MERGE INTO `{}`.`target_0", "drop_after", {}),
    "replace": ("replace", "INSERT OVERWRITE .*`{}`.`target_0", "drop_after", {}),
    "copy": ("append without a key", "COPY INTO `{}`.`target_0", "drop_after", {}),
}


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, Ending]:
    return {}


@pytest.mark.parametrize("place", _SAMPLE)
async def test_faults(
    spark_server: DatabricksServer, undisturbed: dict[str, Ending], place: str
) -> None:
    """A sample of what the quick engine goes through at every request."""
    if spark_server.real:
        pytest.skip("faults are those of the stand-in")
    kind, pattern, action, options = _SAMPLE[place]
    if kind not in undisturbed:
        _, undisturbed[kind] = await counted(spark_server, STORIES[kind])

    def disturb(schema: str) -> None:
        spark_server.fault(pattern.format(schema), action, **options)

    _, found = await loaded(spark_server, STORIES[kind], disturb)
    assert found == undisturbed[kind]
    assert not spark_server.clear()


@pytest.mark.parametrize("disposition", [Disposition.MERGE, Disposition.HISTORY])
async def test_a_merge_reads_only_files_that_may_have_its_keys(
    spark: Databricks, spark_server: DatabricksServer, disposition: Disposition
) -> None:
    """The other files of the table are not even there while it runs."""
    if spark_server.real:
        pytest.skip("files are those of the stand-in")
    trial = Trial(task=task(disposition=disposition, commit_rows=100))
    for start in (0, 1000, 2000):
        rows = [thing(start + n) for n in range(3)]
        await trial.run(spark, trial.rows(rows, at=start, size=100))
        if not start:
            elsewhere = [*_data_files(spark_server, spark.traits.schema)]
    assert elsewhere
    hidden = [file.rename(file.with_suffix(".away")) for file in elsewhere]
    changes = [thing(1001, "new", minute=5), thing(2002, "new", minute=5), thing(2500)]
    outcome = await trial.run(spark, trial.rows(changes, at=3000, size=100))
    assert (outcome.result.inserted, outcome.result.updated) == (
        (3, 2) if disposition is Disposition.HISTORY else (1, 2)
    )
    # Whoever reads one of them fails.
    with pytest.raises(DestinationRefused):
        await contents(spark, trial.task)
    for file in hidden:
        file.rename(file.with_suffix(".parquet"))
    found = await contents(spark, trial.task, "id", "name")
    assert len(found) == (12 if disposition is Disposition.HISTORY else 10)


def _data_files(server: DatabricksServer, schema: str) -> Iterator[Path]:
    root = Path(server.command[server.command.index("--root") + 1])
    yield from (root / "warehouse" / f"{schema}.db" / "things").glob("*.parquet")


async def test_rows_and_checkpoint_are_one_transaction(spark_server: DatabricksServer) -> None:
    destination = Databricks(replace(settings_of(spark_server), transactions="On"))
    before, trial = len(spark_server.log()), Trial(task=task(commit_rows=100))
    await trial.run(destination, trial.rows([thing(1), thing(2), thing(3)]))
    (batch,) = trial.rows([thing(2, "new", minute=1), thing(4)], at=100)
    outcome = await trial.run(destination, [replace(batch, complete=False), gone([3], at=110)])
    assert (outcome.result.inserted, outcome.result.updated, outcome.result.deleted) == (1, 1, 1)
    wanted = [thing(1), thing(2, "new", minute=1), thing(4)]
    assert await contents(destination, trial.task) == ordered(wanted)
    # Those of a workspace are not told.
    if not spark_server.real:
        blocks = [s for s in spark_server.log()[before:] if s.startswith("BEGIN ATOMIC")]
        assert len(blocks) == 2
    await destination.aclose()


async def test_the_connection_is_tested(spark_server: DatabricksServer) -> None:
    settings = settings_of(spark_server)
    for _ in range(2):
        found = [check async for check in checks(settings, lambda _: None)]
        assert [(check.name, check.error) for check in found if check.error] == []
        assert len(found) == 6


class TestHistory(HistoryConformance):
    """One MERGE, read from its own target: the statement that asks most of an engine."""

    @pytest_asyncio.fixture
    async def destination(self, spark: Databricks) -> AsyncIterator[Destination]:
        yield spark

    @pytest_asyncio.fixture
    async def open_destination(self, spark_settings: Settings) -> AsyncIterator[Opener]:
        async def opened() -> Destination:
            return open_databricks(spark_settings)

        yield opened
