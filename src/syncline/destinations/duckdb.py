"""DuckDB as a destination: a database file, held by one process at a time."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from sqlglot import exp

from syncline.errors import (
    DestinationBusy,
    DestinationFull,
    DestinationRefused,
    RecordRefused,
    StaleGeneration,
    SynclineError,
)
from syncline.model.attached import Attached, with_attached
from syncline.model.ports import Traits
from syncline.model.table import field_of

_Answer = TypeVar("_Answer")

#: A transaction of another task of this process may touch the catalog at the same moment.
_CONFLICTS = 20
_CONFLICT_WAIT = 0.05
_CONFLICTING = ("conflict", "another transaction")
#: The one table with a key that is ours; a generation that is not the next one violates it.
_LEDGER = "_syncline_checkpoints"
_CONSTRAINTS = """
    SELECT schema_name, table_name, constraint_type, constraint_name, constraint_column_names,
           referenced_table, referenced_column_names
    FROM duckdb_constraints()
    WHERE database_name = current_database() AND lower(schema_name) = $1
    AND constraint_type <> 'NOT NULL'
    AND (lower(table_name) = $2 OR lower(referenced_table) = $2)"""
_INDEXES = """
    SELECT index_name AS name, is_unique FROM duckdb_indexes()
    WHERE database_name = current_database() AND lower(schema_name) = $1
    AND lower(table_name) = $2"""
_COMMENTS = """
    SELECT '' AS name FROM duckdb_tables() WHERE comment IS NOT NULL
    AND database_name = current_database() AND lower(schema_name) = $1 AND lower(table_name) = $2
    UNION ALL
    SELECT column_name FROM duckdb_columns() WHERE comment IS NOT NULL
    AND database_name = current_database() AND lower(schema_name) = $3
    AND lower(table_name) = $4"""
#: How systems say that a file cannot grow: no space, a quota, a limit of the process.
_FULL = ("no space left", "disk full", "quota exceeded", "file too large")


class DuckDB:
    """Implements `syncline.model.ports.Destination` over one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, traits: Traits) -> None:
        self.traits = traits
        self._connection = connection
        self._lock = asyncio.Lock()

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Return the table's schema, or None if there is no such table."""
        try:
            return await self._call(lambda: self._described(table, attached=attached))
        except duckdb.CatalogException:
            return None
        except duckdb.Error as error:
            raise _translated(error) from error

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Return a query's rows."""
        try:
            return await self._call(lambda: self._rows(query))
        except duckdb.Error as error:
            raise _translated(error) from error

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Append rows to a staging table by column name."""
        name = table.sql(dialect="duckdb")

        def append() -> None:
            self._connection.register("_syncline_batch", records)
            try:
                self._connection.execute(f"INSERT INTO {name} BY NAME FROM _syncline_batch")
            finally:
                self._connection.unregister("_syncline_batch")

        try:
            await self._call(append)
        except duckdb.Error as error:
            raise _translated(error) from error

    async def execute(
        self,
        statements: Sequence[exp.Expression],
        *,
        lock: str | None = None,  # noqa: ARG002 (a file has one process, and it sees conflicts)
    ) -> Sequence[int]:
        """Run statements in one transaction; return the rows that each changed."""
        rendered = [(s, s.sql(dialect="duckdb")) for s in statements]

        def run() -> list[int]:
            self._connection.begin()
            try:
                changed = []
                for statement, sql in rendered:
                    result = self._ran(statement, sql)
                    counts = isinstance(statement, exp.Insert | exp.Update | exp.Delete)
                    row = result.fetchone() if counts else None
                    changed.append(int(row[0]) if row else 0)
                self._connection.commit()
            except BaseException:
                _roll_back(self._connection)
                raise
            return changed

        for _ in range(_CONFLICTS):
            try:
                return await self._call(run)
            except duckdb.TransactionException as error:
                if not any(word in str(error).lower() for word in _CONFLICTING):
                    raise _translated(error) from error
                conflict = error
                await asyncio.sleep(_CONFLICT_WAIT)
            except duckdb.Error as error:
                raise _translated(error) from error
        raise DestinationBusy(f"DuckDB: {conflict}") from conflict

    async def aclose(self) -> None:
        """Close the connection."""
        async with self._lock:
            await asyncio.to_thread(self._connection.close)

    def _ran(self, statement: exp.Expression, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql)
        except duckdb.ConstraintException as error:
            written = statement.find(exp.Table) if isinstance(statement, exp.Insert) else None
            if written is None or written.name != _LEDGER:
                raise
            # Only its statement tells the ledger's key from the user's own.
            raise StaleGeneration(
                "another run has committed this task since this one read its checkpoint; "
                "nothing of this commit was written",
                hint="let one run of a task go on at a time; run it again to see that it is "
                "complete",
            ) from error

    def _described(self, table: exp.Table, *, attached: bool) -> pa.Schema:
        schema = self._rows(exp.select("*").from_(table).limit(0)).schema
        name = table.sql(dialect="duckdb")
        # Both look at this table alone; the catalog's views would look at every column there is.
        facts = self._connection.execute(f"DESCRIBE {name}").fetchall()
        values = "SELECT name, dflt_value FROM pragma_table_info(?)"
        valued = dict(self._connection.execute(values, [name]).fetchall())
        known = {
            column: (null == "YES", "default" if value else "expression" if valued[column] else "")
            for column, _, null, _, value, _ in facts
        }
        fields = []
        for field in schema:
            nullable, made = known.get(field.name, (True, ""))
            metadata = {**(field.metadata or {}), **({b"made_by": made.encode()} if made else {})}
            fields.append(
                pa.field(field.name, field.type, nullable=nullable, metadata=metadata or None)
            )
        return with_attached(pa.schema(fields), self._attached(table) if attached else ())

    def _attached(self, table: exp.Table) -> Iterator[Attached]:
        """Yield what hangs on a table; views and macros find theirs by its name."""
        names = [table.db.lower(), table.name.lower()]
        for row in self._told(_CONSTRAINTS, names):
            kind = str(row["constraint_type"]).lower()
            mine = str(row["table_name"]).lower() == names[1]
            keyed = kind in {"primary key", "unique"}
            yield Attached(
                kind=kind if mine else "reference",
                name=row["constraint_name"] or "",
                columns=tuple(row["constraint_column_names"]) if mine else (),
                unique=mine and keyed,
                schema=row["schema_name"] if mine and kind == "foreign key" else "",
                table=(row["referenced_table"] or "") if mine else "",
                referenced=tuple(row["referenced_column_names"] or ()) if mine else (),
            )
        for row in self._told(_INDEXES, names):
            yield Attached(kind="unique index" if row["is_unique"] else "index", name=row["name"])
        for row in self._told(_COMMENTS, names * 2):
            yield Attached(kind="comment", name=row["name"])

    def _told(self, sql: str, values: Sequence[str]) -> list[dict[str, Any]]:
        relation = self._connection.sql(sql, params=list(values))
        return list(relation.to_arrow_table().to_pylist())

    def _rows(self, query: exp.Query) -> pa.Table:
        relation = self._connection.sql(query.sql(dialect="duckdb"))
        # Arrow would not tell JSON from other text.
        json = [n for n, t in zip(relation.columns, relation.types, strict=True) if t == "JSON"]
        rows = relation.to_arrow_table()
        fields = [field_of(f.name, f.type, json=True) if f.name in json else f for f in rows.schema]
        return rows.cast(pa.schema(fields)) if json else rows

    async def _call(self, work: Callable[[], _Answer]) -> _Answer:
        """Run work on a thread, never two at once; a cancelled call leaves nothing running."""
        async with self._lock:
            running = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                self._connection.interrupt()
                await asyncio.wait([running])
                if not running.cancelled():
                    running.exception()
                raise


def open_duckdb(
    database: str, *, schema: str = "main", memory_limit: str = "128MB", threads: int | None = None
) -> DuckDB:
    """Open (or make) a database file.

    Raises `DestinationBusy` if another process holds it, `DestinationRefused` if it cannot be
    one.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        # Rows have no order in a table; keeping one costs memory.
        "preserve_insertion_order": False,
    }
    if threads:
        config["threads"] = threads
    path = Path(database).expanduser()
    try:
        connection = duckdb.connect(str(path), config=config)
        connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        raise _not_opened(path, error) from error
    return DuckDB(
        connection,
        Traits(
            dialect="duckdb",
            schema=schema,
            max_identifier_length=255,
            case_sensitive=False,
            temporary_staging=True,
            rewrites=True,
            views_written=False,
        ),
    )


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.rollback()
    except duckdb.Error:
        # The error that brought us here is the one to show; the transaction is gone with it.
        return


