"""Databricks as a destination: files into a volume, and single statements that read them."""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import pyarrow as pa
from sqlglot import exp

from syncline.destinations import databricks_atomic as atomic
from syncline.destinations.databricks_connection import Settings, Workspace, ended
from syncline.destinations.databricks_errors import (
    FAILURES,
    is_conflict,
    is_done,
    is_lost,
    translated,
)
from syncline.destinations.databricks_files import FILE_BYTES, LEFT_OVER, Files
from syncline.destinations.databricks_sql import (
    LEDGER,
    clusters,
    columns_query,
    declaration,
    enabling,
    is_staged,
    rendered,
    staged_tables,
)
from syncline.destinations.databricks_types import arrow_field
from syncline.errors import (
    CredentialError,
    DestinationRefused,
    PermissionRefused,
    SynclineError,
    Unavailable,
)
from syncline.model.ports import Merged, Traits

_Answer = TypeVar("_Answer")
_Work: TypeAlias = Callable[[], _Answer]

#: Seconds before further attempts at a statement: the first wait, and the longest.
_FIRST_WAIT: Final = 0.2
_LONGEST_WAIT: Final = 10.0
_COUNTED: Final = (exp.Insert, exp.Update, exp.Delete, exp.Merge)


def _say_nothing(_: str) -> None:
    """Take a message that nobody wants."""


