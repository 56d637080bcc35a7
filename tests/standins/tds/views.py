"""The rows of system views: sys.* and INFORMATION_SCHEMA.*."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from standins.tds.catalog import DEFAULT_COLLATION, Column, Key, Table
from standins.tds.functions import schema_id
from standins.tds.native import invalid_object
from standins.tds.session import Session
from standins.tds.sqltypes import SCALED_TIMES, SYSTEM_TYPES

#: Names with ``:i`` are int, ``:l`` bigint, ``:b`` bit, others text.
_Rows = tuple[str, list[tuple[Any, ...]]]
#: Views whose rows change although no definition does.
VOLATILE = frozenset({"sys.partitions", "sys.databases", "sys.database_principals"})
_ARROW = {"i": pa.int32(), "l": pa.int64(), "b": pa.bool_()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A key with its number in its table."""

    table: Table
    key: Key
    number: int

    @property
    def object_id(self) -> int:
        """The number of the constraint."""
        return self.table.object_id * 1000 + 900 + self.number

    @property
    def kind(self) -> tuple[int, str]:
        """type and type_desc."""
        number = (5 if self.key.columnstore else 1) + (not self.key.clustered)
        name = "CLUSTERED" if self.key.clustered else "NONCLUSTERED"
        return number, name + (" COLUMNSTORE" if self.key.columnstore else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database holds, as the session's user sees it."""

    session: Session
    database: str
    objects: Sequence[Table]

    @property
    def tables(self) -> list[Table]:
        """Tables without views."""
        return [t for t in self.objects if not t.view]

    @property
    def columns(self) -> list[tuple[Table, int, Column]]:
        """Columns with their ordinal numbers."""
        return [(t, i, c) for t in self.objects for i, c in enumerate(t.columns, 1)]

    @property
    def indexes(self) -> list[Index]:
        """Indexes; a clustered one has the number 1."""
        found = []
        for table in self.objects:
            number = 2
            for key in table.keys:
                if key.clustered:
                    found.append(Index(table=table, key=key, number=1))
                else:
                    found.append(Index(table=table, key=key, number=number))
                    number += 1
        return found


def rows_of(session: Session, view: str, database: str) -> pa.Table:
    """Return the contents of a system view, named in lower case. Raises 208."""
    make = _VIEWS.get(view)
    real = session.engine.database(database)
    if make is None or real is None:
        raise invalid_object(view)
    contents = Contents(session=session, database=real.name, objects=session.tables(real.name))
    names, rows = make(contents)
    arrays = {}
    for at, written in enumerate(names.split()):
        name, _, kind = written.partition(":")
        arrays[name] = pa.array([row[at] for row in rows], _ARROW.get(kind, pa.string()))
    return pa.table(arrays)


def _collation(column: Column) -> str | None:
    return (column.collation or DEFAULT_COLLATION) if column.kind.is_text else None


_OBJECT = "name object_id:i schema_id:i type type_desc parent_object_id:i is_ms_shipped:b"


def _tables(contents: Contents) -> _Rows:
    return _OBJECT + " temporal_type:i is_external:b", [
        (t.name, t.object_id, schema_id(t.schema), "U ", "USER_TABLE", 0, False, 0, False)
        for t in contents.tables
    ]


def _views(contents: Contents) -> _Rows:
    return _OBJECT, [
        (t.name, t.object_id, schema_id(t.schema), "V ", "VIEW", 0, False)
        for t in contents.objects
        if t.view
    ]


def _objects(contents: Contents) -> _Rows:
    rows: list[tuple[Any, ...]] = [row[:7] for row in _tables(contents)[1]]
    rows += _views(contents)[1]
    for name, number, schema, parent, _, _ in _defaults(contents)[1]:
        rows.append((name, number, schema, "D ", "DEFAULT_CONSTRAINT", parent, False))
    for name, number, schema, parent, kind, _, _ in _key_constraints(contents)[1]:
        described = "PRIMARY_KEY_CONSTRAINT" if kind == "PK" else "UNIQUE_CONSTRAINT"
        rows.append((name, number, schema, kind, described, parent, False))
    for name, number, schema, parent, *_ in _checks(contents)[1]:
        rows.append((name, number, schema, "C ", "CHECK_CONSTRAINT", parent, False))
    for name, number, schema, parent, *_ in _foreign_keys(contents)[1]:
        rows.append((name, number, schema, "F ", "FOREIGN_KEY_CONSTRAINT", parent, False))
    return _OBJECT, rows


def _columns(contents: Contents) -> _Rows:
    return (
        "object_id:i name column_id:i system_type_id:i user_type_id:i max_length:i precision:i "
        "scale:i collation_name is_nullable:b is_identity:b is_computed:b default_object_id:i "
        "is_hidden:b generated_always_type:i is_rowguidcol:b",
        [
            (
                t.object_id, c.name, i, SYSTEM_TYPES[c.kind.name][0], SYSTEM_TYPES[c.kind.name][0],
                c.kind.max_length, c.kind.shown_precision, c.kind.shown_scale, _collation(c),
                c.nullable, c.identity is not None, c.computed is not None,
                t.object_id * 1000 + i if c.default else 0, False, 0, False,
            )
            for t, i, c in contents.columns
        ],
    )  # fmt: skip


def _identity_columns(contents: Contents) -> _Rows:
    names, rows = _columns(contents)
    kept = [
        (*row, c.identity[0], c.identity[1])
        for row, (_, _, c) in zip(rows, contents.columns, strict=True)
        if c.identity
    ]
    return names + " seed_value:l increment_value:l", kept


def _computed_columns(contents: Contents) -> _Rows:
    names, rows = _columns(contents)
    kept = [
        (*row, f"({c.computed})")
        for row, (_, _, c) in zip(rows, contents.columns, strict=True)
        if c.computed
    ]
    return names + " definition", kept


def _schemas(contents: Contents) -> _Rows:
    names = contents.session.schemas(contents.database)
    return "name schema_id:i principal_id:i", [(n, schema_id(n), 1) for n in names]


def _databases(contents: Contents) -> _Rows:
    return (
        "name database_id:i collation_name state_desc is_read_only:b "
        "is_read_committed_snapshot_on:b snapshot_isolation_state:i recovery_model_desc "
        "compatibility_level:i",
        [
            (d.name, i, DEFAULT_COLLATION, "ONLINE", d.read_only, True, int(d.snapshot_allowed),
             "SIMPLE", 160)
            for i, d in enumerate(contents.session.engine.databases.values(), 1)
        ],
    )  # fmt: skip


def _types(_: Contents) -> _Rows:
    rows = [(n, i, i, size, p, s, True, False, n, 4) for n, (i, size, p, s) in SYSTEM_TYPES.items()]
    rows.append(("sysname", 231, 256, 256, 0, 0, False, False, "nvarchar", 4))
    return (
        "name system_type_id:i user_type_id:i max_length:i precision:i scale:i is_nullable:b "
        "is_user_defined:b base_name schema_id:i",
        rows,
    )


def _indexes(contents: Contents) -> _Rows:
    clustered = {i.table.object_id for i in contents.indexes if i.key.clustered}
    rows: list[tuple[Any, ...]] = [
        (t.object_id, None, 0, 0, "HEAP", False, False, False, False, None, False)
        for t in contents.tables
        if t.object_id not in clustered
    ]
    rows += [
        (
            i.table.object_id, i.key.name, i.number, i.kind[0], i.kind[1], i.key.kind != "IX",
            i.key.kind == "PK", i.key.kind == "UQ", bool(i.key.condition),
            i.key.condition or None, False,
        )
        for i in contents.indexes
    ]  # fmt: skip
    return (
        "object_id:i name index_id:i type:i type_desc is_unique:b is_primary_key:b "
        "is_unique_constraint:b has_filter:b filter_definition is_disabled:b",
        rows,
    )


def _index_columns(contents: Contents) -> _Rows:
    rows = []
    for index in contents.indexes:
        numbers = {c.name.lower(): n for n, c in enumerate(index.table.columns, 1)}
        parts = [(c, n, False) for n, c in enumerate(index.key.columns, 1)]
        parts += [(c, 0, True) for c in index.key.included]
        rows += [
            (index.table.object_id, index.number, n, numbers[c.lower()], ordinal, False, included)
            for n, (c, ordinal, included) in enumerate(parts, 1)
        ]
    return (
        "object_id:i index_id:i index_column_id:i column_id:i key_ordinal:i is_descending_key:b "
        "is_included_column:b",
        rows,
    )


def _key_constraints(contents: Contents) -> _Rows:
    return "name object_id:i schema_id:i parent_object_id:i type unique_index_id:i is_enforced:b", [
        (
            i.key.name, i.object_id, schema_id(i.table.schema), i.table.object_id, i.key.kind,
            i.number, True,
        )
        for i in contents.indexes
        if i.key.is_constraint
    ]  # fmt: skip


def _defaults(contents: Contents) -> _Rows:
    return "name object_id:i schema_id:i parent_object_id:i parent_column_id:i definition", [
        (
            c.default_name, t.object_id * 1000 + i, schema_id(t.schema), t.object_id, i,
            f"({c.default})",
        )
        for t, i, c in contents.columns
        if c.default
    ]  # fmt: skip


def _checks(contents: Contents) -> _Rows:
    return "name object_id:i schema_id:i parent_object_id:i definition is_disabled:b", [
        (c.name, t.object_id * 1000 + 800 + n, schema_id(t.schema), t.object_id,
         f"({c.condition})", False)
        for t in contents.tables
        for n, c in enumerate(t.checks, 1)
    ]  # fmt: skip


def _referenced(contents: Contents, schema: str, name: str) -> Table | None:
    wanted = (schema.lower(), name.lower())
    return next((t for t in contents.tables if (t.schema.lower(), t.name.lower()) == wanted), None)


def _foreign_keys(contents: Contents) -> _Rows:
    rows = []
    for table in contents.tables:
        for number, key in enumerate(table.foreign_keys, 1):
            target = _referenced(contents, key.schema, key.table)
            rows.append(
                (key.name, table.object_id * 1000 + 850 + number, schema_id(table.schema),
                 table.object_id, target.object_id if target else 0, False)
            )  # fmt: skip
    return (
        "name object_id:i schema_id:i parent_object_id:i referenced_object_id:i is_disabled:b",
        rows,
    )


def _foreign_key_columns(contents: Contents) -> _Rows:
    rows = []
    for table in contents.tables:
        numbers = {c.name.lower(): n for n, c in enumerate(table.columns, 1)}
        for number, key in enumerate(table.foreign_keys, 1):
            target = _referenced(contents, key.schema, key.table)
            theirs = {c.name.lower(): n for n, c in enumerate(target.columns, 1)} if target else {}
            rows += [
                (table.object_id * 1000 + 850 + number, n, table.object_id, numbers[mine.lower()],
                 target.object_id if target else 0, theirs.get(other.lower(), 0))
                for n, (mine, other) in enumerate(
                    zip(key.columns, key.referenced, strict=True), 1
                )
            ]  # fmt: skip
    return (
        "constraint_object_id:i constraint_column_id:i parent_object_id:i parent_column_id:i "
        "referenced_object_id:i referenced_column_id:i",
        rows,
    )


def _partitions(contents: Contents) -> _Rows:
    rows = []
    for table in contents.tables:
        sql = f"SELECT count(*) FROM {table.full_name}"  # noqa: S608 (a quoted name)
        count = contents.session.transaction.read(sql)[0][0]
        number = 1 if any(k.clustered for k in table.keys) else 0
        rows.append((table.object_id * 10, table.object_id, number, 1, count))
    return "partition_id:l object_id:i index_id:i partition_number:i rows:l", rows


def _principals(contents: Contents) -> _Rows:
    names = ["dbo"]
    for login in contents.session.engine.logins.values():
        if user := login.users.get(contents.database.lower()):
            names.append(user.name)
    return "name principal_id:i type type_desc", [
        (name, number, "S", "SQL_USER") for number, name in enumerate(names, 1)
    ]


def _permissions(contents: Contents) -> _Rows:
    numbers = {name.lower(): number for name, number, *_ in _principals(contents)[1]}
    return (
        "class:i class_desc major_id:i minor_id:i grantee_principal_id:i permission_name state "
        "state_desc",
        [
            (1, "OBJECT_OR_COLUMN", t.object_id, 0, numbers.get(g.user.lower(), 0), g.permission,
             "D" if g.denied else "G", "DENY" if g.denied else "GRANT")
            for t in contents.objects
            for g in t.grants
        ],
    )  # fmt: skip


def _nothing(_: Contents) -> _Rows:
    return "object_id:i name parent_id:i parent_object_id:i is_disabled:b", []


def _information_tables(contents: Contents) -> _Rows:
    return "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE", [
        (contents.database, t.schema, t.name, "VIEW" if t.view else "BASE TABLE")
        for t in contents.objects
    ]


def _information_schemata(contents: Contents) -> _Rows:
    names = contents.session.schemas(contents.database)
    rows = [(contents.database, n, "dbo") for n in names]
    return "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER", rows


def _numeric(column: Column) -> int | None:
    return column.kind.shown_precision or None if not _is_time(column) else None


def _is_time(column: Column) -> bool:
    return column.kind.name in SCALED_TIMES | {"date", "datetime", "smalldatetime"}


def _information_columns(contents: Contents) -> _Rows:
    def length(column: Column) -> int | None:
        return column.kind.length or None

    def octets(column: Column) -> int | None:
        return column.kind.max_length if column.kind.length else None

    def fraction(column: Column) -> int | None:
        if column.kind.name == "datetime":
            return 3
        return (
            (column.kind.scale if column.kind.name in SCALED_TIMES else 0)
            if _is_time(column)
            else None
        )

    def scale(column: Column) -> int | None:
        inexact = column.kind.name in {"real", "float", "bit", "uniqueidentifier"}
        skipped = inexact or column.kind.length or _is_time(column)
        return None if skipped else column.kind.shown_scale

    return (
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:i COLUMN_DEFAULT "
        "IS_NULLABLE DATA_TYPE CHARACTER_MAXIMUM_LENGTH:i CHARACTER_OCTET_LENGTH:i "
        "NUMERIC_PRECISION:i NUMERIC_SCALE:i DATETIME_PRECISION:i COLLATION_NAME",
        [
            (
                contents.database, t.schema, t.name, c.name, i, f"({c.default})" if c.default
                else None, "YES" if c.nullable else "NO", c.kind.name, length(c), octets(c),
                _numeric(c) if c.kind.name != "bit" else None, scale(c), fraction(c),
                _collation(c),
            )
            for t, i, c in contents.columns
        ],
    )  # fmt: skip


_CONSTRAINT = (
    "CONSTRAINT_CATALOG CONSTRAINT_SCHEMA CONSTRAINT_NAME TABLE_CATALOG TABLE_SCHEMA TABLE_NAME"
)


def _information_constraints(contents: Contents) -> _Rows:
    database = contents.database
    rows = [
        (database, i.table.schema, i.key.name, database, i.table.schema, i.table.name,
         "PRIMARY KEY" if i.key.kind == "PK" else "UNIQUE")
        for i in contents.indexes
        if i.key.is_constraint
    ]  # fmt: skip
    for table in contents.tables:
        named = [(c.name, "CHECK") for c in table.checks]
        named += [(f.name, "FOREIGN KEY") for f in table.foreign_keys]
        place = (database, table.schema, table.name)
        rows += [(database, table.schema, name, *place, kind) for name, kind in named]
    return _CONSTRAINT + " CONSTRAINT_TYPE", rows


def _information_key_columns(contents: Contents) -> _Rows:
    database = contents.database
    return _CONSTRAINT + " COLUMN_NAME ORDINAL_POSITION:i", [
        (database, i.table.schema, i.key.name, database, i.table.schema, i.table.name, c, n)
        for i in contents.indexes
        if i.key.is_constraint
        for n, c in enumerate(i.key.columns, 1)
    ]


_VIEWS: dict[str, Callable[[Contents], _Rows]] = {
    "sys.tables": _tables,
    "sys.views": _views,
    "sys.objects": _objects,
    "sys.all_objects": _objects,
    "sys.columns": _columns,
    "sys.all_columns": _columns,
    "sys.identity_columns": _identity_columns,
    "sys.computed_columns": _computed_columns,
    "sys.schemas": _schemas,
    "sys.databases": _databases,
    "sys.types": _types,
    "sys.indexes": _indexes,
    "sys.index_columns": _index_columns,
    "sys.key_constraints": _key_constraints,
    "sys.default_constraints": _defaults,
    "sys.check_constraints": _checks,
    "sys.foreign_keys": _foreign_keys,
    "sys.foreign_key_columns": _foreign_key_columns,
    "sys.partitions": _partitions,
    "sys.database_principals": _principals,
    "sys.database_permissions": _permissions,
    "sys.triggers": _nothing,
    "sys.synonyms": _nothing,
    "information_schema.tables": _information_tables,
    "information_schema.schemata": _information_schemata,
    "information_schema.columns": _information_columns,
    "information_schema.table_constraints": _information_constraints,
    "information_schema.key_column_usage": _information_key_columns,
}
