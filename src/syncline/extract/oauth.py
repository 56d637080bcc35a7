"""OAuth 2.0 (RFC 6749, 7636, 7009): what is asked of an authorization server, and its answers."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from urllib.parse import parse_qsl, quote_plus, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7009.parameters import prepare_revoke_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from syncline.errors import (
    ConfigError,
    CredentialError,
    PropertyError,
    RateLimited,
    TransientError,
    Unavailable,
)
from syncline.extract.answer import Answer, Send, form, retry_after
from syncline.extract.credentials import Credentials
from syncline.extract.faults import described
from syncline.extract.tokens import Tokens
from syncline.model.run import Clock
from syncline.profile.auth import OAuth, OAuthClient
from syncline.profile.pagination import Request
from syncline.profile.template import fill

_AGAIN = "connect again: the API must be asked for its consent anew"
_OK = 200
_TOO_MANY = 429
_SERVER_FAULT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """An authorization server's addresses, and what it knows us by."""

    token_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    authorize_url: str = ""
    revoke_url: str | None = None
    scope: str = ""
    pkce: bool = False
    #: "body" or "basic": how we prove ourselves at ``token_url``.
    client_auth: str = "body"
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no text may show."""
        return (self.client_secret, _basic(self)) if self.client_secret else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """One attempt to get the user's consent in a browser."""

    #: Where to send the browser.
    url: str
    #: Comes back with the answer; another one means another attempt.
    state: str
    #: The secret of PKCE that the exchange of the code must show; '' without PKCE.
    verifier: str = field(default="", repr=False)


def registration(
    scheme: OAuth | OAuthClient, settings: Mapping[str, str], credentials: Credentials
) -> Registration:
    """Return what the scheme, the connection's settings and its credentials say together.

    Raises `PropertyError` without a client id.
    """
    if not credentials.client_id:
        raise PropertyError(
            f"the auth scheme {scheme.scheme} needs OAuthClientId and OAuthClientSecret",
            hint="register an app with the API and give its id and secret",
        )
    common = Registration(
        token_url=fill(scheme.token_url, settings),
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        scope=fill(scheme.scope, settings),
        client_auth=scheme.client_auth,
    )
    if isinstance(scheme, OAuthClient):
        return common
    return replace(
        common,
        authorize_url=fill(scheme.authorize_url, settings),
        revoke_url=fill(scheme.revoke_url, settings) if scheme.revoke_url else None,
        pkce=scheme.pkce,
        parameters={k: fill(v, settings) for k, v in scheme.parameters.items()},
    )


