"""The REST calls that clients need: files, directories, warehouses, addresses of OAuth."""

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from standins.databricks.engine import SqlError
from standins.databricks.rights import Rights
from standins.databricks.volumes import Volumes

#: A status, and JSON, bytes or nothing.
Answer: TypeAlias = tuple[int, object]
_FILES: Final = "/api/2.0/fs/files"
_FOLDERS: Final = "/api/2.0/fs/directories"
_NO_FILE: Final = (404, {"error_code": "NOT_FOUND", "message": "The file is not found."})
_NO_FOLDER: Final = (404, {"error_code": "NOT_FOUND", "message": "The directory is not found."})


class Rest:
    """REST below one address, and the state of the one warehouse."""

    def __init__(self, volumes: Volumes, base: str, rights: Rights) -> None:
        self._volumes = volumes
        self._rights = rights
        self._base = base
        self._port = int(base.rpartition(":")[2])
        self._running_from = 0.0
        self._starts_in = 0.0
        self._stopped = False
        #: Whether clients may use the Files API; where not, only PUT is left.
        self._files_allowed = True

    def change(self, state: Mapping[str, object]) -> None:
        """Change the warehouse and who may do what there.

        ``stopped``, ``starts_in`` seconds; ``files``: the Files API may be used; ``missing``: the
        rights that are not granted, see `rights.Rights`; ``storage``: where presigned addresses
        lead.
        """
        missing = state.get("missing")
        if isinstance(missing, list):
            self._rights.missing = {str(right) for right in missing}
        self._stopped = bool(state.get("stopped", self._stopped))
        self._starts_in = float(str(state.get("starts_in", self._starts_in)))
        self._volumes.storage = str(state.get("storage", self._volumes.storage))
        self._files_allowed = bool(state.get("files", self._files_allowed))

    @property
    def refusal(self) -> str:
        """Why the warehouse may not be used, or ''."""
        return "" if self._rights.usable else self._rights.refusal

    def wakes(self) -> bool:
        """Take a statement's arrival as the wish to start; say whether the warehouse is up."""
        if self._stopped:
            self._start()
        return time.time() >= self._running_from

    def discovery(self, path: str) -> Mapping[str, str] | None:
        """Return what is told without a token, or None."""
        oidc = f"{self._base}/oidc"
        return {
            "/oidc/.well-known/oauth-authorization-server": {
                "issuer": oidc,
                "token_endpoint": f"{oidc}/v1/token",
                "authorization_endpoint": f"{oidc}/v1/authorize",
            },
            "/.well-known/databricks-config": {
                "oidc_endpoint": oidc,
                "workspace_id": "1234567890",
                "cloud": "aws",
            },
        }.get(path)

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """Answer a call."""
        if path.startswith(_FILES + "/"):
            return self._file(method, path.removeprefix(_FILES), query, body)
        if path.startswith(_FOLDERS + "/"):
            return self._folder(method, path.removeprefix(_FOLDERS))
        found = re.fullmatch(r"/api/2\.0/sql/warehouses/([\w-]+)(?:/(start|stop))?", path)
        if found:
            return self._warehouse(found[1], found[2])
        return 404, {"error_code": "ENDPOINT_NOT_FOUND", "message": f"No API for {method} {path}"}

    def _file(self, method: str, remote: str, query: Mapping[str, str], body: bytes) -> Answer:
        disabled = "Files API is not enabled for this workspace."
        refused = self._rights.file(method, remote) if self._files_allowed else disabled
        if refused:
            return 403, {"error_code": "PERMISSION_DENIED", "message": refused}
        return self._allowed_file(method, remote, query, body)

    def _allowed_file(
        self, method: str, remote: str, query: Mapping[str, str], body: bytes
    ) -> Answer:
        try:
            self._volumes.check(remote)
        except SqlError as error:
            return 404, {"error_code": "NOT_FOUND", "message": str(error)}
        path = self._volumes.path(remote)
        if method == "PUT":
            if path.exists() and query.get("overwrite") != "true":
                return 409, {"error_code": "ALREADY_EXISTS", "message": "The file exists."}
            self._volumes.write(remote, body)
            return 204, None
        if not path.is_file():
            return _NO_FILE
        if method == "DELETE":
            path.unlink()
            return 204, None
        return 200, path.read_bytes()

    def _folder(self, method: str, remote: str) -> Answer:
        path = self._volumes.path(remote)
        if method == "PUT":
            path.mkdir(parents=True, exist_ok=True)
            return 204, None
        if not path.is_dir():
            return _NO_FOLDER
        if method == "DELETE":
            if any(path.iterdir()):
                return 400, {"error_code": "INVALID_ARGUMENT", "message": "not empty"}
            path.rmdir()
            return 204, None
        return 200, {"contents": [_entry(remote.rstrip("/"), p) for p in sorted(path.iterdir())]}

    def _start(self) -> None:
        if self._stopped:
            self._stopped = False
            self._running_from = time.time() + self._starts_in

    def _warehouse(self, name: str, wanted: str | None) -> Answer:
        if self.refusal:
            return 403, {"error_code": "PERMISSION_DENIED", "message": self.refusal}
        if name == "unknown":
            message = "The warehouse unknown does not exist."
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message}
        if wanted == "start":
            self._start()
        elif wanted == "stop":
            self._stopped = True
        up = time.time() >= self._running_from
        state = "STOPPED" if self._stopped else "RUNNING" if up else "STARTING"
        return 200, {"id": name, "name": name, "state": state, "warehouse_type": "PRO"}


def _entry(folder: str, path: Path) -> Mapping[str, object]:
    state = path.stat()
    return {
        "path": f"{folder}/{path.name}",
        "name": path.name,
        "is_directory": path.is_dir(),
        "file_size": state.st_size,
        "last_modified": int(state.st_mtime * 1000),
    }
