"""One table of a profile, from the operation that lists its records."""

import re
from dataclasses import dataclass

from syncline.profile.openapi.columns import Found, child_name, columns_of, repeated_name
from syncline.profile.openapi.conditions import conditions_of, written_filters
from syncline.profile.openapi.document import Document
from syncline.profile.openapi.keys import Parent
from syncline.profile.openapi.lists import Listing
from syncline.profile.openapi.paging import Paging, paging_of
from syncline.profile.openapi.shapes import first_sentence
from syncline.profile.writing import QUESTION, Noted, Plain

#: Values of a type that are names of kinds of records.
_CLASS = re.compile(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*").fullmatch
_NO_KEY = (
    f"{QUESTION}Which columns identify a record? Set primary_key: […] to them. Without it, tasks "
    "cannot merge, and every run replaces all rows."
)


@dataclass(slots=True, kw_only=True)
class Making:
    """A table in the making."""

    name: str
    listing: Listing
    found: Found
    paging: Paging
    key: str | None
    key_reason: str
    parent: Parent | None = None

    @property
    def walked(self) -> tuple[str, ...]:
        """The columns that repeat keys of the parent and those above it."""
        return self.parent.walked if self.parent else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """What the profile's defaults say."""

    records: str
    page: dict[str, str | int] | None
    pagination: dict[str, str | int] | None
    #: Parameter and style; None if tables say it each for themselves.
    projection: dict[str, Plain] | None


def made_table(
    document: Document,
    making: Making,
    *,
    inherited: Inherited,
    path: str,
    projection: dict[str, Plain] | None,
    taken: set[str],
) -> Noted:
    """Return a table as profiles have it, with reasons and questions.

    ``taken``: names that tables have; those of its children are added.
    """
    listing, found = making.listing, making.found
    written: dict[str, Plain] = {"path": path}
    if listing.operation.summary:
        written["description"] = first_sentence(listing.operation.summary)
    if listing.records != inherited.records:
        written["records"] = listing.records
    _key(making, written)
    conditions = conditions_of(
        document, listing.operation, found.known, besides=making.paging.parameters
    )
    if conditions.incremental is not None:
        written["incremental"] = Noted(
            value=conditions.incremental, above=conditions.incremental_notes
        )
    if making.parent is not None:
        written["fan_out"] = _fan_out(making.parent)
    _pages(making.paging, written, inherited)
    if projection is not None and inherited.projection is None:
        written["projection"] = projection
    written["columns"] = _noted_columns(making)
    children = _children(document, making, taken)
    if children:
        written["children"] = children
    filters = written_filters(conditions)
    _without(filters, making)
    if filters:
        written["filters"] = filters
    above = (f"GET {listing.operation.path}: {listing.reason}.",)
    return Noted(value=written, above=above, below=tuple(conditions.notes))


def _fan_out(parent: Parent) -> Noted:
    value: dict[str, Plain] = {"parent": parent.table, "column": parent.column, "into": parent.into}
    if parent.also:
        value["also"] = {column: into for _, column, into in parent.also}
    named = " and ".join(
        f"{{{p}}}" for p in (*(place for place, _, _ in parent.also), parent.place)
    )
    verb = "are" if parent.also else "is"
    return Noted(value=value, above=(f"{named} of the path {verb} what its parent says",))


def _key(making: Making, written: dict[str, Plain]) -> None:
    if making.key is None:
        return
    key = [*(into for into in making.walked if into != making.key), making.key]
    beside = making.key_reason
    if len(key) > 1:
        beside += "; with the parent's, as one record may be listed under several"
    written["primary_key"] = Noted(value=key, above=(f"{making.key}: {beside}",))


def _pages(paging: Paging, written: dict[str, Plain], inherited: Inherited) -> None:
    if paging.pagination != inherited.pagination:
        value = paging.pagination or {"type": "none"}
        written["pagination"] = Noted(value=dict(value), above=paging.notes)
    if paging.page != inherited.page:
        written["page"] = Noted(value=dict(paging.page or {}), above=paging.page_notes)


def _noted_columns(making: Making) -> Plain:
    found = making.found
    above = () if making.key else (_NO_KEY,)
    below = tuple(f"left out: {why}" for why in found.left)
    return Noted(value=found.columns, above=above, below=below) if above or below else found.columns


def _children(document: Document, making: Making, taken: set[str]) -> dict[str, Plain]:
    if making.key is None:
        return {}
    key = list(dict.fromkeys((*making.walked, making.key)))
    written: dict[str, Plain] = {}
    for path, element in making.found.lists.items():
        name = child_name(making.name, path, taken)
        repeated = {
            repeated_name(making.name, c, element.members) if c == making.key else c: c for c in key
        }
        inner = columns_of(document, element, projected=False, taken=list(repeated), lists=False)
        if not inner.columns:
            continue
        own = next((c for c in ("id", "uuid", "guid") if c in inner.known), None)
        child: dict[str, Plain] = {"list": path, "parent": dict(repeated)}
        if own is None:
            note: tuple[str, ...] = (
                f"{QUESTION}Which columns identify a row of it? Set primary_key to them.",
            )
        else:
            kinds = inner.known.get("type")
            several = kinds is not None and len(kinds.values) > 1 and all(map(_CLASS, kinds.values))
            child["primary_key"] = [*repeated, *(["type"] if several else []), own]
            note = ("type: ids of several kinds may be equal",) if several else ()
        child["columns"] = Noted(value=inner.columns, above=note) if note else inner.columns
        written[name] = child
        taken.add(name)
    return written


def _without(filters: dict[str, Plain], making: Making) -> None:
    """Leave out a filter on the column by which walks are left out anyway."""
    for into in making.walked:
        filters.pop(into, None)


def making_of(
    document: Document, name: str, listing: Listing, key: tuple[str | None, str], found: Found
) -> Making:
    """Return the table of a listing, not yet connected with others."""
    column, reason = key
    return Making(
        name=name,
        listing=listing,
        found=found,
        paging=paging_of(document, listing),
        key=column,
        key_reason=reason,
    )
