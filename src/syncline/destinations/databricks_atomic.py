"""Data and checkpoint in one transaction, where the warehouse and the tables have such."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlglot import exp

from syncline.model.ports import Merged

#: What makes a table one that transactions may write. Older readers cannot read it.
MANAGED: Final = "delta.feature.catalogManaged"
#: Files are not part of the transaction, and have to be allowed.
_FILES: Final = " WITH (allow_nontransactional_reads = true)"
_WRITES: Final = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def managed() -> exp.Property:
    """Return the property of a new table."""
    return exp.Property(this=exp.Literal.string(MANAGED), value=exp.Literal.string("supported"))


def is_managed(properties: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether SHOW TBLPROPERTIES tells of a table that transactions may write."""
    return any(
        str(row.get("key", "")).startswith("delta.feature.catalog") and row.get("value")
        for row in properties
    )


def written(statement: exp.Expression) -> exp.Table | None:
    """Return the table that a statement changes the rows of, or None."""
    if not isinstance(statement, _WRITES):
        return None
    table = statement.find(exp.Table)
    if table is None:
        return None
    plain = table.copy()
    plain.set("alias", None)
    return plain


def together(statements: Sequence[exp.Expression], start: int) -> int:
    """Return how many statements from a place on can be one transaction; it has no DDL."""
    count = 0
    for statement in statements[start:]:
        if written(statement) is None:
            break
        count += 1
    return count


def block(texts: Sequence[str]) -> str:
    """Return statements as one transaction."""
    return "BEGIN ATOMIC\n" + "".join(f"{text};\n" for text in texts) + "END"


def with_files(text: str) -> str:
    """Let a statement of a transaction read the files of a volume."""
    found, at = "", 0
    while True:
        start = text.find("READ_FILES(", at)
        if start < 0:
            return found + text[at:]
        end = _closing(text, start)
        found += text[at:end] + _FILES
        at = end


def changed(statement: exp.Expression, history: Sequence[Mapping[str, Any]]) -> int | Merged:
    """Return what a statement has changed, as the history of its table since then says."""
    word = type(statement).__name__.upper()
    rows = [h for h in history if str(h.get("operation", word)).upper().startswith(_SAID[word])]
    if len(rows) != 1:
        # Nothing was changed; or others have written at the same moment.
        return Merged(inserted=0, updated=0, deleted=0) if word == "MERGE" else 0
    metrics = {k: int(v) for k, v in dict(rows[0]["operationMetrics"] or {}).items() if _whole(v)}
    if word == "MERGE":
        return Merged(
            inserted=metrics.get("numTargetRowsInserted", 0),
            updated=metrics.get("numTargetRowsUpdated", 0),
            deleted=metrics.get("numTargetRowsDeleted", 0),
        )
    names = {"INSERT": "numOutputRows", "UPDATE": "numUpdatedRows", "DELETE": "numDeletedRows"}
    return metrics.get(names[word], metrics.get("numTargetRowsInserted", 0))


_SAID: Final = {
    "MERGE": ("MERGE",),
    "INSERT": ("WRITE", "INSERT", "CREATE OR REPLACE", "COPY"),
    "UPDATE": ("UPDATE",),
    "DELETE": ("DELETE",),
}


def _whole(value: Any) -> bool:
    return str(value).isdecimal()


def _closing(text: str, start: int) -> int:
    """Return the place after the bracket of a call; quotes may hold brackets."""
    depth, at, inside = 0, start, False
    while at < len(text):
        sign = text[at]
        if sign == "\\" and inside:
            at += 1
        elif sign == "'":
            inside = not inside
        elif not inside and sign in "()":
            depth += 1 if sign == "(" else -1
            if depth == 0:
                return at + 1
        at += 1
    return at
