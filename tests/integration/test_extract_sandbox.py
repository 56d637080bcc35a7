"""The bundled profiles, read from the stand-in Clio and ClickTime."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from standins.clocks import SkippingClock
from standins.reading import batches_of, ids_of, rows_of, scan_of
from syncline.control.clock import SystemClock
from syncline.errors import (
    CredentialError,
    RecordRefused,
    ResponseRefused,
    SynclineError,
    Unavailable,
)
from syncline.extract.credentials import Credentials
from syncline.extract.source import RestSource, rest_source
from syncline.extract.tokens import MemoryTokens, Tokens
from syncline.model.run import Clock
from syncline.profile.loader import load_profile
from syncline.profile.settings import resolved
from syncline.sandbox.faults import Fault, FaultKind
from syncline.sandbox.options import (
    DEFAULT_CLICKTIME_TOKEN,
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    Options,
)
from syncline.sandbox.server import Sandbox, running

#: Tables that the API refuses to list without a condition.
CONDITIONED = {"DailyTimeSummary", "WeeklyTimeSummary"}


@asynccontextmanager
async def opened(
    sandbox: Sandbox, name: str, clock: Clock | None = None, store: MemoryTokens | None = None
) -> AsyncIterator[RestSource]:
    profile = load_profile(name)
    settings: Mapping[str, str] = {"BaseURL": sandbox.url}
    if name == "ClickTime":
        settings = {**settings, "APIKey": DEFAULT_CLICKTIME_TOKEN}
    source = rest_source(
        profile=profile,
        settings=resolved(profile, settings),
        credentials=Credentials(
            client_id=DEFAULT_CLIENT,
            client_secret=DEFAULT_SECRET,
            tokens=store or signed_in(sandbox),
        ),
        clock=clock or SkippingClock(),
    )
    try:
        yield source
    finally:
        await source.aclose()


def signed_in(sandbox: Sandbox, *, expires_in: int | None = None) -> MemoryTokens:
    pair = sandbox.issue_token(expires_in=expires_in)
    refresh = pair.refresh_token or ""
    return MemoryTokens(Tokens(access_token=pair.access_token, refresh_token=refresh))


def spelled(row: Mapping[str, Any], name: str) -> Any:
    return row[next(key for key in row if key.lower() == name.lower())]


@pytest.mark.parametrize("name", ["Clio", "ClickTime"])
async def test_every_table_can_be_read(name: str) -> None:
    async with running(Options(rows=400, rate_limit=0)) as sandbox, opened(sandbox, name) as source:
        read = 0
        for table in (await source.tables()).values():
            if table.name in CONDITIONED:
                continue
            batches = await batches_of(source, await scan_of(source, table.name))
            assert batches[-1].complete
            read += sum(batch.records.num_rows for batch in batches)
        assert read > 1000
        assert sandbox.counters()["refused"] == 0


@pytest.mark.parametrize(
    ("name", "table", "listed"),
    [
        ("Clio", "Activities", "activities"),
        ("Clio", "Matters", "matters"),
        ("Clio", "Contacts", "contacts"),
        ("ClickTime", "TimeEntries", "TimeEntries"),
        ("ClickTime", "Jobs", "Jobs"),
    ],
)
async def test_rows_are_the_apis_own(name: str, table: str, listed: str) -> None:
    async with running(Options(rows=700, rate_limit=0)) as sandbox, opened(sandbox, name) as source:
        rows = rows_of(await batches_of(source, await scan_of(source, table)))
        truth = {spelled(row, "id"): row for row in sandbox.truth(listed)}
        assert sorted(truth) == sorted(spelled(row, "id") for row in rows)
        for row in rows:
            own = truth[spelled(row, "id")]
            for column, value in row.items():
                if column in own and isinstance(own[column], int | float | bool):
                    assert value == own[column], column


@pytest.mark.parametrize("parallel", [1, 4])
async def test_changes_between_two_passes(parallel: int) -> None:
    async with running(Options(rows=900, rate_limit=0)) as sandbox:
        async with opened(sandbox, "Clio") as source:
            scan = await scan_of(source, "Activities", parallel=parallel)
            batches = await batches_of(source, scan)
            assert len(set(ids_of(batches))) == len(ids_of(batches)) == 900
            sandbox.advance(3600)
            changed = sandbox.mutate("activities", insert=7, update=11)
            again = await batches_of(source, scan, batches[-1].cursor)
        assert sorted(ids_of(again)) == sorted(
            int(n) for n in changed["inserted"] + changed["updated"]
        )


async def test_the_real_limit_is_never_overrun_and_well_used() -> None:
    clock = SystemClock()
    async with (
        running(Options(rows=3000, rate_limit=10, rate_window=2.0)) as sandbox,
        opened(sandbox, "Clio", clock) as source,
    ):
        begun = clock.monotonic()
        batches = await batches_of(source, await scan_of(source, "Activities", "id"))
        assert len(ids_of(batches)) == 3000
        counters = sandbox.counters()
        assert counters["refused"] == 0
        assert sum(batch.requests for batch in batches) == sandbox.requests() == 15
        # One whole window, and a second or two of rounding after it.
        assert clock.monotonic() - begun < 2.0 + 2.0 + 2.0


async def test_a_token_that_ends_under_way() -> None:
    async with running(Options(rows=1000, rate_limit=0)) as sandbox:
        store = signed_in(sandbox)
        async with opened(sandbox, "Clio", store=store) as source:
            read = source.read(await scan_of(source, "Activities", "id"), None)
            seen = [await anext(read)]
            sandbox.expire_tokens()
            seen += [batch async for batch in read]
        assert len(ids_of(seen)) == 1000
        tokens = await store.load()
        assert tokens is not None
        sandbox.revoke(tokens.refresh_token)
        async with opened(sandbox, "Clio", store=store) as source:
            with pytest.raises(CredentialError) as caught:
                await batches_of(source, await scan_of(source, "Matters"))
        assert "connect again" in caught.value.hint
        assert tokens.access_token not in str(caught.value)


@pytest.mark.parametrize("kind", ["drop", "truncate", "garbage", "broken_json", "status"])
async def test_passing_faults(kind: FaultKind) -> None:
    async with running(Options(rows=1000, rate_limit=0)) as sandbox:
        sandbox.fault(Fault(fault=kind, request=3, times=2))
        async with opened(sandbox, "Clio") as source:
            batches = await batches_of(source, await scan_of(source, "Activities", "id"))
        assert sorted(ids_of(batches)) == sorted(
            spelled(row, "id") for row in sandbox.truth("activities", fields="id")
        )


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("drop", Unavailable),
        ("truncate", Unavailable),
        ("garbage", ResponseRefused),
        ("broken_json", ResponseRefused),
        ("status", Unavailable),
        ("repeat_page", ResponseRefused),
        ("wrong_type", RecordRefused),
        ("next_elsewhere", ResponseRefused),
    ],
)
async def test_lasting_faults(kind: FaultKind, error: type[SynclineError]) -> None:
    async with running(Options(rows=1000, rate_limit=0)) as sandbox:
        sandbox.fault(Fault(fault=kind, request=3, times=100))
        async with opened(sandbox, "Clio") as source:
            with pytest.raises(error) as caught:
                await batches_of(source, await scan_of(source, "Activities"))
        assert "/api/v4/activities.json" in str(caught.value)
