"""Identity columns: a DuckDB sequence is set before every statement that draws from it.

So a statement that is run again, when a transaction goes back, gives the same values again.
"""

from standins.tds.catalog import Column, Table
from standins.tds.engine import Database
from standins.tds.lexer import literal, quote
from standins.tds.session import Session
from standins.tds.storage import sequence


def before_insert(session: Session, table: Table) -> None:
    """Set the sequence to the last value."""
    last = _last(session, table)
    session.transaction.run(f"SELECT setval({literal(sequence(table))}, {last})", write=True)


def after_insert(session: Session, table: Table, *, generated: bool) -> None:
    """Remember the last value; a value that was given moves it on if it is further."""
    column, database = table.identity, _database(session, table)
    if column is None or column.identity is None:
        return
    last = _last(session, table)
    if generated:
        value = session.transaction.read(f"SELECT currval({literal(sequence(table))})")[0][0]
        session.options.identity = value
    else:
        value = _furthest(session, table, column)
        session.options.identity = value if value is not None else session.options.identity
    step = column.identity[1]
    if value is not None and (value - last) * step > 0:
        database.identities[table.object_id] = value


def forget(session: Session, table: Table) -> None:
    """Start again at the seed."""
    _database(session, table).identities.pop(table.object_id, None)


def _database(session: Session, table: Table) -> Database:
    found = session.engine.database(table.database)
    # Temporary tables count in the database of the session that has them.
    return found or session.engine.databases[session.database.lower()]


def _last(session: Session, table: Table) -> int:
    column, database = table.identity, _database(session, table)
    if column is None or column.identity is None:
        return 0
    known = database.identities.get(table.object_id)
    if known is not None:
        return known
    seed, step = column.identity
    furthest = _furthest(session, table, column)
    return seed - step if furthest is None else furthest


def _furthest(session: Session, table: Table, column: Column) -> int | None:
    function = "max" if column.identity and column.identity[1] > 0 else "min"
    name = quote(column.name)
    sql = f"SELECT {function}({name}) FROM {table.full_name}"
    value = session.transaction.read(sql)[0][0]
    return None if value is None else int(value)
