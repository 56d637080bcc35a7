"""Tables of the quick engine that are no tables: files of volumes, information_schema."""

from pathlib import Path
from typing import Any, Final

import duckdb
import sqlglot
from sqlglot import exp

from standins.databricks.engine import SqlError
from standins.databricks.volumes import Volumes

INFORMATION: Final = "_info"
_TYPE: Final = """
    CASE data_type
      WHEN 'VARCHAR' THEN 'string' WHEN 'BLOB' THEN 'binary' WHEN 'INTEGER' THEN 'int'
      WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'timestamp' WHEN 'TIMESTAMP' THEN 'timestamp_ntz'
      ELSE lower(data_type) END"""
#: Made once: what COPY INTO has loaded, and the views of information_schema.
CATALOG: Final = f"""
    CREATE SCHEMA IF NOT EXISTS {INFORMATION};
    CREATE TABLE IF NOT EXISTS {INFORMATION}.copied (target VARCHAR, path VARCHAR);
    CREATE OR REPLACE VIEW {INFORMATION}.schemata AS
      SELECT DISTINCT lower(schema_name) AS schema_name FROM information_schema.schemata
      WHERE catalog_name = current_database();
    CREATE OR REPLACE VIEW {INFORMATION}.tables AS
      SELECT lower(table_schema) AS table_schema, lower(table_name) AS table_name,
             'MANAGED' AS table_type
      FROM information_schema.tables WHERE table_schema <> '{INFORMATION}';
    CREATE OR REPLACE VIEW {INFORMATION}.columns AS
      SELECT lower(table_schema) AS table_schema, lower(table_name) AS table_name, column_name,
             ordinal_position - 1 AS ordinal_position, is_nullable, {_TYPE} AS full_data_type,
             column_default, 'NO' AS is_identity, 'NEVER' AS is_generated,
             CAST(NULL AS VARCHAR) AS generation_expression, CAST(NULL AS VARCHAR) AS comment
      FROM information_schema.columns WHERE table_schema <> '{INFORMATION}';
"""


def read_files(
    table: exp.Table, volumes: Volumes, cursor: duckdb.DuckDBPyConnection
) -> exp.Expression | None:
    """Return READ_FILES(…) as a query over its files, or None if it is another function."""
    call: Any = table.this
    if call.name.upper() != "READ_FILES":
        return None
    path = volumes.local(call.expressions[0].name)
    options = {a.this.name.lower(): a.expression.name for a in call.expressions[1:]}
    found = files_of(path)
    if not found:
        raise SqlError(f"[PATH_NOT_FOUND] Path does not exist: {path}. SQLSTATE: 42K03")
    files = ", ".join(exp.Literal.string(f).sql(dialect="duckdb") for f in found)
    source = f"read_parquet([{files}], union_by_name = true)"
    held = {c.lower() for c in cursor.sql(f"FROM {source} LIMIT 0").columns}
    chosen = "*"
    if "schema" in options:
        made = sqlglot.parse_one(f"CREATE TABLE t ({options['schema']})", dialect="databricks")
        chosen = ", ".join(
            _column(c, there=c.name.lower() in held) for c in made.find_all(exp.ColumnDef)
        )
    alias = table.args.get("alias")
    query = sqlglot.parse_one(f"SELECT {chosen} FROM {source}", dialect="duckdb")
    return exp.Subquery(this=query, alias=alias.copy() if alias else exp.to_identifier("_files"))


def _column(column: exp.ColumnDef, *, there: bool) -> str:
    name = column.this.sql(dialect="duckdb", identify=True)
    value = name if there else "NULL"
    return f"CAST({value} AS {column.args['kind'].sql(dialect='duckdb')}) AS {name}"


def files_of(path: str) -> list[str]:
    """Return the files of a path, which may be a folder or have alternatives in braces."""
    start, _, rest = path.partition("{")
    inner, closed, end = rest.partition("}")
    if closed:
        return [f for word in inner.split(",") for f in files_of(f"{start}{word}{end}")]
    if Path(path).is_dir():
        return sorted(str(p) for p in Path(path).rglob("*.parquet"))
    return [path] if Path(path).exists() else []
