"""OAuth for connections of the store: the address for the browser, its answer, the end."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from syncline.control.connections import source_properties
from syncline.control.project import Project
from syncline.errors import CredentialError, Invalid
from syncline.extract.credentials import Credentials
from syncline.extract.oauth import (
    Authorization,
    Registration,
    authorization,
    code_in,
    exchange,
    registration,
    revoke,
)
from syncline.extract.tokens import Tokens
from syncline.extract.transport import Transport
from syncline.model.reach import Reach
from syncline.model.run import Clock
from syncline.profile.auth import OAuth
from syncline.profile.loader import load_profile
from syncline.profile.settings import resolved

__all__ = ["Grant", "Tokens", "begun", "code_of", "given_back", "grant_of", "granted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a connection needs to be allowed in by a person."""

    known: Registration = field(repr=False)
    #: The connection's CallbackURL.
    callback_url: str
    #: Where the API's addresses may lead.
    reach: Reach


def grant_of(project: Project, name: str) -> Grant:
    """Return how people sign in for a connection.

    Raises `Invalid` for one that needs no person, `PropertyError` without a client id.
    """
    given = source_properties(project, name)
    profile = load_profile(given.profile)
    chosen = (given.auth_scheme or "").lower()
    scheme = next((a for a in profile.auth if a.scheme.lower() == chosen), profile.auth[0])
    if not isinstance(scheme, OAuth):
        raise Invalid(
            f"{name} does not sign in with a browser: its auth scheme is {scheme.scheme}",
            hint="its properties are all that it needs",
        )
    credentials = Credentials(
        client_id=given.oauth_client_id,
        client_secret=given.oauth_client_secret.get_secret_value(),
    )
    known = registration(scheme, resolved(profile, given.settings), credentials)
    return Grant(
        known=known, callback_url=given.callback_url, reach=project.connections[name].reach
    )


def begun(grant: Grant, redirect_uri: str) -> Authorization:
    """Return one attempt. Raises `Invalid` for an address that no browser can come back to."""
    parts = urlsplit(redirect_uri)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(
            f"{redirect_uri!r} is no address that a browser can come back to",
            hint="set CallbackURL to an address registered with the API as redirect URI",
        )
    return authorization(grant.known, redirect_uri=redirect_uri)


def code_of(answer: str, state: str) -> str:
    """Return the code in the address that the browser came to, or the code itself.

    Raises `CredentialError`.
    """
    answer = answer.strip()
    if "?" in answer or "://" in answer:
        return code_in(answer, state)
    if not answer:
        raise CredentialError("there is no code", hint="paste the address the browser came to")
    return answer


async def granted(
    grant: Grant, clock: Clock, *, code: str, redirect_uri: str, verifier: str
) -> Tokens:
    """Return the tokens for a code. Raises `CredentialError`, `TransientError`."""
    transport = Transport(reach=grant.reach)
    try:
        return await exchange(
            grant.known, transport.send, clock,
            code=code, redirect_uri=redirect_uri, verifier=verifier,
        )  # fmt: skip
    finally:
        await transport.aclose()


async def given_back(grant: Grant, tokens: Tokens) -> None:
    """Tell the API that tokens are no longer used. Raises `CredentialError`, `TransientError`."""
    transport = Transport(reach=grant.reach)
    try:
        await revoke(grant.known, transport.send, tokens)
    finally:
        await transport.aclose()
