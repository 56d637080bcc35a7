"""What is done when the store says so; one look at the store tells of all of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something to do now and then."""

    #: Return what is true where there may be something to do at an instant.
    waiting: Callable[[datetime], ColumnElement[bool]]
    do: Callable[[], Awaitable[object]]


async def look(
    connection: AsyncConnection, errands: Sequence[Errand], now: datetime
) -> Sequence[bool]:
    """Say of each errand whether it is time to do it.

    One statement that mostly finds nothing: this is what thousands of idle schedules cost.
    """
    query = select(*(e.waiting(now).label(f"e{number}") for number, e in enumerate(errands)))
    return [bool(found) for found in (await connection.execute(query)).one()]
