"""A profile of one list, from its live pages: what is tried, and what the answers show."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from syncline.control.answers import Written, recognised
from syncline.errors import CredentialError, ProfileError, ResponseRefused, SynclineError
from syncline.profile.formats import JsonFormat, XmlFormat
from syncline.profile.infer.bodies import (
    Record,
    alike,
    keyed_path,
    records_at,
    records_path,
    single_path,
    value_at,
)
from syncline.profile.infer.paging import SIZES, Candidate, candidates
from syncline.profile.infer.texts import typed_records
from syncline.profile.pagination import NoPages, Page, Paginator, Request

#: A page as large as most APIs allow.
_LARGE = 100
#: A list is walked in about so many pages when ways to walk it are tried.
_WALKED = 3
_CHANGED = ("updated_since", "updated_after", "modified_since", "modified_after", "since",
            "updated_at_min", "changed_since", "changed_after", "last_modified_after",
            "updated_from", "updatedSince", "modifiedSince")  # fmt: skip


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A page that was looked at."""

    request: Request
    headers: Mapping[str, str]
    body: Any
    records: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """What the pages of a list have shown."""

    #: Dotted path of the records; '' for the body itself.
    records_path: str
    paginator: Paginator
    paging_reason: str
    #: The walk could be tried: there were records for more than one page.
    paging_proven: bool
    size_parameter: str | None
    size: int | None
    pages: Sequence[Looked]
    #: The pages that were read are all there are.
    whole: bool
    written: Written
    #: Every answer had one object where the records are taken to be: nobody knows if it is a list.
    single: bool

    @property
    def records(self) -> list[Record]:
        """The records of all pages."""
        found = [record for page in self.pages for record in page.records]
        return typed_records(found) if self.written.texts else found


