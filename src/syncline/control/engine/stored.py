"""The jobs of the store, ready to be run."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from sqlalchemy import select

from syncline.control.access import ROLES, Actor
from syncline.control.connections import described, opened_source, source_properties
from syncline.control.engine.job import Around, RunnableJob, around_tasks, open_destination
from syncline.control.plane import Plane, Work
from syncline.control.project import Project
from syncline.control.store.connections import connections
from syncline.control.store.jobs import jobs
from syncline.control.stored_tokens import StoredTokens
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.control.usecases.jobs import Job, get_job
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
        # Looked at first: others wait for who may write, and a profile may have to be fetched.
        async with self.plane.looking(ENGINE) as work:
            job, project, account = await _found(work, job_id)
        if job.spec.all_tables and job.spec != with_new_tables(
            job.spec, described(project, job.spec.source)
        ):
            async with self.plane.changing(ENGINE) as work:
                await pick_up_tables(work, (await _job(work, job_id)).name)
                job, project, account = await _found(work, job_id)
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


async def _job(work: Work, job_id: str) -> Job:
    name = await work.connection.scalar(select(jobs.c.name).where(jobs.c.id == job_id))
    if name is None:
        raise Missing("the job was deleted", hint="nothing needs to be done")
    return await get_job(work, str(name))


async def _found(work: Work, job_id: str) -> tuple[Job, Project, str]:
    """Return a job, its connections opened, and the id of its source."""
    job = await _job(work, job_id)
    project = await stored_project(work, job.spec)
    query = select(connections.c.id).where(connections.c.folded == job.spec.source.lower())
    return job, project, str(await work.connection.scalar(query))
