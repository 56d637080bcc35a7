"""Routes of project files and of the audit log."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from syncline.api.access import Guarded, TheActor, ThePlane
from syncline.api.schemas import ChangeOut, EntryOut, PageOf, ProjectIn, TheWanted
from syncline.control.fetching import obtain_profile
from syncline.control.plane import Plane
from syncline.control.project import Project
from syncline.control.usecases.audit_log import list_audit
from syncline.control.usecases.project_files import (
    apply_project,
    compare_project,
    export_project,
)
from syncline.control.yaml_writing import written
from syncline.errors import ProjectError
from syncline.profile.loader import parse

router = APIRouter(route_class=Guarded)


class YamlResponse(Response):
    """A project file."""

    media_type = "application/yaml"


@router.get(
    "/project",
    tags=["project"],
    summary="Export connections and jobs as a project file",
    response_class=YamlResponse,
    responses={200: {"content": {"application/yaml": {"schema": {"type": "object"}}}}},
)
async def exported(
    *,
    plane: ThePlane,
    actor: TheActor,
    job: Annotated[
        list[str], Query(default_factory=list, description="Only this one; again for more.")
    ],
    secrets: Literal["variables", "sealed"] = "variables",
) -> YamlResponse:
    async with plane.looking(actor) as work:
        found = await export_project(work, secrets=secrets, only=tuple(job))
    return YamlResponse(written(found.document))


@router.post("/project/diff", tags=["project"], summary="See what applying a file would do")
async def compared(plane: ThePlane, actor: TheActor, given: ProjectIn) -> list[ChangeOut]:
    project = _parsed(given)
    if actor.may("connections.edit"):
        await _obtain_profiles(plane, project)
    async with plane.looking(actor) as work:
        # Variables of the environment are the server's own: no file may ask for them here.
        changes = await compare_project(work, project, prune=given.prune, environment={})
    return [ChangeOut.model_validate(change) for change in changes]


@router.post("/project/apply", tags=["project"], summary="Make the store what a file says")
async def applied(plane: ThePlane, actor: TheActor, given: ProjectIn) -> list[ChangeOut]:
    project = _parsed(given)
    if actor.may("connections.edit"):
        await _obtain_profiles(plane, project)
    async with plane.changing(actor) as work:
        changes = await apply_project(work, project, prune=given.prune, environment={})
    return [ChangeOut.model_validate(change) for change in changes]


@router.get("/audit", tags=["audit"], summary="See who changed what, the newest first")
async def audit(
    *,
    plane: ThePlane,
    actor: TheActor,
    wanted: TheWanted,
    kind: str = "",
    name: str = "",
    by: Annotated[str, Query(description="Who changed it.")] = "",
    before: Annotated[
        int | None, Query(ge=0, le=2**62, description="Id of the last entry seen.")
    ] = None,
) -> PageOf[EntryOut]:
    async with plane.looking(actor) as work:
        page = await list_audit(work, wanted, kind=kind, name=name, actor=by, before=before)
    return PageOf[EntryOut].model_validate(page)


async def _obtain_profiles(plane: Plane, project: Project) -> None:
    for spec in project.connections.values():
        await obtain_profile(spec.properties, plane.reach)


def _parsed(given: ProjectIn) -> Project:
    return parse(given.file, "file", Project, ProjectError)
