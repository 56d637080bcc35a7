"""The trial of every table: a few pages, and what they show of what the profile says."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syncline.control.trial.conditions import changes_tried, filters_tried
from syncline.control.trial.findings import (
    Finding,
    TableReport,
    counted,
    listed,
    ok,
    unknown,
    wrong,
)
from syncline.control.trial.paging import pages_tried
from syncline.control.trial.reading import Overheard, Sample, Tried, explained, keys_of, sampled
from syncline.errors import PermissionRefused, TransientError
from syncline.model.table import Operator, Predicate, Scan, Table
from syncline.profile.columns import table_columns
from syncline.profile.schema import ApiTable, ParentFanOut, Profile

_PAGES = 2
#: Parents whose children are read.
_PARENTS = 25


@dataclass(slots=True, kw_only=True)
class Trial:
    """A profile on trial."""

    source: Tried
    profile: Profile
    overheard: Overheard
    #: No walk goes on after so many pages.
    most: int
    _read: dict[str, Sample] = field(default_factory=dict)

    async def reports(self, only: Sequence[str] = ()) -> AsyncIterator[TableReport]:
        """Yield a report for each table, in the profile's order; ``only``: just these.

        Raises `CredentialError`: then no table can be read.
        """
        tables = await self.source.tables()
        for name, api in self.profile.tables.items():
            if not only or name in only:
                yield TableReport(table=name, findings=await self._table(tables[name], api))
            for child in api.children:
                if not only or child in only:
                    yield TableReport(
                        table=child, findings=await self._child(tables[child], name, api)
                    )

    async def _table(self, table: Table, api: ApiTable) -> list[Finding]:
        scan, why = await self._scan(table, api)
        if scan is None:
            return [unknown("read", why)]
        self.overheard.forget()
        sample = await sampled(self.source, scan, pages=_PAGES)
        self._read[table.name] = sample
        body = self.overheard.first
        if sample.error is not None:
            return [_refused(sample)]
        if not sample.count:
            return [unknown("read", "there are no rows")]
        found = [*_types(table, sample), *_key(table, sample)]
        found += await pages_tried(self.source, self.profile, scan, sample, most=self.most)
        if sample.rows:
            found += await filters_tried(self.source, scan, api, sample.rows)
            found += await self._projection(table, api, scan, body)
            if api.incremental is not None:
                found += await changes_tried(self.source, scan, api.incremental, sample.rows)
        return found

    async def _child(self, table: Table, parent: str, api: ApiTable) -> list[Finding]:
        scan, why = await self._scan(table, api)
        if scan is None:
            return [unknown("read", why)]
        sample = await sampled(self.source, scan, pages=_PAGES)
        if sample.error is not None:
            return [_refused(sample)]
        if not sample.count:
            return [unknown("read", f"no {parent} read has a row of it")]
        return [*_types(table, sample), *_key(table, sample)]

    async def _scan(self, table: Table, api: ApiTable) -> tuple[Scan | None, str]:
        """Return a scan of all that a table's records have, or None and why there is none."""
        required = [
            column
            for column, filters in api.filters.items()
            if any(f.required for f in (filters if isinstance(filters, tuple) else (filters,)))
        ]
        if required:
            return None, f"it can only be read for a given {listed(required)}"
        names = [n for n in table.schema.names if n not in table.filter_only]
        scan = Scan(table=table, columns=tuple(names), keep_rejects=True)
        if not isinstance(api.fan_out, ParentFanOut):
            return scan, ""
        return await self._of_parents(scan, api.fan_out)

    async def _of_parents(self, scan: Scan, fan_out: ParentFanOut) -> tuple[Scan | None, str]:
        """Return the scan narrowed to some parents, or None and why it cannot be."""
        known = await self._parents(fan_out.parent)
        if known is None or known.error is not None:
            return None, f"its parent {fan_out.parent} could not be read"
        column, into = fan_out.column, fan_out.into
        values = list(dict.fromkeys(row[column] for row in known.rows if row[column] is not None))
        if not values:
            return None, f"its parent {fan_out.parent} has no rows"
        if into is not None and into in scan.table.filters:
            some = tuple(values[:_PARENTS])
            condition = Predicate(column=into, operator=Operator.IN, values=some)
            return replace(scan, predicates=(condition,)), ""
        if not known.ended:
            return None, f"it would be read for every row of {fan_out.parent}, which are many"
        return scan, ""

    async def _parents(self, parent: str) -> Sample | None:
        if parent not in self._read:
            tables = await self.source.tables()
            scan, _ = await self._scan(tables[parent], self.profile.tables[parent])
            if scan is None:
                return None
            self._read[parent] = await sampled(self.source, scan, pages=_PAGES)
        return self._read[parent]

    async def _projection(
        self, table: Table, api: ApiTable, scan: Scan, whole: bytes | None
    ) -> list[Finding]:
        projection = api.projection or self.profile.defaults.projection
        if projection is None:
            return []
        columns = [c for c in table_columns(self.profile, api) if c.origin == "record"]
        key = [c for c in columns if c.name in table.primary_key]
        other = next((c for c in reversed(columns) if c not in key and c.type != "json"), None)
        asked = [*key, *([other] if other else [])] or columns[:1]
        self.overheard.forget()
        narrow = replace(scan, columns=tuple(c.name for c in asked))
        answer = await sampled(self.source, narrow, pages=1)
        if answer.error is not None:
            return [wrong("projection", explained(answer.error))]
        path = self.profile.defaults.records if api.records is None else api.records
        few, many = _members(self.overheard.first, path), _members(whole, path)
        if few is None or many is None:
            return [unknown("projection", "the answers' records cannot be looked at")]
        more = few - {c.path[0] for c in asked}
        said = f"asked for {listed(c.name for c in asked)}"
        if more and few >= many:
            why = f"{said}, the API answers with everything: {projection.parameter} does nothing"
            return [wrong("projection", why)]
        note = f"; it always sends {listed(sorted(more))}, too" if more else ""
        return [ok("projection", f"{said}, the API answers with no more{note}")]


