"""The stand-in as a process of its own, or a real workspace, for tests."""

import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

#: ``Server=…;HTTPPath=…;Token=…;Catalog=…`` of a real workspace.
VARIABLE: Final = "SYNCLINE_TEST_DATABRICKS"
#: The engine of the whole contract, ``quick`` or ``spark``.
ENGINE: Final = "SYNCLINE_DATABRICKS_ENGINE"
#: The Python that has Spark, as `make test-databricks` sets it.
PYTHON: Final = "SYNCLINE_DATABRICKS_PYTHON"
_TESTS: Final = Path(__file__).parents[2]
_SECONDS: Final = 60


@dataclass(slots=True, kw_only=True)
class DatabricksServer:
    """How to reach a warehouse, real or not."""

    host: str
    port: int = 443
    http_path: str = "/sql/1.0/warehouses/local"
    token: str = "dapi-test"
    client_id: str = "test-client"
    client_secret: str = "test-secret"
    catalog: str = "main"
    certificate: str = ""
    process: subprocess.Popen[str] | None = None
    #: How the process was started, to start it again.
    command: list[str] = field(default_factory=list)

    @property
    def real(self) -> bool:
        """Whether it is Databricks' own."""
        return self.process is None

    def fault(self, pattern: str, action: str, **options: Any) -> None:
        """Let the stand-in fail: see `standins.databricks.faults.Fault`."""
        self._control("POST", "faults", {"pattern": pattern, "action": action, **options})

    def clear(self, pattern: str = "") -> list[dict[str, Any]]:
        """Let no fault of a pattern happen any more; '': none at all. Return those that waited."""
        return list(self._control("DELETE", f"faults?pattern={urllib.parse.quote(pattern)}"))

    def log(self) -> list[str]:
        """Return the statements so far."""
        return list(self._control("GET", "log"))

    def counts(self) -> dict[str, int]:
        """Return how many tokens were issued and requests answered."""
        return dict(self._control("GET", "counts"))

    def tally(self) -> dict[str, dict[str, float]]:
        """Return what was asked for since this was asked last: see `standins.databricks.tally`."""
        return dict(self._control("GET", "tally"))

    def warehouse(self, **state: Any) -> None:
        """Change the warehouse: see `standins.databricks.rest.Rest.change`."""
        self._control("POST", "warehouse", state)

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def start(self) -> None:
        """Start the process, again at the same port if it was there before."""
        if self.process and self.process.stdout:
            self.process.stdout.close()
        command = [*self.command, "--port", str(self.port)] if self.port else self.command
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(_TESTS)},
        )
        for line in self.process.stdout or ():
            if line.startswith('{"ready"'):
                ready = json.loads(line)
                self.port, self.certificate = ready["port"], ready["certificate"]
                return
        raise RuntimeError("the stand-in for Databricks did not start")

    def _control(self, method: str, what: str, content: object = None) -> Any:
        request = urllib.request.Request(
            f"https://localhost:{self.port}/_control/{what}",
            method=method,
            data=None if content is None else json.dumps(content).encode(),
        )
        trusting = ssl.create_default_context(cafile=self.certificate)
        with urllib.request.urlopen(request, context=trusting, timeout=_SECONDS) as answer:  # noqa: S310
            return json.load(answer)


@contextlib.contextmanager
def running_databricks(engine: str = "quick", *options: str) -> Iterator[DatabricksServer]:
    """Run the stand-in, or yield the real workspace where one is named."""
    given = os.environ.get(VARIABLE)
    if given:
        yield _real(given)
        return
    python = os.environ.get(PYTHON, sys.executable) if engine == "spark" else sys.executable
    with tempfile.TemporaryDirectory(prefix="databricks-", ignore_cleanup_errors=True) as folder:
        command = [python, "-m", "standins.databricks", "--root", folder, "--engine", engine]
        server = DatabricksServer(host="localhost", port=0, command=[*command, *options])
        server.start()
        try:
            yield server
        finally:
            if server.process:
                server.process.terminate()
                try:
                    server.process.wait(15)
                except subprocess.TimeoutExpired:
                    server.kill()
                if server.process.stdout:
                    server.process.stdout.close()


def _real(text: str) -> DatabricksServer:
    words = {
        key.strip().lower(): value.strip()
        for key, _, value in (part.partition("=") for part in text.split(";"))
        if key.strip()
    }
    return DatabricksServer(
        host=words["server"],
        http_path=words["httppath"],
        token=words.get("token", ""),
        client_id=words.get("oauthclientid", ""),
        client_secret=words.get("oauthclientsecret", ""),
        catalog=words.get("catalog", "main"),
    )
