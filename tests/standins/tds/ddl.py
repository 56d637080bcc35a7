"""CREATE, DROP and TRUNCATE."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from standins.tds import definitions, security
from standins.tds.catalog import Column, Key, Table
from standins.tds.errors import ServerError, syntax_error, unsupported
from standins.tds.foreign import referring
from standins.tds.identity import forget
from standins.tds.lexer import (
    Token,
    closing,
    find,
    joined,
    name_parts,
    quote,
    split_commas,
    tokenize,
    unquote,
)
from standins.tds.limits import check_table, warning
from standins.tds.permissions import allowed, demand_alter, demand_database
from standins.tds.running import declared_types
from standins.tds.session import Session
from standins.tds.sqltypes import from_duckdb
from standins.tds.storage import (
    column_source,
    create,
    create_keys,
    describe,
    drop,
    new_table,
    rebuild,
)
from standins.tds.translate import duckdb_text, parse_tokens, scope_of, translate
from standins.tds.translation import Translation, table_parts


def create_object(session: Session, tokens: Sequence[Token]) -> None:
    """CREATE of anything."""
    words = [t.word for t in tokens]
    word = words[1]
    if word == "OR" and len(words) > 4:
        raise unsupported("CREATE OR ALTER")
    makers = {
        "TABLE": _create_table,
        "SCHEMA": _create_schema,
        "DATABASE": _create_database,
        "VIEW": _create_view,
        "LOGIN": security.create_login,
        "USER": security.create_user,
    }
    if word in makers:
        makers[word](session, tokens)
    elif "INDEX" in words[:5]:
        _create_index(session, tokens)
    else:
        raise unsupported(f"CREATE {word}")
    session.engine.plans.clear()
    session.answer.done()


def _create_schema(session: Session, tokens: Sequence[Token]) -> None:
    name = unquote(tokens[2].text)
    demand_database(session.user, "CREATE SCHEMA", session.database, "")
    if name.lower() in {s.lower() for s in session.schemas()}:
        raise ServerError(2714, f"There is already an object named '{name}' in the database.")
    # The place of a table that does not exist yet, so that the database's state is asked.
    place = Table(database=session.database, schema=name, name="", object_id=0, columns=())
    with session.transaction.atomic(changes=[place]):
        sql = f"CREATE SCHEMA {quote(session.database)}.{quote(name)}"
        session.transaction.run(sql, write=True)


def _create_database(session: Session, tokens: Sequence[Token]) -> None:
    if session.transaction.count:
        raise ServerError(
            226, "CREATE DATABASE statement not allowed within multi-statement transaction."
        )
    if not session.login.administrator:
        raise ServerError(262, "CREATE DATABASE permission denied in database 'master'.")
    session.engine.create_database(unquote(tokens[2].text))


def _create_table(session: Session, tokens: Sequence[Token]) -> None:
    start = find(tokens, "(", 2)
    if start is None:
        raise syntax_error(tokens[-1].text)
    stop = closing(tokens, start)
    parts = name_parts(tokens[2:start])
    suffix = f"{session.engine.next_id():X}"
    found = definitions.read(split_commas(tokens[start + 1 : stop]), parts[-1], suffix)
    made = new_table(session, parts)
    with session.transaction.atomic(changes=[made]):
        table = replace(
            made,
            columns=_typed(session, made, found.columns),
            keys=tuple(found.keys),
            checks=tuple(found.checks),
            foreign_keys=tuple(found.foreign_keys),
        )
        create(session, table)
    for key in table.keys:
        if text := warning(table, key):
            session.answer.inform(text, 1945)


def _typed(session: Session, table: Table, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns, computed ones with the type of their expression."""
    stored = [c for c in columns if not c.computed]
    names = ", ".join(f"CAST(NULL AS {c.kind.duckdb}) AS {quote(c.name)}" for c in stored)
    typed = []
    for column in columns:
        if column.computed:
            scope = {table.name.lower(): replace(table, columns=tuple(stored))}
            translation = Translation(session=session, scope=scope, constant=True)
            tree = parse_tokens(session, tokenize("SELECT " + column.computed))
            text = duckdb_text(translate(tree, translation))
            cursor = session.transaction.run(f"{text} FROM (SELECT {names})")
            described = [str(d[1]) for d in cursor.description or ()]
            typed.append(replace(column, kind=from_duckdb(described[0])))
        else:
            typed.append(column)
    return tuple(typed)


