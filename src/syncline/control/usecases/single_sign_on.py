"""Signing in at an OpenID provider: who that is here, and with which roles."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update

from syncline.control.access import SYNCLINE
from syncline.control.openid import Attempt, OpenIdSettings, Provider, groups_in
from syncline.control.plane import Plane, Work
from syncline.control.store.users import users
from syncline.control.usecases.signing_in import Session, begin_session
from syncline.control.usecases.users import give_roles, roles_of
from syncline.errors import Forbidden, InUse, Unauthenticated, VaultError

#: So long may a person take.
PATIENCE = timedelta(minutes=10)
_NO_NAME = re.compile(r"[^A-Za-z0-9_.\-]+")
_LONGEST_NAME = 40
_LONGEST_SUBJECT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOnBegun:
    """An attempt to sign in elsewhere."""

    #: Where the browser goes.
    url: str
    #: What it must bring back, sealed: only the browser that has begun can finish.
    sealed: str


async def begin_sign_on(
    plane: Plane, provider: Provider, redirect_uri: str, onward: str
) -> SignOnBegun:
    """Begin to sign in at a provider. Raises `Unavailable` if it is away."""
    attempt = await provider.begin(redirect_uri)
    kept = {
        "state": attempt.state, "nonce": attempt.nonce, "verifier": attempt.verifier,
        "redirect_uri": redirect_uri, "onward": onward,
        "until": plane.clock.time() + PATIENCE.total_seconds(),
    }  # fmt: skip
    return SignOnBegun(url=attempt.url, sealed=plane.vault.seal(json.dumps(kept)))


async def finish_sign_on(
    plane: Plane, provider: Provider, sealed: str, query: str, **seen: str
) -> tuple[Session, str]:
    """Return a new session, and where its browser wanted to go.

    ``sealed``: what the browser was given; ``query``: what it came back with; ``seen``: address
    and agent. Raises `Unauthenticated`, `Forbidden` for somebody without a role here.
    """
    attempt, onward = _opened(plane, sealed)
    claims = await provider.finish(attempt, query)
    async with plane.changing(SYNCLINE) as work:
        row = await _user(work, provider.settings, claims)
        return await begin_session(work, row, **seen), onward


def _opened(plane: Plane, sealed: str) -> tuple[Attempt, str]:
    try:
        kept = json.loads(plane.vault.open(sealed))
    except VaultError:
        kept = {"until": 0}
    if kept["until"] <= plane.clock.time():
        raise Unauthenticated(
            f"nobody has begun to sign in here in the last {PATIENCE.total_seconds() / 60:.0f} "
            "minutes",
            hint="begin again, and finish in the same browser",
        )
    attempt = Attempt(
        url="", state=kept["state"], nonce=kept["nonce"], verifier=kept["verifier"],
        redirect_uri=kept["redirect_uri"],
    )  # fmt: skip
    return attempt, kept["onward"]


async def _user(work: Work, settings: OpenIdSettings, claims: Mapping[str, Any]) -> RowMapping:
    """Return who this is: known, linked by a verified address, or new."""
    subject = f"{settings.issuer}|{claims['sub']}"
    if len(subject) > _LONGEST_SUBJECT:
        raise Unauthenticated("the provider's name for you is too long", hint="ask it for another")
    row = await _one(work, users.c.subject == subject)
    if row is None and settings.link_by_email:
        row = await _linked(work, claims, subject)
    wanted = _roles(settings, claims)
    if row is None:
        row = await _made(work, claims, subject, wanted)
    elif not row["enabled"]:
        raise Unauthenticated("this user is switched off", hint="ask an administrator")
    elif row["password"] is None:
        # Who has a password is looked after here, and everybody else there.
        await _keep_up(work, row, wanted)
    return row


async def _linked(work: Work, claims: Mapping[str, Any], subject: str) -> RowMapping | None:
    """Return the one user with an address that the provider has verified, from now on linked."""
    email = claims.get("email")
    if not isinstance(email, str) or not email or claims.get("email_verified") is not True:
        return None
    same = func.lower(users.c.email) == email.lower()
    query = select(users).where(same, users.c.subject.is_(None)).limit(2)
    found = (await work.connection.execute(query)).mappings().all()
    if len(found) != 1:
        return None
    await work.connection.execute(
        update(users).where(users.c.id == found[0]["id"]).values(subject=subject)
    )
    await work.record("users.link", "user", found[0]["name"], {"subject": (None, subject)})
    return found[0]


async def _made(
    work: Work, claims: Mapping[str, Any], subject: str, roles: tuple[str, ...]
) -> RowMapping:
    if not roles:
        raise _no_role()
    name = await _free_name(work, claims)
    email = claims.get("email")
    verified = isinstance(email, str) and claims.get("email_verified") is True
    row = {
        "id": work.new_id(), "name": name, "folded": name.lower(), "subject": subject,
        "email": str(email)[:254] if verified else "", "enabled": True, "version": 1,
        "created_at": work.now,
    }  # fmt: skip
    await work.connection.execute(insert(users).values(row))
    await give_roles(work, str(row["id"]), roles)
    await work.record(
        "users.create", "user", name, {"subject": (None, subject), "roles": (None, list(roles))}
    )
    made = await _one(work, users.c.subject == subject)
    assert made is not None  # noqa: S101 (it was just written)
    return made


async def _keep_up(work: Work, row: RowMapping, wanted: tuple[str, ...]) -> None:
    """Give a user the roles that the provider says now."""
    if not wanted:
        raise _no_role()
    before = await roles_of(work, row["id"])
    if set(before) == set(wanted):
        return
    try:
        await give_roles(work, row["id"], wanted)
    except InUse:
        # The last administrator stays one, whatever the provider says.
        await give_roles(work, row["id"], (*wanted, "admin"))
        wanted = (*wanted, "admin")
    changes = {"roles": (list(before), sorted(wanted))}
    await work.record("users.roles", "user", row["name"], changes)


def _roles(settings: OpenIdSettings, claims: Mapping[str, Any]) -> tuple[str, ...]:
    groups = groups_in(claims, settings.roles_claim)
    found = tuple(dict.fromkeys(role for group, role in settings.roles if group in groups))
    return found or ((settings.default_role,) if settings.default_role else ())


async def _free_name(work: Work, claims: Mapping[str, Any]) -> str:
    """Return a name that nobody has: the one people know there, if it can be one here."""
    texts = (claims.get("preferred_username"), claims.get("email"), claims["sub"])
    given = next(str(text) for text in texts if text)
    plain = _NO_NAME.sub("-", given.partition("@")[0]).strip("-.")[:_LONGEST_NAME] or "user"
    # That name is kept for the one whom the first link lets in.
    for number in count(2 if plain.lower() == "admin" else 1):
        name = plain if number == 1 else f"{plain}-{number}"
        if await _one(work, users.c.folded == name.lower()) is None:
            return name
    raise AssertionError("there is always another number")


async def _one(work: Work, condition: Any) -> RowMapping | None:
    query = select(users).where(condition)
    return (await work.connection.execute(query)).mappings().one_or_none()


def _no_role() -> Forbidden:
    return Forbidden("you have no role here", hint="ask an administrator for a group that has one")
