"""SQL Server on a bad day: broken connections, conflicts, locks, full disks, missing rights."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from uuid import uuid4

import pyarrow as pa
import pytest
import pytest_asyncio
from sqlglot import exp

from standins.tds.fixture import TdsServer
from syncline.destinations.sqlserver import SQLServer
from syncline.destinations.sqlserver_connection import Settings, missing_libraries
from syncline.errors import (
    CommitUnknown,
    CredentialError,
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    PermissionRefused,
    PropertyError,
    RecordRefused,
    StaleGeneration,
    SynclineError,
    Unavailable,
)
from syncline.load import ddl, names
from syncline.model.table import made_by

_ROWS = pa.schema([("id", pa.int64()), ("name", pa.string())])


@pytest.fixture
def settings(sqlserver_server: TdsServer) -> Settings:
    return Settings(
        server=sqlserver_server.host,
        port=sqlserver_server.port,
        user=sqlserver_server.user,
        password=sqlserver_server.password,
        database=sqlserver_server.database,
        schema=f"bad {uuid4().hex}",
        trust_server_certificate=True,
    )


@pytest_asyncio.fixture
async def opened(settings: Settings) -> AsyncIterator[SQLServer]:
    """A destination with a schema and the table [T]."""
    destination = SQLServer(settings, waits=(0.0, 0.0), lock_seconds=1)
    await destination.execute([ddl.create_schema(settings.schema)])
    await destination.execute([ddl.create_table(_table(destination), _ROWS, "tsql")])
    yield destination
    await destination.aclose()


@pytest.fixture
def fault(sqlserver_server: TdsServer) -> Iterator[Callable[..., None]]:
    """Order a fault of the next, or ``nth``, statement that matches."""
    if sqlserver_server.real:
        pytest.skip("a real server has no faults to order")
    yield sqlserver_server.fault
    sqlserver_server.execute("EXEC sp_fault_clear")


def _table(destination: SQLServer, name: str = "T") -> exp.Table:
    return names.table(name, destination.traits.schema)


def _insert(destination: SQLServer, number: int, name: str = "T") -> exp.Insert:
    target = exp.Schema(
        this=_table(destination, name),
        expressions=[ddl.identifier("id"), ddl.identifier("name")],
    )
    values = exp.select(exp.Literal.number(number), exp.Literal.string(f"número {number}"))
    return exp.Insert(this=target, expression=values)


async def _ids(destination: SQLServer, name: str = "T") -> list[int]:
    rows = await destination.fetch(exp.select("id").from_(_table(destination, name)))
    return sorted(rows.column(0).to_pylist())


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("when", ["drop_before", "drop_after"])
async def test_a_connection_lost_before_the_commit_costs_nothing(
    opened: SQLServer, fault: Callable[..., None], nth: int, when: str
) -> None:
    fault(r"^INSERT INTO \[bad", when, nth)
    assert await opened.execute([_insert(opened, 1), _insert(opened, 2)]) == [1, 1]
    assert await _ids(opened) == [1, 2]


@pytest.mark.parametrize(("when", "there"), [("drop_before", []), ("drop_after", [1])])
async def test_a_connection_lost_while_committing_is_in_doubt(
    opened: SQLServer, fault: Callable[..., None], when: str, there: list[int]
) -> None:
    fault("^COMMIT TRANSACTION", when)
    with pytest.raises(CommitUnknown) as unknown:
        await opened.execute([_insert(opened, 1)])
    assert unknown.value.hint
    assert await _ids(opened) == there


async def test_a_connection_lost_between_calls_is_made_anew(
    opened: SQLServer, fault: Callable[..., None]
) -> None:
    await opened.execute([_insert(opened, 1)])
    fault("SELECT .*id", "drop_before")
    assert await _ids(opened) == [1]
    fault("sys.columns", "drop_before")
    assert await opened.describe(_table(opened)) is not None


@pytest.mark.parametrize("number", [1205, 3960, 40501])
async def test_passing_conflicts_are_repeated_as_a_whole(
    opened: SQLServer, fault: Callable[..., None], number: int
) -> None:
    fault(r"^INSERT INTO \[bad", "error", 2, number)
    assert await opened.execute([_insert(opened, 1), _insert(opened, 2)]) == [1, 1]
    assert await _ids(opened) == [1, 2]


async def test_conflicts_that_do_not_pass_are_an_error(
    opened: SQLServer, fault: Callable[..., None]
) -> None:
    for _ in range(3):
        fault(r"^INSERT INTO \[bad", "error", 1, 1205)
    with pytest.raises(DestinationBusy) as busy:
        await opened.execute([_insert(opened, 1)])
    assert busy.value.hint
    assert await _ids(opened) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (1105, DestinationFull),
        (9002, DestinationFull),
        (3906, DestinationRefused),
        (229, PermissionRefused),
        (8115, RecordRefused),
        (40613, Unavailable),
        (40552, DestinationRefused),
        # What a trigger raises, with a number that a lost transaction has too.
        (50000, RecordRefused),
        (3609, RecordRefused),
    ],
)
async def test_errors_of_a_statement_undo_the_whole_transaction(
    opened: SQLServer, fault: Callable[..., None], number: int, kind: type[SynclineError]
) -> None:
    for _ in range(3):
        fault(r"^INSERT INTO \[bad", "error", 2, number)
    with pytest.raises(kind) as refused:
        await opened.execute([_insert(opened, 1), _insert(opened, 2)])
    assert type(refused.value) is kind
    assert await _ids(opened) == []


async def test_a_statement_that_cannot_be_read_is_refused(opened: SQLServer) -> None:
    with pytest.raises(DestinationRefused, match="208"):
        await opened.execute([_insert(opened, 1), _insert(opened, 2, "Missing")])
    assert await _ids(opened) == []
    with pytest.raises(DestinationRefused, match="208"):
        await _ids(opened, "Missing")
    assert await opened.describe(_table(opened, "Missing")) is None


async def test_a_key_of_the_ledger_is_a_fence(opened: SQLServer) -> None:
    ledger = "_syncline_ledger"
    made = ddl.create_table(_table(opened, ledger), _ROWS, "tsql", key=("id",), enforced=True)
    await opened.execute([made])
    await opened.execute([_insert(opened, 1, ledger)])
    with pytest.raises(StaleGeneration):
        await opened.execute([_insert(opened, 1), _insert(opened, 1, ledger)])
    assert await _ids(opened) == []


async def test_a_key_of_another_table_is_not(opened: SQLServer) -> None:
    made = ddl.create_table(_table(opened, "Theirs"), _ROWS, "tsql", key=("id",), enforced=True)
    await opened.execute([made, _insert(opened, 1, "Theirs")])
    with pytest.raises(RecordRefused, match="2627"):
        await opened.execute([_insert(opened, 1, "Theirs")])


async def test_a_lock_that_another_run_holds(opened: SQLServer, settings: Settings) -> None:
    other = SQLServer(settings, waits=(), lock_seconds=1)
    waited: list[SynclineError] = []

    async def second() -> None:
        try:
            await other.execute([_insert(other, 2)], lock="Dbo.T")
        except SynclineError as error:
            waited.append(error)

    pause = exp.Command(this="WAITFOR", expression=" DELAY '00:00:03'")
    first = asyncio.create_task(opened.execute([_insert(opened, 1), pause], lock="dbo.t"))
    await asyncio.sleep(0.5)
    await second()
    assert await first == [1, 0]
    assert [type(e) for e in waited] == [DestinationBusy]
    assert "dbo.t" in str(waited[0]).lower()
    assert waited[0].hint
    await other.execute([_insert(other, 3)], lock="dbo.T")
    assert await _ids(opened) == [1, 3]
    await other.aclose()


async def test_a_cancelled_transaction_leaves_nothing(opened: SQLServer) -> None:
    pause = exp.Command(this="WAITFOR", expression=" DELAY '00:00:02'")
    running = asyncio.create_task(opened.execute([_insert(opened, 1), pause, _insert(opened, 2)]))
    await asyncio.sleep(0.7)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await _ids(opened) == []
    assert await opened.execute([_insert(opened, 3)]) == [1]
    assert await _ids(opened) == [3]


async def test_making_the_same_at_the_same_time(opened: SQLServer, settings: Settings) -> None:
    others = [SQLServer(settings, waits=(0.05, 0.2, 0.5)) for _ in range(3)]
    made = ddl.create_table(_table(opened, "New"), _ROWS, "tsql", key=("id",), enforced=True)
    schema = ddl.create_schema(f"{settings.schema} too")
    await asyncio.gather(*(o.execute([s]) for o in others for s in (schema, made)))
    assert await _ids(opened, "New") == []
    for other in others:
        await other.aclose()


async def test_a_bulk_copy_that_breaks_says_why(
    opened: SQLServer, fault: Callable[..., None]
) -> None:
    rows = pa.table({"id": [1, 2], "name": ["a", None]}, schema=_ROWS)
    for number, kind in (
        (9002, DestinationFull),
        (1205, DestinationBusy),
        (229, PermissionRefused),
    ):
        fault("BULK LOAD", "error", 1, number)
        with pytest.raises(kind):
            await opened.ingest(_table(opened), rows)
    fault("BULK LOAD", "drop_before")
    with pytest.raises(Unavailable):
        await opened.ingest(_table(opened), rows)
    assert await _ids(opened) == []
    await opened.ingest(_table(opened), rows)
    await opened.ingest(_table(opened), rows.slice(0, 0))
    assert await _ids(opened) == [1, 2]


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"password": "wrong"}, CredentialError),
        ({"user": "nobody"}, CredentialError),
        ({"database": "no such"}, DestinationRefused),
        ({"port": 9}, Unavailable),
        ({"server": "no-such-host.invalid"}, Unavailable),
        ({"trust_server_certificate": False}, DestinationRefused),
        ({"options": {"Nonsense": "1"}}, PropertyError),
    ],
    ids=lambda v: str(next(iter(v))) if isinstance(v, dict) else "",
)
async def test_connections_that_cannot_be_made(
    settings: Settings, changed: dict[str, object], kind: type[SynclineError]
) -> None:
    destination = SQLServer(replace(settings, **changed))  # type: ignore[arg-type]  # names differ
    with pytest.raises(kind) as refused:
        await destination.describe(_table(destination))
    assert type(refused.value) is kind
    assert refused.value.hint
    shown = f"{refused.value!r} {refused.value.hint} {refused.value.__cause__!r}"
    assert settings.password not in shown
    await destination.aclose()


async def test_after_closing_it_connects_again(opened: SQLServer) -> None:
    await opened.aclose()
    await opened.aclose()
    assert await _ids(opened) == []


def test_the_libraries_that_are_missing_are_known() -> None:
    assert set(missing_libraries()) <= {
        "libltdl.so.7",
        "libkrb5.so.3",
        "libgssapi_krb5.so.2",
    }


async def test_a_switch_of_a_failed_transaction_is_off_again(
    opened: SQLServer, sqlserver_server: TdsServer, settings: Settings
) -> None:
    for name in ("One", "Two"):
        sqlserver_server.execute(
            f"CREATE TABLE [{settings.schema}].[{name}] "
            "(id BIGINT IDENTITY PRIMARY KEY, name NVARCHAR(50) NULL)"
        )
    one, two = (
        [ddl.identity_switch(_table(opened, name), opened.traits, on=on) for on in (True, False)]
        for name in ("One", "Two")
    )
    with pytest.raises(RecordRefused):
        await opened.execute([one[0], _insert(opened, 7, "One"), _insert(opened, 7, "One")])
    assert await opened.execute([two[0], _insert(opened, 9, "Two"), two[1]]) == [0, 1, 0]
    assert await _ids(opened, "One") == []
    assert await _ids(opened, "Two") == [9]
    described = await opened.describe(_table(opened, "Two"))
    assert described is not None
    assert made_by(described.field("id")) == "identity"
