"""What is kept about channels, as those need it who tell them something."""

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.references import VARIABLE, is_sealed
from syncline.control.store.settings import settings
from syncline.control.vault import Vault
from syncline.errors import ProjectError

#: The row of the settings that says where people find the web application.
ADDRESS = "address"


def opened_url(
    vault: Vault, name: str, kept: str, environment: Mapping[str, str] = os.environ
) -> str:
    """Return a channel's address, opened, variables put in. Invariant 7: only to send.

    Raises `VaultError`, `ProjectError` for a variable that is not set.
    """
    url = vault.open(kept) if is_sealed(kept) else kept

    def variable(match: Any) -> str:
        if match[1] not in environment:
            raise ProjectError(
                f"channels.{name}.url: the environment variable {match[1]} is not set",
                hint=f"set it where Syncline runs: export {match[1]}=…",
            )
        return environment[match[1]]

    return VARIABLE.sub(variable, url)


async def address_of(connection: AsyncConnection) -> str:
    """Return the address of the web application, for links; '' if nobody has set it."""
    found = await connection.scalar(select(settings.c.value).where(settings.c.name == ADDRESS))
    return str(found or "")
