"""Walks that count rows or pages, which others shift that come or go meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from pydantic import Field

from syncline.errors import ResponseRefused
from syncline.model.batch import Json
from syncline.model.table import Misses
from syncline.profile.request import Page, Request
from syncline.profile.turning import Turning

#: Where the total of the previous page travels. Names that begin so are never sent.
_TOTAL = "\0total"
#: The page must begin with rows that were read; how far the next step back goes; steps back so
#: far, and those of them that began over.
_AGAIN, _BACK, _MOVES, _OVER = "\0again", "\0back", "\0moves", "\0over"
#: Times that a walk may begin over before its rows are held to have no order.
_MOST_OVER = 20


class Offset(Turning):
    """The request says how many rows to skip.

    Rows shift when others come or go between two pages. So a page begins with the last row of the
    page before it: where that is not so, rows have moved to where the walk has been, and it steps
    back until a page begins with rows that it has read. That takes a key, by which rows are known.

    Where the API tells how many rows there are, the walk steps back where n have gone, to n rows
    before the page that told it, and no row need be read again; but as many rows that come
    between two pages as go hide each other then.
    """

    type: Literal["offset"] = Field(description="The request says how many rows to skip.")
    parameter: str = Field(default="offset", description="Query parameter that takes the number.")
    total: str | None = Field(default=None, description="Dotted path of the number of matches.")
    maximum: int | None = Field(default=None, description="Greatest offset that the API accepts.")
    on_first: bool = Field(default=False, description="The first request names its place, too.")
    first_row: int = Field(default=0, ge=0, description="Number of the first row, often 0 or 1.")
    again: int | None = Field(
        default=None,
        ge=0,
        description="Rows of a page that the next one reads again, of tables with a key: where "
        "they are not there, the walk steps back, and no row is missed. Default: 1, and 0 where "
        "'total' is known.",
    )

    def first(self, request: Request) -> Request:
        return self._at(request, 0) if self.on_first else request

    def paths(self) -> tuple[str, ...]:
        return (self.total,) if self.total else ()

    @property
    def resumable(self) -> bool:
        return False

    @property
    def overlaps(self) -> bool:
        return True

    @property
    def overlap(self) -> int:
        """Rows of a page that the next one reads again, where rows have a key."""
        return (0 if self.total else 1) if self.again is None else self.again

    def joins(self, request: Request) -> bool:
        return request.get(_AGAIN) is not None

    def misses(self, *, keyed: bool) -> Misses:
        if keyed and self.overlap:
            return Misses.NEVER
        return Misses.EXCHANGED if self.total else Misses.GONE

    def next(self, request: Request, page: Page) -> Request | None:
        """Return the request of the page after ``page``, or None after the last.

        Raises `ResponseRefused` where the API would need an offset that it does not accept, has
        nothing on a page that its own total says is not the last, or has its rows in another
        order with every page.
        """
        total = _count(page.values.get(self.total)) if self.total else None
        skipped = int(request.get(self.parameter) or self.first_row) - self.first_row
        if page.joined is False:
            return self._back(request, skipped, page)
        # A page of one row has none that could be read again before the next.
        known = 0 if page.joined is None else self.overlap
        again = max(min(known, page.rows - 1), 0)
        if total is not None and not known:
            return self._by_total(request, skipped, page.rows, total)
        if total is None:
            # The page before had more rows than it gave to be read again.
            least = 1 if _noted(request, _BACK) else _noted(request, _AGAIN) + 1
            last = page.rows < (page.size or least)
        else:
            last = self._is_last(request, skipped, page.rows, total)
        if last:
            return None
        notes = {_AGAIN: again, _MOVES: _noted(request, _MOVES), _OVER: _noted(request, _OVER)}
        return _noting(self._skipping(request, skipped + page.rows - again), notes)

    def _back(self, request: Request, skipped: int, page: Page) -> Request:
        """Return the request of an earlier page, each time further back.

        Invariant 6: what was read is before or on a page that begins with rows that were read.
        """
        step = _noted(request, _BACK) or max((page.size or page.rows) // 4, 1)
        upto = max(skipped - step, 0)
        over = _noted(request, _OVER) + (upto == 0)
        if over > _MOST_OVER:
            raise ResponseRefused(
                f"{request.url}: rows that were read are never found again: they come in another "
                "order with every page",
                hint="let a parameter of the table in the profile sort them by their key",
            )
        # The first page has nothing to join. Moves tell requests apart that ask for one place.
        notes = {_AGAIN: upto, _BACK: 2 * step, _MOVES: _noted(request, _MOVES) + 1, _OVER: over}
        return _noting(self._at(request, upto), notes)

    def _by_total(self, request: Request, skipped: int, rows: int, total: int) -> Request | None:
        # Invariant 6: what was read before `skipped` stands before `skipped - gone` by now.
        gone = max(int(request.get(_TOTAL) or total) - total, 0)
        if gone and skipped:
            upto = max(skipped - gone, 0)
        elif self._is_last(request, skipped, rows, total):
            return None
        else:
            upto = skipped + rows
        return self._skipping(request, upto).having(**{_TOTAL: str(total)})

    def _is_last(self, request: Request, skipped: int, rows: int, total: int) -> bool:
        if skipped + rows < total and rows == 0:
            raise ResponseRefused(
                f"{request.url} has {total} rows, it says, but none after the first {skipped}"
            )
        return skipped + rows >= total

    def _skipping(self, request: Request, rows: int) -> Request:
        if self.maximum is not None and rows > self.maximum:
            raise ResponseRefused(
                f"{request.url} has more rows than the {self.maximum} it lets us skip",
                hint="narrow the query with a filter, or read the table in windows of time",
            )
        return self._at(request, rows)

    def _at(self, request: Request, rows: int) -> Request:
        return request.having(**{self.parameter: str(self.first_row + rows)})


class PageNumber(Turning):
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

    def misses(self, *, keyed: bool) -> Misses:  # noqa: ARG002 (one interface)
        return Misses.GONE

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


def _noted(request: Request, name: str) -> int:
    return int(request.get(name) or 0)


def _noting(request: Request, notes: Mapping[str, int]) -> Request:
    """Return the request with these notes and no others; a 0 says nothing."""
    kept = tuple(p for p in request.parameters if not p[0].startswith("\0"))
    more = tuple((name, str(number)) for name, number in notes.items() if number)
    return replace(request, parameters=(*kept, *more))


def _count(value: Json) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None
