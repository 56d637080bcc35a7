"""One job over every way of loading, told twice: its first load, and its next run after changes."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from acceptance.serving import Watched, options, serving
from acceptance.support import (
    Project,
    Rows,
    contents,
    generations,
    leftovers,
    results,
    run,
    small_clio,
    written,
)
from syncline.model.job import Task
from syncline.model.run import Committed, Event

#: Serves a sandbox and tells a story, given a folder.
Telling: TypeAlias = Callable[[Path], AbstractAsyncContextManager["Story"]]
#: Generations of a task and of its sweep, and the rows of its target.
State: TypeAlias = tuple[int, int, Rows]

TASKS: Sequence[Mapping[str, Any]] = (
    {"table": "Activities", "deletes": "soft", "commit_rows": 1},
    {
        "query": "SELECT user_id, count(*) AS entries, max(date) AS latest FROM Activities "
        "GROUP BY user_id",
        "into": "totals",
        "write": "replace",
    },
    {"table": "ContactEmailAddresses", "commit_rows": 1},
    {"table": "Notes", "write": "append", "synced_at": True, "commit_rows": 1},
)
TARGETS = ("Activities", "totals", "ContactEmailAddresses", "Notes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A run that nothing disturbs: what there was before, and what it went through."""

    watched: Watched
    folder: Path
    #: Database to begin with; None: there is none.
    before: Path | None
    #: What each target went through, commit by commit.
    states: Mapping[str, Sequence[State]]
    #: How many requests it took.
    requests: int
    end: Mapping[str, Rows]

    def again(self, name: str, **job: Any) -> Project:
        """Return the same project where that run has not been, in a folder of its own."""
        folder = self.folder / name
        folder.mkdir()
        project = _project(folder, self.watched, **job)
        if self.before is not None:
            shutil.copy(self.before, project.database)
        self.watched.begin()
        return project

    def check_rest(self, project: Project, place: object) -> None:
        """Assert that every target shows a moment of the run, and the ledger the same one."""
        if not project.database.exists():
            return
        for target, state in _states(project.database).items():
            assert state in self.states[target], (place, target, state[:2])

    async def check_end(self, project: Project, place: object) -> None:
        """Assert that one more run ends as the run that nothing disturbed did."""
        self.watched.begin()
        results(await run(project))
        found = contents(project.database)
        for target, rows in self.end.items():
            assert found[target] == rows, (place, target)
        assert not leftovers(project.database), place


@asynccontextmanager
async def first_load(folder: Path) -> AsyncIterator[Story]:
    """Serve a sandbox, and yield the story of the job's first load from it."""
    async with serving(options(rows=56)) as watched:
        sandbox = watched.sandbox
        sandbox.mutate("contacts", insert=14)
        sandbox.mutate("notes", insert=20)
        sandbox.advance(3600)
        yield await _told(watched, folder, None)


@asynccontextmanager
async def next_run(folder: Path) -> AsyncIterator[Story]:
    """Serve a sandbox that has changed since a first load, and yield the story of the next run."""
    async with first_load(folder / "first") as story:
        sandbox = story.watched.sandbox
        addresses = [
            row["id"]
            for row in sandbox.truth("contacts", fields="id,email_addresses{id}")
            if row["email_addresses"]
        ]
        sandbox.delete("contacts", addresses[:2])
        sandbox.mutate("activities", insert=7, update=8, delete=4)
        sandbox.mutate("contacts", insert=2, update=3)
        sandbox.mutate("notes", insert=3, update=5)
        sandbox.advance(3600)
        yield await _told(story.watched, folder, story.folder / "clean" / "lake.duckdb")


async def _told(watched: Watched, folder: Path, before: Path | None) -> Story:
    clean = folder / "clean"
    clean.mkdir(parents=True)
    project = _project(clean, watched)
    if before is not None:
        shutil.copy(before, project.database)
    states: dict[str, list[State]] = {target: [(0, 0, [])] for target in TARGETS}
    if before is not None:
        states = {target: [state] for target, state in _states(before).items()}
    moments: list[Path] = []

    def note(_: Task, event: Event) -> None:
        if isinstance(event, Committed):
            moments.append(_copied(project.database, clean / f"moment {len(moments)}"))

    watched.begin()
    results(await run(project, observe=note))
    for moment in moments:
        for target, state in _states(moment).items():
            states[target].append(state)
    return Story(
        watched=watched,
        folder=folder,
        before=before,
        states=states,
        requests=len(watched.asked),
        end=contents(project.database),
    )


def _project(folder: Path, watched: Watched, **job: Any) -> Project:
    return written(folder, watched, *TASKS, profile=small_clio(folder), job=job)


def _copied(database: Path, folder: Path) -> Path:
    """Copy a database that is open, with what it has not moved out of its log yet."""
    folder.mkdir()
    for path in (database, database.with_name(f"{database.name}.wal")):
        if path.exists():
            shutil.copy(path, folder / path.name)
    return folder / database.name


def _states(database: Path) -> dict[str, State]:
    ledger, found = generations(database), contents(database)
    return {
        target: (
            ledger.get(f"job/{target}", 0),
            ledger.get(f"job/{target}#sweep", 0),
            found.get(target, []),
        )
        for target in TARGETS
    }
