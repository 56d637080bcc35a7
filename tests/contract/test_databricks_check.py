"""A test of a Databricks connection: what is missing, and the GRANT that gives it."""

import asyncio
import logging
import socket
import traceback
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from sqlglot import exp

from control.planes import EDITOR, plane_of
from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.rights import PRINCIPAL
from standins.databricks.settings import settings_of
from syncline.control.engine.job import STARTING, open_destination
from syncline.control.plane import Plane
from syncline.control.project import ConnectionSpec, Project
from syncline.control.store.database import open_store
from syncline.control.store.schema import migrate
from syncline.control.usecases.looking import check_properties
from syncline.destinations.databricks import Databricks
from syncline.destinations.databricks_check import Check, checks
from syncline.destinations.databricks_connection import Settings
from syncline.errors import (
    CredentialError,
    DestinationRefused,
    PermissionRefused,
    SynclineError,
    Unavailable,
)
from syncline.model.run import Event, Waiting
from syncline.testing.conformance_runs import Trial, contents, ordered, task, thing

_ALL = ("warehouse", "sign in", "catalog", "schema", "tables", "volume")
_OPEN = {"missing": [], "files": True, "stopped": False, "starts_in": 0}


@pytest.fixture(scope="module")
def running() -> Iterator[DatabricksServer]:
    logging.getLogger("databricks.sql").setLevel(logging.ERROR)
    with running_databricks() as server:
        yield server


@pytest.fixture
def server(running: DatabricksServer) -> Iterator[DatabricksServer]:
    yield running
    running.warehouse(**_OPEN)


@pytest.fixture
def settings(server: DatabricksServer) -> Settings:
    return settings_of(server)


@pytest_asyncio.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    store = open_store(f"sqlite:///{tmp_path}/control.db")
    await migrate(store)
    yield plane_of(store)
    await store.aclose()


async def _looked(settings: Settings) -> tuple[list[Check], list[str]]:
    said: list[str] = []
    return [check async for check in checks(settings, said.append)], said


def _wrong(found: Sequence[Check]) -> dict[str, SynclineError]:
    return {check.name: check.error for check in found if check.error}


async def test_everything_is_there_or_made(settings: Settings, server: DatabricksServer) -> None:
    found, said = await _looked(settings)
    assert [(check.name, check.error) for check in found] == [(name, None) for name in _ALL]
    messages = {check.name: check.message for check in found}
    assert messages["sign in"] == f"as {PRINCIPAL}"
    assert messages["schema"] == f"{settings.schema}: made"
    assert (
        messages["volume"]
        == "syncline: made, and a file was written through the Files API and read"
    )
    assert not said
    again, _ = await _looked(settings)
    assert {c.name: c.message for c in again}["schema"] == settings.schema
    made = [s for s in server.log() if "_syncline_check_" in s]
    assert sum(s.startswith("CREATE TABLE") for s in made) == sum(
        s.startswith("DROP TABLE") for s in made
    )


