"""Routes of the tasks of a job."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from syncline.api.access import Guarded, TheActor, ThePlane, TheVersion
from syncline.api.jobs import answer
from syncline.api.mapping_schemas import MappingOut
from syncline.api.schemas import (
    JobOut,
    OutlookOut,
    Place,
    ShownRowsOut,
    TablesIn,
    TaskIds,
    TaskIn,
    TaskOut,
)
from syncline.control.project import TaskSpec
from syncline.control.usecases.jobs import get_job
from syncline.control.usecases.previewing import task_mapping, task_outlook, task_preview
from syncline.control.usecases.tasks import (
    add_tables,
    add_task,
    delete_tasks,
    edit_task,
    enable_tasks,
    move_task,
    targets,
    task_of,
)

router = APIRouter(route_class=Guarded, prefix="/jobs/{name}/tasks", tags=["tasks"])


@router.get("", summary="List the tasks of a job")
async def listed(plane: ThePlane, actor: TheActor, name: str) -> list[TaskOut]:
    async with plane.looking(actor) as work:
        job = await get_job(work, name)
    parts = zip(job.task_ids, targets(job), job.spec.tasks, strict=True)
    return [TaskOut(id=id_, target=target, spec=spec) for id_, target, spec in parts]


@router.post("", status_code=201, summary="Add a task")
async def added(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: TaskIn,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await add_task(work, name, _spec(given), version=version), response)


@router.post("/tables", status_code=201, summary="Add a task for each of many tables")
async def added_tables(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: TablesIn,
    version: TheVersion,
    response: Response,
) -> JobOut:
    like = task_of({"table": "any", **given.like}) if given.like else None
    async with plane.changing(actor) as work:
        found = await add_tables(work, name, given.tables, like=like, version=version)
        return answer(found, response)


@router.post("/check", summary="See how a task would be read and written")
async def checked(plane: ThePlane, actor: TheActor, name: str, given: TaskIn) -> OutlookOut:
    return OutlookOut.model_validate(await task_outlook(plane, actor, name, _spec(given)))


@router.post("/mapping", summary="See which column goes where in an existing table")
async def mapped(plane: ThePlane, actor: TheActor, name: str, given: TaskIn) -> MappingOut:
    return MappingOut.model_validate(await task_mapping(plane, actor, name, _spec(given)))


@router.post("/preview", summary="Read the first rows of a task; nothing is written")
async def previewed(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: TaskIn,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ShownRowsOut:
    shown = await task_preview(plane, actor, name, _spec(given), limit=limit)
    return ShownRowsOut.model_validate(shown)


@router.post("/enable", summary="Switch tasks on")
async def enabled(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: TaskIds,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        found = await enable_tasks(work, name, given.ids, enabled=True, version=version)
        return answer(found, response)


@router.post("/disable", summary="Switch tasks off")
async def disabled(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: TaskIds,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        found = await enable_tasks(work, name, given.ids, enabled=False, version=version)
        return answer(found, response)


@router.put("/{task_id}", summary="Make a task what this says")
async def put(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    task_id: str,
    given: TaskIn,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await edit_task(work, name, task_id, _spec(given), version=version), response)


@router.delete("/{task_id}", summary="Take a task out of a job; its table stays")
async def deleted(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    task_id: str,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        return answer(await delete_tasks(work, name, [task_id], version=version), response)


@router.post("/{task_id}/move", summary="Put a task at another place of the order")
async def moved(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    task_id: str,
    given: Place,
    version: TheVersion,
    response: Response,
) -> JobOut:
    async with plane.changing(actor) as work:
        found = await move_task(work, name, task_id, given.position, version=version)
        return answer(found, response)


def _spec(given: TaskIn) -> TaskSpec:
    return TaskSpec.model_validate(given.model_dump(by_alias=True))