@dataclass(slots=True, kw_only=True)
class Explorer:
    """Asks for one list in many ways; never twice the same."""

    api: Asks
    #: Where the records stand, and how answers are written, once that is known.
    path: str = ""
    written: Written = field(default_factory=lambda: Written(format=JsonFormat(type="json")))
    #: No answer so far had more than one object where the records are taken to be.
    single: bool = False
    asked: int = 0
    _known: dict[Request, Looked | None] = field(default_factory=dict)

    async def learn(self, request: Request, *, pages: int) -> Learnt:
        """Return what a list's pages show; ``pages``: so many are read of it.

        Raises `ProfileError` if the answer has no records, and what asking raises.
        """
        first = await self._first(request)
        size_parameter, size = await self._size(first)
        found, proven = await self._way(first, size_parameter)
        large = first
        if size_parameter is not None and size is not None and request.get(size_parameter) is None:
            large = await self._look(request.having(**{size_parameter: str(size)})) or first
        walked, whole = await self._walk(large, found.paginator, size, pages)
        return Learnt(
            records_path=self.path,
            paginator=found.paginator,
            paging_reason=found.reason,
            paging_proven=proven,
            size_parameter=size_parameter,
            size=size,
            pages=walked,
            whole=whole,
            written=self.written,
            single=self.single and not proven,
        )

    async def changed_parameter(self, first: Looked, column: str) -> str | None:
        """Return the parameter that leaves out records older than a value, or None.

        ``column``: a member of records, ISO 8601.
        """
        values = sorted({str(r[column]) for r in first.records if r.get(column) is not None})
        if len(values) <= 1:
            return None
        middle = values[len(values) // 2]
        for parameter in _CHANGED:
            page = await self._look(first.request.having(**{parameter: middle}))
            if page is None or not page.records:
                continue
            if all(str(r.get(column)) >= middle for r in page.records):
                return parameter
        return None

    async def _first(self, request: Request) -> Looked:
        answer = await self.api.ask(request)
        self.asked += 1
        written = recognised(answer.body, answer.headers)
        if written is None:
            raise ProfileError(
                f"{request.url} answered no JSON, lines of JSON, XML or CSV",
                hint="name the address of a list in one of these",
            )
        content = written.decoded(answer.body)
        listed = records_path(content)
        one = single_path(content, request.url.rpartition("/")[2], listed)
        xml = isinstance(written.format, XmlFormat)
        keyed = None if xml else keyed_path(content, listed)
        path = next((each for each in (keyed, one, listed) if each is not None), None)
        if path is None:
            raise ProfileError(
                f"{request.url} answered no list of objects",
                hint="name the address of a list that has records",
            )
        self.path, self.single = path, one is not None and keyed is None
        if keyed is not None:
            written = replace(written, answer="keyed")
        elif self.single and not xml:
            written = replace(written, answer="either")
        self.written = replace(written, records=path)
        body = self.written.decoded(answer.body)
        looked = Looked(
            request=request, headers=answer.headers, body=body,
            records=records_at(body, path) or [],
        )  # fmt: skip
        self._known[request] = looked
        return looked

    async def _look(self, request: Request) -> Looked | None:
        """Return the page of a request; None if there is none."""
        if request in self._known:
            return self._known[request]
        found: Looked | None = None
        try:
            answer = await self.api.ask(request)
            body = self.written.decoded(answer.body)
            records = records_at(body, self.path)
            if records is None and self._collapses(body):
                self.written = replace(self.written, answer="either")
                body = self.written.decoded(answer.body)
                records = records_at(body, self.path)
            if records is not None:
                self.single = self.single and len(records) <= 1
                found = Looked(request=request, headers=answer.headers, body=body, records=records)
        except CredentialError:
            raise
        except (SynclineError, ValueError):
            found = None
        self.asked += 1
        self._known[request] = found
        return found

    def _collapses(self, body: Any) -> bool:
        """Say whether a body has an object like the records in place of their list."""
        one = value_at(body, self.path) if self.path and self.written.answer == "list" else None
        seen = [r for page in self._known.values() if page is not None for r in page.records]
        return isinstance(one, Mapping) and bool(one) and alike(one, seen)

    async def _size(self, first: Looked) -> tuple[str | None, int | None]:
        """Return the parameter of the page's size, and a good size."""
        request, rows = first.request, len(first.records)
        for name in SIZES:
            given = request.get(name)
            if given is not None and given.isdecimal():
                return name, int(given)
        if rows <= 1:
            return await self._larger(first)
        for name in SIZES:
            small = await self._look(request.having(**{name: "1"}))
            if small is None or len(small.records) != 1:
                continue
            large = await self._look(request.having(**{name: str(_LARGE)}))
            if large is not None and len(large.records) >= rows:
                # More than the API was seen to give may be more than it ever gives.
                return name, len(large.records)
            return name, rows
        return None, None

    async def _larger(self, first: Looked) -> tuple[str | None, int | None]:
        """Return the parameter with which a page has more than its one record."""
        for name in SIZES:
            large = await self._look(first.request.having(**{name: str(_LARGE)}))
            if large is not None and len(large.records) > 1:
                return name, len(large.records)
        return None, None

    async def _way(self, first: Looked, size_parameter: str | None) -> tuple[Candidate, bool]:
        """Return the way in which pages follow each other, and whether it could be tried."""
        request, rows = first.request, len(first.records)
        if size_parameter is not None and rows > 1:
            small = request.having(**{size_parameter: str(max(rows // _WALKED, 1))})
            first = await self._look(small) or first
        tried = 0
        for candidate in candidates(
            first.request, first.headers, first.body, records=self.path, rows=len(first.records)
        ):
            tried += 1
            if await self._leads_on(candidate.paginator, first):
                return candidate, True
        reason = f"{tried} ways to ask for a next page were tried, and none led to other records"
        return Candidate(paginator=NoPages(type="none"), reason=reason), False

    async def _leads_on(self, paginator: Paginator, first: Looked) -> bool:
        """Say whether a way leads from the first page to another one, and to that only."""
        begin = paginator.first(first.request)
        page = first if begin == first.request else await self._look(begin)
        if page is None or page.records != first.records:
            return False
        following = self._next(paginator, page, len(first.records))
        if following is None or following == begin:
            return False
        second = await self._look(following)
        if second is None or not second.records or _shared(first, second):
            return False
        if paginator.type == "offset":
            one = await self._look(first.request.having(**{paginator.parameter: "1"}))
            wanted = first.records[1:2]
            return one is not None and (not wanted or one.records[:1] == wanted)
        return True

    async def _walk(
        self, first: Looked, paginator: Paginator, size: int | None, pages: int
    ) -> tuple[list[Looked], bool]:
        begin = paginator.first(first.request)
        page = first if begin == first.request else await self._look(begin)
        found: list[Looked] = []
        while page is not None and len(found) < pages:
            found.append(page)
            following = self._next(paginator, page, size)
            if following is None:
                return found, True
            page = await self._look(following)
        return found or [first], False

    def _next(self, paginator: Paginator, page: Looked, size: int | None) -> Request | None:
        last = page.records[-1] if page.records else {}
        path = paginator.last() if hasattr(paginator, "last") else None
        values = {p: v for p in paginator.paths() if (v := value_at(page.body, p)) is not None}
        known = Page(
            rows=len(page.records),
            size=size,
            values=values,
            headers=page.headers,
            last=value_at(last, path) if path else None,
        )
        try:
            return paginator.next(page.request, known)
        except ResponseRefused:
            return None


def _shared(one: Looked, other: Looked) -> bool:
    known = {json.dumps(record, sort_keys=True) for record in one.records}
    return any(json.dumps(record, sort_keys=True) in known for record in other.records)
