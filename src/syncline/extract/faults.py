"""What a refusal of the API means for us: one error of our tree for each status."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from syncline.errors import (
    ConfigError,
    CredentialError,
    NotFound,
    PermissionRefused,
    ProfileError,
    RateLimited,
    ResponseRefused,
    SynclineError,
    Unavailable,
)
from syncline.extract.answer import Answer
from syncline.extract.credentials import cut
from syncline.profile.pagination import Request

#: Parameters whose values are secrets in any API, and so never shown.
_SECRET_NAMES = frozenset(
    {
        "access_token", "api_key", "api-key", "apikey", "auth", "client_secret", "code", "key",
        "password", "refresh_token", "secret", "sig", "signature", "token",
    }
)  # fmt: skip
_HEAD = 300
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_MISSING = (NotFound, "check BaseURL, and the table's path in the profile")
_REFUSED = (
    ProfileError,
    "a parameter of the profile or a value of the query does not suit the API",
)
_REFUSALS: Mapping[int, tuple[type[ConfigError], str]] = {
    HTTPStatus.UNAUTHORIZED: (
        CredentialError,
        "check the credentials of the connection, or connect it again",
    ),
    HTTPStatus.FORBIDDEN: (
        PermissionRefused,
        "let the API's administrator give the account or app this permission",
    ),
    HTTPStatus.NOT_FOUND: _MISSING,
    HTTPStatus.GONE: _MISSING,
}


def shown(request: Request, secrets: Iterable[str]) -> str:
    """Return method and address of a request as texts may show them: without secrets."""
    query = "&".join(
        f"{quote(k, safe='[]')}={'***' if k.lower() in _SECRET_NAMES else quote(v, safe=',:()*{}')}"
        for k, v in request.parameters
        if not k.startswith("\0")
    )
    return cut(f"{request.method} {request.url}{'?' if query else ''}{query}", secrets)


def refusal(
    request: Request,
    answer: Answer,
    *,
    errors: Sequence[str],
    secrets: Sequence[str],
    retry_after: float | None = None,
) -> SynclineError:
    """Return the error that an answer without success stands for.

    ``errors`` are the dotted paths at which the body may hold the API's own message.
    """
    message = described(request, answer, errors=errors, secrets=secrets)
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(message, retry_after=retry_after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LATER:
        return Unavailable(message, retry_after=retry_after)
    if status >= HTTPStatus.BAD_REQUEST:
        kind, hint = _REFUSALS.get(status, _REFUSED)
        return kind(message, hint=hint)
    return ResponseRefused(message, hint="check BaseURL: this is not an answer with data")


def described(
    request: Request, answer: Answer, *, errors: Sequence[str], secrets: Sequence[str]
) -> str:
    """Return one line: what was asked, what came, and the API's own words."""
    own = cut(own_words(answer.body, errors), secrets)[:_HEAD]
    said = f": {own}" if own else ""
    beginning = head(answer.body, secrets)
    body = f" (body: {beginning})" if beginning else ""
    return f"{shown(request, secrets)} answered {answer.status}{_phrase(answer.status)}{said}{body}"


def head(body: bytes, secrets: Iterable[str]) -> str:
    """Return the first characters of a body, on one line and without secrets; none of gzip."""
    if body.startswith(b"\x1f\x8b"):
        return ""
    text = " ".join(body[: 8 * _HEAD].decode("utf-8", "replace").split())
    # Invariant 7: cut secrets first, or one that lies across the end would leave its beginning.
    return cut(text, secrets)[:_HEAD]


def own_words(body: bytes, paths: Sequence[str]) -> str:
    """Return the API's own message, from the first path that leads to one; '' without."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    for path in (*paths, "error_description", "errors.message"):
        found = "; ".join(_texts(content, path.split(".")))
        if found:
            return found
    return ""


def _texts(value: object, path: Sequence[str]) -> list[str]:
    """Return the texts at a path; a list on the way stands for each of its elements."""
    match value:
        case list():
            if path and path[0].isdecimal():
                index = int(path[0])
                return _texts(value[index], path[1:]) if index < len(value) else []
            return [text for element in value for text in _texts(element, path)]
        case dict() if path:
            return _texts(value[path[0]], path[1:]) if path[0] in value else []
        case str() | int() | float() if not path and value != "":
            return [str(value)]
        case _:
            return []


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
