"""SQL Server's numbers and the driver's texts, in Syncline's words."""

import re

import mssql_python
import pytest

from syncline.destinations.sqlserver_errors import (
    DriverError,
    ServerError,
    is_transient,
    not_connected,
    raised,
    translated,
)
from syncline.errors import (
    CommitUnknown,
    CredentialError,
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    PermissionRefused,
    RecordRefused,
    SchemaRefused,
    StaleGeneration,
    SynclineError,
    Unavailable,
)


@pytest.mark.parametrize(
    ("number", "message", "kind", "says"),
    [
        (18456, "Login failed for user 'sa'.", CredentialError, "Login failed"),
        (4060, "Cannot open database", DestinationRefused, "Cannot open"),
        (
            262,
            "CREATE TABLE permission denied in database 'Law'.",
            PermissionRefused,
            "GRANT CREATE TABLE",
        ),
        (
            229,
            "The INSERT permission was denied on the object 'T', database 'Law', schema 'dbo'.",
            PermissionRefused,
            r"GRANT INSERT ON \[dbo\]\.\[T\]",
        ),
        (
            2760,
            'The specified schema name "x" either does not exist or you do not have permission',
            PermissionRefused,
            r"SCHEMA::\[x\]",
        ),
        (1088, 'Cannot find the object "T" because', PermissionRefused, "GRANT SELECT, INSERT"),
        (3906, "Failed to update database because it is read-only.", DestinationRefused, "primary"),
        (1105, "Could not allocate space", DestinationFull, "space"),
        (9002, "The transaction log is full", DestinationFull, "log"),
        (
            2628,
            "Data would be truncated in table 'T', column 'name'. Truncated value: 'secret'.",
            RecordRefused,
            "'name'",
        ),
        (515, "Cannot insert the value NULL into column 'name', table", RecordRefused, "'name'"),
        (8115, "Arithmetic overflow error converting", RecordRefused, "8115"),
        (2627, "Violation of PRIMARY KEY constraint", RecordRefused, "key of its own"),
        (2601, "Cannot insert duplicate key row", RecordRefused, "2601"),
        (547, "The INSERT statement conflicted with the CHECK", RecordRefused, "547"),
        (5074, "The object 'PK' is dependent on column 'id'.", SchemaRefused, "index or constr"),
        (1205, "was deadlocked on lock resources", DestinationBusy, "again"),
        (1222, "Lock request time out period exceeded.", DestinationBusy, "again"),
        (40501, "The service is currently busy.", Unavailable, "40501"),
        (40552, "excessive transaction log space usage", DestinationRefused, "commit_rows"),
        (511, "Cannot create a row of size 9000", RecordRefused, "511"),
        (550, "the target view specifies WITH CHECK OPTION", RecordRefused, "550"),
        (33504, "the target object has a block predicate", RecordRefused, "33504"),
        (9402, "XML parsing: unable to switch the encoding", RecordRefused, "9402"),
        (3609, "The transaction ended in the trigger.", RecordRefused, "trigger"),
        (50000, "Not in this month, says a trigger.", RecordRefused, "says a trigger"),
        (51234, "Not in this month, says a trigger.", RecordRefused, "says a trigger"),
        (10054, "An existing connection was forcibly closed", Unavailable, "10054"),
        (208, "Invalid object name 'x'.", DestinationRefused, "208"),
        (208, "Invalid object name 'dbo._syncline_stage_1'.", DestinationBusy, "another run"),
    ],
)
def test_numbers_become_classes(
    number: int, message: str, kind: type[SynclineError], says: str
) -> None:
    found = translated(ServerError(number, message))
    text = f"{found} {found.hint}"
    assert type(found) is kind
    assert re.search(says, text), text
    assert "secret" not in text


@pytest.mark.parametrize("number", [2627, 2601, 515])
def test_what_the_ledger_refuses_is_a_stale_generation(number: int) -> None:
    found = translated(ServerError(number, "Violation of PRIMARY KEY constraint", ledger=True))
    assert isinstance(found, StaleGeneration)
    assert found.hint