class Databricks:
    """Implements `syncline.model.ports.Destination` over one session, opened when it is needed."""

    def __init__(
        self,
        settings: Settings,
        *,
        announce: Callable[[str], None] = _say_nothing,
        file_bytes: int = FILE_BYTES,
        left_over: float = LEFT_OVER,
    ) -> None:
        self.traits = Traits(
            dialect="databricks",
            schema=settings.schema.lower(),
            max_identifier_length=255,
            case_sensitive=False,
            temporary_staging=True,
            transactional=False,
            plain_names=True,
            commit_rows=settings.commit_rows,
            commit_seconds=settings.commit_seconds,
        )
        self._settings = settings
        self._announce = announce
        self._loop: asyncio.AbstractEventLoop | None = None
        self._workspace = Workspace(settings)
        self._files = Files(
            self._workspace, self._put, self._take_away, file_bytes=file_bytes, left_over=left_over
        )
        self._session: Any = None
        #: Whether data and checkpoint may be one transaction, until the warehouse says no.
        self._transactions = settings.transactions != "Off"
        self._managed: dict[str, bool] = {}
        self._ledgers: dict[tuple[str, str], pa.Schema] = {}
        self._woken = False
        self._has_volume = False
        self._one_at_a_time = asyncio.Lock()
        self._given_up = threading.Event()

    @property
    def uploaded(self) -> int:
        """Bytes of the files uploaded so far."""
        return self._files.uploaded

    async def describe(
        self,
        table: exp.Table,
        *,
        attached: bool = False,  # noqa: ARG002 (overwriting keeps it all)
    ) -> pa.Schema | None:
        """Return the table's schema, or None if there is no such table.

        Of files that an earlier session has staged it is not known: then it has no columns.
        """
        if is_staged(table):
            there = await self._call(lambda: self._files.are_there(table.name))
            return pa.schema([]) if there else None
        name = (table.db, table.name)
        if name in self._ledgers:
            return self._ledgers[name]
        rows = (await self.fetch(columns_query(table, self.traits.schema))).to_pylist()
        found = pa.schema([arrow_field(row) for row in rows]) if rows else None
        if found is not None and table.name == LEDGER:
            # Asked for at every turn, and never changed.
            self._ledgers[name] = found
        return found

    async def fetch(self, query: exp.Query) -> pa.Table:
        """Return a query's rows."""
        return await self._call(lambda: self._fetch(query))

    async def ingest(self, table: exp.Table, records: pa.Table) -> None:
        """Add rows to staged files by column name; they are uploaded while more come."""
        await self._call(lambda: self._append(table.name, records))

    async def execute(
        self,
        statements: Sequence[exp.Expression],
        *,
        lock: str | None = None,  # noqa: ARG002 (statements see conflicts and are sent again)
    ) -> Sequence[int | Merged]:
        """Run statements one by one, each until it went through; return what each changed."""
        return await self._call(lambda: self._execute(statements))

    async def aclose(self) -> None:
        """Close the session; files that were not used are removed."""
        async with self._one_at_a_time:
            await asyncio.to_thread(self._close)

    async def _call(self, work: _Work[_Answer]) -> _Answer:
        """Run work on a thread, never two at once; a cancelled call ends after its statement."""
        async with self._one_at_a_time:
            self._given_up.clear()
            self._loop = asyncio.get_running_loop()
            running = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                self._given_up.set()
                await asyncio.wait([running])
                if not running.cancelled():
                    running.exception()
                raise

    def _append(self, name: str, records: pa.Table) -> None:
        if not self._has_volume:
            self._make_volume()
        self._files.append(name, records)

    def _make_volume(self) -> None:
        """Make the volume, and see left-overs off; who may not make one may use one."""
        given = self._settings
        names = (given.catalog, given.schema, given.volume)
        volume = ".".join(exp.to_identifier(n, quoted=True).sql("databricks") for n in names)
        make = f"CREATE VOLUME IF NOT EXISTS {volume}"
        try:
            try:
                self._sent(make)
            except DestinationRefused:
                self._sent(f"CREATE SCHEMA IF NOT EXISTS {volume.rpartition('.')[0]}")
                self._sent(make)
        except SynclineError as refused:
            try:
                self._sent(f"DESCRIBE VOLUME {volume}")
            except (DestinationRefused, PermissionRefused):
                # There is none, and the first refusal says which right would make it.
                raise refused from None
        self._has_volume = True

    def _fetch(self, query: exp.Query) -> pa.Table:
        if staged_tables(query):
            self._files.finish()
        return self._sent(rendered(query, self._files))

    def _execute(self, statements: Sequence[exp.Expression]) -> list[int | Merged]:
        changed: list[int | Merged] = []
        dropped: list[str] = []
        for number, statement in enumerate(statements):
            if number < len(changed):
                continue
            if self._given_up.is_set():
                # Only ever seen by a future that nobody awaits any more.
                raise Unavailable("cancelled")
            if isinstance(statement, exp.Create) and is_staged(statement.this.this):
                name, schema, key = declaration(statement)
                if name in dropped:
                    dropped.remove(name)
                    self._files.drop(name)
                self._files.declare(name, schema, key)
                changed.append(0)
            elif isinstance(statement, exp.Drop) and is_staged(statement.args["tables"][0]):
                dropped.append(statement.args["tables"][0].name)
                changed.append(0)
            else:
                count = atomic.together(statements, number)
                one = self._together(statements[number : number + count]) if count > 1 else None
                changed += one or [self._run(statement)]
        for name in dropped:
            self._files.drop(name)
        return changed

    def _together(self, statements: Sequence[exp.Expression]) -> list[int | Merged] | None:
        """Run statements as one transaction, or return None: they are to be run one by one.

        Invariant 1. Whatever the warehouse has against it, nothing of it is written then.
        """
        tables = [t for s in statements if (t := atomic.written(s)) is not None]
        if not all(self._is_managed(table) for table in tables):
            return None
        self._files.finish()
        texts = [atomic.with_files(rendered(s, self._files)) for s in statements]
        if any(text.startswith("COPY") for text in texts):
            return None
        named = {table.sql("databricks"): table for table in tables}
        before = {name: self._history(name, 1)[0]["version"] for name in named}
        try:
            self._sent(atomic.block(texts))
        except DestinationRefused:
            # A statement that is wrong by itself is told so when it is run by itself.
            self._transactions = False
            return None
        since = {
            name: [h for h in self._history(name, len(texts) + 1) if h["version"] > version]
            for name, version in before.items()
        }
        return [
            atomic.changed(statement, since[table.sql("databricks")])
            for statement, table in zip(statements, tables, strict=True)
        ]

    def _is_managed(self, table: exp.Table) -> bool:
        """Say whether transactions may write a table; asked once of each."""
        if not self._transactions:
            return False
        name = table.sql("databricks")
        if name not in self._managed:
            # Who may write a table may perhaps not see all of it: then it is written as others are.
            try:
                told = self._sent(f"SHOW TBLPROPERTIES {name}").to_pylist()
                self._managed[name] = atomic.is_managed(told) and bool(self._history(name, 1))
            except (DestinationRefused, PermissionRefused):
                self._managed[name] = False
        return self._managed[name]

    def _history(self, name: str, count: int) -> list[dict[str, Any]]:
        return list(self._sent(f"DESCRIBE HISTORY {name} LIMIT {count}").to_pylist())

    def _made(self, statement: exp.Create) -> pa.Table:
        """Make a table, one that transactions may write where that is asked for and can be had."""
        if self._transactions and self._settings.transactions == "On":
            with suppress(DestinationRefused):
                return self._sent(rendered(statement, self._files, more=[atomic.managed()]))
            self._transactions = False
        # What it is without being asked, the next connection sees.
        self._managed[_table_of(statement).sql("databricks")] = False
        return self._sent(rendered(statement, self._files))

    def _run(self, statement: exp.Expression) -> int | Merged:
        # A checkpoint may cover files that stay until their pass has ended.
        self._files.finish()
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            rows = self._made(statement)
        else:
            if enable := enabling(statement):
                self._sent(enable)
            text = rendered(statement, self._files)
            rows = self._sent(text, changes=isinstance(statement, exp.Alter))
        if self._settings.clustering == "Auto" and clusters(statement):
            # The key is where it begins; not every account has it.
            with suppress(DestinationRefused):
                self._sent(f"ALTER TABLE {_table_of(statement).sql('databricks')} CLUSTER BY AUTO")
        if isinstance(statement, exp.Create) and statement.expression is not None:
            # Not every warehouse says how many rows a table was made with.
            counted = exp.select(exp.alias_(exp.Count(this=exp.Star()), "n"))
            return int(self._fetch(counted.from_(statement.this.copy())).column(0)[0].as_py())
        if not isinstance(statement, _COUNTED) or not rows.num_rows:
            return 0
        row = rows.to_pylist()[0]
        if not isinstance(statement, exp.Merge):
            return int(row.get("num_affected_rows") or 0)
        return Merged(
            inserted=int(row.get("num_inserted_rows") or 0),
            updated=int(row.get("num_updated_rows") or 0),
            deleted=int(row.get("num_deleted_rows") or 0),
        )

    def _sent(self, text: str, *, changes: bool = False) -> pa.Table:
        """Send a statement until it went through: each of ours may be carried out twice."""
        return self._through(lambda: self._rows(text), self._disconnect, changes=changes)

    def _through(
        self, work: _Work[pa.Table], reset: Callable[[], None], *, changes: bool = False
    ) -> pa.Table:
        """Do what may be done twice until it is done; ``reset`` ends a session that is lost."""
        ends = time.monotonic() + self._settings.patience
        wait, renewed = _FIRST_WAIT, False
        while True:
            try:
                return work()
            except SynclineError as error:
                # A session that cannot be opened now; before the warehouse was seen to be there,
                # its address may be wrong.
                found, failure, lost = error, None, self._woken and isinstance(error, Unavailable)
            except FAILURES as error:
                found, failure = translated(error, secrets=self._settings.secrets), error
                lost = is_lost(failure)
            # The driver sends a statement again by itself, so the first answer may be the second.
            if failure is not None and changes and is_done(failure):
                return pa.table({})
            if isinstance(found, CredentialError) and not renewed:
                renewed = lost = self._workspace.authorization.forget()
            if lost or "SessionHandle" in str(failure):
                reset()
            may_pass = lost or (failure is not None and is_conflict(failure))
            if not may_pass or time.monotonic() + wait > ends or self._given_up.is_set():
                # What the driver has said may have an address with its signature.
                raise found from None
            time.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 (so that two do not meet again)
            wait = min(2 * wait, _LONGEST_WAIT)

    def _rows(self, text: str) -> pa.Table:
        if self._session is None:
            if not self._woken:
                self._workspace.wake(self._told, self._given_up.is_set)
                self._woken = True
            self._session = self._workspace.session()
        with self._session.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall_arrow()

    def _told(self, text: str) -> None:
        """Announce something from a thread: whoever hears it is on the loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._announce, text)

    def _put(self, local: Path, remote: str) -> None:
        """Upload a file through a session of its own: the other one may be busy."""
        text = f"PUT '__input_stream__' INTO '{remote}' OVERWRITE"

        def put() -> pa.Table:
            session = self._workspace.session()
            try:
                with session.cursor() as cursor, local.open("rb") as content:
                    cursor.execute(text, input_stream=content)
            finally:
                ended(session)
            return pa.table({})

        self._through(put, lambda: None)

    def _take_away(self, remote: str) -> None:
        """Remove a file through the session."""
        self._sent(f"REMOVE '{remote}'")

    def _disconnect(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            ended(session)

    def _close(self) -> None:
        self._files.close()
        self._disconnect()


def open_databricks(
    settings: Settings, *, announce: Callable[[str], None] = _say_nothing
) -> Databricks:
    """Return a destination that connects with its first call.

    ``announce`` is told when a stopped warehouse has to be started first. Raises `PropertyError`
    for settings that cannot be right.
    """
    return Databricks(settings, announce=announce)


def _table_of(statement: exp.Expression) -> exp.Table:
    table: Any = statement.this
    found: exp.Table = table.this if isinstance(table, exp.Schema) else table
    return found
