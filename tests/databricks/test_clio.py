"""Clio to Databricks, as a user's project has it: a DuckDB beside it always holds the same rows."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pytest
import yaml
from sqlglot import exp

from acceptance.serving import Watched, options, serving
from acceptance.support import SCHEMA, Project, results, run, written
from standins.databricks.fixture import DatabricksServer
from standins.databricks.settings import borrowed
from syncline.control.connections import opener
from syncline.control.project import load_project
from syncline.load import names
from syncline.model.run import Result

_TASKS: Final[Sequence[Mapping[str, Any]]] = (
    {"table": "Activities", "deletes": "hard"},
    {"table": "Matters", "deletes": "soft", "synced_at": True},
    {"table": "Contacts", "write": "history", "deletes": "hard"},
    {"table": "Users", "write": "replace"},
    {
        "query": "SELECT user_id, sum(total) AS total FROM Activities GROUP BY user_id",
        "into": "totals",
    },
)
_LISTS: Final = ("activities", "matters", "contacts", "users")
#: Tell when a run was.
_RUNS: Final = {"_synced_at", "_valid_from", "_valid_to"}


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with serving(options(120)) as running:
        yield running


class Beside:
    """A project with Databricks, and the same one with DuckDB."""

    def __init__(
        self, folder: Path, watched: Watched, server: DatabricksServer, schema: str
    ) -> None:
        self.schema = schema
        self._folder = folder
        self._watched = watched
        self._server = server

    async def run(self, tasks: Sequence[Mapping[str, Any]] = _TASKS) -> dict[str, Result]:
        """Run tasks to both, which have to do and then to hold the same; return what they did."""
        local = written(self._folder, self._watched, *tasks)
        known = yaml.safe_load(local.file.read_text("utf-8"))
        known["connections"]["lake"] = {"type": "databricks", "properties": self._properties()}
        file = self._folder / "databricks.yaml"
        file.write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")
        remote = Project(folder=self._folder, file=file, database=local.database)
        wanted, found = results(await run(local)), results(await run(remote))
        assert list(map(_counts, found.values())) == list(map(_counts, wanted.values()))
        destination = await opener(load_project(file), "lake")()
        try:
            for target in found:
                name = names.target(target, destination.traits)
                query = exp.select("*").from_(names.table(name, self.schema))
                there = await destination.fetch(query)
                with duckdb.connect(str(local.database)) as lake:
                    here = lake.sql(f'FROM {SCHEMA}."{target}"').to_arrow_table()
                assert there.schema.names == here.schema.names
                assert _exact(there.schema) == _exact(here.schema)
                assert _plain(there) == _plain(here), target
        finally:
            await destination.aclose()
        return found

    def _properties(self) -> dict[str, Any]:
        server = self._server
        given = {
            "Server": server.host,
            "Port": server.port,
            "HTTPPath": server.http_path,
            "Catalog": server.catalog,
            "Schema": self.schema,
            "Token": server.token,
        }
        return given | ({"SSLCert": server.certificate} if server.certificate else {})


def _counts(result: Result) -> tuple[int, int, int, int]:
    return result.read, result.inserted, result.updated, result.deleted


def _exact(schema: pa.Schema) -> list[pa.Field]:
    kinds = (pa.types.is_integer, pa.types.is_decimal)
    return [pa.field(f.name, f.type) for f in schema if any(is_kind(f.type) for is_kind in kinds)]


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    found = [
        {k: _value(k, v) for k, v in row.items() if k not in _RUNS} for row in rows.to_pylist()
    ]
    return sorted(found, key=repr)


def _value(name: str, value: Any) -> Any:
    if name == "_deleted_at":
        return value is not None
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


@pytest.fixture
def beside(
    watched: Watched, databricks_server: DatabricksServer, tmp_path: Path
) -> Iterator[Beside]:
    with borrowed(databricks_server) as chosen:
        yield Beside(tmp_path, watched, databricks_server, chosen.schema)


async def test_changes_and_deletions(watched: Watched, beside: Beside) -> None:
    first = await beside.run()
    assert first["Activities"].inserted == 120
    sandbox = watched.sandbox
    for _ in range(2):
        sandbox.advance(3600)
        for table in _LISTS:
            sandbox.mutate(table, insert=2, update=3, delete=1)
        sandbox.advance(3600)
        changed = await beside.run()
        assert _counts(changed["Activities"])[1:] == (2, 3, 1)
        assert changed["Matters"].deleted == changed["Contacts"].deleted == 1
    sandbox.advance(3600)
    again = await beside.run()
    for name in ("Activities", "Matters", "Contacts"):
        assert _counts(again[name]) == (0, 0, 0, 0)


async def test_columns_are_added_and_widened(watched: Watched, beside: Beside) -> None:
    def tasks(chosen: str) -> Sequence[Mapping[str, Any]]:
        query = f"SELECT id, updated_at, {chosen} FROM Activities"
        return [{"query": query, "into": "Sizes"}]

    await beside.run(tasks("CAST(length(type) AS SMALLINT) AS size"))
    watched.sandbox.advance(3600)
    watched.sandbox.mutate("activities", insert=2, update=3)
    for kind in ("INTEGER", "BIGINT", "DECIMAL(24, 4)"):
        await beside.run(tasks(f"CAST(length(type) AS {kind}) AS size, total, date"))
