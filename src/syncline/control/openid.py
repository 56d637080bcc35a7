"""OpenID Connect: the provider's addresses and keys, one attempt to sign in, and who it names."""

import base64
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from syncline.errors import PropertyError, SynclineError, Unauthenticated, Unavailable
from syncline.extract.answer import Answer, form
from syncline.extract.transport import Transport
from syncline.model.run import Clock
from syncline.profile.pagination import Request

_PREFIX = "SYNCLINE_OIDC_"
#: Signatures with a key that the provider publishes; never ``none``, never a shared secret.
_ALGORITHMS = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
#: Clocks differ by so many seconds.
_LEEWAY = 60
#: The provider is asked for its addresses and keys again after so long.
_KEPT = 3600.0
#: … and for its keys, if one is not known, not more often than so.
_SELDOM = 10.0
_MOST = 1024 * 1024
_TIMEOUT = 10.0
_LOCAL = {"127.0.0.1", "localhost", "::1"}
_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIdSettings:
    """What an administrator says about the provider."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    #: On the button of the sign-in page.
    name: str = "Single Sign-On"
    scope: str = "openid email profile"
    #: The claim that has the groups: its name, or a path with dots.
    roles_claim: str = "groups"
    #: Group of the provider: role here.
    roles: tuple[tuple[str, str], ...] = ()
    #: For who has no such group; '': may not come in.
    default_role: str = ""
    #: Who has a verified address that a user here has is that user.
    link_by_email: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt to sign in; the browser brings it back, sealed."""

    url: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    redirect_uri: str


def openid_of(environment: Mapping[str, str] = os.environ) -> OpenIdSettings | None:
    """Return the settings of the environment; None if there is no provider.

    Raises `PropertyError` for what is missing or cannot be.
    """

    def given(name: str, default: str = "") -> str:
        return environment.get(_PREFIX + name, "").strip() or default

    issuer = given("ISSUER")
    if not issuer:
        return None
    _check_address(issuer, f"{_PREFIX}ISSUER")
    if not given("CLIENT_ID"):
        raise PropertyError(
            f"{_PREFIX}ISSUER is set, and {_PREFIX}CLIENT_ID is not",
            hint="register Syncline with the provider, and give the client id",
        )
    roles = []
    for pair in filter(None, (part.strip() for part in given("ROLES").split(","))):
        group, sign, role = (part.strip() for part in pair.rpartition("="))
        if not (group and sign and role):
            raise PropertyError(
                f"{_PREFIX}ROLES cannot be read at {pair!r}",
                hint="write group=role with commas between: admins=admin,analysts=editor",
            )
        roles.append((group, role))
    return OpenIdSettings(
        issuer=issuer,
        client_id=given("CLIENT_ID"),
        client_secret=given("CLIENT_SECRET"),
        name=given("NAME", "Single Sign-On"),
        scope=given("SCOPES", "openid email profile"),
        roles_claim=given("ROLES_CLAIM", "groups"),
        roles=tuple(roles),
        default_role=given("DEFAULT_ROLE"),
        link_by_email=given("LINK_BY_EMAIL").lower() in {"1", "true", "yes"},
    )


