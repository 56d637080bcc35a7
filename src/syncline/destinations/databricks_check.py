"""What a Databricks destination needs, looked at one by one: each by doing what a load does."""

import asyncio
import io
import threading
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import pyarrow as pa

from syncline.destinations.databricks_connection import Settings, Workspace, ended
from syncline.destinations.databricks_errors import (
    CAN_USE,
    FAILURES,
    HTTP_PATH,
    SOMEBODY,
    Right,
    condition,
    lacking,
    translated,
)
from syncline.destinations.databricks_files import empty_file
from syncline.destinations.databricks_sql import LEDGER
from syncline.errors import DestinationRefused, PermissionRefused, SynclineError, Unavailable

#: Columns of what is made to see whether it can be made.
_TRIAL: Final = pa.schema([("id", pa.int64())])
_NO_CATALOG: Final = frozenset({"NO_SUCH_CATALOG_EXCEPTION", "CATALOG_NOT_FOUND"})
_NOT_THERE: Final = frozenset(
    {
        "SCHEMA_NOT_FOUND", "UC_VOLUME_NOT_FOUND", "VOLUME_NOT_FOUND", "RESOURCE_DOES_NOT_EXIST",
        "VOLUME_DOES_NOT_EXIST", "UC_SCHEMA_NOT_FOUND",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    message: str = ""
    #: What is wrong with it; its hint holds the GRANT that a missing right takes.
    error: SynclineError | None = None


async def checks(settings: Settings, announce: Callable[[str], None]) -> AsyncGenerator[Check]:
    """Look at everything that a load needs; what depends on something wrong is left out.

    Wakes a stopped warehouse, which is announced and waited for; makes the schema and the volume
    where they are missing and may be made, as the first load would. A table and a file of its own
    are made and removed again.
    """
    trial = _Trial(settings, asyncio.get_running_loop(), announce)
    try:
        for step in (trial.warehouse, trial.sign_in, trial.catalog, trial.schema):
            check = await asyncio.to_thread(trial.looked, step)
            yield check
            if check.error is not None:
                return
        # Rights to tables and to the volume do not depend on each other: both are told.
        yield await asyncio.to_thread(trial.looked, trial.tables)
        yield await asyncio.to_thread(trial.looked, trial.volume)
    finally:
        trial.given_up.set()
        await asyncio.to_thread(trial.close)


class _RefusedError(Exception):
    """A statement was refused; the server's own words are its cause."""

    def __init__(self, error: SynclineError, failure: BaseException) -> None:
        super().__init__(str(error))
        self.error = error
        self.condition = condition(failure)
        self.text = str(failure)


class _Trial:
    """One look at a workspace; its methods block."""

    def __init__(
        self,
        settings: Settings,
        loop: asyncio.AbstractEventLoop,
        announce: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._workspace = Workspace(settings)
        self._loop = loop
        self._announce = announce
        self._session: Any = None
        self._principal = settings.client_id
        self._catalog = settings.catalog.lower()
        self._schema = settings.schema.lower()
        self.given_up = threading.Event()

    def looked(self, step: Callable[[], str]) -> Check:
        """Run a step; what goes wrong is what it has found."""
        name = step.__name__.replace("_", " ")
        try:
            return Check(name=name, message=step())
        except _RefusedError as refused:
            return Check(name=name, error=refused.error)
        except SynclineError as error:
            return Check(name=name, error=error)

    def warehouse(self) -> str:
        """Wake the warehouse."""
        began = time.monotonic()
        said: list[str] = []

        def note(text: str) -> None:
            said.append(text)
            self._loop.call_soon_threadsafe(self._announce, text)

        try:
            state = self._workspace.started(note, self.given_up.is_set)
        except PermissionRefused:
            # Whether it may be used is seen with the first statement.
            return "it may not be looked at; it starts with the first statement"
        except DestinationRefused as error:
            raise DestinationRefused(str(error), hint=HTTP_PATH) from None
        if not state:
            return "HTTPPath names no warehouse; what it names is used as it is"
        if state != "RUNNING":
            raise Unavailable(
                f"the warehouse does not start: it is {state.lower()}",
                hint="start it on its page, which also says what is in its way",
            )
        if said:
            return f"was stopped, and started in {time.monotonic() - began:.0f} s"
        return "running"

    def sign_in(self) -> str:
        """Open a session, and see who we are."""
        # The catalog is looked at later: here it would be hard to tell what is wrong.
        try:
            self._session = self._workspace.session(catalog="")
            who = self._rows("SELECT CURRENT_USER() AS who").column(0)[0].as_py()
        except PermissionRefused as error:
            raise PermissionRefused(
                str(error), hint=f"{CAN_USE}, for {self._principal or SOMEBODY}"
            ) from None
        self._principal = str(who)
        return f"as {who}"

    def catalog(self) -> str:
        """Use the catalog."""
        right = Right("USE CATALOG", "CATALOG", (self._catalog,))
        try:
            self._may(f"USE CATALOG {_named(self._catalog)}", right)
        except _RefusedError as refused:
            if refused.condition in _NO_CATALOG:
                who = self._principal
                raise DestinationRefused(
                    f"there is no catalog {self._settings.catalog}, or it is not shown to {who}",
                    hint=f"check Catalog, or let its owner run: {right.granted_to(who)}",
                ) from None
            raise
        return self._settings.catalog

    def schema(self) -> str:
        """Use the schema; one that is missing is made."""
        name = (self._catalog, self._schema)
        use = f"USE SCHEMA {_named(self._schema)}"
        right = Right("USE SCHEMA", "SCHEMA", name)
        try:
            self._may(use, right)
        except _RefusedError as refused:
            if refused.condition not in _NOT_THERE:
                raise
            making = Right("CREATE SCHEMA", "CATALOG", (self._catalog,))
            self._may(f"CREATE SCHEMA IF NOT EXISTS {_named(*name)}", making)
            self._may(use, right)
            return f"{self._settings.schema}: made"
        return self._settings.schema

    def tables(self) -> str:
        """Make a table, write, read and remove it; see that the ledger can be used too."""
        there = (self._catalog, self._schema)
        trial = (*there, f"_syncline_check_{uuid.uuid4().hex[:12]}")
        self._may(
            f"CREATE TABLE {_named(*trial)} (id BIGINT)", Right("CREATE TABLE", "SCHEMA", there)
        )
        try:
            self._use(trial)
        finally:
            with suppress(_RefusedError):
                self._may(f"DROP TABLE {_named(*trial)}", Right("MANAGE", "TABLE", trial))
        found = self._rows(
            "SELECT table_name FROM information_schema.tables WHERE "  # noqa: S608 (literals)
            f"table_schema = {_text(self._schema)} AND table_name = {_text(LEDGER)}"
        )
        if found.num_rows:
            # Somebody else may have made it, and the tables of the jobs too.
            self._use((*there, LEDGER))
        return "made, written, read and removed one"

    def volume(self) -> str:
        """Put a file into the volume, read it with SQL and remove it; make a missing volume."""
        given = self._settings
        there = (self._catalog, self._schema)
        name = (*there, given.volume.lower())
        made = ""
        try:
            self._may(f"DESCRIBE VOLUME {_named(*name)}", Right("READ VOLUME", "VOLUME", name))
        except _RefusedError as refused:
            if refused.condition not in _NOT_THERE:
                raise
            making = Right("CREATE VOLUME", "SCHEMA", there)
            self._may(f"CREATE VOLUME IF NOT EXISTS {_named(*name)}", making)
            made = "made, and "
        path = f"{self._workspace.volume}/syncline-check-{uuid.uuid4().hex[:12]}.parquet"
        way = self._uploaded(path, Right("WRITE VOLUME", "VOLUME", name))
        try:
            files = f"READ_FILES({_text(path)}, format => 'parquet', schema => 'id BIGINT')"
            read = f"SELECT COUNT(*) FROM {files}"  # noqa: S608 (a literal)
            self._may(read, Right("READ VOLUME", "VOLUME", name))
        finally:
            self._remove(path)
        return f"{given.volume}: {made}a file was written {way} and read"

    def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            ended(self._session)

    def _use(self, table: tuple[str, ...]) -> None:
        name, schema = _named(*table), table[:2]
        read = f"SELECT 1 FROM {name} LIMIT 1"  # noqa: S608 (a name, quoted)
        write = f"DELETE FROM {name} WHERE FALSE"  # noqa: S608 (as above)
        self._may(read, Right("SELECT", "SCHEMA", schema))
        self._may(write, Right("MODIFY", "SCHEMA", schema))

    def _uploaded(self, path: str, right: Right) -> str:
        """Put an empty file there; return how that was done."""
        content = empty_file(_TRIAL)
        refused: SynclineError | None = None
        if self._settings.staging_method != "PUT":
            try:
                self._workspace.upload(path, io.BytesIO(content), len(content))
            except PermissionRefused as error:
                if lacking(str(error)):
                    raise _granted(error, str(error), right, self._principal) from None
                refused = error
            except DestinationRefused as error:
                refused = error
            else:
                return "through the Files API"
        with io.BytesIO(content) as stream:
            self._may(f"PUT '__input_stream__' INTO '{path}' OVERWRITE", right, stream)
        return f"by PUT, since the Files API is not to be used ({refused})" if refused else "by PUT"

    def _remove(self, path: str) -> None:
        try:
            self._workspace.call("DELETE", f"/api/2.0/fs/files{quote(path)}", missing=True)
        except SynclineError:
            with suppress(SynclineError):
                self._rows(f"REMOVE {_text(path)}")

    def _may(self, text: str, right: Right, stream: io.BytesIO | None = None) -> None:
        """Run what takes a right. Raises `_RefusedError`, with the GRANT for a missing right."""
        try:
            with self._session.cursor() as cursor:
                cursor.execute(text, **({"input_stream": stream} if stream else {}))
        except FAILURES as failure:
            error = translated(failure, secrets=self._settings.secrets)
            if isinstance(error, PermissionRefused):
                error = _granted(error, str(failure), right, self._principal)
            raise _RefusedError(error, failure) from None

    def _rows(self, text: str) -> pa.Table:
        try:
            with self._session.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchall_arrow()
        except FAILURES as failure:
            raise translated(failure, secrets=self._settings.secrets) from None


def _granted(error: SynclineError, text: str, right: Right, principal: str) -> PermissionRefused:
    """Return a refusal with the GRANT that it takes: as the server says, else as we know it."""
    said = lacking(text)
    # What is missing on one table is missing on others that loads write.
    known = said if said and said.privilege != right.privilege else right
    missing = f"{known.privilege} on the {known.kind.lower()} {'.'.join(known.name)} is missing"
    return PermissionRefused(
        missing if said else f"{missing}: {error}",
        hint=f"let its owner run: {known.granted_to(principal)}",
    )


def _named(*parts: str) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
