"""The control plane, opened: its store, its vault, its clock; and one piece of work in it."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.access import Actor
from syncline.control.addresses import reach_of
from syncline.control.clock import SystemClock
from syncline.control.store.audit import audit
from syncline.control.store.database import Store, open_store, take_turns
from syncline.control.store.schema import migrate
from syncline.control.vault import Vault, open_vault
from syncline.model.reach import Reach
from syncline.model.run import Clock

#: Stands for every secret that is set, wherever one would be shown.
MASK = "•••"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What one actor does in one transaction; every use case takes it first."""

    connection: AsyncConnection
    actor: Actor
    now: datetime
    vault: Vault = field(repr=False)
    new_id: Callable[[], str]
    #: Where addresses that people enter may lead.
    reach: Reach

    async def record(
        self, action: str, kind: str, name: str, changes: Mapping[str, tuple[object, object]]
    ) -> None:
        """Note in the audit log what changed: place -> (before, after), secrets masked."""
        row = {
            "at": self.now,
            "actor": self.actor.name,
            "via": self.actor.via,
            "action": action,
            "kind": kind,
            "name": name,
            "changes": {place: list(pair) for place, pair in changes.items()},
        }
        await self.connection.execute(insert(audit).values(row))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """The open control plane."""

    store: Store
    vault: Vault = field(repr=False)
    clock: Clock
    new_id: Callable[[], str] = lambda: uuid4().hex
    #: Where addresses that people enter may lead.
    reach: Reach = field(default_factory=reach_of)

    @asynccontextmanager
    async def changing(self, actor: Actor) -> AsyncIterator[Work]:
        """One transaction that may write: all of it happens, with its audit, or nothing.

        One at a time over all nodes: what one has looked at stays so until it has written.
        """
        async with self.store.writing() as connection:
            await take_turns(connection)
            yield self._work(connection, actor)

    @asynccontextmanager
    async def looking(self, actor: Actor) -> AsyncIterator[Work]:
        """One transaction that only reads."""
        async with self.store.reading() as connection:
            yield self._work(connection, actor)

    def _work(self, connection: AsyncConnection, actor: Actor) -> Work:
        now = datetime.fromtimestamp(self.clock.time(), UTC)
        return Work(
            connection=connection, actor=actor, now=now, vault=self.vault, new_id=self.new_id,
            reach=self.reach,
        )  # fmt: skip


@asynccontextmanager
async def open_plane(
    address: str,
    *,
    clock: Clock | None = None,
    environment: Mapping[str, str] = os.environ,
) -> AsyncIterator[Plane]:
    """Open the control plane at a store's URL: its schema made new, its vault opened.

    Raises `StoreRefused`, `VaultError`, `Unavailable`, `PropertyError`.
    """
    store = open_store(address)
    try:
        await migrate(store)
        vault = await open_vault(store, address, environment)
        yield Plane(
            store=store, vault=vault, clock=clock or SystemClock(), reach=reach_of(environment)
        )
    finally:
        await store.aclose()
