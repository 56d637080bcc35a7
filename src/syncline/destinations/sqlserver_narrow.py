"""Text on its way into a column of a code page: SQL Server puts '?' for what the page lacks."""

from collections.abc import Iterator

from sqlglot import exp

from syncline.destinations.sqlserver_sql import Columns, quoted, table_name
from syncline.destinations.sqlserver_types import BINARY_COLLATION, Column


def narrowings(statement: exp.Expression, columns: Columns) -> Iterator[tuple[str, Column]]:
    """Yield a query for each narrow column that a statement fills from a wide one.

    The query has a row if a value would not stay the same. Invariant 5.
    """
    for target, source, value in _moves(statement):
        held = columns(target)
        narrow = held.get(value[0].lower())
        if narrow is None or not narrow.is_narrow or not narrow.collation:
            continue
        wide = columns(source).get(value[1].lower())
        if wide is None or not wide.is_wide:
            continue
        yield _changed(source, wide, narrow), narrow


def _changed(source: exp.Table, wide: Column, narrow: Column) -> str:
    name = quoted(wide.name)
    there = f"CONVERT(VARCHAR(MAX), {name} COLLATE {narrow.collation})"
    return (
        f"SELECT TOP 1 1 AS [found] FROM {table_name(source)} WHERE {name} "  # noqa: S608 (quoted)
        f"COLLATE {BINARY_COLLATION} <> CONVERT(NVARCHAR(MAX), {there}) COLLATE {BINARY_COLLATION}"
    )


def _moves(statement: exp.Expression) -> Iterator[tuple[exp.Table, exp.Table, tuple[str, str]]]:
    """Yield target table, source table, and the names of a column in each."""
    if isinstance(statement, exp.Insert) and isinstance(statement.expression, exp.Select):
        select = statement.expression
        source = select.args.get("from_")
        if source is None or not isinstance(statement.this, exp.Schema):
            return
        for into, value in zip(statement.this.expressions, select.expressions, strict=False):
            if isinstance(value, exp.Column):
                yield statement.this.this, source.this, (into.name, value.name)
    if isinstance(statement, exp.Update) and statement.args.get("from_"):
        for assignment in statement.expressions:
            if isinstance(assignment.expression, exp.Column):
                names = (assignment.this.name, assignment.expression.name)
                yield statement.this, statement.args["from_"].this, names
