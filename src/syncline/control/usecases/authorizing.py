"""People let Syncline into an API: begun here, agreed to in a browser, finished here."""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import delete, insert, select

from syncline.control.access import Actor
from syncline.control.granting import (
    Grant,
    Tokens,
    begun,
    code_of,
    given_back,
    grant_of,
    granted,
)
from syncline.control.passwords import digest
from syncline.control.plane import Plane, Work
from syncline.control.project import Project
from syncline.control.store.connections import connections
from syncline.control.store.sign_ins import sign_ins
from syncline.control.stored_tokens import StoredTokens
from syncline.control.usecases.connections import (
    Connection,
    delete_connection,
    get_connection,
    opened_connection,
)
from syncline.errors import CredentialError, Invalid, SynclineError

#: So long may a person take.
PATIENCE = timedelta(minutes=10)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInBegun:
    """An attempt to sign in."""

    #: Where the person agrees.
    url: str
    #: Comes back with the answer.
    state: str = field(repr=False)


async def signs_in(work: Work, name: str) -> bool:
    """Return whether a person has to sign in for a connection before it can be used."""
    await get_connection(work, name)
    try:
        await _grant(work, name)
    except SynclineError:
        return False
    return True


async def begin_sign_in(
    plane: Plane, actor: Actor, name: str, *, redirect_uri: str = ""
) -> SignInBegun:
    """Return the address to open in a browser. Needs connections.edit.

    ``redirect_uri``: where the browser comes back to, as it is registered with the API; default:
    the connection's CallbackURL. Raises `Invalid`, `PropertyError`.
    """
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        grant = await _grant(work, name)
    place = redirect_uri or grant.callback_url
    attempt = begun(grant, place)
    c = sign_ins.c
    async with plane.changing(actor) as work:
        await work.connection.execute(delete(sign_ins).where(c.expires_at <= work.now))
        await work.connection.execute(
            insert(sign_ins).values(
                digest=digest(attempt.state),
                connection_id=found.id,
                actor=actor.name,
                redirect_uri=place,
                verifier=work.vault.seal(attempt.verifier),
                expires_at=work.now + PATIENCE,
            )
        )
    return SignInBegun(url=attempt.url, state=attempt.state)


async def finish_sign_in(plane: Plane, actor: Actor, answer: str, *, state: str = "") -> Connection:
    """Keep the tokens for what the browser brought back. Needs connections.edit.

    ``answer``: the address that it came to, or with ``state`` just the code. Only who has begun
    may finish, once. Raises `CredentialError`, `TransientError`.
    """
    state = state or parse_qs(urlsplit(answer).query).get("state", [""])[0]
    async with plane.changing(actor) as work:
        c = sign_ins.c
        query = (
            select(c.actor, c.redirect_uri, c.verifier, connections.c.name, connections.c.id)
            .join(connections, connections.c.id == c.connection_id)
            .where(c.digest == digest(state), c.expires_at > work.now)
        )
        row = (await work.connection.execute(query)).one_or_none()
        if row is None or row.actor != actor.name:
            raise CredentialError(
                "this answer belongs to no sign-in that you have begun in the last "
                f"{PATIENCE.total_seconds() / 60:.0f} minutes",
                hint="begin again, and finish in the same browser",
            )
        await get_connection(work, row.name, permission="connections.edit")
        await work.connection.execute(delete(sign_ins).where(c.digest == digest(state)))
        grant = await _grant(work, row.name)
        verifier = work.vault.open(row.verifier)
    tokens = await granted(
        grant,
        plane.clock,
        code=code_of(answer, state),
        redirect_uri=row.redirect_uri,
        verifier=verifier,
    )
    await StoredTokens(plane, row.id).save(tokens)
    async with plane.changing(actor) as work:
        await work.record("connections.authorize", "connection", row.name, {})
        return await get_connection(work, row.name)


async def give_back(plane: Plane, actor: Actor, name: str) -> Connection:
    """Forget a connection's tokens, and tell the API so. Needs connections.edit."""
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        grant = await _grant(work, name)
    kept = StoredTokens(plane, found.id)
    tokens = await kept.load()
    if tokens is None:
        raise Invalid(f"nobody has signed in for {name}", hint="there is nothing to give back")
    await kept.forget()
    await _told(name, grant, tokens)
    async with plane.changing(actor) as work:
        await work.record("connections.revoke", "connection", found.name, {})
        return await get_connection(work, name)


async def remove_connection(
    plane: Plane, actor: Actor, name: str, *, version: int | None = None
) -> None:
    """Delete a connection, and tell its API that its tokens are no longer used.

    As `delete_connection`; what the API says to that does not matter any more.
    """
    async with plane.looking(actor) as work:
        found = await get_connection(work, name, permission="connections.edit")
        grant = await _grant(work, name) if found.signed_in else None
    tokens = await StoredTokens(plane, found.id).load() if grant else None
    async with plane.changing(actor) as work:
        await delete_connection(work, name, version=version)
    if grant is not None and tokens is not None:
        await _told(name, grant, tokens)


async def _told(name: str, grant: Grant, tokens: Tokens) -> None:
    """Tell the API; it may be away, or know nothing of the tokens any more."""
    try:
        await given_back(grant, tokens)
    except SynclineError as error:
        _LOG.warning("tokens of %s could not be given back: %s", name, error)


async def _grant(work: Work, name: str) -> Grant:
    opened = await opened_connection(work, name)
    return grant_of(Project.model_construct(connections={name: opened}, jobs={}), name)
