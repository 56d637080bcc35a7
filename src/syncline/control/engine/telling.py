"""Events of the engine as lines of a run's log: for people and for programs."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from syncline.model.run import Committed, Event, Evolved, Planned, Read, Waiting

_LOG = logging.getLogger("syncline.runs")
#: Shorter waits are shown while they last, but not kept.
_WORTH_TELLING = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the log."""

    kind: str
    message: str
    level: str = "info"
    data: Mapping[str, Any] | None = None


def logged(line: Line, **where: object) -> None:
    """Write a line to the log of this process, too. ``where``: run, number of the task, node."""
    code = {"code": line.data["code"]} if line.data and line.data.get("code") else {}
    level = logging.getLevelNamesMapping()[line.level.upper()]
    known = {name: value for name, value in where.items() if value is not None}
    _LOG.log(level, "%s", line.message, extra={"kind": line.kind, **code, **known})


def told(event: Event, verbosity: str = "info") -> Line | None:
    """Return the line that tells an event; None for what only moves the progress on.

    ``verbosity``: error, info or verbose; verbose keeps every page and wait, too.
    """
    line = _told(event)
    if line is None and verbosity == "verbose":
        return _moved(event)
    if line is not None and line.level == "info" and verbosity == "error":
        return None
    return line


def _moved(event: Event) -> Line | None:
    match event:
        case Read(rows=rows, requests=requests):
            text = f"{rows:,} rows read with {requests:,} requests"
            return Line(kind="read", message=text, level="debug", data=asdict(event))
        case Waiting(seconds=seconds, reason=reason):
            text = f"waiting {seconds:.1f} s: {reason}"
            return Line(kind="waiting", message=text, level="debug", data=asdict(event))
        case _:
            return None


def _told(event: Event) -> Line | None:
    match event:
        case Planned():
            return Line(kind="planned", message=_planned(event), data=asdict(event))
        case Waiting(seconds=seconds, reason=reason) if seconds >= _WORTH_TELLING:
            message = f"waiting {seconds:.0f} s: {reason}"
            return Line(kind="waiting", message=message, data=asdict(event))
        case Evolved(changes=changes):
            return Line(
                kind="evolved",
                message=f"schema changed: {'; '.join(changes)}",
                level="warning",
                data={"changes": list(changes)},
            )
        case Committed():
            return Line(kind="committed", message=_committed(event), data=asdict(event))
        case Read() | Waiting():
            return None


def _planned(event: Planned) -> str:
    if event.resuming:
        return "going on where an earlier run stopped"
    if event.incremental:
        return "reading what has changed"
    because = f": {event.full_because}" if event.full_because else ""
    return f"reading everything{because}"


def _committed(event: Committed) -> str:
    counts = (
        (event.inserted, "inserted"),
        (event.updated, "updated"),
        (event.deleted, "deleted"),
        (event.rejected, "rejected"),
    )
    changed = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"committed {event.rows:,} rows: {changed or 'nothing changed'}"