@pytest.mark.parametrize(
    "number", [1205, 1222, 3960, 3961, 41302, 13535, 40613, 49919, 10928, 10053, 233]
)
def test_conflicts_and_throttling_pass(number: int) -> None:
    assert is_transient(ServerError(number, ""))


@pytest.mark.parametrize("number", [208, 229, 2627, 2628, 3906, 9002])
def test_what_stays_as_it_is(number: int) -> None:
    assert not is_transient(ServerError(number, ""))


@pytest.mark.parametrize("number", [2714, 2759])
def test_making_what_another_session_just_made_is_tried_again(number: int) -> None:
    assert is_transient(ServerError(number, "", racing=True))
    assert not is_transient(ServerError(number, ""))


def _of_driver(driver: str, server: str) -> mssql_python.Error:
    return mssql_python.OperationalError(driver_error=driver, ddbc_error=server)


@pytest.mark.parametrize(
    "error",
    [
        _of_driver(
            "Communication link failure", "[Microsoft][ODBC]TCP Provider: Error code 0x2746"
        ),
        _of_driver(
            "General error", "[Microsoft][ODBC]Connection closed: Connection is dead and so on"
        ),
        RuntimeError("Connection closed: Connection closed by server while reading TDS header"),
        _of_driver("Timeout expired", "[Microsoft][ODBC]Query timeout expired"),
    ],
)
def test_a_lost_connection_is_known_by_its_words(error: Exception) -> None:
    found = raised(error)
    assert isinstance(found, DriverError)
    assert found.lost
    assert is_transient(found)
    assert isinstance(translated(found), Unavailable)
    committing = raised(error, committing=True)
    assert not is_transient(committing)
    assert isinstance(translated(committing), CommitUnknown)


def test_a_bulk_copy_tells_its_number() -> None:
    found = raised(
        RuntimeError("Sql Error: 9002: Class 17: State 2: Log full. on srv in  at line 1")
    )
    assert isinstance(found, ServerError)
    assert (found.number, found.message) == (9002, "Log full")


def test_other_failures_of_the_driver_are_not_repeated() -> None:
    found = raised(ValueError("String length (4 characters) exceeds schema size (3 characters)"))
    assert not is_transient(found)
    assert isinstance(translated(found), DestinationRefused)


@pytest.mark.parametrize(
    ("driver", "server", "kind"),
    [
        (
            "Invalid authorization specification",
            "[Microsoft][ODBC][SQL Server]Login failed for user 'sa'.",
            CredentialError,
        ),
        (
            "Syntax error or access violation",
            '[Microsoft][ODBC][SQL Server]Cannot open database "nope" requested by the login.',
            DestinationRefused,
        ),
        (
            "Client unable to establish connection",
            "[Microsoft][ODBC]SSL Provider: [error:0A000086:certificate verify failed]",
            DestinationRefused,
        ),
        (
            "Client unable to establish connection",
            "[Microsoft][ODBC]TCP Provider: Error code 0x2749",
            Unavailable,
        ),
        (
            "Syntax error or access violation",
            "[Microsoft][ODBC][SQL Server]Database 'x' on server 'y' is not currently available.",
            Unavailable,
        ),
        (
            "Syntax error or access violation",
            "[Microsoft][ODBC][SQL Server]'1.2.3.4' is not allowed to access the server.",
            PermissionRefused,
        ),
        ("Failed to acquire an Entra ID access token", "no such tenant", CredentialError),
    ],
)
def test_why_a_connection_was_not_made(driver: str, server: str, kind: type[SynclineError]) -> None:
    error = _of_driver(driver, server)
    found = not_connected(error, server="db.example,1433", database="Law", user="sa")
    assert type(found) is kind
    assert "db.example,1433" in str(found)
    assert "[Microsoft]" not in str(found)
