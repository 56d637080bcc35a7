"""Rows staged as Parquet files in a volume: written here, uploaded while more rows come."""

import contextlib
import io
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from syncline.destinations.databricks_connection import Workspace
from syncline.destinations.databricks_ranges import Keys
from syncline.destinations.databricks_types import file_rows, file_type
from syncline.errors import DestinationRefused, PermissionRefused, SynclineError, Unavailable

#: Bytes of a file: Spark reads so much at once, and a failed upload costs no more.
FILE_BYTES: Final = 128 * 2**20
#: Rows that are written together; a file has no smaller parts.
_GROUP: Final = 100_000
_UPLOADS: Final = 4
#: Without it, Spark may take days before 1582-10-15 for those of the Julian calendar.
_CALENDAR: Final = {"org.apache.spark.version": "3.5.0"}
#: What is said of a folder that is not there, other than of an API.
_NO_FOLDER: Final = re.compile(r"(?i)\b(?:directory|path)\b.*\bnot (?:found|exist)")
#: Seconds after which files that nobody has dropped are left-overs.
LEFT_OVER: Final = 7 * 24 * 3600.0


@dataclass(slots=True)
class Staged:
    """The files of one name."""

    #: Columns as SQL, for reading them.
    schema: str
    #: Columns that are never null: the target's key.
    key: tuple[str, ...]
    waiting: list[pa.Table] = field(default_factory=list)
    rows: int = 0
    keys: Keys = field(default_factory=Keys)
    writer: Any = None
    sink: Path | None = None
    parts: int = 0
    uploads: list[Future[None]] = field(default_factory=list)


