"""What hangs on a table of SQL Server: what dropping it would lose, or what forbids it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncline.model.attached import Attached

#: The indexes that every table of ours gets again.
_OURS = "N'_syncline_key', N'_syncline_columns'"
_NO_KEY = (
    "NULL AS [column], 0 AS [place], 0 AS [is_unique], NULL AS [schema], NULL AS [table], "
    "NULL AS [referenced]"
)


def attached_query(table: str) -> str:
    """Return the query for what hangs on a table; a row for each column of an index or a key.

    ``table``: its quoted name as a literal. What the user may not see is not told.
    """
    parts = [part.replace("{it}", f"OBJECT_ID({table})") for part in _PARTS]
    return " UNION ALL ".join(parts) + " ORDER BY [kind], [name], [place]"


def attached(rows: Iterable[Mapping[str, Any]]) -> list[Attached]:
    """Return what the rows of `attached_query` say."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["kind"], row["name"] or ""), []).append(row)
    return [_attached(*key, rows) for key, rows in found.items()]


def _attached(kind: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Attached:
    first = rows[0]
    return Attached(
        kind=kind,
        name=name,
        columns=tuple(row["column"] for row in rows if row["column"] is not None),
        unique=bool(first["is_unique"]),
        schema=first["schema"] or "",
        table=first["table"] or "",
        referenced=tuple(row["referenced"] for row in rows if row["referenced"] is not None),
    )


def _simple(kind: str, name: str, source: str) -> str:
    return f"SELECT N'{kind}' AS [kind], {name} AS [name], {_NO_KEY} FROM {source}"  # noqa: S608 (ours)


#: A filtered index does not have every row, so it says nothing of two rows.
_INDEXES = (
    "SELECT CASE WHEN i.is_primary_key = 1 THEN N'primary key' "
    "WHEN i.is_unique = 1 THEN N'unique index' ELSE N'index' END AS [kind], i.name AS [name], "
    "CASE WHEN i.has_filter = 0 THEN c.name END AS [column], k.key_ordinal AS [place], "
    "CASE WHEN i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0 THEN 1 ELSE 0 END "
    "AS [is_unique], NULL AS [schema], NULL AS [table], NULL AS [referenced] "
    "FROM sys.indexes AS i LEFT JOIN sys.index_columns AS k ON k.object_id = i.object_id "
    "AND k.index_id = i.index_id AND k.key_ordinal > 0 "
    "LEFT JOIN sys.columns AS c ON c.object_id = i.object_id AND c.column_id = k.column_id "
    "WHERE i.object_id = {it} AND i.index_id > 0 AND i.name NOT IN ({ours})"
).replace("{ours}", _OURS)
#: One that is switched off refuses no rows.
_FOREIGN_KEYS = (
    "SELECT N'foreign key' AS [kind], f.name AS [name], c.name AS [column], "
    "k.constraint_column_id AS [place], 0 AS [is_unique], CASE WHEN f.is_disabled = 0 "
    "THEN OBJECT_SCHEMA_NAME(f.referenced_object_id) END AS [schema], "
    "CASE WHEN f.is_disabled = 0 THEN OBJECT_NAME(f.referenced_object_id) END AS [table], "
    "r.name AS [referenced] FROM sys.foreign_keys AS f "
    "JOIN sys.foreign_key_columns AS k ON k.constraint_object_id = f.object_id "
    "JOIN sys.columns AS c ON c.object_id = k.parent_object_id "
    "AND c.column_id = k.parent_column_id "
    "JOIN sys.columns AS r ON r.object_id = k.referenced_object_id "
    "AND r.column_id = k.referenced_column_id WHERE f.parent_object_id = {it}"
)
_PARTS = (
    _INDEXES,
    _FOREIGN_KEYS,
    _simple("constraint", "name", "sys.check_constraints WHERE parent_object_id = {it}"),
    _simple(
        "reference",
        "name",
        "sys.foreign_keys WHERE referenced_object_id = {it} AND parent_object_id <> {it}",
    ),
    _simple("trigger", "name", "sys.triggers WHERE parent_id = {it}"),
    # Others find the new table by its name.
    _simple(
        "schema-bound object",
        "o.name",
        "sys.sql_expression_dependencies AS d JOIN sys.objects AS o "
        "ON o.object_id = d.referencing_id WHERE d.referenced_id = {it} "
        "AND d.is_schema_bound_reference = 1 "
        "AND RTRIM(o.type) IN ('V', 'FN', 'IF', 'TF', 'P', 'TR')",
    ),
    _simple("grants", "NULL", "sys.database_permissions WHERE class = 1 AND major_id = {it}"),
    _simple("security policy", "NULL", "sys.security_predicates WHERE target_object_id = {it}"),
    _simple("comments", "NULL", "sys.extended_properties WHERE class = 1 AND major_id = {it}"),
    _simple("change tracking", "NULL", "sys.change_tracking_tables WHERE object_id = {it}"),
    _simple("statistics", "name", "sys.stats WHERE object_id = {it} AND user_created = 1"),
    _simple("full-text index", "NULL", "sys.fulltext_indexes WHERE object_id = {it}"),
    _simple("data masking", "name", "sys.columns WHERE object_id = {it} AND is_masked = 1"),
    _simple(
        "partitions",
        "p.name",
        "sys.indexes AS i JOIN sys.partition_schemes AS p ON p.data_space_id = i.data_space_id "
        "WHERE i.object_id = {it} AND i.index_id < 2",
    ),
    _simple(
        "replication, change data capture, history or memory",
        "NULL",
        "sys.tables WHERE object_id = {it} AND (is_replicated = 1 OR is_published = 1 "
        "OR is_tracked_by_cdc = 1 OR temporal_type <> 0 OR is_memory_optimized = 1)",
    ),
    _simple("owner", "NULL", "sys.objects WHERE object_id = {it} AND principal_id IS NOT NULL"),
)
