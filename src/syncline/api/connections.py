"""Routes of connections."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from syncline.api.access import Guarded, TheActor, ThePlane, TheVersion
from syncline.api.schemas import (
    AuthorizedIn,
    AuthorizeIn,
    AuthorizeOut,
    ColumnOut,
    ConnectionChange,
    ConnectionIn,
    ConnectionOut,
    ConnectionTry,
    PageOf,
    TableOut,
    TestedOut,
    TheWanted,
)
from syncline.control.fetching import obtain_profile
from syncline.control.project import ConnectionSpec
from syncline.control.usecases.authorizing import (
    begin_sign_in,
    finish_sign_in,
    give_back,
    remove_connection,
)
from syncline.control.usecases.connections import (
    Connection,
    ConnectionEdit,
    create_connection,
    edit_connection,
    get_connection,
    list_connections,
)
from syncline.control.usecases.looking import (
    check_connection,
    check_properties,
    offered_columns,
    offered_tables,
)

router = APIRouter(route_class=Guarded, tags=["connections"])
Role = Annotated[str, Query(pattern="^(|source|destination)$")]


@router.get("/connections", summary="List connections")
async def listed(
    *,
    plane: ThePlane,
    actor: TheActor,
    wanted: TheWanted,
    role: Role = "",
    type_: Annotated[str, Query(alias="type", description="Only of this type.")] = "",
) -> PageOf[ConnectionOut]:
    async with plane.looking(actor) as work:
        page = await list_connections(work, wanted, role=role, type_=type_)
    return PageOf[ConnectionOut].model_validate(page)


@router.post("/connections", status_code=201, summary="Create a connection")
async def created(
    plane: ThePlane, actor: TheActor, given: ConnectionIn, response: Response
) -> ConnectionOut:
    spec = ConnectionSpec.model_validate(given.model_dump(exclude={"name"}))
    await obtain_profile(spec.properties, plane.reach)
    async with plane.changing(actor) as work:
        return _answer(await create_connection(work, given.name, spec), response)


@router.post("/connections/test", summary="Test properties before they are saved")
async def tried(plane: ThePlane, actor: TheActor, given: ConnectionTry) -> TestedOut:
    tested = await check_properties(plane, actor, given.type, given.properties, given.name)
    return TestedOut.model_validate(tested)


@router.post("/connections/authorized", summary="Finish a sign-in to an API")
async def authorized(plane: ThePlane, actor: TheActor, given: AuthorizedIn) -> ConnectionOut:
    found = await finish_sign_in(plane, actor, given.answer, state=given.state)
    return ConnectionOut.model_validate(found)


@router.post("/connections/{name}/authorize", summary="Begin a sign-in to an API")
async def authorizing(
    plane: ThePlane, actor: TheActor, name: str, given: AuthorizeIn
) -> AuthorizeOut:
    begun = await begin_sign_in(plane, actor, name, redirect_uri=given.redirect_uri)
    return AuthorizeOut.model_validate(begun)


@router.delete("/connections/{name}/authorization", summary="Give a sign-in back to its API")
async def given_back(plane: ThePlane, actor: TheActor, name: str) -> ConnectionOut:
    return ConnectionOut.model_validate(await give_back(plane, actor, name))


@router.get("/connections/{name}", summary="Look at a connection")
async def one(plane: ThePlane, actor: TheActor, name: str, response: Response) -> ConnectionOut:
    async with plane.looking(actor) as work:
        return _answer(await get_connection(work, name), response)


@router.patch("/connections/{name}", summary="Change a connection")
async def changed(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: ConnectionChange,
    version: TheVersion,
    response: Response,
) -> ConnectionOut:
    edit = ConnectionEdit(
        properties=given.properties,
        remove=given.remove,
        description=given.description,
        labels=given.labels,
        version=version,
    )
    await obtain_profile(given.properties or {}, plane.reach)
    async with plane.changing(actor) as work:
        return _answer(await edit_connection(work, name, edit), response)


@router.delete("/connections/{name}", status_code=204, summary="Delete a connection")
async def deleted(plane: ThePlane, actor: TheActor, name: str, version: TheVersion) -> None:
    await remove_connection(plane, actor, name, version=version)


@router.post("/connections/{name}/test", summary="Test a connection")
async def tested(plane: ThePlane, actor: TheActor, name: str) -> TestedOut:
    return TestedOut.model_validate(await check_connection(plane, actor, name))


@router.get("/connections/{name}/tables", summary="List the tables of a source")
async def tables(plane: ThePlane, actor: TheActor, name: str) -> list[TableOut]:
    async with plane.looking(actor) as work:
        return [TableOut.model_validate(t) for t in await offered_tables(work, name)]


@router.get("/connections/{name}/tables/{table}/columns", summary="List the columns of a table")
async def columns(plane: ThePlane, actor: TheActor, name: str, table: str) -> list[ColumnOut]:
    async with plane.looking(actor) as work:
        return [ColumnOut.model_validate(c) for c in await offered_columns(work, name, table)]


def _answer(found: Connection, response: Response) -> ConnectionOut:
    response.headers["ETag"] = f'"{found.version}"'
    return ConnectionOut.model_validate(found)