class Provider:
    """A provider of identities; what it publishes is kept for an hour."""

    def __init__(self, settings: OpenIdSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._document: Mapping[str, Any] = {}
        self._document_at = float("-inf")
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")

    async def begin(self, redirect_uri: str) -> Attempt:
        """Return where to send the browser. Raises `Unavailable` if the provider is away."""
        document = await self._published()
        state, nonce, verifier = token_urlsafe(32), token_urlsafe(32), token_urlsafe(48)
        asked = {
            "response_type": "code", "client_id": self.settings.client_id,
            "redirect_uri": redirect_uri, "scope": self.settings.scope, "state": state,
            "nonce": nonce, "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }  # fmt: skip
        place = _address(document, "authorization_endpoint")
        joint = "&" if "?" in place else "?"
        return Attempt(
            url=f"{place}{joint}{urlencode(asked)}", state=state, nonce=nonce, verifier=verifier,
            redirect_uri=redirect_uri,
        )  # fmt: skip

    async def finish(self, attempt: Attempt, query: str) -> Mapping[str, Any]:
        """Return the claims about who has signed in; ``query``: what the browser brought back.

        Raises `Unauthenticated` for an answer that is not to this attempt or cannot be trusted.
        """
        answer = dict(parse_qsl(query))
        if not hmac.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
            raise _refused("the answer belongs to another attempt to sign in")
        document = await self._published()
        # RFC 9207: another provider's answer is not mistaken for this one's.
        if answer.get("iss", self.settings.issuer) != self.settings.issuer:
            raise _refused("the answer comes from another provider")
        if "error" in answer:
            why = answer.get("error_description") or answer["error"]
            raise _refused(f"{self.settings.name} did not let you in: {why[:200]}")
        if not answer.get("code"):
            raise _refused("the answer has no code")
        given = await self._exchanged(document, answer["code"], attempt)
        token = given.get("id_token")
        if not isinstance(token, str):
            raise _refused("the provider gave no identity", hint="is 'openid' among the scopes?")
        return await self._claims(token, attempt.nonce, str(given.get("access_token", "")))

    async def _claims(self, token: str, nonce: str, access_token: str) -> Mapping[str, Any]:
        try:
            decoded = jwt.decode(token, await self._published_keys(), algorithms=_ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError):
            # The key may be one that the provider has since it was asked last.
            try:
                keys = await self._published_keys(anew=True)
                decoded = jwt.decode(token, keys, algorithms=_ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError):
                raise _refused("the identity is not signed as it should be") from None
        settings = self.settings
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            options={
                "iss": {"essential": True, "value": settings.issuer},
                "aud": {"essential": True, "value": settings.client_id},
                "sub": {"essential": True},
            },
            params={
                "nonce": nonce,
                "client_id": settings.client_id,
                "access_token": access_token,
            },
        )
        try:
            claims.validate(now=int(self._clock.time()), leeway=_LEEWAY)
        except (JoseError, ValueError, TypeError):
            raise _refused("the identity is too old, or meant for somebody else") from None
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise _refused("the identity names nobody")
        return dict(claims)

    async def _exchanged(
        self, document: Mapping[str, Any], code: str, attempt: Attempt
    ) -> Mapping[str, Any]:
        settings = self.settings
        fields = {
            "grant_type": "authorization_code", "code": code,
            "redirect_uri": attempt.redirect_uri, "code_verifier": attempt.verifier,
        }  # fmt: skip
        headers: tuple[tuple[str, str], ...] = ()
        ways = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if settings.client_secret and "client_secret_basic" in ways:
            # RFC 6749, 2.3.1: both are form-encoded first.
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(settings.client_secret)}"
            basic = base64.b64encode(pair.encode()).decode()
            headers = (("Authorization", f"Basic {basic}"),)
        else:
            fields["client_id"] = settings.client_id
            if settings.client_secret:
                fields["client_secret"] = settings.client_secret
        place = _address(document, "token_endpoint")
        request = Request(url=place, method="POST", headers=headers)
        answer = await self._sent(*form(request, urlencode(fields)))
        content = _content(answer)
        if answer.status != _OK:
            why = str(content.get("error") or answer.status)[:100]
            raise _refused(f"the provider refused the code: {why}")
        return content

    async def _published(self) -> Mapping[str, Any]:
        now = self._clock.monotonic()
        if now - self._document_at > _KEPT:
            issuer = self.settings.issuer.rstrip("/")
            answer = await self._sent(Request(url=f"{issuer}/.well-known/openid-configuration"))
            document = _content(answer)
            if answer.status != _OK or document.get("issuer") != self.settings.issuer:
                raise Unavailable(
                    f"{self.settings.issuer} does not say that it is an OpenID provider",
                    hint=f"{_PREFIX}ISSUER must be exactly what the provider calls itself",
                )
            self._document, self._document_at = document, now
        return self._document

    async def _published_keys(self, *, anew: bool = False) -> KeySet:
        now = self._clock.monotonic()
        age = now - self._keys_at
        if self._keys is None or age > _KEPT or (anew and age > _SELDOM):
            place = _address(await self._published(), "jwks_uri")
            answer = await self._sent(Request(url=place))
            try:
                self._keys = KeySet.import_key_set(_signing(_content(answer)))  # type: ignore[arg-type]  # checked there
            except (JoseError, ValueError, TypeError, KeyError):
                raise Unavailable("the provider's keys cannot be read") from None
            self._keys_at = now
        return self._keys

    async def _sent(self, request: Request, body: bytes | None = None) -> Answer:
        transport = Transport(connections=1, timeout=_TIMEOUT, most=_MOST)
        try:
            return await transport.send(request, body)
        except SynclineError as error:
            raise Unavailable(f"{self.settings.name} does not answer: {error}") from error
        finally:
            await transport.aclose()


def provider_of(clock: Clock) -> Provider | None:
    """Return the provider that the environment names, if it names one. Raises `PropertyError`."""
    settings = openid_of()
    return None if settings is None else Provider(settings, clock)


def groups_in(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    """Return the texts in a claim: of this name, or at a path with dots."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for step in claim.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    values = found if isinstance(found, Sequence) and not isinstance(found, str) else [found]
    return frozenset(value for value in values if isinstance(value, str))


def _signing(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return public keys only, and none of those for something else."""
    keys = [
        key
        for key in content.get("keys", ())
        if isinstance(key, Mapping) and key.get("kty") != "oct" and key.get("use", "sig") == "sig"
    ]
    return {"keys": keys}


def _address(document: Mapping[str, Any], name: str) -> str:
    place = document.get(name)
    if not isinstance(place, str):
        raise Unavailable(f"the provider does not say what its {name} is")
    _check_address(place, f"the provider's {name}")
    return place


def _check_address(address: str, what: str) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in _LOCAL:
        return
    raise PropertyError(f"{what} is no https address", hint="write https://host/path")


def _content(answer: Answer) -> Mapping[str, Any]:
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _refused(
    message: str, *, hint: str = "begin again, or ask an administrator"
) -> Unauthenticated:
    return Unauthenticated(message, hint=hint)
