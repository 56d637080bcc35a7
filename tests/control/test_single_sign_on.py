"""Signing in at an OpenID provider: what is believed, who that is here, with which roles."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from control.planes import ADMIN, plane_of
from standins.clocks import SkippingClock
from standins.openid import CLIENT, SECRET, Identities, identifying, new_key
from syncline.control.openid import OpenIdSettings, Provider, groups_in, openid_of
from syncline.control.plane import Plane
from syncline.control.store.database import Store
from syncline.control.usecases.audit_log import list_audit
from syncline.control.usecases.signing_in import (
    Session,
    accept_link,
    actor_of_session,
    first_link,
)
from syncline.control.usecases.single_sign_on import begin_sign_on, finish_sign_on
from syncline.control.usecases.users import UserEdit, edit_user, get_user, invite_user
from syncline.errors import Forbidden, PropertyError, Unauthenticated, Unavailable
from syncline.web.door import coming_back, door, signing_on

BACK = "https://here.example/sign-in/callback"
PASSWORD = "correct horse battery"


@pytest.fixture
async def identities() -> AsyncIterator[Identities]:
    async with identifying() as known:
        yield known


@pytest.fixture
def plane(sqlite_store: Store) -> Plane:
    return Plane(store=sqlite_store, vault=plane_of(sqlite_store).vault, clock=SkippingClock())


@pytest.fixture
def provider(identities: Identities, plane: Plane) -> Provider:
    settings = OpenIdSettings(
        issuer=identities.url,
        client_id=CLIENT,
        client_secret=SECRET,
        roles=(("chiefs", "admin"), ("people", "editor"), ("all", "viewer")),
        default_role="viewer",
    )
    return Provider(settings, plane.clock)


def changed(provider: Provider, plane: Plane, **settings: Any) -> Provider:
    return Provider(replace(provider.settings, **settings), plane.clock)


async def agreed(url: str) -> str:
    """Agree at the provider; return the query with which the browser comes back."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(url)
    assert answer.status_code == 302
    return urlsplit(answer.headers["location"]).query


async def entered(plane: Plane, provider: Provider) -> Session:
    begun = await begin_sign_on(plane, provider, BACK, "/jobs")
    session, onward = await finish_sign_on(
        plane, provider, begun.sealed, await agreed(begun.url), address="10.0.0.1"
    )
    assert onward == "/jobs"
    return session