async def test_a_stopped_warehouse_is_started_and_waited_for(
    settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(stopped=True, starts_in=0.3)
    found, said = await _looked(settings)
    assert not _wrong(found)
    assert said == ["the warehouse local is stopped: starting it …"]
    assert found[0].message.startswith("was stopped, and started in ")


@pytest.mark.parametrize(
    ("missing", "step", "grant"),
    [
        ("USE CATALOG", "catalog", "GRANT USE CATALOG ON CATALOG `main`"),
        ("USE SCHEMA", "schema", "GRANT USE SCHEMA ON SCHEMA `main`.`{schema}`"),
        ("CREATE SCHEMA", "schema", "GRANT CREATE SCHEMA ON CATALOG `main`"),
        ("CREATE TABLE", "tables", "GRANT CREATE TABLE ON SCHEMA `main`.`{schema}`"),
        ("SELECT", "tables", "GRANT SELECT ON SCHEMA `main`.`{schema}`"),
        ("MODIFY", "tables", "GRANT MODIFY ON SCHEMA `main`.`{schema}`"),
        ("CREATE VOLUME", "volume", "GRANT CREATE VOLUME ON SCHEMA `main`.`{schema}`"),
        ("WRITE VOLUME", "volume", "GRANT WRITE VOLUME ON VOLUME `main`.`{schema}`.`syncline`"),
        ("READ VOLUME", "volume", "GRANT READ VOLUME ON VOLUME `main`.`{schema}`.`syncline`"),
    ],
)
async def test_a_missing_right_is_told_with_its_grant(
    settings: Settings, server: DatabricksServer, missing: str, step: str, grant: str
) -> None:
    server.warehouse(missing=[missing])
    found, _ = await _looked(settings)
    ((name, error),) = _wrong(found).items()
    assert name == step
    assert isinstance(error, PermissionRefused)
    assert str(error).startswith(f"{missing} on the ")
    wanted = grant.format(schema=settings.schema)
    assert error.hint == f"let its owner run: {wanted} TO `{PRINCIPAL}`"


async def test_rights_to_tables_and_to_the_volume_are_told_together(
    settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(missing=["CREATE TABLE", "CREATE VOLUME"])
    found, _ = await _looked(settings)
    assert list(_wrong(found)) == ["tables", "volume"]


async def test_a_ledger_that_somebody_else_made(
    settings: Settings, server: DatabricksServer
) -> None:
    trial = Trial(task=task())
    destination = Databricks(settings)
    await trial.run(destination, trial.rows([thing(1)]))
    await destination.aclose()
    before = len(server.log())
    found, _ = await _looked(settings)
    assert not _wrong(found)
    ledger = f"`main`.`{settings.schema}`.`_syncline_checkpoints`"
    assert f"DELETE FROM {ledger} WHERE FALSE" in server.log()[before:]


async def test_no_right_to_the_warehouse(settings: Settings, server: DatabricksServer) -> None:
    server.warehouse(missing=["CAN USE"])
    found, _ = await _looked(settings)
    ((name, error),) = _wrong(found).items()
    assert (name, type(error)) == ("sign in", PermissionRefused)
    assert "CAN USE" in error.hint


@pytest.mark.parametrize(
    ("given", "step", "kind", "hint"),
    [
        ({"http_path": "/sql/1.0/warehouses/unknown"}, "warehouse", DestinationRefused, "HTTPPath"),
        ({"catalog": "nowhere"}, "catalog", DestinationRefused, "check Catalog"),
        ({"token": "dapi-canary"}, "warehouse", CredentialError, "check Token"),
        ({"port": 9, "retry_seconds": 0.1}, "warehouse", Unavailable, "check Server"),
        ({"http_path": "/sql/1.0/warehouse/x"}, "sign in", DestinationRefused, "HTTPPath"),
        (
            {"auth_scheme": "OAuthM2M", "client_id": "test-client", "client_secret": "canary"},
            "warehouse",
            CredentialError,
            "OAuthClientSecret",
        ),
    ],
)
async def test_what_is_wrong_is_named(
    settings: Settings, given: dict[str, str], step: str, kind: type[SynclineError], hint: str
) -> None:
    found, _ = await _looked(replace(settings, **given))  # type: ignore[arg-type]  # of the case
    ((name, error),) = _wrong(found).items()
    assert (name, type(error)) == (step, kind)
    assert hint in error.hint
    assert "canary" not in f"{error} {error.hint}"


@pytest.mark.parametrize("path", ["/sql/1.0/warehouses/unknown", "/sql/1.0/warehouse/x"])
async def test_a_run_names_a_wrong_path_too(settings: Settings, path: str) -> None:
    destination = Databricks(replace(settings, http_path=path))
    with pytest.raises(DestinationRefused) as refused:
        await Trial(task=task()).run(destination, [])
    await destination.aclose()
    assert "HTTPPath" in refused.value.hint


@pytest.mark.parametrize("place", ["MERGE INTO `{}`.`things`", "PUT /api/2.0/fs/files.*{}"])
async def test_a_token_that_ends_in_a_load(
    settings: Settings, server: DatabricksServer, place: str
) -> None:
    """The run says so; with a new token the next one goes on, as if nothing had been."""
    token = f"{settings.token}-canary-{settings.schema}"
    trial = Trial(task=task())
    batches = trial.rows([thing(n) for n in range(4)])
    server.fault(place.format(settings.schema), "expire", nth=2)
    destination = Databricks(replace(settings, token=token))
    with pytest.raises(CredentialError) as refused:
        await trial.run(destination, batches)
    await destination.aclose()
    assert not server.clear()
    assert "check Token" in refused.value.hint
    assert "canary" not in f"{refused.value} {refused.value.hint}"
    renewed = Databricks(replace(settings, token=f"{settings.token}-new"))
    outcome = await trial.run(renewed, batches)
    assert outcome.result.inserted == 2
    assert await contents(renewed, trial.task) == ordered([thing(n) for n in range(4)])
    await renewed.aclose()


@pytest.mark.parametrize("status", [400, 401])
async def test_a_secret_that_ends_in_a_load(
    settings: Settings, server: DatabricksServer, status: int
) -> None:
    destination = Databricks(
        replace(
            settings, auth_scheme="OAuthM2M", client_id=server.client_id,
            client_secret=server.client_secret,
        )
    )  # fmt: skip
    server.fault(f"MERGE INTO `{settings.schema}`.`things`", "expire")
    server.fault("/oidc/v1/token", "status", status=status, nth=2, times=9)
    trial = Trial(task=task())
    with pytest.raises(CredentialError) as refused:
        await trial.run(destination, trial.rows([thing(1)]))
    await destination.aclose()
    server.clear()
    assert "OAuthClientSecret" in refused.value.hint


async def test_a_session_ends_where_the_warehouse_is_gone() -> None:
    with running_databricks() as gone:
        destination = Databricks(settings_of(gone))
        assert await destination.describe(exp.table_("t", db="s")) is None
        gone.kill()
        # The driver alone would try for minutes, and keep whoever stops a run waiting.
        await asyncio.wait_for(destination.aclose(), 60)


@pytest.mark.parametrize("method", ["PUT", "FilesAPI"])
async def test_put_where_the_files_api_is_not_allowed(
    settings: Settings, server: DatabricksServer, method: str
) -> None:
    server.warehouse(files=False)
    chosen = replace(settings, staging_method=method)
    found, _ = await _looked(chosen)
    assert not _wrong(found)
    assert "was written by PUT" in found[-1].message
    trial = Trial(task=task())
    destination = Databricks(chosen)
    rows = [thing(n) for n in range(3)]
    await trial.run(destination, trial.rows(rows))
    assert await contents(destination, trial.task) == ordered(rows)
    assert destination.uploaded
    await destination.aclose()
    assert any(s.startswith("PUT '__input_stream__'") for s in server.log())


async def test_storage_that_cannot_be_reached(
    settings: Settings, server: DatabricksServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its addresses are signed: no error and no log repeats them."""
    logging.getLogger("databricks.sql").setLevel(logging.DEBUG)
    caplog.set_level(logging.DEBUG)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        server.warehouse(storage=f"https://localhost:{closed.getsockname()[1]}")
        destination = Databricks(replace(settings, staging_method="PUT", patience=3))
        trial = Trial(task=task())
        with pytest.raises(Unavailable, match="cannot be reached") as refused:
            await trial.run(destination, trial.rows([thing(1)]))
    logging.getLogger("databricks.sql").setLevel(logging.ERROR)
    server.warehouse(storage="")
    assert "StagingMethod=FilesAPI" in refused.value.hint
    trace = "".join(traceback.format_exception(refused.value))
    assert "/part-0.parquet/" in caplog.text
    assert "secret-" not in trace + caplog.text
    await trial.run(destination, trial.rows([thing(1)]))
    await destination.aclose()


async def test_a_run_tells_the_grant_too(settings: Settings, server: DatabricksServer) -> None:
    server.warehouse(missing=["CREATE TABLE"])
    trial = Trial(task=task())
    destination = Databricks(settings)
    with pytest.raises(PermissionRefused) as refused:
        await trial.run(destination, trial.rows([thing(1)]))
    await destination.aclose()
    assert f"GRANT CREATE TABLE ON SCHEMA `main`.`{settings.schema}` TO " in refused.value.hint


async def test_a_run_tells_the_grant_that_makes_the_volume(
    settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(missing=["CREATE VOLUME"])
    trial = Trial(task=task())
    destination = Databricks(settings)
    with pytest.raises(PermissionRefused) as refused:
        await trial.run(destination, trial.rows([thing(1)]))
    assert f"GRANT CREATE VOLUME ON SCHEMA `main`.`{settings.schema}` TO " in refused.value.hint
    # Who may not make one may use one.
    server.warehouse(missing=[])
    await trial.run(destination, trial.rows([thing(1)]))
    server.warehouse(missing=["CREATE VOLUME"])
    again = Databricks(settings)
    await trial.run(again, trial.rows([thing(2)], at=100))
    await destination.aclose()
    await again.aclose()


async def test_a_run_announces_that_it_starts_the_warehouse(
    settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(stopped=True, starts_in=0.2)
    said: list[str] = []
    trial = Trial(task=task())
    destination = Databricks(settings, announce=said.append)
    await trial.run(destination, trial.rows([thing(1)]))
    await destination.aclose()
    assert said == ["the warehouse local is stopped: starting it …"]


def _properties(settings: Settings) -> dict[str, str | int]:
    return {
        "Server": settings.server, "Port": settings.port, "HTTPPath": settings.http_path,
        "Token": settings.token, "Schema": settings.schema, "SSLCert": settings.certificate,
    }  # fmt: skip


async def test_a_run_of_the_engine_shows_what_it_waits_for(
    settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(stopped=True, starts_in=0.2)
    spec = ConnectionSpec(type="databricks", properties={**_properties(settings)})
    project = Project.model_construct(connections={"lake": spec}, jobs={})
    seen: list[Event] = []
    destination = await open_destination(project, "lake")(seen.append)
    await destination.fetch(exp.select(exp.Literal.number(1).as_("one")))
    await destination.aclose()
    reason = "the warehouse local is stopped: starting it …"
    assert seen == [Waiting(seconds=STARTING, reason=reason)]


async def test_the_use_case_has_the_same_steps_and_tells_what_it_waits_for(
    plane: Plane, settings: Settings, server: DatabricksServer
) -> None:
    server.warehouse(stopped=True, starts_in=0.2, missing=["CREATE VOLUME"])
    given = _properties(settings)
    said: list[str] = []
    tested = await check_properties(plane, EDITOR, "databricks", given, announce=said.append)
    assert [step.name for step in tested.steps] == ["settings", *_ALL]
    assert [step.name for step in tested.steps if not step.ok] == ["volume"]
    assert not tested.ok
    assert said == ["the warehouse local is stopped: starting it …"]
    assert tested.steps[-1].code == "config.permission"
    assert "GRANT CREATE VOLUME ON SCHEMA" in tested.steps[-1].hint
