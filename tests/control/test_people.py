"""People and programs: links, passwords, sessions, tokens, roles; and those who only try."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from control.planes import ADMIN, EDITOR, LAKE, VIEWER, plane_of
from standins.clocks import VirtualClock
from syncline.control.access import Actor, Policy
from syncline.control.paging import Wanted
from syncline.control.plane import Plane
from syncline.control.store.database import Store
from syncline.control.store.sessions import sessions
from syncline.control.store.users import users
from syncline.control.usecases.attempts import spend
from syncline.control.usecases.audit_log import list_audit
from syncline.control.usecases.connections import create_connection, get_connection
from syncline.control.usecases.signing_in import (
    IDLE,
    LONGEST,
    Session,
    accept_link,
    actor_of_session,
    actor_of_token,
    change_password,
    check_csrf,
    create_token,
    delete_token,
    first_link,
    list_tokens,
    sign_in,
    sign_out,
)
from syncline.control.usecases.users import (
    LINK_LIFE,
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
from syncline.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    Missing,
    NameTaken,
    TooManyAttempts,
    Unauthenticated,
)

PASSWORD = "correct horse battery"
OTHER = "staple of another kind"


@pytest.fixture
def plane(sqlite_store: Store) -> Plane:
    return plane_of(sqlite_store)


async def signed_in(plane: Plane) -> Session:
    link = await first_link(plane)
    assert link is not None
    return await accept_link(plane, link, PASSWORD)


async def wait(plane: Plane, seconds: float | timedelta) -> None:
    assert isinstance(plane.clock, VirtualClock)
    seconds = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    await plane.clock.run(plane.clock.now + seconds)


async def test_the_first_administrator_comes_by_a_link_that_works_once(store: Store) -> None:
    plane = plane_of(store)
    first = await first_link(plane)
    second = await first_link(plane)
    assert first
    assert second
    with pytest.raises(Unauthenticated, match="link has been used"):
        await accept_link(plane, first, PASSWORD)
    session = await accept_link(plane, second, PASSWORD)
    assert session.actor.name == "admin"
    assert session.actor.may("users.edit")
    assert await first_link(plane) is None
    with pytest.raises(Unauthenticated, match="link has been used"):
        await accept_link(plane, second, OTHER)
    again = await sign_in(plane, "ADMIN", PASSWORD)
    assert (await actor_of_session(plane, again.secret)).name == "admin"
    assert again.secret != session.secret


async def test_a_link_ends(plane: Plane) -> None:
    link = await first_link(plane)
    await wait(plane, LINK_LIFE)
    with pytest.raises(Unauthenticated):
        await accept_link(plane, link or "", PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "a" * 20, "x" * 1001, "my name is Admin ok"])
async def test_passwords_that_others_would_guess(plane: Plane, password: str) -> None:
    link = await first_link(plane)
    with pytest.raises(Invalid):
        await accept_link(plane, link or "", password)


async def test_sessions_end(plane: Plane) -> None:
    session = await signed_in(plane)
    await wait(plane, IDLE - timedelta(minutes=1))
    assert await actor_of_session(plane, session.secret)
    await wait(plane, IDLE - timedelta(minutes=1))
    assert await actor_of_session(plane, session.secret)
    await wait(plane, IDLE)
    with pytest.raises(Unauthenticated):
        await actor_of_session(plane, session.secret)

    session = await sign_in(plane, "admin", PASSWORD)
    for _ in range(int(LONGEST / timedelta(hours=11))):
        await wait(plane, timedelta(hours=11))
        await actor_of_session(plane, session.secret)
    await wait(plane, timedelta(hours=11))
    with pytest.raises(Unauthenticated):
        await actor_of_session(plane, session.secret)

    session = await sign_in(plane, "admin", PASSWORD)
    await sign_out(plane, session.secret)
    for secret in (session.secret, "", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            await actor_of_session(plane, secret)


async def test_a_new_password_ends_all_sessions(plane: Plane) -> None:
    session = await signed_in(plane)
    other = await sign_in(plane, "admin", PASSWORD)
    with pytest.raises(Unauthenticated, match="old password"):
        await change_password(plane, session.actor, OTHER, OTHER)
    await change_password(plane, session.actor, PASSWORD, OTHER)
    for old in (session, other):
        with pytest.raises(Unauthenticated):
            await actor_of_session(plane, old.secret)
    with pytest.raises(Unauthenticated):
        await sign_in(plane, "admin", PASSWORD)
    assert await sign_in(plane, "admin", OTHER)


async def test_nothing_that_lets_anyone_in_is_in_the_store(plane: Plane) -> None:
    session = await signed_in(plane)
    async with plane.changing(session.actor) as work:
        _, token = await create_token(work, "for a script")
        _, link = await invite_user(work, "ann", ["viewer"])
    found = ""
    async with plane.looking(ADMIN) as work:
        for table in ("users", "sessions", "tokens", "invitations", "audit"):
            found += repr((await work.connection.exec_driver_sql(f"SELECT * FROM {table}")).all())
    for secret in (session.secret, token, link, PASSWORD):
        assert secret not in found
        assert secret not in repr(session)


async def test_whoever_only_tries_is_slowed_down(plane: Plane) -> None:
    await signed_in(plane)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await sign_in(plane, "admin", "wrong password", address="10.0.0.1")
    with pytest.raises(TooManyAttempts) as refused:
        await sign_in(plane, "admin", PASSWORD, address="10.0.0.1")
    assert refused.value.retry_after == pytest.approx(60)
    # Who sits elsewhere is not locked out by that.
    assert await sign_in(plane, "admin", PASSWORD, address="10.0.0.2")
    await wait(plane, 61)
    assert await sign_in(plane, "admin", PASSWORD, address="10.0.0.1")


async def test_an_address_that_tries_many_names_is_slowed_down(store: Store) -> None:
    plane = plane_of(store)
    for number in range(30):
        await spend(plane, f"nobody{number}", "10.0.0.3")
    with pytest.raises(TooManyAttempts) as refused:
        await spend(plane, "another", "10.0.0.3")
    assert refused.value.retry_after == pytest.approx(10)
    await spend(plane, "another", "10.0.0.4")
    await wait(plane, 10)
    await spend(plane, "another", "10.0.0.3")


async def test_it_takes_equally_long_whether_there_is_such_a_user(plane: Plane) -> None:
    await signed_in(plane)

    async def took(name: str, address: str) -> float:
        begun = time.perf_counter()
        with pytest.raises(Unauthenticated) as refused:
            await sign_in(plane, name, "a wrong password", address=address)
        assert str(refused.value) == "user or password is wrong"
        return time.perf_counter() - begun

    there = min([await took("admin", f"10.0.1.{n}") for n in range(3)])
    not_there = min([await took("nobody", f"10.0.1.{n}") for n in range(3)])
    # Without the work of a hash it would be a hundredth.
    assert not_there > there / 4


async def test_requests_from_other_pages_are_refused(plane: Plane) -> None:
    session = await signed_in(plane)
    check_csrf(session.secret, session.csrf)
    for wrong in ("", session.secret, session.csrf[:-1], "ü"):
        with pytest.raises(Forbidden):
            check_csrf(session.secret, wrong)


async def test_tokens_do_what_their_scopes_say_until_they_end(plane: Plane) -> None:
    session = await signed_in(plane)
    async with plane.changing(session.actor) as work:
        ends = work.now + timedelta(days=1)
        made, secret = await create_token(work, "ci", scopes=["jobs.*"], expires_at=ends)
        _, whole = await create_token(work, "all")
        assert [t.name for t in await list_tokens(work)] == ["ci", "all"]
        for scopes, until in ((["fly"], None), (None, work.now)):
            with pytest.raises(Invalid):
                await create_token(work, "x", scopes=scopes, expires_at=until)
    assert secret.startswith(made.shown)
    actor = await actor_of_token(plane, secret)
    assert actor.via == "token ci"
    assert actor.may("jobs.edit")
    assert not actor.may("users.edit")
    assert (await actor_of_token(plane, whole)).may("users.edit")
    async with plane.changing(actor) as work:
        with pytest.raises(Forbidden):
            await create_token(work, "from a token")
    await wait(plane, timedelta(days=1))
    with pytest.raises(Unauthenticated):
        await actor_of_token(plane, secret)
    async with plane.changing(session.actor) as work:
        with pytest.raises(Missing):
            await delete_token(work, "unknown")
        for token in await list_tokens(work):
            await delete_token(work, token.id)
    with pytest.raises(Unauthenticated):
        await actor_of_token(plane, whole)


async def test_a_user_who_is_switched_off_is_out_at_once(plane: Plane) -> None:
    admin = (await signed_in(plane)).actor
    async with plane.changing(admin) as work:
        _, link = await invite_user(work, "ann", ["editor"], email="ann@example.com")
    ann = await accept_link(plane, link, PASSWORD)
    async with plane.changing(ann.actor) as work:
        _, token = await create_token(work, "script")
        assert (await get_user(work, "ann")).roles == ("editor",)
        with pytest.raises(Forbidden):
            await get_user(work, "admin")
    async with plane.changing(admin) as work:
        edited = await edit_user(work, "ann", UserEdit(enabled=False, version=1))
        assert not edited.enabled
        with pytest.raises(Conflict):
            await edit_user(work, "ann", UserEdit(enabled=True, version=1))
    for call in (
        actor_of_session(plane, ann.secret),
        actor_of_token(plane, token),
        sign_in(plane, "ann", PASSWORD),
    ):
        with pytest.raises(Unauthenticated):
            await call


async def test_roles_take_effect_at_once(plane: Plane) -> None:
    admin = (await signed_in(plane)).actor
    async with plane.changing(admin) as work:
        _, link = await invite_user(work, "ann", ["viewer"])
    ann = await accept_link(plane, link, PASSWORD)
    assert not ann.actor.may("jobs.edit")
    async with plane.changing(admin) as work:
        await put_role(work, "law", [Policy(permissions=("jobs.edit",), labels=("law",))])
        await edit_user(work, "ann", UserEdit(roles=("viewer", "law")))
    actor = await actor_of_session(plane, ann.secret)
    assert actor.may("jobs.edit", "any", ["law"])
    assert not actor.may("jobs.edit", "any", ["tax"])
    async with plane.changing(admin) as work:
        assert [r.name for r in await list_roles(work)][-1] == "law"
        with pytest.raises(InUse, match="ann has the role law"):
            await delete_role(work, "law")
        await edit_user(work, "ann", UserEdit(roles=("viewer",)))
        await delete_role(work, "law")
        for wrong in ("admin", "Viewer"):
            with pytest.raises(NameTaken):
                await put_role(work, wrong, [])
        with pytest.raises(Invalid, match="no permission"):
            await put_role(work, "x", [Policy(permissions=("fly",))])
        with pytest.raises(Invalid, match="no role 'law'"):
            await invite_user(work, "bob", ["law"])


async def test_nobody_gives_what_they_do_not_have(plane: Plane) -> None:
    admin = (await signed_in(plane)).actor
    chief = Actor(name="chief", via="web", policies=(
        Policy(permissions=("users.*", "jobs.view")),))  # fmt: skip
    async with plane.changing(admin) as work:
        await put_role(work, "onlooker", [Policy(permissions=("jobs.view",))])
    async with plane.changing(chief) as work:
        await invite_user(work, "ann", ["onlooker"])
        for call in (
            invite_user(work, "bob", ["admin"]),
            edit_user(work, "ann", UserEdit(roles=("editor",))),
            edit_user(work, "admin", UserEdit(enabled=False)),
            reset_password(work, "admin"),
            delete_user(work, "admin"),
            put_role(work, "mine", [Policy(permissions=("*",))]),
        ):
            with pytest.raises(Forbidden):
                await call


async def test_somebody_is_left_to_administer(plane: Plane) -> None:
    admin = (await signed_in(plane)).actor
    off, viewer = UserEdit(enabled=False), UserEdit(roles=("viewer",))

    async def change(edit: UserEdit | None) -> None:
        async with plane.changing(admin) as work:
            if edit is None:
                await delete_user(work, "admin")
            else:
                await edit_user(work, "admin", edit)

    for edit in (off, viewer, None):
        with pytest.raises(InUse, match="nobody would be left"):
            await change(edit)
    async with plane.changing(admin) as work:
        await invite_user(work, "ann", ["admin"])
        await delete_user(work, "admin")
        assert await work.connection.scalar(select(func.count()).select_from(sessions)) == 0
        assert [u.name for u in (await list_users(work)).items] == ["ann"]


async def test_who_may_see_users_and_the_audit_log(plane: Plane) -> None:
    await signed_in(plane)
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "lake", LAKE)
        for call in (list_users(work), list_roles(work), list_audit(work),
                     invite_user(work, "ann", ["viewer"])):  # fmt: skip
            with pytest.raises(Forbidden):
                await call
    async with plane.looking(VIEWER) as work:
        assert await get_connection(work, "lake")
    async with plane.looking(ADMIN) as work:
        page = await list_audit(work, Wanted(search="lake"))
        assert [(e.actor, e.action, e.changes["type"]) for e in page.items] == [
            ("editor", "connections.create", (None, "duckdb"))
        ]
        assert (await list_audit(work, kind="user")).total == 2
        assert (await list_audit(work, actor="nobody")).total == 0


async def test_names_of_users_are_unique_and_plain(plane: Plane) -> None:
    admin = (await signed_in(plane)).actor
    async with plane.changing(admin) as work:
        with pytest.raises(NameTaken):
            await invite_user(work, "Admin", ["viewer"])
        for name, email in (("a b", ""), ("ann", "no address"), ("<script>", "")):
            with pytest.raises(Invalid):
                await invite_user(work, name, ["viewer"], email=email)
        await work.connection.execute(
            insert(users).values(id="x", name="bob", folded="bob", created_at=work.now)
        )
        assert (await list_users(work, Wanted(order="-name"))).items[0].name == "bob"