async def test_a_new_person_comes_in(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    identities.person = {
        "sub": "4711", "preferred_username": "ann", "email": "ann@example.com",
        "email_verified": True, "groups": ["people", "others"],
    }  # fmt: skip
    session = await entered(plane, provider)
    assert (session.actor.name, session.actor.roles) == ("ann", ("editor",))
    assert (await actor_of_session(plane, session.secret)).name == "ann"
    # The next time it is the same one, whatever the name is then; roles are those of now.
    identities.person |= {"preferred_username": "anna", "groups": ["all"]}
    again = await entered(plane, provider)
    assert (again.actor.name, again.actor.roles) == ("ann", ("viewer",))
    assert again.secret != session.secret
    async with plane.looking(ADMIN) as work:
        found = await get_user(work, "ann")
        assert (found.email, found.active) == ("ann@example.com", True)
        actions = [entry.action for entry in (await list_audit(work, kind="user")).items]
        assert actions == ["users.roles", "users.create"]
    assert identities.counts == {"configuration": 1, "keys": 1}
    (first, _) = identities.asked
    assert first["redirect_uri"] == BACK


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("nonce", lambda c: c.update(nonce="another")),
        ("no nonce", lambda c: c.pop("nonce")),
        ("issuer", lambda c: c.update(iss="https://evil.example")),
        ("audience", lambda c: c.update(aud="another")),
        ("audiences", lambda c: c.update(aud=[CLIENT, "another"])),
        ("authorized party", lambda c: c.update(aud=[CLIENT, "another"], azp="another")),
        ("expired", lambda c: c.update(exp=c["iat"] - 61, iat=c["iat"] - 400)),
        ("no expiry", lambda c: c.pop("exp")),
        ("from the future", lambda c: c.update(iat=c["iat"] + 4000, exp=c["exp"] + 4000)),
        ("not yet", lambda c: c.update(nbf=c["iat"] + 4000)),
        ("nobody", lambda c: c.pop("sub")),
        ("empty", lambda c: c.update(sub="")),
        ("number", lambda c: c.update(sub=1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_claims_that_are_not_believed(
    plane: Plane, provider: Provider, identities: Identities, name: str, lie: Any
) -> None:
    identities.lie = lie
    with pytest.raises(Unauthenticated):
        await entered(plane, provider)


async def test_signatures_that_are_not_believed(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    def cut(claims: dict[str, Any]) -> str:
        head, body, signature = identities.signed(claims).split(".")
        return f"{head}.{body}.{signature[:-4]}AAAA"

    def changed_after(claims: dict[str, Any]) -> str:
        head, _, signature = identities.signed(claims).split(".")
        return f"{head}.{identities.signed({**claims, 'sub': '2'}).split('.')[1]}.{signature}"

    for forge in (
        identities.unsigned,
        identities.signed_with_what_is_public,
        cut,
        changed_after,
        lambda _: "not.a.token",
        lambda _: "",
    ):
        identities.forge = forge
        with pytest.raises(Unauthenticated):
            await entered(plane, provider)
    # Somebody else's key, under the name of the right one.
    identities.forge = None
    identities.published = [new_key("one").as_dict(private=False)]
    with pytest.raises(Unauthenticated):
        await entered(plane, Provider(provider.settings, plane.clock))
    # A shared secret among the keys is none of them.
    identities.published = [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]
    with pytest.raises((Unauthenticated, Unavailable)):
        await entered(plane, Provider(provider.settings, plane.clock))


async def test_a_provider_changes_its_keys(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    await entered(plane, provider)
    identities.key = new_key("two")
    assert isinstance(plane.clock, SkippingClock)
    await plane.clock.sleep(11)
    identities.ahead = 11
    await entered(plane, provider)
    assert identities.counts["keys"] == 2


async def test_answers_that_belong_elsewhere(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    begun = await begin_sign_on(plane, provider, BACK, "/")
    query = await agreed(begun.url)
    code = parse_qs(query)["code"][0]
    state = parse_qs(query)["state"][0]
    another = await begin_sign_on(plane, provider, BACK, "/")
    for sealed, answer in (
        # Login CSRF: a browser that has not begun this.
        ("", query),
        (another.sealed, query),
        (f"{begun.sealed[:-4]}AAAA", query),
        (begun.sealed, f"code={code}&state=x"),
        (begun.sealed, f"code={code}"),
        (begun.sealed, f"state={state}"),
        (begun.sealed, f"{query}&iss=https%3A%2F%2Fevil.example"),
        (begun.sealed, f"code=another&state={state}"),
    ):
        with pytest.raises(Unauthenticated):
            await finish_sign_on(plane, provider, sealed, answer)
    assert (await finish_sign_on(plane, provider, begun.sealed, query))[0].actor
    # A code is used once, and so is the way to it.
    with pytest.raises(Unauthenticated):
        await finish_sign_on(plane, provider, begun.sealed, query)
    late = await begin_sign_on(plane, provider, BACK, "/")
    query = await agreed(late.url)
    await plane.clock.sleep(601)
    with pytest.raises(Unauthenticated, match="last 10 minutes"):
        await finish_sign_on(plane, provider, late.sealed, query)


async def test_who_was_here_before(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    async with plane.changing(ADMIN) as work:
        await invite_user(work, "admin", ["admin"])
        _, link = await invite_user(work, "Bob", ["operator"], email="Bob@example.com")
    await accept_link(plane, link, PASSWORD)
    identities.person = {
        "sub": "1", "preferred_username": "bob", "email": "bob@example.com",
        "email_verified": True, "groups": ["chiefs"],
    }  # fmt: skip
    # Not the same, unless an administrator says so: the name is somebody's, and gets a number.
    assert (await entered(plane, provider)).actor.name == "bob-2"
    linking = changed(provider, plane, link_by_email=True)
    # Whoever is known stays who they are.
    assert (await entered(plane, linking)).actor.name == "bob-2"
    identities.person |= {"sub": "2", "email_verified": False}
    assert (await entered(plane, linking)).actor.name == "bob-3"
    identities.person |= {"sub": "3", "email_verified": "true"}
    assert (await entered(plane, linking)).actor.name == "bob-4"
    identities.person |= {"sub": "4", "email_verified": True}
    async with plane.changing(ADMIN) as work:
        # bob-2 brought the same verified address, but is somebody's already.
        assert (await get_user(work, "bob-2")).email == "bob@example.com"
    session = await entered(plane, linking)
    # With a password here, the roles are those that were given here.
    assert (session.actor.name, session.actor.roles) == ("Bob", ("operator",))
    async with plane.changing(ADMIN) as work:
        await edit_user(work, "Bob", UserEdit(enabled=False))
    with pytest.raises(Unauthenticated, match="switched off"):
        await entered(plane, linking)


async def test_roles(plane: Plane, provider: Provider, identities: Identities) -> None:
    strict = changed(provider, plane, default_role="")
    with pytest.raises(Forbidden, match="no role"):
        await entered(plane, strict)
    identities.person = {"sub": "1", "groups": ["chiefs", "all"], "preferred_username": "admin"}
    session = await entered(plane, strict)
    # The name of the first administrator is not given away.
    assert (session.actor.name, session.actor.roles) == ("admin-2", ("admin", "viewer"))
    # The last administrator stays one.
    identities.person["groups"] = ["all"]
    assert (await entered(plane, strict)).actor.roles == ("admin", "viewer")
    identities.person["groups"] = []
    with pytest.raises(Forbidden):
        await entered(plane, strict)
    nested = changed(provider, plane, roles_claim="realm_access.roles")
    identities.person |= {"sub": "2", "realm_access": {"roles": ["people"]}}
    assert (await entered(plane, nested)).actor.roles == ("editor",)
    claims = {"a.b": ["x"], "one": "y", "odd": [1, None, "z"], "deep": {"er": {"x": 1}}}
    assert groups_in(claims, "a.b") == {"x"}
    assert groups_in(claims, "one") == {"y"}
    assert groups_in(claims, "odd") == {"z"}
    for nothing in ("none", "one.two", "deep.er", "deep.er.x"):
        assert groups_in(claims, nothing) == frozenset()


async def test_the_first_administrator_stays_local(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    assert await first_link(plane)
    await entered(plane, provider)
    # Somebody is in, but nobody could administer.
    link = await first_link(plane)
    assert link is not None
    admin = await accept_link(plane, link, PASSWORD)
    assert (admin.actor.name, admin.actor.roles) == ("admin", ("admin",))
    assert await first_link(plane) is None


async def test_a_provider_that_is_away_or_lies_about_itself(
    plane: Plane, provider: Provider, identities: Identities
) -> None:
    for document in (
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": None},
    ):
        identities.document = document
        with pytest.raises((Unavailable, PropertyError)):
            await begin_sign_on(plane, Provider(provider.settings, plane.clock), BACK, "/")
    identities.document = {}
    identities.error = "access_denied"
    with pytest.raises(Unauthenticated, match="did not let you in"):
        await entered(plane, provider)
    away = changed(provider, plane, issuer="http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        await begin_sign_on(plane, away, BACK, "/")
    wrong = changed(provider, plane, client_secret="another")
    identities.error = ""
    with pytest.raises(Unauthenticated, match="invalid_client"):
        await entered(plane, wrong)


def test_settings() -> None:
    assert openid_of({}) is None
    given = {
        "SYNCLINE_OIDC_ISSUER": "https://id.example.com/realms/a",
        "SYNCLINE_OIDC_CLIENT_ID": "syncline",
        "SYNCLINE_OIDC_CLIENT_SECRET": "never to be seen",
        "SYNCLINE_OIDC_ROLES": "cn=chiefs = admin, people=editor",
        "SYNCLINE_OIDC_LINK_BY_EMAIL": "true",
    }
    settings = openid_of(given)
    assert settings is not None
    assert settings.roles == (("cn=chiefs", "admin"), ("people", "editor"))
    assert settings.link_by_email
    assert "never to be seen" not in repr(settings)
    for name, value in (
        ("ISSUER", "http://id.example.com"),
        ("ISSUER", "id.example.com"),
        ("ISSUER", "https://["),
        ("CLIENT_ID", ""),
        ("ROLES", "chiefs"),
        ("ROLES", "=admin"),
    ):
        with pytest.raises(PropertyError):
            openid_of({**given, f"SYNCLINE_OIDC_{name}": value})


async def test_in_the_browser(plane: Plane, provider: Provider, identities: Identities) -> None:
    app = FastAPI()
    app.include_router(door(plane, "/style.css", "Our <Company>"))
    app.include_router(signing_on(plane, "/style.css", provider))
    app.include_router(coming_back(plane, "/style.css"))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="https://here.example") as client:
        page = await client.get("/sign-in?next=/jobs")
        assert "Sign in with Our &lt;Company&gt;" in page.text
        assert "/sign-in/elsewhere?next=/jobs" in page.text
        begun = await client.get("/sign-in/elsewhere?next=/jobs")
        assert begun.status_code == 303
        cookie = begun.headers["set-cookie"].lower()
        assert all(word in cookie for word in ("httponly", "samesite=lax", "secure"))
        query = await agreed(begun.headers["location"])
        # Fixation: a session that somebody has put into the browser is not the one that begins.
        client.cookies.set("syncline_session", "put there by somebody")
        entered = await client.get(f"/sign-in/callback?{query}")
        assert (entered.status_code, entered.headers["location"]) == (303, "/jobs")
        session = entered.cookies["syncline_session"]
        assert session != "put there by somebody"
        assert (await actor_of_session(plane, session)).roles == ("viewer",)
        # Where people are sent is one of our own pages.
        away = await client.get("/sign-in/elsewhere?next=//evil.example")
        assert "evil" not in plane.vault.open(unquote(away.cookies["syncline_attempt"]))
        client.cookies.clear()
        stranger = await client.get(f"/sign-in/callback?{query}")
        assert stranger.status_code == 401
        assert 'role="alert"' in stranger.text
        assert 'href="/sign-in"' in stranger.text
        assert "/style.css" in stranger.text
        # The way back from an API looks the same.
        lost = await client.get("/oauth/callback?state=%3Cscript%3E&code=x")
        assert lost.status_code == 401
        assert "/style.css" in lost.text
        assert "<script>alert" not in lost.text
        assert 'href="/connections"' in lost.text
