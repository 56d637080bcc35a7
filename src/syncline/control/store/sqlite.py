"""Connections to a SQLite file that let go of its lock when whoever used them was cancelled."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiosqlite


class _Connection(aiosqlite.Connection):
    """Rolls back before it closes.

    What was cancelled may have left a cursor behind, for as long as its traceback is there; until
    that is gone, SQLite keeps a connection that was closed open, and the file locked.
    """

    async def close(self) -> None:
        """Close, without a lock left behind."""
        self._let_go()
        await super().close()

    def stop(self) -> Any:
        """End the thread, without a lock left behind."""
        self._let_go()
        return super().stop()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._tx.put_nowait((None, self._rolled_back))

    def _rolled_back(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()


def connecting(path: Path, *, patience: float) -> Callable[[], aiosqlite.Connection]:
    """Return what begins to connect to a file; ``patience``: for its lock, in seconds."""

    def opened() -> sqlite3.Connection:
        return sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False
        )

    def begun() -> aiosqlite.Connection:
        made = _Connection(opened, iter_chunk_size=64)
        # A process that ends need not wait for it.
        made._thread.daemon = True  # noqa: SLF001 (as SQLAlchemy does with those that it makes)
        return made

    return begun
