"""Runs migrations on the connection that it is given, or on ``-x url=…`` when one is written."""

from typing import Literal

from alembic import context
from sqlalchemy import JSON, Connection, create_engine

from syncline.control.store.metadata import Instant
from syncline.control.store.schema import TABLES


def plain(kind: str, item: object, _: object) -> str | Literal[False]:
    """Write types of ours as SQLAlchemy's: old steps must not change with the code."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return "DOCUMENT" if kind == "type" and isinstance(item, JSON) else False


def run(connection: Connection) -> None:
    """Run what was asked for in the transaction of the connection."""
    context.configure(
        connection=connection,
        target_metadata=TABLES,
        # SQLite cannot alter most things in place: the table is copied.
        render_as_batch=True,
        compare_type=True,
        render_item=plain,
    )
    with context.begin_transaction():
        context.run_migrations()


def written() -> None:
    """Run on the database that ``alembic -x url=…`` names."""
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as connection:
        run(connection)
    engine.dispose()


given = context.config.attributes.get("connection")
if given is None:
    written()
else:
    run(given)
