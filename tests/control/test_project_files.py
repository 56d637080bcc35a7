"""Project files and the store: applied, compared and exported without loss or leak."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from control.planes import ADMIN, EDITOR, SECRET, VIEWER, plane_of
from control.test_job_cases import EVERYTHING
from syncline.control.connections import source_properties
from syncline.control.plane import MASK, Plane
from syncline.control.project import Project
from syncline.control.store.database import Store
from syncline.control.usecases.connections import get_connection, opened_connection
from syncline.control.usecases.job_list import list_jobs
from syncline.control.usecases.jobs import get_job
from syncline.control.usecases.project_files import (
    apply_project,
    compare_project,
    export_project,
)
from syncline.control.usecases.tasks import pick_up_tables
from syncline.control.yaml_writing import written
from syncline.errors import Forbidden, Invalid, ProjectError, VaultError
from syncline.profile.loader import parse

CONNECTIONS: dict[str, Any] = {
    "clio": {
        "type": "api",
        "properties": {
            "Profile": "clio",
            "OAuthClientId": "client",
            "OAuthClientSecret": "${CLIO_SECRET}",
        },
        "description": "The firm's",
        "labels": ["law"],
    },
    "lake": {"type": "duckdb", "properties": {"Database": "lake.duckdb", "Threads": 2}},
}
FILE = {
    "connections": CONNECTIONS,
    "jobs": {
        "after": {**EVERYTHING, "schedule": {"after": {"job": "nightly", "when": "ended"}}},
        "nightly": EVERYTHING,
    },
}
HERE = {"CLIO_SECRET": SECRET}


@pytest.fixture
def plane(store: Store) -> Plane:
    return plane_of(store)


def project(document: dict[str, Any]) -> Project:
    return parse(written(document), "file.yaml", Project, ProjectError)


async def test_what_is_applied_is_exported_again(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        done = await apply_project(work, project(FILE), environment=HERE)
        assert [(c.action, c.kind, c.name) for c in done] == [
            ("create", "connection", "clio"),
            ("create", "connection", "lake"),
            ("create", "job", "nightly"),
            ("create", "job", "after"),
        ]
        assert SECRET not in repr(done)
        opened = await opened_connection(work, "clio")
        assert opened.properties["OAuthClientSecret"] == SECRET  # type: ignore[index]  # a mapping here
    async with plane.looking(VIEWER) as work:
        exported = await export_project(work)
        assert exported.variables == ("CLIO_OAUTHCLIENTSECRET",)
        text = written(exported.document)
        assert SECRET not in text
        expected = yaml.safe_load(written(FILE))
        expected["connections"]["clio"]["properties"]["OAuthClientSecret"] = (
            "${CLIO_OAUTHCLIENTSECRET}"
        )
        assert yaml.safe_load(text) == expected
        # Neither the file nor the export has anything to do, with or without the variable.
        for document in (FILE, exported.document):
            for environment in (HERE, {}):
                again = project(document)
                assert await compare_project(work, again, environment=environment) == ()


async def test_each_secret_of_an_export_has_a_variable_of_its_own(plane: Plane) -> None:
    clio = CONNECTIONS["clio"]["properties"]
    secrets = {"my-clio": "one", "my.clio": "two", "my_clio": "three"}
    alike = {
        name: {"type": "api", "properties": {**clio, "OAuthClientSecret": f"{SECRET} {secret}"}}
        for name, secret in secrets.items()
    }
    async with plane.changing(ADMIN) as work:
        await apply_project(work, project({"connections": alike}))
        exported = await export_project(work)
        assert len(set(exported.variables)) == 3
        given = {
            exported.document["connections"][name]["properties"]["OAuthClientSecret"][2:-1]:
            f"{SECRET} {secret}" for name, secret in secrets.items()
        }  # fmt: skip
        assert await compare_project(work, project(exported.document), environment=given) == ()


async def test_a_sealed_export_is_whole_and_opens_only_here(plane: Plane) -> None:
    async with plane.changing(ADMIN) as work:
        await apply_project(work, project(FILE), environment=HERE)
        exported = await export_project(work, secrets="sealed")
        text = written(exported.document)
        assert "!sealed" in text
        assert SECRET not in text
        assert await compare_project(work, parse(text, "f", Project, ProjectError)) == ()
    async with plane.looking(EDITOR) as work:
        with pytest.raises(Forbidden):
            await export_project(work, secrets="sealed")
    changed = text.replace("!sealed ", "!sealed 0")
    async with plane.changing(ADMIN) as work:
        with pytest.raises(VaultError, match="which is not here"):
            await apply_project(work, parse(changed, "f", Project, ProjectError))
    # A command on the file alone has no key.
    with pytest.raises(ProjectError, match="is sealed, and a file has no key"):
        source_properties(parse(text, "f", Project, ProjectError), "clio")


async def test_differences_are_told_place_by_place(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await apply_project(work, project(FILE), environment=HERE)
        changed = project(
            {
                "connections": {
                    **CONNECTIONS,
                    "lake": {"type": "duckdb", "properties": {"Database": "lake.duckdb"}},
                },
                "jobs": {"nightly": {**EVERYTHING, "parallel_tasks": 8, "labels": ["law"]}},
            }
        )
        found = await compare_project(work, changed, environment={"CLIO_SECRET": "another"})
        assert [(c.action, c.name, c.differences) for c in found] == [
            ("change", "clio", {"properties.OAuthClientSecret": (MASK, f"{MASK} anew")}),
            ("change", "lake", {"properties.Threads": (2, None)}),
            (
                "change",
                "nightly",
                {"parallel_tasks": (4, 8), "labels": (["law", "night"], ["law"])},
            ),
        ]
        assert await apply_project(work, changed, environment={"CLIO_SECRET": "another"}) == found
        assert await compare_project(work, changed, environment={"CLIO_SECRET": "another"}) == ()
        assert (await get_job(work, "after")).spec.parallel_tasks == 4
        pruned = await apply_project(work, changed, prune=True, environment={})
        assert [(c.action, c.kind, c.name) for c in pruned] == [("delete", "job", "after")]
        without = project({"connections": CONNECTIONS})
        pruned = await apply_project(work, without, prune=True, environment={})
        assert [(c.action, c.name) for c in pruned] == [("delete", "nightly"), ("change", "lake")]
        assert (await list_jobs(work)).total == 0


async def test_a_reference_that_nothing_stands_for_is_kept(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await apply_project(work, project(FILE), environment={})
        found = await get_connection(work, "clio")
        assert found.secrets == ()
        assert found.properties["OAuthClientSecret"] == "${CLIO_SECRET}"
        await apply_project(work, project(FILE), environment=HERE)
        found = await get_connection(work, "clio")
        assert found.secrets == ("OAuthClientSecret",)


async def test_all_or_nothing(plane: Plane) -> None:
    broken = {**FILE, "jobs": {**FILE["jobs"], "z": {**EVERYTHING, "tasks": [
        {"table": "A"}, {"table": "a"}]}}}  # fmt: skip

    async def apply() -> None:
        async with plane.changing(EDITOR) as work:
            await apply_project(work, project(broken), environment=HERE)

    with pytest.raises(Invalid, match="both write"):
        await apply()
    async with plane.looking(VIEWER) as work:
        assert (await list_jobs(work)).total == 0


async def test_what_runs_have_picked_up_is_no_difference(plane: Plane) -> None:
    file = project({
        "connections": CONNECTIONS,
        "jobs": {"all": {"source": "clio", "destination": "lake", "all_tables": True,
                         "tasks": [{"table": "Matters", "enabled": False}]}},
    })  # fmt: skip
    async with plane.changing(EDITOR) as work:
        await apply_project(work, file, environment=HERE)
        picked = await pick_up_tables(work, "all")
        assert len(picked.spec.tasks) > 50
        assert await compare_project(work, file, environment={}) == ()
        more = file.model_copy(
            update={"jobs": {"all": file.jobs["all"].model_copy(update={"parallel_tasks": 3})}}
        )
        await apply_project(work, more, environment={})
        assert (await get_job(work, "all")).spec.tasks == picked.spec.tasks


async def test_what_cannot_be_applied(plane: Plane) -> None:
    async with plane.changing(EDITOR) as work:
        await apply_project(work, project(FILE), environment=HERE)
        other = {"clio": CONNECTIONS["lake"], "lake": CONNECTIONS["lake"]}
        with pytest.raises(Invalid, match="type cannot change"):
            await apply_project(work, project({"connections": other}))
    async with plane.changing(VIEWER) as work:
        with pytest.raises(Forbidden):
            await apply_project(work, project(FILE), environment={"CLIO_SECRET": "x"})


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff"))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(texts.filter(lambda t: "\0" not in t), texts, max_size=3))
def test_every_text_survives_the_file(properties: dict[str, str]) -> None:
    printable = {k: v for k, v in properties.items() if v.isprintable() or "\n" in v}
    document = {"connections": {"c": {"type": "duckdb", "properties": printable}}}
    found = parse(written(document), "f", Project, ProjectError)
    assert found.connections["c"].properties == printable


@pytest.mark.parametrize("text", ["1e5", "03:30", "no", "~", "12", "0x1F", "1_000", "2025-01-01",
                                  "SELECT 1\nFROM t\n", "a: b", "- x", " x ", "=", "<<", "null",
                                  "line \nline"])  # fmt: skip
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    document = {"connections": {"c": {"type": "duckdb", "properties": {"Database": text}}}}
    found = parse(written(document), "f", Project, ProjectError)
    assert found.connections["c"].properties == {"Database": text}
