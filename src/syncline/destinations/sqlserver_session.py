"""One session of SQL Server: statements whose errors have numbers, transactions, bulk copies.

The driver's exceptions carry no error numbers, and errors after the first result of a batch are
silent until it is read to its end. So each statement runs inside TRY … CATCH, and tells its
number, message and rows in one last result. All of this blocks; `SQLServer` runs it on a thread.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.destinations.sqlserver_catalog import attached, attached_query
from syncline.destinations.sqlserver_connection import Settings, connect
from syncline.destinations.sqlserver_errors import FAILURES, DriverError, ServerError, raised
from syncline.destinations.sqlserver_rows import fit
from syncline.destinations.sqlserver_sql import quoted, table_name, text_literal
from syncline.destinations.sqlserver_types import Column, plain
from syncline.errors import Unavailable
from syncline.model.attached import Attached

#: Milliseconds between looks at whether a waiting call was given up.
_GLANCE = 1_000
_RESOURCE = 255
#: Triggers raise errors of the same number with words of their own.
_TRANSACTION_GONE = (50_000, "syncline: the transaction is gone")
#: Tables of such names are made by us alone.
_OURS = "_syncline"

_BEGIN = (
    "SET NOCOUNT ON; SET XACT_ABORT ON; DECLARE @number INT = 0, @message NVARCHAR(2048) = N'';\n"
    "BEGIN TRY\n{work}\nEND TRY\nBEGIN CATCH\n"
    "SELECT @number = ERROR_NUMBER(), @message = ERROR_MESSAGE();\n"
    "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;\n"
    "END CATCH\n"
    "SELECT @number AS [number], @message AS [message], {rows} AS [rows];"
)
_STATEMENT = "EXEC ({statement});\nSET @rows = @@ROWCOUNT;"
#: Without it, statements after a transaction was lost would each commit for themselves.
_WITHIN = "IF @@TRANCOUNT = 0 THROW 50000, N'syncline: the transaction is gone', 1;\n"
_LOCK = (
    "SET NOCOUNT ON; SET XACT_ABORT ON; DECLARE @result INT = 0;\n"
    "BEGIN TRANSACTION;\n"
    "EXEC @result = sp_getapplock @Resource = {resource}, @LockMode = N'Exclusive', "
    "@LockOwner = N'Transaction', @LockTimeout = {wait};\n"
    "IF @result < 0 AND @@TRANCOUNT > 0 ROLLBACK TRANSACTION;\n"
    "SELECT @result AS [number];"
)
_FETCH = (
    "SET NOCOUNT ON;\nBEGIN TRY\nEXEC ({query});\nEND TRY\nBEGIN CATCH\n"
    "SELECT ERROR_NUMBER() AS [_syncline_error], ERROR_MESSAGE() AS [_syncline_message];\n"
    "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;\n"
    "END CATCH"
)
_COLUMNS = (
    # Types of the CLR have no number of their own but that of the user's type.
    "SELECT c.name, COALESCE(TYPE_NAME(c.system_type_id), TYPE_NAME(c.user_type_id)) AS [type], "
    "CASE WHEN c.encryption_type IS NULL THEN 0 ELSE 1 END AS [encrypted], "
    "c.max_length, c.precision, c.scale, "
    "c.is_nullable, c.collation_name, CASE WHEN c.is_identity = 1 THEN N'identity' "
    # A rowversion, whose other name is timestamp, is the server's, as are periods of history.
    "WHEN c.is_computed = 1 OR c.generated_always_type <> 0 "
    "OR c.system_type_id = 189 THEN N'expression' "
    "WHEN c.default_object_id <> 0 THEN N'default' ELSE N'' END AS [made_by], "
    # What we may not alter cannot get an index from us: it counts as having one.
    "CASE WHEN HAS_PERMS_BY_NAME({table}, N'OBJECT', N'ALTER') = 0 THEN 0 "
    "ELSE k.index_id END AS [index], i.index_id AS [columnstore] FROM sys.columns AS c "
    "LEFT JOIN sys.index_columns AS k ON k.object_id = c.object_id "
    "AND k.column_id = c.column_id AND k.key_ordinal = 1 "
    # A clustered columnstore.
    "LEFT JOIN sys.indexes AS i ON i.object_id = c.object_id AND i.type = 5 "
    "WHERE c.object_id = OBJECT_ID({table}) ORDER BY c.column_id"
)


@dataclass(frozen=True, slots=True)
class _Outcome:
    number: int
    message: str
    rows: int


class Session:
    """A connection in autocommit mode; transactions are begun and ended in T-SQL.

    Methods raise `ServerError` where the server refused, with the transaction rolled back, and
    `DriverError` where the connection is of no more use.
    """

    def __init__(self, settings: Settings) -> None:
        self._connection = connect(settings)
        self._cursor = self._connection.cursor()
        #: A setting was changed that outlives transactions.
        self.is_changed = False
        self._known: dict[str, Mapping[str, Column]] = {}

    def begin(self, lock: str | None) -> bool:
        """Begin a transaction; with ``lock``, wait a second for it and say whether it is ours."""
        if lock is None:
            self._run("BEGIN TRANSACTION;", rows=False)
            return True
        resource = text_literal(_resource(lock))
        number = self._last(_LOCK.format(resource=resource, wait=_GLANCE)).number
        if number == -3:  # noqa: PLR2004 (sp_getapplock's word for a deadlock)
            raise ServerError(1205, "deadlocked while waiting for an application lock")
        if number < -1:
            raise ServerError(1222, f"sp_getapplock answered {number}")
        return number >= 0

    def run(self, statement: str) -> int:
        """Run a statement of the transaction under way; return the rows it changed."""
        work = _STATEMENT.format(statement=text_literal(statement))
        return self._run(_WITHIN + work, rows=True)

    def change(self, setting: str) -> None:
        """Change a setting of the session, from within the transaction under way."""
        # Within EXEC it would end with EXEC.
        self.is_changed = True
        self._run(_WITHIN + setting, rows=False)

    def commit(self) -> None:
        """Commit; a `DriverError` from here is ``committing``."""
        try:
            self._run("COMMIT TRANSACTION;", rows=False)
        except DriverError as error:
            raise DriverError(error.message, lost=error.lost, committing=True) from error

    def roll_back(self) -> None:
        """End the transaction under way, if any, without a trace."""
        self._run("IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;", rows=False)

    def rows(self, query: str) -> pa.Table:
        """Return a query's rows."""
        try:
            self._cursor.execute(_FETCH.format(query=text_literal(query)))
            self._skip_to_rows()
            found = self._cursor.arrow()
            _refuse(found)
            while self._cursor.nextset():
                if self._cursor.description:
                    _refuse(self._cursor.arrow())
        except FAILURES as error:
            raise raised(error) from error
        return plain(found)

    def columns(self, table: exp.Table) -> Mapping[str, Column]:
        """Return a table's columns in order, by name in lower case; empty if it is not there.

        What was found is not looked up again before it is forgotten.
        """
        name = table_name(table).lower()
        if name in self._known:
            return self._known[name]
        found = self.rows(_COLUMNS.format(table=text_literal(table_name(table))))
        known = {
            row["name"].lower(): Column(
                name=row["name"],
                type=(row["type"] or "").lower(),
                length=row["max_length"],
                precision=row["precision"],
                scale=row["scale"],
                nullable=bool(row["is_nullable"]),
                collation=row["collation_name"],
                made_by=row["made_by"],
                indexed=row["index"] is not None,
                in_columnstore=row["columnstore"] is not None,
                encrypted=bool(row["encrypted"]),
            )
            # Twice, where two indexes begin with the column.
            for row in found.to_pylist()
        }
        if known:
            self._known[name] = known
        return known

    def attached(self, table: exp.Table) -> Sequence[Attached]:
        """Return what hangs on a table."""
        query = attached_query(text_literal(table_name(table)))
        return attached(self.rows(query).to_pylist())

    def forget(self, *, ours: bool) -> None:
        """Look up tables again; those that only we make and change just with ``ours``."""
        mark = f".[{_OURS}"
        self._known = {n: c for n, c in self._known.items() if mark in n and not ours}

    def forget_changed(self, statement: exp.Expression) -> None:
        """Look up again what a statement has changed."""
        # A new name is told without the schema.
        changed = tuple(quoted(t.name).lower() for t in statement.find_all(exp.Table))
        self._known = {n: c for n, c in self._known.items() if not n.endswith(changed)}

    def copy_in(self, table: exp.Table, records: pa.Table) -> None:
        """Append rows in bulk: on a login of its own, so the table has to be committed."""
        columns = self.columns(table)
        if not columns:
            raise ServerError(208, f"Invalid object name '{table.name}'.")
        records = fit(records, list(columns.values()))
        if not records.num_rows:
            return
        try:
            done = self._cursor.bulkcopy_arrow(
                table_name(table),
                records,
                # The driver's default gives the whole copy 30 seconds.
                timeout=0,
                table_lock=True,
                keep_nulls=True,
                # Without a mapping by name, columns go by position and surplus ones vanish.
                column_mappings=[(n, n) for n in records.schema.names],
            )
        except FAILURES as error:
            raise raised(error) from error
        if done["rows_copied"] != records.num_rows:
            raise Unavailable(
                f"SQL Server took {done['rows_copied']} of {records.num_rows} rows into "
                f"{table.name}",
                hint="run again; nothing of it was committed to the target",
            )

    def cancel(self) -> None:
        """Ask the statement under way on another thread to end, as far as the driver can."""
        handle = self._cursor.hstmt
        cancel = getattr(handle, "_cancel", None)
        if cancel is not None:
            with suppress(*FAILURES):
                cancel()

    def close(self) -> None:
        """Close the connection; a transaction under way is rolled back."""
        # A connection that cannot even be closed is as gone as one that can.
        with suppress(*FAILURES):
            self._connection.close()

    def _run(self, work: str, *, rows: bool) -> int:
        text = _BEGIN.format(work=work, rows="@rows" if rows else "0")
        outcome = self._last("DECLARE @rows BIGINT = 0; " + text if rows else text)
        if (outcome.number, outcome.message) == _TRANSACTION_GONE:
            raise DriverError("the transaction was lost with its connection", lost=True)
        if outcome.number:
            raise ServerError(outcome.number, outcome.message)
        return outcome.rows

    def _last(self, batch: str) -> _Outcome:
        """Run a batch to its end; return its last result."""
        row = None
        try:
            self._cursor.execute(batch)
            while True:
                if self._cursor.description:
                    row = self._cursor.fetchone()
                if not self._cursor.nextset():
                    break
        except FAILURES as error:
            raise raised(error) from error
        if row is None:
            raise DriverError("the server ended a batch without its result", lost=True)
        number, message, count = (*row, "", 0)[:3]
        return _Outcome(int(number), str(message or ""), int(count or 0))

    def _skip_to_rows(self) -> None:
        while not self._cursor.description:
            if not self._cursor.nextset():
                raise DriverError("the server answered a query without rows", lost=True)


def _refuse(rows: pa.Table) -> None:
    if rows.schema.names == ["_syncline_error", "_syncline_message"]:
        row = rows.to_pylist()[0]
        raise ServerError(int(row["_syncline_error"]), row["_syncline_message"] or "")


def _resource(lock: str) -> str:
    # Lock names tell case apart and tables do not.
    name = f"syncline:{lock.lower()}"
    if len(name) <= _RESOURCE:
        return name
    return f"syncline:{hashlib.sha256(name.encode()).hexdigest()}"
