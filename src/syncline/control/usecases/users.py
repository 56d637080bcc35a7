"""Users and roles: invited, given roles, switched off, deleted; roles of one's own as data."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, func, insert, select, update

from syncline.control.access import LIMITED, PERMISSIONS, ROLES, Actor, Policy
from syncline.control.differences import differences
from syncline.control.paging import Page, Wanted, counted, ordered, page_bounds, searched
from syncline.control.passwords import digest, new_secret
from syncline.control.plane import Work
from syncline.control.store.sessions import sessions
from syncline.control.store.users import invitations, roles, user_roles, users
from syncline.control.usecases.connections import checked_name, refuse_old
from syncline.errors import Conflict, Forbidden, InUse, Invalid, Missing, NameTaken

#: A one-time link can be used for so long.
LINK_LIFE = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may sign in."""

    id: str
    name: str
    email: str
    roles: tuple[str, ...]
    enabled: bool
    #: Has chosen a password.
    active: bool
    created_at: datetime
    signed_in_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEdit:
    """What a user is to be; None: stays as it is."""

    email: str | None = None
    roles: tuple[str, ...] | None = None
    enabled: bool | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Policies under a name."""

    name: str
    description: str
    policies: tuple[Policy, ...]
    #: Part of Syncline: cannot be changed.
    fixed: bool


async def invite_user(
    work: Work, name: str, given: Sequence[str], *, email: str = ""
) -> tuple[User, str]:
    """Add a user; return the user and the secret of a one-time link to choose a password.

    Needs users.edit, and every permission that the roles give. Raises `NameTaken`, `Invalid`.
    """
    work.actor.require("users.edit")
    checked_name(name)
    if await _row(work, name) is not None:
        raise NameTaken(f"there is a user {name!r} already", hint="choose another name")
    await _may_give(work, given)
    row = {
        "id": work.new_id(),
        "name": name,
        "folded": name.lower(),
        "email": _email(email),
        "enabled": True,
        "version": 1,
        "created_at": work.now,
    }
    await work.connection.execute(insert(users).values(row))
    await _put_roles(work, str(row["id"]), given)
    made = await get_user(work, name)
    await work.record("users.invite", "user", name, differences({}, _facts(made)))
    return made, await new_link(work, made.id)


async def list_users(work: Work, wanted: Wanted | None = None) -> Page[User]:
    """Return a page of the users. Needs users.view. Order by name, email, signed_in_at."""
    work.actor.require("users.view")
    wanted = wanted or Wanted()
    offset, limit = page_bounds(wanted)
    c = users.c
    query = select(users).where(searched(wanted.search, c.name, c.email))
    total = await counted(work.connection, query)
    columns = {"name": c.folded, "email": c.email, "signed_in_at": c.signed_in_at}
    query = query.order_by(*ordered(wanted, columns)).offset(offset).limit(limit)
    rows = (await work.connection.execute(query)).mappings().all()
    given = await _roles_of(work, [row["id"] for row in rows])
    items = tuple(_user(row, given.get(row["id"], ())) for row in rows)
    return Page(items=items, total=total, offset=offset, limit=limit)


async def get_user(work: Work, name: str) -> User:
    """Return one user; oneself without users.view. Raises `Missing`."""
    row = await _row(work, name)
    if row is None or row["id"] != work.actor.user_id:
        work.actor.require("users.view")
    if row is None:
        raise Missing(f"there is no user {name!r}", hint="see the list of users")
    given = await _roles_of(work, [row["id"]])
    return _user(row, given.get(row["id"], ()))


async def edit_user(work: Work, name: str, edit: UserEdit) -> User:
    """Change a user; ends the sessions of one that is switched off. Needs users.edit.

    Raises `Conflict`, and `InUse` rather than leave nobody who administers.
    """
    work.actor.require("users.edit")
    before = await get_user(work, name)
    if edit.version is not None and edit.version != before.version:
        yours = {k: v for k, v in asdict(edit).items() if v is not None and k != "version"}
        differ = differences({k: _facts(before)[k] for k in yours}, yours)
        raise Conflict(
            f"somebody has changed the user {name} meanwhile",
            hint="look at the differences, and save again on top of the newest version",
            differences=tuple((place, *pair) for place, pair in differ.items()),
        )
    await _may_give(work, before.roles)
    if edit.roles is not None:
        await _may_give(work, edit.roles)
        await _put_roles(work, before.id, edit.roles)
    enabled = before.enabled if edit.enabled is None else edit.enabled
    values = {
        "email": before.email if edit.email is None else _email(edit.email),
        "enabled": enabled,
        "version": before.version + 1,
    }
    await work.connection.execute(update(users).where(users.c.id == before.id).values(values))
    if not enabled:
        await work.connection.execute(delete(sessions).where(sessions.c.user_id == before.id))
    await _keep_an_administrator(work)
    after = await get_user(work, name)
    await work.record("users.edit", "user", name, differences(_facts(before), _facts(after)))
    return after


async def delete_user(work: Work, name: str, *, version: int | None = None) -> None:
    """Delete a user with sessions and tokens. Needs users.edit.

    Raises `InUse` for the last administrator, `Conflict` if ``version`` is not the newest.
    """
    work.actor.require("users.edit")
    found = await get_user(work, name)
    refuse_old(f"the user {name}", found.version, version)
    await _may_give(work, found.roles)
    await work.connection.execute(delete(users).where(users.c.id == found.id))
    await _keep_an_administrator(work)
    await work.record("users.delete", "user", name, differences(_facts(found), {}))


async def reset_password(work: Work, name: str) -> str:
    """Return the secret of a one-time link to choose a new password; the old one stays until then.

    Needs users.edit.
    """
    work.actor.require("users.edit")
    found = await get_user(work, name)
    await _may_give(work, found.roles)
    await work.record("users.reset", "user", name, {})
    return await new_link(work, found.id)


async def new_link(work: Work, user_id: str) -> str:
    """Return the secret of a one-time link for a user; earlier ones end."""
    c = invitations.c
    await work.connection.execute(delete(invitations).where(c.user_id == user_id))
    secret = new_secret()
    await work.connection.execute(
        insert(invitations).values(
            digest=digest(secret), user_id=user_id, expires_at=work.now + LINK_LIFE
        )
    )
    return secret


async def list_roles(work: Work) -> tuple[Role, ...]:
    """Return every role. Needs users.view."""
    work.actor.require("users.view")
    fixed = [
        Role(name=name, description="", policies=policies, fixed=True)
        for name, policies in ROLES.items()
    ]
    found = (await work.connection.execute(select(roles).order_by(roles.c.name))).mappings()
    return (*fixed, *(_role(row) for row in found))


async def put_role(
    work: Work, name: str, policies: Sequence[Policy], *, description: str = ""
) -> Role:
    """Make or change a role of one's own. Needs users.edit, and every permission it gives."""
    work.actor.require("users.edit")
    checked_name(name)
    if name.lower() in ROLES:
        raise NameTaken(f"the role {name} is part of Syncline", hint="choose another name")
    for policy in policies:
        for pattern in policy.permissions:
            only = Policy(permissions=(pattern,))
            if not any(only.allows(permission) for permission in PERMISSIONS):
                raise Invalid(
                    f"there is no permission {pattern!r}", hint=f"known: {', '.join(PERMISSIONS)}"
                )
    _may_give_policies(work.actor, policies)
    query = select(roles).where(roles.c.name == name)
    row = (await work.connection.execute(query)).mappings().one_or_none()
    before = _described(_role(row)) if row is not None else {}
    if row is not None:
        _may_give_policies(work.actor, _role(row).policies)
        await work.connection.execute(delete(roles).where(roles.c.name == name))
    made = Role(name=name, description=description, policies=tuple(policies), fixed=False)
    await work.connection.execute(
        insert(roles).values(name=name, description=description, **_policies(made))
    )
    await work.record("users.role", "role", name, differences(before, _described(made)))
    return made


