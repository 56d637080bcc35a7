"""The limiter's law: never a second 429, and all of what the API allows is used."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from standins.clocks import VirtualClock
from standins.quota import Quota
from syncline.extract.answer import Answer
from syncline.extract.limits import Limiter
from syncline.model.run import Event, Waiting
from syncline.profile.schema import Limits


async def drive(
    quota: Quota, limits: Limits, *, seconds: float, latency: float, workers: int = 8
) -> list[Event]:
    """Ask as fast as the limiter allows for so many seconds; return what it told."""
    clock, events = quota.clock, list[Event]()
    limiter = Limiter(limits, clock, events.append)

    async def work() -> None:
        while True:
            async with limiter.turn() as turn:
                sent = clock.now
                await clock.sleep(latency / 2)
                answer = quota.answer(sent)
                await clock.sleep(latency / 2)
                turn.answer = answer

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    await clock.run(clock.now + seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return events


def limits_for(quota: Quota, *, told: bool, **more: Any) -> Limits:
    heads = (
        {}
        if quota.headers == "none"
        else {"remaining": "X-Left", "reset": "X-Reset", "reset_as": quota.headers}
    )
    known = {"requests": quota.limit, "seconds": quota.window} if told else {}
    return Limits.model_validate({**known, **heads, **more})


def used(quota: Quota, since: float, windows: int) -> float:
    """Return which part of a limit was used in so many whole windows."""
    until = since + windows * quota.window
    return sum(since <= t < until for t in quota.arrivals) / (windows * quota.limit)


KINDS = ["first", "aligned", "sliding"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_limit_that_is_only_declared_is_kept_and_used(kind: Any) -> None:
    quota = Quota(clock=VirtualClock(), limit=10, window=5.0, kind=kind)
    begun = quota.clock.now
    await drive(quota, limits_for(quota, told=True), seconds=60, latency=0.05)
    assert quota.refused == []
    assert used(quota, begun, 10) >= 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An API with a limit, and how much of it the profile tells."""

    kind: Any
    limit: int
    headers: Any
    rounding: str
    date: bool
    retry_after: bool
    #: The server's clock less ours.
    skew: float
    #: When we begin.
    phase: float
    #: How much of the first window others have used.
    used: float
    told: bool
    latency: float

    async def run(self) -> Quota:
        clock = VirtualClock()
        clock.now += self.phase
        quota = Quota(
            clock=clock,
            limit=self.limit,
            window=60.0,
            kind=self.kind,
            headers=self.headers,
            rounding=self.rounding,
            date=self.date,
            skew=self.skew,
            used=int(self.used * self.limit),
            retry_after=self.retry_after,
        )
        limits = limits_for(quota, told=self.told)
        await drive(quota, limits, seconds=60 * 14, latency=self.latency)
        return quota


def cases(kinds: list[str], headers: list[str], told: st.SearchStrategy[bool]) -> Any:
    return st.builds(
        Case,
        kind=st.sampled_from(kinds),
        limit=st.integers(5, 60),
        headers=st.sampled_from(headers),
        rounding=st.sampled_from(["floor", "ceil", "round", "exact"]),
        date=st.booleans(),
        retry_after=st.booleans(),
        skew=st.floats(-5, 5),
        phase=st.floats(0, 60),
        used=st.floats(0, 1),
        told=told,
        latency=st.floats(0.005, 0.3),
    )


def at_most_one_refusal(quota: Quota, latency: float) -> bool:
    # Requests under way at the first refusal cannot be called back.
    first = min(quota.refused, default=None)
    return first is None or max(quota.refused) - first <= latency + 1e-6


@given(case=cases(["first", "aligned"], ["epoch", "seconds"], st.booleans()))
@settings(max_examples=50, deadline=None)
def test_windows_told_by_headers(case: Case) -> None:
    # Somebody must say how long a window is, or how late it is over there.
    assume(case.told or case.date or case.retry_after or case.headers == "seconds")
    quota = asyncio.run(case.run())
    assert at_most_one_refusal(quota, case.latency)
    # After the windows in which the limiter still learns. A second of a window may go to rounding,
    # two where its length is not declared; the server's clock must be known.
    if case.told:
        assert used(quota, 1000 + case.phase + 3 * 60, 10) >= 0.96
    elif case.date or case.headers == "seconds":
        assert used(quota, 1000 + case.phase + 3 * 60, 10) >= 0.93


