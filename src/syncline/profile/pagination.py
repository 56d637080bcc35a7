"""How an API is walked from page to page; each variant is its own paginator, without I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Literal, TypeAlias
from urllib.parse import parse_qsl, urljoin, urlsplit

from pydantic import BaseModel, ConfigDict, Field

from syncline.errors import ResponseRefused
from syncline.model.batch import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One page to ask for. ``url`` has no query string; ``parameters`` may repeat names."""

    url: str
    parameters: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "GET"

    def having(self, **parameters: str) -> "Request":
        """Return the request with these parameters set, in place of earlier ones."""
        kept = tuple(p for p in self.parameters if p[0] not in parameters)
        return replace(self, parameters=(*kept, *parameters.items()))

    def get(self, parameter: str) -> str | None:
        """Return the first value of a parameter, or None."""
        return next((v for k, v in self.parameters if k == parameter), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a paginator may know of an answer."""

    #: Number of records on the page.
    rows: int
    #: Records asked for per page; None where the API decides.
    size: int | None
    #: Values of the paths that `paths` named, for those that the body has.
    values: Mapping[str, Json]
    #: Header names in lower case.
    headers: Mapping[str, str]


class _Paginator(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def paths(self) -> tuple[str, ...]:
        """Return the dotted paths of the body that `next` reads."""
        return ()

    def first(self, request: Request) -> Request:
        """Return the request of the first page."""
        return request

    @property
    def resumable(self) -> bool:
        """Whether the request of a page still names the same page after rows came or went."""
        return True


class NextLink(_Paginator):
    """The body holds the address of the next page."""

    type: Literal["next_link"]
    path: str = Field(description="Dotted path of the address in the body.")

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last."""
        return follow(request, page.values.get(self.path))


class Token(_Paginator):
    """The body holds a token that the next request sends."""

    type: Literal["token"]
    path: str = Field(description="Dotted path of the token in the body.")
    parameter: str = Field(description="Query parameter that takes the token.")

    def paths(self) -> tuple[str, ...]:
        return (self.path,)

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last."""
        token = page.values.get(self.path)
        if token is None or token == "":
            return None
        return request.having(**{self.parameter: str(token)})


class Offset(_Paginator):
    """The request says how many rows to skip.

    Rows shift when others come or go between two pages. If the API tells how many rows there
    are, a total that shrank by n makes the walk step back by n, so no row is missed; rows read
    twice are merged by key.
    """

    type: Literal["offset"]
    parameter: str = "offset"
    total: str | None = Field(default=None, description="Dotted path of the number of matches.")
    maximum: int | None = Field(default=None, description="Greatest offset that the API accepts.")
    #: Where the total of the previous page travels; never sent.
    _TOTAL = "\0total"

    def paths(self) -> tuple[str, ...]:
        return (self.total,) if self.total else ()

    @property
    def resumable(self) -> bool:
        return False

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` where the API would need an offset that it does not accept.
        """
        total = page.values.get(self.total) if self.total else None
        skipped = int(request.get(self.parameter) or 0)
        upto = skipped + page.rows
        if page.rows == 0:
            return None
        if isinstance(total, int):
            if upto >= total:
                return None
            before = int(request.get(self._TOTAL) or total)
            upto = max(upto - max(before - total, 0), 0)
        elif page.size is not None and page.rows < page.size:
            return None
        if self.maximum is not None and upto > self.maximum:
            raise ResponseRefused(
                f"{request.url} has more rows than the {self.maximum} it lets us skip",
                hint="narrow the query with a filter, or read the table in windows of time",
            )
        following = request.having(**{self.parameter: str(upto)})
        return (
            following.having(**{self._TOTAL: str(total)}) if isinstance(total, int) else following
        )


class PageNumber(_Paginator):
    """The request names the number of the page."""

    type: Literal["page_number"]
    parameter: str = "page"
    first_page: int = 1
    pages: str | None = Field(default=None, description="Dotted path of the number of pages.")
    more: str | None = Field(
        default=None, description="Dotted path of a boolean: there is another page."
    )

    def paths(self) -> tuple[str, ...]:
        return tuple(p for p in (self.pages, self.more) if p)

    @property
    def resumable(self) -> bool:
        return False

    def first(self, request: Request) -> Request:
        return request.having(**{self.parameter: str(self.first_page)})

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last."""
        number = int(request.get(self.parameter) or self.first_page)
        pages = page.values.get(self.pages) if self.pages else None
        if isinstance(pages, int):
            more = number - self.first_page + 1 < pages
        elif self.more:
            more = page.values.get(self.more) is True
        else:
            more = page.rows > 0 and (page.size is None or page.rows >= page.size)
        return request.having(**{self.parameter: str(number + 1)}) if more else None


class LinkHeader(_Paginator):
    """The Link header (RFC 8288) names the next page."""

    type: Literal["link_header"]
    rel: str = "next"

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last."""
        for link in page.headers.get("link", "").split(","):
            address, _, attributes = link.strip().partition(";")
            names = [a.strip().replace('"', "") for a in attributes.split(";")]
            if f"rel={self.rel}" in names:
                return follow(request, address.strip().removeprefix("<").removesuffix(">"))
        return None


class NoPages(_Paginator):
    """Everything comes in one answer."""

    type: Literal["none"]

    def next(self, request: Request, page: Page) -> Request | None:  # noqa: ARG002
        """Return None: there is never another page."""
        return None


Paginator: TypeAlias = Annotated[
    NextLink | Token | Offset | PageNumber | LinkHeader | NoPages, Field(discriminator="type")
]


def follow(request: Request, link: Json) -> Request | None:
    """Return the request of an address that the API itself gave, or None if it gave none.

    Raises `ResponseRefused` if the address is no text or leads to another host: the credentials
    are for this one only.
    """
    if link is None or link == "":
        return None
    if not isinstance(link, str):
        raise ResponseRefused(f"{request.url}: the next page's address is {link!r}, not a text")
    here, there = urlsplit(request.url), urlsplit(urljoin(request.url, link))
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise ResponseRefused(
            f"{request.url}: the next page is said to be at another host, {there.netloc}",
            hint="set BaseURL to the host that the API names in its links",
        )
    return replace(
        request,
        url=f"{there.scheme}://{there.netloc}{there.path}",
        parameters=tuple(parse_qsl(there.query, keep_blank_values=True)),
    )
