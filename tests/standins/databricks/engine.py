"""What a stand-in asks of the database behind it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | None


class SqlError(Exception):
    """A statement failed, in the words of Databricks: ``[CONDITION] text. SQLSTATE: 12345``."""

    @property
    def state(self) -> str:
        """The SQLSTATE at the end of the message."""
        _, found, state = str(self).rpartition("SQLSTATE: ")
        return state[:5] if found else "HY000"

    def echoing(self, statement: str) -> "SqlError":
        """Return the error as it arrives: who cannot read a statement repeats all of it."""
        if not str(self).startswith("[PARSE_") or "== SQL" in str(self):
            return self
        return SqlError(f"{self} (line 1, pos 0)\n\n== SQL ==\n{statement}\n^^^")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """A COPY INTO, its files already chosen."""

    target: str
    #: Files on this machine, and what COPY INTO remembers each by.
    files: Mapping[str, str]
    format: str
    #: The select list; '': all columns.
    chosen: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of a table, as information_schema has it."""

    name: str
    type: str
    nullable: bool
    comment: str | None = None


class Catalog(Protocol):
    """What tables there are."""

    def schemas(self) -> list[str]:
        """Return the names of the schemas."""
        ...

    def tables(self, schema: str) -> list[str]:
        """Return the names of a schema's tables."""
        ...

    def fields(self, schema: str, table: str) -> list[Field]:
        """Return a table's columns."""
        ...


class Session(Catalog, Protocol):
    """One connection."""

    def run(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Run a statement; changes answer with their counts. Raises `SqlError`."""
        ...

    def copy(self, copying: Copying) -> int:
        """Load the files that this table has not loaded before; return the rows."""
        ...

    def atomic(self, statements: Sequence[str]) -> pa.Table:
        """Run all of the statements or none; return the last one's rows."""
        ...

    def close(self) -> None:
        """End the session."""
        ...


class Engine(Protocol):
    """The database."""

    def session(self, schema: str = "") -> Session:
        """Open a session."""
        ...

    def stop(self) -> None:
        """End everything."""
        ...


def counts(**rows: int) -> pa.Table:
    """Return what a change answers with: affected rows, and how."""
    return pa.table({name: pa.array([count], pa.int64()) for name, count in rows.items()})