def authorization(
    known: Registration, *, redirect_uri: str, state: str = "", verifier: str = ""
) -> Authorization:
    """Return the address at which the user gives consent; state and verifier are drawn if ''.

    Raises `CredentialError` if the profile does not know it.
    """
    if not known.authorize_url:
        raise CredentialError(
            "the profile does not know where people agree",
            hint="give OAuthRefreshToken, or write authorize_url into the profile",
        )
    state = state or token_urlsafe(32)
    more = dict(known.parameters)
    if known.pkce:
        verifier = verifier or token_urlsafe(48)
        more |= {
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
    url = prepare_grant_uri(
        known.authorize_url,
        known.client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=known.scope or None,
        state=state,
        **more,
    )
    return Authorization(url=url, state=state, verifier=verifier if known.pkce else "")


def code_in(callback: str, state: str) -> str:
    """Return the code in the address that the browser was sent back to.

    Raises `CredentialError` if consent was refused, or the answer is not to this attempt.
    """
    answer = dict(parse_qsl(urlsplit(callback).query))
    if answer.get("state", "") != state:
        raise CredentialError(
            "the browser came back with an answer to another attempt to connect",
            hint="start again, and finish in the same browser",
        )
    if "error" in answer:
        why = answer.get("error_description") or answer["error"]
        raise CredentialError(f"the API did not give its consent: {why}", hint="try again")
    if not answer.get("code"):
        raise CredentialError("the browser came back without a code", hint="try again")
    return answer["code"]


async def exchange(
    known: Registration, send: Send, clock: Clock, *, code: str, redirect_uri: str, verifier: str
) -> Tokens:
    """Return the tokens for the code of an `Authorization`; ``verifier`` is '' without PKCE.

    Raises `CredentialError` if the server refuses, `TransientError` if it cannot answer now.
    """
    return await _ask(
        known,
        send,
        clock,
        grant="authorization_code",
        secrets=(code, verifier),
        code=code,
        redirect_uri=redirect_uri,
        code_verifier=verifier or None,
    )


async def refresh(known: Registration, send: Send, clock: Clock, tokens: Tokens) -> Tokens:
    """Return new tokens for the refresh token, which is kept if the server sends none.

    Raises `CredentialError` if there is none or the server refuses it, `TransientError` if
    the server cannot answer now.
    """
    if not tokens.refresh_token:
        raise CredentialError("the access token has ended, and there is no refresh token",
                              hint=_AGAIN)  # fmt: skip
    renewed = await _ask(
        known,
        send,
        clock,
        grant="refresh_token",
        secrets=(tokens.refresh_token,),
        refresh_token=tokens.refresh_token,
    )
    return replace(
        renewed,
        refresh_token=renewed.refresh_token or tokens.refresh_token,
        scope=renewed.scope or tokens.scope,
    )


async def client_credentials(known: Registration, send: Send, clock: Clock) -> Tokens:
    """Return tokens of the app itself.

    Raises `CredentialError` if the server refuses, `TransientError` if it cannot answer now.
    """
    scope = {"scope": known.scope} if known.scope else {}
    return await _ask(known, send, clock, grant="client_credentials", secrets=(), **scope)


async def revoke(known: Registration, send: Send, tokens: Tokens) -> None:
    """Tell the server that the tokens are no longer used; nothing if it has no address for that.

    Raises `CredentialError` if the server refuses, `TransientError` if it cannot answer now.
    """
    if known.revoke_url is None:
        return
    secrets = (*known.secrets, tokens.access_token, tokens.refresh_token)
    body, _ = prepare_revoke_token_request(tokens.access_token)
    # RFC 7009 wants the client to prove itself; some servers want the token to.
    request, body = _proven(known, known.revoke_url, body)
    if known.client_auth == "body":
        bearer = ("Authorization", f"Bearer {tokens.access_token}")
        request = replace(request, headers=(*request.headers, bearer))
    answer = await _post(send, request, body)
    if answer.status >= _SERVER_FAULT:
        raise Unavailable(described(request, answer, errors=(), secrets=secrets))
    if answer.status >= 400:  # noqa: PLR2004 (the first status of a refusal)
        raise CredentialError(described(request, answer, errors=(), secrets=secrets))


async def _ask(
    known: Registration,
    send: Send,
    clock: Clock,
    *,
    grant: str,
    secrets: Sequence[str],
    **fields: str | None,
) -> Tokens:
    body = prepare_token_request(grant, **fields)
    request, body = _proven(known, known.token_url, body)
    answer = await _post(send, request, body)
    if answer.status != _OK:
        raise _refusal(request, answer, (*known.secrets, *secrets), clock)
    return _tokens(request, answer, (*known.secrets, *secrets), clock)


async def _post(send: Send, request: Request, body: str) -> Answer:
    try:
        return await send(*form(request, body))
    except TransientError as error:
        raise Unavailable(f"POST {request.url}: {error}", hint=error.hint) from error


def _proven(known: Registration, url: str, body: str) -> tuple[Request, str]:
    """Return a request that says who the client is, and its body."""
    request = Request(url=url, method="POST")
    if known.client_auth == "basic" and known.client_secret:
        header = ("Authorization", f"Basic {_basic(known)}")
        return replace(request, headers=(header,)), body
    # A public client has no secret; its id alone says who it is.
    body += f"&client_id={quote_plus(known.client_id)}"
    if known.client_secret:
        body += f"&client_secret={quote_plus(known.client_secret)}"
    return request, body


def _basic(known: Registration) -> str:
    # RFC 6749, 2.3.1: both are form-encoded first, so that a colon can be in either.
    pair = f"{quote_plus(known.client_id)}:{quote_plus(known.client_secret)}"
    return base64.b64encode(pair.encode()).decode()


def _refusal(
    request: Request, answer: Answer, secrets: Sequence[str], clock: Clock
) -> CredentialError | ConfigError | Unavailable | RateLimited:
    message = described(request, answer, errors=("error_description", "error"), secrets=secrets)
    if answer.status == _TOO_MANY:
        return RateLimited(message, retry_after=retry_after(answer, clock.time()))
    if answer.status >= _SERVER_FAULT:
        return Unavailable(message, retry_after=retry_after(answer, clock.time()))
    match _content(answer).get("error"):
        case "invalid_grant":
            return CredentialError(message, hint=_AGAIN)
        case "invalid_client" | "unauthorized_client":
            return CredentialError(message, hint="check OAuthClientId and OAuthClientSecret")
        case _ if answer.status in {400, 401, 403}:
            return CredentialError(message, hint=_AGAIN)
        case _:
            return ConfigError(message, hint="check the token address of the profile")


def _tokens(request: Request, answer: Answer, secrets: Sequence[str], clock: Clock) -> Tokens:
    content = _content(answer)
    access, again = content.get("access_token"), content.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise CredentialError(
            described(request, replace(answer, body=b""), errors=(), secrets=secrets)
            + " without an access token",
            hint="check the token address of the profile",
        )
    lifetime = _seconds(content.get("expires_in"))
    return Tokens(
        access_token=access,
        refresh_token=again if isinstance(again, str) else "",
        expires_at=None if lifetime is None else clock.time() + lifetime,
        lifetime=lifetime,
        scope=str(content.get("scope") or ""),
    )


def _content(answer: Answer) -> Mapping[str, object]:
    try:
        content = json.loads(answer.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _seconds(value: object) -> float | None:
    """Return a life in seconds; None if it is not given, or cannot be one."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        return None
    return seconds if seconds > 0 else None
