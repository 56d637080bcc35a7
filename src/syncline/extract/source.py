"""A profile, opened: the tables of an API as a `syncline.model.ports.Source`."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Hashable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

from syncline.errors import QueryError
from syncline.extract import position
from syncline.extract.answer import Answer, Send
from syncline.extract.auth import auth_of
from syncline.extract.client import Client
from syncline.extract.credentials import Credentials
from syncline.extract.describe import View, views
from syncline.extract.reading import Keys, TableRead
from syncline.extract.scanning import asking_of, narrowed, own_paths
from syncline.extract.shared import SharedPages
from syncline.extract.transport import Transport
from syncline.extract.walked import walk_of
from syncline.model.batch import Batch, Cursor
from syncline.model.reach import EVERYWHERE, Reach
from syncline.model.run import Clock, Observer
from syncline.model.table import Scan, Table
from syncline.profile.changes import table_of_changes
from syncline.profile.pagination import Request
from syncline.profile.schema import ParentFanOut, Profile
from syncline.profile.template import fill

#: Is shown a request, signed as it was sent, and its answer.
Watch: TypeAlias = Callable[[Request, Answer], None]


def rest_source(
    *,
    profile: Profile,
    settings: Mapping[str, str],
    credentials: Credentials,
    clock: Clock,
    observe: Observer | None = None,
    timeout: float = 120.0,
    watch: Watch | None = None,
    reach: Reach = EVERYWHERE,
    names: Sequence[str] = (),
) -> "RestSource":
    """Return the source that a profile describes; nothing is sent yet.

    ``settings``: a value for each setting that is needed, see `syncline.profile.settings`.
    ``timeout``: seconds without a byte after which a request has failed. ``watch`` is shown
    every request and its answer. ``reach``: where the API may be. ``names``: those that queries
    may call it by beside the profile's. Raises `PropertyError` and `ProfileError` for what is
    missing.
    """
    transport = Transport(
        connections=profile.limits.concurrency,
        timeout=timeout,
        most=profile.limits.page_bytes,
        monotonic=clock.monotonic,
        reach=reach,
    )
    auth = auth_of(profile, settings, credentials, send=transport.send, clock=clock)
    client = Client(
        send=transport.send if watch is None else _watched(transport.send, watch),
        auth=auth,
        clock=clock,
        limits=profile.limits,
        retry=profile.retry,
        headers={name: fill(value, settings) for name, value in profile.headers.items()},
        errors=profile.errors,
        table_limits={n: t.limits for n, t in profile.tables.items() if t.limits is not None},
        observe=observe,
    )
    return RestSource(
        profile=profile, settings=settings, client=client, transport=transport, names=names
    )


def _watched(send: Send, watch: Watch) -> Send:
    async def sent(request: Request, body: bytes | None) -> Answer:
        answer = await send(request, body)
        watch(request, answer)
        return answer

    return sent


class RestSource:
    """An API over HTTP, read as its profile says. Implements `Source`."""

    def __init__(
        self,
        *,
        profile: Profile,
        settings: Mapping[str, str],
        client: Client,
        transport: Transport,
        names: Sequence[str] = (),
    ) -> None:
        self._profile = profile
        self._names = tuple(names)
        self._settings = settings
        self._client = client
        self._transport = transport
        self._views = views(profile)
        self._shared = SharedPages()
        self._keys: dict[tuple[str, ...], Keys] = {}
        self._reading_keys: dict[tuple[str, ...], asyncio.Lock] = {}
        #: The end of the time to ask for, where APIs must be told: one for reads that share pages.
        self._until = float(int(client.clock.time()))

    async def tables(self) -> Mapping[str, Table]:
        """Return every table on offer, by name, in the profile's order."""
        origin = fill(self._profile.base_url, self._settings)
        names = tuple(dict.fromkeys((*self._names, self._profile.name)))
        return {
            name: replace(view.table, origin=origin, qualifiers=names)
            for name, view in self._views.items()
        }

    def expect(self, scans: Sequence[Scan]) -> None:
        """Learn which scans this run will read, so that pages they share are read once."""
        self._until = float(int(self._client.clock.time()))
        known = list(scans)
        waiting = list(scans)
        implied: set[tuple[str, ...]] = set()
        while waiting:
            scan = waiting.pop()
            view = self._views.get(scan.table.name)
            fan_out = view.api.fan_out if view else None
            if view is None or not isinstance(fan_out, ParentFanOut):
                continue
            place = (fan_out.parent, fan_out.column, *fan_out.also)
            needed = narrowed(view, scan) is None or fan_out.also
            if needed and place not in implied and place not in self._keys:
                # The parent's pages are read for their keys, too.
                implied.add(place)
                known.append(self._keys_scan(fan_out))
                waiting.append(known[-1])
        self._shared.expect(
            (_shared_by(view, scan), own_paths(view, scan))
            for scan in known
            if (view := self._views.get(scan.table.name)) is not None
        )

    async def read(self, scan: Scan, since: Cursor | None) -> AsyncGenerator[Batch]:
        """Yield the rows of a scan, as `Source.read` says."""
        begun = position.parse(since)
        changes = begun.since is not None
        async with aclosing(self._table_read(scan, changes=changes).batches(begun)) as batches:
            async for batch in batches:
                yield batch

    def reading_as(self, profile: Profile) -> "RestSource":
        """Return a source over the same connections that reads as another profile says.

        It is closed with this one.
        """
        return RestSource(
            profile=profile,
            settings=self._settings,
            client=self._client,
            transport=self._transport,
            names=self._names,
        )

    def cursor_at(self, moment: float) -> Cursor:
        """Return the cursor of a read that was through at a moment, in seconds since the epoch."""
        return position.complete(None, moment, incremental=True)

    async def ask(self, request: Request) -> Answer:
        """Return the answer to any request, sent as those of reads are.

        Raises what `Client.fetch` raises.
        """
        return await self._client.fetch(request)

    async def aclose(self) -> None:
        """Close connections; no read may be under way."""
        self._shared.close()
        await self._transport.aclose()

    def _table_read(self, scan: Scan, *, changes: bool = False) -> TableRead:
        view = self._views.get(scan.table.name)
        if view is None:
            raise QueryError(
                f"{self._profile.name} has no table {scan.table.name!r}",
                hint=f"tables: {', '.join(self._views)}",
            )
        # Nothing else is asked for by what has no equal.
        shared_by = object() if scan.fresh else _shared_by(view, scan)
        paths = self._shared.paths(shared_by, own_paths(view, scan))
        ask = partial(asking_of, self._profile, self._settings, until=self._until)
        whole = asking = ask(view, scan, paths)
        if changes and view.table.cursor_column is not None:
            view = replace(view, api=table_of_changes(view.api))
            asking = ask(view, scan, paths)
        return TableRead(
            view=view,
            scan=scan,
            asking=asking,
            whole=whole,
            client=self._client,
            share=partial(self._shared.reading, shared_by),
            keys=partial(self._keys_of, fresh=scan.fresh),
        )

    def _keys_scan(self, fan_out: ParentFanOut, *, fresh: bool = False) -> Scan:
        table = self._views[fan_out.parent].table
        return Scan(table=table, columns=(fan_out.column, *fan_out.also), fresh=fresh)

    async def _keys_of(self, fan_out: ParentFanOut, *, fresh: bool = False) -> Keys:
        """Return the keys of a parent, read once for as long as the source is open.

        ``fresh``: read them again.
        """
        place = (fan_out.parent, fan_out.column, *fan_out.also)
        async with self._reading_keys.setdefault(place, asyncio.Lock()):
            known = self._keys.get(place)
            if known is not None and not fresh:
                return replace(known, requests=0)
            read = self._table_read(self._keys_scan(fan_out, fresh=fresh))
            rows: list[tuple[Any, ...]] = []
            requests = 0
            async with aclosing(read.batches(position.Pass())) as batches:
                async for batch in batches:
                    columns = (each.to_pylist() for each in batch.records.columns)
                    rows += zip(*columns, strict=True)
                    requests += batch.requests
            started = read.started if read.started is not None else self._client.clock.time()
            values = sorted({walk_of(fan_out, row) for row in rows if None not in row})
            self._keys[place] = Keys(values=tuple(values), started=started, requests=0)
            return replace(self._keys[place], requests=requests)


def _shared_by(view: View, scan: Scan) -> Hashable:
    """Return what reads have in common that may share pages: all but their fields and place."""
    predicates = frozenset((p.column, p.operator, p.values) for p in view.api_predicates(scan))
    limit = scan.limit if view.child is None else None
    windows = scan.parallel, scan.start, scan.window_days
    return view.api_name, predicates, scan.deleted, limit, *windows
