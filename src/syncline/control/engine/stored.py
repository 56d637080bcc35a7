"""The jobs of the store, ready to be run."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import select

from syncline.control.access import ROLES, Actor
from syncline.control.connections import opened_source, source_properties
from syncline.control.engine.job import Around, RunnableJob, around_tasks, open_destination
from syncline.control.plane import Plane
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.stored_tokens import StoredTokens
from syncline.control.tasks import tasks_of
from syncline.control.usecases.tasks import pick_up_tables, stored_project
from syncline.errors import Missing
from syncline.model.ports import Source
from syncline.model.run import Clock, Observer

#: Whoever changes a job of all tables when one of its runs finds new ones.
ENGINE = Actor(name="engine", via="run", policies=ROLES["admin"])


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreJobs:
    """Finds jobs in the store. Invariant 7: what it returns holds secrets, and is never kept."""

    plane: Plane

    async def find(self, job_id: str) -> RunnableJob:
        """Return a job as it is now, with the tables that are new in its source if it has all."""
        async with self.plane.changing(ENGINE) as work:
            name = await work.connection.scalar(select(jobs.c.name).where(jobs.c.id == job_id))
            if name is None:
                raise Missing("the job was deleted", hint="nothing needs to be done")
            job = await pick_up_tables(work, str(name))
            project = await stored_project(work, job.spec)
            query = select(connections.c.id).where(connections.c.folded == job.spec.source.lower())
            account = str(await work.connection.scalar(query))
        spec = job.spec

        def source(clock: Clock, observe: Observer) -> AbstractAsyncContextManager[Source]:
            return opened_source(
                project,
                spec.source,
                clock,
                observe=observe,
                say=lambda _: None,
                tokens=StoredTokens(self.plane, account),
            )

        return RunnableJob(
            id=job_id,
            name=job.name,
            tasks=tasks_of(job.name, spec),
            account=account,
            source=source,
            destination=open_destination(project, spec.destination),
            source_name=spec.source,
            destination_name=spec.destination,
            parallel_tasks=spec.parallel_tasks,
            continue_on_error=spec.continue_on_error,
            retries=spec.retries,
            retry_seconds=spec.retry_seconds,
            timeout=spec.timeout,
            verbosity=spec.verbosity,
            account_limit=source_properties(project, spec.source).parallel_tasks,
            around=Around(before=spec.before, after=spec.after),
            around_tasks=around_tasks(job.name, spec),
            reach=self.plane.reach,
        )
