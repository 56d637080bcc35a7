"""information_schema, made of what the engine tells of its tables."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa

from standins.databricks.engine import Catalog

SCHEMA: Final = "information_schema"
#: The one catalog behind all names.
CATALOG: Final = "main"
_NUMBERS: Final = frozenset({"ordinal_position", "numeric_precision", "numeric_scale"})


def views(session: Catalog) -> Mapping[str, Callable[[], pa.Table]]:
    """Return the views and what makes their rows."""
    return {
        "schemata": lambda: _schemata(session),
        "tables": lambda: _tables(session),
        "columns": lambda: _columns(session),
    }


def _schemata(session: Catalog) -> pa.Table:
    names = session.schemas()
    return _texts(catalog_name=[CATALOG] * len(names), schema_name=names)


def _tables(session: Catalog) -> pa.Table:
    pairs = [(s, t) for s in session.schemas() for t in session.tables(s)]
    return _texts(
        table_catalog=[CATALOG] * len(pairs),
        table_schema=[s for s, _ in pairs],
        table_name=[t for _, t in pairs],
        table_type=["MANAGED"] * len(pairs),
    )


def _columns(session: Catalog) -> pa.Table:
    rows = [
        {
            "table_catalog": CATALOG,
            "table_schema": schema,
            "table_name": table,
            "column_name": field.name,
            "ordinal_position": number,
            "is_nullable": "YES" if field.nullable else "NO",
            "full_data_type": field.type,
            "data_type": field.type.partition("(")[0].upper(),
            "numeric_precision": _digits(field.type, 0),
            "numeric_scale": _digits(field.type, 1),
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
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position",
        "is_nullable", "full_data_type", "data_type", "numeric_precision", "numeric_scale",
        "column_default", "is_identity", "is_generated", "generation_expression", "comment",
    )  # fmt: skip
    kinds = [(n, pa.int32() if n in _NUMBERS else pa.string()) for n in names]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def _digits(kind: str, place: int) -> int | None:
    """Return the precision (0) or the scale (1) of a decimal."""
    found = re.search(r"decimal\((\d+),\s*(\d+)\)", kind)
    return int(found[place + 1]) if found else None


def _texts(**columns: list[str]) -> pa.Table:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
