"""OAuth tokens of a stored connection: sealed, renewed by exactly one node at a time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import or_, select, update

from syncline.control.plane import Plane
from syncline.control.store.connections import connections
from syncline.errors import DestinationBusy
from syncline.extract.tokens import Tokens

#: A node that renews tokens has so many seconds; then another may, for the first has died.
LEASE = 60.0
_POLL = 0.2


class StoredTokens:
    """Implements `syncline.extract.tokens.TokenStore` in the store."""

    def __init__(self, plane: Plane, connection_id: str) -> None:
        self._plane = plane
        self._id = connection_id
        self._lock = asyncio.Lock()

    async def load(self) -> Tokens | None:
        """Return what was saved last, by whichever node."""
        async with self._plane.store.reading() as connection:
            query = select(connections.c.tokens).where(connections.c.id == self._id)
            found = await connection.scalar(query)
        if found is None:
            return None
        return Tokens(**json.loads(self._plane.vault.open(str(found))))

    async def save(self, tokens: Tokens) -> None:
        """Keep the tokens in place of earlier ones."""
        content = json.dumps(
            {
                "access_token": tokens.access_token,
                "refresh_token": tokens.refresh_token,
                "expires_at": tokens.expires_at,
                "lifetime": tokens.lifetime,
                "scope": tokens.scope,
            }
        )
        await self._write(tokens=self._plane.vault.seal(content))

    async def forget(self) -> None:
        """Keep no tokens any more."""
        await self._write(tokens=None)

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Keep other tasks, processes and machines out, for a lease of a minute at most."""
        return self._exclusive()

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        holder = uuid4().hex
        async with self._lock:
            patience = self._plane.clock.monotonic() + 2 * LEASE
            while not await self._taken(holder):
                if self._plane.clock.monotonic() > patience:
                    raise DestinationBusy(
                        "other nodes have been renewing the OAuth tokens for too long",
                        hint="try again",
                    )
                await self._plane.clock.sleep(_POLL)
            try:
                yield
            finally:
                await self._released(holder)

    async def _taken(self, holder: str) -> bool:
        c, now = connections.c, datetime.fromtimestamp(self._plane.clock.time(), UTC)
        async with self._plane.store.writing() as connection:
            done = await connection.execute(
                update(connections)
                .where(
                    c.id == self._id,
                    or_(c.tokens_holder.is_(None), c.tokens_held_until < now),
                )
                .values(tokens_holder=holder, tokens_held_until=now + timedelta(seconds=LEASE))
            )
        return done.rowcount == 1

    async def _released(self, holder: str) -> None:
        c = connections.c
        async with self._plane.store.writing() as connection:
            await connection.execute(
                update(connections)
                .where(c.id == self._id, c.tokens_holder == holder)
                .values(tokens_holder=None, tokens_held_until=None)
            )

    async def _write(self, *, tokens: str | None) -> None:
        async with self._plane.store.writing() as connection:
            await connection.execute(
                update(connections).where(connections.c.id == self._id).values(tokens=tokens)
            )