def _not_opened(path: Path, error: duckdb.Error) -> SynclineError:
    reason = str(error)
    if "lock" in reason.lower():
        return DestinationBusy(
            f"another process holds {path}",
            hint="close the other program (a DuckDB file has one writer at a time), or read it "
            "there with 'duckdb -readonly'",
        )
    if not path.parent.is_dir():
        return DestinationRefused(
            f"cannot make {path}: there is no folder {path.parent}",
            hint=f"create it: mkdir -p {path.parent}",
        )
    if path.is_dir():
        return DestinationRefused(
            f"{path} is a folder, not a database file",
            hint="let Database be the path of a file, for example warehouse.duckdb",
        )
    return DestinationRefused(
        f"cannot open {path} as a DuckDB database: {_first_line(reason)}",
        hint="check that it is a DuckDB file, and that you may write to it and its folder",
    )


def _translated(error: duckdb.Error) -> SynclineError:
    reason = _first_line(str(error))
    if any(sign in reason.lower() for sign in _FULL):
        return DestinationFull(
            f"DuckDB cannot write: {reason}",
            hint="free some space and run again; what was committed is kept",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return DestinationFull(
            f"DuckDB needs more memory than it may use: {reason}",
            hint="raise the connection's MemoryLimit, for example MemoryLimit=1GB",
        )
    if isinstance(error, duckdb.IOException):
        return DestinationRefused(
            f"DuckDB cannot read or write its file: {reason}",
            hint="check that the file is whole, and the disk it is on",
        )
    if isinstance(error, duckdb.ConversionException | duckdb.ConstraintException):
        return RecordRefused(f"DuckDB refuses a row: {reason}")
    return DestinationRefused(f"DuckDB refuses a statement: {reason}")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
