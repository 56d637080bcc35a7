"""A session's transaction over DuckDB's: statements that are all or nothing, savepoints, locks.

DuckDB ends a transaction at its first error and has no savepoints. So the writes of a transaction
are remembered, and going back means: roll back, then run the remembered writes again.
"""

import contextlib
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from standins.tds.catalog import Table
from standins.tds.engine import Engine
from standins.tds.errors import Cancelled, ServerError
from standins.tds.locks import Deadlock, LockTimeout, Mode, Scope
from standins.tds.native import deadlock, translate

READ_COMMITTED = "READ COMMITTED"
_KEEPS_SNAPSHOT = frozenset({"SNAPSHOT"})
_KEEPS_READS = frozenset({"REPEATABLE READ", "SERIALIZABLE"})
_TRACE_LIMIT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    sql: str
    parameters: Mapping[str, Any] | None
    arrow: Mapping[str, pa.Table]


class Transaction:
    """The transaction of one session; ``count`` is @@TRANCOUNT."""

    def __init__(self, engine: Engine, process: int, cancelled: threading.Event) -> None:
        self.cancelled = cancelled
        self.connection = engine.cursor()
        self._engine = engine
        self._process = process
        self.reset()

    def reset(self) -> None:
        """Start as a new session does; what was open must have ended."""
        self.count = 0
        self.doomed = False
        self.isolation = READ_COMMITTED
        #: Seconds; None waits.
        self.lock_timeout: float | None = None
        self._began = False
        self._snapshot = 0
        self._log: list[_Write] = []
        self._saves: list[tuple[str, int]] = []
        self._touched: set[str] = set()
        self._redefined: set[str] = set()
        self._redefining = False
        #: A number that is new after every change of definitions; 0 while there is none.
        self._own_definitions = 0
        #: The same for each table whose definition was changed.
        self._own: dict[str, int] = {}
        #: Grows when DuckDB's transaction is rolled back.
        self.rollbacks = 0

    @property
    def definitions(self) -> tuple[int, int] | None:
        """What all definitions are, as this transaction sees them; None while they change."""
        if self._redefining or self.isolation in _KEEPS_SNAPSHOT:
            return None
        return self._engine.versions.definitions, self._own_definitions

    def definition(self, resource: str) -> tuple[int, int] | None:
        """Which definition of a table this transaction sees; None while that changes."""
        if self.definitions is None:
            return None
        return self._engine.versions.defined(resource), self._own.get(resource, 0)

    @property
    def under_way(self) -> bool:
        """Whether DuckDB has a transaction of ours."""
        return self._began

    # Statements

    def run(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        write: bool = False,
        arrow: Mapping[str, pa.Table] | None = None,
        table: Table | None = None,
        ddl: bool = False,
    ) -> duckdb.DuckDBPyConnection:
        """Run one DuckDB statement; a ``write`` in a transaction is remembered.

        ``table`` is the one written to, for the error's text. Raises `ServerError`, `Cancelled`.
        """
        used = {
            name: value
            for name, value in (parameters or {}).items()
            if re.search(rf"\${name}\b", sql)
        }
        if self._engine.trace:
            self._engine.trace(f"[{self._process}] {sql[:_TRACE_LIMIT]} {used or ''}")
        try:
            for name, rows in (arrow or {}).items():
                self.register(name, rows)
            answer = self.connection.execute(sql, used) if used else self.connection.execute(sql)
        except (duckdb.Error, RuntimeError) as error:
            raise self.failure(error, table, ddl=ddl) from None
        if write and self._began:
            self._log.append(_Write(sql=sql, parameters=used or None, arrow=arrow or {}))
        return answer

    def register(self, name: str, rows: pa.Table) -> None:
        """Let DuckDB read an Arrow table under a name."""
        # Of the statement before, a count may not have been read to its end.
        self.connection.complete()
        self.connection.register(name, rows)

    def failure(
        self, error: Exception, table: Table | None = None, *, ddl: bool = False
    ) -> ServerError:
        """Return the error of the server for one of DuckDB. Raises `Cancelled` if it was that."""
        if self.cancelled.is_set() or isinstance(error, duckdb.InterruptException):
            raise Cancelled from None
        failure = translate(error, table, ddl=ddl)
        if failure.number == deadlock(0).number:
            if self.isolation in _KEEPS_SNAPSHOT:
                return ServerError(
                    3960, "Snapshot isolation transaction aborted due to update conflict."
                )
            return deadlock(self._process)
        return failure

    def read(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return rows for the server's own use, as the transaction sees them."""
        if self.count:
            self._begin()
        try:
            return self.run(sql, parameters).fetchall()
        except ServerError:
            if self._began:
                self._restore(len(self._log))
            raise

    @contextlib.contextmanager
    def atomic(
        self,
        *,
        reads: Sequence[Table] = (),
        writes: Sequence[Table] = (),
        changes: Sequence[Table] = (),
    ) -> Iterator[None]:
        """One T-SQL statement: all or nothing, in or out of a transaction.

        ``changes`` are tables whose definition changes.
        """
        changing = bool(writes or changes)
        if self.doomed and changing:
            raise doomed()
        own = not self.count
        if changing:
            self._demand_writable([*writes, *changes])
        try:
            self._lock(reads, writes, changes)
            if own and not changing:
                yield
                return
            self._refresh([*reads, *writes, *changes])
            self._redefining = bool(changes)
            with self._guarded(own=own):
                yield
        finally:
            self._redefining = False
            if changes:
                self._redefine(t.resource for t in changes)
            if own:
                self._end()

    @contextlib.contextmanager
    def _guarded(self, *, own: bool) -> Iterator[None]:
        done = len(self._log)
        self._begin()
        try:
            yield
            if own:
                self._commit()
        except (ServerError, Cancelled) as error:
            if own or (isinstance(error, ServerError) and error.number == deadlock(0).number):
                self._rollback()
            else:
                self._restore(done)
            raise

    def lock(
        self,
        resource: str,
        mode: Mode,
        *,
        scope: Scope = "transaction",
        wait: float | None = None,
    ) -> bool:
        """Take a lock; return whether it had to be waited for."""
        return self._engine.locks.acquire(self, resource, mode, scope=scope, wait=wait)

    def _lock(
        self, reads: Sequence[Table], writes: Sequence[Table], changes: Sequence[Table]
    ) -> None:
        keeps = bool(self.count) and self.isolation in _KEEPS_READS
        wanted: list[tuple[Table, Mode]] = [(t, "shared" if keeps else "stable") for t in reads]
        wanted += [(t, "update") for t in writes]
        wanted += [(t, "exclusive") for t in changes]
        try:
            for table, mode in wanted:
                if not table.is_temporary:
                    self.lock(table.resource, mode, wait=self.lock_timeout)
        except LockTimeout:
            raise ServerError(1222, "Lock request time out period exceeded.") from None
        except Deadlock:
            raise deadlock(self._process) from None
        self._touched |= {t.resource for t in (*writes, *changes)}
        self._redefined |= {t.resource for t in changes}

    def wait_until_stable(self, resource: str) -> None:
        """Wait while another session changes the definition of a table. Raises 1205, 1222."""
        try:
            self.lock(resource, "stable", wait=self.lock_timeout)
        except LockTimeout:
            raise ServerError(1222, "Lock request time out period exceeded.") from None
        except Deadlock:
            raise deadlock(self._process) from None

    def hold(self, tables: Sequence[Table]) -> None:
        """Lock tables against other writers to the transaction's end (UPDLOCK)."""
        if self.count:
            self._lock((), tables, ())
            self._refresh(tables)

    def _demand_writable(self, tables: Sequence[Table]) -> None:
        for table in tables:
            database = self._engine.database(table.database)
            if database is None:
                continue
            if database.read_only:
                raise ServerError(
                    3906, f'Failed to update database "{database.name}" because the database is '
                    "read-only."
                )  # fmt: skip
            if database.full == "log":
                raise ServerError(
                    9002, f"The transaction log for database '{database.name}' is full due to "
                    "'LOG_BACKUP'."
                )  # fmt: skip
            if database.full:
                raise ServerError(
                    1105, f"Could not allocate space for object '{table.shown_name}' in database "
                    f"'{database.name}' because the 'PRIMARY' filegroup is full. Create disk space "
                    "by deleting unneeded files, dropping objects in the filegroup, adding "
                    "additional files to the filegroup, or setting autogrowth on for existing "
                    "files in the filegroup."
                )  # fmt: skip

    def refresh_catalog(self) -> bool:
        """See what others have committed, if anything; return whether there was something."""
        if not self._began or self.isolation in _KEEPS_SNAPSHOT:
            return False
        if self._engine.versions.now <= self._snapshot:
            return False
        self._restore(len(self._log))
        return True

    def _refresh(self, tables: Sequence[Table]) -> None:
        """READ COMMITTED sees what others committed before the statement, so renew the snapshot."""
        if not self._began or self.isolation in _KEEPS_SNAPSHOT:
            return
        newest = self._engine.versions.newest([t.resource for t in tables])
        if not self._log or newest > self._snapshot:
            self._restore(len(self._log))

    # Transactions

    def begin(self) -> bool:
        """BEGIN TRAN; return whether a transaction began (and not just the count grew)."""
        self.count += 1
        return self.count == 1

    def commit(self) -> bool:
        """COMMIT; return whether the transaction ended. Raises 3902, 3930."""
        if not self.count:
            raise ServerError(
                3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION."
            )
        if self.doomed:
            raise doomed()
        if self.count > 1:
            self.count -= 1
            return False
        try:
            self._commit()
        finally:
            self._end()
        return True

    def rollback(self, name: str = "") -> bool:
        """ROLLBACK to a savepoint or of everything; return whether it ended. Raises 3903."""
        for at in range(len(self._saves) - 1, -1, -1):
            if name and self._saves[at][0].lower() == name.lower():
                if self.doomed:
                    raise doomed()
                self._restore(self._saves[at][1])
                del self._saves[at + 1 :]
                return False
        if not self.count:
            raise ServerError(
                3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION."
            )
        self.abandon()
        return True

    def save(self, name: str) -> None:
        """SAVE TRAN. Raises 628."""
        if not self.count:
            raise ServerError(
                628, "Cannot issue SAVE TRANSACTION when there is no active transaction."
            )
        self._saves.append((name, len(self._log)))

    def abandon(self) -> None:
        """Roll everything back, whatever the state."""
        self._rollback()
        self._end()

    def close(self) -> None:
        """Roll back, give back all locks and close."""
        self.abandon()
        self._engine.locks.release_all(self)
        self.connection.close()

    def _end(self) -> None:
        self.count = 0
        self.doomed = False
        self._saves.clear()
        self._log.clear()
        self._touched.clear()
        self._redefined.clear()
        self._own_definitions = 0
        self._own.clear()
        self._engine.locks.release_all(self, "transaction")

    # DuckDB

    def _begin(self) -> None:
        if not self._began:
            # Read first: a commit between the two is then seen as newer than the snapshot.
            self._snapshot = self._engine.versions.now
            self.connection.execute("BEGIN")
            self._began = True

    def _rollback(self) -> None:
        if self._began:
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
        self._began = False
        self._log.clear()
        self.rollbacks += 1
        if self._redefined:
            self._redefine(self._redefined)

    def _commit(self) -> None:
        if not self._began:
            return
        try:
            self.connection.execute("COMMIT")
        except duckdb.Error as error:
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")
            raise self.failure(error) from None
        finally:
            self._began = False
            self._log.clear()
        if self._touched:
            self._engine.versions.changed(self._touched, self._redefined)

    def _redefine(self, resources: Iterable[str]) -> None:
        self._own_definitions = self._engine.next_id()
        self._own.update(dict.fromkeys(resources, self._own_definitions))

    def _restore(self, count: int) -> None:
        """Go back to the first ``count`` writes of the transaction, over a new snapshot."""
        kept = self._log[:count]
        self._rollback()
        self._begin()
        try:
            for write in kept:
                self.run(write.sql, write.parameters, write=True, arrow=write.arrow)
        except ServerError as error:
            raise deadlock(self._process) from error


def doomed() -> ServerError:
    """Return the error of a write in a transaction that can only be rolled back."""
    return ServerError(
        3930, "The current transaction cannot be committed and cannot support operations that "
        "write to the log file. Roll back the transaction."
    )  # fmt: skip
