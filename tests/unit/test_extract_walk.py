"""A walk from page to page: when it asks, and when it decodes."""

import json
from collections.abc import Collection

import pyarrow as pa

from standins.clocks import SkippingClock
from syncline.extract.answer import Answer
from syncline.extract.auth import FixedAuth, Proof
from syncline.extract.client import Client
from syncline.extract.records import PageContent, Reader
from syncline.extract.rows import Layout
from syncline.extract.walk import Guide, Walk, pages
from syncline.profile.columns import FlatColumn
from syncline.profile.pagination import NextLink, Paginator, Request, Token
from syncline.profile.schema import Limits, Retry

URL = "https://api.example.com/things"


class Api:
    """An API of three pages that notes when it was asked, next to when a page was decoded."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def send(self, request: Request, body: bytes | None) -> Answer:
        """Answer a request."""
        assert body is None
        number = int(request.get("page") or 1)
        self.events.append(f"ask {number}")
        following = number + 1 if number < 3 else None
        content = {
            "data": [{"id": number}],
            "next": f"{URL}?page={following}" if following else None,
            "token": str(following) if following else None,
        }
        return Answer(status=200, headers={}, body=json.dumps(content).encode())


class NotingReader(Reader):
    """A reader that notes when it decodes."""

    def __init__(self, layout: Layout, events: list[str]) -> None:
        super().__init__(layout)
        self._events = events
        self._count = 0

    def decode(self, body: bytes) -> PageContent:
        """Note it, and decode."""
        self._count += 1
        self._events.append(f"decode {self._count}")
        return super().decode(body)


async def events_of(paginator: Paginator, *, limit: int | None = None) -> list[str]:
    """Return what happened in which order while three pages were read."""
    api, clock = Api(), SkippingClock()
    client = Client(
        send=api.send,
        auth=FixedAuth(Proof(), ()),
        clock=clock,
        limits=Limits(),
        retry=Retry(),
        headers={},
        errors=(),
        table_limits={},
    )

    async def fetch(
        request: Request, *, accept: Collection[int] = (), fresh: bool = False
    ) -> Answer:
        assert not fresh
        return await client.fetch(request, accept=accept)

    column = FlatColumn(name="id", type="integer", path=("id",))
    layout = Layout(
        columns=[column],
        schema=pa.schema([column.field]),
        records="data",
        values=paginator.paths(),
    )
    guide = Guide(
        client=client,
        fetch=fetch,
        reader=NotingReader(layout, api.events),
        paginator=paginator,
        size=1,
        limit=limit,
    )
    rows = 0
    async for page in pages(Walk(request=Request(url=URL)), guide):
        rows += page.content.size if page.content else 0
    assert rows == (3 if limit is None else limit)
    return api.events


async def test_the_next_page_is_on_its_way_before_this_one_is_decoded() -> None:
    paginator = NextLink(type="next_link", path="next")
    assert await events_of(paginator) == [
        "ask 1", "ask 2", "decode 1", "ask 3", "decode 2", "decode 3",
    ]  # fmt: skip


async def test_so_it_is_with_tokens() -> None:
    paginator = Token(type="token", path="token", parameter="page")
    assert await events_of(paginator) == [
        "ask 1", "ask 2", "decode 1", "ask 3", "decode 2", "decode 3",
    ]  # fmt: skip


async def test_under_a_limit_no_page_is_asked_for_that_may_not_be_needed() -> None:
    paginator = NextLink(type="next_link", path="next")
    assert await events_of(paginator, limit=2) == ["ask 1", "decode 1", "ask 2", "decode 2"]
