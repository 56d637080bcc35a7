"""Projects, runs of them in this process or in one of their own, and what they leave behind."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import yaml

from acceptance.serving import Watched
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_source, opener
from syncline.control.jobs import JobObserver, JobRun, Outcome, run_job
from syncline.control.project import load_project
from syncline.control.tasks import tasks_of
from syncline.model.run import Clock, Result

SCHEMA = "clio"
Rows: TypeAlias = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project file, its database, and the folder they are in."""

    folder: Path
    file: Path
    database: Path


def small_clio(folder: Path, size: int = 16, attempts: int = 3) -> Path:
    """Write a profile that is Clio's but for smaller pages and less patience; return its path."""
    bundled = resources.files("syncline.profiles").joinpath("clio.yaml").read_text("utf-8")
    text, count = re.subn(r"(page: \{parameter: limit, size: )\d+", rf"\g<1>{size}", bundled)
    assert count > 1
    path = folder / "small-clio.yaml"
    path.write_text(f"{text}\nretry: {{attempts: {attempts}}}\n", "utf-8")
    return path


def written(
    folder: Path,
    watched: Watched,
    *tasks: Mapping[str, Any],
    profile: str | Path = "clio",
    job: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
    lake: Mapping[str, Any] | None = None,
) -> Project:
    """Write a project with one job of these tasks, with a token of its own."""
    pair = watched.sandbox.issue_token()
    properties = {
        "Profile": str(profile),
        "ProfileSettings": {"BaseURL": watched.url, **(settings or {})},
        "OAuthClientId": "sandbox-client",
        "OAuthClientSecret": "sandbox-secret",
        "OAuthAccessToken": pair.access_token,
        "OAuthRefreshToken": pair.refresh_token,
        **(source or {}),
    }
    database = folder / "lake.duckdb"
    known = {
        "connections": {
            "api": {
                "type": "api",
                "properties": {k: v for k, v in properties.items() if v is not None},
            },
            "lake": {
                "type": "duckdb",
                "properties": {"Database": str(database), "Schema": SCHEMA, **(lake or {})},
            },
        },
        "jobs": {
            "job": {
                "source": "api",
                "destination": "lake",
                **(job or {}),
                "tasks": [dict(task) for task in tasks],
            }
        },
    }
    file = folder / "project.yaml"
    file.write_text(yaml.safe_dump(known, sort_keys=False), "utf-8")
    return Project(folder=folder, file=file, database=database)


async def run(
    project: Project,
    *,
    clock: Clock | None = None,
    observe: JobObserver = lambda _, __: None,
) -> tuple[Outcome, ...]:
    """Run the project's job in this process."""
    loaded = load_project(project.file)
    job = loaded.jobs["job"]
    own = clock or SystemClock()
    async with opened_source(loaded, job.source, own, observe=lambda _: None, say=print) as source:
        return await run_job(
            JobRun(
                id=uuid.uuid4().hex[:12],
                tasks=tasks_of("job", job),
                source=source,
                destination=opener(loaded, job.destination),
                clock=own,
                observe=observe,
                parallel_tasks=job.parallel_tasks,
            )
        )


def results(outcomes: Sequence[Outcome]) -> dict[str, Result]:
    """Return the result of every task, by target; none may have failed."""
    found = {}
    for outcome in outcomes:
        assert outcome.result is not None, outcome.error
        found[outcome.task.target] = outcome.result
    return found


def contents(database: Path, schema: str = SCHEMA) -> dict[str, Rows]:
    """Return the rows of every table of ours, in an order of their own.

    Times that tell when a run was are left out; only whether a row counts as deleted is kept.
    """
    with duckdb.connect(str(database)) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [schema]
        ).fetchall()
        return {
            name: connection.execute(
                f"SELECT {_compared(connection, schema, name)} FROM {schema}.{name} ORDER BY ALL"
            ).fetchall()
            for (name,) in sorted(found)
            if not name.startswith("_syncline")
        }


def _compared(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> str:
    columns = [c[0] for c in connection.execute(f"FROM {schema}.{table} LIMIT 0").description or ()]
    chosen = [f'"{c}"' for c in columns if not c.startswith("_")]
    if "_deleted_at" in columns:
        chosen.append('"_deleted_at" IS NOT NULL')
    return ", ".join(chosen)


def generations(database: Path, schema: str = SCHEMA) -> dict[str, int]:
    """Return the newest generation of every task in the ledger; of none, if there is none yet."""
    query = f"SELECT task, max(generation) FROM {schema}._syncline_checkpoints GROUP BY task"
    with duckdb.connect(str(database)) as connection:
        try:
            return dict(connection.execute(query).fetchall())
        except duckdb.CatalogException:
            return {}


def leftovers(database: Path, schema: str = SCHEMA) -> list[str]:
    """Return the names of staging and aside tables that nobody needs any more."""
    with duckdb.connect(str(database)) as connection:
        found = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = ? "
            "AND table_name LIKE '\\_syncline\\_%' ESCAPE '\\'",
            [schema],
        ).fetchall()
    return [name for (name,) in found if name != "_syncline_checkpoints"]
