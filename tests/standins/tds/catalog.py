"""What the server knows of a table or view; kept as JSON in its DuckDB comment.

DuckDB's comments are transactional, so definitions roll back with the tables they describe.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from standins.tds.lexer import quote
from standins.tds.sqltypes import SqlType, parse_type

DEFAULT_COLLATION = "SQL_Latin1_General_CP1_CI_AS"

KeyKind = Literal["PK", "UQ", "UX", "IX"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column; ``identity`` is seed and increment, the rest of the texts are T-SQL."""

    name: str
    kind: SqlType
    nullable: bool = True
    collation: str | None = None
    identity: tuple[int, int] | None = None
    default: str | None = None
    default_name: str | None = None
    computed: str | None = None

    @property
    def compared_by_case(self) -> bool:
        """Whether 'a' and 'A' differ in it."""
        return "_CI" not in (self.collation or DEFAULT_COLLATION).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A primary key, unique constraint, unique index or plain index."""

    name: str
    kind: KeyKind
    columns: tuple[str, ...]
    clustered: bool = False
    columnstore: bool = False
    included: tuple[str, ...] = ()
    condition: str = ""

    @property
    def unique(self) -> bool:
        """Whether two rows may not have the same key."""
        return self.kind != "IX" and not self.condition

    @property
    def is_constraint(self) -> bool:
        """Whether it is a constraint, not just an index."""
        return self.kind in {"PK", "UQ"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A CHECK constraint."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key to ``schema.table``."""

    name: str
    columns: tuple[str, ...]
    schema: str
    table: str
    referenced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A permission on the table, granted or denied to a user."""

    permission: str
    user: str
    denied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, or a view when it has a definition (``base``: the table it writes through to)."""

    database: str
    schema: str
    name: str
    object_id: int
    columns: tuple[Column, ...]
    keys: tuple[Key, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    grants: tuple[Grant, ...] = ()
    view: str = ""
    base: tuple[str, ...] = ()
    base_columns: tuple[str, ...] = field(default=())

    @property
    def is_temporary(self) -> bool:
        """Whether it belongs to one session."""
        return self.name.startswith("#")

    @property
    def full_name(self) -> str:
        """The name as DuckDB reads it."""
        if self.is_temporary:
            return f"temp.main.{quote(self.name)}"
        return f"{quote(self.database)}.{quote(self.schema)}.{quote(self.name)}"

    @property
    def resource(self) -> str:
        """The name under which it is locked."""
        return f"{self.database}.{self.schema}.{self.name}".lower()

    @property
    def shown_name(self) -> str:
        """The name in messages: schema and table."""
        return f"{self.schema}.{self.name}"

    @property
    def identity(self) -> Column | None:
        """The identity column."""
        return next((c for c in self.columns if c.identity), None)

    @property
    def written(self) -> tuple[Column, ...]:
        """The columns that a plain INSERT fills: neither identity nor computed."""
        return tuple(c for c in self.columns if not c.identity and not c.computed)

    def column(self, name: str) -> Column | None:
        """Return a column by its name, whatever the case."""
        wanted = name.lower()
        return next((c for c in self.columns if c.name.lower() == wanted), None)

    def with_column(self, column: Column) -> "Table":
        """Return the table with a column of the same name replaced."""
        wanted = column.name.lower()
        changed = tuple(column if c.name.lower() == wanted else c for c in self.columns)
        return replace(self, columns=changed)


def dump(table: Table) -> str:
    """Return a table as text."""
    content = asdict(table)
    for column, written in zip(table.columns, content["columns"], strict=True):
        written["kind"] = column.kind.ddl
    for place in ("database", "schema", "name"):
        del content[place]
    return json.dumps(content)


def load(database: str, schema: str, name: str, text: str) -> Table:
    """Return the table that was written by `dump`."""
    content: dict[str, Any] = json.loads(text)
    return Table(
        database=database,
        schema=schema,
        name=name,
        object_id=content["object_id"],
        columns=tuple(_column(c) for c in content["columns"]),
        keys=tuple(
            Key(**k | {"columns": tuple(k["columns"]), "included": tuple(k["included"])})
            for k in content["keys"]
        ),
        checks=tuple(Check(**c) for c in content["checks"]),
        foreign_keys=tuple(
            ForeignKey(**f | {"columns": tuple(f["columns"]), "referenced": tuple(f["referenced"])})
            for f in content["foreign_keys"]
        ),
        grants=tuple(Grant(**g) for g in content["grants"]),
        view=content["view"],
        base=tuple(content["base"]),
        base_columns=tuple(content["base_columns"]),
    )


def _column(content: dict[str, Any]) -> Column:
    identity = content["identity"]
    kind = parse_type(content["kind"])
    return Column(**content | {"kind": kind, "identity": tuple(identity) if identity else None})
