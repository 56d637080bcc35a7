"""One read of one table: its walks, its batches, its cursors."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias

import pyarrow as pa

from syncline.errors import PropertyError
from syncline.extract import position
from syncline.extract.ahead import as_they_come, in_order
from syncline.extract.answer import Answer
from syncline.extract.asking import Asking, Span
from syncline.extract.client import Client
from syncline.extract.describe import View
from syncline.extract.itinerary import (
    Itinerary,
    OneWalk,
    WalkPerValue,
    WalkPerWindow,
    values_from,
    windows_of_json,
)
from syncline.extract.position import Pass
from syncline.extract.records import Reader
from syncline.extract.roll import Roll
from syncline.extract.rows import Layout
from syncline.extract.scanning import key_of, narrowed
from syncline.extract.shared import Ask, Reading
from syncline.extract.steps import WalkPerStep, spans_of
from syncline.extract.walk import Guide, PlaceLost, WalkedPage, pages
from syncline.extract.walked import parts_of, walked_values
from syncline.extract.windows import windows_of
from syncline.model.batch import Batch, Json
from syncline.model.table import Operator, Scan, Value
from syncline.profile.pagination import Request
from syncline.profile.schema import ParentFanOut, ValueFanOut
from syncline.profile.template import fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The values of a parent's column, sorted."""

    values: tuple[Value, ...]
    #: When they were read began, by the server's clock in seconds since the epoch.
    started: float
    #: Requests that it took; 0 if they had been read before.
    requests: int


