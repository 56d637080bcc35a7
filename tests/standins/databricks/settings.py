"""How Syncline connects to the stand-in."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from standins.databricks.fixture import DatabricksServer
from syncline.destinations.databricks_connection import Settings, Workspace


def settings_of(server: DatabricksServer) -> Settings:
    """Return the settings of a schema that nobody else uses; commits are as small as asked."""
    return Settings(
        server=server.host,
        port=server.port,
        http_path=server.http_path,
        token=server.token,
        catalog=server.catalog,
        schema=f"clio_{uuid4().hex}",
        certificate=server.certificate,
        commit_rows=0,
        commit_seconds=0,
        retry_seconds=5,
    )


@contextmanager
def borrowed(server: DatabricksServer) -> Iterator[Settings]:
    """Yield the settings of a schema that nobody else uses; in a real workspace it is dropped."""
    chosen = settings_of(server)
    yield chosen
    if not server.real:
        return
    with Workspace(chosen).session() as session, session.cursor() as cursor:
        cursor.execute(
            "SELECT schema_name FROM information_schema.schemata "
            f"WHERE schema_name LIKE '%{chosen.schema}%'"
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP SCHEMA IF EXISTS `{name}` CASCADE")
