"""information_schema, made of what the engine tells of its tables."""

from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from standins.databricks.engine import Catalog

SCHEMA: Final = "information_schema"


def views(session: Catalog) -> Mapping[str, Callable[[], pa.Table]]:
    """Return the views and what makes their rows."""
    return {
        "schemata": lambda: _texts(schema_name=session.schemas()),
        "tables": lambda: _tables(session),
        "columns": lambda: _columns(session),
    }


def _tables(session: Catalog) -> pa.Table:
    pairs = [(s, t) for s in session.schemas() for t in session.tables(s)]
    return _texts(
        table_schema=[s for s, _ in pairs],
        table_name=[t for _, t in pairs],
        table_type=["MANAGED"] * len(pairs),
    )


def _columns(session: Catalog) -> pa.Table:
    rows = [
        {
            "table_schema": schema,
            "table_name": table,
            "column_name": field.name,
            "ordinal_position": number,
            "is_nullable": "YES" if field.nullable else "NO",
            "full_data_type": field.type,
            "column_default": None,
            "is_identity": "NO",
            "is_generated": "NEVER",
            "generation_expression": None,
            "comment": field.comment,
        }
        for schema in session.schemas()
        for table in session.tables(schema)
        for number, field in enumerate(session.fields(schema, table))
    ]
    names = (
        "table_schema", "table_name", "column_name", "ordinal_position", "is_nullable",
        "full_data_type", "column_default", "is_identity", "is_generated",
        "generation_expression", "comment",
    )  # fmt: skip
    kinds = [(n, pa.int32() if n == "ordinal_position" else pa.string()) for n in names]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _texts(**columns: list[str]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
