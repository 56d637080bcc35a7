"""A job ready to be run: its tasks, and how to open what they read from and write to."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from syncline.control.action_specs import Actions
from syncline.control.connections import opened_source, opener, source_properties
from syncline.control.project import JobSpec, Project
from syncline.control.tasks import all_tasks_of, tasks_of
from syncline.errors import Missing
from syncline.model.job import Task
from syncline.model.ports import Destination, Source
from syncline.model.reach import EVERYWHERE, Reach
from syncline.model.run import Clock, Observer, Waiting

#: Opens a source for as long as the context lasts; the observer hears when it must wait.
OpenSource = Callable[[Clock, Observer], AbstractAsyncContextManager[Source]]
#: Opens a destination; the observer hears when it must be waited for.
OpenDestination = Callable[[Observer], Awaitable[Destination]]


#: Seconds that a database which has to be started is said to take: nobody knows.
STARTING = 60.0
#: Task runs of one account at a time.
DEFAULT_LIMIT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What is done before and after something."""

    before: Actions = ()
    after: Actions = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableJob:
    """What the engine needs to know about a job."""

    id: str
    name: str
    tasks: tuple[Task, ...]
    #: Id of the source connection: task runs of one account wait for each other …
    account: str
    #: … so that no more than so many go on at a time: 1, 2, 4 or 8.
    account_limit: int = DEFAULT_LIMIT
    source: OpenSource
    destination: OpenDestination
    #: Names of both connections.
    source_name: str = ""
    destination_name: str = ""
    parallel_tasks: int = 1
    continue_on_error: bool = True
    #: How often a task is tried again after an error that may pass, and how long after the first.
    retries: int = 2
    retry_seconds: float = 30.0
    #: Seconds that a run may take as a whole; None: as long as it needs.
    timeout: float | None = None
    #: error, info or verbose: what of its events is kept in the log.
    verbosity: str = "info"
    around: Around = Around()
    #: Of tasks, by their id; those with nothing to do are not in it.
    around_tasks: Mapping[str, Around] = field(default_factory=dict)
    #: Where requests of actions may go.
    reach: Reach = EVERYWHERE


def open_destination(project: Project, name: str) -> OpenDestination:
    """Return what opens a destination. Raises `PropertyError` at once if it cannot be right."""
    opener(project, name)

    async def opened(observe: Observer) -> Destination:
        def announce(text: str) -> None:
            observe(Waiting(seconds=STARTING, reason=text))

        return await opener(project, name, announce=announce)()

    return opened


class Jobs(Protocol):
    """Where jobs come from."""

    async def find(self, job_id: str) -> RunnableJob:
        """Return a job as it is now. Raises `Missing`, `ConfigError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectJobs:
    """The jobs of a project file; a job's id is its name."""

    project: Project

    async def find(self, job_id: str) -> RunnableJob:
        """Return a job of the project."""
        spec = self.project.jobs.get(job_id)
        if spec is None:
            raise Missing(f"the project has no job {job_id!r}", hint="it may have been renamed")

        def source(clock: Clock, observe: Observer) -> AbstractAsyncContextManager[Source]:
            return opened_source(
                self.project, spec.source, clock, observe=observe, say=lambda _: None
            )

        return RunnableJob(
            id=job_id,
            name=job_id,
            tasks=tasks_of(job_id, spec),
            account=spec.source,
            source=source,
            destination=open_destination(self.project, spec.destination),
            source_name=spec.source,
            destination_name=spec.destination,
            parallel_tasks=spec.parallel_tasks,
            continue_on_error=spec.continue_on_error,
            retries=spec.retries,
            retry_seconds=spec.retry_seconds,
            timeout=spec.timeout,
            verbosity=spec.verbosity,
            account_limit=source_properties(self.project, spec.source).parallel_tasks,
            around=Around(before=spec.before, after=spec.after),
            around_tasks=around_tasks(job_id, spec),
        )


def around_tasks(name: str, spec: JobSpec) -> dict[str, Around]:
    """Return what is done around the tasks of a job, by their id."""
    pairs = zip(all_tasks_of(name, spec), spec.tasks, strict=True)
    return {
        task.id: Around(before=given.before, after=given.after)
        for task, given in pairs
        if given.before or given.after
    }
