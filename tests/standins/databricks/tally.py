"""What the warehouse was asked for, and how long it took: statements, files, calls."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter


class Tally:
    """Counts, bytes and seconds by kind, since they were taken last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, dict[str, float]] = defaultdict(
            lambda: {"count": 0, "bytes": 0, "seconds": 0.0}
        )

    @contextmanager
    def timed(self, kind: str, size: int = 0) -> Iterator[None]:
        """Count what is done inside."""
        began = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - began
            with self._lock:
                entry = self._found[kind]
                entry["count"] += 1
                entry["bytes"] += size
                entry["seconds"] += seconds

    def taken(self) -> Mapping[str, Mapping[str, float]]:
        """Return what was counted, and begin anew."""
        with self._lock:
            found = {kind: dict(entry) for kind, entry in self._found.items()}
            self._found.clear()
        return found
