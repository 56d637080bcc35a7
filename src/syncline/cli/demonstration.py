"""The `demo` command: a stand-in Clio, replicated into a file, changed, and replicated again."""

import re
import socket
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from aiohttp import ClientSession
from rich.console import Console

from syncline.cli import failures
from syncline.cli.jobs import table
from syncline.cli.progress import JobProgress
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_source, opener
from syncline.control.jobs import JobRun, Outcome, run_job
from syncline.control.project import ConnectionSpec, JobSpec, Project, TaskSpec
from syncline.control.tasks import tasks_of
from syncline.errors import CredentialError, DestinationRefused
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import Sandbox, running

_TABLES = (
    "Users", "PracticeAreas", "Contacts", "ContactEmailAddresses", "Matters",
    "MatterCustomFieldValues", "Activities", "Notes", "Tasks", "CalendarEntries",
    "Communications", "Bills", "LineItems", "Documents", "BankAccounts", "BankTransactions",
)  # fmt: skip
#: Rows of the source to insert, update and delete between the two runs.
_CHANGES: Mapping[str, tuple[int, int, int]] = {
    "contacts": (5, 12, 0),
    "matters": (3, 20, 2),
    "activities": (40, 60, 15),
    "notes": (6, 4, 0),
    "tasks": (10, 10, 0),
    "bills": (4, 8, 0),
    "documents": (5, 5, 3),
}
#: Deleted rows of these are looked for by comparing keys: their API does not mark them.
_SWEPT = ("Matters", "Activities")


async def demonstrate(folder: Path, rows: int, console: Console) -> int:
    """Run the demonstration; return its exit code."""
    out = Console(highlight=False)
    database = folder / "demo.duckdb"
    _clear(database)
    started = time.monotonic()
    # A window of one second, so that the limit can be seen at work and nobody has to wait.
    options = Options(rows=rows, rate_limit=50, rate_window=1.0)
    with tempfile.TemporaryDirectory() as tokens:
        async with running(options) as sandbox:
            out.print(f"A stand-in Clio answers at {sandbox.url}: 50 requests a second, OAuth.\n")
            project = _project(sandbox, database, Path(tokens) / "oauth.json")
            first = await _run(project, console)
            out.print(table(f"First load of {len(_TABLES)} tables", first))
            changed = _change(sandbox)
            out.print(f"\nAt the source: {changed}.\n")
            second = await _run(project, console)
            out.print(table("Second run: what changed", second))
    for outcome in (*first, *second):
        if outcome.error:
            failures.show(outcome.error, console, about=outcome.task.target)
            return failures.exit_code(outcome.error)
    out.print(f"\nDone in {time.monotonic() - started:.1f} s. Look at the result:\n")
    out.print(
        f"  {_python()} -c \"import duckdb; duckdb.connect('{database}')"
        ".sql('FROM clio.Matters').show()\"",
        soft_wrap=True,
    )
    out.print(f"  or with any DuckDB tool: duckdb {database}", soft_wrap=True)
    return 0


async def _run(project: Project, console: Console) -> tuple[Outcome, ...]:
    job = project.jobs["demo"]
    tasks = tasks_of("demo", job)
    with JobProgress(tasks, console) as progress:
        async with opened_source(
            project,
            job.source,
            SystemClock(),
            observe=progress.waiting,
            say=progress.print,
            open_browser=_consent,
        ) as source:
            return await run_job(
                JobRun(
                    id=uuid.uuid4().hex[:12],
                    tasks=tasks,
                    source=source,
                    destination=opener(project, job.destination),
                    clock=SystemClock(),
                    observe=progress,
                )
            )


def _project(sandbox: Sandbox, database: Path, tokens: Path) -> Project:
    properties: dict[str, str | int | float | bool | dict[str, str | int | float | bool]] = {
        "Profile": "Clio",
        "ProfileSettings": {"BaseURL": sandbox.url},
        "AuthScheme": "OAuth",
        "OAuthClientId": DEFAULT_CLIENT,
        "OAuthClientSecret": DEFAULT_SECRET,
        "CallbackURL": f"http://127.0.0.1:{_free_port()}/callback",
        "OAuthSettingsLocation": str(tokens),
    }
    tasks = tuple(
        TaskSpec(table=name, deletes="hard" if name in _SWEPT else "auto") for name in _TABLES
    )
    return Project(
        connections={
            "clio": ConnectionSpec(type="api", properties=properties),
            "lake": ConnectionSpec(
                type="duckdb", properties={"Database": str(database), "Schema": "clio"}
            ),
        },
        jobs={"demo": JobSpec(source="clio", destination="lake", tasks=tasks)},
    )


async def _consent(url: str) -> None:
    """Be the person at the browser: read the consent page and press Allow."""
    async with ClientSession() as browser:
        async with browser.get(url) as page:
            text = await page.text()
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text))
        if not fields:
            raise CredentialError("the stand-in's consent page has no form")
        action = url.split("?", 1)[0]
        async with browser.post(action, data={**fields, "decision": "allow"}) as answer:
            await answer.read()


def _change(sandbox: Sandbox) -> str:
    sandbox.advance(3600)
    counts = [0, 0, 0]
    for name, (inserted, updated, deleted) in _CHANGES.items():
        sandbox.mutate(name, insert=inserted, update=updated, delete=deleted)
        counts = [a + b for a, b in zip(counts, (inserted, updated, deleted), strict=True)]
    return f"{counts[0]} rows inserted, {counts[1]} updated, {counts[2]} deleted"


def _python() -> str:
    """Return how to call the Python that has DuckDB, from the folder we are in."""
    ours = Path(sys.executable)
    return str(ours.relative_to(Path.cwd())) if ours.is_relative_to(Path.cwd()) else str(ours)


def _clear(database: Path) -> None:
    """Take an earlier demonstration's file away."""
    for path in (database, database.with_name(database.name + ".wal")):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise DestinationRefused(
                f"cannot replace {path}: {error.strerror}", hint="choose another --folder"
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
