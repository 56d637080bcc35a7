"""The state of a session, and what it knows of the catalog."""

import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar

from standins.tds import tokens
from standins.tds.answer import Answer
from standins.tds.catalog import Table, load
from standins.tds.engine import Engine
from standins.tds.errors import ServerError
from standins.tds.lexer import Token, quote
from standins.tds.native import invalid_object
from standins.tds.permissions import Login, User, visible
from standins.tds.sqltypes import SqlType
from standins.tds.transaction import Transaction

_Answer = TypeVar("_Answer")
SYSTEM_SCHEMAS = ("sys", "INFORMATION_SCHEMA")
_HIDDEN = ("main", "pg_catalog", "information_schema")
_load = lru_cache(maxsize=1024)(load)
_TABLES = "SELECT schema_name, table_name, comment FROM duckdb_tables() "
_VIEWS = "SELECT schema_name, view_name, comment FROM duckdb_views() "


@dataclass(slots=True)
class Variable:
    """A T-SQL variable: its type and its value as DuckDB takes it."""

    kind: SqlType
    value: Any = None


@dataclass(slots=True)
class Options:
    """What SET changes, back to its start when a pooled connection is reset."""

    xact_abort: bool = False
    nocount: bool = False
    implicit: bool = False
    fmtonly: bool = False
    #: object_id of the table whose identity column may be given values.
    identity_insert: int | None = None
    rowcount: int = 0
    identity: Any = None
    error: int = 0
    caught: ServerError | None = None
    #: How many TRY blocks are open.
    trying: int = 0
    bulk: Any = None
    variables: dict[str, Variable] = field(default_factory=dict)


StatementRunner = Callable[["Session", Sequence[Token]], None]


