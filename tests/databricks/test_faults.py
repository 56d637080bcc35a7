"""Every fault at every request of a load: nothing of it can be seen after.

Requests are those of the whole load, from the look at the warehouse to the end of the session:
statements, sessions, uploads and folders. A load that is disturbed has to go through by itself,
and to end with the rows and the checkpoint of one that was left alone.

Each kind of load meets each fault at each of its requests: in a few loads that are disturbed at
every third request or so, as the first time that each comes. Where a fault leaves most to chance,
the most important kinds meet it in a load for each request, too.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import pytest
import pytest_asyncio

from standins.databricks.disturbing import NEW, Ending, counted, loaded
from standins.databricks.fixture import DatabricksServer, running_databricks
from syncline.testing.conformance_crashes import STORIES, Story

#: Loads at the same time: most of them wait where the server says that it cannot now.
_AT_ONCE: Final = 48
#: Servers that are killed, one load at a time.
_KILLED: Final = 8
#: Loads that share the requests of a kind.
_SHARED: Final = 3
#: ``all``: every fault at every request of every kind, each in a load of its own; half an hour.
_CHOICE: Final = "SYNCLINE_DATABRICKS_FAULTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """A fault, and with which settings of the destination it can happen."""

    action: str
    options: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


_FAULTS: Final[Mapping[str, Disturbance]] = {
    "unavailable": Disturbance(action="status", options={"status": 503}),
    "too many": Disturbance(action="status", options={"status": 429, "retry_after": 1}),
    "bad gateway": Disturbance(action="status", options={"status": 502}),
    "dropped before": Disturbance(action="drop_before"),
    "dropped after": Disturbance(action="drop_after"),
    "token expired": Disturbance(action="expire", settings={"auth_scheme": "OAuthM2M"}),
    "killed before": Disturbance(action="die_before"),
    "killed after": Disturbance(action="die_after"),
}
#: Every kind of load there is: a first one, changes with a new column and deletions, and so on.
_STORIES: Final[Mapping[str, Story]] = {"new schema": NEW, **STORIES}

#: A kind of load, and settings of the destination.
Load: TypeAlias = tuple[str, Mapping[str, Any]]
_LOADS: Final[Sequence[Load]] = [(kind, {}) for kind in _STORIES]
#: Other ways to the same rows: files by PUT, and rows and checkpoint in one transaction.
_SIDEWAYS: Final[Sequence[Load]] = [
    (kind, way)
    for kind in ("increment", "history")
    for way in ({"staging_method": "PUT"}, {"transactions": "On"})
]
_CLOSELY: Final[Sequence[Load]] = (
    _LOADS
    if os.environ.get(_CHOICE) == "all"
    else [(kind, {}) for kind in ("increment", "history", "replace", "append without a key")]
)
_CLOSE: Final = _FAULTS if os.environ.get(_CHOICE) == "all" else ["dropped after"]


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    with running_databricks() as started:
        if started.real:
            pytest.skip("faults are those of the stand-in")
        yield started


@pytest.fixture(scope="module")
def mortal(server: DatabricksServer) -> Iterator[Sequence[DatabricksServer]]:
    """Servers that come back at once."""
    assert not server.real
    with ExitStack() as several:
        yield [
            several.enter_context(running_databricks("quick", "--revive")) for _ in range(_KILLED)
        ]


@pytest_asyncio.fixture(autouse=True)
async def threads() -> AsyncIterator[None]:
    """Each call that blocks has a thread of its own."""
    with ThreadPoolExecutor(3 * _AT_ONCE) as pool:
        asyncio.get_running_loop().set_default_executor(pool)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A load that is disturbed at some of its requests, and what is to come of it."""

    load: Load
    fault: Disturbance
    #: The n-th request; with ``of``, that and every one ``of`` later, of those that differ.
    number: int
    of: int = 0
    clean: Ending

    async def met(self, server: DatabricksServer) -> tuple[int, str]:
        """Run it; return how often it was disturbed, and what was wrong."""
        kind, settings = self.load
        options: dict[str, Any] = {**self.fault.options, "nth": self.number, "of": self.of}

        def disturb(schema: str) -> None:
            server.fault(schema, self.fault.action, **options)

        told = f"{kind} {dict(settings)}, request {self.number} of {self.of}"
        try:
            happened, found = await loaded(
                server, _STORIES[kind], disturb, **settings, **self.fault.settings
            )
        except Exception as error:  # noqa: BLE001 (told with all others)
            return 0, f"{told}: {error!r}"
        return happened, "" if found == self.clean else f"{told}: {found}"


