"""SQL Server with a login that may do little: what it lacks is named, what it has is enough."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import uuid4

import pytest
import pytest_asyncio

from standins.tds.fixture import TdsServer
from syncline.destinations.sqlserver import SQLServer
from syncline.destinations.sqlserver_connection import Settings
from syncline.errors import PermissionRefused, SynclineError
from syncline.model.job import Disposition
from syncline.testing.conformance_runs import Trial, contents, task, thing

_ROWS = [thing(n) for n in range(6)]
_TABLE = "CREATE TABLE [{s}].[Things] (id bigint, name nvarchar(max), changed datetimeoffset(6))"
_PASSWORD = "Oth3r_Passw0rd"
#: What docs/how-to/sqlserver.md tells to grant.
_ENOUGH = (
    "CREATE SCHEMA [{s}]",
    "GRANT CREATE TABLE TO [{u}]",
    "GRANT ALTER, SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[{s}] TO [{u}]",
)

Limited = Callable[[Sequence[str]], Awaitable[SQLServer]]


@pytest_asyncio.fixture
async def limited(sqlserver_server: TdsServer) -> AsyncIterator[Limited]:
    """Make destinations for new logins that may do just what statements grant to ``{u}``."""
    opened: list[SQLServer] = []

    async def made(grants: Sequence[str]) -> SQLServer:
        name, schema = f"limited {uuid4().hex}", f"clio {uuid4().hex}"
        for statement in (
            f"CREATE LOGIN [{name}] WITH PASSWORD = '{_PASSWORD}'",
            f"CREATE USER [{name}] FOR LOGIN [{name}]",
            *(g.replace("{u}", name).replace("{s}", schema) for g in grants),
        ):
            sqlserver_server.execute(statement)
        settings = Settings(
            server=sqlserver_server.host,
            port=sqlserver_server.port,
            user=name,
            password=_PASSWORD,
            database=sqlserver_server.database,
            schema=schema,
            trust_server_certificate=True,
        )
        opened.append(SQLServer(settings, waits=(0.0, 0.0), lock_seconds=1))
        return opened[-1]

    yield made
    for destination in opened:
        await destination.aclose()


_MISSING: Sequence[tuple[str, Sequence[str], str]] = (
    ("no schema", (), "CREATE SCHEMA"),
    ("no create table", _ENOUGH[:1], "CREATE TABLE"),
    ("no alter on the schema", _ENOUGH[:2], "ALTER"),
    ("no insert", (*_ENOUGH[:2], "GRANT ALTER, SELECT ON SCHEMA::[{s}] TO [{u}]"), "INSERT"),
    (
        "no delete",
        (*_ENOUGH[:2], "GRANT ALTER, SELECT, INSERT, UPDATE ON SCHEMA::[{s}] TO [{u}]"),
        "DELETE",
    ),
    ("denied", (*_ENOUGH, _TABLE, "DENY INSERT ON [{s}].[Things] TO [{u}]"), "INSERT"),
)


@pytest.mark.parametrize(
    ("grants", "hint"), [m[1:] for m in _MISSING], ids=[m[0] for m in _MISSING]
)
async def test_what_is_not_allowed_is_named(
    limited: Limited, grants: Sequence[str], hint: str
) -> None:
    destination = await limited(grants)
    trial = Trial(task=task())
    with pytest.raises(SynclineError) as refused:
        await trial.run(destination, trial.rows(_ROWS))
    assert isinstance(refused.value, PermissionRefused), refused.value
    assert hint in refused.value.hint


@pytest.mark.parametrize(
    "disposition", [Disposition.MERGE, Disposition.REPLACE, Disposition.APPEND, Disposition.HISTORY]
)
async def test_what_the_documentation_grants_is_enough(
    limited: Limited, disposition: Disposition
) -> None:
    destination = await limited(_ENOUGH)
    trial = Trial(task=task(disposition=disposition))
    await trial.run(destination, trial.rows(_ROWS))
    await trial.run(destination, trial.rows(_ROWS, at=100), full=True)
    assert [r["id"] for r in await contents(destination, trial.task, "id")] == list(range(6))


async def test_a_table_that_may_not_be_altered_gets_no_index(limited: Limited) -> None:
    destination = await limited((*_ENOUGH, _TABLE, "DENY ALTER ON [{s}].[Things] TO [{u}]"))
    trial = Trial(task=task())
    await trial.run(destination, trial.rows(_ROWS))
    result = (await trial.run(destination, trial.rows(_ROWS[3:], at=100))).result
    assert (result.inserted, result.updated) == (0, 0)
    assert await contents(destination, trial.task) == _ROWS
