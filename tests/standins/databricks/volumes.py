"""Volumes as folders, and presigned addresses of the files in them."""

import os
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from standins.databricks.engine import SqlError

ROOT: Final = "/Volumes/"
_DEPTH: Final = 5
_VALID: Final = 900.0
_METHODS: Final = {"PUT": "PUT", "GET": "GET", "REMOVE": "DELETE"}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a presigned address is good for."""

    method: str
    remote: str
    until: float


@dataclass(slots=True)
class Volumes:
    """The volumes below one folder of this machine."""

    folder: Path
    tickets: dict[str, Ticket] = field(default_factory=dict)
    #: Where presigned addresses lead, if not to this server.
    storage: str = ""

    def path(self, remote: str) -> Path:
        """Return where a file of a volume is here."""
        normal = os.path.normpath(remote.removeprefix("dbfs:"))
        if not (normal + "/").startswith(ROOT):
            raise SqlError(f"[INVALID_PATH] {remote} is no path of a volume. SQLSTATE: 42K03")
        return Path(f"{self.folder}{normal}")

    def local(self, path: str) -> str:
        """Return a path for the engine: one of a volume becomes one of this machine."""
        if not path.removeprefix("dbfs:").startswith(ROOT):
            return path
        return f"{self.folder}{path.removeprefix('dbfs:')}"

    def create(self, catalog: str, schema: str, name: str) -> None:
        """Make a volume."""
        self.path(f"{ROOT}{catalog}/{schema}/{name}").mkdir(parents=True, exist_ok=True)

    def exists(self, remote: str) -> bool:
        """Say whether the volume of a path is there."""
        parts = self.path(remote).relative_to(self.folder).parts
        return len(parts) >= _DEPTH - 1 and self.folder.joinpath(*parts[: _DEPTH - 1]).is_dir()

    def check(self, remote: str) -> None:
        """Raise unless the volume of a path is there."""
        if not self.exists(remote):
            name = "`.`".join(remote.split("/")[2:_DEPTH])
            raise SqlError(f"[UC_VOLUME_NOT_FOUND] Volume `{name}` does not exist. SQLSTATE: 42704")

    def presign(self, operation: str, remote: str) -> str:
        """Return the key of an address that allows one operation on one file."""
        key = uuid.uuid4().hex
        method = _METHODS[operation]
        self.tickets[key] = Ticket(method, remote, time.time() + _VALID)
        return key

    def ticket(self, key: str, method: str) -> Ticket | None:
        """Return what a presigned address is good for, if it is for this method and not too old."""
        found = self.tickets.get(key)
        good = found is not None and found.method == method and found.until > time.time()
        return found if good else None

    def write(self, remote: str, content: bytes) -> None:
        """Write a file whole."""
        path = self.path(remote)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f".{uuid.uuid4().hex}"
        partial.write_bytes(content)
        partial.replace(path)
