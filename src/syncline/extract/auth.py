"""How each request proves who is asking, and what to do when the proof is refused."""

import asyncio
import base64
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from syncline.errors import CredentialError, PropertyError
from syncline.extract import oauth
from syncline.extract.answer import Send
from syncline.extract.credentials import Credentials
from syncline.extract.tokens import MemoryTokens, Tokens
from syncline.model.run import Clock
from syncline.profile.auth import ApiKey, AuthScheme, Basic, HeaderToken, NoAuth, OAuth, OAuthClient
from syncline.profile.schema import Profile
from syncline.profile.template import fill, places


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a request carries to prove who is asking."""

    header: tuple[str, str] | None = field(default=None, repr=False)
    parameter: tuple[str, str] | None = field(default=None, repr=False)


class Auth(Protocol):
    """What gives requests their proof."""

    @property
    def secrets(self) -> Sequence[str]:
        """The values that no text may show."""
        ...

    @property
    def parameter(self) -> str | None:
        """Name of the query parameter that carries the proof, if one does."""
        ...

    async def proof(self) -> Proof:
        """Return what the next request carries.

        Raises `CredentialError` if there is nothing to prove it with.
        """
        ...

    async def renew(self, refused: Proof) -> bool:
        """Get a new proof in place of one that was answered with 401; False if there is none.

        Raises `CredentialError` if only the user can get one.
        """
        ...


class FixedAuth:
    """The same proof for every request."""

    def __init__(self, proof: Proof, secrets: Sequence[str]) -> None:
        self._proof = proof
        self.secrets = tuple(secrets)
        self.parameter = proof.parameter[0] if proof.parameter else None

    async def proof(self) -> Proof:
        """Return the proof."""
        return self._proof

    async def renew(self, refused: Proof) -> bool:  # noqa: ARG002 (there is no other)
        """Return False."""
        return False


class TokenAuth:
    """A bearer token that ends, shared by everyone who uses the same store."""

    parameter = None

    def __init__(
        self,
        known: oauth.Registration,
        *,
        credentials: Credentials,
        consent: bool,
        secrets: Sequence[str] = (),
        send: Send,
        clock: Clock,
    ) -> None:
        self._known = known
        #: Whether a user's consent stands behind the tokens; otherwise the app asks for itself.
        self._consent = consent
        self._store = credentials.tokens or MemoryTokens()
        self._fixed = (*secrets, *credentials.secrets, *known.secrets)
        self._send = send
        self._clock = clock
        self._tokens: Tokens | None = None
        # The last few too: a request that is under way may still carry an earlier one.
        self._seen: deque[str] = deque(maxlen=8)
        self._lock = asyncio.Lock()

    @property
    def secrets(self) -> Sequence[str]:
        """The values that no text may show."""
        return (*self._fixed, *self._seen)

    async def proof(self) -> Proof:
        """Return the bearer token, renewed if it is about to end."""
        if self._tokens is None or self._tokens.expired(self._clock.time()):
            await self._renew(self._tokens.access_token if self._tokens else None)
        return _bearer(self._tokens)

    async def renew(self, refused: Proof) -> bool:
        """Renew the token, unless that has happened since the refused proof was made."""
        if refused == _bearer(self._tokens):
            await self._renew(self._tokens.access_token if self._tokens else None)
        return True

    async def _renew(self, used: str | None) -> None:
        async with self._lock:
            current = self._tokens
            if current is not None and self._fit(current, used):
                return
            async with self._store.exclusive():
                # Another process may have renewed them while we waited for our turn.
                stored = await self._store.load()
                if stored is None or not self._fit(stored, used):
                    stored = await self._ask(stored)
                self._seen.extend(filter(None, (stored.access_token, stored.refresh_token)))
                self._tokens = stored

    def _fit(self, tokens: Tokens, used: str | None) -> bool:
        return tokens.access_token not in {"", used} and not tokens.expired(self._clock.time())

    async def _ask(self, stored: Tokens | None) -> Tokens:
        if not self._consent:
            tokens = await oauth.client_credentials(self._known, self._send, self._clock)
        elif stored is None:
            raise CredentialError(
                "there is no OAuth token yet", hint="connect first, and give your consent"
            )
        else:
            try:
                tokens = await oauth.refresh(self._known, self._send, self._clock, stored)
            except CredentialError:
                # Another machine, which no lock of ours keeps out, may have used the refresh token.
                latest = await self._store.load()
                if latest is None or latest == stored:
                    raise
                return latest
        await self._store.save(tokens)
        return tokens


def auth_of(
    profile: Profile,
    settings: Mapping[str, str],
    credentials: Credentials,
    *,
    send: Send,
    clock: Clock,
) -> Auth:
    """Return what the profile's scheme and the credentials make together.

    Raises `PropertyError` if the profile has no such scheme, or a value it needs is missing.
    """
    scheme = _scheme(profile, credentials.scheme)
    values = _values(settings, credentials)
    hidden = [
        settings[name] for name, s in profile.settings.items() if s.secret and name in settings
    ]
    # What proves who we are is a secret, whether or not the profile calls it one.
    proving = {v for k, v in _used(scheme, values).items() if k != "User"}
    secrets = (*credentials.secrets, *filter(None, {*hidden, *proving}))
    match scheme:
        case NoAuth():
            return FixedAuth(Proof(), secrets)
        case Basic(user=user, password=password):
            # The password may be empty: some APIs take a key as the user and nothing else.
            pair = f"{_filled(user, values)}:{fill(password, values)}"
            basic = base64.b64encode(pair.encode()).decode()
            header = ("Authorization", f"Basic {basic}")
            return FixedAuth(Proof(header=header), (*secrets, basic))
        case HeaderToken(header=name, value=value):
            return FixedAuth(Proof(header=(name, _filled(value, values))), secrets)
        case ApiKey(parameter=name, value=value):
            key = _filled(value, values)
            return FixedAuth(Proof(parameter=(name, key)), (*secrets, key))
        case OAuth() | OAuthClient():
            return TokenAuth(
                oauth.registration(scheme, values, credentials),
                credentials=credentials,
                consent=isinstance(scheme, OAuth),
                secrets=tuple(filter(None, hidden)),
                send=send,
                clock=clock,
            )


def _used(scheme: AuthScheme, values: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values that a fixed proof is made of, by name."""
    templates: tuple[str, ...]
    match scheme:
        case Basic(user=user, password=password):
            templates = (user, password)
        case HeaderToken(value=value) | ApiKey(value=value):
            templates = (value,)
        case _:
            templates = ()
    return {name: values.get(name, "") for t in templates for name in places(t)}


def _scheme(profile: Profile, name: str) -> AuthScheme:
    if not name:
        return profile.auth[0]
    for scheme in profile.auth:
        if scheme.scheme.lower() == name.lower():
            return scheme
    raise PropertyError(
        f"the profile {profile.name} has no auth scheme {name!r}",
        hint=f"AuthScheme can be: {', '.join(s.scheme for s in profile.auth)}",
    )


def _values(settings: Mapping[str, str], credentials: Credentials) -> Mapping[str, str]:
    given = {"User": credentials.user, "Password": credentials.password}
    if credentials.token:
        given |= {"Token": credentials.token, "APIKey": credentials.token}
    return {**given, **{k: v for k, v in settings.items() if v or k not in given}}


def _filled(template: str, values: Mapping[str, str]) -> str:
    for name in places(template):
        if not values.get(name):
            raise PropertyError(
                f"{name} is missing", hint=f"set the property {name} of the connection"
            )
    return fill(template, values)


def _bearer(tokens: Tokens | None) -> Proof:
    if tokens is None:
        return Proof()
    return Proof(header=("Authorization", f"Bearer {tokens.access_token}"))
