"""The views of INFORMATION_SCHEMA."""

from collections.abc import Callable

from standins.tds.catalog import Column
from standins.tds.contents import Contents, Rows, collation
from standins.tds.sqltypes import SCALED_TIMES, TIMES


def _tables(contents: Contents) -> Rows:
    return "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE", [
        (contents.database, t.schema, t.name, "VIEW" if t.view else "BASE TABLE")
        for t in contents.objects
    ]


def _schemata(contents: Contents) -> Rows:
    names = contents.session.schemas(contents.database)
    rows = [(contents.database, n, "dbo") for n in names]
    return "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER", rows


def _numeric(column: Column) -> int | None:
    return column.kind.shown_precision or None if not _is_time(column) else None


def _is_time(column: Column) -> bool:
    return column.kind.name in TIMES


def _columns(contents: Contents) -> Rows:
    def length(column: Column) -> int | None:
        return column.kind.length or None

    def octets(column: Column) -> int | None:
        return column.kind.max_length if column.kind.length else None

    def fraction(column: Column) -> int | None:
        if column.kind.name == "datetime":
            return 3
        return (
            (column.kind.scale if column.kind.name in SCALED_TIMES else 0)
            if _is_time(column)
            else None
        )

    def scale(column: Column) -> int | None:
        inexact = column.kind.name in {"real", "float", "bit", "uniqueidentifier"}
        skipped = inexact or column.kind.length or _is_time(column)
        return None if skipped else column.kind.shown_scale

    return (
        ("TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:i COLUMN_DEFAULT "
        "IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH:i CHARACTER_OCTET_LENGTH:i "
        "NUMERIC_PRECISION:i NUMERIC_SCALE:i DATETIME_PRECISION:i COLLATION_NAME"),
        [
            (
                contents.database, t.schema, t.name, c.name, i, f"({c.default})" if c.default
                else None, "YES" if c.nullable else "NO", c.kind.name, length(c), octets(c),
                _numeric(c) if c.kind.name != "bit" else None, scale(c), fraction(c),
                collation(c),
            )
            for t, i, c in contents.columns
        ],
    )  # fmt: skip


_CONSTRAINT = (
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME"
)


def _constraints(contents: Contents) -> Rows:
    database = contents.database
    rows = [
        (database, i.table.schema, i.key.name, database, i.table.schema, i.table.name,
         "PRIMARY KEY" if i.key.kind == "PK" else "UNIQUE")
        for i in contents.indexes
        if i.key.is_constraint
    ]  # fmt: skip
    for table in contents.tables:
        named = [(c.name, "CHECK") for c in table.checks]
        named += [(f.name, "FOREIGN KEY") for f in table.foreign_keys]
        place = (database, table.schema, table.name)
        rows += [(database, table.schema, name, *place, kind) for name, kind in named]
    return _CONSTRAINT + " CONSTRAINT_TYPE", rows


def _key_columns(contents: Contents) -> Rows:
    database = contents.database
    return _CONSTRAINT + " COLUMN_NAME ORDINAL_POSITION:i", [
        (database, i.table.schema, i.key.name, database, i.table.schema, i.table.name, c, n)
        for i in contents.indexes
        if i.key.is_constraint
        for n, c in enumerate(i.key.columns, 1)
    ]


VIEWS: dict[str, Callable[[Contents], Rows]] = {
    "information_schema.tables": _tables,
    "information_schema.schemata": _schemata,
    "information_schema.columns": _columns,
    "information_schema.table_constraints": _constraints,
    "information_schema.key_column_usage": _key_columns,
}
