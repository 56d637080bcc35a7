"""OpenLineage: which datasets each task run reads and writes, told to whoever collects that."""

import asyncio
import json
import logging
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

from syncline import __version__
from syncline.control.requests import request
from syncline.errors import SynclineError
from syncline.model.reach import Reach
from syncline.model.run import Clock
from syncline.model.table import Scan

Kind: TypeAlias = Literal["START", "RUNNING", "COMPLETE", "FAIL", "ABORT"]
#: Sends one event; raises what the exchange raises.
Send: TypeAlias = Callable[[bytes], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = f"{_SPEC}/facets"
_PRODUCER = f"urn:syncline:{__version__}"
#: Events that wait to be sent; older ones go first when there are more.
_MOST = 1000
#: Seconds before an event is tried again; then it is given up.
_PAUSES = (1.0, 5.0)
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageSettings:
    """Who is told."""

    #: Of a server such as Marquez, or the whole address that takes events.
    url: str = field(repr=False)
    key: str = field(default="", repr=False)
    #: What the names of jobs begin with, for whoever has several installations.
    namespace: str = "syncline"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlace:
    """What a task run reads and writes, by names that mean something outside."""

    run: str
    number: int
    job: str
    source: str
    tables: tuple[str, ...]
    destination: str
    target: str


class Lineage:
    """Sends events one after another, beside the runs: never blocks one, never fails one."""

    def __init__(self, settings: LineageSettings, clock: Clock, send: Send | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._send = send or sender(settings)
        self._waiting: deque[bytes] = deque(maxlen=_MOST)
        self._some = asyncio.Event()
        self._told = False

    def tell(
        self,
        kind: Kind,
        place: TaskPlace,
        at: datetime,
        *,
        read: int = 0,
        changed: int = 0,
        error: str = "",
    ) -> None:
        """Have an event sent. Never raises, never waits."""
        event = event_of(
            kind, place, at, namespace=self._settings.namespace, read=read, changed=changed,
            error=error,
        )  # fmt: skip
        self._waiting.append(json.dumps(event).encode())
        self._some.set()

    async def keep_sending(self) -> None:
        """Send for ever what there is to send."""
        while True:
            await self._some.wait()
            await self.flush()

    async def flush(self) -> None:
        """Send what waits, as far as somebody takes it."""
        while self._waiting:
            await self._sent(self._waiting.popleft())
        self._some.clear()

    async def ending(self) -> None:
        """Send what is left, but let nobody wait long for that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE / 2):
                await self.flush()

    async def _sent(self, event: bytes) -> None:
        for pause in (*_PAUSES, None):
            try:
                await self._send(event)
            except SynclineError as error:
                if pause is not None:
                    await self._clock.sleep(pause)
                elif not self._told:
                    # Once, until it works again: there is one for every task.
                    self._told = True
                    _LOG.warning("lineage cannot be sent: %s", error)
            else:
                self._told = False
                return


def sender(settings: LineageSettings) -> Send:
    """Return what sends an event to the server."""
    url = settings.url.rstrip("/")
    if not urlsplit(url).path:
        url += "/api/v1/lineage"
    headers = {"Content-Type": "application/json"}
    if settings.key:
        headers["Authorization"] = f"Bearer {settings.key}"

    async def send(event: bytes) -> None:
        # Whoever starts the node names the address, not whoever uses it.
        await request("POST", url, headers, event, reach=Reach(everywhere=True), timeout=_PATIENCE)

    return send


def event_of(
    kind: Kind,
    place: TaskPlace,
    at: datetime,
    *,
    namespace: str,
    read: int = 0,
    changed: int = 0,
    error: str = "",
) -> Mapping[str, Any]:
    """Return an event of a task run. Invariant 7: names and counts, no properties."""
    whole = uuid.UUID(place.run)
    over = kind in {"COMPLETE", "FAIL", "ABORT"}
    facets = {
        "parent": _facet(
            "1-1-0/ParentRunFacet", run={"runId": str(whole)},
            job={"namespace": namespace, "name": place.job},
        ),
    }  # fmt: skip
    if error:
        facets["errorMessage"] = _facet(
            "1-0-0/ErrorMessageRunFacet", message=error, programmingLanguage="Python"
        )
    inputs = [_dataset(place.source, table) for table in place.tables]
    output = _dataset(place.destination, place.target)
    if over:
        output["outputFacets"] = {
            "outputStatistics": _facet("1-0-2/OutputStatisticsOutputDatasetFacet", rowCount=changed)
        }
        for each in inputs if len(inputs) == 1 else ():
            each["inputFacets"] = {
                "inputStatistics": _facet("1-0-0/InputStatisticsInputDatasetFacet", rowCount=read)
            }
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": _PRODUCER,
        "schemaURL": _EVENT,
        # The same for all events of a task run, on whichever node.
        "run": {"runId": str(uuid.uuid5(whole, str(place.number))), "facets": facets},
        "job": {"namespace": namespace, "name": f"{place.job}.{place.target}"},
        "inputs": inputs,
        "outputs": [output],
    }


def _dataset(connection: str, name: str) -> dict[str, Any]:
    return {"namespace": f"syncline://{connection}", "name": name}


def _facet(schema: str, **members: object) -> dict[str, Any]:
    name = schema.partition("/")[2]
    return {
        "_producer": _PRODUCER,
        "_schemaURL": f"{_FACETS}/{schema}.json#/$defs/{name}",
        **members,
    }


def tables_of(scans: Iterable[Scan]) -> tuple[str, ...]:
    """Return the names of the tables that scans read, each once."""
    return tuple(dict.fromkeys(scan.table.name for scan in scans))
