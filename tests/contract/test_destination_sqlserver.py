"""SQL Server keeps the destination contract."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
import pytest_asyncio

from standins.tds.fixture import TdsServer
from syncline.destinations.sqlserver import open_sqlserver
from syncline.destinations.sqlserver_connection import Settings
from syncline.model.ports import Destination
from syncline.testing.conformance import Opener, RowsConformance
from syncline.testing.conformance_history import HistoryConformance
from syncline.testing.conformance_runs import Trial, table, task


class TestInstantsInDatetime2(HistoryConformance):
    @pytest_asyncio.fixture
    async def destination(
        self, sqlserver_settings: Settings, sqlserver_server: TdsServer
    ) -> AsyncIterator[Destination]:
        chosen = replace(sqlserver_settings, instants=False)
        destination = open_sqlserver(chosen)
        yield destination
        await destination.aclose()
        sqlserver_server.drop_tables(chosen.schema)

    async def test_instants_are_kept_as_utc(self, destination: Destination) -> None:
        zone = timezone(timedelta(hours=5, minutes=45))
        moments = [datetime(1, 1, 1, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, 0, 123456, zone)]
        schema = pa.schema(
            [
                ("id", pa.int64()),
                ("v", pa.timestamp("us", tz="UTC")),
                ("elsewhere", pa.timestamp("us", tz="+05:45")),
                ("local", pa.timestamp("us")),
            ]
        )
        trial = Trial(task=task(synced_at=True, commit_rows=100), schema=schema, version=None)
        rows = [
            {"id": n, "v": m, "elsewhere": m, "local": m.replace(tzinfo=None)}
            for n, m in enumerate(moments)
        ]
        await trial.run(destination, trial.rows(rows, size=10))
        again = await trial.run(destination, trial.rows(rows, at=100, size=10), full=True)
        assert (again.result.inserted, again.result.updated, again.result.deleted) == (0, 0, 0)
        found = await table(destination, trial.task)
        assert {f.type for f in found.schema if f.name != "id"} == {pa.timestamp("us")}
        in_utc = [m.astimezone(UTC).replace(tzinfo=None) for m in moments]
        assert found.column("v").to_pylist() == in_utc
        assert found.column("elsewhere").to_pylist() == in_utc
        assert found.column("local").to_pylist() == [m.replace(tzinfo=None) for m in moments]
        assert all(found.column("_synced_at").to_pylist())


class TestSQLServer(RowsConformance):
    @pytest.fixture
    def open_destination(self, open_sqlserver_schema: Opener) -> Opener:
        return open_sqlserver_schema
