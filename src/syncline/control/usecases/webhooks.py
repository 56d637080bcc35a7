"""Webhooks of connections: deliveries asked for, judged, and turned into runs of what changed."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import RowMapping, delete, insert, or_, select, update

from syncline.control.access import SYNCLINE, Actor
from syncline.control.fetching import obtain_profile
from syncline.control.hooks import (
    Delivery,
    Listening,
    address_of,
    changed_tables,
    genuine,
    listening,
)
from syncline.control.passwords import new_secret
from syncline.control.plane import Plane, Work
from syncline.control.project import Project
from syncline.control.sealing import profile_in
from syncline.control.store.connections import connections
from syncline.control.store.hooks import hooks
from syncline.control.stored_tokens import StoredTokens
from syncline.control.subscribing import Subscribing, subscribing
from syncline.control.touching import touch
from syncline.control.usecases.connections import Connection, get_connection, opened_connection
from syncline.errors import Conflict, Invalid, Missing, SynclineError, Unauthenticated
from syncline.profile.schema import Profile

_LOG = logging.getLogger(__name__)
#: A node that makes or renews a subscription has so long; then another may.
_CLAIM = timedelta(minutes=10)
#: After a failure, doubled each time.
_AGAIN, _SELDOM = timedelta(minutes=1), timedelta(hours=12)
_BATCH = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Deliveries of an API to one address."""

    topic: str
    url: str
    #: ``pending`` until the API has proved itself, ``active``, ``failed``.
    state: str
    error: str | None
    expires_at: datetime | None
    delivered_at: datetime | None
    deliveries: int
    #: Those that are read again.
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """What a connection hears from its API by itself."""

    #: Its profile knows how.
    known: bool
    #: The API is told by us where to deliver; False: people must tell it.
    subscribes: bool
    hooks: tuple[Hook, ...]
    #: To be entered at the API, and seen only when it was just made.
    secret: str | None = field(default=None, repr=False)


async def see_webhooks(work: Work, name: str) -> Webhooks:
    """Return the webhooks of a connection. Needs connections.view."""
    found = await get_connection(work, name)
    profile = await _profile(work, found)
    given = profile.webhooks if profile else None
    return Webhooks(
        known=given is not None,
        subscribes=given is not None and given.subscription is not None,
        hooks=await _hooks(work, found.id),
    )


async def open_webhooks(
    plane: Plane, actor: Actor, name: str, base_url: str, *, secret: str = ""
) -> Webhooks:
    """Let an API deliver to this server, which it reaches at ``base_url``. Needs connections.edit.

    Doing it again mends what is not as it should be. ``secret``: of the API, where people enter it;
    one is made if there is none. Raises `Invalid` for a profile that knows of no webhooks.
    """
    if not _is_address(base_url):
        raise Invalid(
            "the address at which the API reaches this server is needed",
            hint="give https://host, or set SYNCLINE_PUBLIC_URL",
        )
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        profile = await _profile(work, found)
    if profile is None or profile.webhooks is None:
        raise Invalid(
            f"the profile of {name} knows of no webhooks", hint="its jobs run by their schedules"
        )
    subscribes = profile.webhooks.subscription is not None
    topics = tuple(profile.webhooks.topics) if subscribes else ("",)
    async with plane.changing(actor) as work:
        made = await _put(work, found.id, profile, topics, base_url=base_url, secret=secret)
        await work.record(
            "connections.webhooks", "connection", found.name, {"url": (None, base_url)}
        )
    if subscribes:
        await tend_webhooks(plane, connection_id=found.id)
    async with plane.looking(actor) as work:
        kept = await _hooks(work, found.id)
    return Webhooks(known=True, subscribes=subscribes, hooks=kept, secret=made)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        # Some mistakes are noticed only here.
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return sound and text.isprintable() and " " not in text


async def close_webhooks(plane: Plane, actor: Actor, name: str) -> None:
    """Let an API deliver no more. Needs connections.edit."""
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        rows = await _rows(work, found.id)
    remote = [str(row["remote_id"]) for row in rows if row["remote_id"] is not None]
    async with plane.changing(actor) as work:
        await work.connection.execute(delete(hooks).where(hooks.c.connection_id == found.id))
        await work.record("connections.webhooks", "connection", found.name, {"url": ("", None)})
    if not remote:
        return
    try:
        async with _subscribing(plane, found.id) as api:
            for subscription in remote:
                await api.end(subscription)
    except SynclineError as error:
        # What still comes is told that it is not wanted any more.
        _LOG.warning("webhooks of %s could not be ended: %s", name, error)


