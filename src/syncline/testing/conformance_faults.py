"""A destination that fails, or dies, at a place of the test's choosing."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import pyarrow as pa
from sqlglot import exp

from syncline.errors import CommitUnknown, SynclineError, Unavailable
from syncline.model.ports import Destination, Merged, Traits

_NOWHERE = exp.table_("_syncline_nowhere", quoted=True)


class Died(Exception):
    """The process that loads is gone: nothing it would still do is done."""


class Way(StrEnum):
    """How a destination fails, and where it can."""

    #: The process dies before a write, a statement or a commit; what was not committed is undone.
    DIES = "dies"
    #: A call fails, reading or writing; the next ones work.
    FAILS = "fails"
    #: A commit was not done, and nobody knows.
    LOST_BEFORE = "lost before"
    #: A commit was done, and nobody knows.
    LOST_AFTER = "lost after"


class Faulty:
    """Passes calls on until the chosen place, counted from 0 for each way, and fails there."""

    def __init__(self, inner: Destination, *, place: int = -1, way: Way = Way.DIES) -> None:
        self.inner = inner
        #: Places passed so far, for each way.
        self.passed: Counter[Way] = Counter()
        #: What to await after each `execute` that was done.
        self.done: Callable[[], Awaitable[None]] | None = None
        self._place = place
        self._way = way
        self._dead = False

    @property
    def traits(self) -> Traits:
        """Those of the destination within."""
        return self.inner.traits

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Describe, or fail."""
        self._call()
        return await self.inner.describe(table, attached=attached)

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Fetch, or fail."""
        self._call()
        return await self.inner.fetch(query)

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Ingest, or fail, or die before it."""
        self._call()
        if self._here(Way.DIES):
            self._dead = True
            raise Died
        await self.inner.ingest(table, records)

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int | Merged]:
        """Execute, or fail, or die before any of the statements or the commit."""
        self._call()
        if self._here(Way.LOST_BEFORE):
            raise CommitUnknown("the connection was lost before a commit")
        for number in range(len(statements) + 1):
            if self._here(Way.DIES):
                self._dead = True
                await self._undone(statements[:number], lock)
                raise Died
        changed = await self.inner.execute(statements, lock=lock)
        if self.done:
            await self.done()
        if self._here(Way.LOST_AFTER):
            raise CommitUnknown("the connection was lost after a commit")
        return changed

    async def aclose(self) -> None:
        """Close the destination within."""
        await self.inner.aclose()

    def _call(self) -> None:
        if self._dead:
            raise Died
        if self._here(Way.FAILS):
            raise Unavailable("the database did not answer")

    def _here(self, way: Way) -> bool:
        """Count a place of a way; say whether it is the chosen one."""
        number = self.passed[way]
        self.passed[way] += 1
        return way is self._way and number == self._place

    async def _undone(self, statements: Sequence[exp.Expression], lock: str | None) -> None:
        """Let the database execute statements and undo them, as it does for a lost client."""
        try:
            await self.inner.execute([*statements, exp.Delete(this=_NOWHERE.copy())], lock=lock)
        except SynclineError:
            return
        raise AssertionError("a statement on a missing table went through")


class Overtaken:
    """Passes calls on, and lets something happen just before the target is written first."""

    def __init__(
        self, inner: Destination, target: str, meanwhile: Callable[[], Awaitable[object]]
    ) -> None:
        self.inner = inner
        self._target = target
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    @property
    def traits(self) -> Traits:
        """Those of the destination within."""
        return self.inner.traits

    async def describe(self, table: exp.Table, *, attached: bool = False) -> pa.Schema | None:
        """Describe."""
        return await self.inner.describe(table, attached=attached)

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Fetch."""
        return await self.inner.fetch(query)

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Ingest."""
        await self.inner.ingest(table, records)

    async def execute(
        self, statements: Sequence[exp.Expression], *, lock: str | None = None
    ) -> Sequence[int | Merged]:
        """Execute; where each statement commits for itself, one by one."""
        groups = [statements] if self.traits.transactional else [[s] for s in statements]
        changed: list[int | Merged] = []
        for group in groups:
            if self._meanwhile is not None and any(map(self._writes, group)):
                meanwhile, self._meanwhile = self._meanwhile, None
                await meanwhile()
            changed += await self.inner.execute(group, lock=lock)
        return changed

    async def aclose(self) -> None:
        """Close the destination within."""
        await self.inner.aclose()

    def _writes(self, statement: exp.Expression) -> bool:
        table = statement.find(exp.Table)
        written = isinstance(statement, exp.Insert | exp.Update | exp.Delete | exp.Merge)
        return written and table is not None and table.name.lower() == self._target.lower()
