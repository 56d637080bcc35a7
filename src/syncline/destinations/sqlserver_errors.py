"""What SQL Server and its driver say went wrong, in Syncline's words."""

import re
from collections.abc import Callable, Mapping

import mssql_python

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

#: What the driver raises: its bulk copy has no class of its own for errors, and its other
#: exceptions fail to build themselves from some texts.
FAILURES = (mssql_python.Error, RuntimeError, ValueError)

#: The whole transaction may be run again at once.
CONFLICTS = frozenset(
    # Locks; row versions; tables in memory; history that another transaction has just written.
    {1205, 1222, 3960, 3961, 41301, 41302, 41305, 41325, 41839, 13535}
)  # fmt: skip
#: The whole transaction may be run again later: throttling and failover of Azure SQL.
OVERLOADED = frozenset(
    {701, 802, 1204, 8645, 8651, 10928, 10929, 40197, 40501, 40613, 49918, 49919, 49920}
)  # fmt: skip
#: A transaction that Azure SQL ends, since it took too long or too much of a resource.
_TOO_MUCH = frozenset({40549, 40550, 40551, 40552, 40553})
#: The connection is gone, as the server's own error numbers say it.
LOST = frozenset({64, 121, 233, 10053, 10054, 10060})
#: "There is already an object with this name", and CREATE SCHEMA's way to say so.
_ALREADY_THERE = frozenset({2714, 2759})
DUPLICATES = frozenset({2601, 2627})

_MISSING = 208
#: The checkpoint of a ledger that somebody has emptied has no generation.
_NULL = 515
_OURS = re.compile(r"['.]_syncline_(?:stage|new|reject)_")
_CREDENTIALS = frozenset({18452, 18456, 18470, 18486, 18487, 18488})
_PERMISSIONS = frozenset({229, 230, 262, 297, 300, 916, 1088, 2557, 2760, 4834, 15151, 15247})
_READ_ONLY = frozenset({976, 978, 3906})
_FULL = frozenset({1101, 1105, 9002, 40544})
_UNFIT = frozenset(
    # Values, rows of more than 8060 bytes, constraints, views, policies, XML, triggers that end
    # the transaction.
    {220, 232, 241, 242, 244, 245, 248, 295, 511, 515, 547, 550, 2628, 3609, 6355, 8114, 8115,
     8152, 8169, 33504, *range(9400, 9460)}
)  # fmt: skip
#: The first number of errors that triggers raise without one of their own, and with one.
_RAISED = 50_000
_UNCHANGEABLE = frozenset({1701, 1702, 1708, 1919, 4901, 4922, 5074})

_NUMBER = re.compile(r"Sql Error: (\d+)")
_COLUMN = re.compile(r"\bcolumn '((?:[^']|'')*)'", re.IGNORECASE)
_PREFIX = re.compile(r"^(?:\[[^\]]*\])+\s*")
_TLS = re.compile(r"certificate|SSL|TLS", re.IGNORECASE)
_GONE = re.compile(
    r"connection (?:is )?(?:closed|dead|reset|refused|lost)|communication link failure"
    r"|connection (?:not open|failure|rejected)|unable to establish connection"
    r"|tcp provider|broken pipe|io error|unexpected(?:ly)? (?:eof|end)|timed? ?out|timeout expired",
    re.IGNORECASE,
)


class ServerError(Exception):
    """SQL Server refused a statement; the transaction is rolled back. Stays in these modules.

    ``ledger``: the statement wrote the checkpoint ledger. ``racing``: it made what is missing,
    so it succeeds when repeated if another session was the first to make it.
    """

    def __init__(
        self, number: int, message: str, *, ledger: bool = False, racing: bool = False
    ) -> None:
        super().__init__(f"{number}: {message}")
        self.number = number
        self.message = message
        self.ledger = ledger
        self.racing = racing


