"""Whether pages move, and end."""

from collections import Counter
from dataclasses import replace
from typing import Any

from syncline.control.trial.findings import Finding, counted, ok, unknown, wrong
from syncline.control.trial.reading import Sample, Tried, explained, keys_of, sampled
from syncline.errors import TransientError
from syncline.model.table import Operator, Predicate, Scan
from syncline.profile.pagination import NoPages, Offset
from syncline.profile.schema import ApiTable, PageSize, ParentFanOut, Profile

#: Numbers of rows at which APIs commonly cut their pages.
_CUTS = {10, 20, 25, 30, 50, 100, 200, 250, 500, 1000}
#: A list is walked in about so many pages, where the size of one can be chosen.
_WALKED = 3


async def pages_tried(
    source: Tried, profile: Profile, scan: Scan, sample: Sample, *, most: int
) -> list[Finding]:
    """Return whether pages of a table move and end; no more than ``most`` are read."""
    api = profile.tables[scan.table.name]
    paginator = api.pagination or profile.defaults.pagination
    page = api.page or profile.defaults.page
    if isinstance(paginator, NoPages):
        if page.parameter is not None and api.fan_out is None:
            larger = await _sized(source, profile, scan, page.parameter, 2 * sample.count + 1)
            if larger.count > sample.count:
                why = f"there are {larger.count} rows and more, and the profile turns no page"
                return [wrong("pages", why)]
        return [_one_page(sample, page)]
    if api.fan_out is None and len(sample.pages) > 1:
        return [_moved(scan, sample), await _end(source, scan, sample, most)]
    return await _small_pages(source, profile, scan, sample, page)


def _one_page(sample: Sample, page: PageSize) -> Finding:
    first = sample.pages[0]
    if page.size is not None and first >= page.size:
        return wrong("pages", f"the page is full ({first} rows), and the profile knows no next one")
    if first in _CUTS:
        why = f"{first} rows in one answer: is that all, or a page that the profile does not turn?"
        return unknown("pages", why)
    return ok("pages", f"{counted(first, 'row')} in one answer")


def _moved(scan: Scan, sample: Sample) -> Finding:
    if not scan.table.primary_key or sample.rejects:
        return ok("pages", "the second page is another than the first")
    keys = keys_of(scan.table, sample.rows)
    both = set(keys[: sample.pages[0]]) & set(keys[sample.pages[0] :])
    if both:
        count = f"{counted(len(both), 'row')} of the first page on the second, too"
        if 2 * len(both) > sample.pages[0]:
            return wrong("pages", count)
        return ok("pages", f"the second page begins before the first one ends: {count}")
    return ok("pages", "the second page has other rows than the first")


async def _end(source: Tried, scan: Scan, sample: Sample, most: int) -> Finding:
    if sample.ended:
        return ok("pages", f"they end after {counted(len(sample.pages), 'page')}")
    names = tuple(n for n in scan.columns if n in scan.table.primary_key)
    narrow = replace(scan, columns=names or scan.columns)
    whole = await sampled(source, narrow, pages=most)
    if whole.error is not None:
        return _failed(whole)
    if whole.ended:
        return ok("pages", f"they end after {counted(len(whole.pages), 'page')}")
    return unknown("pages", f"they go on after {most} pages, so their end was not seen")


async def _small_pages(
    source: Tried, profile: Profile, scan: Scan, sample: Sample, page: PageSize
) -> list[Finding]:
    """Return whether a list that is one page can be walked in smaller ones."""
    api = profile.tables[scan.table.name]
    if page.parameter is None:
        why = "there is one page, and the profile names no parameter to make it smaller"
        return [unknown("pages", why)]
    scan, rows = _one_walk(scan, sample, api)
    if rows < _WALKED - 1:
        why = f"{counted(rows, 'row')} cannot fill two pages" if rows else "no walk is long enough"
        return [unknown("pages", why)]
    size = -(-rows // _WALKED)
    walked = await _sized(source, profile, scan, page.parameter, size)
    return _walked(scan, walked, rows=rows, size=size)


async def _sized(source: Tried, profile: Profile, scan: Scan, parameter: str, size: int) -> Sample:
    """Return a few pages of a size of our own."""
    page = PageSize(parameter=parameter, size=size)
    table = profile.tables[scan.table.name].model_copy(update={"page": page})
    paginator = table.pagination or profile.defaults.pagination
    if isinstance(paginator, Offset):
        # Rows that are read again are meant for pages larger than these.
        paginator = paginator.model_copy(update={"again": 0})
        table = table.model_copy(update={"pagination": paginator})
    tables = {**profile.tables, scan.table.name: table}
    other = source.reading_as(profile.model_copy(update={"tables": tables}))
    return await sampled(other, scan, pages=_WALKED + 2)


def _walked(scan: Scan, walked: Sample, *, rows: int, size: int) -> list[Finding]:
    """Return what a walk in small pages shows of a list that has so many rows."""
    if walked.error is not None:
        return [_failed(walked)]
    if len(walked.pages) == 1:
        why = f"asked for pages of {size}, the API answers with {walked.count} rows at once"
        return [unknown("pages", why)]
    if not walked.ended:
        return [wrong("pages", f"{rows} rows in pages of {size} do not end")]
    if walked.count != rows:
        why = f"pages of {size} bring {walked.count} rows, and one page brought {rows}"
        return [wrong("pages", why)]
    said = f"{rows} rows in {len(walked.pages)} pages of {size}"
    return [_moved(scan, walked), ok("pages", f"they end: {said}")]


def _one_walk(scan: Scan, sample: Sample, api: ApiTable) -> tuple[Scan, int]:
    """Return the scan of one walk, the longest, and its rows: pages of others are not its own."""
    if not isinstance(api.fan_out, ParentFanOut) or api.fan_out.into is None:
        return scan, sample.count if api.fan_out is None else 0
    into = api.fan_out.into
    if into not in scan.table.filters or not sample.ended or not sample.rows:
        return scan, 0
    counts: Counter[Any] = Counter(row[into] for row in sample.rows)
    value, rows = counts.most_common(1)[0]
    condition = Predicate(column=into, operator=Operator.EQ, values=(value,))
    return replace(scan, predicates=(condition,)), rows


def _failed(sample: Sample) -> Finding:
    assert sample.error is not None  # noqa: S101 (asked before)
    passing = isinstance(sample.error, TransientError)
    return (unknown if passing else wrong)("pages", explained(sample.error))
