"""How an API is walked from page to page; each variant is its own paginator, without I/O."""

import re
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from pydantic import Field, model_validator

from syncline.errors import ResponseRefused
from syncline.model.batch import Json
from syncline.model.table import Misses
from syncline.profile.counting import Offset, PageNumber
from syncline.profile.request import Body, Page, Request, Text
from syncline.profile.turning import Turning

#: Requests, pages and the parts that live in modules of their own are found here, too.
__all__ = [
    "Body", "LastRecord", "LinkHeader", "NextLink", "NoPages", "Offset", "Page", "PageNumber",
    "Paginator", "Request", "Text", "Token", "follow",
]  # fmt: skip


class _Linked(Turning):
    numbered: bool = Field(
        default=False,
        description="The addresses count pages or rows: they lead elsewhere once rows have come or "
        "gone, so a read that was interrupted does not go on from one.",
    )

    @property
    def resumable(self) -> bool:
        return not self.numbered

    def misses(self, *, keyed: bool) -> Misses:  # noqa: ARG002 (one interface)
        return Misses.GONE if self.numbered else Misses.NEVER


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


class _Ending(Turning):
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


class NoPages(Turning):
    """Everything comes in one answer."""

    type: Literal["none"] = Field(description="Everything comes in one answer.")

    def next(self, request: Request, page: Page) -> Request | None:  # noqa: ARG002 (one interface)
        """Return None: there is never another page."""
        return None


Paginator: TypeAlias = Annotated[
    NextLink | Token | LastRecord | Offset | PageNumber | LinkHeader | NoPages,
    Field(discriminator="type"),
]

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
