"""Cutting a table into windows of days, between the first and the last day that it has."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import replace
from datetime import date, datetime

import pyarrow as pa

from syncline.extract.asking import Asking
from syncline.extract.itinerary import Window, cut
from syncline.extract.projection import paths_of
from syncline.extract.records import Reader
from syncline.extract.rows import Layout
from syncline.extract.walk import Guide, Walk, pages


async def windows_of(
    asking: Asking, guide: Guide, *, parallel: int, today: date, each: int | None = None
) -> list[Window] | None:
    """Return windows that hold every row once; None if one walk is as good, or no windows do.

    A row without a value is in no window: it is among the rows that a bound of the scan leaves
    out, or stands before the first or after the last day, or the profile says that there is none.

    ``each``: days of a window; None: as many windows as it takes to keep all walkers busy.
    Asks the API for the first and the last day, unless the scan itself bounds them.
    """
    known = asking.table.windows
    if known is None:
        return None
    plain = asking.request()
    below, above = plain.get(known.since), plain.get(known.until)
    try:
        first = date.fromisoformat(below) if below else None
        last = date.fromisoformat(above) if above else None
    except ValueError:
        return None
    bounded = first is not None or last is not None
    if not (bounded or known.latest or asking.columns[known.column].required):
        return None  # Invariant 5: only one of the two ends would show a row without a value
    if first is None:
        first = await _outermost(asking, guide, known.earliest)
    if last is None and first is not None:
        last = await _outermost(asking, guide, known.latest) if known.latest else today
    if first is None or last is None or last <= first:
        return None
    # Rows may come while we read, so what the API told last is no end.
    return cut(first, last, parallel, open_below=below is None, open_above=above is None, each=each)


async def _outermost(asking: Asking, guide: Guide, parameters: Mapping[str, str]) -> date | None:
    """Return the day of the row that these parameters put first; None if that is not known."""
    known = asking.table.windows
    if known is None or not parameters:
        return None
    column = asking.columns[known.column]
    narrow = replace(asking, limit=1, paths=paths_of([column]))
    layout = Layout(
        columns=[column],
        schema=pa.schema([column.field]),
        records=asking.records,
        texts=asking.profile.numbers_as_strings,
        answer=asking.table.answer,
        format=asking.format,
        most=asking.profile.limits.page_bytes,
        depth=asking.profile.limits.depth,
    )
    reader = Reader(layout)
    probe = replace(guide, reader=reader, size=narrow.size, limit=1)
    request = narrow.request(more=tuple(parameters.items()))
    where = guide.client.shown(request)
    async with aclosing(pages(Walk(request=request), probe)) as walked:
        async for page in walked:
            if page.content is None or not page.content.count:
                continue
            records, _ = reader.batch(page.content, fixed={}, page_is=where, keep_rejects=True)
            found = records.column(0)[0].as_py() if records.num_rows else None
            return found.date() if isinstance(found, datetime) else found
    return None
