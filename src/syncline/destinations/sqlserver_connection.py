"""How to reach a SQL Server: connection properties, connection string, choice of the driver."""

import ctypes
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import mssql_python

from syncline.destinations.sqlserver_errors import FAILURES, not_connected, unknown_database
from syncline.errors import CredentialError, DestinationRefused, PropertyError, SynclineError

AuthScheme: TypeAlias = Literal["Password", "AzureServicePrincipal", "AzureMSI", "AccessToken"]

#: Keywords that other properties stand for, or that the driver keeps for itself.
_RESERVED = frozenset(
    {
        "server", "addr", "address", "database", "uid", "pwd", "user", "password",
        "authentication", "encrypt", "trustservercertificate", "trust_server_certificate",
        "driver", "app",
    }
)  # fmt: skip
#: Unless they are given.
_OURS = {
    "PacketSize": "32767",
    # A session restored behind our back would have lost its transaction; and a wrong host would
    # be tried for ten seconds.
    "ConnectRetryCount": "0",
}
_PLAIN = re.compile(r"[\w.\\,:@\-]+", re.ASCII)
_LOGIN_SECONDS = 15
#: What our statements rely on, whatever the login or the database has as default: with other
#: settings texts are cut silently, NULLs compare, and indexed views refuse changes.
_SESSION = (
    "SET NOCOUNT ON; SET XACT_ABORT ON; SET LANGUAGE us_english; SET TEXTSIZE 2147483647; "
    "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, "
    "QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; SET IMPLICIT_TRANSACTIONS OFF; "
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCK_TIMEOUT {lock_timeout};"
)
_PACKAGES = "apt-get install -y libltdl7 libkrb5-3 libgssapi-krb5-2"
#: What Microsoft's ODBC driver loads and slim systems lack; the driver in Rust needs none of it.
_LIBRARIES = ("libltdl.so.7", "libkrb5.so.3", "libgssapi_krb5.so.2")
#: The module makes this attribute itself, so types do not know it.
_PROVIDER = "native_provider"
_PROVIDER_VARIABLE = "MSSQL_PYTHON_NATIVE_PROVIDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Connection properties of a SQL Server, with CData's names and meanings."""

    #: ``host``, ``host\\instance`` or ``host,port``.
    server: str
    port: int | None = None
    #: Login; the application's id for AzureServicePrincipal, the identity's for AzureMSI.
    user: str = ""
    #: Password; the application's secret for AzureServicePrincipal.
    password: str = field(default="", repr=False)
    database: str = ""
    schema: str = "dbo"
    #: yes, no, strict, mandatory or optional; true and false are understood.
    encrypt: str = "yes"
    trust_server_certificate: bool = False
    auth_scheme: AuthScheme = "Password"
    access_token: str = field(default="", repr=False)
    #: Instants are kept in datetimeoffset; otherwise as UTC in datetime2.
    instants: bool = True
    #: Further keywords of the driver, passed through.
    options: Mapping[str, str] = field(default_factory=dict)
    #: Milliseconds that a statement waits for another transaction's locks.
    lock_timeout: int = 60_000


@dataclass(frozen=True, slots=True)
class _Token:
    token: str = field(repr=False)
    expires_on: int = 0


