"""How an API is walked from page to page; each variant is its own paginator, without I/O."""

import re
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from syncline.errors import ResponseRefused
from syncline.model.batch import Json
from syncline.profile.request import Body, Page, Request, Text

#: Requests and pages are found here, too.
__all__ = [
    "Body", "LastRecord", "LinkHeader", "NextLink", "NoPages", "Offset", "Page", "PageNumber",
    "Paginator", "Request", "Text", "Token", "follow",
]  # fmt: skip


class _Paginator(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def paths(self) -> tuple[str, ...]:
        """Return the dotted paths of the body that `next` reads."""
        return ()

    def last(self) -> str | None:
        """Return the dotted path in the last record that `next` reads, if it reads one."""
        return None

    def first(self, request: Request) -> Request:
        """Return the request of the first page."""
        return request

    @property
    def resumable(self) -> bool:
        """Whether the request of a page still names the same page after rows came or went."""
        return True

    @property
    def early(self) -> bool:
        """Whether `next` needs nothing of a page but its values and headers."""
        return False


class _Linked(_Paginator):
    numbered: bool = Field(
        default=False,
        description="The addresses count pages or rows: they lead elsewhere once rows have come or "
        "gone, so a read that was interrupted does not go on from one.",
    )

    @property
    def resumable(self) -> bool:
        return not self.numbered


class NextLink(_Linked):
    """The body holds the address of the next page."""

    type: Literal["next_link"] = Field(description="The body holds the address of the next page.")
    path: str = Field(description="Dotted path of the address in the body.")

    @property
    def early(self) -> bool:
        return True

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` for an address that cannot be followed, see `follow`.
        """
        return follow(request, page.values.get(self.path))


class _Ending(_Paginator):
    unless_absent: str | None = Field(
        default=None,
        description="Dotted path of something that every page but the last one has.",
    )
    more: str | None = Field(
        default=None, description="Dotted path of a boolean: there is another page."
    )
    ends: Literal["empty", "short"] | None = Field(
        default=None,
        description="empty: a page without records is the last; short: one with fewer than asked "
        "for is.",
    )

    def paths(self) -> tuple[str, ...]:
        return tuple(path for path in (self.more, self.unless_absent) if path)

    def _ended(self, page: Page) -> bool:
        if self.unless_absent and page.values.get(self.unless_absent) is None:
            return True
        if self.more and str(page.values.get(self.more)).lower() != "true":
            return True
        fewest = (page.size or 1) if self.ends == "short" else 1
        return self.ends is not None and page.rows < fewest


class Token(_Ending):
    """The body, or a header, holds a token that the next request sends."""

    type: Literal["token"] = Field(
        description="The body, or a header, holds a token for the next request."
    )
    path: str | None = Field(default=None, description="Dotted path of the token in the body.")
    header: str | None = Field(
        default=None, description="In place of a path: the header of the answer that has it."
    )
    parameter: str = Field(description="Query parameter that takes the token.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.path is None) == (self.header is None):
            raise ValueError("either 'path' or 'header' is needed")
        return self

    @property
    def early(self) -> bool:
        return self.ends is None

    def paths(self) -> tuple[str, ...]:
        return (*filter(None, (self.path,)), *super().paths())

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` if the token leads to the same page again.
        """
        held = page.headers.get(self.header.lower()) if self.header else None
        token = page.values.get(self.path) if self.path else held
        if token is None or token == "" or self._ended(page):
            return None
        return _onward(request, request.having(**{self.parameter: str(token)}))


class LastRecord(_Ending):
    """The next request names the last record of the page before it."""

    type: Literal["last_record"] = Field(
        description="The next request names the last record of the page before it."
    )
    path: str = Field(default="id", description="Dotted path, in the record, of what it names.")
    parameter: str = Field(description="Query parameter that takes it.")

    def last(self) -> str | None:
        return self.path

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Without 'more', 'ends' and 'unless_absent' the last page is one without records. Raises
        `ResponseRefused` for a record that cannot be named, or that leads to the same page again.
        """
        if page.rows == 0 or self._ended(page):
            return None
        if not isinstance(page.last, str | int) or page.last == "":
            raise ResponseRefused(
                f"{request.url}: the last record has no {self.path!r}, which names the next page"
            )
        return _onward(request, request.having(**{self.parameter: str(page.last)}))


class Offset(_Paginator):
    """The request says how many rows to skip.

    Rows shift when others come or go between two pages. If the API tells how many rows there
    are, the walk steps back where n have gone, to n rows before the page that told it: rows that
    moved up to where the walk has been are read after all, and rows read twice are merged by
    key. Rows that come only shift others onto pages still to be read; but as many that come
    between two pages as go hide each other, which only windows or a later pass make good.
    """

    type: Literal["offset"] = Field(description="The request says how many rows to skip.")
    parameter: str = Field(default="offset", description="Query parameter that takes the number.")
    total: str | None = Field(default=None, description="Dotted path of the number of matches.")
    maximum: int | None = Field(default=None, description="Greatest offset that the API accepts.")
    on_first: bool = Field(default=False, description="The first request names its place, too.")
    first_row: int = Field(default=0, ge=0, description="Number of the first row, often 0 or 1.")
    again: int = Field(
        default=0,
        ge=0,
        description="Rows of a page that the next one reads again, where the API does not tell how "
        "many there are: so many may go between two pages, and no row is missed.",
    )

    def first(self, request: Request) -> Request:
        return self._at(request, 0) if self.on_first else request

    def paths(self) -> tuple[str, ...]:
        return (self.total,) if self.total else ()

    @property
    def resumable(self) -> bool:
        return False

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` where the API would need an offset that it does not accept, or
        has nothing on a page that its own total says is not the last.
        """
        total = _count(page.values.get(self.total)) if self.total else None
        skipped = int(request.get(self.parameter) or self.first_row) - self.first_row
        if total is None:
            last = page.rows == 0 or (page.size is not None and page.rows < page.size)
            onward = max(page.rows - self.again, 1)
            return None if last else self._skipping(request, skipped + onward)
        # Invariant 6: what was read before `skipped` stands before `skipped - gone` by now.
        gone = max(int(request.get(_TOTAL) or total) - total, 0)
        if gone and skipped:
            upto = max(skipped - gone, 0)
        elif skipped + page.rows >= total:
            return None
        elif page.rows == 0:
            raise ResponseRefused(
                f"{request.url} has {total} rows, it says, but none after the first {skipped}"
            )
        else:
            upto = skipped + page.rows
        return self._skipping(request, upto).having(**{_TOTAL: str(total)})

    def _skipping(self, request: Request, rows: int) -> Request:
        if self.maximum is not None and rows > self.maximum:
            raise ResponseRefused(
                f"{request.url} has more rows than the {self.maximum} it lets us skip",
                hint="narrow the query with a filter, or read the table in windows of time",
            )
        return self._at(request, rows)

    def _at(self, request: Request, rows: int) -> Request:
        return request.having(**{self.parameter: str(self.first_row + rows)})


class PageNumber(_Paginator):
    """The request names the number of the page."""

    type: Literal["page_number"] = Field(description="The request names the number of the page.")
    parameter: str = Field(default="page", description="Query parameter that takes the number.")
    first_page: int = Field(default=1, description="Number of the first page.")
    pages: str | None = Field(default=None, description="Dotted path of the number of pages.")
    more: str | None = Field(
        default=None, description="Dotted path of a boolean: there is another page."
    )
    on_first: bool = Field(default=True, description="The first request names its page, too.")

    @property
    def early(self) -> bool:
        return self.pages is not None or self.more is not None

    def paths(self) -> tuple[str, ...]:
        return tuple(p for p in (self.pages, self.more) if p)

    @property
    def resumable(self) -> bool:
        return False

    def first(self, request: Request) -> Request:
        return (
            request.having(**{self.parameter: str(self.first_page)}) if self.on_first else request
        )

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last."""
        number = int(request.get(self.parameter) or self.first_page)
        pages = _count(page.values.get(self.pages)) if self.pages else None
        if pages is not None:
            more = number - self.first_page + 1 < pages
        elif self.more:
            more = str(page.values.get(self.more)).lower() == "true"
        else:
            more = page.rows > 0 and (page.size is None or page.rows >= page.size)
        return request.having(**{self.parameter: str(number + 1)}) if more else None


class LinkHeader(_Linked):
    """The Link header (RFC 8288) names the next page."""

    type: Literal["link_header"] = Field(description="The Link header names the next page.")
    rel: str = Field(default="next", description="Relation of the link to follow.")

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` for an address that cannot be followed, see `follow`.
        """
        for link in _LINK.finditer(page.headers.get("link", "")):
            relations = _REL.search(link[2])
            if relations and self.rel in (relations[1] or relations[2] or "").split():
                return follow(request, link[1])
        return None


class NoPages(_Paginator):
    """Everything comes in one answer."""

    type: Literal["none"] = Field(description="Everything comes in one answer.")

    def next(self, request: Request, page: Page) -> Request | None:  # noqa: ARG002 (one interface)
        """Return None: there is never another page."""
        return None


Paginator: TypeAlias = Annotated[
    NextLink | Token | LastRecord | Offset | PageNumber | LinkHeader | NoPages,
    Field(discriminator="type"),
]

#: Where the total of the previous page travels. Names that begin so are never sent.
_TOTAL = "\0total"
#: One link of a Link header; commas may stand in its address and in quotes.
_LINK = re.compile(r"<([^<>]*)>((?:[^,<>\"]|\"[^\"]*\")*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)
#: What stands in paths as it is; APIs write addresses with spaces and letters of all kinds.
_IN_PATHS = "%/:=&~+!$,;'@()*"
_PORTS = {"http": 80, "https": 443}


def follow(request: Request, link: Json) -> Request | None:
    """Return the request of an address that the API itself gave, or None if it gave none.

    Raises `ResponseRefused` if the address is no text, is the page we have, or leads to another
    host: the credentials are for this one only.
    """
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise ResponseRefused(f"{request.url}: the next page's address is {link!r}, not a text")
    address, _, query = link.partition("?")
    if address == request.url and "#" not in query:
        return _onward(request, request.moved(address, query))
    here = urlsplit(request.url)
    try:
        there = urlsplit(urljoin(request.url, link))
        elsewhere = _host(here) != _host(there)
    except ValueError:
        raise ResponseRefused(f"{request.url}: the next page's address is malformed") from None
    if elsewhere:
        raise ResponseRefused(
            f"{request.url}: the next page is said to be at another host, "
            f"{there.scheme}://{there.hostname}",
            hint="set BaseURL to the host that the API names in its links",
        )
    following = request.moved(
        f"{here.scheme}://{here.netloc}{quote(there.path, safe=_IN_PATHS)}", there.query
    )
    return _onward(request, following)


def _host(address: SplitResult) -> tuple[str, str | None, int | None]:
    return address.scheme, address.hostname, address.port or _PORTS.get(address.scheme)


def _onward(request: Request, following: Request) -> Request:
    if following == request:
        raise ResponseRefused(f"{request.url}: the next page is said to be the same page again")
    return following


def _count(value: Json) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None
