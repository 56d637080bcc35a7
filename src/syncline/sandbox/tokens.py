"""Clients, codes and tokens of the stand-in Clio, and the tokens of the stand-in ClickTime."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from syncline.sandbox.clock import Clock
from syncline.sandbox.options import Options
from syncline.sandbox.randomness import mix, salt

_CODE_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a token request gives; ``refresh_token`` is None when the old one stays."""

    access_token: str
    refresh_token: str | None
    expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a code was given for."""

    client_id: str
    redirect_uri: str
    challenge: str | None
    until: float


@dataclass(slots=True, kw_only=True)
class _Access:
    client_id: str
    refresh_token: str
    until: float
    revoked: bool = False


class GrantRefusedError(Exception):
    """A token request that is refused; ``code`` is the error of RFC 6749."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


class Tokens:
    """Issues and judges tokens; their texts follow from the seed."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._issued = 0
        self._codes: dict[str, Consent] = {}
        self._access: dict[str, _Access] = {}
        self._refresh: dict[str, str] = {}
        self._clicktime = set(options.clicktime_tokens)

    def _text(self, prefix: str) -> str:
        self._issued += 1
        first = mix(self._options.seed + salt(prefix) + self._issued)
        return f"{self._issued}-{prefix}-{first:016x}{mix(first):016x}"

    # -- Clio

    def known_client(self, client_id: str) -> bool:
        return client_id in self._options.clients

    def allowed_redirect(self, uri: str) -> bool:
        allowed = self._options.redirect_uris
        return uri in allowed if allowed else uri.startswith(("http://", "https://"))

    def consent(self, client_id: str, redirect_uri: str, challenge: str | None) -> str:
        """A code, good for ten minutes and once."""
        code = self._text("code")
        self._codes[code] = Consent(
            client_id=client_id,
            redirect_uri=redirect_uri,
            challenge=challenge,
            until=self._clock.now() + _CODE_SECONDS,
        )
        return code

    def check_client(self, client_id: str, secret: str) -> None:
        expected = self._options.clients.get(client_id)
        if expected is None or not hmac.compare_digest(expected.encode(), secret.encode()):
            raise GrantRefusedError("invalid_client", "Client authentication failed.")

    def exchange(
        self, client_id: str, code: str, redirect_uri: str, verifier: str | None
    ) -> TokenPair:
        """The pair of a code. Raises GrantRefusedError."""
        consent = self._codes.pop(code, None)
        if consent is None or consent.client_id != client_id or consent.until < self._clock.now():
            raise GrantRefusedError(
                "invalid_grant", "The code is unknown, used, expired or of another client."
            )
        if consent.redirect_uri != redirect_uri:
            raise GrantRefusedError(
                "invalid_grant", "redirect_uri is not the one the code was given for."
            )
        if consent.challenge is not None and consent.challenge != _challenge(verifier or ""):
            raise GrantRefusedError(
                "invalid_grant", "code_verifier does not fit the code_challenge."
            )
        return self.issue(client_id)

    def issue(self, client_id: str, *, expires_in: int | None = None) -> TokenPair:
        """A new pair without any page, for programs that have no browser."""
        refresh = self._text("refresh")
        self._refresh[refresh] = client_id
        return self._pair(client_id, refresh, expires_in, shown=refresh)

    def refresh(self, client_id: str, refresh_token: str) -> TokenPair:
        if self._refresh.get(refresh_token) != client_id:
            raise GrantRefusedError(
                "invalid_grant", "The refresh token is unknown, revoked or of another client."
            )
        if not self._options.refresh_rotates:
            return self._pair(client_id, refresh_token, None, shown=None)
        del self._refresh[refresh_token]
        return self.issue(client_id)

    def _pair(
        self, client_id: str, refresh: str, expires_in: int | None, *, shown: str | None
    ) -> TokenPair:
        seconds = self._options.expires_in if expires_in is None else expires_in
        access = self._text("access")
        self._access[access] = _Access(
            client_id=client_id, refresh_token=refresh, until=self._clock.now() + seconds
        )
        return TokenPair(access_token=access, refresh_token=shown, expires_in=seconds)

    def valid(self, access_token: str) -> bool:
        known = self._access.get(access_token)
        return known is not None and not known.revoked and known.until > self._clock.now()

    def expire(self, access_token: str | None = None) -> int:
        """End one access token, or all; refresh tokens stay good. Answers how many."""
        chosen = [self._access[access_token]] if access_token in self._access else []
        for access in chosen if access_token else self._access.values():
            access.until = self._clock.now()
        return len(chosen) if access_token else len(self._access)

    def revoke(self, token: str) -> bool:
        """End a refresh token and all its access tokens; any of them may be named."""
        known = self._access.get(token)
        refresh = known.refresh_token if known is not None else token
        if known is None and token not in self._refresh:
            return False
        self._refresh.pop(refresh, None)
        for access in self._access.values():
            if access.refresh_token == refresh:
                access.revoked = True
        return True

    # -- ClickTime

    def valid_clicktime(self, token: str) -> bool:
        return token in self._clicktime

    def valid_login(self, login: str) -> bool:
        return hmac.compare_digest(login.encode(), self._options.clicktime_login.encode())

    def issue_clicktime(self) -> str:
        token = self._text("clicktime")
        self._clicktime.add(token)
        return token

    def clicktime_token(self) -> str:
        """The token that ``GET /Me`` shows."""
        return min(self._clicktime) if self._clicktime else self.issue_clicktime()

    def revoke_clicktime(self, token: str) -> bool:
        known = token in self._clicktime
        self._clicktime.discard(token)
        return known


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
