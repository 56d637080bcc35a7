"""What PostgreSQL and its driver say, as errors of ours, chosen by SQLSTATE."""

import re
from collections.abc import Collection, Mapping

import adbc_driver_manager

from syncline.errors import (
    CredentialError,
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    PermissionRefused,
    RecordRefused,
    StaleGeneration,
    SynclineError,
    Unavailable,
)

#: Serialization failure, deadlock.
_CONFLICTS = {"40001", "40P01"}
#: lock_not_available, object_in_use
_BUSY = {"55P03", "55006"}
_NO_TABLE, _EXISTS = "42P01", "42710"
_UNIQUE, _NULL = "23505", "23502"
#: A view with CHECK OPTION, and what triggers raise.
_REFUSING = frozenset({"44000", "P0001"})
#: The one table with a key that is ours; a generation that is not the next one violates it.
_LEDGER = "_syncline_checkpoints"
_AGAIN = "nothing is lost: run again, and it goes on from the last commit"


class Conflict(DestinationBusy):
    """Another transaction was first; ours left nothing and may be tried again as it is."""


def unreadable(error: adbc_driver_manager.Error) -> bool:
    """Say whether connecting failed before any server was asked."""
    text = str(error)
    asked = "connection to server" in text or "translate host name" in text
    return "Failed to connect:" in text and not asked


def connected_error(  # noqa: PLR0911 (a table of cases)
    error: adbc_driver_manager.Error, password: str
) -> SynclineError:
    """Return why connecting failed. The driver passes on text only, no SQLSTATE."""
    reason = _spoken(str(error), password)
    text = reason.lower()
    if "translate host name" in text:
        return Unavailable(f"cannot reach PostgreSQL: {reason}", hint="check Server")
    if re.search('authentication failed|no password supplied|role ".*" does not exist', text):
        return CredentialError(
            f"PostgreSQL refuses the login: {reason}", hint="check User and Password"
        )
    if "pg_hba.conf" in text:
        return CredentialError(
            f"PostgreSQL does not let us in from here: {reason}",
            hint="allow this host and user in the server's pg_hba.conf, or try SSLMode=require",
        )
    if "database" in text and "does not exist" in text:
        return DestinationRefused(
            f"PostgreSQL: {reason}", hint="check Database, or create it with CREATE DATABASE"
        )
    if "permission denied" in text:
        return PermissionRefused(
            f"PostgreSQL: {reason}", hint="GRANT CONNECT ON DATABASE … TO the user"
        )
    if "ssl" in text or "certificate" in text:
        return DestinationRefused(f"PostgreSQL: {reason}", hint="check SSLMode")
    return Unavailable(
        f"cannot reach PostgreSQL: {reason}",
        hint="check Server and Port, and that the server is running and can be reached",
    )


def statement_error(
    error: adbc_driver_manager.Error, password: str, *, lost: bool, temporary: Collection[str]
) -> SynclineError:
    """Return what a failed statement means.

    ``lost``: the connection is gone. ``temporary``: the tables of the session that it uses.
    """
    told = _details(error)
    reason = _spoken(told.get("MESSAGE_PRIMARY", "") or str(error), password)
    state = error.sqlstate or _found(r"SQLSTATE: (\w{5})", str(error))
    if lost:
        return Unavailable(f"the connection to PostgreSQL was lost: {reason}", hint=_AGAIN)
    if state in _CONFLICTS or _in_catalog(state, reason, told):
        return Conflict(f"PostgreSQL: {reason}", hint="run again when less is going on")
    if state in {_UNIQUE, _NULL} and told.get("TABLE_NAME", "") == _LEDGER:
        return StaleGeneration(
            "another run has committed this task since this one read its checkpoint; "
            "nothing of this commit was written",
            hint="let one run of a task go on at a time; run it again to see that it is complete",
        )
    missing = _found(r'relation "(.*)" does not exist', reason)
    if (state == _NO_TABLE and missing in temporary) or '"pg_temp' in reason:
        return Unavailable(
            "the connection to PostgreSQL was lost, and its staging tables with it", hint=_AGAIN
        )
    if state[:2] in {"22", "23"} or state in _REFUSING:
        column = told.get("COLUMN_NAME") or _found(
            r"column \"?([^\"\n:]+)", told.get("CONTEXT", "")
        )
        where = f"column {column!r}: " if column else ""
        return RecordRefused(f"PostgreSQL refuses a row: {where}{reason}", hint=_row_hint(state))
    return _of_state(state, reason)


def _of_state(state: str, reason: str) -> SynclineError:  # noqa: PLR0911 (a table of cases)
    said = f"PostgreSQL: {reason}"
    if state == "42501":
        return PermissionRefused(said, hint=_grant(reason))
    if state == "25006":
        return DestinationRefused(
            said,
            hint="connect to the primary server, or lift default_transaction_read_only of the "
            "database or user",
        )
    if state in {"53100", "53400"}:
        return DestinationFull(
            said, hint="free some space and run again; what was committed is kept"
        )
    if state in _BUSY:
        return DestinationBusy(said, hint="another session holds the table; run again later")
    if state == "57014":
        return Unavailable(
            said, hint="raise statement_timeout of the user if it stopped the statement"
        )
    if state[:2] in {"08", "53", "57", "58"}:
        return Unavailable(said, hint=_AGAIN)
    if state == "2BP01":
        return DestinationRefused(
            said, hint="drop the views that use the table, or set 'write: merge'"
        )
    return DestinationRefused(f"PostgreSQL refuses a statement: {reason}")


def _in_catalog(state: str, reason: str, told: Mapping[str, str]) -> bool:
    """Say whether two sessions made or changed the same table or schema at the same moment."""
    if state == _UNIQUE:
        return told.get("SCHEMA_NAME") == "pg_catalog"
    # The type of a table's rows is there a moment before the table is.
    return state == _EXISTS or (state == "XX000" and "concurrently" in reason)


def _row_hint(state: str) -> str:
    if state in {"22021", "22P05"}:
        return (
            "PostgreSQL cannot store NUL characters; remove them in the query, for example with "
            "replace(x, chr(0), '')"
        )
    return "cast the column in the query, leave such rows out with 'where', or widen the target"


def _grant(reason: str) -> str:
    kind, name = (*reason.rpartition("for ")[2].partition(" ")[::2],)
    if reason.startswith("must be owner"):
        return "ALTER TABLE … OWNER TO the user, who has to change or replace this table"
    if "temporary" in reason:
        return "GRANT TEMPORARY ON DATABASE … TO the user: rows are staged in temporary tables"
    if kind == "database":
        return f"GRANT CREATE ON DATABASE {name} TO the user, or create the schema for it"
    if kind == "schema":
        return f"GRANT USAGE, CREATE ON SCHEMA {name} TO the user"
    return "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA … TO the user"


def _details(error: adbc_driver_manager.Error) -> Mapping[str, str]:
    return {
        name.removeprefix("PG_DIAG_"): value.decode(errors="replace")
        for key, value in error.details or ()
        for name in [key.decode() if isinstance(key, bytes) else key]
    }


def _spoken(text: str, password: str) -> str:
    """Return the first line that says something, without the driver's words and secrets."""
    if password:
        # Invariant 7: whatever a library quotes, the secret is not in it.
        text = text.replace(password, "***")
    text = re.sub(r"^[A-Z_]+: (\[libpq\] )?", "", text.strip())
    for pattern in (r"(?:FATAL|ERROR):\s+(.+)", r"Failed to connect: (?:.* failed: )?(.+)"):
        if found := _found(pattern, text):
            return found
    return text.splitlines()[0] if text else "no reason given"


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1].strip() if match else ""