def _create_view(session: Session, tokens: Sequence[Token]) -> None:
    at = find(tokens, "AS")
    if at is None:
        raise syntax_error(tokens[-1].text)
    tree = parse_tokens(session, tokens[at + 1 :])
    if not isinstance(tree, exp.Query):
        raise syntax_error(tokens[at + 1].text)
    options = find(tokens, "WITH")
    named = tokens[2 : at if options is None else min(at, options)]
    made = new_table(session, name_parts(named), kind="CREATE VIEW")
    translation = Translation(session=session, scope=scope_of(session, tree), constant=True)
    declared = declared_types(tree, translation)
    base, base_columns = _base(tree)
    translated = duckdb_text(translate(tree, translation))
    run = session.transaction.run
    with session.transaction.atomic(changes=[made]):
        run(f"CREATE VIEW {made.full_name} AS {translated}", write=True)
        described = run(f"SELECT * FROM {made.full_name} LIMIT 0").description or ()
        columns = []
        for name, kind, *_ in described:
            known = declared.get(name.lower())
            source = known[1] if known else None
            columns.append(
                replace(source, name=name)
                if source
                else Column(name=name, kind=known[0] if known else from_duckdb(str(kind)))
            )
        describe(
            session,
            replace(
                made,
                columns=tuple(columns),
                view=joined(tokens),
                base=base,
                base_columns=base_columns,
            ),
        )


