"""How an operation's pages follow each other, as far as its document tells."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from syncline.profile.openapi.document import Document, Parameter
from syncline.profile.openapi.lists import Listing
from syncline.profile.openapi.naming import snake
from syncline.profile.openapi.shapes import Shape, inside, shape_of
from syncline.profile.writing import QUESTION

_SIZES = {"limit", "per_page", "page_size", "pagesize", "size", "max_results", "maxresults", "top",
          "results_per_page", "count", "page_limit", "take", "items_per_page", "rows", "perpage",
          "num_results", "pagelen", "first"}  # fmt: skip
_NUMBERS = {"page", "page_number", "pagenumber", "page_no", "page_num", "page_index", "p", "pg"}
_OFFSETS = {"offset", "skip", "start", "start_at", "startat", "start_index", "startindex",
            "first_result", "from_index"}  # fmt: skip
_TOKENS = {"page_token", "pagetoken", "cursor", "next_token", "nexttoken", "continuation_token",
           "continuation", "next_cursor", "page_cursor", "after", "marker", "scroll_id", "bookmark",
           "next_page_token", "start_cursor", "next_page", "starting_after"}  # fmt: skip
_HELD = {"next_page_token", "nextpagetoken", "next_cursor", "nextcursor", "next_token", "nexttoken",
         "cursor", "after", "continuation", "continuation_token", "next_marker", "end_cursor",
         "scroll_id", "next_page_cursor", "next_bookmark", "next_page", "next"}  # fmt: skip
_LINKS = {"next", "next_url", "next_page_url", "next_link", "nextlink", "next_href", "next_uri",
          "odata_next_link", "odata_nextlink", "next_page"}  # fmt: skip
_TOTALS = {"total", "total_count", "totalcount", "count", "total_results", "total_items",
           "total_records", "totalresults", "totalitems"}  # fmt: skip
_PAGES = {"total_pages", "totalpages", "page_count", "pagecount", "pages", "num_pages", "last_page"}
_MORE = {"has_more", "hasmore", "more", "has_next", "has_next_page", "hasnextpage"}
_MOST = re.compile(
    r"(?:between\s+\d+\s+and|max(?:imum)?(?:\s+(?:of|is|value|allowed|page size))*[:=]?|up to)"
    r"\s+`?(?P<most>\d[\d,]*)",
    re.IGNORECASE,
)
#: Only these levels of an answer are about pages.
_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """What is known of an operation's pages."""

    #: As profiles have it; None if the document does not tell.
    pagination: dict[str, str | int] | None
    #: Why, or what is to be answered.
    notes: tuple[str, ...]
    page: dict[str, str | int] | None = None
    page_notes: tuple[str, ...] = ()
    #: Parameters that are about pages, and so no filters.
    parameters: frozenset[str] = frozenset()


def paging_of(document: Document, listing: Listing) -> Paging:
    """Return how pages follow each other, with reasons; without pagination where it is open."""
    query = {_word(p.name): p for p in listing.operation.query()}
    envelope = dict(_envelope(document, listing))
    page, page_notes = _page_size(document, query)
    about = frozenset(
        p.name for word, p in query.items() if _about_pages(document, word, p)
    )  # fmt: skip
    for way in (_by_link, _by_token, _by_number, _by_offset, _by_last_record):
        found = way(document, listing, query, envelope)
        if found is not None:
            pagination, reason = found
            own = {str(each.get("parameter")) for each in (pagination, page or {})}
            return Paging(
                pagination=pagination, notes=reason, page=page, page_notes=page_notes,
                parameters=about | own,
            )  # fmt: skip
    return _open(query, page, page_notes, about)


