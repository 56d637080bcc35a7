"""The keys that secrets are sealed with: which are here, and what each has sealed."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from syncline.control.plane import Work
from syncline.control.references import is_sealed
from syncline.control.store.connections import connections
from syncline.control.store.hooks import hooks
from syncline.control.store.notifications import channels


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """A key by its name, which says nothing about the key."""

    name: str
    #: New secrets are sealed with it.
    current: bool
    #: It is among those of this process; else nobody can open what it sealed.
    here: bool
    #: Secrets that it has sealed.
    secrets: int


async def list_keys(work: Work) -> tuple[KeyUse, ...]:
    """Return the keys of this process, the current one first, and those that are missed.

    Needs settings.view.
    """
    work.actor.require("settings.view")
    counts: Counter[str] = Counter()
    c = connections.c
    for sealed, tokens in (await work.connection.execute(select(c.sealed, c.tokens))).all():
        counts.update(map(_key, sealed.values()))
        counts.update([_key(tokens)] if tokens else [])
    urls = await work.connection.scalars(select(channels.c.url))
    counts.update(_key(url) for url in urls if is_sealed(url))
    secrets = await work.connection.scalars(
        select(hooks.c.secret).where(hooks.c.secret.is_not(None))
    )
    counts.update(_key(str(secret)) for secret in secrets)
    here = [key.name for key in work.vault.keys]
    missed = sorted(set(counts) - set(here))
    return tuple(
        KeyUse(name=name, current=name == here[0], here=name in here, secrets=counts[name])
        for name in (*here, *missed)
    )


def _key(sealed: str) -> str:
    """Return the name of the key that sealed a value."""
    return sealed.split(":")[1]
