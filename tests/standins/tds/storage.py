"""Tables in DuckDB: how a definition is made real, changed and dropped."""

from collections.abc import Mapping, Sequence

from standins.tds.catalog import Column, Key, Table, dump
from standins.tds.errors import ServerError
from standins.tds.lexer import literal, quote
from standins.tds.limits import check_table, key_limit
from standins.tds.native import CHECKED, LONG_KEY, TRUNCATION, mark
from standins.tds.permissions import demand_database
from standins.tds.session import Session
from standins.tds.sqltypes import SqlType
from standins.tds.translate import constant


def new_table(session: Session, parts: Sequence[str], *, kind: str = "CREATE TABLE") -> Table:
    """Return an empty definition for a name that is free. Raises 262, 2714, 2760, 193."""
    database, schema, name = session.place(parts)
    if name.startswith("#"):
        if len(name) > 116:
            raise ServerError(
                193, f"The object or column name starting with '{name[:30]}' is too long. The "
                "maximum length is 116 characters."
            )  # fmt: skip
    else:
        known = {s.lower(): s for s in session.schemas(database)}
        if schema.lower() not in known:
            raise ServerError(
                2760, f'The specified schema name "{schema}" either does not exist or you do not '
                "have permission to use it."
            )  # fmt: skip
        schema = known[schema.lower()]
        demand_database(session.login.user(database.lower()), kind, database, schema)
    if session.find(parts):
        raise ServerError(2714, f"There is already an object named '{name}' in the database.")
    return Table(
        database=database,
        schema=schema,
        name=name,
        object_id=session.engine.next_id(),
        columns=(),
    )


def sequence(table: Table) -> str:
    """Return the name of the sequence behind the identity column."""
    name = quote(f"__identity_{table.object_id}")
    if table.is_temporary:
        return f"temp.main.{name}"
    return f"{quote(table.database)}.{quote(table.schema)}.{name}"


def create(session: Session, table: Table) -> None:
    """Create a table with all that belongs to it. Raises the limits' errors."""
    check_table(table)
    if table.identity:
        create_sequence(session, table)
    _create(session, table)
    create_keys(session, table, table.keys)


def create_sequence(session: Session, table: Table) -> None:
    """Create the sequence behind the identity column."""
    if table.identity is None or table.identity.identity is None:
        return
    seed, step = table.identity.identity
    temporary = "TEMP " if table.is_temporary else ""
    session.transaction.run(
        f"CREATE {temporary}SEQUENCE {sequence(table)} START {seed} INCREMENT {step} "
        "MINVALUE -9223372036854775807 MAXVALUE 9223372036854775807",
        write=True,
    )


def _create(session: Session, table: Table) -> None:
    lines = [_column(session, table, c) for c in table.columns]
    scope = {table.name.lower(): table}
    lines += [
        f"CHECK ({mark(CHECKED, c.name)} AND ({constant(session, c.condition, scope)}))"
        for c in table.checks
    ]
    lines += [_key_length(table, k) for k in table.keys if _key_length(table, k)]
    temporary = "TEMP " if table.is_temporary else ""
    run = session.transaction.run
    run(f"CREATE {temporary}TABLE {table.full_name} ({', '.join(lines)})", write=True, table=table)
    describe(session, table)


def create_keys(session: Session, table: Table, keys: Sequence[Key]) -> None:
    """Make unique keys be kept. Raises 1505."""
    for key in keys:
        if key.unique:
            name = quote(f"__key_{table.object_id}_{session.engine.next_id()}")
            columns = ", ".join(_compared(table, table.column(c)) for c in key.columns)
            sql = f"CREATE UNIQUE INDEX {name} ON {table.full_name} ({columns})"
            only = Table(
                database=table.database,
                schema=table.schema,
                name=table.name,
                object_id=table.object_id,
                columns=table.columns,
                keys=(key,),
            )
            session.transaction.run(sql, write=True, table=only, ddl=True)


def describe(session: Session, table: Table) -> None:
    """Write the definition down."""
    session.engine.foreign_keys = session.engine.foreign_keys or bool(table.foreign_keys)
    kind = "VIEW" if table.view else "TABLE"
    sql = f"COMMENT ON {kind} {table.full_name} IS {literal(dump(table))}"
    session.transaction.run(sql, write=True)


