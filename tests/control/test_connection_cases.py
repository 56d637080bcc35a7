"""Connections of the store: checked, masked, sealed; edited without losing or leaking secrets."""

import json

import pytest
from sqlalchemy import select, text, update

from control.planes import ADMIN, CLIO, EDITOR, LAKE, SECRET, VIEWER, plane_of
from syncline.control.access import Actor, Policy
from syncline.control.paging import Wanted
from syncline.control.plane import MASK, Plane
from syncline.control.project import ConnectionSpec, JobSpec
from syncline.control.store.audit import audit
from syncline.control.store.connections import connections
from syncline.control.store.database import Store
from syncline.control.usecases.connections import (
    ConnectionEdit,
    create_connection,
    delete_connection,
    edit_connection,
    get_connection,
    list_connections,
    opened_connection,
)
from syncline.control.usecases.jobs import create_job
from syncline.control.usecases.keys import reseal
from syncline.control.vault import vault_of
from syncline.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    Missing,
    NameTaken,
    ProjectError,
    PropertyError,
    SynclineError,
)


@pytest.fixture
async def plane(store: Store) -> Plane:
    made = plane_of(store)
    async with made.changing(EDITOR) as work:
        await create_connection(work, "clio", CLIO)
        await create_connection(work, "lake", LAKE)
    return made


async def everything(store: Store) -> str:
    """All that the store holds, as one text."""
    async with store.reading() as connection:
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            if store.dialect == "sqlite"
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        tables = (await connection.execute(text(names))).scalars().all()
        found = [(await connection.execute(text(f"SELECT * FROM {t}"))).all() for t in tables]
    return repr(found)


async def test_secrets_are_sealed_masked_and_opened_only_to_connect(plane: Plane) -> None:
    async with plane.looking(VIEWER) as work:
        found = await get_connection(work, "CLIO")
        opened = await opened_connection(work, "clio")
    assert found.name == "clio"
    assert found.labels == ("law",)
    assert found.properties == {"Profile": "clio", "OAuthClientId": "client"}
    assert found.secrets == ("OAuthClientSecret",)
    assert found.spec.properties == {**found.properties, "OAuthClientSecret": MASK}
    assert opened.properties == {**found.properties, "OAuthClientSecret": SECRET}
    assert SECRET not in repr(opened)
    assert SECRET not in repr(found)
    assert SECRET not in await everything(plane.store)


@pytest.mark.parametrize(
    ("type_", "properties", "error", "words"),
    [
        ("api", {"Profile": "cleo"}, SynclineError, "no profile is called 'cleo'"),
        ("api", {"Profile": "clio", "Pasword": "x"}, PropertyError, "unknown property 'Pasword'"),
        ("api", {"Profile": "clio", "ProfileSettings": {"Moon": "x"}}, PropertyError, "Moon"),
        ("api", {}, PropertyError, "Profile is required"),
        ("postgres", {"Port": "many"}, PropertyError, "Port"),
        ("duckdb", {"Database": "${SYNCLINE_SECRET_KEY}"}, Invalid, "SYNCLINE_SECRET_KEY"),
        ("duckdb", {"Database": "a", "database": "b"}, Invalid, "given twice"),
    ],
)
async def test_what_cannot_be_a_connection(
    plane: Plane, type_: str, properties: dict[str, object], error: type[Exception], words: str
) -> None:
    spec = ConnectionSpec.model_validate({"type": type_, "properties": properties})
    async with plane.changing(EDITOR) as work:
        with pytest.raises(error, match=words):
            await create_connection(work, "new", spec)


