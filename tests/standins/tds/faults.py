"""Faults that tests ask for: broken connections, errors and delays at a chosen statement."""

import re
import threading
from dataclasses import dataclass, replace

ACTIONS = frozenset({"drop_before", "drop_after", "error", "delay"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What to do at the n-th request or statement from now whose text matches.

    ``drop_before`` and ``drop_after`` close the connection, ``error`` raises the number in
    ``argument``, ``delay`` waits so many seconds. Texts of requests that are not SQL are
    ``BEGIN TRAN``, ``COMMIT TRAN``, ``ROLLBACK TRAN``, ``SAVE TRAN`` and ``BULK LOAD <table>``.
    """

    pattern: str
    action: str
    nth: int = 1
    argument: float = 0


class Faults:
    """The faults that are still to happen, shared by all sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let it happen when its time comes."""
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        """Let nothing happen."""
        with self._lock:
            self._waiting.clear()

    def at(self, text: str) -> Fault | None:
        """Return the fault that is to happen at this text, and count the text for the others."""
        with self._lock:
            due = None
            waiting = []
            for fault in self._waiting:
                if not re.search(fault.pattern, text, re.IGNORECASE):
                    waiting.append(fault)
                elif fault.nth > 1 or due is not None:
                    waiting.append(replace(fault, nth=max(1, fault.nth - 1)))
                else:
                    due = fault
            self._waiting = waiting
            return due