def _refused(sample: Sample) -> Finding:
    assert sample.error is not None  # noqa: S101 (asked before)
    if isinstance(sample.error, PermissionRefused | TransientError):
        return unknown("read", explained(sample.error))
    return wrong("read", explained(sample.error))


def _types(table: Table, sample: Sample) -> list[Finding]:
    total = counted(sample.count, "row")
    found: list[Finding] = []
    by_column: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for reject in sample.rejects:
        by_column.setdefault(reject.column or "", reject.reason)
        counts[reject.column or ""] += 1
    for column, reason in by_column.items():
        found.append(wrong("types", f"{counts[column]} of {total}: {reason}"))
    if not found:
        found.append(ok("types", f"{total} fit"))
    names = [n for n in sample.rows[0] if n in table.schema.names] if sample.rows else []
    never = [n for n in names if all(row[n] is None for row in sample.rows)]
    if never:
        found.append(unknown("types", f"null in every row read: {listed(never)}"))
    return found


def _key(table: Table, sample: Sample) -> list[Finding]:
    if not table.primary_key:
        return [unknown("key", "the profile names none")]
    if not sample.rows:
        return []
    keys = Counter(keys_of(table, sample.rows))
    twice = [key for key, count in keys.items() if count > 1]
    said = ", ".join(table.primary_key)
    if not twice:
        return [ok("key", f"{said}: never equal in {counted(len(sample.rows), 'row')}")]
    if len({repr(row) for row in sample.rows}) == len(keys):
        why = f"{counted(len(twice), 'row')} came twice, and alike: tasks merge them"
        return [unknown("key", f"{said}: {why}")]
    shown = ", ".join(map(str, twice[0]))
    return [wrong("key", f"{said}: {counted(len(twice), 'value')} come twice, such as {shown}")]


def _members(body: bytes | None, path: str) -> set[str] | None:
    """Return the members that a page's records have; None if there are none to look at."""
    if body is None:
        return None
    try:
        found: Any = json.loads(body)
    except ValueError:
        return None
    for step in path.split(".") if path else ():
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        return None
    records = [record for record in found if isinstance(record, Mapping)]
    return {name for record in records for name in record} if records else None