@given(case=cases(["sliding"], ["none", "epoch", "seconds"], st.just(value=True)))
@settings(max_examples=20, deadline=None)
def test_sliding_windows(case: Case) -> None:
    assume(case.headers == "epoch" or case.used < 0.1)
    # Else nothing tells it from windows that are fixed, and every other one goes by unused.
    assume(case.headers != "epoch" or case.date or case.retry_after)
    quota = asyncio.run(case.run())
    assert at_most_one_refusal(quota, case.latency)
    assert used(quota, 1000 + case.phase + 3 * 60, 10) >= 0.98


async def test_it_tells_how_long_it_waits_once_per_wait() -> None:
    quota = Quota(clock=VirtualClock(), limit=50, window=60.0, kind="first", headers="epoch")
    events = await drive(quota, limits_for(quota, told=True), seconds=150, latency=0.1)
    assert all(isinstance(event, Waiting) for event in events)
    waits = [event for event in events if isinstance(event, Waiting)]
    assert len(waits) == 3
    assert all(40 < wait.seconds <= 61 for wait in waits)
    assert waits[0].reason == "the API's limit of 50 requests in 60 s"


async def test_those_who_wait_go_in_the_order_in_which_they_came() -> None:
    clock = VirtualClock()
    limiter = Limiter(Limits(requests=1, seconds=10), clock)
    order: list[int] = []

    async def one(number: int) -> None:
        async with limiter.turn() as turn:
            order.append(number)
            turn.answer = Answer(status=200, headers={}, body=b"")

    tasks = [asyncio.create_task(one(n)) for n in range(6)]
    await clock.run(clock.now + 100)
    await asyncio.gather(*tasks)
    assert order == list(range(6))
    assert clock.now >= 1050


async def test_no_more_are_under_way_than_allowed() -> None:
    clock = VirtualClock()
    limiter = Limiter(Limits(concurrency=3), clock)
    under_way, most = 0, 0

    async def one() -> None:
        nonlocal under_way, most
        async with limiter.turn() as turn:
            under_way += 1
            most = max(most, under_way)
            await clock.sleep(1)
            under_way -= 1
            turn.answer = Answer(status=200, headers={}, body=b"")

    tasks = [asyncio.create_task(one()) for _ in range(10)]
    await clock.run(clock.now + 100)
    await asyncio.gather(*tasks)
    assert most == 3


@pytest.mark.parametrize(
    ("headers", "waits"),
    [({"retry-after": "30"}, 31.0), ({}, 60.0), ({"retry-after": "2.5"}, 2.5)],
)
async def test_a_refusal_stops_everybody(headers: dict[str, str], waits: float) -> None:
    clock = VirtualClock()
    limiter = Limiter(Limits(requests=5, seconds=60), clock)
    went: list[float] = []

    async def one(status: int) -> None:
        async with limiter.turn() as turn:
            went.append(clock.now)
            turn.answer = Answer(status=status, headers=headers, body=b"")

    await one(429)
    tasks = [asyncio.create_task(one(200)) for _ in range(3)]
    await clock.run(clock.now + 200)
    await asyncio.gather(*tasks)
    assert went[1] - went[0] == pytest.approx(waits, abs=0.01)


async def test_a_waiter_that_is_cancelled_does_not_keep_the_others_waiting() -> None:
    clock = VirtualClock()
    limiter = Limiter(Limits(requests=1, seconds=10), clock)

    async def one() -> None:
        async with limiter.turn() as turn:
            turn.answer = Answer(status=200, headers={}, body=b"")

    tasks = [asyncio.create_task(one()) for _ in range(3)]
    await clock.run(clock.now + 1)
    tasks[1].cancel()
    await clock.run(clock.now + 11)
    assert tasks[2].done()
    assert not tasks[2].cancelled()
