"""When tables were last changed, so that a transaction knows that its snapshot is old."""

import threading
from collections.abc import Iterable


class Versions:
    """Numbers commits, and remembers the last one of every table."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._changed: dict[str, int] = {}
        self._defined: dict[str, int] = {}
        #: Grows with every commit that changed definitions.
        self.definitions = 0

    @property
    def now(self) -> int:
        """The number of the last commit."""
        with self._lock:
            return self._last

    def changed(self, resources: Iterable[str], redefined: Iterable[str]) -> None:
        """Note a commit that changed these tables, and what some of them are."""
        with self._lock:
            self._last += 1
            for resource in resources:
                self._changed[resource] = self._last
            for resource in redefined:
                self.definitions = self._defined[resource] = self._last

    def defined(self, resource: str) -> int:
        """Return the number of the last commit that changed what a table is."""
        with self._lock:
            return self._defined.get(resource, 0)

    def newest(self, resources: Iterable[str]) -> int:
        """Return the number of the last commit that changed one of these tables."""
        with self._lock:
            return max((self._changed.get(r, 0) for r in resources), default=0)
