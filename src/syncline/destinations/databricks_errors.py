"""What Databricks and its driver say, as errors of ours."""

import re
from typing import Final, NamedTuple

from databricks.sql import exc

from syncline.errors import (
    CredentialError,
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    PermissionRefused,
    RateLimited,
    RecordRefused,
    StaleGeneration,
    SynclineError,
    Unavailable,
)

#: Everything that the driver raises.
FAILURES: Final = (exc.Error, OSError, ValueError, RuntimeError)

_CONDITION: Final = re.compile(
    r"\[([A-Z][A-Z0-9_.]+)\]|\b(PERMISSION_DENIED|INSUFFICIENT_PERMISSIONS)\b"
)
#: Another commit came first, or the server cannot now: the same statement may work later.
_PASSING: Final = re.compile(
    r"^(DELTA_CONCURRENT_|DELTA_METADATA_CHANGED|DELTA_PROTOCOL_CHANGED|METADATA_CHANGED|"
    r"PROTOCOL_CHANGED|CONCURRENT_|TEMPORARILY_UNAVAILABLE|TRANSACTION_CONFLICT|"
    r"DELTA_TRANSACTION_|COMMIT_CONFLICT)"
)
#: What `syncline.load.fence` lets a statement fail with, told by the warehouse itself. Refusals of
#: all kinds repeat the statement, with these words behind a quote, or its plan, behind a comma.
_STALE: Final = re.compile(
    r"(?:^\s*|\[USER_RAISED_EXCEPTION\]\s*|(?:Exception|Error):\s*)syncline: stale generation"
)
#: Behind it, a refusal repeats the statement.
_ECHO: Final = re.compile(r"\n\s*== SQL\b")
_RIGHTS: Final = re.compile(
    r"^(INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED|UC_PERMISSION|UNAUTHORIZED_ACCESS)"
)
#: How the catalog says which right is missing where; the words differ from place to place.
_LACKING: Final = re.compile(
    r"does not have (?:permission |privilege )?([A-Z][A-Z_ ,]*?) on (?:the )?"
    r"(catalog|schema|database|table|view|volume)\s+['`]([^'`]+(?:`\.`[^'`]+)*)['`]",
    re.IGNORECASE,
)
_ROWS: Final = re.compile(
    r"^(CAST_|NUMERIC_|ARITHMETIC_|DATETIME_|DELTA_NOT_NULL|DELTA_VIOLATE|INVALID_JSON|"
    r"DELTA_CONSTRAINT|DELTA_EXCEED_CHAR_VARCHAR_LIMIT|EXCEED_LIMIT_LENGTH)"
)
#: A personal token that is wrong or has ended, which is told with HTTP 403.
_TOKEN: Final = re.compile(r"[Ii]nvalid access token|[Tt]oken (?:has |is )?expir")
_LOGIN: Final = re.compile(
    r"\b401\b|\bUnauthorized\b(?! network)|invalid_client|the service principal no token"
)
#: The storage behind a volume has refused a file; it is asked at an address of its own.
_STORAGE: Final = re.compile(r"Staging operation over HTTP was unsuccessful: (\d{3})\b")
#: The same of storage that cannot be reached, as the driver's client of anything but SQL says it.
_BEYOND: Final = re.compile(r"HTTP request (?:failed|error)\b")
#: The query of an address, and its parts: a signature there is as good as a password.
_QUERY: Final = re.compile(
    r"(?i)\?[\w.~%+-]+=[^\s'\"<>)]*|\b(?:sig|x-(?:amz|goog)-[\w-]+)=[^\s'\"<>)]*"
)
_LATER: Final = re.compile(r"408|429|5\d\d")
_ALLOW: Final = (
    "let its network rules allow this computer; StagingMethod=FilesAPI goes through the workspace "
    "where PUT does not"
)
_FULL: Final = re.compile(r"(QUOTA_EXCEEDED|RESOURCE_EXHAUSTED|No space left)")
#: Stands in a GRANT for who asks, where we do not know it.
SOMEBODY: Final = "user or service principal"
#: No GRANT gives the right to a warehouse.
CAN_USE: Final = "who manages the warehouse gives CAN USE on its page, under Permissions"
HTTP_PATH: Final = "check HTTPPath: it is on the warehouse's page, Connection details"
#: HTTP's answers where there is no warehouse.
_NOWHERE: Final = frozenset({"400", "404"})
#: How to mend what a statement is refused for, by the start of the condition.
_MENDING: Final = {
    "COLLATION_MISMATCH": "texts are compared byte by byte; let each text column of the table have "
    "the collation UTF8_BINARY: ALTER TABLE … ALTER COLUMN … TYPE STRING COLLATE UTF8_BINARY",
}
#: What a statement that is sent twice meets the second time.
_DONE: Final = re.compile(
    r"^(FIELDS?_ALREADY_EXISTS?|COLUMN_ALREADY_EXISTS|DELTA_.*ALREADY_EXISTS)"
)


def condition(error: BaseException) -> str:
    """Return the condition that the server names, such as ``TABLE_OR_VIEW_NOT_FOUND``, or ''."""
    found = _CONDITION.search(str(error))
    return (found[1] or found[2]) if found else ""


class Right(NamedTuple):
    """A privilege on something that the catalog keeps."""

    privilege: str
    #: CATALOG, SCHEMA, TABLE or VOLUME.
    kind: str
    #: Its name with those of what it is in.
    name: tuple[str, ...]

    def granted_to(self, principal: str) -> str:
        """Return the statement that gives the right."""
        name = ".".join(_quoted(part) for part in self.name)
        return f"GRANT {self.privilege} ON {self.kind} {name} TO {_quoted(principal)}"