def _open(
    query: dict[str, Parameter],
    page: dict[str, str | int] | None,
    page_notes: tuple[str, ...],
    about: frozenset[str],
) -> Paging:
    token = next((p for word, p in query.items() if word in _TOKENS), None)
    if token is not None:
        asks = (
            f"{QUESTION}The parameter {token.name!r} asks for a page, but the document does not "
            "say where an answer names the next one. One of:"
        )
        ways = (
            f"pagination: {{type: token, parameter: {token.name}, path: …}}",
            "pagination: {type: next_link, path: …}",
            "pagination: {type: link_header}",
        )
        return Paging(
            pagination=None, notes=(asks, *ways), page=page, page_notes=page_notes, parameters=about
        )
    if page is not None:
        asks = (
            f"{QUESTION}{page['parameter']!r} sets the size of a page, but the document does not "
            "say how the next page is asked for. Until that is set, only the first page is read."
        )
        return Paging(
            pagination=None, notes=(asks,), page=page, page_notes=page_notes, parameters=about
        )
    return Paging(
        pagination={"type": "none"},
        notes=("neither parameters nor the answer speak of pages",),
        parameters=about,
    )


def _by_link(
    document: Document,  # noqa: ARG001 (one form of all ways)
    listing: Listing,
    query: dict[str, Parameter],
    envelope: dict[str, Shape],
) -> tuple[dict[str, str | int], tuple[str, ...]] | None:
    if "link" in listing.operation.headers:
        # Where a page can be asked for by its number, links are taken to count them, too.
        counted: dict[str, str | int] = {"numbered": True} if query.keys() & _NUMBERS else {}
        return {"type": "link_header", **counted}, ("the answer has the header Link",)
    for path, inner in envelope.items():
        *around, name = path.split(".")
        if _word(name) == "href" and around and _word(around[-1]) == "next":
            return {"type": "next_link", "path": path}, (f"{path} is a link",)
        if _word(name) not in _LINKS or inner.kind != "scalar" or inner.type != "string":
            continue
        told = f"{name} {inner.format} {inner.description}".lower()
        clear = re.search(r"\b(ur[il]|link|href|address|uri-reference)\b|_ur[il]\b|link\b", told)
        if clear or (around and _word(around[-1]) in {"links", "link"}):
            return {"type": "next_link", "path": path}, (f"{path} is the next page's address",)
        if _word(name) == "next" and not any(word in query for word in _TOKENS | _OFFSETS):
            continue
    return None


def _by_token(
    document: Document,  # noqa: ARG001 (one form of all ways)
    listing: Listing,  # noqa: ARG001
    query: dict[str, Parameter],
    envelope: dict[str, Shape],
) -> tuple[dict[str, str | int], tuple[str, ...]] | None:
    parameter = next((p for word, p in query.items() if word in _TOKENS), None)
    if parameter is None:
        return None
    for path, inner in envelope.items():
        name = path.rsplit(".", 1)[-1]
        if _word(name) in _HELD and inner.kind in {"scalar", "any"}:
            return (
                {"type": "token", "path": path, "parameter": parameter.name},
                (f"{parameter.name!r} takes what {path} of the page before says",),
            )
    return None


def _by_number(
    document: Document,
    listing: Listing,  # noqa: ARG001 (one form of all ways)
    query: dict[str, Parameter],
    envelope: dict[str, Shape],
) -> tuple[dict[str, str | int], tuple[str, ...]] | None:
    parameter = next(
        (p for w, p in query.items() if w in _NUMBERS and _numeric(document, p)), None
    )  # fmt: skip
    if parameter is None:
        return None
    found: dict[str, str | int] = {"type": "page_number", "parameter": parameter.name}
    notes = [f"{parameter.name!r} is the number of the page"]
    known = shape_of(document, parameter.schema)
    first = next((n for v in (known.default, known.minimum) if (n := _whole(v)) is not None), None)
    if first is None:
        notes.append(f"{QUESTION}Is the first page 1? If not, set first_page.")
    elif first != 1:
        found["first_page"] = first
    for path, inner in envelope.items():
        word = _word(path.rsplit(".", 1)[-1])
        if word in _PAGES and inner.type == "integer" and "pages" not in found:
            found["pages"] = path
        elif word in _MORE and inner.type == "boolean" and not {"pages", "more"} & set(found):
            found["more"] = path
    if "pages" in found:
        found.pop("more", None)
    return found, tuple(notes)