class Files:
    """Everything staged by one destination; all methods block."""

    def __init__(
        self,
        workspace: Workspace,
        put: Callable[[Path, str], None],
        take_away: Callable[[str], None],
        *,
        file_bytes: int = FILE_BYTES,
        left_over: float = LEFT_OVER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._workspace = workspace
        self._put = put
        self._take_away = take_away
        self._file_bytes = file_bytes
        self._left_over = left_over
        self._clock = clock
        self._staged: dict[str, Staged] = {}
        #: Names whose files could not be removed, and how many there are.
        self._left: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(_UPLOADS, "syncline-upload")
        self._folder = tempfile.TemporaryDirectory(prefix="syncline-", ignore_cleanup_errors=True)
        self._by_put = workspace.settings.staging_method == "PUT"
        self._one_put = threading.Lock()
        #: Bytes uploaded so far.
        self.uploaded = 0

    def declare(self, name: str, schema: str, key: Sequence[str]) -> None:
        """Learn which columns files have; those that are there already stay.

        Raises `Unavailable` where those of an earlier declaration cannot be removed: they would
        be read as well.
        """
        left = self._left.pop(name, 0)
        if left and not self._removed(name, left):
            self._left[name] = left
            raise Unavailable(
                f"the files of {name}, which is read anew, cannot be removed from the volume",
                hint="run again: another run stages its files beside them",
            )
        known = self._staged.get(name)
        if known is None:
            self._staged[name] = Staged(schema, tuple(key))
        else:
            known.schema = schema

    def schema(self, name: str) -> str:
        """Return the columns of files as SQL."""
        found = self._staged.get(name)
        if found is None:
            raise DestinationRefused(f"nothing was staged as {name}")
        return found.schema

    def keys(self, name: str) -> Keys | None:
        """Return the keys that are staged, where that is known."""
        found = self._staged.get(name)
        return found.keys if found and found.parts and "{" not in name else None

    def path(self, name: str) -> str:
        """Return the folder of files."""
        return f"{self._workspace.volume}/{name}"

    def append(self, name: str, records: pa.Table) -> None:
        """Add rows. Raises `RecordRefused`; nothing is added then."""
        staged = self._staged[name]
        rows = file_rows(records)
        staged.keys.add(rows, staged.key)
        staged.waiting.append(rows)
        staged.rows += rows.num_rows
        if staged.rows >= _GROUP:
            self._write(name, staged)

    def finish(self) -> None:
        """Wait until every row is in the volume."""
        for name, staged in self._staged.items():
            if staged.waiting:
                self._write(name, staged)
            self._close(name, staged)
        for staged in self._staged.values():
            uploads, staged.uploads = staged.uploads, []
            for upload in uploads:
                upload.result()

    def drop(self, name: str) -> None:
        """Forget and remove files; those that cannot be removed now are left-overs.

        ``<n`` as the last part of a name: the left-overs of generations before.
        """
        task, _, before = name.partition("/<")
        if before:
            self._collect(task, int(before))
            return
        for one in _names(name):
            staged = self._staged.pop(one, None)
            if staged and not staged.parts and not staged.writer:
                continue
            if staged:
                self._abandon(staged)
            parts = staged.parts if staged else 0
            if not self._removed(one, parts) and parts:
                self._left[one] = parts
        self._staged.pop(name, None)

    def _removed(self, name: str, parts: int) -> bool:
        """Remove files of a name; say whether none of them is left."""
        try:
            self._workspace.remove(self.path(name))
        except SynclineError:
            if not self._by_put:
                return False
        else:
            return True
        # Not every workspace has the Files API.
        with contextlib.suppress(SynclineError):
            for number in range(parts):
                self._take_away(f"{self.path(name)}/part-{number}.parquet")
            return True
        return False

    def are_there(self, name: str) -> bool:
        """Say whether all files of a name with alternatives, from any session, are there.

        Where that cannot be told, they are: a statement that reads them says if they are not.
        """
        names = _names(name)
        try:
            held = set(self._folders(names[0].partition("/")[0]))
        except (DestinationRefused, PermissionRefused) as error:
            # Not every workspace has the Files API.
            return _NO_FOLDER.search(str(error)) is None
        return held.issuperset(names)

    def _folders(self, task: str) -> list[str]:
        """Return the names under which files of a task are staged."""
        found = self._workspace.entries(self.path(task))
        paths = [str(entry["path"]).rstrip("/") for entry in found if entry.get("is_directory")]
        return [path.removeprefix(f"{self._workspace.volume}/") for path in paths]

    def _collect(self, task: str, before: int) -> None:
        """Remove files of a task that nobody has dropped."""
        held = {one for known in self._staged for one in _names(known)}
        with contextlib.suppress(SynclineError):
            for name in self._folders(task):
                generation = name.partition("/")[2].partition("-")[0]
                done = generation.isdecimal() and int(generation) < before
                if done and name not in held and self._is_old(self.path(name)):
                    self._workspace.remove(self.path(name))

    def close(self) -> None:
        """Give up what is not uploaded, and remove the files here."""
        for staged in self._staged.values():
            self._abandon(staged)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._folder.cleanup()

    def _is_old(self, folder: str) -> bool:
        oldest = (self._clock() - self._left_over) * 1000
        entries = self._workspace.entries(folder)
        return all(float(e.get("last_modified") or 0) < oldest for e in entries)

    def _write(self, name: str, staged: Staged) -> None:
        rows = pa.concat_tables(staged.waiting, promote_options="default")
        staged.waiting, staged.rows = [], 0
        if staged.writer is not None and staged.writer.schema != rows.schema:
            self._close(name, staged)
        if staged.writer is None:
            staged.sink = Path(self._folder.name) / f"{id(staged)}-{staged.parts}.parquet"
            staged.writer = pq.ParquetWriter(
                staged.sink, rows.schema, compression="zstd", store_schema=False
            )
            staged.writer.add_key_value_metadata(_CALENDAR)
        staged.writer.write_table(rows, row_group_size=_GROUP)
        if staged.sink is not None and staged.sink.stat().st_size >= self._file_bytes:
            self._close(name, staged)

    def _close(self, name: str, staged: Staged) -> None:
        """End the file under way and upload it."""
        writer, sink = staged.writer, staged.sink
        if writer is None or sink is None:
            return
        writer.close()
        staged.writer = staged.sink = None
        remote = f"{self.path(name)}/part-{staged.parts}.parquet"
        staged.parts += 1
        staged.uploads.append(self._pool.submit(self._upload, sink, remote))

    def _upload(self, local: Path, remote: str) -> None:
        size = local.stat().st_size
        try:
            if not self._by_put:
                try:
                    with local.open("rb") as content:
                        self._workspace.upload(remote, content, size)
                except (PermissionRefused, DestinationRefused):
                    # Not every workspace has the Files API; the session's PUT says what is wrong.
                    self._by_put = True
            if self._by_put:
                with self._one_put:
                    self._put(local, remote)
        finally:
            local.unlink(missing_ok=True)
        self.uploaded += size

    def _abandon(self, staged: Staged) -> None:
        if staged.writer is not None:
            staged.writer.close()
            staged.writer = None
        for upload in staged.uploads:
            if not upload.cancel():
                with contextlib.suppress(SynclineError):
                    upload.result()
        staged.uploads = []


def _names(name: str) -> list[str]:
    """Return the names that one with alternatives stands for."""
    start, _, rest = name.partition("{")
    inner, closed, end = rest.partition("}")
    return [f"{start}{one}{end}" for one in inner.split(",")] if closed else [name]


def empty_file(schema: pa.Schema) -> bytes:
    """Return a file without rows, to see whether files can be written."""
    fields = [pa.field(f.name, file_type(f.type)) for f in schema]
    sink = io.BytesIO()
    pq.write_table(pa.schema(fields).empty_table(), sink, compression="zstd")
    return sink.getvalue()
