"""Faults that tests ask for: refusals, broken connections and errors at a chosen request."""

import json
import re
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

ACTIONS: Final = (
    "status", "drop_before", "drop_after", "die_before", "die_after", "error", "expire", "delay",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to do at the n-th request from now that matches, and at ``times`` - 1 more after it.

    The pattern is looked for in the statement, or in ``METHOD /path`` of a request without one.
    ``status`` answers with an HTTP status, and says ``retry_after`` if that is given;
    ``drop_before`` and ``drop_after`` close the connection before and after the request is
    carried out; ``die_before`` and ``die_after`` end the process then; ``error`` answers a
    statement with a message; ``expire`` makes the request's own token worthless; ``delay`` waits
    so many seconds.

    With ``of``, it happens at many: of all requests that differ, at the n-th and at every one that
    comes ``of`` later, each time only at the first that is like it. It waits until it is cleared;
    ``times`` then says how often it has happened.
    """

    pattern: str
    action: str
    nth: int = 1
    times: int = 1
    of: int = 0
    status: int = 503
    retry_after: int | None = None
    message: str = ""
    seconds: float = 0.0
    #: Requests that have come, with ``of``.
    seen: list[str] = field(default_factory=list)

    def met(self, alike: str) -> bool:
        """Take note of a request; say whether it happens there, with ``of``."""
        if alike in self.seen:
            return False
        self.seen.append(alike)
        return len(self.seen) % self.of == self.nth % self.of


class Faults:
    """The faults that are still to happen, shared by all requests.

    Those that end the process are kept in a file, since they go on happening in the next one.
    """

    def __init__(self, kept: Path) -> None:
        self._lock = threading.Lock()
        self._kept = kept
        self._waiting: list[Fault] = []
        if kept.exists():
            self._waiting = [Fault(**known) for known in json.loads(kept.read_text())]
            kept.unlink()

    def add(self, fault: Fault) -> None:
        """Let it happen when its time comes."""
        if fault.action not in ACTIONS:
            raise ValueError(f"no such action: {fault.action}")
        with self._lock:
            self._waiting.append(replace(fault, times=0) if fault.of else fault)

    def keep(self) -> None:
        """Write down what is still to happen: the process ends now."""
        with self._lock:
            self._kept.write_text(json.dumps([asdict(fault) for fault in self._waiting]))

    def clear(self, pattern: str = "") -> list[Fault]:
        """Let no fault of a pattern happen any more; '': none at all. Return those that waited."""
        with self._lock:
            left = [f for f in self._waiting if not pattern or f.pattern == pattern]
            self._waiting = [f for f in self._waiting if f not in left]
            return left

    def at(self, text: str, alike: str) -> Fault | None:
        """Return the fault that is to happen at this request, and count it for the others.

        ``alike``: what it has in common with those that ask for the same.
        """
        with self._lock:
            due = None
            waiting = []
            for fault in self._waiting:
                if due is not None or not re.search(fault.pattern, text, re.IGNORECASE):
                    waiting.append(fault)
                elif fault.of:
                    due = fault if fault.met(alike) else None
                    waiting.append(replace(fault, times=fault.times + (due is not None)))
                elif fault.nth > 1:
                    waiting.append(replace(fault, nth=fault.nth - 1))
                else:
                    due = fault
                    if fault.times > 1:
                        waiting.append(replace(fault, times=fault.times - 1))
            self._waiting = waiting
            return due