async def delete_role(work: Work, name: str) -> None:
    """Delete a role that nobody has. Needs users.edit. Raises `InUse`, `Missing`."""
    work.actor.require("users.edit")
    if name in ROLES:
        raise InUse(f"the role {name} is part of Syncline", hint="take it from users instead")
    c = user_roles.c
    having = await work.connection.scalars(
        select(users.c.name).join(user_roles, c.user_id == users.c.id).where(c.role == name)
    )
    if names := having.all():
        raise InUse(f"{', '.join(names)} has the role {name}", hint="take it from them first")
    query = select(roles).where(roles.c.name == name)
    row = (await work.connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise Missing(f"there is no role {name!r}", hint="see the list of roles")
    await work.connection.execute(delete(roles).where(roles.c.name == name))
    await work.record("users.role", "role", name, differences(_described(_role(row)), {}))


async def policies_of(work: Work, names: Sequence[str]) -> tuple[Policy, ...]:
    """Return what roles allow together; roles that are gone allow nothing."""
    own = [name for name in names if name not in ROLES]
    found: list[Policy] = [policy for name in names for policy in ROLES.get(name, ())]
    if own:
        query = select(roles).where(roles.c.name.in_(own))
        for row in (await work.connection.execute(query)).mappings():
            found.extend(_role(row).policies)
    return tuple(found)


async def roles_of(work: Work, user_id: str) -> tuple[str, ...]:
    """Return the names of a user's roles."""
    return (await _roles_of(work, [user_id])).get(user_id, ())


async def give_roles(work: Work, user_id: str, names: Sequence[str]) -> None:
    """Give a user these roles and no others. Raises `InUse` rather than take the last admin's.

    No permission is asked for: whoever calls this knows who says so.
    """
    before = await roles_of(work, user_id)
    await _put_roles(work, user_id, names)
    if "admin" in before:
        await _keep_an_administrator(work)


async def _may_give(work: Work, names: Sequence[str]) -> None:
    known = {role.name for role in await list_roles(work)}
    for name in names:
        if name not in known:
            raise Invalid(f"there is no role {name!r}", hint=f"known: {', '.join(sorted(known))}")
    _may_give_policies(work.actor, await policies_of(work, names))


def _may_give_policies(actor: Actor, policies: Sequence[Policy]) -> None:
    """Nobody gives, takes or changes what they do not have themselves."""
    for policy in policies:
        for permission in PERMISSIONS:
            if not policy.allows(permission):
                continue
            limits = actor.limits(permission)
            if limits is None or (policy in limits and permission in LIMITED):
                continue
            raise Forbidden(
                f"{actor.name} does not have the permission {permission}, and so cannot give it",
                hint="ask an administrator",
            )


async def _keep_an_administrator(work: Work) -> None:
    query = (
        select(func.count())
        .select_from(users.join(user_roles, user_roles.c.user_id == users.c.id))
        .where(users.c.enabled, user_roles.c.role == "admin")
    )
    if not await work.connection.scalar(query):
        raise InUse(
            "nobody would be left to administer", hint="give another user the role admin first"
        )


def _email(text: str) -> str:
    if text and (text.count("@") != 1 or any(c.isspace() for c in text)):
        raise Invalid(f"{text!r} is not an e-mail address", hint="write name@example.com")
    return text


async def _row(work: Work, name: str) -> RowMapping | None:
    query = select(users).where(users.c.folded == name.lower())
    return (await work.connection.execute(query)).mappings().one_or_none()


async def _put_roles(work: Work, user_id: str, names: Sequence[str]) -> None:
    await work.connection.execute(delete(user_roles).where(user_roles.c.user_id == user_id))
    if names:
        rows = [{"user_id": user_id, "role": name} for name in sorted(set(names))]
        await work.connection.execute(insert(user_roles), rows)


async def _roles_of(work: Work, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    c = user_roles.c
    query = select(c.user_id, c.role).where(c.user_id.in_(ids)).order_by(c.role)
    found: dict[str, tuple[str, ...]] = {}
    for user_id, role in (await work.connection.execute(query)).all():
        found[user_id] = (*found.get(user_id, ()), role)
    return found


def _facts(found: User) -> dict[str, object]:
    return {"email": found.email, "roles": list(found.roles), "enabled": found.enabled}


def _policies(role: Role) -> dict[str, object]:
    return {"policies": [asdict(policy) for policy in role.policies]}


def _described(role: Role) -> dict[str, object]:
    more = {"description": role.description} if role.description else {}
    return {**_policies(role), **more}


def _role(row: RowMapping) -> Role:
    policies = tuple(
        Policy(**{key: tuple(value) for key, value in policy.items()}) for policy in row["policies"]
    )
    return Role(name=row["name"], description=row["description"], policies=policies, fixed=False)


def _user(row: RowMapping, given: tuple[str, ...]) -> User:
    return User(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        roles=given,
        enabled=row["enabled"],
        active=row["password"] is not None or row["subject"] is not None,
        created_at=row["created_at"],
        signed_in_at=row["signed_in_at"],
        version=row["version"],
    )
