"""Which rows of a list a request means, cut into pages, and the body around them."""

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

from syncline.sandbox.vendor_description import Listed, Paging, Since
from syncline.sandbox.vendor_rows import Record, VendorList, VendorRow, at

Parameters = Mapping[str, str]


class BadRequestError(Exception):
    """A request that the API would refuse, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A list, and what of it is wanted."""

    rows: VendorList
    parameters: Parameters
    paging: Paging
    since: Since | None
    accepts: Sequence[str]
    #: The row that the address names.
    parent: VendorRow | None
    #: The address without parameters.
    url: str

    @property
    def listed(self) -> Listed:
        return self.rows.described


def answered(asked: Asked, template: object) -> tuple[object, str | None]:
    """The body of an answer, and the address of the next page.

    In the template stand: ``$rows``, or the ``$first`` of them; ``$total``, ``$page``, ``$pages``,
    ``$size``, ``$offset``; ``$next_url``, ``$next_page``, ``$token``, which are null on the last
    page; ``$cursor``, a token even then; ``$more``, ``$done``. A key that ends in ``?`` is left out
    where its value is null or empty.
    """
    _check(asked)
    asked = _remembered(asked)
    rows = list(_matching(asked))
    if asked.listed.newest_first:
        rows.reverse()
    first, size = _place(asked, rows)
    page, rest = rows[first : first + size], rows[first + size :]
    records = [asked.rows.record(row) for row in page]
    following = _following(asked, first, size, records) if rest else {}
    link = _link(asked, following) if rest else None
    values: dict[str, object] = {
        "rows": [_projected(asked, record) for record in records],
        "total": len(rows),
        "page": first // size + asked.paging.first,
        "pages": -(-len(rows) // size),
        "size": size,
        "offset": first,
        "count": len(page),
        "first": _projected(asked, records[0]) if records else None,
        "next_url": link,
        "next_page": next(iter(following.values()), None) if following else None,
        "token": next(iter(following.values()), None) if following else None,
        "more": bool(rest),
        "done": not rest,
        "cursor": next(iter(following.values()), None) if following else _end(asked, rows),
    }
    return filled(template, values), link


def filled(template: object, values: Mapping[str, object]) -> object:
    """A template with its values."""
    match template:
        case str() if template.startswith("$") and template[1:] in values:
            return values[template[1:]]
        case Mapping():
            whole = {str(name): filled(inner, values) for name, inner in template.items()}
            return {
                name.removesuffix("?"): inner
                for name, inner in whole.items()
                if inner not in (None, {}) or not name.endswith("?")
            }
        case list():
            return [filled(inner, values) for inner in template]
        case _:
            return template


def _check(asked: Asked) -> None:
    """Raise BadRequestError for parameters that the API does not have, or lacks."""
    listed, paging = asked.listed, asked.paging
    known = {
        *asked.accepts, *listed.accepts, *listed.filters, *listed.requires,
        paging.parameter, paging.size_parameter, listed.projection, listed.parent_parameter,
        asked.since.parameter if asked.since else "", *listed.only_with.values(),
    }  # fmt: skip
    for name in asked.parameters:
        if name not in known:
            raise BadRequestError(f"There is no parameter {name}.")
    remembered = paging.alone is not None and paging.parameter in asked.parameters
    for name, value in listed.requires.items():
        if not remembered and asked.parameters.get(name) != value:
            raise BadRequestError(f"The parameter {name} must be {value}.")


def _remembered(asked: Asked) -> Asked:
    """What was asked for at first, where the token of a page remembers it."""
    text = asked.parameters.get(asked.paging.parameter)
    if asked.paging.alone is None or text is None:
        return asked
    try:
        kept = base64.urlsafe_b64decode(text).decode().partition("?")[2]
    except ValueError:
        raise BadRequestError(f"{asked.paging.parameter}={text} names no page.") from None
    return replace(asked, parameters={**dict(parse_qsl(kept)), **asked.parameters})


def _matching(asked: Asked) -> Iterator[VendorRow]:
    tests: list[Callable[[VendorRow], bool]] = []
    parent = asked.parent
    if parent is not None:
        tests.append(lambda row: asked.rows.parent_of(row) is parent)
    if asked.since is not None and asked.since.parameter in asked.parameters:
        tests.append(_later(asked.since, asked.parameters[asked.since.parameter]))
    for name, described in asked.listed.filters.items():
        text = asked.parameters.get(name)
        if text is not None:
            tests.append(_filter(asked.rows, described, text))
    return (row for row in asked.rows.listed() if all(test(row) for test in tests))


def _later(since: Since, text: str) -> Callable[[VendorRow], bool]:
    if since.pattern:
        found = re.search(since.pattern, text)
        if found is None:
            raise BadRequestError(f"{since.parameter}={text} cannot be understood.")
        text = found[1]
    moment = _seconds(since, text)
    created, strict = since.by == "created", since.strict

    def later(row: VendorRow) -> bool:
        own = row.created if created else row.updated
        return own > moment if strict else own >= moment

    return later


def _seconds(since: Since, text: str) -> float:
    try:
        match since.form:
            case "epoch":
                return float(text)
            case "epoch_ms":
                return float(text) / 1000
            case "iso":
                moment = datetime.fromisoformat(text)
            case form:
                moment = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise BadRequestError(f"{since.parameter}={text} is no time.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(first: str, second: str) -> bool:
    """Numbers by their size; days and moments as they are written, as exactly as both are."""
    try:
        return float(first) <= float(second)
    except ValueError:
        length = min(len(first), len(second), len("2026-01-31T00:00:00"))
        return first[:length] <= second[:length]


_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda own, text: own.lower() == text.lower(),
    ">=": lambda own, text: _ordered(text, own),
    "<=": _ordered,
    ">": lambda own, text: not _ordered(own, text),
    "<": lambda own, text: not _ordered(text, own),
    "in": lambda own, text: own.lower() in text.lower().split(","),
}


def _filter(rows: VendorList, described: str, text: str) -> Callable[[VendorRow], bool]:
    path, operator = described.rsplit(" ", 1)
    compare = _COMPARE[operator]

    def test(row: VendorRow) -> bool:
        own = at(rows.record(row), path)
        shown = str(own).lower() if isinstance(own, bool) else str(own)
        return own is not None and compare(shown, text)

    return test


def _place(asked: Asked, rows: Sequence[VendorRow]) -> tuple[int, int]:
    """Where a page begins, and how many records it may have."""
    paging = asked.paging
    if paging.kind == "all":
        return 0, max(len(rows), 1)
    try:
        size = int(asked.parameters.get(paging.size_parameter, paging.size))
    except ValueError:
        raise BadRequestError(f"{paging.size_parameter} is no number.") from None
    if paging.clamp:
        size = min(size, paging.maximum)
    if not 0 < size <= paging.maximum:
        raise BadRequestError(f"{paging.size_parameter} may be 1 to {paging.maximum}.")
    text = asked.parameters.get(paging.parameter)
    if text is None:
        return 0, size
    try:
        match paging.kind:
            case "page":
                return (int(text) - paging.first) * size, size
            case "offset":
                return int(text), size
            case "token":
                index = base64.urlsafe_b64decode(text).partition(b"?")[0]
                return _first_after(asked, rows, int(index), size)
            case _:
                return _after_record(asked, rows, text, size)
    except ValueError:
        raise BadRequestError(f"{paging.parameter}={text} names no page.") from None


def _first_after(asked: Asked, rows: Sequence[VendorRow], index: int, size: int) -> tuple[int, int]:
    """The place after a row, though it may be gone."""
    if asked.listed.newest_first:
        return sum(row.index >= index for row in rows), size
    return sum(row.index <= index for row in rows), size


def _after_record(asked: Asked, rows: Sequence[VendorRow], text: str, size: int) -> tuple[int, int]:
    for place, row in enumerate(rows):
        if str(at(asked.rows.record(row), asked.paging.field)) == text:
            return place + (0 if asked.paging.inclusive else 1), size
    raise BadRequestError(f"There is no {text} to go on from.")


def _following(asked: Asked, first: int, size: int, records: Sequence[Record]) -> dict[str, object]:
    paging = asked.paging
    value: object
    match paging.kind:
        case "page":
            value = first // size + 1 + paging.first
        case "offset":
            value = first + size
        case "token":
            value = _token(asked, first + size - 1)
        case _:
            value = at(records[-1], paging.field)
    return {paging.parameter: value}


def _token(asked: Asked, place: int) -> str:
    rows = list(_matching(asked))
    if asked.listed.newest_first:
        rows.reverse()
    kept = ""
    if asked.paging.alone is not None:
        own = (*asked.paging.alone, asked.paging.parameter)
        kept = "?" + urlencode({n: v for n, v in asked.parameters.items() if n not in own})
    return base64.urlsafe_b64encode(f"{rows[place].index}{kept}".encode()).decode()


def _end(asked: Asked, rows: Sequence[VendorRow]) -> object:
    """A token for what will come after all that is there now."""
    if asked.paging.kind != "token":
        return None
    index = rows[-1].index if rows else -1
    return base64.urlsafe_b64encode(str(index).encode()).decode()


def _link(asked: Asked, following: Mapping[str, object]) -> str:
    kept = asked.parameters
    if asked.paging.alone is not None:
        kept = {name: kept[name] for name in asked.paging.alone if name in kept}
    return f"{asked.url}?{urlencode({**kept, **following})}"


def _projected(asked: Asked, record: Record) -> Record:
    """The record with the fields that were asked for."""
    listed = asked.listed
    missing = {f for f, name in listed.only_with.items() if name not in asked.parameters}
    shown = {name: value for name, value in record.items() if name not in missing}
    if not listed.projection:
        return shown
    names = [n for n in asked.parameters.get(listed.projection, "").split(",") if n]
    if "*all" in names:
        return shown
    inner = shown.get(listed.projected, shown) if listed.projected else shown
    if not isinstance(inner, Mapping):
        return shown
    found: dict[str, object] = {n: inner[n] for n in listed.always if n in inner}
    for path in names:
        _copy(inner, found, path.split("."))
    return {**shown, listed.projected: found} if listed.projected else found


def _copy(source: Mapping[str, object], target: dict[str, object], path: Sequence[str]) -> None:
    """Copy what is at a path, through objects and lists of them."""
    name, *rest = path
    if name not in source:
        return
    value = source[name]
    if rest and isinstance(value, Mapping):
        inner = target.setdefault(name, {})
        if isinstance(inner, dict):
            _copy(value, inner, rest)
    elif rest and isinstance(value, list):
        inners = target.setdefault(name, [{} for _ in value])
        if isinstance(inners, list):
            for each, inner in zip(value, inners, strict=True):
                _copy(each, inner, rest)
    else:
        target[name] = value