def lacking(text: str) -> Right | None:
    """Return the right that a refusal says is missing, or None where it does not say it."""
    found = _LACKING.search(text)
    if found is None:
        return None
    kind = found[2].upper()
    kind = {"DATABASE": "SCHEMA", "VIEW": "TABLE"}.get(kind, kind)
    privilege = ", ".join(word.strip().upper() for word in found[1].split(","))
    return Right(privilege.replace("_", " "), kind, tuple(found[3].replace("`", "").split(".")))


def granting(text: str, principal: str = "") -> str:
    """Return the hint to a refusal: the GRANT that gives what is missing, where it says so."""
    right = lacking(text)
    if right is None:
        return "'syncline connections test' says which right is missing, and its GRANT"
    return f"let its owner run: {right.granted_to(principal or SOMEBODY)}"


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def is_conflict(error: BaseException) -> bool:
    """Say whether the statement met another commit, and may work if it is sent again."""
    return bool(_PASSING.match(condition(error)))


def is_lost(error: BaseException) -> bool:
    """Say whether the connection, the session or the server is at fault."""
    if isinstance(error, exc.RequestError):
        if _BEYOND.match(str(error)):
            return True
        return not (_is_login(error) or _is_forbidden(error) or _status(error) in _NOWHERE)
    if isinstance(error, exc.ServerOperationError):
        return False
    text = str(error)
    storage = _STORAGE.search(text)
    if storage is not None:
        return bool(_LATER.match(storage[1]))
    return isinstance(error, OSError | exc.OperationalError) or any(
        sign in text for sign in ("Invalid SessionHandle", "SessionHandle", "closed connection")
    )


def is_done(error: BaseException) -> bool:
    """Say whether a change of a table failed because it is there already."""
    return bool(_DONE.match(condition(error)))


def is_unknown(text: str) -> bool:
    """Say whether a refusal means that the token is wrong or has ended."""
    return bool(_TOKEN.search(text))


def _is_login(error: BaseException) -> bool:
    text = str(error)
    return _status(error) == "401" or is_unknown(text) or bool(_LOGIN.search(text))


def _is_forbidden(error: BaseException) -> bool:
    """Say whether the warehouse itself refuses who we are: statements are refused in words."""
    if isinstance(error, exc.ServerOperationError) or _is_login(error):
        return False
    return _status(error) == "403" or bool(re.search(r"\b403\b|not authorized to use", str(error)))


def _status(error: BaseException) -> str:
    """Return the HTTP status that the driver has got, or ''."""
    context = getattr(error, "context", {}) or {}
    return str(context.get("http-code", "") or "")


def translated(error: BaseException, *, secrets: tuple[str, ...] = ()) -> SynclineError:  # noqa: C901, PLR0911, PLR0912 (a table of cases)
    """Return the error to raise. Invariant 7: none of the secrets is in it."""
    if isinstance(error, SynclineError):
        return error
    name = condition(error)
    text = _first_line(_without(str(error), secrets))
    if _STALE.search(str(error)):
        return StaleGeneration(
            "another run has committed this task since this one read its checkpoint; "
            "nothing of this commit counts",
            hint="let one run of a task go on at a time; run it again to see that it is complete",
        )
    if _PASSING.match(name):
        return DestinationBusy(
            f"other writers of the table were always quicker: {text}",
            hint="run again; let one job write to a table at a time",
        )
    if _RIGHTS.match(name):
        return PermissionRefused(
            f"Databricks does not allow it: {refusal(_without(str(error), secrets))}",
            hint=granting(str(error)),
        )
    if _ROWS.match(name):
        return RecordRefused(f"Databricks refuses a row: {text}")
    if _FULL.search(_ECHO.split(str(error), 1)[0]):
        return DestinationFull(f"Databricks has no room: {text}", hint="see the account's quotas")
    if _STORAGE.search(text):
        return Unavailable(f"the storage of the volume does not take a file: {text}", hint=_ALLOW)
    if isinstance(error, exc.RequestError) and _BEYOND.match(text):
        return Unavailable(f"the storage of the volume cannot be reached: {text}", hint=_ALLOW)
    if _is_forbidden(error):
        return PermissionRefused(
            f"Databricks does not let us use the warehouse: {text}",
            hint=f"{CAN_USE}, for {SOMEBODY}",
        )
    if isinstance(error, exc.ServerOperationError) or name:
        hint = next((told for start, told in _MENDING.items() if name.startswith(start)), "")
        return DestinationRefused(f"Databricks refuses a statement: {text}", hint=hint)
    if isinstance(error, exc.RequestError) and _status(error) in _NOWHERE:
        return DestinationRefused(f"there is no such warehouse: {text}", hint=HTTP_PATH)
    if _is_login(error):
        return CredentialError(
            "Databricks does not accept the credentials",
            hint="check Token, or OAuthClientId and OAuthClientSecret; tokens expire",
        )
    if re.search(r"\b429\b|Too Many Requests", str(error)):
        return RateLimited(f"Databricks has too much to do: {text}")
    if isinstance(error, exc.Error | OSError):
        return Unavailable(
            f"no answer from Databricks: {text}",
            hint="check Server and HTTPPath, and that the warehouse can start; run again",
        )
    return DestinationRefused(f"the Databricks driver failed: {text}")


def unsigned(text: str) -> str:
    """Return a text without the queries of the addresses in it. Invariant 7: they may be signed."""
    return _QUERY.sub("?…", text)


def refusal(text: str) -> str:
    """Return what a refusal says as one line; which right is missing stands on its second."""
    return " ".join(text.split())[:500]


def _without(text: str, secrets: tuple[str, ...]) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return unsigned(text)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:500] if text.strip() else "no reason given"
