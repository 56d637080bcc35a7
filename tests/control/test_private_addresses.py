"""People who may edit connections cannot make the server ask what only it can reach."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from control.calling import calling
from control.planes import EDITOR, plane_of
from control.test_authorizing import agreed
from standins.clocks import SkippingClock
from syncline.cli.sample import sampled
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec
from syncline.control.store.database import Store
from syncline.control.usecases.authorizing import begin_sign_in, finish_sign_in
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.looking import check_connection, check_properties
from syncline.errors import AddressRefused
from syncline.model.reach import Reach
from syncline.sandbox.options import (
    DEFAULT_CLICKTIME_TOKEN,
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    Options,
)
from syncline.sandbox.server import Sandbox, running


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running(Options(rows=20, rate_limit=0)) as sandbox:
        yield sandbox


@pytest.fixture
def plane(sqlite_store: Store) -> Plane:
    made = plane_of(sqlite_store)
    return Plane(store=made.store, vault=made.vault, clock=SkippingClock(), reach=Reach())


def clicktime(sandbox: Sandbox) -> Mapping[str, object]:
    settings = {"BaseURL": sandbox.url, "APIKey": DEFAULT_CLICKTIME_TOKEN}
    return {"Profile": "clicktime", "ProfileSettings": settings}


async def test_an_api_on_this_machine_is_not_asked(plane: Plane, sandbox: Sandbox) -> None:
    tested = await check_properties(plane, EDITOR, "api", clicktime(sandbox))
    assert not tested.ok
    assert [step.code for step in tested.steps if not step.ok] == ["config.address"]
    assert sandbox.requests() == 0
    allowed = replace(plane, reach=Reach(private=True))
    assert (await check_properties(allowed, EDITOR, "api", clicktime(sandbox))).ok


async def test_tokens_are_not_asked_for_there(plane: Plane, sandbox: Sandbox) -> None:
    properties = {
        "Profile": "clio", "ProfileSettings": {"BaseURL": sandbox.url},
        "OAuthClientId": DEFAULT_CLIENT, "OAuthClientSecret": DEFAULT_SECRET,
    }  # fmt: skip
    async with plane.changing(EDITOR) as work:
        spec = ConnectionSpec.model_validate({"type": "api", "properties": properties})
        await create_connection(work, "clio", spec)
    begun = await begin_sign_in(plane, EDITOR, "clio")
    with pytest.raises(AddressRefused):
        await finish_sign_in(plane, EDITOR, await agreed(begun.url))


async def test_profiles_are_not_fetched_from_there(plane: Plane, sandbox: Sandbox) -> None:
    pin = hashlib.sha256(b"").hexdigest()
    profile = f"{sandbox.url}/admin/counters#sha256={pin}"
    given = {"name": "mine", "type": "api", "properties": {"Profile": profile}}
    file = f"connections: {{mine: {{type: api, properties: {{Profile: '{profile}'}}}}}}"
    async with calling(plane) as callers:
        for method, path, body in (
            ("POST", "/connections", given),
            ("POST", "/project/apply", {"file": file}),
            ("POST", "/project/diff", {"file": file}),
        ):
            answer = await callers["editor"](method, path, body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["code"] == "config.address"
        tried = await callers["editor"]("POST", "/connections/test", given)
        assert tried.json()["steps"][0]["code"] == "config.address"
        # Who may only look makes the server ask for nothing at all.
        looked = await callers["viewer"]("POST", "/project/diff", {"file": file})
        assert "has not been fetched yet" in looked.json()["detail"]


async def test_sample_data_is_within_reach_as_long_as_it_is_there(
    plane: Plane, tmp_path: Path
) -> None:
    async with sampled(f"sqlite:///{tmp_path / 's.db'}", plane.reach) as sample:
        assert plane.reach.own == set()
        specs = await sample()
        source = specs["sample-clio"]
        async with plane.changing(EDITOR) as work:
            await create_connection(work, "sample-clio", source)
        begun = await begin_sign_in(plane, EDITOR, "sample-clio")
        place = urlsplit(begun.url)
        assert plane.reach.own == {("127.0.0.1", place.port)}
        await finish_sign_in(plane, EDITOR, await agreed(begun.url))
        assert (await check_connection(plane, EDITOR, "sample-clio")).ok
    assert plane.reach.own == set()
