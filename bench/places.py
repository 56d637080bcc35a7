"""Database servers that copies go to: started for the benchmark, or the real one that is named."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote

import psutil

from standins import postgres
from standins.tds.fixture import running_tds

SCHEMA = "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database of its own on a server."""

    name: str
    #: Its connection in a project file.
    connection: str
    #: For scripts: an URL, or the driver's connection string.
    address: str
    #: The server's process, whose work counts; None where it stands in for another program.
    pid: int | None = None
    #: Microsoft's server, not the stand-in.
    real: bool = True

    def processor(self) -> float:
        """Return user and system seconds of the server so far, ended sessions included."""
        if self.pid is None:
            return 0.0
        server = psutil.Process(self.pid)
        total = float(sum(server.cpu_times()[:4]))
        for child in server.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                total += float(sum(child.cpu_times()[:2]))
        return total


@contextmanager
def postgres_place() -> Iterator[Place]:
    """Start a PostgreSQL server."""
    server = postgres.Server()
    try:
        server.make()
        server.start()
        user = f"{quote(postgres.USER)}:{quote(postgres.PASSWORD, safe='')}"
        address = f"postgresql://{user}@127.0.0.1:{server.port}/{postgres.DATABASE}"
        connection = f'{{type: postgres, properties: {{URL: "{address}", Schema: {SCHEMA}}}}}'
        yield Place(name="postgres", connection=connection, address=address, pid=server.pid)
    finally:
        server.remove()


@contextmanager
def sqlserver_place() -> Iterator[Place]:
    """Start the stand-in for SQL Server in a process of its own, or take the real server."""
    with running_tds() as server:
        # Its own work would say nothing about SQL Server's.
        connection = (
            f'{{type: sqlserver, properties: {{Server: "{server.host},{server.port}", '
            f'Database: {server.database}, User: "{server.user}", Password: "{server.password}", '
            f"TrustServerCertificate: true, Schema: {SCHEMA}}}}}"
        )
        address = server.connection_string()
        yield Place(name="sqlserver", connection=connection, address=address, real=server.real)


PLACES: dict[str, Callable[[], AbstractContextManager[Place]]] = {
    "postgres": postgres_place,
    "sqlserver": sqlserver_place,
}
