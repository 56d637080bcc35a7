"""The system tables: what a source offers, as tables to query."""

from collections.abc import Callable, Iterator, Mapping

import pyarrow as pa

from syncline.errors import QueryError
from syncline.model.table import Table, description_of, field_of, size_of
from syncline.query.pointing import did_you_mean

_CATALOG, _SCHEMA = "Syncline", "Source"
#: SQL type names and the numbers JDBC and CData give them.
_BIGINT, _BIT, _DATE, _DECIMAL, _DOUBLE, _INTEGER = -5, -7, 91, 3, 8, 4
_TIME, _TIMESTAMP, _VARBINARY, _VARCHAR = 92, 93, -3, 12

_text, _whole, _flag = pa.string(), pa.int32(), pa.bool_()
SYS_TABLES = Table(
    name="sys_tables",
    description="The tables of the source.",
    schema=pa.schema(
        [
            field_of("CatalogName", _text),
            field_of("SchemaName", _text),
            field_of("TableName", _text, nullable=False),
            field_of("TableType", _text, nullable=False),
            field_of("Description", _text),
            field_of("IsUpdateable", _flag, nullable=False),
            field_of("IsIncremental", _flag, description="Changed rows can be read alone."),
        ]
    ),
    primary_key=("TableName",),
)
SYS_TABLECOLUMNS = Table(
    name="sys_tablecolumns",
    description="The columns of the source's tables.",
    schema=pa.schema(
        [
            field_of("CatalogName", _text),
            field_of("SchemaName", _text),
            field_of("TableName", _text, nullable=False),
            field_of("ColumnName", _text, nullable=False),
            field_of("DataTypeName", _text, nullable=False),
            field_of("DataType", _whole, nullable=False),
            field_of("Length", _whole),
            field_of("NumericPrecision", _whole),
            field_of("NumericScale", _whole),
            field_of("IsNullable", _flag, nullable=False),
            field_of("Description", _text),
            field_of("Ordinal", _whole, nullable=False, description="The first is 1."),
            field_of("IsAutoIncrement", _flag, nullable=False),
            field_of("IsGeneratedColumn", _flag, nullable=False),
            field_of("IsReadOnly", _flag, nullable=False),
            field_of("IsKey", _flag, nullable=False),
            field_of("IsHidden", _flag, nullable=False, description="Not in SELECT *: a filter."),
            field_of("Operators", _text, description="Comparisons the source answers itself."),
            field_of("IsRequired", _flag, description="WHERE must name it."),
        ]
    ),
    primary_key=("TableName", "ColumnName"),
)
_SYSTEM = (SYS_TABLES, SYS_TABLECOLUMNS)


def with_system_tables(tables: Mapping[str, Table]) -> dict[str, Table]:
    """Return the tables and the system tables; a source's own table of that name goes first."""
    own = {name.lower() for name in tables}
    return {**{t.name: t for t in _SYSTEM if t.name not in own}, **tables}


def is_system(table: Table) -> bool:
    """Say whether a table is one of ours, whose rows `rows_of` knows."""
    return any(table is own for own in _SYSTEM)


def rows_of(table: Table, tables: Mapping[str, Table]) -> pa.Table:
    """Return the rows of a system table, all columns, for a source with these tables."""
    rows = _ROWS[table.name](tables)
    return pa.Table.from_pylist(list(rows), schema=table.schema)


def _tables(tables: Mapping[str, Table]) -> Iterator[dict[str, object]]:
    for name in sorted(tables):
        table = tables[name]
        yield {
            "CatalogName": _CATALOG,
            "SchemaName": _SCHEMA,
            "TableName": name,
            "TableType": "TABLE",
            "Description": table.description,
            "IsUpdateable": False,
            "IsIncremental": table.cursor_column is not None,
        }


def _columns(tables: Mapping[str, Table]) -> Iterator[dict[str, object]]:
    for name in sorted(tables):
        table = tables[name]
        for ordinal, field in enumerate(table.schema, 1):
            type_name, number, length, precision, scale = _sql_type(field)
            declared = table.filters.get(field.name)
            yield {
                "CatalogName": _CATALOG,
                "SchemaName": _SCHEMA,
                "TableName": name,
                "ColumnName": field.name,
                "DataTypeName": type_name,
                "DataType": number,
                "Length": length,
                "NumericPrecision": precision,
                "NumericScale": scale,
                "IsNullable": field.nullable,
                "Description": description_of(field),
                "Ordinal": ordinal,
                "IsAutoIncrement": False,
                "IsGeneratedColumn": False,
                "IsReadOnly": True,
                "IsKey": field.name in table.primary_key,
                "IsHidden": field.name in table.filter_only,
                "Operators": ", ".join(sorted(declared.operators)) if declared else None,
                "IsRequired": declared is not None and declared.required,
            }


_ROWS: Mapping[str, Callable[[Mapping[str, Table]], Iterator[dict[str, object]]]] = {
    "sys_tables": _tables,
    "sys_tablecolumns": _columns,
}


def _sql_type(field: pa.Field) -> tuple[str, int, int | None, int | None, int | None]:
    """Return type name, its number, length, precision and scale."""
    type_ = field.type
    if pa.types.is_decimal(type_):
        return "DECIMAL", _DECIMAL, None, type_.precision, type_.scale
    for is_type, found in (
        (pa.types.is_boolean, ("BIT", _BIT, 1, None, None)),
        (pa.types.is_int64, ("BIGINT", _BIGINT, 8, 19, 0)),
        (pa.types.is_integer, ("INTEGER", _INTEGER, 4, 10, 0)),
        (pa.types.is_floating, ("DOUBLE", _DOUBLE, 8, 15, None)),
        (pa.types.is_date, ("DATE", _DATE, 10, None, None)),
        (pa.types.is_time, ("TIME", _TIME, 15, None, 6)),
        (pa.types.is_timestamp, ("TIMESTAMP", _TIMESTAMP, 26, None, 6)),
        (pa.types.is_binary, ("VARBINARY", _VARBINARY, None, None, None)),
    ):
        if is_type(type_):
            return found
    return "VARCHAR", _VARCHAR, size_of(field), None, None


def table_named(name: str, tables: Mapping[str, Table]) -> Table:
    """Return the table of this name, in any case. Raises `QueryError` with near names."""
    for known, table in tables.items():
        if known.lower() == name.lower():
            return table
    raise QueryError(f"there is no table {name!r}", hint=did_you_mean(name, tables))
