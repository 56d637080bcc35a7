"""How Syncline connects to the stand-in."""

from uuid import uuid4

from standins.databricks.fixture import DatabricksServer
from syncline.destinations.databricks_connection import Settings


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
