"""Sources over the small API, and whole reads of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pyarrow as pa

from standins.clocks import SkippingClock
from standins.pages import Api
from syncline.extract.credentials import Credentials
from syncline.extract.source import RestSource, rest_source
from syncline.model.batch import Batch, Cursor
from syncline.model.run import Clock, Event
from syncline.model.table import Scan
from syncline.profile.loader import parse_profile

HEAD = """
name: Small
settings:
  BaseURL: {description: where}
  Key: {secret: true}
auth:
  - scheme: None
  - {scheme: Basic}
  - {scheme: Token, value: "Token {Key}"}
  - {scheme: APIKey, parameter: api_key, value: "{Key}"}
  - scheme: OAuth
    authorize_url: "{BaseURL}/oauth/authorize"
    token_url: "{BaseURL}/oauth/token"
    revoke_url: "{BaseURL}/oauth/revoke"
  - {scheme: OAuthClient, token_url: "{BaseURL}/oauth/token"}
base_url: "{BaseURL}"
errors: [error.message]
"""
NEXT_LINK = """
defaults:
  records: data
  pagination: {type: next_link, path: meta.paging.next}
  page: {parameter: limit, size: 3}
"""
ITEMS = """
tables:
  Items:
    path: /items
    primary_key: [id]
    columns: {id: integer, name: string, updated_at: datetime}
"""


@asynccontextmanager
async def source_of(
    api: Api,
    profile: str,
    *,
    clock: Clock | None = None,
    credentials: Credentials | None = None,
    settings: Mapping[str, str] | None = None,
    events: list[Event] | None = None,
    timeout: float = 120.0,  # noqa: ASYNC109 (of one request, not of this call)
) -> AsyncIterator[RestSource]:
    source = rest_source(
        profile=parse_profile(profile, "test.yaml"),
        settings={"BaseURL": api.url, **(settings or {})},
        credentials=credentials or Credentials(),
        clock=clock or SkippingClock(),
        observe=None if events is None else events.append,
        timeout=timeout,
    )
    try:
        yield source
    finally:
        await source.aclose()


async def scan_of(source: RestSource, table: str, *columns: str, **more: Any) -> Scan:
    found = (await source.tables())[table]
    return Scan(table=found, columns=columns or tuple(found.schema.names), **more)


async def batches_of(source: RestSource, scan: Scan, since: Cursor | None = None) -> list[Batch]:
    async with aclosing(source.read(scan, since)) as batches:
        return [batch async for batch in batches]


def rows_of(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.records.to_pylist()]


def ids_of(batches: Sequence[Batch], column: str = "id") -> list[Any]:
    return [row[column] for row in rows_of(batches)]


def table_of(batches: Sequence[Batch]) -> pa.Table:
    return pa.Table.from_batches([batch.records for batch in batches])


def items(count: int, *, name: str = "item") -> list[dict[str, Any]]:
    return [
        {"id": i, "name": f"{name} {i}", "updated_at": f"2026-01-{i % 28 + 1:02d}T10:00:00Z"}
        for i in range(1, count + 1)
    ]