def _base(tree: exp.Expr) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the table that a simple view writes through to: one table, plain columns."""
    source = tree.args.get("from_")
    complex_parts = ("joins", "group", "distinct", "having", "limit")
    if not isinstance(tree, exp.Select) or any(tree.args.get(p) for p in complex_parts):
        return (), ()
    if source is None or not isinstance(source.this, exp.Table):
        return (), ()
    plain = all(e.is_star or isinstance(e, exp.Column) for e in tree.expressions)
    if not plain:
        return (), ()
    parts = tuple(table_parts(source.this))
    return (parts if len(parts) > 1 else ("dbo", *parts)), ()


def _create_index(session: Session, tokens: Sequence[Token]) -> None:
    words = [t.word for t in tokens]
    at, on = words.index("INDEX"), words.index("ON")
    start = find(tokens, "(", on)
    where = find(tokens, "WHERE", on)
    columns: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    end = start if start is not None else find(tokens, "WITH", on) or len(tokens)
    if start is not None:
        stop = closing(tokens, start)
        columns = definitions.names(tokens[start + 1 : stop])
        more = find(tokens, "INCLUDE", stop)
        if more is not None:
            inside = tokens[more + 2 : closing(tokens, more + 1)]
            included = definitions.names(inside)
    key = Key(
        name=unquote(tokens[at + 1].text),
        kind="UX" if "UNIQUE" in words[:at] else "IX",
        columns=columns,
        clustered="CLUSTERED" in words[:at],
        columnstore="COLUMNSTORE" in words[:at],
        included=included,
        condition=joined(tokens[where + 1 :]) if where is not None else "",
    )
    parts = name_parts(tokens[on + 1 : end])
    table = session.need(parts)
    demand_alter(session.user_of(table), table)
    if any(k.name.lower() == key.name.lower() for k in table.keys):
        raise ServerError(
            1913, "The operation failed because an index or statistics with name "
            f"'{key.name}' already exists on table '{table.shown_name}'."
        )  # fmt: skip
    changed = replace(table, keys=(*table.keys, key))
    check_table(changed)
    with session.transaction.atomic(changes=[table]):
        create_keys(session, changed, [key])
        describe(session, changed)
    if text := warning(changed, key):
        session.answer.inform(text, 1945)


def drop_object(session: Session, tokens: Sequence[Token]) -> None:
    """DROP of anything."""
    words = [t.word for t in tokens]
    quiet = words[2:4] == ["IF", "EXISTS"]
    items = split_commas(tokens[4 if quiet else 2 :])
    droppers = {
        "TABLE": _drop_table,
        "VIEW": _drop_table,
        "INDEX": _drop_index,
        "SCHEMA": _drop_schema,
        "DATABASE": _drop_database,
        "LOGIN": security.drop_login,
        "USER": security.drop_user,
    }
    if words[1] not in droppers:
        if not quiet:
            raise unsupported(f"DROP {words[1]}")
        items = []
    for item in items:
        droppers[words[1]](session, item, quiet=quiet)
    session.engine.plans.clear()
    session.answer.done()


def _cannot_drop(kind: str, name: str) -> ServerError:
    return ServerError(
        3701, f"Cannot drop the {kind} '{name}', because it does not exist or you do not have "
        "permission."
    )  # fmt: skip


def _drop_table(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    parts = name_parts(item)
    table = session.find(parts)
    if table is None:
        if quiet:
            return
        raise _cannot_drop("table", parts[-1])
    if not allowed(session.user_of(table), "ALTER", table):
        raise _cannot_drop("table", parts[-1])
    if any(other.object_id != table.object_id for other, _ in referring(session, table)):
        raise ServerError(
            3726, f"Could not drop object '{table.shown_name}' because it is referenced by a "
            "FOREIGN KEY constraint."
        )  # fmt: skip
    with session.transaction.atomic(changes=[table]):
        drop(session, table)


def _drop_index(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    at = find(item, "ON")
    if at is None:
        raise syntax_error(item[-1].text)
    name = unquote(item[0].text)
    end = find(item, "WITH", at) or len(item)
    table = session.need(name_parts(item[at + 1 : end]))
    demand_alter(session.user_of(table), table)
    key = next((k for k in table.keys if k.name.lower() == name.lower()), None)
    if key is None:
        if quiet:
            return
        raise _cannot_drop("index", f"{table.shown_name}.{name}")
    if key.is_constraint:
        raise ServerError(
            3723, f"An explicit DROP INDEX is not allowed on index '{table.shown_name}.{name}'. It "
            "is being used for PRIMARY KEY constraint enforcement."
        )  # fmt: skip
    changed = replace(table, keys=tuple(k for k in table.keys if k is not key))
    with session.transaction.atomic(changes=[table]):
        rebuild(session, table, changed, column_source(table))


def _drop_schema(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    name = name_parts(item)[-1]
    known = name.lower() in {s.lower() for s in session.schemas()}
    if not known:
        if quiet:
            return
        raise _cannot_drop("schema", name)
    if any(t.schema.lower() == name.lower() for t in session.tables()):
        raise ServerError(
            3729, f"Cannot drop schema '{name}' because it is being referenced by another object."
        )
    place = Table(database=session.database, schema=name, name="", object_id=0, columns=())
    with session.transaction.atomic(changes=[place]):
        sql = f"DROP SCHEMA {quote(session.database)}.{quote(name)}"
        session.transaction.run(sql, write=True)


def _drop_database(session: Session, item: Sequence[Token], *, quiet: bool) -> None:
    name = unquote(item[0].text)
    database = session.engine.database(name)
    if database is None:
        if quiet:
            return
        raise _cannot_drop("database", name)
    if session.engine.in_use(database.name):
        raise ServerError(
            3702, f'Cannot drop database "{database.name}" because it is currently in use.'
        )
    session.engine.drop_database(database.name)


def truncate(session: Session, tokens: Sequence[Token]) -> None:
    """TRUNCATE TABLE."""
    table = session.find(name_parts(tokens[2:]))
    if table is None or not allowed(session.user_of(table), "ALTER", table):
        raise ServerError(
            4701, f'Cannot find the object "{joined(tokens[2:]).strip()}" because it does not '
            "exist or you do not have permissions."
        )  # fmt: skip
    if any(other.object_id != table.object_id for other, _ in referring(session, table)):
        raise ServerError(
            4712, f"Cannot truncate table '{table.shown_name}' because it is being referenced by a "
            "FOREIGN KEY constraint."
        )  # fmt: skip
    with session.transaction.atomic(changes=[table]):
        sql = f"DELETE FROM {table.full_name}"
        session.transaction.run(sql, write=True)
    forget(session, table)
    session.answer.done()
