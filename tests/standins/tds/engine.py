"""What all sessions share: DuckDB, databases, logins, locks, faults and parsed statements."""

import itertools
import json
import threading
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb

from standins.tds.errors import ServerError
from standins.tds.faults import Faults
from standins.tds.lexer import literal, quote
from standins.tds.locks import Locks
from standins.tds.permissions import Login
from standins.tds.versions import Versions

_CACHE_LIMIT = 2000
_Value = TypeVar("_Value")
_SYSTEM = ("master", "tempdb")


class Occupant(Protocol):
    """A session, as far as others may end it."""

    @property
    def process(self) -> int:
        """Its number."""
        ...

    def end(self) -> None:
        """Break its connection."""
        ...


class Cache:
    """Remembers what is costly to make again, up to a limit."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """Return what was made for the key, making it the first time."""
        found: _Value | None = self._kept.get(key)
        if found is None:
            if len(self._kept) > _CACHE_LIMIT:
                self._kept.clear()
            found = self._kept[key] = make()
        return found

    def find(self, key: Hashable) -> Any:
        """Return what is kept for the key, or None."""
        return self._kept.get(key)

    def keep(self, key: Hashable, value: object) -> None:
        """Keep a value."""
        if len(self._kept) > _CACHE_LIMIT:
            self._kept.clear()
        self._kept[key] = value

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()


@dataclass(slots=True)
class Database:
    """A database and the state that refuses writes."""

    name: str
    read_only: bool = False
    #: "", "log" (9002) or "data" (1105).
    full: str = ""
    snapshot_allowed: bool = False
    identities: dict[int, int] = field(default_factory=dict)


class Engine:
    """One DuckDB instance with a database attached for every SQL Server database."""

    def __init__(
        self,
        *,
        logins: dict[str, str],
        folder: Path | None = None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        self.trace = trace
        self.locks = Locks()
        self.versions = Versions()
        self.faults = Faults()
        self.parsed = Cache()
        self.batches = Cache()
        self.plans = Cache()
        self.definitions = Cache()
        self.databases: dict[str, Database] = {}
        self.logins = {
            name.lower(): Login(name=name, password=password, administrator=True)
            for name, password in logins.items()
        }
        #: Whether there is a foreign key anywhere: looking for them costs every statement.
        self.foreign_keys = False
        #: The databases that sessions are in.
        self.used: dict[Occupant, str] = {}
        self._folder = folder
        self._lock = threading.Lock()
        # Statements are small: more threads would only wait for each other.
        self._root = duckdb.connect(":memory:", config={"threads": 1})
        self._ids = itertools.count(1000)
        self._load()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection for a session."""
        connection = self._root.cursor()
        for setting in (
            "TimeZone='UTC'",
            "python_enable_replacements=false",
            "integer_division=true",
            "preserve_insertion_order=true",
        ):
            connection.execute(f"SET {setting}")
        return connection

    def next_id(self) -> int:
        """Return a number that was not given before."""
        with self._lock:
            return next(self._ids)

    def database(self, name: str | None) -> Database | None:
        """Return a database by its name, whatever the case."""
        return self.databases.get((name or "").lower())

    def create_database(self, name: str) -> None:
        """Create a database. Raises 1801."""
        with self._lock:
            if self.database(name):
                raise ServerError(
                    1801, f"Database '{name}' already exists. Choose a different database name."
                )
            self._attach(name)

    def drop_database(self, name: str) -> None:
        """Drop a database that exists and is not in use."""
        with self._lock:
            real = self.databases.pop(name.lower())
            self.definitions.clear()
            self._root.cursor().execute(f"DETACH {quote(real.name)}")
            if self._folder:
                for suffix in ("duckdb", "duckdb.wal"):
                    (self._folder / f"{real.name}.{suffix}").unlink(missing_ok=True)

    def in_use(self, name: str) -> bool:
        """Tell whether a session is in a database."""
        return name in self.used.values()

    def save(self) -> None:
        """Write down logins and the states of databases, if the server keeps files."""
        if self._folder:
            content = {
                "logins": [asdict(login) for login in self.logins.values()],
                "databases": [
                    {"name": d.name, "read_only": d.read_only} for d in self.databases.values()
                ],
            }
            (self._folder / "server.json").write_text(json.dumps(content))

    def close(self) -> None:
        """Close DuckDB."""
        self._root.close()

    def _load(self) -> None:
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(self._folder.glob("*.duckdb")):
                self._attach(path.stem)
            saved = self._folder / "server.json"
            if saved.exists():
                self._restore(json.loads(saved.read_text()))
        for name in _SYSTEM:
            if not self.database(name):
                self._attach(name)

    def _restore(self, content: dict[str, Any]) -> None:
        for login in content["logins"]:
            self.logins.setdefault(login["name"].lower(), Login.load(login))
        for saved in content["databases"]:
            if database := self.database(saved["name"]):
                database.read_only = saved["read_only"]

    def _attach(self, name: str) -> None:
        path = str(self._folder / f"{name}.duckdb") if self._folder else ":memory:"
        connection = self._root.cursor()
        connection.execute(f"ATTACH {literal(path)} AS {quote(name)}")
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}.dbo")
        taken = connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE database_name = ?", [name]
        ).fetchall()
        known = [json.loads(text) for (text,) in taken if text]
        used = [table["object_id"] for table in known]
        self.foreign_keys = self.foreign_keys or any(t["foreign_keys"] for t in known)
        self._ids = itertools.count(max([next(self._ids) - 1, *used]) + 1)
        self.databases[name.lower()] = Database(name=name)
