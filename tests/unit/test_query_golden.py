"""Each golden file is a query and what becomes of it; UPDATE_GOLDEN=1 writes what is not there."""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from query_tables import TABLES
from syncline.errors import QueryError
from syncline.model.table import Predicate, description_of, is_json, size_of
from syncline.query.plan import Plan, plan

GOLDEN = Path(__file__).parent.parent / "golden" / "query"
SEPARATOR = "\n--------\n"


def cases(folder: str) -> list[Any]:
    return [pytest.param(path, id=path.stem) for path in sorted((GOLDEN / folder).glob("*.golden"))]


def planned(sql: str) -> Plan:
    """Plan a query whose comments may say ``-- name: value`` of an argument of plan()."""
    arguments: dict[str, Any] = {}
    for line in sql.splitlines():
        name, colon, value = line.removeprefix("-- ").partition(": ")
        if line.startswith("-- ") and colon:
            arguments[name] = json.loads(value)
    if "now" in arguments:
        arguments["now"] = datetime.fromisoformat(arguments["now"])
    return plan(sql, TABLES, **arguments)


def predicate(p: Predicate) -> str:
    return f"{p.column} {p.operator} {', '.join(json.dumps(value) for value in p.values)}"


def rendered(found: Plan) -> str:
    lines = ["streaming" if found.streaming else "not streaming"]
    for name in ("incremental", "key", "version", "limit", "fingerprint"):
        if value := getattr(found, name):
            shown = ", ".join(value) if isinstance(value, tuple) else value
            lines.append(f"{name}: {shown}")
    for scan, relation in zip(found.scans, found.relations, strict=True):
        lines.append(f"scan {scan.table.name} as {relation}: {', '.join(scan.columns)}")
        lines += [f"  {predicate(p)}" for p in scan.predicates]
        lines += [f"  limit {scan.limit}"] if scan.limit is not None else []
    lines.append("columns:")
    for field in found.schema:
        about = [
            "" if field.nullable else "not null",
            f"size {size_of(field)}" if size_of(field) else "",
            "json" if is_json(field) else "",
            repr(description_of(field)) if description_of(field) else "",
        ]
        lines.append(" ".join(["  " + field.name, str(field.type), *filter(None, about)]))
    lines.append("sql:")
    sql = found.query.sql(dialect="duckdb", identify=True, pretty=True)
    lines += [f"  {line}" for line in sql.splitlines()]
    lines += ["notes:", *(f"  {note}" for note in found.notes)]
    return "\n".join(lines) + "\n"


def compare(path: Path, found: str) -> None:
    sql, _, expected = path.read_text(encoding="utf-8").partition(SEPARATOR)
    if not expected and os.environ.get("UPDATE_GOLDEN"):
        path.write_text(sql.rstrip("\n") + SEPARATOR + found, encoding="utf-8")
        return
    assert found == expected


@pytest.mark.parametrize("path", cases("plans"))
def test_query_is_planned(path: Path) -> None:
    sql = path.read_text(encoding="utf-8").partition(SEPARATOR)[0]
    compare(path, rendered(planned(sql)))


@pytest.mark.parametrize("path", cases("refusals"))
def test_query_is_refused(path: Path) -> None:
    sql = path.read_text(encoding="utf-8").partition(SEPARATOR)[0]
    with pytest.raises(QueryError) as caught:
        planned(sql)
    compare(path, f"{caught.value}\nhint: {caught.value.hint}\n")