async def _together(
    troubles: Sequence[Trouble], servers: Sequence[DatabricksServer]
) -> list[tuple[Trouble, int, str]]:
    """Meet as many at once as there are servers, each on its own."""
    left = iter(troubles)

    async def on(server: DatabricksServer) -> list[tuple[Trouble, int, str]]:
        return [(trouble, *await trouble.met(server)) for trouble in left]

    return [one for found in await asyncio.gather(*map(on, servers)) for one in found]


def _complain(found: Sequence[tuple[Trouble, int, str]]) -> None:
    wrong = [told for _, _, told in found if told]
    assert not wrong, "\n".join([f"{len(wrong)} of {len(found)}:", *wrong[:5]])


def _servers(
    request: pytest.FixtureRequest, server: DatabricksServer, fault: Disturbance
) -> Sequence[DatabricksServer]:
    if fault.action.startswith("die"):
        chosen: Sequence[DatabricksServer] = request.getfixturevalue("mortal")
        return chosen
    return [server] * _AT_ONCE


@pytest.mark.parametrize("name", _FAULTS)
async def test_a_fault_at_every_request(
    request: pytest.FixtureRequest, server: DatabricksServer, name: str
) -> None:
    fault, wanted, troubles = _FAULTS[name], {}, []
    dies = fault.action.startswith("die")
    # What transactions may write is forgotten with the process.
    loads = [*_LOADS, *(one for one in _SIDEWAYS if not (dies and "transactions" in one[1]))]
    for number, load in enumerate(loads):
        kind, settings = load
        wanted[number], clean = await counted(server, _STORIES[kind], differing=True, **settings)
        assert wanted[number] > 12
        assert clean[0]
        troubles += [
            Trouble(load=load, fault=fault, number=n + 1, of=_SHARED, clean=clean)
            for n in range(_SHARED)
        ]
    found = await _together(troubles, _servers(request, server, fault))
    _complain(found)
    for number, load in enumerate(loads):
        happened = sum(times for trouble, times, _ in found if trouble.load == load)
        # Some more is asked for because of the fault, and a little less where it has been done.
        assert happened > 0.9 * wanted[number], load


@pytest.mark.parametrize("name", _CLOSE)
async def test_a_fault_at_one_request(
    request: pytest.FixtureRequest, server: DatabricksServer, name: str
) -> None:
    fault, troubles = _FAULTS[name], []
    for load in _CLOSELY:
        kind, settings = load
        requests, clean = await counted(server, _STORIES[kind], **settings)
        troubles += [
            Trouble(load=load, fault=fault, number=n + 1, clean=clean) for n in range(requests)
        ]
    _complain(await _together(troubles, _servers(request, server, fault)))


@pytest.mark.parametrize("fault", ["unavailable", "dropped before", "dropped after"])
async def test_a_token_is_got_in_spite_of_it(server: DatabricksServer, fault: str) -> None:
    chosen, kind = _FAULTS[fault], "increment"
    settings: dict[str, Any] = {"auth_scheme": "OAuthM2M"}
    _, clean = await counted(server, _STORIES[kind], **settings)

    def disturb(_: str) -> None:
        server.fault("/oidc/v1/token", chosen.action, **chosen.options)

    _, found = await loaded(server, _STORIES[kind], disturb, **settings)
    assert found == clean
    assert not server.clear()
