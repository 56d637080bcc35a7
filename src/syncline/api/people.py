"""Routes of the session, of API tokens, users and roles."""

from fastapi import APIRouter, Request, Response

from syncline.api.access import COOKIE, Guarded, TheActor, ThePlane, TheVersion
from syncline.api.people_schemas import (
    InvitedOut,
    LinkIn,
    LinkOut,
    NewTokenOut,
    PasswordIn,
    RoleIn,
    RoleOut,
    SessionOut,
    SignIn,
    TokenIn,
    TokenOut,
    UserChange,
    UserIn,
    UserOut,
)
from syncline.api.schemas import PageOf, TheWanted
from syncline.control.access import PERMISSIONS, Actor, Policy
from syncline.control.usecases.signing_in import (
    LONGEST,
    Session,
    accept_link,
    change_password,
    create_token,
    csrf_of,
    delete_token,
    list_tokens,
    sign_in,
    sign_out,
)
from syncline.control.usecases.users import (
    UserEdit,
    delete_role,
    delete_user,
    edit_user,
    get_user,
    invite_user,
    list_roles,
    list_users,
    put_role,
    reset_password,
)

router = APIRouter(route_class=Guarded, tags=["people"])


@router.post("/session", summary="Sign in; sets a cookie")
async def signed_in(
    plane: ThePlane, given: SignIn, request: Request, response: Response
) -> SessionOut:
    session = await sign_in(plane, given.user, given.password.get_secret_value(), **_seen(request))
    return _begun(session, request, response)


@router.post("/session/link", summary="Choose a password with a one-time link; sets a cookie")
async def accepted(
    plane: ThePlane, given: LinkIn, request: Request, response: Response
) -> SessionOut:
    session = await accept_link(
        plane, given.link.get_secret_value(), given.password.get_secret_value(), **_seen(request)
    )
    return _begun(session, request, response)


@router.get("/session", summary="See who is signed in")
async def who(actor: TheActor, request: Request) -> SessionOut:
    cookie = request.cookies.get(COOKIE, "") if actor.via == "web" else ""
    return _session(actor, csrf_of(cookie) if cookie else None)


@router.delete("/session", status_code=204, summary="Sign out")
async def signed_out(plane: ThePlane, request: Request, response: Response) -> None:
    await sign_out(plane, request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/")


@router.post("/session/password", status_code=204, summary="Change one's password")
async def password_changed(plane: ThePlane, actor: TheActor, given: PasswordIn) -> None:
    await change_password(plane, actor, given.old.get_secret_value(), given.new.get_secret_value())


@router.get("/session/tokens", summary="List one's API tokens")
async def tokens(plane: ThePlane, actor: TheActor) -> list[TokenOut]:
    async with plane.looking(actor) as work:
        return [TokenOut.model_validate(token) for token in await list_tokens(work)]


@router.post("/session/tokens", status_code=201, summary="Make an API token; shown only now")
async def token_made(plane: ThePlane, actor: TheActor, given: TokenIn) -> NewTokenOut:
    async with plane.changing(actor) as work:
        token, secret = await create_token(
            work, given.name, scopes=given.scopes, expires_at=given.expires_at
        )
    return NewTokenOut(**TokenOut.model_validate(token).model_dump(), token=secret)


@router.delete("/session/tokens/{token_id}", status_code=204, summary="End an API token")
async def token_ended(plane: ThePlane, actor: TheActor, token_id: str) -> None:
    async with plane.changing(actor) as work:
        await delete_token(work, token_id)


@router.get("/permissions", summary="List what can be allowed")
async def permissions() -> dict[str, str]:
    return dict(PERMISSIONS)


@router.get("/users", summary="List users")
async def users(plane: ThePlane, actor: TheActor, wanted: TheWanted) -> PageOf[UserOut]:
    async with plane.looking(actor) as work:
        return PageOf[UserOut].model_validate(await list_users(work, wanted))


@router.post("/users", status_code=201, summary="Invite a user")
async def invited(plane: ThePlane, actor: TheActor, given: UserIn) -> InvitedOut:
    async with plane.changing(actor) as work:
        user, link = await invite_user(work, given.name, given.roles, email=given.email)
    return InvitedOut(user=UserOut.model_validate(user), link=link)


@router.get("/users/{name}", summary="Look at a user")
async def user(plane: ThePlane, actor: TheActor, name: str, response: Response) -> UserOut:
    async with plane.looking(actor) as work:
        found = await get_user(work, name)
    response.headers["ETag"] = f'"{found.version}"'
    return UserOut.model_validate(found)


@router.patch("/users/{name}", summary="Change a user")
async def user_changed(
    *,
    plane: ThePlane,
    actor: TheActor,
    name: str,
    given: UserChange,
    version: TheVersion,
    response: Response,
) -> UserOut:
    edit = UserEdit(email=given.email, roles=given.roles, enabled=given.enabled, version=version)
    async with plane.changing(actor) as work:
        found = await edit_user(work, name, edit)
    response.headers["ETag"] = f'"{found.version}"'
    return UserOut.model_validate(found)


@router.delete("/users/{name}", status_code=204, summary="Delete a user")
async def user_deleted(plane: ThePlane, actor: TheActor, name: str, version: TheVersion) -> None:
    async with plane.changing(actor) as work:
        await delete_user(work, name, version=version)


@router.post("/users/{name}/link", summary="Make a link to choose a new password")
async def link_made(plane: ThePlane, actor: TheActor, name: str) -> LinkOut:
    async with plane.changing(actor) as work:
        return LinkOut(link=await reset_password(work, name))


@router.get("/roles", summary="List roles")
async def roles(plane: ThePlane, actor: TheActor) -> list[RoleOut]:
    async with plane.looking(actor) as work:
        return [RoleOut.model_validate(role) for role in await list_roles(work)]


@router.put("/roles/{name}", summary="Make or change a role")
async def role_put(plane: ThePlane, actor: TheActor, name: str, given: RoleIn) -> RoleOut:
    policies = [
        Policy(permissions=p.permissions, names=p.names, labels=p.labels) for p in given.policies
    ]
    async with plane.changing(actor) as work:
        made = await put_role(work, name, policies, description=given.description)
    return RoleOut.model_validate(made)


@router.delete("/roles/{name}", status_code=204, summary="Delete a role")
async def role_deleted(plane: ThePlane, actor: TheActor, name: str) -> None:
    async with plane.changing(actor) as work:
        await delete_role(work, name)


def _seen(request: Request) -> dict[str, str]:
    address = request.client.host if request.client else ""
    return {"address": address, "agent": request.headers.get("user-agent", "")}


def _begun(session: Session, request: Request, response: Response) -> SessionOut:
    response.set_cookie(
        COOKIE,
        session.secret,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return _session(session.actor, session.csrf)


def _session(actor: Actor, csrf: str | None) -> SessionOut:
    allowed = tuple(permission for permission in PERMISSIONS if actor.may(permission))
    return SessionOut(user=actor.name, roles=actor.roles, permissions=allowed, csrf=csrf)
