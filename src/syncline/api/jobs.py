"""Routes of jobs and schedules."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from syncline.api.access import Guarded, TheActor, ThePlane, TheVersion
from syncline.api.schemas import (
    JobCopy,
    JobIn,
    JobOut,
    JobPut,
    JobRowOut,
    PageOf,
    ScheduleOut,
    SchedulePreview,
    TheWanted,
)
from syncline.control.calendar import words
from syncline.control.project import JobSpec
from syncline.control.usecases.job_list import labels_in_use, list_jobs
from syncline.control.usecases.jobs import (
    Job,
    change_job,
    copy_job,
    create_job,
    delete_job,
    edit_job,
    get_job,
    pause_job,
)
from syncline.control.usecases.scheduling import previewed

router = APIRouter(route_class=Guarded, tags=["jobs"])


@router.get("/jobs", summary="List jobs")
async def listed(
    *,
    plane: ThePlane,
    actor: TheActor,
    wanted: TheWanted,
    connection: str = "",
    paused: bool | None = None,
    state: str = "",
) -> PageOf[JobRowOut]:
    async with plane.looking(actor) as work:
        page = await list_jobs(work, wanted, connection=connection, paused=paused, state=state)
    return PageOf[JobRowOut].model_validate(page)


@router.post("/jobs", status_code=201, summary="Create a job")
async def created(plane: ThePlane, actor: TheActor, given: JobIn, response: Response) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await create_job(work, given.name, _spec(given)), response)


@router.get("/jobs/{name}", summary="Look at a job")
async def one(plane: ThePlane, actor: TheActor, name: str, response: Response) -> JobOut:
    async with plane.looking(actor) as work:
        return answer(await get_job(work, name), response)


@router.put("/jobs/{name}", summary="Make a job what this says")
async def put(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: JobPut,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await edit_job(work, name, _spec(given), version=version), response)


@router.patch("/jobs/{name}", summary="Change settings of a job; null: back to the default")
async def changed(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    changes: dict[str, Any],
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await change_job(work, name, changes, version=version), response)


@router.delete("/jobs/{name}", status_code=204, summary="Delete a job; its tables stay")
async def deleted(plane: ThePlane, actor: TheActor, name: str, version: TheVersion) -> None:
    async with plane.changing(actor) as work:
        await delete_job(work, name, version=version)


@router.post("/jobs/{name}/copy", status_code=201, summary="Copy a job")
async def copied(
    plane: ThePlane, actor: TheActor, name: str, given: JobCopy, response: Response
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await copy_job(work, name, given.name, given.changes), response)


@router.post("/jobs/{name}/pause", summary="Stop a job's schedule")
async def paused(plane: ThePlane, actor: TheActor, name: str, response: Response) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await pause_job(work, name, paused=True), response)


@router.post("/jobs/{name}/resume", summary="Let a job's schedule go on")
async def resumed(plane: ThePlane, actor: TheActor, name: str, response: Response) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await pause_job(work, name, paused=False), response)


@router.get("/labels", summary="List the labels of jobs")
async def labels(plane: ThePlane, actor: TheActor) -> list[str]:
    async with plane.looking(actor) as work:
        return list(await labels_in_use(work))


@router.post("/schedules/preview", summary="See what a schedule means")
async def previewed_(plane: ThePlane, given: SchedulePreview) -> ScheduleOut:
    after = given.after or datetime.fromtimestamp(plane.clock.time(), UTC)
    after = after if after.tzinfo else after.replace(tzinfo=UTC)
    runs = previewed(given.schedule, after, given.count)
    return ScheduleOut(words=words(given.schedule), next_runs=runs)


def answer(found: Job, response: Response) -> JobOut:
    """Return a job with its version as ETag."""
    response.headers["ETag"] = f'"{found.version}"'
    return JobOut.model_validate(found)


def _spec(given: JobIn | JobPut) -> JobSpec:
    return JobSpec.model_validate(given.model_dump(exclude={"name"}, by_alias=True))