async def test_names(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        with pytest.raises(NameTaken):
            await create_connection(work, "CLIO", CLIO)
        for name in ("", "a b", "../x", "x" * 51, "Robert'); DROP TABLE jobs;--"):
            with pytest.raises(Invalid):
                await create_connection(work, name, CLIO)


async def test_secret_settings_of_a_profile_and_secret_keywords_of_a_driver_are_sealed(
    plane: Plane,
) -> None:
    async with plane.changing(EDITOR) as work:
        time = await create_connection(
            work,
            "time",
            ConnectionSpec(
                type="api",
                properties=f"Profile=clicktime;ProfileSettings='apikey={SECRET}'",
            ),
        )
        server = await create_connection(
            work,
            "server",
            ConnectionSpec(
                type="sqlserver",
                properties={"Server": "s", "PWD": SECRET, "ConnectRetryCount": "3"},
            ),
        )
    (secret,) = time.secrets
    assert secret.startswith("ProfileSettings.")
    assert server.secrets == ("PWD",)
    assert server.properties == {"Server": "s", "ConnectRetryCount": "3"}
    assert SECRET not in await everything(plane.store)


async def test_an_absent_secret_stays_and_a_removed_one_goes(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        edited = await edit_connection(
            work,
            "clio",
            ConnectionEdit(
                properties={"Profile": "clio", "OAuthClientId": "other",
                            "OAuthClientSecret": MASK},
                description="The firm's",
            ),
        )  # fmt: skip
        assert edited.properties["OAuthClientId"] == "other"
        assert edited.description == "The firm's"
        assert edited.labels == ("law",)
        assert edited.version == 2
        assert (await opened_connection(work, "clio")).properties == {
            "Profile": "clio", "OAuthClientId": "other", "OAuthClientSecret": SECRET,
        }  # fmt: skip
        edited = await edit_connection(
            work, "clio", ConnectionEdit(remove=frozenset({"OAuthClientSecret"}))
        )
        assert edited.secrets == ()


async def test_a_secret_is_not_sent_elsewhere_by_who_does_not_know_it(plane: Plane) -> None:
    spec = ConnectionSpec(type="postgres", properties={"Server": "ours", "Password": SECRET})
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "warehouse", spec)
        with pytest.raises(Invalid, match="Server has changed") as refused:
            await edit_connection(
                work, "warehouse", ConnectionEdit(properties={"Server": "evil.example"})
            )
        assert "Password" in refused.value.hint
        edited = await edit_connection(
            work,
            "warehouse",
            ConnectionEdit(properties={"Server": "theirs", "Password": "another"}),
        )
    assert edited.properties == {"Server": "theirs"}


async def test_who_does_not_know_a_secret_cannot_move_it_sealed_either(plane: Plane) -> None:
    spec = ConnectionSpec(type="postgres", properties={"Server": "ours", "Password": SECRET})
    async with plane.changing(EDITOR) as work:
        await create_connection(work, "warehouse", spec)
        query = select(connections.c.sealed).where(connections.c.name == "warehouse")
        found = (await work.connection.scalar(query)) or {}
        moved = {"Server": "evil.example", "Password": found["Password"]}
        with pytest.raises(Invalid, match="Server has changed"):
            await edit_connection(work, "warehouse", ConnectionEdit(properties=moved))
        with pytest.raises(Forbidden):
            await create_connection(work, "evil", ConnectionSpec(type="postgres", properties=moved))


async def test_a_reference_to_a_variable_is_kept_and_filled_in_to_connect(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ConnectionSpec(
        type="postgres",
        properties={"Server": "s", "Port": "${PG_PORT}", "Password": "${PG_PASSWORD}"},
    )
    async with plane.changing(EDITOR) as work:
        made = await create_connection(work, "warehouse", spec)
        assert made.properties == spec.properties
        monkeypatch.delenv("PG_PASSWORD", raising=False)
        monkeypatch.setenv("PG_PORT", "5433")
        with pytest.raises(ProjectError, match="PG_PASSWORD is not set"):
            await opened_connection(work, "warehouse")
        monkeypatch.setenv("PG_PASSWORD", SECRET)
        assert (await opened_connection(work, "warehouse")).properties == {
            "Server": "s", "Port": "5433", "Password": SECRET,
        }  # fmt: skip
        # An edit that leaves the secret away keeps the reference.
        edited = await edit_connection(
            work, "warehouse", ConnectionEdit(properties={"Server": "s"})
        )
        assert edited.properties == {"Server": "s", "Password": "${PG_PASSWORD}"}


async def test_the_second_editor_gets_a_conflict_with_the_difference(plane: Plane) -> None:
    edit = ConnectionEdit(description="mine", version=1)
    async with plane.changing(EDITOR) as work:
        await edit_connection(work, "lake", ConnectionEdit(description="theirs", version=1))
        with pytest.raises(Conflict, match="editor has changed") as refused:
            await edit_connection(work, "lake", edit)
    assert refused.value.differences == (("description", "theirs", "mine"),)


async def test_a_used_connection_is_not_deleted(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await create_job(work, "nightly", JobSpec(source="clio", destination="lake"))
        assert (await get_connection(work, "lake")).jobs == 1
        with pytest.raises(InUse, match="used by nightly"):
            await delete_connection(work, "lake")
        await create_connection(work, "other", LAKE)
        await delete_connection(work, "other")
        with pytest.raises(Missing):
            await get_connection(work, "other")


async def test_lists_are_searched_filtered_and_in_pages(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        for number in range(12):
            await create_connection(work, f"lake_{number:02d}", LAKE)
    async with plane.looking(VIEWER) as work:
        page = await list_connections(work, Wanted(search="LAKE_", offset=10, limit=5))
        assert [c.name for c in page.items] == ["lake_10", "lake_11"]
        assert page.total == 12
        assert (await list_connections(work, Wanted(search="lake%"))).total == 0
        assert [c.name for c in (await list_connections(work, role="source")).items] == ["clio"]
        assert (await list_connections(work, Wanted(labels=("law",)))).total == 1
        assert (await list_connections(work, Wanted(order="-name"))).items[-1].name == "clio"
        for wrong in (Wanted(order="sealed"), Wanted(limit=0), Wanted(limit=501)):
            with pytest.raises(Invalid):
                await list_connections(work, wrong)


async def test_who_may_do_what(plane: Plane) -> None:
    law = Actor(
        name="ann",
        via="test",
        policies=(Policy(permissions=("connections.*",), labels=("law",)),),
    )
    async with plane.changing(VIEWER) as work:
        with pytest.raises(Forbidden):
            await create_connection(work, "new", LAKE)
        with pytest.raises(Forbidden):
            await edit_connection(work, "lake", ConnectionEdit(description="x"))
    async with plane.changing(law) as work:
        assert [c.name for c in (await list_connections(work)).items] == ["clio"]
        with pytest.raises(Missing):
            await get_connection(work, "lake")
        with pytest.raises(Forbidden):
            await create_connection(work, "new", LAKE)
        # Nor may the label that gives the right be taken away.
        with pytest.raises(Forbidden):
            await edit_connection(work, "clio", ConnectionEdit(labels=()))


async def test_every_change_is_in_the_audit_log_without_secrets(plane: Plane) -> None:
    new = {"Profile": "clio", "OAuthClientId": "client", "OAuthClientSecret": "another-canary"}
    async with plane.changing(EDITOR) as work:
        await edit_connection(work, "clio", ConnectionEdit(properties=new))
        await delete_connection(work, "lake")
    async with plane.looking(ADMIN) as work:
        rows = (await work.connection.execute(select(audit).order_by(audit.c.id))).all()
    assert [(r.actor, r.action, r.name) for r in rows] == [
        ("editor", "connections.create", "clio"),
        ("editor", "connections.create", "lake"),
        ("editor", "connections.edit", "clio"),
        ("editor", "connections.delete", "lake"),
    ]
    assert rows[2].changes == {"secret.OAuthClientSecret": [MASK, f"{MASK} anew"]}
    assert "canary" not in json.dumps([row.changes for row in rows])


async def test_a_change_that_fails_leaves_no_audit(plane: Plane) -> None:
    async def fails() -> None:
        async with plane.changing(EDITOR) as work:
            await delete_connection(work, "lake")
            await get_connection(work, "nowhere")

    with pytest.raises(Missing):
        await fails()
    async with plane.looking(VIEWER) as work:
        assert await get_connection(work, "lake")
        assert len((await work.connection.execute(select(audit))).all()) == 2


async def test_secrets_are_sealed_anew_with_a_new_key(plane: Plane) -> None:
    (old,) = plane.vault.keys
    new = vault_of(["a newer key for tests that is long enough"])
    both = Plane(
        store=plane.store,
        vault=type(new)(keys=(*new.keys, old)),
        clock=plane.clock,
    )
    async with both.changing(ADMIN) as work:
        await work.connection.execute(
            update(connections)
            .where(connections.c.name == "clio")
            .values(tokens=plane.vault.seal("tokens"))
        )
        assert await reseal(work) == 2
        assert await reseal(work) == 0
    only = Plane(store=plane.store, vault=new, clock=plane.clock)
    async with only.looking(ADMIN) as work:
        assert (await opened_connection(work, "clio")).properties["OAuthClientSecret"] == SECRET  # type: ignore[index]  # a mapping here