class Session:
    """A login's session: one request at a time."""

    def __init__(
        self,
        engine: Engine,
        answer: Answer,
        *,
        process: int,
        cancelled: threading.Event,
        statements: Mapping[str, StatementRunner],
        end: Callable[[], None],
    ) -> None:
        self.engine = engine
        self.answer = answer
        self.process = process
        self.cancelled = cancelled
        #: How statements run, by their first word.
        self.statements = statements
        #: Breaks the connection.
        self.end = end
        self.transaction = Transaction(engine, process, cancelled)
        self.options = Options()
        self.database = "master"
        self.login = Login(name="", password="")
        self.prepared: dict[int, tuple[str, str]] = {}
        #: The system views that are there, and of which version of the definitions.
        self.views: dict[str, object] = {}
        self._transaction_id = bytes(8)

    @property
    def user(self) -> User | None:
        """The user in the current database; None may do everything."""
        return self.login.user(self.database.lower())

    def user_of(self, table: Table) -> User | None:
        """Return the user in the database of a table."""
        return self.login.user(table.database.lower())

    def reset(self) -> None:
        """Become as new, for the next user of a pooled connection."""
        self.transaction.abandon()
        self.engine.locks.release_all(self.transaction)
        self.transaction.reset()
        self.options = Options()
        self.prepared.clear()
        temporary = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE '#%'"
        for (name,) in self.transaction.read(temporary):
            self.transaction.run(f"DROP TABLE temp.main.{quote(name)}")

    def variable(self, name: str) -> Variable:
        """Return a variable without its @. Raises 137."""
        found = self.options.variables.get(name.lower())
        if found is None:
            raise ServerError(137, f'Must declare the scalar variable "@{name}".')
        return found

    def affected(self, count: int, command: int) -> None:
        """Report how many rows a statement changed."""
        self.options.rowcount = count
        self.answer.done(None if self.options.nocount else count, command=command)

    def use(self, name: str) -> None:
        """Change the database. Raises 911, 916."""
        database = self.engine.database(name)
        if database is None:
            raise ServerError(
                911, f"Database '{name}' does not exist. Make sure that the name is entered "
                "correctly."
            )  # fmt: skip
        if not self.login.may_open(name.lower()):
            raise ServerError(
                916, f'The server principal "{self.login.name}" is not able to access the database '
                f'"{name}" under the current security context.'
            )  # fmt: skip
        self.transaction.connection.execute(f"USE {quote(database.name)}.dbo")
        before, self.database = self.database, database.name
        self.engine.used[self] = database.name
        new, old = tokens.short_text(database.name), tokens.short_text(before)
        self.answer.add(tokens.environment(tokens.DATABASE, new, old))
        self.answer.inform(f"Changed database context to '{database.name}'.", 5701, 0, 2)

    # Transactions that the client is told of

    def begin(self) -> None:
        """BEGIN TRAN."""
        if self.transaction.begin():
            self._transaction_id = struct.pack("<Q", self.engine.next_id())
            self.answer.add(tokens.environment(tokens.BEGAN, b"\x08" + self._transaction_id))

    def commit(self) -> None:
        """COMMIT."""
        count = self.transaction.count
        try:
            ended = self.transaction.commit()
        except ServerError:
            if count and not self.transaction.count:
                self._tell(tokens.ROLLED_BACK)
            raise
        if ended:
            self._tell(tokens.COMMITTED)

    def rollback(self, name: str = "") -> None:
        """ROLLBACK."""
        if self.transaction.rollback(name):
            self._tell(tokens.ROLLED_BACK)

    def _tell(self, kind: int) -> None:
        self.answer.add(tokens.environment(kind, b"\0", b"\x08" + self._transaction_id))

    # Catalog

    def place(self, parts: Sequence[str]) -> tuple[str, str, str]:
        """Return database, schema and name of an object as DuckDB has them."""
        name = parts[-1]
        if name.startswith("#"):
            return "temp", "main", name
        schema = parts[-2] if len(parts) > 1 and parts[-2] else "dbo"
        if len(parts) > 2 and parts[-3]:
            database = self.engine.database(parts[-3])
            return database.name if database else parts[-3], schema, name
        return self.database, schema, name

    def find(self, parts: Sequence[str]) -> Table | None:
        """Return a table or view by its name, None if there is none."""
        database, schema, name = self.place(parts)
        if database == "temp":
            return self._find(database, schema, name)
        resource = f"{database}.{schema}.{name}".lower()
        self.transaction.wait_until_stable(resource)
        return self._remembered(
            resource,
            lambda: self._find(database, schema, name),
            lambda: self.transaction.definition(resource),
        )

    def _remembered(
        self,
        key: object,
        make: Callable[[], _Answer],
        versioned: Callable[[], tuple[int, int] | None] | None = None,
    ) -> _Answer:
        """Ask DuckDB only if definitions have changed since it was asked before."""
        versioned = versioned or (lambda: self.transaction.definitions)
        version = versioned()
        if version is None:
            return make()
        known = self.engine.definitions.find((version, key))
        if known is None:
            self.transaction.refresh_catalog()
            known = (make(),)
            # A change that was committed meanwhile makes the answer a later version's.
            if version == versioned():
                self.engine.definitions.keep((version, key), known)
        answer: _Answer = known[0]
        return answer

    def _find(self, database: str, schema: str, name: str) -> Table | None:
        wanted = (
            "WHERE database_name = $d AND lower(schema_name) = lower($s) AND comment IS NOT NULL "
        )
        rows = self.transaction.read(
            f"{_TABLES} {wanted} AND lower(table_name) = lower($t) UNION ALL "
            f"{_VIEWS} {wanted} AND lower(view_name) = lower($t)",
            {"d": database, "s": schema, "t": name},
        )
        return _load(database, *rows[0]) if rows else None

    def need(self, parts: Sequence[str]) -> Table:
        """Return a table or view by its name. Raises 208."""
        table = self.find(parts)
        if table is None:
            raise invalid_object(".".join(p for p in parts if p))
        return table

    def tables(self, database: str | None = None) -> list[Table]:
        """Return the tables and views of a database that the user may see."""
        name = database or self.database
        user = self.login.user(name.lower())
        found = self._remembered((name, "tables"), lambda: self._tables(name))
        return [t for t in found if visible(user, t)]

    def _tables(self, database: str) -> list[Table]:
        wanted = "WHERE database_name = $d AND comment IS NOT NULL"
        rows = self.transaction.read(
            f"{_TABLES} {wanted} UNION ALL {_VIEWS} {wanted}", {"d": database}
        )
        return sorted((_load(database, *row) for row in rows), key=lambda t: t.object_id)

    def schemas(self, database: str | None = None) -> list[str]:
        """Return the names of a database's schemas."""
        name = database or self.database
        return self._remembered((name, "schemas"), lambda: self._schemas(name))

    def _schemas(self, database: str) -> list[str]:
        rows = self.transaction.read(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = $d ORDER BY oid",
            {"d": database},
        )
        names = [name for (name,) in rows if name not in _HIDDEN]
        return [*names, *SYSTEM_SCHEMAS]
