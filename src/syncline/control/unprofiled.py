"""APIs that no profile describes yet: asked for single addresses."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties
from syncline.errors import PropertyError
from syncline.profile.pagination import Request
from syncline.profile.schema import Profile


class Answered(Protocol):
    """An answer as far as it matters here."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        ...

    @property
    def body(self) -> bytes:
        """What was said."""
        ...


class Asks(Protocol):
    """Something that answers requests."""

    async def ask(self, request: Request) -> Answered:
        """Return the answer; raise `syncline.errors` if it refuses."""
        ...


@asynccontextmanager
async def unprofiled(
    content: Mapping[str, Any], properties: Mapping[str, str]
) -> AsyncIterator[Asks]:
    """Open the API of a profile that has no tables worth the name yet.

    ``content``: the profile's settings, auth schemes, base address and headers. Raises
    `PropertyError` and `CredentialError`.
    """
    nothing = {"Nothing": {"path": "/", "columns": {"id": "integer"}}}
    profile = Profile.model_validate({"name": "Unprofiled", "tables": nothing, **content})
    given = ApiProperties.model_validate({"Profile": profile.name, **properties})
    async with opened_api(
        "unprofiled", given, profile, SystemClock(), observe=lambda _: None, say=lambda _: None
    ) as source:
        yield source


async def downloaded(url: str) -> bytes:
    """Return what is at a public address. Raises `PropertyError` and what asking raises."""
    request = request_of(url)
    content = {"auth": [{"scheme": "None"}], "base_url": request.url}
    async with unprofiled(content, {}) as api:
        return (await api.ask(request)).body


def request_of(url: str) -> Request:
    """Return the request of an address. Raises `PropertyError` if it is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise PropertyError(f"{url!r} is no address", hint="it begins with https:// and a host")
    if parts.username or parts.password:
        raise PropertyError(
            "the address has a password in it", hint="give user and password apart from it"
        )
    return Request(
        url=f"{parts.scheme}://{parts.netloc}{parts.path or '/'}",
        parameters=tuple(parse_qsl(parts.query, keep_blank_values=True)),
    )
