"""What Delta Lake refuses of a table's columns, and DuckDB would not."""

from collections.abc import Sequence
from typing import Any, Final

from sqlglot import exp

from standins.databricks.engine import SqlError

#: The feature of tables that have times without a zone; a property of its name turns it on.
FEATURE: Final = "delta.feature.timestampNtz"
_WITH_STATISTICS: Final = 32
_WITHOUT: Final = frozenset({"BOOLEAN", "BINARY", "BLOB"})
_LOCAL: Final = frozenset({"TIMESTAMPNTZ", "TIMESTAMP_NTZ", "TIMESTAMP"})


def declared(columns: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the names and types of columns of a statement."""
    return [(c.name, _type(c.args.get("kind") or c.args.get("dtype"))) for c in columns]


def _type(kind: Any) -> str:
    # In Databricks' words, TIMESTAMP has a zone.
    return "" if kind is None else str(kind.this.value)


def has_local_times(columns: Sequence[tuple[str, str]]) -> bool:
    """Say whether a column has times without a zone; types in DuckDB's words or sqlglot's."""
    return any(kind in _LOCAL for _, kind in columns)


def enables(tree: Any) -> bool:
    """Say whether a statement turns the feature on."""
    return any(p.name == FEATURE for p in tree.find_all(exp.Property))


def check_clustering(tree: Any, columns: Sequence[tuple[str, str]]) -> None:
    """Refuse to cluster by a column that has no statistics."""
    by = tree.find(exp.ClusterProperty)
    kinds = dict(columns)
    for name in [c.name for c in by.expressions] if by else []:
        if kinds[name] in _WITHOUT:
            raise SqlError(
                f"[DELTA_CLUSTERING_COLUMNS_DATATYPE_NOT_SUPPORTED] CLUSTER BY is not supported "
                f"because the following column(s): {name} : {kinds[name]} don't support data "
                "skipping. SQLSTATE: 0A000"
            )
        if name in list(kinds)[_WITH_STATISTICS:]:
            raise SqlError(
                "[DELTA_CLUSTERING_COLUMN_MISSING_STATS] Clustering requires clustering columns "
                f"to have stats. Couldn't find clustering column(s) '{name}'. SQLSTATE: 22000"
            )


def not_enabled() -> SqlError:
    """Return what is said where the feature is needed."""
    return SqlError(
        "[DELTA_FEATURES_REQUIRE_MANUAL_ENABLEMENT] Your table schema requires manually "
        "enablement of the following table feature(s): timestampNtz. SQLSTATE: 0AKDE"
    )
