"""Routes of channels, and of the address that their messages lead to."""

from fastapi import APIRouter, Response

from syncline.api.access import Guarded, TheActor, ThePlane, TheVersion
from syncline.api.channel_schemas import AddressIn, ChannelChange, ChannelIn, ChannelOut, TrialOut
from syncline.api.schemas import PageOf, TheWanted
from syncline.control.alert_specs import ChannelSpec
from syncline.control.usecases.channels import (
    Channel,
    ChannelEdit,
    create_channel,
    delete_channel,
    edit_channel,
    get_address,
    get_channel,
    list_channels,
    set_address,
    try_channel,
)

router = APIRouter(route_class=Guarded, tags=["channels"])


@router.get("/channels", summary="List channels")
async def listed(plane: ThePlane, actor: TheActor, wanted: TheWanted) -> PageOf[ChannelOut]:
    async with plane.looking(actor) as work:
        page = await list_channels(work, wanted)
    return PageOf[ChannelOut].model_validate(page)


@router.post("/channels", status_code=201, summary="Create a channel")
async def created(
    plane: ThePlane, actor: TheActor, given: ChannelIn, response: Response
) -> ChannelOut:
    spec = ChannelSpec(url=given.url, description=given.description)
    async with plane.changing(actor) as work:
        return _answer(await create_channel(work, given.name, spec), response)


@router.get("/channels/{name}", summary="Look at a channel")
async def one(plane: ThePlane, actor: TheActor, name: str, response: Response) -> ChannelOut:
    async with plane.looking(actor) as work:
        return _answer(await get_channel(work, name), response)


@router.patch("/channels/{name}", summary="Change a channel")
async def changed(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: ChannelChange,
    version: TheVersion,
    response: Response,
) -> ChannelOut:
    edit = ChannelEdit(url=given.url, description=given.description, version=version)
    async with plane.changing(actor) as work:
        return _answer(await edit_channel(work, name, edit), response)


@router.delete("/channels/{name}", status_code=204, summary="Delete a channel")
async def deleted(plane: ThePlane, actor: TheActor, name: str, version: TheVersion) -> None:
    async with plane.changing(actor) as work:
        await delete_channel(work, name, version=version)


@router.post("/channels/{name}/test", summary="Send a test message to a channel")
async def tried(plane: ThePlane, actor: TheActor, name: str) -> TrialOut:
    return TrialOut.model_validate(await try_channel(plane, actor, name))


@router.get("/settings/address", summary="See where links in messages lead")
async def address(plane: ThePlane, actor: TheActor) -> AddressIn:
    async with plane.looking(actor) as work:
        return AddressIn(address=await get_address(work))


@router.put("/settings/address", summary="Set where links in messages lead")
async def addressed(plane: ThePlane, actor: TheActor, given: AddressIn) -> AddressIn:
    async with plane.changing(actor) as work:
        return AddressIn(address=await set_address(work, given.address))


def _answer(found: Channel, response: Response) -> ChannelOut:
    response.headers["ETag"] = f'"{found.version}"'
    return ChannelOut.model_validate(found)
