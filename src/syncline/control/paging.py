"""Lists in pages: what is asked for and what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import KeyedColumnElement

from syncline.control.access import Policy
from syncline.errors import Invalid

Item = TypeVar("Item")

#: No page is longer.
LONGEST = 500
#: No page begins later.
FURTHEST = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which part of a list is asked for."""

    #: Words that the name or description must contain, each.
    search: str = ""
    #: Labels that each must be there.
    labels: tuple[str, ...] = ()
    #: Name of a column, with ``-`` before it to turn the order round.
    order: str = "name"
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Part of a list, and how long the whole list is."""

    items: tuple[Item, ...]
    total: int
    offset: int
    limit: int


def searched(text: str, *columns: KeyedColumnElement[str]) -> ColumnElement[bool]:
    """Return the condition that each word stands in one of the columns, in any case."""
    return and_(
        True,
        *(
            or_(*(func.lower(c).contains(word, autoescape=True) for c in columns))
            for word in text.lower().split()
        ),
    )


def allowed(
    limits: tuple[Policy, ...] | None,
    name: KeyedColumnElement[str],
    owner: KeyedColumnElement[str],
    label_owner: KeyedColumnElement[str],
    label: KeyedColumnElement[str],
) -> ColumnElement[bool] | None:
    """Return the condition that an actor's policies put on a list; None: all may be seen."""
    if limits is None:
        return None
    conditions = []
    for policy in limits:
        parts: list[ColumnElement[bool]] = []
        if policy.names:
            parts.append(or_(*(_like(name, pattern) for pattern in policy.names)))
        if policy.labels:
            parts.append(owner.in_(select(label_owner).where(label.in_(policy.labels))))
        conditions.append(and_(*parts))
    return or_(*conditions) if conditions else false()


def labelled(
    wanted: Sequence[str],
    owner: KeyedColumnElement[str],
    label_owner: KeyedColumnElement[str],
    label: KeyedColumnElement[str],
) -> list[ColumnElement[bool]]:
    """Return a condition for each label that must be there."""
    return [owner.in_(select(label_owner).where(label == word)) for word in wanted]


def ordered(
    wanted: Wanted, columns: Mapping[str, KeyedColumnElement[Any]]
) -> list[ColumnElement[object]]:
    """Return the order of a list; rows that are equal in it are in order of their name."""
    name = wanted.order.removeprefix("-")
    if name not in columns:
        raise Invalid(
            f"a list cannot be ordered by {name!r}", hint=f"known: {', '.join(sorted(columns))}"
        )
    column = columns[name]
    first = column.desc() if wanted.order.startswith("-") else column.asc()
    return [first.nulls_last(), columns["name"].asc()]


def page_bounds(wanted: Wanted) -> tuple[int, int]:
    """Return offset and limit, if they make sense."""
    if not 0 <= wanted.offset <= FURTHEST or not 0 < wanted.limit <= LONGEST:
        raise Invalid(
            f"a page has 1 to {LONGEST} rows and begins at 0 or later",
            hint="change limit or offset",
        )
    return wanted.offset, wanted.limit


async def counted(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> int:
    """Return how many rows a query would have."""
    found = await connection.scalar(select(func.count()).select_from(query.subquery()))
    return int(found or 0)


def _like(column: KeyedColumnElement[str], pattern: str) -> ColumnElement[bool]:
    escaped = pattern.lower().replace("/", "//").replace("%", "/%").replace("_", "/_")
    return func.lower(column).like(escaped.replace("*", "%"), escape="/")
