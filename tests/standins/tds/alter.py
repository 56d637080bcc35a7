"""ALTER TABLE, ALTER DATABASE, ALTER SCHEMA .. TRANSFER and sp_rename."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from standins.tds import definitions, security
from standins.tds.catalog import Column, Table
from standins.tds.definitions import Definitions
from standins.tds.errors import Cancelled, ServerError, syntax_error
from standins.tds.foreign import check
from standins.tds.lexer import Token, find, joined, name_parts, quote, split_commas, unquote
from standins.tds.limits import warning
from standins.tds.permissions import demand_alter
from standins.tds.rename import moved_to
from standins.tds.session import Session
from standins.tds.sqltypes import DECIMALS, MAX
from standins.tds.storage import (
    column_source,
    create_sequence,
    rebuild,
    sequence,
)
from standins.tds.translate import constant

_ATTEMPTS, _PAUSE = 100, 0.05
_ACTIONS = frozenset(
    {"ADD", "ALTER", "DROP", "WITH", "SET", "REBUILD", "NOCHECK", "CHECK", "SWITCH", "ENABLE"}
)


def alter(session: Session, tokens: Sequence[Token]) -> None:
    """ALTER of anything."""
    word = tokens[1].word
    makers: dict[str, Callable[[Session, Sequence[Token]], None]] = {
        "TABLE": _alter_table,
        "DATABASE": _alter_database,
        "ROLE": security.alter_role,
        "SCHEMA": _transfer,
    }
    if word in makers:
        makers[word](session, tokens)
    session.engine.plans.clear()
    session.answer.done()


def _alter_database(session: Session, tokens: Sequence[Token]) -> None:
    name = session.database if tokens[2].word == "CURRENT" else unquote(tokens[2].text)
    database = session.engine.database(name)
    if database is None:
        raise ServerError(5011, f"User does not have permission to alter database '{name}'.")
    words = [t.word for t in tokens[3:]]
    if "READ_ONLY" in words or "READ_WRITE" in words:
        database.read_only = "READ_ONLY" in words
    if "SINGLE_USER" in words:
        _end_others(session, database.name)
    if "ALLOW_SNAPSHOT_ISOLATION" in words:
        database.snapshot_allowed = words[-1] == "ON"
    session.engine.save()


def _end_others(session: Session, database: str) -> None:
    """Break the other sessions of a database, and wait until they are gone."""
    others = [s for s, name in session.engine.used.items() if name == database and s is not session]
    for other in others:
        other.end()
    for _ in range(_ATTEMPTS):
        if not any(other in session.engine.used for other in others):
            return
        if session.cancelled.wait(_PAUSE):
            raise Cancelled
    raise ServerError(5061, "ALTER DATABASE failed because a lock could not be placed.")


def _transfer(session: Session, tokens: Sequence[Token]) -> None:
    at = find(tokens, "TRANSFER")
    if at is None:
        return
    schema = unquote(tokens[2].text)
    start = at + 4 if tokens[at + 1].word == "OBJECT" and tokens[at + 2].text == ":" else at + 1
    table = session.need(name_parts(tokens[start:]))
    moved = replace(table, schema=schema)
    with session.transaction.atomic(changes=[table, moved]):
        moved_to(session, table, moved)


def _alter_table(session: Session, tokens: Sequence[Token]) -> None:
    at = next(
        (i for i, t in enumerate(tokens) if i > 2 and t.kind == "name" and t.word in _ACTIONS),
        None,
    )
    if at is None:
        raise syntax_error(tokens[-1].text)
    parts = name_parts(tokens[2:at])
    checked = True
    if tokens[at].word == "WITH":
        checked = tokens[at + 1].word == "CHECK"
        at += 2
    table = session.find(parts)
    if table is None:
        raise ServerError(
            4902, f'Cannot find the object "{".".join(parts)}" because it does not exist or you do '
            "not have permissions."
        )  # fmt: skip
    demand_alter(session.user_of(table), table)
    action, rest = tokens[at].word, tokens[at + 1 :]
    with session.transaction.atomic(changes=[table]):
        if action == "ADD":
            _add(session, table, rest, checked=checked)
        elif action == "ALTER":
            _alter_column(session, table, rest)
        elif action == "DROP":
            _drop(session, table, rest)


def _add(session: Session, table: Table, rest: Sequence[Token], *, checked: bool) -> None:
    suffix = f"{session.engine.next_id():X}"
    found = Definitions(table.name, suffix)
    new, source = table, column_source(table)
    for item in split_commas(rest):
        head = item[0].word if item[0].kind == "name" else ""
        words = [t.word for t in item]
        if head in {"CONSTRAINT", "DEFAULT"} and "DEFAULT" in words[:3]:
            new = _add_default(new, item, suffix)
        elif head in definitions.TABLE_CONSTRAINTS:
            definitions.read_constraint(item, found)
        else:
            column = definitions.read_column(item, found)
            source[column.name] = _filled(session, table, column, words)
            new = replace(new, columns=(*new.columns, column))
            if column.identity:
                create_sequence(session, new)
                source.pop(column.name)
    keys = tuple(found.keys)
    new = replace(
        new,
        keys=(*new.keys, *keys),
        checks=(*new.checks, *found.checks),
        foreign_keys=(*new.foreign_keys, *found.foreign_keys),
    )
    rebuild(session, table, new, source)
    if checked and found.foreign_keys:
        check(session, new)
    for key in keys:
        if text := warning(new, key):
            session.answer.inform(text, 1945)


def _filled(session: Session, table: Table, column: Column, words: Sequence[str]) -> str:
    """Return what the rows that are there get in a new column."""
    if column.default and (not column.nullable or "VALUES" in words):
        return constant(session, column.default)
    sql = f"SELECT 1 FROM {table.full_name} LIMIT 1"
    needs = not column.nullable and not column.identity and not column.default
    if needs and not column.computed and session.transaction.read(sql):
        raise ServerError(
            4901, "ALTER TABLE only allows columns to be added that can contain nulls, or have a "
            "DEFAULT definition specified, or the column being added is an identity or timestamp "
            "column, or alternatively if none of the previous conditions are satisfied the table "
            f"must be empty to allow addition of this column. Column '{column.name}' cannot be "
            f"added to non-empty table '{table.name}' because it does not satisfy these conditions."
        )  # fmt: skip
    return "NULL"


def _add_default(table: Table, item: Sequence[Token], suffix: str) -> Table:
    start, end = find(item, "DEFAULT"), find(item, "FOR")
    if start is None or end is None:
        raise syntax_error(item[-1].text)
    column = table.column(unquote(item[end + 1].text))
    if column is None:
        raise ServerError(
            1752, f"Column '{item[end + 1].text}' in table '{table.name}' is invalid."
        )
    if column.default:
        raise ServerError(1781, "Column already has a DEFAULT bound to it.")
    name = unquote(item[1].text) if start else f"DF__{table.name[:9]}__{column.name[:9]}__{suffix}"
    changed = replace(column, default=joined(item[start + 1 : end]).strip(), default_name=name)
    return table.with_column(changed)


def _dependent(table: Table, column: Column) -> None:
    """Refuse when something depends on a column. Raises 5074."""
    name = column.name.lower()
    holders = [
        (k.name, "object" if k.is_constraint else "index")
        for k in table.keys
        if name in {c.lower() for c in (*k.columns, *k.included)}
    ]
    holders += [(f.name, "object") for f in table.foreign_keys if name in map(str.lower, f.columns)]
    holders += [(c.name, "object") for c in table.checks if name in c.condition.lower()]
    if holders:
        raise ServerError(
            5074, f"The {holders[0][1]} '{holders[0][0]}' is dependent on column '{column.name}'."
        )


def _alter_column(session: Session, table: Table, rest: Sequence[Token]) -> None:
    wanted = definitions.read_column(rest[1:], Definitions(table.name, ""))
    now = table.column(wanted.name)
    if now is None:
        raise ServerError(
            4924, f"ALTER TABLE ALTER COLUMN failed because column '{wanted.name}' does not exist "
            f"in table '{table.name}'."
        )  # fmt: skip
    if not _widens(now, wanted):
        _dependent(table, now)
    if now.default and now.kind.name != wanted.kind.name:
        raise ServerError(
            5074, f"The object '{now.default_name}' is dependent on column '{now.name}'."
        )
    changed = replace(
        now, kind=wanted.kind, nullable=wanted.nullable, collation=wanted.collation or None
    )
    new = table.with_column(changed)
    source = column_source(table)
    source[now.name] = f"CAST({quote(now.name)} AS {wanted.kind.duckdb})"
    rebuild(session, table, new, source)


def _widens(now: Column, wanted: Column) -> bool:
    """Tell whether a column in an index may be changed so: a longer text or binary."""
    if (now.kind.name, now.nullable) != (wanted.kind.name, wanted.nullable):
        return False
    if (wanted.collation or None) != now.collation or now.kind.name in DECIMALS:
        return False
    return wanted.kind.length != MAX and wanted.kind.length >= now.kind.length


def _drop(session: Session, table: Table, rest: Sequence[Token]) -> None:
    new, source = table, column_source(table)
    kind, quiet = "CONSTRAINT", False
    for item in split_commas(rest):
        tokens = list(item)
        while len(tokens) > 1 and tokens[0].word in {"COLUMN", "CONSTRAINT", "IF", "EXISTS"}:
            if tokens[0].word in {"COLUMN", "CONSTRAINT"}:
                kind, quiet = tokens[0].word, False
            else:
                quiet = True
            tokens.pop(0)
        name = unquote(tokens[0].text)
        if kind == "COLUMN":
            new = _without_column(new, name, quiet=quiet)
            source = {n: v for n, v in source.items() if new.column(n)}
        else:
            new = _without_constraint(new, name, quiet=quiet)
    if table.identity and not new.identity:
        rebuild(session, table, new, source)
        session.transaction.run(f"DROP SEQUENCE {sequence(table)}", write=True)
        return
    rebuild(session, table, new, source)


def _without_column(table: Table, name: str, *, quiet: bool) -> Table:
    column = table.column(name)
    if column is None:
        if quiet:
            return table
        raise ServerError(
            4924, f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in "
            f"table '{table.name}'."
        )  # fmt: skip
    _dependent(table, column)
    if column.default:
        raise ServerError(
            5074, f"The object '{column.default_name}' is dependent on column '{column.name}'."
        )
    if len(table.columns) == 1:
        raise ServerError(
            4923, f"ALTER TABLE DROP COLUMN failed because '{name}' is the only data column in "
            f"table '{table.name}'. A table must have at least one data column."
        )  # fmt: skip
    return replace(table, columns=tuple(c for c in table.columns if c is not column))


def _without_constraint(table: Table, name: str, *, quiet: bool) -> Table:
    wanted = name.lower()
    for column in table.columns:
        if (column.default_name or "").lower() == wanted:
            return table.with_column(replace(column, default=None, default_name=None))
    new = replace(
        table,
        keys=tuple(k for k in table.keys if not k.is_constraint or k.name.lower() != wanted),
        checks=tuple(c for c in table.checks if c.name.lower() != wanted),
        foreign_keys=tuple(f for f in table.foreign_keys if f.name.lower() != wanted),
    )
    if new == table and not quiet:
        raise ServerError(3728, f"'{name}' is not a constraint.")
    return new