def _by_offset(
    document: Document,
    listing: Listing,  # noqa: ARG001 (one form of all ways)
    query: dict[str, Parameter],
    envelope: dict[str, Shape],
) -> tuple[dict[str, str | int], tuple[str, ...]] | None:
    parameter = next(
        (p for w, p in query.items() if w in _OFFSETS and _numeric(document, p)), None
    )  # fmt: skip
    if parameter is None:
        return None
    found: dict[str, str | int] = {"type": "offset", "parameter": parameter.name}
    notes = [f"{parameter.name!r} is the number of records to skip"]
    for path, inner in envelope.items():
        word = _word(path.rsplit(".", 1)[-1])
        if word not in _TOTALS or inner.type != "integer":
            continue
        if word != "count":
            found["total"] = path
        elif "total" not in found:
            notes.append(f"{QUESTION}Is {path} the number of all records? Then add total: {path}.")
    return found, tuple(notes)


def _by_last_record(
    document: Document,  # noqa: ARG001 (one form of all ways)
    listing: Listing,
    query: dict[str, Parameter],
    envelope: dict[str, Shape],
) -> tuple[dict[str, str | int], tuple[str, ...]] | None:
    parameter = query.get("starting_after")
    if parameter is None or "id" not in listing.record.members:
        return None
    found: dict[str, str | int] = {
        "type": "last_record", "path": "id", "parameter": parameter.name,
    }  # fmt: skip
    more = next(
        (p for p, s in envelope.items() if _word(p.rsplit(".", 1)[-1]) in _MORE), None
    )  # fmt: skip
    if more is not None and envelope[more].type == "boolean":
        found["more"] = more
    return found, (f"{parameter.name!r} takes the id of the last record of the page before",)


def _page_size(
    document: Document, query: dict[str, Parameter]
) -> tuple[dict[str, str | int] | None, tuple[str, ...]]:
    for word, parameter in query.items():
        if word not in _SIZES or not _numeric(document, parameter):
            continue
        known = shape_of(document, parameter.schema)
        told = _MOST.search(parameter.description)
        most = int(told["most"].replace(",", "")) if told else None
        if known.maximum is not None and known.maximum < 2**31 - 1:
            return {"parameter": parameter.name, "size": int(known.maximum)}, ("its maximum",)
        if most:
            return (
                {"parameter": parameter.name, "size": most},
                ("the greatest that its description names",),
            )
        if usual := _whole(known.default):
            return (
                {"parameter": parameter.name, "size": usual},
                (f"{QUESTION}The API's default. Which is the greatest size that it allows?",),
            )
        return (
            {"parameter": parameter.name},
            (f"{QUESTION}Which is the greatest size that it allows? Set size to it.",),
        )
    return None, ()


def _envelope(document: Document, listing: Listing) -> Iterator[tuple[str, Shape]]:
    """Yield what stands beside the records, by dotted path, what is nearer first."""
    if listing.answer.kind != "object":
        return
    held = tuple(listing.records.split("."))
    found = [
        (path, inner)
        for path, inner in inside(document, listing.answer, _DEPTH)
        if path[: len(held)] != held and not any("." in name for name in path)
    ]
    for path, inner in sorted(found, key=lambda each: len(each[0])):
        yield ".".join(path), inner


def _about_pages(document: Document, word: str, parameter: Parameter) -> bool:
    if word in _TOKENS | _NUMBERS and word != "after":
        return True
    if word in {"ending_before", "before_cursor", "previous_token"}:
        return True
    return word in _SIZES | _OFFSETS and _numeric(document, parameter)


def _numeric(document: Document, parameter: Parameter) -> bool:
    known = shape_of(document, parameter.schema)
    return known.type in {"integer", "number"} or known.kind == "any"


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    return int(value)


def _word(name: str) -> str:
    inner = re.search(r"\[([^\[\]]+)\]$", name)  # page[size], page[number]
    if inner:
        return snake(f"page_{inner[1]}") if name.startswith("page") else snake(inner[1])
    return snake(name)
