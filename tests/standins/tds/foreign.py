"""Foreign keys: checked after every statement that could break one."""

from standins.tds.catalog import ForeignKey, Table
from standins.tds.errors import ServerError
from standins.tds.lexer import quote
from standins.tds.session import Session


def check(session: Session, table: Table) -> None:
    """Raise 547 if rows of or against the table have lost what they refer to."""
    if not session.engine.foreign_keys:
        return
    for key in table.foreign_keys:
        target = session.find([key.schema, key.table])
        if target and _broken(session, table, key, target):
            raise _conflict("INSERT", "FOREIGN KEY", key, target)
    for other, key in referring(session, table):
        if other.object_id != table.object_id and _broken(session, other, key, table):
            raise _conflict("DELETE", "REFERENCE", key, other)


def referring(session: Session, table: Table) -> list[tuple[Table, ForeignKey]]:
    """Return the foreign keys that refer to a table."""
    if table.is_temporary or not session.engine.foreign_keys:
        return []
    wanted = (table.schema.lower(), table.name.lower())
    return [
        (other, key)
        for other in session.tables(table.database)
        for key in other.foreign_keys
        if (key.schema.lower(), key.table.lower()) == wanted
    ]


def _broken(session: Session, table: Table, key: ForeignKey, target: Table) -> bool:
    present = " AND ".join(f"a.{quote(c)} IS NOT NULL" for c in key.columns)
    equal = " AND ".join(
        f"a.{quote(mine)} = b.{quote(other)}"
        for mine, other in zip(key.columns, key.referenced, strict=True)
    )
    sql = (
        f"SELECT 1 FROM {table.full_name} a WHERE {present} "
        f"AND NOT EXISTS (SELECT 1 FROM {target.full_name} b WHERE {equal}) LIMIT 1"
    )
    return bool(session.transaction.run(sql).fetchall())


def _conflict(verb: str, kind: str, key: ForeignKey, table: Table) -> ServerError:
    return ServerError(
        547, f'The {verb} statement conflicted with the {kind} constraint "{key.name}". The '
        f'conflict occurred in database "{table.database}", table "{table.shown_name}", column '
        f"'{key.referenced[0]}'."
    )  # fmt: skip
