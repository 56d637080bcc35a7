"""APIs that no profile describes yet: asked for single addresses."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa

from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api
from syncline.control.inferring import Asks, Explorer
from syncline.control.properties import ApiProperties
from syncline.errors import PropertyError
from syncline.extract.tokens import MemoryTokens, Tokens, TokenStore
from syncline.model.table import Scan
from syncline.profile.infer.columns import changes_seen, columns_seen
from syncline.profile.infer.draft import Access, Shown, base_of, content_of
from syncline.profile.pagination import Request
from syncline.profile.schema import Profile
from syncline.profile.writing import Plain, plain

#: Rows of a preview.
_PREVIEWED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was asked, and what came of it."""

    asked: int
    records: int
    pages: int


@asynccontextmanager
async def unprofiled(
    content: Mapping[str, Any], properties: Mapping[str, str], tokens: TokenStore
) -> AsyncIterator[Asks]:
    """Open the API of a profile that has no tables worth the name yet.

    ``content``: the profile's settings, auth schemes, base address and headers. ``tokens``: where
    those of OAuth are kept. Raises `PropertyError` and `CredentialError`.
    """
    nothing = {"Nothing": {"path": "/", "columns": {"id": "integer"}}}
    profile = Profile.model_validate({"name": "Unprofiled", "tables": nothing, **content})
    given = ApiProperties.model_validate({"Profile": profile.name, **properties})
    async with opened_api(
        "unprofiled", given, profile, SystemClock(),
        observe=lambda _: None, say=lambda _: None, tokens=tokens,
    ) as source:  # fmt: skip
        yield source


def tokens_of(granted: Access) -> TokenStore:
    """Return where the tokens of OAuth are kept, as long as nobody knows whose they are."""
    refresh = granted.refresh_token
    return MemoryTokens(Tokens(access_token="", refresh_token=refresh) if refresh else None)


async def downloaded(url: str) -> bytes:
    """Return what is at a public address. Raises `PropertyError` and what asking raises."""
    request = request_of(url)
    content = {"auth": [{"scheme": "None"}], "base_url": request.url}
    async with unprofiled(content, {}, MemoryTokens()) as api:
        return (await api.ask(request)).body


async def inferred(
    request: Request,
    granted: Access,
    *,
    headers: Mapping[str, str],
    name: str,
    pages: int,
    tokens: TokenStore,
) -> tuple[dict[str, Plain], Counts]:
    """Return the content of the profile of a list, and what it took to find it out.

    Raises `ProfileError` if the answer has no records, and what asking raises.
    """
    base, _, _ = base_of(request)
    content = {
        "settings": granted.settings,
        "auth": [plain(granted.auth)],
        "base_url": base,
        "headers": headers,
    }
    async with unprofiled(content, properties(granted), tokens) as api:
        explorer = Explorer(api=api)
        learnt = await explorer.learn(request, pages=pages)
        records = learnt.records
        seen = columns_seen(records)
        changes = changes_seen(seen)
        found = [(c, await explorer.changed_parameter(learnt.pages[0], c)) for c in changes[:2]]
        incremental = next(((c, p) for c, p in found if p is not None), None)
    shown = Shown(
        request=request,
        records_path=learnt.records_path,
        records=records,
        format=learnt.written.format,
        headers=learnt.pages[0].headers,
        paginator=learnt.paginator,
        paging_reason=learnt.paging_reason,
        paging_proven=learnt.paging_proven,
        size_parameter=learnt.size_parameter,
        size=learnt.size,
        pages=len(learnt.pages),
        incremental=incremental,
        changes=changes,
        answer=learnt.written.answer,
        single=learnt.single,
    )
    counts = Counts(asked=explorer.asked, records=len(records), pages=len(learnt.pages))
    return content_of(shown, granted, name=name, headers=headers), counts


async def preview(profile: Profile, granted: Access, table: str, *, tokens: TokenStore) -> pa.Table:
    """Return the first rows that a profile reads of a table."""
    given = ApiProperties.model_validate({"Profile": profile.name, **properties(granted)})
    async with opened_api(
        "preview", given, profile, SystemClock(),
        observe=lambda _: None, say=lambda _: None, tokens=tokens,
    ) as source:  # fmt: skip
        described = (await source.tables())[table]
        names = tuple(n for n in described.schema.names if n not in described.filter_only)
        scan = Scan(table=described, columns=names, limit=_PREVIEWED, keep_rejects=True)
        async with aclosing(source.read(scan, None)) as batches:
            async for batch in batches:
                return pa.Table.from_batches([batch.records]).slice(0, _PREVIEWED)
        return pa.Table.from_batches([], scan.schema)


def properties(granted: Access) -> dict[str, Any]:
    """Return the properties of a connection that is granted access."""
    return {**granted.properties, "ProfileSettings": dict(granted.given)}


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
