"""The keys that secrets are sealed with: which are here, and what each has sealed."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from syncline.control.plane import Work
from syncline.control.references import is_sealed
from syncline.control.store.connections import connections
from syncline.control.store.sealed import SEALED_TEXTS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """A key by its name, which says nothing about the key."""

    name: str
    #: New secrets are sealed with it.
    current: bool
    #: It is among those of this process; else nobody can open what it sealed.
    here: bool
    #: What it has sealed: secrets, tokens, and what shows that a machine has the right key.
    secrets: int


async def list_keys(work: Work) -> tuple[KeyUse, ...]:
    """Return the keys of this process, the current one first, and those that are missed.

    Needs settings.view.
    """
    work.actor.require("settings.view")
    counts: Counter[str] = Counter()
    for sealed in await work.connection.scalars(select(connections.c.sealed)):
        counts.update(map(_key, sealed.values()))
    for table, name in SEALED_TEXTS:
        column = table.c[name]
        texts = await work.connection.scalars(select(column).where(column.is_not(None)))
        counts.update(_key(text) for text in texts if is_sealed(text))
    here = [key.name for key in work.vault.keys]
    missed = sorted(set(counts) - set(here))
    return tuple(
        KeyUse(name=name, current=name == here[0], here=name in here, secrets=counts[name])
        for name in (*here, *missed)
    )


def _key(sealed: str) -> str:
    """Return the name of the key that sealed a value."""
    return sealed.split(":")[1]
