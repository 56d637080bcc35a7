"""How people and programs become actors: one-time links, passwords, sessions, API tokens."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, func, insert, select, update

from syncline.control.access import PERMISSIONS, SYNCLINE, Actor, Policy
from syncline.control.differences import differences
from syncline.control.passwords import (
    check_password,
    digest,
    hashed,
    new_secret,
    outdated,
    verified,
)
from syncline.control.plane import Plane, Work
from syncline.control.store.sessions import sessions
from syncline.control.store.tokens import tokens
from syncline.control.store.users import invitations, user_roles, users
from syncline.control.usecases.attempts import forgive, spend
from syncline.control.usecases.users import invite_user, new_link, policies_of, roles_of
from syncline.errors import Forbidden, Invalid, Missing, Unauthenticated

#: A session ends after so long without a request, and in any case after so long.
IDLE, LONGEST = timedelta(hours=12), timedelta(days=14)
#: How often the last use of a session or token is noted.
_NOTED = timedelta(minutes=1)
#: How an API token begins, for people and programs that look for lost ones.
TOKEN_PREFIX = "sl_"  # noqa: S105 (no secret by itself)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who has signed in with a browser."""

    #: For the cookie; only its digest is kept.
    secret: str = field(repr=False)
    actor: Actor
    expires_at: datetime

    @property
    def csrf(self) -> str:
        """What every request that changes something must bring along, in a header."""
        return csrf_of(self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token, without itself."""

    id: str
    name: str
    #: Its first characters.
    shown: str
    #: Permissions that it is limited to; None: all of its user's.
    scopes: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


async def first_link(plane: Plane) -> str | None:
    """Return the secret of a one-time link for the first administrator, as long as there is none.

    The user ``admin`` is made if there are no users. None: somebody has a password already.
    """
    async with plane.changing(SYNCLINE) as work:
        # Who signs in elsewhere may come first, and is no administrator by that.
        active = (
            select(func.count())
            .select_from(users.outerjoin(user_roles, user_roles.c.user_id == users.c.id))
            .where(
                users.c.password.isnot(None)
                | (users.c.subject.isnot(None) & (user_roles.c.role == "admin"))
            )
        )
        if await work.connection.scalar(active):
            return None
        found = await work.connection.scalar(select(users.c.id).where(users.c.folded == "admin"))
        if found is not None:
            return await new_link(work, str(found))
        _, secret = await invite_user(work, "admin", ["admin"])
        return secret


async def accept_link(plane: Plane, secret: str, password: str, **seen: str) -> Session:
    """Choose a password with a one-time link, which ends by that, and sign in.

    ``seen``: address and agent, as in `sign_in`. Raises `Unauthenticated` for a link that was
    used or is too old, `Invalid` for a password that is easy to guess.
    """
    async with plane.looking(SYNCLINE) as work:
        name = await _invited(work, secret)
    check_password(password, name)
    kept = await hashed(password)
    async with plane.changing(SYNCLINE) as work:
        # Whoever else has the link was quicker, or not.
        row = await _user(work, await _invited(work, secret))
        assert row is not None  # noqa: S101 (the link has a user, in this transaction)
        await work.connection.execute(delete(invitations).where(invitations.c.user_id == row["id"]))
        await _set_password(work, row["id"], kept)
        await work.record("users.password", "user", row["name"], {})
        return await _session(work, row, **seen)


async def sign_in(
    plane: Plane, name: str, password: str, *, address: str = "", agent: str = ""
) -> Session:
    """Return a new session. Takes equally long whether the user exists or not.

    Raises `Unauthenticated` without a word on what was wrong, `TooManyAttempts`.
    """
    await spend(plane, name, address)
    async with plane.looking(SYNCLINE) as work:
        row = await _user(work, name)
    kept = row["password"] if row is not None and row["enabled"] else None
    if not await verified(kept, password) or row is None or kept is None:
        raise Unauthenticated(
            "user or password is wrong", hint="an administrator can send you a new link"
        )
    anew = await hashed(password) if outdated(kept) else None
    async with plane.changing(SYNCLINE) as work:
        await forgive(work, name, address)
        if anew is not None:
            await work.connection.execute(
                update(users).where(users.c.id == row["id"]).values(password=anew)
            )
        return await _session(work, row, address=address, agent=agent)


async def begin_session(work: Work, user: RowMapping, **seen: str) -> Session:
    """Return a new session of a user who has proved who it is; ``seen`` as in `accept_link`."""
    return await _session(work, user, **seen)


async def sign_out(plane: Plane, secret: str) -> None:
    """End a session."""
    async with plane.changing(SYNCLINE) as work:
        await work.connection.execute(delete(sessions).where(sessions.c.digest == digest(secret)))


async def change_password(plane: Plane, actor: Actor, old: str, new: str) -> None:
    """Change one's own password, and end one's sessions. Raises `Unauthenticated`, `Invalid`."""
    _person(actor)
    await spend(plane, actor.name, "")
    check_password(new, actor.name)
    async with plane.looking(actor) as work:
        row = await _user(work, actor.name)
    if row is None or not await verified(row["password"], old):
        raise Unauthenticated("the old password is wrong", hint="try again")
    kept = await hashed(new)
    async with plane.changing(actor) as work:
        await forgive(work, actor.name, "")
        await _set_password(work, row["id"], kept)
        await work.record("users.password", "user", actor.name, {})


async def actor_of_session(plane: Plane, secret: str) -> Actor:
    """Return who has signed in. Raises `Unauthenticated` if the session is over."""
    c = sessions.c
    async with plane.looking(SYNCLINE) as work:
        query = (
            select(users.c.id, users.c.name, users.c.enabled, c.seen_at, c.expires_at)
            .join(users, users.c.id == c.user_id)
            .where(c.digest == digest(secret))
        )
        row = (await work.connection.execute(query)).mappings().one_or_none()
        if row is None or not row["enabled"] or row["expires_at"] <= work.now:
            raise _over()
        if row["seen_at"] + IDLE <= work.now:
            raise _over()
        actor = await _actor(work, row, "web")
        stale = row["seen_at"] + _NOTED <= work.now
    if stale:
        async with plane.changing(SYNCLINE) as work:
            await work.connection.execute(
                update(sessions).where(c.digest == digest(secret)).values(seen_at=work.now)
            )
    return actor


async def actor_of_token(plane: Plane, token: str) -> Actor:
    """Return whose token it is, limited to its scopes. Raises `Unauthenticated`."""
    c = tokens.c
    async with plane.looking(SYNCLINE) as work:
        query = (
            select(users.c.id, users.c.name, users.c.enabled, c.name.label("token"), c.scopes,
                   c.expires_at, c.used_at)
            .join(users, users.c.id == c.user_id)
            .where(c.digest == digest(token))
        )  # fmt: skip
        row = (await work.connection.execute(query)).mappings().one_or_none()
        ended = row is not None and row["expires_at"] is not None and row["expires_at"] <= work.now
        if row is None or not row["enabled"] or ended:
            raise Unauthenticated(
                "this API token is unknown or has ended", hint="make a new one in your settings"
            )
        actor = await _actor(work, row, f"token {row['token']}", row["scopes"])
        stale = row["used_at"] is None or row["used_at"] + _NOTED <= work.now
    if stale:
        async with plane.changing(SYNCLINE) as work:
            await work.connection.execute(
                update(tokens).where(c.digest == digest(token)).values(used_at=work.now)
            )
    return actor


async def create_token(
    work: Work,
    name: str,
    *,
    scopes: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """Make an API token for the actor; return it and its secret, which is never seen again.

    ``scopes``: permissions to limit it to. Raises `Invalid`; `Forbidden` for a token that would
    make another.
    """
    user_id = _person(work.actor)
    if not name.strip() or len(name) > 100:  # noqa: PLR2004 (the column's length)
        raise Invalid("a token has a name of 1 to 100 characters", hint="say what it is for")
    for scope in scopes or ():
        if not any(Policy(permissions=(scope,)).allows(p) for p in PERMISSIONS):
            raise Invalid(
                f"there is no permission {scope!r}", hint=f"known: {', '.join(PERMISSIONS)}"
            )
    if expires_at is not None and expires_at <= work.now:
        raise Invalid("a token cannot end before it begins", hint="choose a later day")
    secret = new_secret(TOKEN_PREFIX)
    row = {
        "id": work.new_id(),
        "user_id": user_id,
        "name": name,
        "digest": digest(secret),
        "shown": secret[:10],
        "scopes": None if scopes is None else list(scopes),
        "created_at": work.now,
        "expires_at": expires_at,
        "used_at": None,
    }
    await work.connection.execute(insert(tokens).values(row))
    await work.record("tokens.create", "token", name, differences({}, _facts(row)))
    return _token(row), secret


async def list_tokens(work: Work) -> tuple[Token, ...]:
    """Return the actor's own API tokens."""
    query = select(tokens).where(tokens.c.user_id == _person(work.actor))
    found = await work.connection.execute(query.order_by(tokens.c.created_at))
    return tuple(_token(row) for row in found.mappings())


async def delete_token(work: Work, token_id: str) -> None:
    """End one of the actor's API tokens. Raises `Missing`."""
    c = tokens.c
    query = select(tokens).where(c.id == token_id, c.user_id == _person(work.actor))
    row = (await work.connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise Missing("you have no such API token", hint="see the list of your tokens")
    await work.connection.execute(delete(tokens).where(c.id == token_id))
    await work.record("tokens.delete", "token", row["name"], differences(_facts(row), {}))


def csrf_of(secret: str) -> str:
    """Return what a request that changes something must bring along with this session."""
    return digest("csrf " + secret)


def check_csrf(secret: str, given: str) -> None:
    """Raise `Forbidden` unless the request comes from a page of ours."""
    if not hmac.compare_digest(csrf_of(secret).encode(), given.encode()):
        raise Forbidden("the request does not come from a page of ours", hint="reload the page")


def _over() -> Unauthenticated:
    return Unauthenticated("you are not signed in, or not any more", hint="sign in")


def _person(actor: Actor) -> str:
    if actor.user_id is None or actor.via != "web":
        raise Forbidden("only who has signed in with a browser may do that", hint="sign in")
    return actor.user_id


async def _invited(work: Work, secret: str) -> str:
    c = invitations.c
    query = (
        select(users.c.name)
        .join(users, users.c.id == c.user_id)
        .where(c.digest == digest(secret), c.expires_at > work.now, users.c.enabled)
    )
    name = await work.connection.scalar(query)
    if name is None:
        raise Unauthenticated(
            "this link has been used already, or is too old", hint="ask for a new one"
        )
    return str(name)


async def _user(work: Work, name: str) -> RowMapping | None:
    query = select(users).where(users.c.folded == name.lower())
    return (await work.connection.execute(query)).mappings().one_or_none()


async def _set_password(work: Work, user_id: str, kept: str) -> None:
    await work.connection.execute(update(users).where(users.c.id == user_id).values(password=kept))
    await work.connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


async def _session(work: Work, row: RowMapping, *, address: str = "", agent: str = "") -> Session:
    """Begin a session with a new secret: one from before signing in is worth nothing."""
    secret = new_secret()
    await work.connection.execute(delete(sessions).where(sessions.c.expires_at <= work.now))
    await work.connection.execute(
        insert(sessions).values(
            digest=digest(secret),
            user_id=row["id"],
            created_at=work.now,
            seen_at=work.now,
            expires_at=work.now + LONGEST,
            address=address[:100],
            agent=agent[:300],
        )
    )
    await work.connection.execute(
        update(users).where(users.c.id == row["id"]).values(signed_in_at=work.now)
    )
    actor = await _actor(work, row, "web")
    return Session(secret=secret, actor=actor, expires_at=work.now + LONGEST)


async def _actor(
    work: Work, row: RowMapping, via: str, scopes: Sequence[str] | None = None
) -> Actor:
    names = await roles_of(work, row["id"])
    return Actor(
        name=row["name"],
        via=via,
        policies=await policies_of(work, names),
        user_id=row["id"],
        roles=names,
        scopes=None if scopes is None else tuple(scopes),
    )


def _facts(row: RowMapping | Mapping[str, Any]) -> dict[str, object]:
    """Return what the audit log keeps of a token: nothing that lets anyone in."""
    ends = row["expires_at"]
    return {"scopes": row["scopes"], "expires_at": None if ends is None else ends.isoformat()}


def _token(row: RowMapping | Mapping[str, Any]) -> Token:
    kept = {name: row[name] for name in ("id", "name", "shown", "created_at", "expires_at")}
    scopes = row["scopes"]
    return Token(
        **kept,
        used_at=row["used_at"],
        scopes=None if scopes is None else tuple(scopes),
    )
