"""Tells channels what is written down for them: one node each, again until it is taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from sqlalchemy import ColumnElement, RowMapping, Select, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from syncline.control.channels import address_of, opened_url
from syncline.control.messages import Message, message_of
from syncline.control.notifying import PATIENCE, tell
from syncline.control.plane import Plane
from syncline.control.runs import add_event
from syncline.control.store.database import Store
from syncline.control.store.notifications import channels, notices
from syncline.control.store.runs import runs
from syncline.control.vault import Vault
from syncline.errors import SynclineError
from syncline.model.reach import Reach
from syncline.model.run import Clock

Tell: TypeAlias = Callable[[str, Message, Reach], Awaitable[None]]

_LOG = logging.getLogger(__name__)
#: So long has one node a notice to itself: longer than a delivery can take.
_HELD = timedelta(seconds=PATIENCE + 30)
#: A notice that nobody has taken is tried again after so long, twice as long each time …
_FIRST, _LONGEST = timedelta(seconds=30), timedelta(hours=1)
#: … and given up after so long.
_GIVEN_UP = timedelta(hours=24)
#: Channels at a time, and notices of each in one look.
_AT_ONCE, _OF_ONE = 8, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliverer:
    """Delivers the notices of one store; any node may try at any time.

    Each is sent at least once: who dies between sending and noting it sends it again, with the
    same mark.
    """

    store: Store
    vault: Vault = field(repr=False)
    reach: Reach
    clock: Clock
    send: Tell = tell

    @staticmethod
    def waiting(now: datetime) -> ColumnElement[bool]:
        """Return whether a notice is due."""
        return exists().where(notices.c.next_at <= now)

    async def deliver(self) -> int:
        """Tell what is due; return how many notices were tried."""
        due: dict[str, list[tuple[str, datetime]]] = {}
        async with self.store.reading() as connection:
            for row in (await connection.execute(self._due())).all():
                due.setdefault(row.channel_id, []).append((row.id, row.next_at))
        places = asyncio.Semaphore(_AT_ONCE)

        async def told(of_channel: Sequence[tuple[str, datetime]]) -> int:
            async with places:
                return await self._tell_one(of_channel)

        return sum(await asyncio.gather(*(told(each) for each in due.values())))

    def _due(self) -> Select[str, str, datetime]:
        """Some of each channel, the oldest: one that does not listen holds up no other."""
        c = notices.c
        place = func.row_number().over(partition_by=c.channel_id, order_by=(c.next_at, c.id))
        ranked = (
            select(c.id, c.channel_id, c.next_at, place.label("place"))
            .where(c.next_at <= self._now())
            .subquery()
        )
        found = select(ranked.c.id, ranked.c.channel_id, ranked.c.next_at)
        return found.where(ranked.c.place <= _OF_ONE).order_by(ranked.c.place, ranked.c.next_at)

    async def _tell_one(self, due: Sequence[tuple[str, datetime]]) -> int:
        """Tell a channel one after the other until it does not take one; return how many."""
        tried = 0
        for notice, seen in due:
            taken = await self._deliver(notice, seen)
            tried += taken is not None
            if taken is False:
                break
        return tried

    async def _deliver(self, notice: str, seen: datetime) -> bool | None:
        """Return whether the channel has taken a notice; None: another node has it."""
        claimed = await self._claimed(notice, seen)
        if claimed is None:
            return None
        row, address = claimed
        try:
            url = opened_url(self.vault, row["channel"], row["url"])
            await self.send(url, message_of(notice, row["facts"], address), self.reach)
        except SynclineError as error:
            await self._failed(row, error)
            return False
        except Exception:
            _LOG.exception("a notice to the channel %s broke", row["channel"])
            raise
        await self._sent(row)
        return True

    async def _claimed(self, notice: str, seen: datetime) -> tuple[RowMapping, str] | None:
        """Take a notice for this node alone; None: another one was quicker."""
        async with self.store.writing() as connection:
            mine = await connection.execute(
                update(notices)
                .where(notices.c.id == notice, notices.c.next_at == seen)
                .values(next_at=self._now() + _HELD, attempts=notices.c.attempts + 1)
            )
            if not mine.rowcount:
                return None
            query = (
                select(notices, channels.c.name.label("channel"), channels.c.url)
                .join(channels, channels.c.id == notices.c.channel_id)
                .where(notices.c.id == notice)
            )
            row = (await connection.execute(query)).mappings().one()
            return row, await address_of(connection)

    async def _sent(self, row: RowMapping) -> None:
        now = self._now()
        values = {"state": "sent", "next_at": None, "sent_at": now, "error": None}
        async with self.store.writing() as connection:
            await connection.execute(
                update(notices).where(notices.c.id == row["id"]).values(values)
            )
            await self._noted(connection, row, now, None)
            text = f"told the channel {row['channel']}: {row['kind'].replace('_', ' ')}"
            await _event(connection, row, now, text, "info")

    async def _failed(self, row: RowMapping, error: SynclineError) -> None:
        now = self._now()
        over = now >= row["created_at"] + _GIVEN_UP
        wait = min(_LONGEST, _FIRST * 2 ** min(row["attempts"] - 1, 10))
        values = {
            "state": "given_up" if over else "waiting",
            "next_at": None if over else now + wait,
            "error": str(error),
        }
        _LOG.warning("the channel %s was not told: %s", row["channel"], error)
        async with self.store.writing() as connection:
            await connection.execute(
                update(notices)
                .where(notices.c.id == row["id"], notices.c.attempts == row["attempts"])
                .values(values)
            )
            await self._noted(connection, row, now, str(error))
            if over or row["attempts"] == 1:
                after = "given up" if over else f"trying again in {wait.total_seconds():.0f} s"
                text = f"could not tell the channel {row['channel']}: {error}; {after}"
                await _event(connection, row, now, text, "warning")

    async def _noted(
        self, connection: AsyncConnection, row: RowMapping, now: datetime, error: str | None
    ) -> None:
        await connection.execute(
            update(channels)
            .where(channels.c.id == row["channel_id"])
            .values(status="failed" if error else "ok", told_at=now, error=error)
        )

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.time(), UTC)


def deliverer(plane: Plane, clock: Clock) -> Deliverer:
    """Return what delivers the notices of a control plane."""
    return Deliverer(store=plane.store, vault=plane.vault, reach=plane.reach, clock=clock)


async def _event(
    connection: AsyncConnection, row: RowMapping, now: datetime, text: str, level: str
) -> None:
    """Add a line to the log of the run that a notice is about, if it is still kept."""
    query = select(runs.c.id).where(runs.c.id == row["run_id"])
    if row["run_id"] is not None and await connection.scalar(query) is not None:
        await add_event(connection, row["run_id"], now, "notified", text, level=level)
