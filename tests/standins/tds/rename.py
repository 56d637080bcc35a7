"""sp_rename: tables, columns, indexes and constraints get another name."""

from collections.abc import Sequence
from dataclasses import replace

from standins.tds.catalog import Table
from standins.tds.errors import ServerError
from standins.tds.lexer import quote
from standins.tds.permissions import allowed
from standins.tds.session import Session
from standins.tds.storage import (
    column_source,
    create_sequence,
    describe,
    rebuild,
    sequence,
)


def moved_to(session: Session, table: Table, moved: Table) -> None:
    """Give a table another name or schema; an identity column goes with its sequence."""
    if table.identity and sequence(table) != sequence(moved):
        create_sequence(session, moved)
    rebuild(session, table, moved, column_source(table))
    if table.identity and sequence(table) != sequence(moved):
        session.transaction.run(f"DROP SEQUENCE {sequence(table)}", write=True)


def rename(session: Session, parts: Sequence[str], new: str, kind: str) -> None:
    """sp_rename of a table, column or index."""
    if kind in {"COLUMN", "INDEX"}:
        table = session.find(parts[:-1])
        if table is None:
            raise _wrong_kind(kind)
        with session.transaction.atomic(changes=[table]):
            if kind == "COLUMN":
                _rename_column(session, table, parts[-1], new)
            else:
                _rename_index(session, table, parts[-1], new)
    else:
        _rename_object(session, parts, new)
    session.engine.plans.clear()
    session.answer.inform(
        "Caution: Changing any part of an object name could break scripts and stored procedures.",
        15477,
    )


def _wrong_kind(kind: str) -> ServerError:
    return ServerError(
        15248, f"Either the parameter @objname is ambiguous or the claimed @objtype ({kind}) is "
        "wrong."
    )  # fmt: skip


def _rename_column(session: Session, table: Table, name: str, new: str) -> None:
    column = table.column(name)
    if column is None:
        raise _wrong_kind("COLUMN")
    if table.column(new) not in {None, column}:
        raise ServerError(
            15335, f"Error: The new name '{new}' is already in use as a COLUMN name and would "
            "cause a duplicate that is not permitted."
        )  # fmt: skip
    old = column.name.lower()
    changed = replace(
        table,
        columns=tuple(replace(c, name=new) if c is column else c for c in table.columns),
        keys=tuple(
            replace(
                k,
                columns=tuple(new if c.lower() == old else c for c in k.columns),
                included=tuple(new if c.lower() == old else c for c in k.included),
            )
            for k in table.keys
        ),
    )
    source = {(new if c is column else c.name): quote(c.name) for c in table.columns}
    rebuild(session, table, changed, source)


def _rename_index(session: Session, table: Table, name: str, new: str) -> None:
    keys = tuple(replace(k, name=new) if k.name.lower() == name.lower() else k for k in table.keys)
    if keys == table.keys:
        raise _wrong_kind("INDEX")
    describe(session, replace(table, keys=keys))


def _rename_object(session: Session, parts: Sequence[str], new: str) -> None:
    table = session.find(parts)
    if table is None:
        _rename_constraint(session, parts, new)
        return
    if not allowed(session.user_of(table), "ALTER", table):
        raise _no_item(parts)
    taken = session.find([table.database, table.schema, new])
    if taken and taken.object_id != table.object_id:
        raise ServerError(
            15335, f"Error: The new name '{new}' is already in use as a OBJECT name and would "
            "cause a duplicate that is not permitted."
        )  # fmt: skip
    moved = replace(table, name=new)
    with session.transaction.atomic(changes=[table, moved]):
        moved_to(session, table, moved)


def _rename_constraint(session: Session, parts: Sequence[str], new: str) -> None:
    wanted = parts[-1].lower()
    for table in session.tables():
        keys = tuple(
            replace(k, name=new) if k.is_constraint and k.name.lower() == wanted else k
            for k in table.keys
        )
        if keys != table.keys:
            with session.transaction.atomic(changes=[table]):
                describe(session, replace(table, keys=keys))
            return
    raise _no_item(parts)


def _no_item(parts: Sequence[str]) -> ServerError:
    return ServerError(
        15225, f"No item by the name of '{'.'.join(parts)}' could be found in the current "
        "database, given that @itemtype was input as '(null)'."
    )  # fmt: skip
