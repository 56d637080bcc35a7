"""When tables were last changed, so that a transaction knows that its snapshot is old."""

import threading
from collections.abc import Iterable


class Versions:
    """Numbers commits, and remembers the last one of every table."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._changed: dict[str, int] = {}
        #: Grows with every commit that changed definitions.
        self.definitions = 0

    @property
    def now(self) -> int:
        """The number of the last commit."""
        with self._lock:
            return self._last

    def changed(self, resources: Iterable[str], *, definitions: bool) -> None:
        """Note a commit that changed these tables, or what they are."""
        with self._lock:
            self._last += 1
            self.definitions += definitions
            for resource in resources:
                self._changed[resource] = self._last

    def newest(self, resources: Iterable[str]) -> int:
        """Return the number of the last commit that changed one of these tables."""
        with self._lock:
            return max((self._changed.get(r, 0) for r in resources), default=0)
