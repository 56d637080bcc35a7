"""Starts the stand-in for tests, or takes the real server that SYNCLINE_TEST_SQLSERVER names."""

import contextlib
import ctypes.util
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mssql_python

_VARIABLE = "SYNCLINE_TEST_SQLSERVER"
_TESTS = Path(__file__).parents[2]
_PASSWORD = "Str0ng_Passw0rd"  # noqa: S105 (of a server that only this test sees)


@dataclass(frozen=True, slots=True, kw_only=True)
class TdsServer:
    """How to reach a SQL Server, real or not, and a database of its own for the test."""

    host: str
    port: int
    user: str
    password: str
    database: str
    #: The stand-in's process; None for a real server.
    process: subprocess.Popen[str] | None = None
    encrypt: str = "yes"

    @property
    def real(self) -> bool:
        """Whether it is Microsoft's."""
        return self.process is None

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

    def fault(self, pattern: str, action: str, nth: int = 1, argument: float = 0) -> None:
        """Let the stand-in fail at the n-th matching statement: see `standins.tds.faults`."""
        escaped = pattern.replace("'", "''")
        self.execute(f"EXEC sp_fault N'{escaped}', N'{action}', {nth}, {argument}")

    def new_database(self) -> "TdsServer":
        """Return the server with a fresh database."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        connection = self.connect(Database="master")
        connection.cursor().execute(f"CREATE DATABASE [{name}]")
        connection.close()
        return replace(self, database=name)

    def drop_database(self) -> None:
        """Drop the test's database."""
        connection = self.connect(Database="master")
        connection.cursor().execute(f"DROP DATABASE IF EXISTS [{self.database}]")
        connection.close()


def choose_provider() -> None:
    """Take the driver that this machine has the libraries for; call before the first connection.

    Microsoft's ODBC driver needs libltdl; the Rust one needs nothing but OpenSSL.
    """
    if ctypes.util.find_library("ltdl") is None:
        os.environ.setdefault("MSSQL_PYTHON_NATIVE_PROVIDER", "mssql-odbc")
    # A pooled connection keeps its session after it was closed, and with it session locks.
    mssql_python.pooling(enabled=False)


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
    process, port = start(folder, *options)
    try:
        encrypt = "no" if "off" in options else "yes"
        yield replace(_stand_in(process, port), encrypt=encrypt).new_database()
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def start(folder: Path | None, *options: str, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """Start the stand-in; return the process and its port."""
    command = [sys.executable, "-m", "standins.tds", "--port", str(port), *options]
    command += ["--password", _PASSWORD]
    if folder:
        command += ["--folder", str(folder)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(_TESTS)},
    )
    line = process.stdout.readline() if process.stdout else ""
    if "," not in line:
        process.kill()
        process.wait()
        raise RuntimeError("the stand-in for SQL Server did not start")
    return process, int(line.rpartition(",")[2])


def _stand_in(process: subprocess.Popen[str], port: int) -> TdsServer:
    return TdsServer(
        host="127.0.0.1",
        port=port,
        user="sa",
        password=_PASSWORD,
        database="master",
        process=process,
    )


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
