"""Tables, columns and schemas as T-SQL, within SQL Server's limits."""

from typing import cast

from sqlglot import exp

from syncline.destinations.sqlserver_sql import Columns, quoted, table_name, text_literal
from syncline.destinations.sqlserver_types import BINARY_COLLATION
from syncline.errors import SchemaRefused
from syncline.model.types import key_bytes

_COLUMNS = 1024
_KEY_COLUMNS = 32
#: Bytes of an index key, if the table is sorted by it and if not.
_CLUSTERED, _NONCLUSTERED = 900, 1700
_NAME = 128


def render_ddl(statement: exp.Create | exp.Drop | exp.Alter, columns: Columns) -> str:
    """Return a change of schema as T-SQL; every table has its schema.

    Raises `SchemaRefused` for what SQL Server has no room for.
    """
    if isinstance(statement.this, exp.Index):
        return _index(statement)
    if isinstance(statement, exp.Drop):
        guard = "IF EXISTS " if statement.args.get("exists") else ""
        tables = [
            *(statement.args.get("tables") or ()),
            *([statement.this] if statement.this else ()),
        ]
        return f"DROP {statement.kind} {guard}" + ", ".join(table_name(t) for t in tables)
    if isinstance(statement, exp.Alter):
        return "; ".join(_altered(statement.this, a, columns) for a in statement.args["actions"])
    if statement.kind == "SCHEMA":
        return _schema(statement)
    return _table(statement)


def check_names(statement: exp.Expression) -> None:
    """Refuse names that are too long, before anything is sent."""
    for identifier in statement.find_all(exp.Identifier):
        units = len(identifier.name.encode("utf-16-le")) // 2
        if units > _NAME:
            raise SchemaRefused(
                f"the name {identifier.name[:40]!r}… has {units} characters; SQL Server allows "
                f"{_NAME}",
                hint="give a shorter name in 'columns:', or with AS in the query",
            )


def _schema(statement: exp.Create) -> str:
    name = statement.this.db
    # CREATE SCHEMA has to be alone in its batch.
    create = f"EXEC (N'CREATE SCHEMA {quoted(name).replace(chr(39), chr(39) * 2)}')"
    return f"IF SCHEMA_ID({text_literal(name)}) IS NULL {create}" if _guarded(statement) else create


def _table(statement: exp.Create) -> str:
    table = statement.this.this
    definitions = [d for d in statement.this.expressions if isinstance(d, exp.ColumnDef)]
    if len(definitions) > _COLUMNS:
        raise SchemaRefused(
            f"{table.name}: a table of {len(definitions)} columns; SQL Server allows {_COLUMNS}",
            hint="choose fewer columns in 'columns:' or in the query",
        )
    parts = [_definition(d) for d in definitions]
    parts += [
        _primary_key(table, k, definitions)
        for k in statement.this.expressions
        if isinstance(k, exp.PrimaryKey)
    ]
    name = table_name(table)
    create = f"CREATE TABLE {name} ({', '.join(parts)})"
    return f"IF OBJECT_ID({text_literal(name)}) IS NULL {create}" if _guarded(statement) else create


def _index(statement: exp.Create | exp.Drop | exp.Alter) -> str:
    index = statement.this
    name, table = index.name, table_name(index.args["table"])
    if isinstance(statement, exp.Drop):
        return f"DROP INDEX IF EXISTS {quoted(name)} ON {table}"
    parameters = index.args["params"]
    columns = ", ".join(quoted(c.name) for c in parameters.args["columns"])
    kind = parameters.args["using"].name
    create = f"CREATE {kind} INDEX {quoted(name)} ON {table}" + (f" ({columns})" if columns else "")
    there = (
        f"SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID({text_literal(table)}) "  # noqa: S608 (quoted)
        f"AND name = {text_literal(name)}"
    )
    return f"IF NOT EXISTS ({there}) {create}"


def _guarded(statement: exp.Create) -> bool:
    return bool(statement.args.get("exists"))


def _definition(definition: exp.ColumnDef) -> str:
    kind = _type(definition)
    required = any(
        isinstance(c.kind, exp.NotNullColumnConstraint) for c in definition.args["constraints"]
    )
    # Keys that differ in case only are two keys, whatever the database's collation says.
    collation = f" COLLATE {BINARY_COLLATION}" if required and kind.startswith("NVARCHAR") else ""
    return f"{quoted(definition.name)} {kind}{collation} {'NOT NULL' if required else 'NULL'}"


def _primary_key(table: exp.Table, key: exp.PrimaryKey, definitions: list[exp.ColumnDef]) -> str:
    kinds = {d.name: d.args["kind"] for d in definitions}
    names = [c.name for c in key.expressions]
    size = key_bytes(kinds[n] for n in names)
    if size is None or len(names) > _KEY_COLUMNS or size > _NONCLUSTERED:
        raise SchemaRefused(
            f"{table.name}: the key ({', '.join(names)}) takes "
            f"{'any number of' if size is None else size} bytes in {len(names)} column(s); "
            f"SQL Server allows {_NONCLUSTERED} bytes in {_KEY_COLUMNS}",
            hint="choose a shorter key, or give its text columns a size in the profile",
        )
    clustered = "" if size <= _CLUSTERED else " NONCLUSTERED"
    return f"PRIMARY KEY{clustered} ({', '.join(map(quoted, names))})"


def _altered(table: exp.Table, action: exp.Expr, columns: Columns) -> str:
    name = table_name(table)
    if isinstance(action, exp.AlterRename):
        new = text_literal(action.this.name)
        return (
            f"EXEC sp_rename @objname = {text_literal(name)}, @newname = {new}, "
            "@objtype = N'OBJECT'"
        )
    if isinstance(action, exp.AlterColumn):
        return f"ALTER TABLE {name} ALTER COLUMN {_retyped(table, action, columns)}"
    return f"ALTER TABLE {name} ADD {_definition(cast('exp.ColumnDef', action))}"


def _retyped(table: exp.Table, action: exp.AlterColumn, columns: Columns) -> str:
    """Return a column with its new type and, what ALTER COLUMN forgets, all else it was."""
    kind = action.args["dtype"].sql(dialect="tsql")
    held = columns(table).get(action.name.lower())
    keeps_collation = held and held.collation and kind.startswith(("NVARCHAR", "VARCHAR"))
    collation = f" COLLATE {held.collation}" if held and keeps_collation else ""
    null = "NOT NULL" if held and not held.nullable else "NULL"
    return f"{quoted(action.name)} {kind}{collation} {null}"


def _type(definition: exp.ColumnDef) -> str:
    return str(definition.args["kind"].sql(dialect="tsql")).upper().replace(", ", ",")
