"""Faults that tests ask for: broken connections, errors and delays at a chosen statement."""

import re
import threading
from dataclasses import dataclass, replace
from typing import Literal

Place = Literal["statement", "request"]
PLACES: dict[str, Place] = {"statement": "statement", "request": "request"}
ACTIONS = frozenset({"drop_before", "drop_after", "error", "delay"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to do at the n-th statement or request from now whose text matches.

    ``drop_before`` and ``drop_after`` close the connection, ``error`` raises the number in
    ``argument``, ``delay`` waits so many seconds. A request is all that the client sends at
    once: a batch of statements, a procedure call. Texts of requests that are not SQL are
    ``BEGIN TRAN``, ``COMMIT TRAN``, ``ROLLBACK TRAN``, ``SAVE TRAN`` and ``BULK LOAD <table>``;
    these count as statements, too.
    """

    pattern: str
    action: str
    nth: int = 1
    argument: float = 0
    place: Place = "statement"


class Faults:
    """The faults that are still to happen, shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it happen when its time comes."""
        with self._lock:
            self._waiting.append(fault)

    @property
    def any(self) -> bool:
        """Whether a fault is still to happen."""
        return bool(self._waiting)

    def clear(self) -> None:
        """Let nothing happen."""
        with self._lock:
            self._waiting.clear()

    def at(self, text: str, place: Place = "statement") -> Fault | None:
        """Return the fault that is to happen at this text, and count the text for the others."""
        if not self._waiting or "sp_fault" in text:
            return None
        with self._lock:
            due = None
            waiting = []
            for fault in self._waiting:
                fits = fault.place == place and re.search(fault.pattern, text, re.IGNORECASE)
                if not fits:
                    waiting.append(fault)
                elif fault.nth > 1 or due is not None:
                    waiting.append(replace(fault, nth=max(1, fault.nth - 1)))
                else:
                    due = fault
            self._waiting = waiting
            return due