def rebuild(session: Session, old: Table, new: Table, source: Mapping[str, str]) -> None:
    """Replace a table by another definition of it.

    ``source`` gives an expression over the old table for the new columns that get values.
    """
    check_table(new)
    run = session.transaction.run
    kept = f"temp.main.{quote(f'__kept_{old.object_id}')}"
    sql = f"CREATE TEMP TABLE {kept.removeprefix('temp.main.')} AS SELECT * FROM {old.full_name}"
    run(sql, write=True)
    run(f"DROP TABLE {old.full_name}", write=True)
    _create(session, new)
    columns = [c for c in new.columns if c.name in source and not c.computed]
    names = ", ".join(quote(c.name) for c in columns)
    values = ", ".join(source[c.name] for c in columns)
    run(
        f"INSERT INTO {new.full_name} ({names}) SELECT {values} FROM {kept}",
        write=True,
        ddl=True,
        table=new,
    )
    create_keys(session, new, new.keys)
    run(f"DROP TABLE {kept}", write=True)


def drop(session: Session, table: Table) -> None:
    """Drop a table or view."""
    run = session.transaction.run
    if table.view:
        run(f"DROP VIEW {table.full_name}", write=True)
        return
    run(f"DROP TABLE {table.full_name}", write=True)
    if table.identity:
        run(f"DROP SEQUENCE {sequence(table)}", write=True)


def column_source(table: Table) -> dict[str, str]:
    """Return the columns of a table as `rebuild` takes them when nothing changes."""
    return {c.name: quote(c.name) for c in table.columns}


def storage_type(column: Column) -> str:
    """Return the DuckDB type of a column, with how it compares."""
    if column.kind.is_text and column.kind.name != "xml":
        return f"VARCHAR COLLATE {'C' if column.compared_by_case else 'NOCASE'}"
    return column.kind.duckdb


def _column(session: Session, table: Table, column: Column) -> str:
    name = quote(column.name)
    if column.computed:
        expression = constant(session, column.computed, {table.name.lower(): table})
        return f"{name} GENERATED ALWAYS AS ({expression}) VIRTUAL"
    parts = [name, storage_type(column)]
    if not column.nullable:
        parts.append("NOT NULL")
    if column.identity:
        parts.append(f"DEFAULT nextval({literal(sequence(table))})")
    elif column.default:
        parts.append(f"DEFAULT ({constant(session, column.default)})")
    fits = _fits(column.kind, name)
    if fits:
        parts.append(f"CHECK ({mark(TRUNCATION, column.name)} AND {fits})")
    return " ".join(parts)


def _units(name: str) -> str:
    """Return UTF-16 code units of a text column; CHECKs cannot use macros of a session."""
    high = r"regexp_replace(" + name + r", '[^\x{10000}-\x{10FFFF}]', '', 'g')"
    return f"(length({name}) + length({high}))"


def _fits(kind: SqlType, name: str) -> str:
    if kind.length <= 0:
        return ""
    if kind.is_text:
        # Spaces at the end that do not fit are dropped without an error.
        return f"{_units(f'rtrim({name})')} <= {kind.length}"
    return f"octet_length({name}) <= {kind.length}"


def _compared(table: Table, column: Column | None) -> str:
    """Return what two rows may not have in common: case as collated, no spaces, one NULL."""
    if column is None:
        raise ServerError(1911, f"Column name does not exist in the table '{table.name}'.")
    name = quote(column.name)
    value = name
    if column.kind.is_text:
        value = f"rtrim({name})" if column.compared_by_case else f"lower(rtrim({name}))"
    if column.nullable:
        return f"(coalesce('v' || CAST({value} AS VARCHAR), 'n'))"
    return f"({value})"


def _key_length(table: Table, key: Key) -> str:
    """Return a CHECK that refuses entries that are too long, for keys that could be."""
    if key.columnstore:
        return ""
    limit = key_limit(key)
    columns = [c for c in map(table.column, key.columns) if c]
    if sum(c.kind.max_length for c in columns) <= limit:
        return ""
    sizes = []
    for column in columns:
        name = quote(column.name)
        if column.kind.is_text:
            times = 2 if column.kind.is_unicode else 1
            sizes.append(f"coalesce({times} * {_units(name)}, 0)")
        elif column.kind.length:
            sizes.append(f"coalesce(octet_length({name}), 0)")
        else:
            sizes.append(str(column.kind.max_length))
    kind = "clustered" if key.clustered else "nonclustered"
    text = mark(LONG_KEY, key.name, str(limit), kind)
    return f"CHECK ({text} AND {' + '.join(sizes)} <= {limit})"
