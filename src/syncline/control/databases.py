"""Destinations of every type, made of their properties; drivers are imported when they are used."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from syncline.control.properties import (
    DatabricksProperties,
    PostgresProperties,
    SQLServerProperties,
)
from syncline.errors import DestinationRefused, SynclineError
from syncline.model.ports import Destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One thing that was looked at in a destination, and what is wrong with it."""

    name: str
    message: str = ""
    error: SynclineError | None = None


def postgres(given: PostgresProperties) -> Destination:
    try:
        from syncline.destinations.postgres import (  # noqa: PLC0415 (an optional driver)
            PostgresSettings,
            open_postgres,
        )
    except ModuleNotFoundError as error:
        raise _not_installed("postgres", error) from None
    return open_postgres(
        PostgresSettings(
            server=given.server,
            port=given.port,
            database=given.database,
            user=given.user,
            password=given.password.get_secret_value(),
            schema=given.schema_name,
            sslmode=given.ssl_mode,
            url=given.url.get_secret_value(),
        )
    )


def sqlserver(given: SQLServerProperties) -> Destination:
    try:
        from syncline.destinations.sqlserver import (  # noqa: PLC0415 (an optional driver)
            open_sqlserver,
        )
        from syncline.destinations.sqlserver_connection import (  # noqa: PLC0415 (as above)
            Settings,
        )
    except ModuleNotFoundError as error:
        raise _not_installed("sqlserver", error) from None
    return open_sqlserver(
        Settings(
            server=given.server,
            port=given.port,
            user=given.user,
            password=given.password.get_secret_value(),
            database=given.database,
            schema=given.schema_name,
            encrypt=given.encrypt,
            trust_server_certificate=given.trust_server_certificate,
            auth_scheme=given.auth_scheme,
            access_token=given.access_token.get_secret_value(),
            instants=given.instants == "datetimeoffset",
            options=given.passed_on,
        )
    )


def databricks(given: DatabricksProperties, announce: Callable[[str], None]) -> Destination:
    settings = _databricks_settings(given)
    from syncline.destinations.databricks import open_databricks  # noqa: PLC0415 (as above)

    return open_databricks(settings, announce=announce)


async def databricks_checks(
    given: DatabricksProperties, announce: Callable[[str], None]
) -> AsyncGenerator[Looked]:
    settings = _databricks_settings(given)
    from syncline.destinations.databricks_check import checks  # noqa: PLC0415 (as above)

    async with aclosing(checks(settings, announce)) as found:
        async for check in found:
            yield Looked(name=check.name, message=check.message, error=check.error)


def _databricks_settings(given: DatabricksProperties) -> Any:
    try:
        from syncline.destinations.databricks_connection import (  # noqa: PLC0415 (as above)
            Settings,
        )
    except ModuleNotFoundError as error:
        raise _not_installed("databricks", error) from None
    return Settings(
        server=given.server.removeprefix("https://").rstrip("/"),
        http_path=given.http_path,
        port=given.port,
        token=given.token.get_secret_value(),
        auth_scheme=given.auth_scheme,
        client_id=given.oauth_client_id,
        client_secret=given.oauth_client_secret.get_secret_value(),
        catalog=given.catalog,
        schema=given.schema_name,
        volume=given.volume,
        staging_method=given.staging_method,
        clustering=given.clustering,
        transactions=given.transactions,
        certificate=given.certificate,
    )


def _not_installed(extra: str, error: ModuleNotFoundError) -> DestinationRefused:
    return DestinationRefused(
        f"the driver for {extra} is not installed: {error}",
        hint=f"pip install 'syncline[{extra}]'",
    )
