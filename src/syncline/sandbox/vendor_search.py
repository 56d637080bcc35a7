"""HubSpot's search of one kind of object: its body is read strictly, as the vendor does."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from syncline.sandbox.vendor_pages import BadRequestError
from syncline.sandbox.vendor_rows import Record, VendorList

#: What the vendor allows: groups, conditions of one and of all, rows of a page and of a search.
_GROUPS, _FILTERS, _ALL, _PAGE, _REACHED = 5, 6, 18, 200, 10_000
_ID = "hs_object_id"
_AROUND = ("id", "createdAt", "updatedAt", "archived")
_ALWAYS = ("createdate", _ID)


class _Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    property_name: str
    operator: str
    value: str | None = None
    values: list[str] | None = None


class _Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    filters: list[_Filter]


class _Sort(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    property_name: str
    direction: str = "ASCENDING"


class _Search(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    filter_groups: list[_Group] = []
    sorts: list[_Sort] = []
    properties: list[str] = []
    limit: int = 10
    after: str | int = 0


def searched(rows: VendorList, body: bytes) -> object:
    """The answer to a search. Raises BadRequestError for what the vendor would refuse."""
    try:
        search = msgspec.json.decode(body, type=_Search)
    except msgspec.DecodeError as wrong:
        raise BadRequestError(f"Invalid input JSON: {wrong}") from None
    _check(rows, search)
    found = [each for each in map(_object, map(rows.record, rows.listed())) if _fits(search, each)]
    found.sort(key=lambda each: _number(each[_ID]))
    if len(search.sorts) > 1:
        raise BadRequestError("There may be one sort.")
    for sort in search.sorts:
        _known(rows, sort.property_name)
        key = _sort_key(sort.property_name)
        found.sort(key=key, reverse=sort.direction == "DESCENDING")
    first = _place(search)
    page, rest = found[first : first + search.limit], found[first + search.limit :]
    for name in search.properties:
        _known(rows, name)
    shown = (*_ALWAYS, rows.described.searched, *search.properties)
    answer: dict[str, object] = {
        "total": len(found),
        "results": [_shown(each, shown) for each in page],
    }
    if rest:
        answer["paging"] = {"next": {"after": str(first + search.limit)}}
    return answer


def _check(rows: VendorList, search: _Search) -> None:
    """Raise BadRequestError for more conditions than are allowed, or none that make sense."""
    counts = [len(group.filters) for group in search.filter_groups]
    if len(counts) > _GROUPS or max(counts, default=1) > _FILTERS or sum(counts) > _ALL:
        raise BadRequestError("There are too many filters.")
    if min(counts, default=1) < 1:
        raise BadRequestError("A group of filters is empty.")
    for group in search.filter_groups:
        for each in group.filters:
            _known(rows, each.property_name)


def _place(search: _Search) -> int:
    if not 0 < search.limit <= _PAGE:
        raise BadRequestError(f"limit may be 1 to {_PAGE}.")
    if not str(search.after).isdecimal():
        raise BadRequestError(f"after={search.after} names no page.")
    first = int(search.after)
    if first + search.limit > _REACHED:
        raise BadRequestError(f"A search does not reach beyond {_REACHED} rows.")
    return first


def _object(record: Record) -> Record:
    """The properties of a record, its id and times among them, beside what is around them."""
    inner = record["properties"]
    own = dict(inner) if isinstance(inner, Mapping) else {}
    around = {f"\0{name}": record[name] for name in _AROUND}
    return {**own, **around, "createdate": record["createdAt"], _ID: record["id"]}


def _shown(found: Record, names: Sequence[str]) -> Record:
    around = {name: found[f"\0{name}"] for name in _AROUND}
    return {**around, "properties": {name: found.get(name) for name in names}}


def _known(rows: VendorList, name: str) -> None:
    properties = rows.described.fields["properties"]
    known = set(properties) if isinstance(properties, Mapping) else set()
    if name not in known | set(_ALWAYS):
        raise BadRequestError(f"Property '{name}' does not exist.")


def _fits(search: _Search, found: Record) -> bool:
    groups = [all(_holds(f, found) for f in group.filters) for group in search.filter_groups]
    return any(groups) or not groups


_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "GT": lambda own, value: own > value,
    "GTE": lambda own, value: own >= value,
    "LT": lambda own, value: own < value,
    "LTE": lambda own, value: own <= value,
}


def _holds(asked: _Filter, found: Record) -> bool:
    own = found.get(asked.property_name)
    if asked.operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return (own is not None) == (asked.operator == "HAS_PROPERTY")
    if asked.operator == "IN":
        return own is not None and str(own).lower() in (asked.values or [])
    if not asked.value:
        raise BadRequestError(f"{asked.operator} needs a value.")
    if asked.operator in {"EQ", "NEQ"}:
        same = own is not None and str(own).lower() == asked.value.lower()
        return same == (asked.operator == "EQ")
    if asked.operator not in _COMPARE:
        raise BadRequestError(f"{asked.operator} is no operator.")
    return own is not None and _COMPARE[asked.operator](_number(own), _number(asked.value))


def _number(value: object) -> float:
    """A number, or a moment in milliseconds."""
    text = str(value)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp() * 1000
    except ValueError:
        raise BadRequestError(f"{text} is neither a number nor a time.") from None


def _sort_key(name: str) -> Callable[[Record], tuple[bool, float, str]]:
    def key(found: Record) -> tuple[bool, float, str]:
        own = found.get(name)
        if own is None:
            return True, 0.0, ""
        try:
            return False, _number(own), ""
        except BadRequestError:
            return False, 0.0, str(own)

    return key
