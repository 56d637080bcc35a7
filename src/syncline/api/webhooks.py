"""Routes of a connection's webhooks; deliveries themselves come to `hooks`."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import Field, SecretStr

from syncline.api.access import Guarded, TheActor, ThePlane
from syncline.api.schemas import In, Out
from syncline.control.addresses import public_url
from syncline.control.usecases.webhooks import close_webhooks, open_webhooks, see_webhooks

router = APIRouter(route_class=Guarded, tags=["connections"])


class WebhooksIn(In):
    """How the API reaches this server."""

    url: str = Field(
        default="",
        max_length=2000,
        description="https://host; default: SYNCLINE_PUBLIC_URL, else as this request came.",
        examples=["https://syncline.example.com"],
    )
    secret: SecretStr = Field(
        default=SecretStr(""),
        max_length=500,
        description="That of the API, where people enter it; default: one is made.",
    )


class HookOut(Out):
    """Deliveries to one address."""

    topic: str = Field(examples=["matter"])
    url: str = Field(examples=["https://syncline.example.com/hooks/mYl0nGt0k3n"])
    state: str = Field(description="pending, active or failed.", examples=["active"])
    error: str | None
    expires_at: datetime | None
    delivered_at: datetime | None
    deliveries: int
    tables: tuple[str, ...] = Field(examples=[["Matters"]])


class WebhooksOut(Out):
    """What a connection hears from its API by itself."""

    known: bool = Field(description="The profile knows how.")
    subscribes: bool = Field(description="False: people tell the API where to deliver.")
    hooks: tuple[HookOut, ...]
    secret: str | None = Field(description="To be entered at the API; only when it is new.")


@router.get("/connections/{name}/webhooks", summary="Look at webhooks")
async def looked(plane: ThePlane, actor: TheActor, name: str) -> WebhooksOut:
    async with plane.looking(actor) as work:
        return WebhooksOut.model_validate(await see_webhooks(work, name))


@router.put("/connections/{name}/webhooks", summary="Let an API tell what has changed")
async def opened(
    plane: ThePlane, actor: TheActor, name: str, given: WebhooksIn, request: Request
) -> WebhooksOut:
    here = f"{request.url.scheme}://{request.url.netloc}"
    found = await open_webhooks(
        plane, actor, name, given.url or public_url(here), secret=given.secret.get_secret_value()
    )
    return WebhooksOut.model_validate(found)


@router.delete("/connections/{name}/webhooks", status_code=204, summary="End webhooks")
async def closed(plane: ThePlane, actor: TheActor, name: str) -> None:
    await close_webhooks(plane, actor, name)