class _TokenProvider:
    """Gives the driver, which logs in anew for every bulk copy, a token that we were given."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_scopes: str) -> _Token:
        """Return the token."""
        return _Token(self._token)


def connection_string(settings: Settings) -> str:
    """Return the driver's connection string, with the password in it.

    Raises `PropertyError` for properties that contradict each other.
    """
    pairs = {"Server": _address(settings)}
    if settings.database:
        pairs["Database"] = settings.database
    pairs |= _authentication(settings)
    pairs["Encrypt"] = {"true": "yes", "false": "no"}.get(
        settings.encrypt.lower(), settings.encrypt.lower()
    )
    pairs["TrustServerCertificate"] = "yes" if settings.trust_server_certificate else "no"
    given = {name.lower().replace(" ", "") for name in settings.options}
    pairs |= {name: value for name, value in _OURS.items() if name.lower() not in given}
    for name, value in settings.options.items():
        if name.lower() in _RESERVED:
            raise PropertyError(
                f"the driver's keyword {name} cannot be given",
                hint="use the property of the connection that says the same, such as Server, "
                "User, Password or AuthScheme",
            )
        pairs[name] = value
    return ";".join(f"{name}={_braced(value)}" for name, value in pairs.items())


def connect(settings: Settings) -> mssql_python.Connection:
    """Return a new session with our settings, in autocommit mode; blocks.

    Raises `CredentialError`, `DestinationRefused`, `PermissionRefused`, `PropertyError` and
    `Unavailable`, none of which says the password or the connection string.
    """
    text = connection_string(settings)
    # A pooled session would keep its locks and its settings after it was closed.
    mssql_python.pooling(enabled=False)
    _choose_provider()
    try:
        connection = _login(text, settings)
    except FAILURES as error:
        raise _refused(error, settings) from None
    try:
        cursor = connection.cursor()
        cursor.execute(_SESSION.format(lock_timeout=settings.lock_timeout))
        cursor.close()
    except FAILURES as error:
        raise _refused(error, settings) from None
    return connection


def _login(text: str, settings: Settings) -> mssql_python.Connection:
    provider = None
    if settings.auth_scheme == "AccessToken":
        provider = _TokenProvider(settings.access_token)
    try:
        return mssql_python.connect(
            text, autocommit=True, timeout=_LOGIN_SECONDS, token_provider=provider
        )
    except mssql_python.ConnectionStringParseError as error:
        reason = "; ".join(error.errors)
        raise PropertyError(
            f"the SQL Server driver does not take the connection properties: {reason}",
            hint="see the driver's list of connection string keywords",
        ) from None
    except (ImportError, OSError) as error:
        raise _not_loaded(error) from None


def _refused(error: Exception, settings: Settings) -> SynclineError:
    if "load the driver" in str(error):
        return _not_loaded(error)
    address, user = _address(settings), settings.user or settings.auth_scheme
    found = not_connected(error, server=address, database=settings.database, user=user)
    if isinstance(found, CredentialError) and settings.database:
        # One of the drivers says "Login failed" for a database that is not there, too.
        elsewhere = Settings(
            server=settings.server, port=settings.port, user=settings.user,
            password=settings.password, database="master", encrypt=settings.encrypt,
            trust_server_certificate=settings.trust_server_certificate,
            auth_scheme=settings.auth_scheme, access_token=settings.access_token,
            options=settings.options,
        )  # fmt: skip
        try:
            _login(connection_string(elsewhere), elsewhere).close()
        except (*FAILURES, SynclineError):
            return found
        return unknown_database(address, settings.database, user)
    return found


def _not_loaded(error: Exception) -> SynclineError:
    missing = ", ".join(missing_libraries()) or str(error).splitlines()[0]
    return DestinationRefused(
        f"the SQL Server driver cannot be loaded: {missing}",
        hint=f"install the libraries it needs: {_PACKAGES} libssl3",
    )


def _choose_provider() -> None:
    if os.environ.get(_PROVIDER_VARIABLE) or sys.platform != "linux":
        return
    if missing_libraries() and getattr(mssql_python, _PROVIDER) != "mssql-odbc":
        setattr(mssql_python, _PROVIDER, "mssql-odbc")


def missing_libraries() -> tuple[str, ...]:
    """Return which system libraries of Microsoft's ODBC driver are not on this computer."""
    return tuple(name for name in _LIBRARIES if not _loads(name))


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _address(settings: Settings) -> str:
    if not settings.server:
        raise PropertyError("the property Server is required, but missing")
    if settings.port is None:
        return settings.server
    if "," in settings.server:
        raise PropertyError(
            "Server names a port, and Port is given too", hint="leave one of them out"
        )
    return f"{settings.server},{settings.port}"


def _authentication(settings: Settings) -> dict[str, str]:
    scheme = settings.auth_scheme
    if scheme == "AccessToken":
        if not settings.access_token:
            raise PropertyError("AuthScheme=AccessToken needs the property AccessToken")
        return {}
    if scheme == "AzureMSI":
        user = {"UID": settings.user} if settings.user else {}
        return {"Authentication": "ActiveDirectoryMSI", **user}
    if not settings.user or not settings.password:
        raise PropertyError(f"AuthScheme={scheme} needs the properties User and Password")
    pairs = {"UID": settings.user, "PWD": settings.password}
    if scheme == "AzureServicePrincipal":
        pairs["Authentication"] = "ActiveDirectoryServicePrincipal"
    return pairs


def _braced(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "{" + value.replace("}", "}}") + "}"
