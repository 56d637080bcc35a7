"""One walk from page to page: the next page is asked for before this one is handed on."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from syncline.errors import NotFound, ResponseRefused
from syncline.extract.answer import Answer
from syncline.extract.bodies import Unreadable
from syncline.extract.client import Client
from syncline.extract.records import PageContent, Reader
from syncline.extract.trail import Trail
from syncline.profile.pagination import Page, Paginator, Request

#: What an API answers to a place it no longer knows.
_UNKNOWN_PLACE = frozenset({400, 404, 410, 422})
_ATTEMPTS = 3


class Fetch(Protocol):
    """Gets answers, from the API or from where pages that are read twice are kept."""

    def __call__(
        self, request: Request, *, accept: Collection[int] = (), fresh: bool = False
    ) -> Coroutine[Any, Any, Answer]:
        """Return the answer; ``fresh``: do not take one that was kept."""
        ...


class PlaceLost(Exception):
    """The API no longer knows the place at which a read was to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk to make."""

    request: Request
    #: The request is one that was kept, and may mean nothing any more.
    kept: bool = False
    #: Nothing at this address means that the parent was deleted meanwhile.
    may_miss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedPage:
    """A page of a walk."""

    request: Request
    content: PageContent | None
    #: The request of the page after it; None: this was the last one.
    following: Request | None
    #: See `Answer`; None for a page that is not there.
    started: float | None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What every walk of a read needs."""

    client: Client
    fetch: Fetch
    reader: Reader
    paginator: Paginator
    #: Records asked for per page.
    size: int | None
    #: Stop after so many rows.
    limit: int | None = None
    #: Records of two pages that are alike are the same records.
    distinct: bool = True
    #: Statuses that mean: there is nothing at this address.
    absent: Collection[int] = ()


async def pages(walk: Walk, guide: Guide) -> AsyncGenerator[WalkedPage]:
    """Yield the pages of a walk; at least one, the last one without a following.

    Raises `PlaceLost` if the walk's first request was kept and means nothing any more,
    `ResponseRefused` for an answer that is no page, or a walk that goes in circles, and what
    `Client.fetch` raises.
    """
    request: Request | None = walk.request
    seen: set[int] = set()  # hashes: a walk may have a million pages
    before: WalkedPage | None = None
    rows = 0
    early = _Early(guide)
    trail = Trail() if guide.paginator.overlaps and guide.reader.keyed else None
    try:
        while request is not None:
            client = guide.client
            if hash(request) in seen:
                raise ResponseRefused(
                    f"the pages go in circles: {client.shown(request)} comes a second time",
                    hint="check the table's pagination in the profile",
                )
            seen.add(hash(request))
            try:
                first = before is None
                page = await _page(
                    request,
                    guide,
                    early,
                    trail,
                    accept=_UNKNOWN_PLACE if walk.kept and first else (),
                    absent=guide.absent if first else (),
                )
            except NotFound:
                if not walk.may_miss:
                    raise
                page = WalkedPage(request=request, content=None, following=None, started=None)
            _check_moves(before, page, guide)
            rows += page.content.size if page.content else 0
            if guide.limit is not None and rows >= guide.limit:
                page = replace(page, following=None)
            request = page.following
            before = page
            yield page
    finally:
        await early.aclose()


class _Early:
    """Asks for the page after an answer before that answer is decoded, where it can be told."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        self._request: Request | None = None
        self._asked: asyncio.Task[Answer] | None = None

    async def answer(self, request: Request, accept: Collection[int]) -> Answer:
        """Return the answer to a request, which may be on its way already."""
        if request == self._request and self._asked is not None:
            asked, self._asked = self._asked, None
            return await asked
        await self.aclose()
        return await self._guide.fetch(request, accept=accept)

    async def ask(self, request: Request, answer: Answer) -> None:
        """Send the request of what follows an answer, if that is clear at a glance."""
        guide = self._guide
        if not guide.paginator.early or guide.limit is not None:
            return
        values = guide.reader.values(answer.body)
        if values is None:
            return
        known = Page(rows=0, size=guide.size, values=values, headers=answer.headers)
        try:
            following = guide.paginator.next(request, known)
        except ResponseRefused:
            return  # raised again once the page is decoded
        if following is not None:
            self._request = guide.client.plain(following, request)
            self._asked = asyncio.ensure_future(guide.fetch(self._request))
            # It starts at the loop's next turn, and decoding would take that turn.
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Give up what was asked for."""
        if self._asked is not None:
            self._asked.cancel()
            await asyncio.gather(self._asked, return_exceptions=True)
        self._request = self._asked = None


async def _page(
    request: Request,
    guide: Guide,
    early: _Early,
    trail: Trail | None,
    *,
    accept: Collection[int],
    absent: Collection[int],
) -> WalkedPage:
    for attempt in range(1, _ATTEMPTS + 1):
        statuses = (*accept, *absent)
        if attempt == 1:
            answer = await early.answer(request, statuses)
        else:
            await early.aclose()
            answer = await guide.fetch(request, accept=statuses, fresh=True)
        if answer.status in accept:
            raise PlaceLost
        if answer.status in absent:
            return WalkedPage(request=request, content=None, following=None, started=answer.started)
        await early.ask(request, answer)
        try:
            content = guide.reader.decode(answer.body)
        except Unreadable as error:
            # A proxy's page, or an answer that was cut off where nobody could tell.
            if attempt < _ATTEMPTS:
                await guide.client.pause(attempt)
                continue
            raise ResponseRefused(
                f"{guide.client.described(request, answer)}: not {guide.reader.format}: {error}",
                hint="check BaseURL; or try again later",
            ) from error
        except ResponseRefused as error:
            raise ResponseRefused(
                f"{guide.client.described(request, answer)}: {error}",
                hint=error.hint or "check 'records' of the table in the profile",
            ) from error
        joined = None
        if trail is not None:
            content, joined = _joined(request, content, guide, trail)
        known = Page(
            rows=content.count,
            size=guide.size,
            values=content.values,
            headers=answer.headers,
            last=content.last,
            joined=joined,
        )
        following = guide.paginator.next(request, known)
        return WalkedPage(
            request=request,
            content=content,
            following=None if following is None else guide.client.plain(following, request),
            started=answer.started,
            headers=answer.headers,
        )
    raise AssertionError("the last attempt returns or raises")


def _joined(
    request: Request, content: PageContent, guide: Guide, trail: Trail
) -> tuple[PageContent, bool]:
    """Return a page without records that were read, and whether it goes on from them.

    Invariant 6: of a page that does not, nothing is handed on, for it comes again.
    """
    keys = guide.reader.keys(content)
    if guide.paginator.joins(request) and not trail.joins(keys):
        return guide.reader.without(content, range(content.count)), False
    content = guide.reader.without(content, trail.known(keys))
    trail.add(keys)
    return content, True


def _check_moves(before: WalkedPage | None, page: WalkedPage, guide: Guide) -> None:
    """Raise `ResponseRefused` if a page is the one before it again: the API ignores the place."""
    if before is None or not guide.distinct or before.content is None or page.content is None:
        return
    # Where the paginator itself has noticed that rows came or went, pages may well be alike.
    if _notes(before.request) not in ((), _notes(page.request)):
        return
    if page.content.count and guide.reader.same(before.content, page.content):
        raise ResponseRefused(
            f"{guide.client.shown(page.request)} answered the same records as the page before it",
            hint="check the table's pagination in the profile",
        )


def _notes(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(p for p in request.parameters if p[0].startswith("\0"))