class DriverError(Exception):
    """The driver failed; the connection is not to be used again. Stays in these modules.

    ``lost``: the connection broke, so the same call may work on a new one.
    """

    def __init__(self, message: str, *, lost: bool, committing: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.lost = lost
        self.committing = committing


def raised(error: Exception, *, committing: bool = False) -> ServerError | DriverError:
    """Return what an exception of the driver means, by the little it tells."""
    text = _PREFIX.sub("", str(getattr(error, "ddbc_error", "") or error))
    kind = str(getattr(error, "driver_error", ""))
    number = _NUMBER.search(text)
    if number and not committing:
        found = int(number[1])
        message = text[number.end() :].lstrip(": ")
        message = re.sub(r"^Class \d+: State \d+: |\. on .* at line \d+$", "", message)
        if found not in LOST:
            return ServerError(found, message)
    lost = bool(_GONE.search(kind) or _GONE.search(text))
    return DriverError(_first_line(text), lost=lost, committing=committing)


def is_transient(error: ServerError | DriverError) -> bool:
    """Say whether running the whole transaction again may help, with nothing done twice."""
    if isinstance(error, DriverError):
        return error.lost and not error.committing
    if error.racing and error.number in _ALREADY_THERE:
        return True
    return error.number in CONFLICTS or error.number in OVERLOADED or error.number in LOST


def translated(error: ServerError | DriverError) -> SynclineError:
    """Return the error to raise."""
    if isinstance(error, DriverError):
        return _of_driver(error)
    if error.ledger and error.number in {*DUPLICATES, _NULL}:
        return StaleGeneration(
            "another run has committed this task since this one read its checkpoint; "
            "nothing of this commit was written",
            hint="let one run of a task go on at a time; run it again to see that it is complete",
        )
    if error.number == _MISSING and _OURS.search(error.message):
        return DestinationBusy(
            "another run of this task has begun and has removed what this one had staged; "
            "nothing of this commit was written",
            hint="let one run of a task go on at a time",
        )
    for numbers, make in _WORDS.items():
        if error.number in numbers:
            return make(error)
    if error.number >= _RAISED:
        return _unfit(error)
    return DestinationRefused(
        f"SQL Server refuses a statement: {_first_line(error.message)} (error {error.number})"
    )


def not_connected(  # noqa: PLR0911 (a table of cases)
    error: Exception, *, server: str, database: str, user: str
) -> SynclineError:
    """Return why a connection could not be made; the driver tells no error numbers here."""
    kind = str(getattr(error, "driver_error", ""))
    text = _first_line(_PREFIX.sub("", str(getattr(error, "ddbc_error", "") or error)))
    if "not currently available" in text or "currently busy" in text:
        return Unavailable(f"SQL Server {server}: {text}", retry_after=10.0)
    if "is not allowed to access the server" in text:
        return PermissionRefused(
            f"the firewall of {server} does not let this computer in: {text}",
            hint="add its address to the server's firewall rules",
        )
    if kind == "Invalid authorization specification" or "Login failed for user" in text:
        return CredentialError(
            f"SQL Server {server} does not accept the user {user!r} with this password",
            hint="check User, Password and AuthScheme; the server's log has the exact reason",
        )
    if kind == "Syntax error or access violation" or "Cannot open database" in text:
        return unknown_database(server, database, user)
    if _TLS.search(text):
        return DestinationRefused(
            f"SQL Server {server} has no certificate that this computer trusts: {text}",
            hint="install the certificate's authority, or set TrustServerCertificate=true if the "
            "network between is yours",
        )
    if re.search("token|azure|entra", f"{kind} {text}", re.IGNORECASE):
        return CredentialError(
            f"no token for SQL Server {server}: {text}",
            hint="check AuthScheme, User and Password (application id and secret)",
        )
    return Unavailable(
        f"SQL Server {server} does not answer: {text}",
        hint="check Server and Port, that the server allows TCP/IP, and the firewalls between",
    )


def unknown_database(server: str, database: str, user: str) -> SynclineError:
    """Return the error of a database that is not there, or not for this user."""
    return DestinationRefused(
        f"SQL Server {server} accepts the user {user!r}, but has no database {database!r} for it",
        hint=f"CREATE DATABASE [{database}], or in it CREATE USER [{user}] FOR LOGIN [{user}]",
    )


def _of_driver(error: DriverError) -> SynclineError:
    if error.committing:
        return CommitUnknown(
            f"the connection to SQL Server broke while committing: {error.message}",
            hint="the next run reads the checkpoint to see whether the rows are there",
        )
    if error.lost:
        return Unavailable(
            f"the connection to SQL Server broke: {error.message}",
            hint="run again; what was committed is kept",
        )
    return DestinationRefused(f"the SQL Server driver failed: {error.message}")


def _permission(error: ServerError) -> SynclineError:
    return PermissionRefused(
        f"SQL Server does not allow this: {_first_line(error.message)}",
        hint=_grant(error.message),
    )


def _grant(message: str) -> str:
    """Return the GRANT that would have allowed a statement, as far as its refusal tells."""
    found = re.search(
        r"The (\w+) permission was denied on the object '([^']*)', database '[^']*', "
        r"schema '([^']*)'",
        message,
    )
    if found:
        return f"GRANT {found[1]} ON [{found[3]}].[{found[2]}] TO the user, or on its whole schema"
    found = re.search(r"([A-Z][A-Z ]+) permission denied in database '([^']*)'", message)
    if found:
        return f"USE [{found[2]}]; GRANT {found[1]} TO the user, and ALTER ON SCHEMA::dbo"
    found = re.search(r'schema name "([^"]*)"', message)
    if found:
        return f"CREATE SCHEMA [{found[1]}], and GRANT ALTER ON SCHEMA::[{found[1]}] TO the user"
    return (
        "GRANT SELECT, INSERT, UPDATE, DELETE, ALTER ON the schema and CREATE TABLE in the "
        "database TO the user"
    )


def _unfit(error: ServerError) -> SynclineError:
    # The text after "Truncated value" is data, which has no place in a log.
    reason = _first_line(error.message).split(" Truncated value:")[0]
    column = _COLUMN.search(error.message)
    where = f"column {column[1]!r}: " if column else ""
    return RecordRefused(
        f"{where}SQL Server refuses a row: {reason} (error {error.number})",
        hint="make room in the target's column, or cast or cut the value in the query",
    )


def _duplicate(error: ServerError) -> SynclineError:
    reason = _first_line(error.message).split(" The duplicate key value")[0]
    return RecordRefused(
        f"SQL Server refuses a row: {reason} (error {error.number})",
        hint="the target has a key of its own that these rows break; choose the same 'key'",
    )


def _busy(error: ServerError) -> SynclineError:
    return DestinationBusy(
        f"SQL Server gave way to other transactions again and again: {_first_line(error.message)}",
        hint="run again when the database has less to do",
    )


def _credentials(error: ServerError) -> SynclineError:
    return CredentialError(f"SQL Server does not accept the login: {_first_line(error.message)}")


def _overloaded(error: ServerError) -> SynclineError:
    return Unavailable(
        f"SQL Server cannot take more now: {_first_line(error.message)} (error {error.number})",
        retry_after=10.0,
    )


def _too_much(error: ServerError) -> SynclineError:
    return DestinationRefused(
        f"SQL Server has ended the transaction: {_first_line(error.message)} "
        f"(error {error.number})",
        hint="write fewer rows at once: lower 'commit_rows', or set 'batch_size' for an existing "
        "table; or raise the service tier",
    )


def _read_only(error: ServerError) -> SynclineError:
    return DestinationRefused(
        f"the database cannot be written: {_first_line(error.message)}",
        hint="ALTER DATABASE … SET READ_WRITE, or name the primary replica in Server",
    )


def _full(error: ServerError) -> SynclineError:
    return DestinationFull(
        f"SQL Server has no space left: {_first_line(error.message)} (error {error.number})",
        hint="enlarge the data file or back up the log, and run again; what was committed is kept",
    )


def _unchangeable(error: ServerError) -> SynclineError:
    return SchemaRefused(
        f"SQL Server cannot make this change: {_first_line(error.message)}",
        hint="drop the index or constraint that holds the column, or cast it in the query",
    )


def _no_database(error: ServerError) -> SynclineError:
    return DestinationRefused(f"SQL Server: {_first_line(error.message)}", hint="check Database")


_WORDS: Mapping[frozenset[int], Callable[[ServerError], SynclineError]] = {
    _CREDENTIALS: _credentials,
    frozenset({911, 4060, 4064}): _no_database,
    _PERMISSIONS: _permission,
    _READ_ONLY: _read_only,
    _FULL: _full,
    _UNFIT: _unfit,
    DUPLICATES: _duplicate,
    CONFLICTS: _busy,
    OVERLOADED | LOST: _overloaded,
    _TOO_MUCH: _too_much,
    _UNCHANGEABLE: _unchangeable,
}


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].strip() if text.strip() else "no reason given"
