"""Runs a translated statement: system views are made, rows are locked, results are sent."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa
from sqlglot import exp

from standins.tds import tokens
from standins.tds.answer import SELECTED
from standins.tds.catalog import Column, Table
from standins.tds.encode import arrow_values, encoder
from standins.tds.errors import Cancelled
from standins.tds.lexer import quote
from standins.tds.permissions import demand
from standins.tds.session import Session
from standins.tds.sqltypes import MAX, NVARCHAR_4000, SqlType, from_duckdb
from standins.tds.translation import Translation, data_type
from standins.tds.views import VOLATILE, rows_of

#: Declared types of result columns by lower-case name, and the table's columns behind them.
Declared = Mapping[str, tuple[SqlType, Column | None]]
_STEP = 2000
_SAME_ON_WIRE = frozenset({"bit", "tinyint", "smallint", "int", "bigint", "real", "float"})
_UNNAMED = "__unnamed"
_SHORT = {"nvarchar": 4000, "varbinary": 8000}
#: How DuckDB writes a type in results, where it is not how it is declared.
_SPELLED = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "FLOAT": "REAL"}


def prepare(translation: Translation) -> None:
    """Make the system views that a statement reads; call inside of its atomic part."""
    session = translation.session
    transaction = session.transaction
    for shown, (view, database) in translation.views.items():
        version = transaction.definitions
        # A view made inside of DuckDB's transaction is gone when that is rolled back.
        kept = transaction.rollbacks if transaction.under_way else None
        state = (version, view, database, session.login.name)
        made = session.views.get(shown)
        known = made in ((state, None), (state, transaction.rollbacks))
        if version is not None and known and view not in VOLATILE:
            continue
        session.views[shown] = (state, kept)
        rows = rows_of(session, view, database)
        transaction.register(f"{shown}_rows", rows)
        texts = [f.name for f in rows.schema if f.type == pa.string()]
        cased = ", ".join(f"{quote(n)} COLLATE NOCASE AS {quote(n)}" for n in texts)
        columns = f"* REPLACE ({cased})" if cased else "*"
        transaction.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {shown} AS SELECT {columns} FROM {shown}_rows"
        )


def name_columns(tree: exp.Query) -> None:
    """Give a name to result columns that have none, to be taken off again when they are sent."""
    if isinstance(tree, exp.Select):
        for at, column in enumerate(tree.selects):
            if not column.alias_or_name and not isinstance(column, exp.Star):
                column.replace(exp.alias_(column.copy(), f"{_UNNAMED}{at}", quoted=True))


def declared_types(tree: exp.Expr, translation: Translation) -> Declared:
    """Return the types of result columns, as far as they are plain columns, casts, variables."""
    select = tree
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    found: dict[str, tuple[SqlType, Column | None]] = {}
    for node in select.expressions if isinstance(select, exp.Select) else ():
        if node.is_star:
            table = node.table.lower() if isinstance(node, exp.Column) else ""
            for alias, known in translation.scope.items():
                if table in {"", alias}:
                    for column in known.columns:
                        found.setdefault(column.name.lower(), (column.kind, column))
        elif declared := _declared(node.unalias(), translation):
            found.setdefault(node.alias_or_name.lower(), declared)
    return found


def _declared(node: exp.Expr, translation: Translation) -> tuple[SqlType, Column | None] | None:
    while isinstance(node, exp.Paren | exp.Max | exp.Min | exp.Collate):
        node = node.this
    if isinstance(node, exp.Column):
        column = translation.column(node)
        return (column.kind, column) if column else None
    if isinstance(node, exp.Cast | exp.TryCast):
        return data_type(node.to), None
    if isinstance(node, exp.Parameter):
        return translation.variable(node.name)[0], None
    return None


def send_result(
    session: Session,
    cursor: duckdb.DuckDBPyConnection,
    declared: Declared,
    *,
    names: Sequence[str] = (),
    command: int = SELECTED,
) -> int:
    """Send the rows of a query; return how many they are."""
    described = [(str(d[0]), str(d[1])) for d in cursor.description or ()]
    table = _fetched(session, cursor)
    columns, cells = [], []
    for at, (name, kind_name) in enumerate(described):
        kind, column = _kind(kind_name, declared.get(name.lower()))
        values = arrow_values(table.column(at))
        kind, values = _sized(kind, values, declared=name.lower() in declared)
        encode, null = encoder(kind)
        cells.append([null if v is None else encode(v) for v in values])
        flags = tokens.WRITABLE
        flags |= tokens.NULLABLE if column is None or column.nullable else 0
        flags |= tokens.IDENTITY if column and column.identity else 0
        shown = "" if name.startswith(_UNNAMED) else name
        if at < len(names) and names[at] and shown:
            shown = names[at]
        columns.append(tokens.ResultColumn(name=shown, kind=kind, flags=flags))
    session.answer.add(tokens.column_metadata(columns))
    if session.options.fmtonly:
        session.answer.done(0, command=command)
        return 0
    _send_rows(session, cells, table.num_rows)
    session.options.rowcount = table.num_rows
    session.answer.done(table.num_rows, command=command)
    return int(table.num_rows)


def _fetched(session: Session, cursor: duckdb.DuckDBPyConnection) -> pa.Table:
    try:
        return cursor.to_arrow_table()
    except duckdb.Error as error:
        raise session.transaction.failure(error) from None


def _send_rows(session: Session, cells: Sequence[Sequence[bytes]], count: int) -> None:
    for start in range(0, count, _STEP):
        rows = zip(*(c[start : start + _STEP] for c in cells), strict=True)
        parts = ((tokens.ROW, *row) for row in rows)
        session.answer.add(b"".join(itertools.chain.from_iterable(parts)))
        if session.cancelled.is_set():
            raise Cancelled


def _kind(name: str, known: tuple[SqlType, Column | None] | None) -> tuple[SqlType, Column | None]:
    """Return the declared type when DuckDB's answer is of that type."""
    if known:
        spelled = _SPELLED.get(name, name)
        stored = known[0].duckdb
        if stored == spelled:
            return known
        if stored.split("(")[0] == spelled.split("(")[0] != "DECIMAL":
            return known
    return from_duckdb(name), None


def _sized(kind: SqlType, values: list[Any], *, declared: bool) -> tuple[SqlType, list[Any]]:
    """Return the type with (max) where values need it."""
    if kind.name == "bigint":
        return kind, [None if v is None else int(v) for v in values]
    if kind == NVARCHAR_4000 or (not declared and kind.name in _SHORT):
        values = [v if v is None or isinstance(v, str | bytes) else str(v) for v in values]
        if any(v is not None and len(v) > _SHORT[kind.name] for v in values):
            kind = SqlType(name=kind.name, length=MAX)
    return kind, values


def readable(session: Session, tables: Iterable[Table]) -> list[Table]:
    """Return the tables; raise 229 unless the user may read them."""
    found = list(tables)
    for table in found:
        demand(session.user_of(table), "SELECT", table)
    return found


def wire_value(session: Session, kind: SqlType, value: Any) -> Any:
    """Return a variable's value as `encoder` takes it."""
    if value is None or kind.name in _SAME_ON_WIRE or kind.is_text:
        return value
    cursor = session.transaction.connection.cursor()
    cursor.execute(f"SELECT CAST($v AS {kind.duckdb})", {"v": value})
    found = _fetched(session, cursor)
    return arrow_values(found.column(0))[0]
