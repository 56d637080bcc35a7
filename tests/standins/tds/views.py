"""The rows of system views: those of sys here, INFORMATION_SCHEMA's beside it."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from standins.tds import information
from standins.tds.catalog import DEFAULT_COLLATION, Table
from standins.tds.contents import Contents, Rows, collation
from standins.tds.functions import schema_id
from standins.tds.native import invalid_object
from standins.tds.session import Session
from standins.tds.sqltypes import SYSTEM_TYPES

#: Views whose rows change although no definition does.
VOLATILE = frozenset({"sys.partitions", "sys.databases", "sys.database_principals"})
_ARROW = {"i": pa.int32(), "l": pa.int64(), "b": pa.bool_()}


def rows_of(session: Session, view: str, database: str) -> pa.Table:
    """Return the contents of a system view, named in lower case. Raises 208."""
    make = _VIEWS.get(view) or information.VIEWS.get(view)
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


_OBJECT = (
    "name object_id:i schema_id:i type type_desc parent_object_id:i is_ms_shipped:b principal_id:i"
)


def _tables(contents: Contents) -> Rows:
    flags = "is_replicated:b is_published:b is_tracked_by_cdc:b is_memory_optimized:b"
    return f"{_OBJECT} temporal_type:i is_external:b {flags}", [
        (
            t.name,
            t.object_id,
            schema_id(t.schema),
            "U ",
            "USER_TABLE",
            0,
            False,
            None,
            0,
            *[False] * 5,
        )
        for t in contents.tables
    ]


def _views(contents: Contents) -> Rows:
    return _OBJECT, [
        (t.name, t.object_id, schema_id(t.schema), "V ", "VIEW", 0, False, None)
        for t in contents.objects
        if t.view
    ]


def _objects(contents: Contents) -> Rows:
    rows: list[tuple[Any, ...]] = [row[:8] for row in _tables(contents)[1]]
    rows += _views(contents)[1]
    for name, number, schema, parent, _, _ in _defaults(contents)[1]:
        rows.append((name, number, schema, "D ", "DEFAULT_CONSTRAINT", parent, False, None))
    for name, number, schema, parent, kind, _, _ in _key_constraints(contents)[1]:
        described = "PRIMARY_KEY_CONSTRAINT" if kind == "PK" else "UNIQUE_CONSTRAINT"
        rows.append((name, number, schema, kind, described, parent, False, None))
    for name, number, schema, parent, *_ in _checks(contents)[1]:
        rows.append((name, number, schema, "C ", "CHECK_CONSTRAINT", parent, False, None))
    for name, number, schema, parent, *_ in _foreign_keys(contents)[1]:
        rows.append((name, number, schema, "F ", "FOREIGN_KEY_CONSTRAINT", parent, False, None))
    return _OBJECT, rows


def _columns(contents: Contents) -> Rows:
    return (
        ("object_id:i name column_id:i system_type_id:i user_type_id:i max_length:i precision:i "
        "scale:i collation_name is_nullable:b is_identity:b is_computed:b default_object_id:i "
        "is_hidden:b generated_always_type:i is_rowguidcol:b is_masked:b "
        "encryption_type:i"),
        [
            (
                t.object_id, c.name, i, SYSTEM_TYPES[c.kind.name][0], SYSTEM_TYPES[c.kind.name][0],
                c.kind.max_length, c.kind.shown_precision, c.kind.shown_scale, collation(c),
                c.nullable, c.identity is not None, c.computed is not None,
                t.object_id * 1000 + i if c.default else 0, False, 0, False, False, None,
            )
            for t, i, c in contents.columns
        ],
    )  # fmt: skip


def _identity_columns(contents: Contents) -> Rows:
    names, rows = _columns(contents)
    kept = [
        (*row, c.identity[0], c.identity[1])
        for row, (_, _, c) in zip(rows, contents.columns, strict=True)
        if c.identity
    ]
    return names + " seed_value:l increment_value:l", kept


def _computed_columns(contents: Contents) -> Rows:
    names, rows = _columns(contents)
    kept = [
        (*row, f"({c.computed})")
        for row, (_, _, c) in zip(rows, contents.columns, strict=True)
        if c.computed
    ]
    return names + " definition", kept


def _schemas(contents: Contents) -> Rows:
    names = contents.session.schemas(contents.database)
    return "name schema_id:i principal_id:i", [(n, schema_id(n), 1) for n in names]


def _databases(contents: Contents) -> Rows:
    return (
        ("name database_id:i collation_name state_desc is_read_only:b "
        "is_read_committed_snapshot_on:b snapshot_isolation_state:i recovery_model_desc "
        "compatibility_level:i"),
        [
            (d.name, i, DEFAULT_COLLATION, "ONLINE", d.read_only, True, int(d.snapshot_allowed),
             "SIMPLE", 160)
            for i, d in enumerate(contents.session.engine.databases.values(), 1)
        ],
    )  # fmt: skip


def _types(_: Contents) -> Rows:
    rows = [(n, i, i, size, p, s, True, False, n, 4) for n, (i, size, p, s) in SYSTEM_TYPES.items()]
    rows.append(("sysname", 231, 256, 256, 0, 0, False, False, "nvarchar", 4))
    return (
        (
            "name system_type_id:i user_type_id:i max_length:i precision:i scale:i is_nullable:b "
            "is_user_defined:b base_name schema_id:i"
        ),
        rows,
    )


def _indexes(contents: Contents) -> Rows:
    clustered = {i.table.object_id for i in contents.indexes if i.key.clustered}
    rows: list[tuple[Any, ...]] = [
        (t.object_id, None, 0, 0, "HEAP", False, False, False, False, None, False, 1)
        for t in contents.tables
        if t.object_id not in clustered
    ]
    rows += [
        (
            i.table.object_id, i.key.name, i.number, i.kind[0], i.kind[1], i.key.kind != "IX",
            i.key.kind == "PK", i.key.kind == "UQ", bool(i.key.condition),
            i.key.condition or None, False, 1,
        )
        for i in contents.indexes
    ]  # fmt: skip
    return (
        (
            "object_id:i name index_id:i type:i type_desc is_unique:b is_primary_key:b "
            "is_unique_constraint:b has_filter:b filter_definition is_disabled:b data_space_id:i"
        ),
        rows,
    )


def _index_columns(contents: Contents) -> Rows:
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
        (
            "object_id:i index_id:i index_column_id:i column_id:i key_ordinal:i "
            "is_descending_key:b is_included_column:b"
        ),
        rows,
    )


def _key_constraints(contents: Contents) -> Rows:
    return "name object_id:i schema_id:i parent_object_id:i type unique_index_id:i is_enforced:b", [
        (
            i.key.name, i.object_id, schema_id(i.table.schema), i.table.object_id, i.key.kind,
            i.number, True,
        )
        for i in contents.indexes
        if i.key.is_constraint
    ]  # fmt: skip


def _defaults(contents: Contents) -> Rows:
    return "name object_id:i schema_id:i parent_object_id:i parent_column_id:i definition", [
        (
            c.default_name, t.object_id * 1000 + i, schema_id(t.schema), t.object_id, i,
            f"({c.default})",
        )
        for t, i, c in contents.columns
        if c.default
    ]  # fmt: skip


def _checks(contents: Contents) -> Rows:
    return "name object_id:i schema_id:i parent_object_id:i definition is_disabled:b", [
        (c.name, t.object_id * 1000 + 800 + n, schema_id(t.schema), t.object_id,
         f"({c.condition})", False)
        for t in contents.tables
        for n, c in enumerate(t.checks, 1)
    ]  # fmt: skip


def _referenced(contents: Contents, schema: str, name: str) -> Table | None:
    wanted = (schema.lower(), name.lower())
    return next((t for t in contents.tables if (t.schema.lower(), t.name.lower()) == wanted), None)


def _foreign_keys(contents: Contents) -> Rows:
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


def _foreign_key_columns(contents: Contents) -> Rows:
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
        (
            "constraint_object_id:i constraint_column_id:i parent_object_id:i parent_column_id:i "
            "referenced_object_id:i referenced_column_id:i"
        ),
        rows,
    )


def _partitions(contents: Contents) -> Rows:
    rows = []
    for table in contents.tables:
        sql = f"SELECT count(*) FROM {table.full_name}"
        count = contents.session.transaction.read(sql)[0][0]
        number = 1 if any(k.clustered for k in table.keys) else 0
        rows.append((table.object_id * 10, table.object_id, number, 1, count))
    return "partition_id:l object_id:i index_id:i partition_number:i rows:l", rows


def _principals(contents: Contents) -> Rows:
    database = contents.database.lower()
    logins = contents.session.engine.logins.values()
    names = ["dbo", *(u.name for login in logins if (u := login.users.get(database)))]
    return "name principal_id:i type type_desc", [
        (name, number, "S", "SQL_USER") for number, name in enumerate(names, 1)
    ]


def _permissions(contents: Contents) -> Rows:
    numbers = {name.lower(): number for name, number, *_ in _principals(contents)[1]}
    return (
        ("class:i class_desc major_id:i minor_id:i grantee_principal_id:i permission_name state "
        "state_desc"),
        [
            (1, "OBJECT_OR_COLUMN", t.object_id, 0, numbers.get(g.user.lower(), 0), g.permission,
             "D" if g.denied else "G", "DENY" if g.denied else "GRANT")
            for t in contents.objects
            for g in t.grants
        ],
    )  # fmt: skip


def _dependencies(contents: Contents) -> Rows:
    """Views that are bound to the table that they show."""
    rows = []
    for view in contents.objects:
        if "SCHEMABINDING" not in view.view.upper() or not view.base:
            continue
        target = _referenced(contents, *view.base[-2:])
        rows.append((view.object_id, target.object_id if target else None, True))
    return "referencing_id:i referenced_id:i is_schema_bound_reference:b", rows


def _nothing(_: Contents) -> Rows:
    return (
        (
            "object_id:i name parent_id:i parent_object_id:i is_disabled:b class:i major_id:i "
            "target_object_id:i user_created:b data_space_id:i"
        ),
        [],
    )


_VIEWS: dict[str, Callable[[Contents], Rows]] = {
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
    "sys.change_tracking_tables": _nothing,
    "sys.extended_properties": _nothing,
    "sys.fulltext_indexes": _nothing,
    "sys.partition_schemes": _nothing,
    "sys.security_predicates": _nothing,
    "sys.sql_expression_dependencies": _dependencies,
    "sys.stats": _nothing,
    "sys.triggers": _nothing,
    "sys.synonyms": _nothing,
}
