"""What hangs on a table of a database and goes when the table goes: indexes, rights, triggers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

_KEY = b"attached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One thing that hangs on a table."""

    #: In words, as people are told: "index", "unique index", "foreign key", "grant", "view" …
    kind: str
    name: str = ""
    #: Of an index or a key, where it is of columns and of all rows; else empty.
    columns: tuple[str, ...] = ()
    #: No two rows have the same values in the columns.
    unique: bool = False
    #: An index with nothing particular, as Syncline makes them.
    plain: bool = False
    #: Of a foreign key: schema and name of the other table, and its columns.
    schema: str = ""
    table: str = ""
    referenced: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


def with_attached(schema: pa.Schema, found: Iterable[Attached]) -> pa.Schema:
    """Return a described table's schema with what hangs on it."""
    written = [{name: value for name, value in asdict(a).items() if value} for a in found]
    if not written:
        return schema
    return schema.with_metadata({**(schema.metadata or {}), _KEY: json.dumps(written).encode()})


def attached_of(schema: pa.Schema) -> tuple[Attached, ...]:
    """Return what hangs on a described table, as far as its destination tells."""
    written = (schema.metadata or {}).get(_KEY)
    return tuple(map(attached_from, json.loads(written))) if written else ()


def attached_from(row: Mapping[str, Any]) -> Attached:
    """Return what a row of a catalog says; lists of columns may be texts of JSON, or null."""
    return Attached(
        kind=row.get("kind") or "",
        name=row.get("name") or "",
        columns=_names(row.get("columns")),
        unique=bool(row.get("unique")),
        plain=bool(row.get("plain")),
        schema=row.get("schema") or "",
        table=row.get("table") or "",
        referenced=_names(row.get("referenced")),
    )


def _names(value: str | Iterable[str] | None) -> tuple[str, ...]:
    return tuple(json.loads(value) if isinstance(value, str) else value or ())
