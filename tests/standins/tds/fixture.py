"""Starts the stand-in for tests, or takes the real server that SYNCLINE_TEST_SQLSERVER names."""

import contextlib
import ctypes
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mssql_python

_VARIABLE = "SYNCLINE_TEST_SQLSERVER"
#: What Microsoft's ODBC driver needs beside OpenSSL.
_LIBRARIES = ("libltdl.so.7", "libkrb5.so.3", "libgssapi_krb5.so.2")
_TESTS = Path(__file__).parents[2]
_PASSWORD = "Str0ng_Passw0rd"


class Process:
    """The stand-in's process, which can be killed and started again on the same port."""

    def __init__(self, folder: Path | None, options: Sequence[str]) -> None:
        self._folder = folder
        self._options = options
        self.port = 0
        self._running: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start the server. Raises `RuntimeError` if it does not listen."""
        command = [sys.executable, "-m", "standins.tds", "--port", str(self.port)]
        command += ["--password", _PASSWORD, *self._options]
        if self._folder:
            command += ["--folder", str(self._folder)]
        self._running = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(_TESTS)},
        )
        line = self._running.stdout.readline() if self._running.stdout else ""
        if "," not in line:
            self.kill()
            raise RuntimeError("the stand-in for SQL Server did not start")
        self.port = int(line.rpartition(",")[2])

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        running, self._running = self._running, None
        if running:
            running.kill()
            running.wait()
            if running.stdout:
                running.stdout.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._running.pid if self._running else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TdsServer:
    """How to reach a SQL Server, real or not, and a database of its own for the test."""

    host: str
    port: int
    user: str
    password: str
    database: str
    encrypt: str = "yes"
    #: The stand-in's process; None for a real server.
    process: Process | None = None

    @property
    def real(self) -> bool:
        """Whether it is Microsoft's."""
        return self.process is None

    def kill(self) -> None:
        """Kill the stand-in's process."""
        if self.process:
            self.process.kill()

    def restart(self) -> None:
        """Start the killed stand-in again; only what it has in files is still there."""
        if self.process:
            self.process.start()

    def connection_string(self, **changed: str) -> str:
        """Return what the driver connects with; keywords can be given another value."""
        words = {
            "Server": f"{self.host},{self.port}",
            "Database": self.database,
            "UID": self.user,
            "PWD": self.password,
            "Encrypt": self.encrypt,
            "TrustServerCertificate": "yes",
            "PacketSize": "32767",
        } | changed
        return "".join(f"{k}={{{v.replace('}', '}}')}}};" for k, v in words.items() if v)

    def connect(self, *, autocommit: bool = True, **changed: str) -> mssql_python.Connection:
        """Return a connection of the driver."""
        return mssql_python.connect(self.connection_string(**changed), autocommit=autocommit)

    def execute(self, statement: str) -> None:
        """Run a statement as the administrator."""
        connection = self.connect()
        connection.cursor().execute(statement)
        connection.close()

    def drop_tables(self, schema: str) -> None:
        """Drop the tables of a schema."""
        connection = self.connect()
        cursor = connection.cursor()
        place = schema.replace("'", "''")
        cursor.execute(f"SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID(N'{place}')")
        names = [name.replace("]", "]]") for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP TABLE [{schema}].[{name}]")
        connection.close()

    def fault(
        self,
        pattern: str,
        action: str,
        nth: int = 1,
        argument: float = 0,
        *,
        place: str = "statement",
    ) -> None:
        """Let the stand-in fail at the n-th matching place: see `standins.tds.faults.Fault`."""
        escaped = pattern.replace("'", "''")
        words = f"N'{escaped}', N'{action}', {nth}, {argument}, N'{place}'"
        self.execute(f"EXEC sp_fault {words}")

    def new_database(self) -> "TdsServer":
        """Return the server with a fresh database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        connection = self.connect(Database="master")
        connection.cursor().execute(f"CREATE DATABASE [{name}]")
        connection.close()
        return replace(self, database=name)

    def drop_database(self) -> None:
        """Drop the test's database, whoever is in it."""
        connection = self.connect(Database="master")
        cursor = connection.cursor()
        cursor.execute(f"ALTER DATABASE [{self.database}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
        cursor.execute(f"DROP DATABASE [{self.database}]")
        connection.close()


def choose_provider() -> None:
    """Take the driver that this machine has the libraries for; call before the first connection.

    The Rust driver needs nothing but OpenSSL.
    """
    if not all(map(_loads, _LIBRARIES)):
        os.environ.setdefault("MSSQL_PYTHON_NATIVE_PROVIDER", "mssql-odbc")
    # A pooled connection keeps its session after it was closed, and with it session locks.
    mssql_python.pooling(enabled=False)


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def running_tds(folder: Path | None = None, *options: str) -> Iterator[TdsServer]:
    """Run the stand-in in a process of its own, or yield the real server; with a new database.

    With a folder its databases outlive the process, so that it can be killed and started again.
    """
    choose_provider()
    given = os.environ.get(_VARIABLE)
    if given:
        server = _real(given).new_database()
        try:
            yield server
        finally:
            server.drop_database()
        return
    process = Process(folder, options)
    try:
        yield TdsServer(
            host="127.0.0.1",
            port=process.port,
            user="sa",
            password=_PASSWORD,
            database="master",
            encrypt="no" if "off" in options else "yes",
            process=process,
        ).new_database()
    finally:
        process.kill()


def _real(text: str) -> TdsServer:
    """Read a connection string such as the driver takes."""
    words = {
        key.strip().lower(): value.strip().strip("{}")
        for key, _, value in (part.partition("=") for part in text.split(";"))
        if key.strip()
    }
    host, _, port = words.get("server", "127.0.0.1").partition(",")
    return TdsServer(
        host=host.removeprefix("tcp:"),
        port=int(port or words.get("port", "1433")),
        user=words.get("uid", words.get("user", "sa")),
        password=words.get("pwd", words.get("password", "")),
        database="master",
    )
