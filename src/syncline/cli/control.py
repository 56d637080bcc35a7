"""What the commands over the store have in common: the store, and who sits at the terminal."""

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from syncline.control.access import ROLES, Actor
from syncline.control.plane import Plane, open_plane
from syncline.control.store.database import default_store


def sitting_here() -> Actor:
    """Return whoever uses the command line: who may read the store's file may do all."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    return Actor(name=name, via="command line", policies=ROLES["admin"])


@asynccontextmanager
async def opened(store: str | None) -> AsyncIterator[Plane]:
    """Open the control plane of a store, the default one unless another is named."""
    async with open_plane(store or default_store()) as plane:
        yield plane
