"""A person lets Syncline into an API: in a browser, once, and only who has begun."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from control.planes import ADMIN, EDITOR, VIEWER
from standins.clocks import SkippingClock
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec
from syncline.control.store.database import Store
from syncline.control.usecases.authorizing import (
    begin_sign_in,
    finish_sign_in,
    give_back,
    remove_connection,
    signs_in,
)
from syncline.control.usecases.connections import create_connection, get_connection
from syncline.control.usecases.looking import check_connection
from syncline.control.vault import vault_of
from syncline.errors import CredentialError, Forbidden, Invalid, Missing, ProjectError
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import Sandbox, running

CALLBACK = "http://127.0.0.1:33333/callback"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(Options(rows=20, rate_limit=0)) as sandbox:
        yield sandbox


@pytest.fixture
async def plane(sqlite_store: Store, sandbox: Sandbox) -> Plane:
    made = Plane(
        store=sqlite_store,
        vault=vault_of(["a key for tests that is long enough"]),
        clock=SkippingClock(),
    )
    spec = ConnectionSpec(
        type="api",
        properties={
            "Profile": "clio",
            "ProfileSettings": {"BaseURL": sandbox.url},
            "OAuthClientId": DEFAULT_CLIENT,
            "OAuthClientSecret": DEFAULT_SECRET,
        },
    )
    async with made.changing(EDITOR) as work:
        await create_connection(work, "clio", spec)
        await create_connection(
            work, "lake", ConnectionSpec(type="duckdb", properties={"Database": "l.duckdb"})
        )
        time = ConnectionSpec(
            type="api", properties={"Profile": "clicktime", "ProfileSettings": {"APIKey": "k"}}
        )
        await create_connection(work, "time", time)
    return made


async def agreed(url: str) -> str:
    """Agree as a person does in a browser; return where the browser is sent to."""
    async with aiohttp.ClientSession() as session:
        form = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        form["decision"] = "allow"
        place = url.partition("?")[0]
        async with session.post(place, data=form, allow_redirects=False) as answer:
            assert answer.status in {302, 303}, await answer.text()
            return answer.headers["Location"]


async def test_a_sign_in_from_its_beginning_to_its_end(plane: Plane) -> None:
    async with plane.looking(VIEWER) as work:
        assert await signs_in(work, "clio")
        assert not await signs_in(work, "time")
        assert not await signs_in(work, "lake")
    begun = await begin_sign_in(plane, EDITOR, "clio")
    asked = parse_qs(urlsplit(begun.url).query)
    assert asked["redirect_uri"] == [CALLBACK]
    answer = await agreed(begun.url)
    assert answer.startswith(CALLBACK)
    # Nobody else can finish it, nor anybody twice.
    with pytest.raises(CredentialError, match="no sign-in that you have begun"):
        await finish_sign_in(plane, ADMIN, answer)
    found = await finish_sign_in(plane, EDITOR, answer)
    assert found.signed_in
    with pytest.raises(CredentialError, match="no sign-in that you have begun"):
        await finish_sign_in(plane, EDITOR, answer)
    tested = await check_connection(plane, EDITOR, "clio")
    assert tested.ok, tested


async def test_the_code_alone_will_do_where_there_is_no_browser(plane: Plane) -> None:
    begun = await begin_sign_in(plane, EDITOR, "clio", redirect_uri=CALLBACK)
    code = parse_qs(urlsplit(await agreed(begun.url)).query)["code"][0]
    with pytest.raises(CredentialError):
        await finish_sign_in(plane, EDITOR, code)
    assert (await finish_sign_in(plane, EDITOR, code, state=begun.state)).signed_in


async def test_tokens_are_given_back(plane: Plane) -> None:
    begun = await begin_sign_in(plane, EDITOR, "clio")
    await finish_sign_in(plane, EDITOR, await agreed(begun.url))
    assert not (await give_back(plane, EDITOR, "clio")).signed_in
    with pytest.raises(Invalid, match="nobody has signed in"):
        await give_back(plane, EDITOR, "clio")
    begun = await begin_sign_in(plane, EDITOR, "clio")
    await finish_sign_in(plane, EDITOR, await agreed(begun.url))
    await remove_connection(plane, EDITOR, "clio")
    async with plane.looking(VIEWER) as work:
        with pytest.raises(Missing):
            await get_connection(work, "clio")


async def test_what_cannot_be(plane: Plane) -> None:
    with pytest.raises(Forbidden):
        await begin_sign_in(plane, VIEWER, "clio")
    for name in ("time", "lake"):
        with pytest.raises((Invalid, ProjectError), match=r"with a browser|database"):
            await begin_sign_in(plane, EDITOR, name)
    with pytest.raises(Invalid, match="no address that a browser"):
        await begin_sign_in(plane, EDITOR, "clio", redirect_uri="javascript:alert(1)")
    begun = await begin_sign_in(plane, EDITOR, "clio")
    refused = f"{CALLBACK}?error=access_denied&state={begun.state}"
    with pytest.raises(CredentialError, match="did not give its consent"):
        await finish_sign_in(plane, EDITOR, refused)
    begun = await begin_sign_in(plane, EDITOR, "clio")
    answer = await agreed(begun.url)
    assert isinstance(plane.clock, SkippingClock)
    await plane.clock.sleep(601)
    with pytest.raises(CredentialError, match="last 10 minutes"):
        await finish_sign_in(plane, EDITOR, answer)