#: Returns the keys of the parent that a table fans out over.
KeysOf: TypeAlias = Callable[[ParentFanOut], Awaitable[Keys]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the answers to a request are read."""

    reader: Reader
    guide: Guide


class TableRead:
    """A read of a table, from its beginning or from where an earlier one was cut short."""

    def __init__(
        self,
        *,
        view: View,
        scan: Scan,
        asking: Asking,
        client: Client,
        share: Callable[[Ask], Reading],
        keys: KeysOf,
        whole: Asking | None = None,
    ) -> None:
        """``whole``: what asks for everything, where ``asking`` is another request."""
        self._view = view
        self._scan = scan
        self._asking = asking
        self._whole = asking if whole is None else whole
        self._client = client
        self._keys = keys
        self._clock = client.clock
        self._began = self._clock.monotonic()
        self._spent = 0
        #: When the read began by the server's clock, in seconds since the epoch; None until the
        #: first answer.
        self.started: float | None = None
        self._reading = share(self._ask)
        self._way = self._way_of(asking)
        same = self._whole.table is asking.table
        self._whole_way = self._way if same else self._way_of(self._whole)
        self._roll: Roll | None = None
        own = {c.name: c for c in view.columns.values() if c.name in scan.columns}
        self._headers = {n: c.source.lower() for n, c in own.items() if c.origin == "header"}
        self._fixed = {
            **self._asked_for(),
            **{
                n: fill(c.source, asking.settings) for n, c in own.items() if c.origin == "constant"
            },
        }

    def _way_of(self, asking: Asking) -> _Way:
        view, scan, profile, table = self._view, self._scan, asking.profile, asking.table
        layout = Layout(
            columns=[view.columns[name] for name in scan.columns],
            schema=scan.schema,
            records=asking.records,
            values=asking.paginator.paths(),
            key=key_of(view),
            list=view.child.list if view.child else "",
            texts=profile.numbers_as_strings,
            answer=table.answer,
            format=asking.format,
            last=asking.paginator.last() or "",
            most=profile.limits.page_bytes,
            depth=profile.limits.depth,
        )
        reader = Reader(layout)
        guide = Guide(
            client=self._client,
            fetch=self._reading,
            reader=reader,
            paginator=asking.paginator,
            size=asking.size,
            # Rows that are put aside do not count, but that is known only later.
            limit=None if scan.keep_rejects else scan.limit,
            # Rows of a few columns and without key may well be alike page after page.
            distinct=bool(layout.key) or (table.projection or profile.defaults.projection) is None,
            absent=table.absent,
        )
        return _Way(reader=reader, guide=guide)

    async def batches(self, begun: Pass) -> AsyncGenerator[Batch]:
        """Yield the rows, a batch for each page. Raises what a `Source` raises."""
        incremental = self._view.table.cursor_column is not None
        if incremental and begun.since is not None:
            self._asking = replace(self._asking, since=begun.since)
        restarted = False
        try:
            while True:
                try:
                    async with aclosing(self._batches(begun)) as batches:
                        async for batch in batches:
                            yield replace(batch, restarted=True) if restarted else batch
                            restarted = False
                except PlaceLost:
                    begun = replace(begun, at=None)
                    restarted = True
                else:
                    return
        finally:
            self._reading.close()

    async def _batches(self, begun: Pass) -> AsyncGenerator[Batch]:
        self.started = begun.started
        itinerary = await self._itinerary(begun)
        left, rows = len(itinerary), 0
        run = in_order if itinerary.ordered else as_they_come
        make = [partial(self._walk, itinerary, index) for index in range(left)]
        async with aclosing(run(make, at_once=itinerary.at_once)) as walked:
            async for index, page in walked:
                self.started = page.started if self.started is None else self.started
                batch = self._batch(page, itinerary.value(index), whole=itinerary.whole(index))
                rows += batch.records.num_rows
                left -= page.following is None
                if not left or (self._scan.limit is not None and rows >= self._scan.limit):
                    yield self._completed(batch, begun)
                    return
                at = itinerary.after(index, page)
                if at is not None and self.started is not None:
                    kept = self._roll.under_way() if self._roll else {}
                    cursor = position.under_way(begun.since, self._up_to(self.started), at, kept)
                    batch = replace(batch, cursor=cursor)
                yield batch
        nothing = pa.RecordBatch.from_pylist([], schema=self._scan.schema)
        yield self._completed(Batch(records=nothing, requests=self._take()), begun)

    def _walk(self, itinerary: Itinerary, index: int) -> AsyncGenerator[WalkedPage]:
        way = self._whole_way if itinerary.whole(index) else self._way
        return pages(itinerary.walk(index), way.guide)

    def _batch(self, page: WalkedPage, value: Value | None, *, whole: bool) -> Batch:
        if page.content is None:
            if self._roll is not None and value is not None:
                self._roll.miss(value)
            nothing = pa.RecordBatch.from_pylist([], schema=self._scan.schema)
            return Batch(records=nothing, requests=self._take())
        fixed: dict[str, Value | None] = dict(self._fixed)
        if value is not None:
            known = walked_values(self._view.api, value)
            walked = (name for name, c in self._view.columns.items() if c.origin == "fan_out")
            fixed.update((name, known[self._view.api_column(name)]) for name in walked)
        fixed.update((n, page.headers.get(h)) for n, h in self._headers.items())
        records, rejects = (self._whole_way if whole else self._way).reader.batch(
            page.content,
            fixed=fixed,
            page_is=self._client.shown(page.request),
            keep_rejects=self._scan.keep_rejects,
        )
        return Batch(records=records, rejects=rejects, requests=self._take())

    def _completed(self, batch: Batch, begun: Pass) -> Batch:
        started = self._server_time(None) if self.started is None else self.started
        incremental = self._view.table.cursor_column is not None
        kept = self._roll.complete() if self._roll else {}
        cursor = position.complete(begun.since, self._up_to(started), kept, incremental=incremental)
        return replace(batch, complete=True, cursor=cursor)

    async def _itinerary(self, begun: Pass) -> Itinerary:
        asking, resumable = self._asking, self._asking.paginator.resumable
        match asking.table.fan_out:
            case ParentFanOut() as fan_out:
                values: Sequence[Value] | None = narrowed(self._view, self._scan)
                if values is None or fan_out.also:
                    keys = await self._keys(fan_out)
                    values = _only(fan_out, keys.values, values)
                    self._spent += keys.requests
                    # A row that came after its parent was missed must be asked for next time.
                    if self.started is None:
                        self.started = keys.started
                else:
                    values = sorted(values, key=_order)
                may_miss = True
            case ValueFanOut() as fan_out:
                every = _values(fan_out, asking.settings)
                only = narrowed(self._view, self._scan)
                values = every if only is None else [v for v in every if v in map(str, only)]
                may_miss = False
            case _:
                return await self._of_one_list(begun, resumable=resumable)
        left = values_from(values, begun.at)
        if self._view.table.cursor_column is not None:
            self._roll = Roll(values, left, begun)
        fresh = self._roll.fresh if self._roll else frozenset()
        at_once = 2 * asking.profile.limits.concurrency
        stepped = self._steps(asking, None)
        if stepped is not None:
            return WalkPerStep(
                asking=asking,
                spans=stepped,
                all_spans=self._steps(self._whole, None) or (),
                values=left,
                fresh=fresh,
                may_miss=may_miss,
                at_once=at_once,
            )
        at = begun.at or {}
        under_way = bool(left) and left[0] == at.get("value")
        return WalkPerValue(
            asking=asking,
            asking_whole=self._whole,
            fresh=fresh,
            resumable=resumable,
            values=left,
            request=at.get("request") if under_way else None,
            may_miss=may_miss,
            at_once=at_once,
        )

    async def _of_one_list(self, begun: Pass, *, resumable: bool) -> Itinerary:
        asking, parallel = self._asking, max(self._scan.parallel, 1)
        stepped = self._steps(asking, begun.at)
        if stepped is not None:
            return WalkPerStep(
                asking=asking, spans=stepped, values=None, may_miss=False, at_once=parallel
            )
        windows = None
        if begun.at is not None and "windows" in begun.at:
            windows = windows_of_json(begun.at["windows"])
        elif (
            (parallel > 1 or self._scan.window_days)
            and begun == Pass(started=begun.started)
            and self._scan.limit is None
        ):
            today = datetime.fromtimestamp(self._clock.time(), UTC).date()
            windows = await windows_of(
                asking, self._way.guide, parallel=parallel, today=today, each=self._scan.window_days
            )
        if windows is None:
            return OneWalk(asking=asking, resumable=resumable, at=begun.at)
        return WalkPerWindow(asking=asking, resumable=resumable, windows=windows, at_once=parallel)

    def _up_to(self, started: float) -> float:
        """Return up to when changes were read: no longer than the API was asked for them."""
        known, until = self._view.api.incremental, self._asking.until
        bounded = known is not None and (known.until is not None or "{until}" in known.value)
        return min(started, until) if bounded and until is not None else started

    def _steps(self, asking: Asking, at: Mapping[str, Json] | None) -> Sequence[Span] | None:
        known, first, until = self._view.api.incremental, asking.first, asking.until
        if known is None or known.step is None or first is None or until is None:
            return None
        return spans_of(known, first, until, at)

    async def _ask(self, request: Request, accept: Collection[int]) -> Answer:
        answer = await self._client.fetch(request, table=self._view.api_name, accept=accept)
        self._spent += answer.requests
        return replace(answer, started=self._server_time(answer))

    def _server_time(self, answer: Answer | None) -> float:
        """Return when this read began, by the server's clock or else by ours."""
        now = self._clock.monotonic()
        if answer is None or answer.date is None:
            return self._clock.time() - (now - self._began)
        # The Date header is cut to whole seconds, so this is never too late.
        return answer.date - (answer.received - self._began)

    def _take(self) -> int:
        spent, self._spent = self._spent, 0
        return spent

    def _asked_for(self) -> Mapping[str, Value]:
        """Return the values of the filter-only columns, of those that were given one."""
        return {
            p.column: p.values[0]
            for p in self._scan.predicates
            if p.column in self._view.table.filter_only
            and p.operator in {Operator.EQ, Operator.IN}
            and len(p.values) == 1
        }


def _only(
    fan_out: ParentFanOut, walks: Sequence[Value], wanted: Sequence[Value] | None
) -> Sequence[Value]:
    """Return the walks for the wanted values of the parent's column; all if that is None."""
    if wanted is None:
        return walks
    known = {str(value) for value in wanted}
    return [walk for walk in walks if str(parts_of(fan_out, walk)[0]) in known]


def _values(fan_out: ValueFanOut, settings: Mapping[str, str]) -> Sequence[str]:
    """Return the values of a fan-out. Raises `PropertyError` if its setting has none."""
    if fan_out.setting is None:
        return fan_out.values
    found = [value.strip() for value in settings.get(fan_out.setting, "").split(",")]
    if not any(found):
        raise PropertyError(
            f"{fan_out.setting} is missing", hint="set it, several values with commas between"
        )
    return list(dict.fromkeys(filter(None, found)))


def _order(value: Value) -> tuple[str, Value]:
    return type(value).__name__, value
