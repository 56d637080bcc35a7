"""What the errors of a GraphQL answer mean for us: the status does not tell."""

from collections.abc import Iterator
from typing import Any

import msgspec

from syncline.errors import CredentialError, PermissionRefused, RateLimited, ResponseRefused

_KINDS: dict[str, type[CredentialError | PermissionRefused | RateLimited]] = {
    "THROTTLED": RateLimited,
    "RATE_LIMITED": RateLimited,
    "RATELIMITED": RateLimited,
    "TOO_MANY_REQUESTS": RateLimited,
    "UNAUTHENTICATED": CredentialError,
    "UNAUTHORIZED": CredentialError,
    "FORBIDDEN": PermissionRefused,
}


class _Errors(msgspec.Struct):
    errors: list[Any] | None = None


def graphql_refusal(
    body: bytes,
) -> type[CredentialError | PermissionRefused | RateLimited | ResponseRefused] | None:
    """Return the error that an answer stands for; None for one without errors.

    Data beside errors is not whole, so it is never taken.
    """
    if b'"errors"' not in body:
        return None
    try:
        errors = msgspec.json.decode(body, type=_Errors).errors
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the reader says what is wrong with it
    if not errors:
        return None
    return next((_KINDS[word] for word in _words(errors) if word in _KINDS), ResponseRefused)


def _words(errors: list[Any]) -> Iterator[str]:
    for error in errors:
        if isinstance(error, dict):
            extensions = error.get("extensions")
            code = extensions.get("code") if isinstance(extensions, dict) else None
            yield from (str(word).upper() for word in (code, error.get("type")) if word)
