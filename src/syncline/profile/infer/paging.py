"""How pages may follow each other: what to try, from what the first answer looks like."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syncline.profile.infer.bodies import around
from syncline.profile.pagination import (
    LastRecord,
    LinkHeader,
    NextLink,
    Offset,
    PageNumber,
    Paginator,
    Request,
    Token,
)

#: Parameters that commonly set the size of a page.
SIZES = ("limit", "per_page", "page_size", "pageSize", "size", "count", "max_results", "page[size]")
_NUMBERS = ("page", "page_number", "pageNumber", "p", "page[number]")
_OFFSETS = ("offset", "skip", "start", "startAt", "page[offset]")
_TOKENS = ("cursor", "page_token", "pageToken", "next_token", "token", "after", "nextToken",
           "continuation_token", "continuation", "page[cursor]", "page[after]")  # fmt: skip
_LAST = ("starting_after", "after", "after_id", "since_id", "since")
_TOKEN = re.compile(r"next|cursor|token|after|continu|marker|bookmark|scroll", re.IGNORECASE)
_NOT_NEXT = re.compile(r"prev|before|first|self|last|start", re.IGNORECASE)
_TOTALS = {"total", "total_count", "totalcount", "total_results", "total_items", "totalitems"}
_PAGES = {"total_pages", "totalpages", "page_count", "pagecount", "pages", "num_pages", "last_page"}
_MORE = {"has_more", "hasmore", "more", "has_next", "hasnext", "has_next_page", "hasnextpage"}
#: So many tokens of a body are tried.
_MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A way in which pages may follow each other, to be tried."""

    paginator: Paginator
    #: What makes it one.
    reason: str


def candidates(
    request: Request, headers: Mapping[str, str], body: Any, *, records: str, rows: int
) -> Iterator[Candidate]:
    """Yield what to try, the surest first."""
    if re.search(r"rel=\"?[^\";,]*\bnext\b", headers.get("link", "")):
        yield Candidate(
            paginator=LinkHeader(type="link_header"), reason="the header Link names a next page"
        )
    envelope = list(_envelope(body, records))
    for path, value in envelope:
        if _is_address(value) and _is_next(path):
            reason = f"{path} has the next page's address"
            yield Candidate(paginator=NextLink(type="next_link", path=path), reason=reason)
    yield from _tokens(request, envelope)
    yield from _numbered(request, envelope, rows)
    if records == "" or _found(envelope, _MORE, bool):
        more = _found(envelope, _MORE, bool)
        for parameter in _LAST:
            yield Candidate(
                paginator=LastRecord(type="last_record", path="id", parameter=parameter, more=more),
                reason=f"{parameter!r} takes the id of the last record",
            )


def _tokens(request: Request, envelope: list[tuple[str, Any]]) -> Iterator[Candidate]:
    held = [
        (path, value)
        for path, value in envelope
        if isinstance(value, str | int) and not isinstance(value, bool) and value != ""
        and not _is_address(value) and _TOKEN.search(path)
        and not _NOT_NEXT.search(path.rsplit(".", 1)[-1])
    ]  # fmt: skip
    for path, _ in held[:_MOST]:
        own = path.rsplit(".", 1)[-1]
        given = [name for name, _ in request.parameters]
        names = [n for n in given if _TOKEN.search(n)]
        for parameter in dict.fromkeys([*names, own.removeprefix("next_"), own, *_TOKENS]):
            yield Candidate(
                paginator=Token(type="token", path=path, parameter=parameter),
                reason=f"{parameter!r} takes what {path} of the page before says",
            )


def _numbered(request: Request, envelope: list[tuple[str, Any]], rows: int) -> Iterator[Candidate]:
    given = [name for name, _ in request.parameters]
    pages, more = _found(envelope, _PAGES, int), _found(envelope, _MORE, bool)
    for parameter in dict.fromkeys([*(n for n in given if n in _NUMBERS), *_NUMBERS]):
        for first in (1, 0):
            yield Candidate(
                paginator=PageNumber(
                    type="page_number", parameter=parameter, first_page=first,
                    pages=pages, more=None if pages else more,
                ),
                reason=f"{parameter!r} is the number of the page, and the first is {first}",
            )  # fmt: skip
    total = next(
        (p for p, v in envelope if _word(p) in _TOTALS and _whole(v) and v >= rows), None
    )  # fmt: skip
    for parameter in dict.fromkeys([*(n for n in given if n in _OFFSETS), *_OFFSETS]):
        yield Candidate(
            paginator=Offset(type="offset", parameter=parameter, total=total),
            reason=f"{parameter!r} is the number of records to skip",
        )


def _envelope(body: Any, records: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(body, Mapping):
        return
    held = tuple(records.split("."))
    for path, value in around(body):
        if path[: len(held)] != held and not isinstance(value, Mapping | list):
            yield ".".join(path), value


def _found(envelope: list[tuple[str, Any]], words: set[str], kind: type) -> str | None:
    return next((p for p, v in envelope if _word(p) in words and type(v) is kind), None)


def _word(path: str) -> str:
    last = path.rsplit(".", 1)[-1].lstrip("@")  # as XML's attributes are called
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", last).lower()


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and bool(re.match(r"https?://|/\S|\?\S+=", value))


def _is_next(path: str) -> bool:
    last = path.rsplit(".", 1)[-1].lower()
    return "next" in path.lower() and not _NOT_NEXT.search(last)