async def receive(plane: Plane, token: str, delivery: Delivery) -> Mapping[str, str]:
    """Take a delivery in; return headers of the answer. Nobody needs to be signed in.

    Raises `Missing` for an address that is not, or not any more; `Unauthenticated` for a wrong
    signature, `Conflict` for a second secret; nothing happens then.
    """
    async with plane.looking(SYNCLINE) as work:
        query = select(hooks).where(hooks.c.token == token)
        row = (await work.connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise Missing("nobody listens here", hint="deliver no more")
    how = Listening.model_validate(row["listening"])
    if how.handshake is not None and how.handshake.lower() in delivery.headers:
        return await _shaken(plane, row, how.handshake, delivery)
    secret = plane.vault.open(row["secret"]) if row["secret"] is not None else ""
    # Without a secret the same work is done, and nothing fits.
    if not genuine(how, secret or new_secret(), delivery) or not secret:
        raise Unauthenticated("the signature is wrong", hint="sign with the shared secret")
    tables = changed_tables(how, delivery)
    async with plane.changing(SYNCLINE) as work:
        await work.connection.execute(
            update(hooks)
            .where(hooks.c.id == row["id"])
            .values(delivered_at=work.now, deliveries=hooks.c.deliveries + 1)
        )
        await touch(work, row["connection_id"], tables)
    return {}


async def tend_webhooks(plane: Plane, *, connection_id: str = "") -> int:
    """Make and renew subscriptions that are due; each by one node. Return how many were."""
    async with plane.looking(SYNCLINE) as work:
        query = (
            select(hooks).where(hooks.c.due_at <= work.now).order_by(hooks.c.due_at).limit(_BATCH)
        )
        if connection_id:
            query = query.where(hooks.c.connection_id == connection_id)
        due = (await work.connection.execute(query)).mappings().all()
    by_connection: dict[str, list[RowMapping]] = {}
    for row in due:
        by_connection.setdefault(row["connection_id"], []).append(row)
    for owner, rows in by_connection.items():
        claimed = [row for row in rows if await _claimed(plane, row)]
        if claimed:
            await _tended(plane, owner, claimed)
    return len(due)


async def _tended(plane: Plane, owner: str, rows: Sequence[RowMapping]) -> None:
    try:
        async with _subscribing(plane, owner) as api:
            for row in rows:
                try:
                    await _renewed(plane, api, row)
                except SynclineError as error:
                    await _failed(plane, row, error)
    except SynclineError as error:
        for row in rows:
            await _failed(plane, row, error)


async def _renewed(plane: Plane, api: Subscribing, row: RowMapping) -> None:
    url = address_of(row["base_url"], row["token"])
    done = None
    if row["remote_id"] is not None and row["secret"] is not None:
        done = await api.renew(row["remote_id"], row["topic"], url)
    if done is None:
        if row["remote_id"] is not None:
            await api.end(row["remote_id"])
        # The API proves itself anew, while it is asked or later.
        await _write(plane, row, {"secret": None, "state": "pending", "remote_id": None})
        done = await api.create(row["topic"], url)
    now = _now(plane)
    values = {
        "remote_id": done.id, "expires_at": done.until, "error": None, "failures": 0,
        "due_at": now + max((done.until - now) / 2, _AGAIN),
    }  # fmt: skip
    await _write(plane, row, values)


async def _failed(plane: Plane, row: RowMapping, error: SynclineError) -> None:
    _LOG.warning("the webhook %s of a connection: %s", row["topic"], error)
    wait = min(_AGAIN * 2 ** min(int(row["failures"]), 16), _SELDOM)
    values: dict[str, Any] = {
        "error": str(error)[:1000], "failures": row["failures"] + 1, "due_at": _now(plane) + wait,
    }  # fmt: skip
    ended = row["expires_at"] is None or row["expires_at"] <= _now(plane)
    await _write(plane, row, values | ({"state": "failed"} if ended else {}))


async def _claimed(plane: Plane, row: RowMapping) -> bool:
    async with plane.changing(SYNCLINE) as work:
        done = await work.connection.execute(
            update(hooks)
            .where(hooks.c.id == row["id"], hooks.c.due_at == row["due_at"])
            .values(due_at=work.now + _CLAIM)
        )
    return done.rowcount == 1


async def _shaken(
    plane: Plane, row: RowMapping, header: str, delivery: Delivery
) -> Mapping[str, str]:
    """Take the secret that an API brings for a subscription just asked for, once."""
    secret = delivery.headers[header.lower()]
    async with plane.changing(SYNCLINE) as work:
        done = await work.connection.execute(
            update(hooks)
            .where(
                hooks.c.id == row["id"],
                hooks.c.secret.is_(None),
                or_(hooks.c.state == "pending", hooks.c.state == "failed"),
            )
            .values(secret=work.vault.seal(secret), state="active")
        )
    if not done.rowcount and (row["secret"] is None or plane.vault.open(row["secret"]) != secret):
        raise Conflict("there is a secret already", hint="subscribe again")
    return {header: secret}


async def _put(
    work: Work,
    owner: str,
    profile: Profile,
    topics: Sequence[str],
    *,
    base_url: str,
    secret: str,
) -> str | None:
    """Write the rows of topics; return the secret of one for people, if it is new."""
    kept = {row["topic"]: row for row in await _rows(work, owner)}
    made = None
    for topic in topics:
        row, how = kept.get(topic), listening(profile, topic)
        assert how is not None  # noqa: S101 (the caller has looked)
        if not any(how.topics.values()):
            continue
        values: dict[str, Any] = {"base_url": base_url, "listening": how.model_dump(mode="json")}
        if topic:
            moved = row is not None and row["base_url"] != base_url
            if row is None or moved or row["state"] != "active":
                values |= {"due_at": work.now, "state": "pending", "secret": None}
        elif secret or row is None:
            made = secret or new_secret()
            values |= {"secret": work.vault.seal(made), "state": "active"}
        if row is not None:
            await work.connection.execute(
                update(hooks).where(hooks.c.id == row["id"]).values(values)
            )
            continue
        fixed = {
            "id": work.new_id(), "connection_id": owner, "topic": topic, "token": new_secret(),
            "created_at": work.now, "created_by": work.actor.name,
        }  # fmt: skip
        await work.connection.execute(insert(hooks).values({**fixed, **values}))
    return made


async def _hooks(work: Work, owner: str) -> tuple[Hook, ...]:
    return tuple(
        Hook(
            topic=row["topic"],
            url=address_of(row["base_url"], row["token"]),
            state=row["state"],
            error=row["error"],
            expires_at=row["expires_at"],
            delivered_at=row["delivered_at"],
            deliveries=row["deliveries"],
            tables=tuple(
                table
                for tables in Listening.model_validate(row["listening"]).topics.values()
                for table in tables
            ),
        )
        for row in await _rows(work, owner)
    )


async def _rows(work: Work, owner: str) -> Sequence[RowMapping]:
    query = select(hooks).where(hooks.c.connection_id == owner).order_by(hooks.c.topic)
    return (await work.connection.execute(query)).mappings().all()


async def _write(plane: Plane, row: RowMapping, values: Mapping[str, Any]) -> None:
    async with plane.changing(SYNCLINE) as work:
        await work.connection.execute(update(hooks).where(hooks.c.id == row["id"]).values(values))


@asynccontextmanager
async def _subscribing(plane: Plane, owner: str) -> AsyncIterator[Subscribing]:
    async with plane.looking(SYNCLINE) as work:
        query = select(connections.c.name).where(connections.c.id == owner)
        name = str(await work.connection.scalar(query))
        opened = await opened_connection(work, name)
    project = Project.model_construct(connections={name: opened}, jobs={})
    async with subscribing(project, name, plane.clock, StoredTokens(plane, owner)) as api:
        yield api


async def _profile(work: Work, found: Connection) -> Profile | None:
    if found.type != "api":
        return None
    await obtain_profile(found.properties, work.reach)
    return profile_in(found.properties)


def _now(plane: Plane) -> datetime:
    return datetime.fromtimestamp(plane.clock.time(), UTC)
