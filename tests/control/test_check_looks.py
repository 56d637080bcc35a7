"""`syncline check` looks at targets as a run does, and opens no database that is not there."""

from pathlib import Path

import duckdb
import pytest

from standins.clocks import SkippingClock
from syncline.control.connections import described
from syncline.control.previewing import outlook
from syncline.control.project import ConnectionSpec, JobSpec, Project, TaskSpec
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.errors import DestinationRefused


def project_of(database: Path) -> Project:
    time = {"type": "api", "properties": {"Profile": "clicktime"}}
    lake = {"type": "duckdb", "properties": {"Database": str(database)}}
    return Project(
        connections={
            "time": ConnectionSpec.model_validate(time),
            "lake": ConnectionSpec.model_validate(lake),
        },
        jobs={
            "load": JobSpec(
                source="time",
                destination="lake",
                tasks=(TaskSpec(table="Users", columns=("ID", "Name"), write="replace"),),
            )
        },
    )


async def notes(project: Project) -> tuple[str, ...]:
    spec = project.jobs["load"]
    tables = described(project, "time")
    (task,) = tasks_of("load", with_new_tables(spec, tables))
    return (await outlook(project, spec, task, tables, SkippingClock(), looks=True)).notes


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    await notes(project_of(tmp_path / "lake.duckdb"))
    assert not (tmp_path / "lake.duckdb").exists()


async def test_a_table_of_others_is_refused(tmp_path: Path) -> None:
    database = tmp_path / "lake.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE TABLE Users (ID VARCHAR, Name VARCHAR)")
        connection.execute("INSERT INTO Users VALUES ('mine', 'too')")
    with pytest.raises(DestinationRefused, match="did not make it"):
        await notes(project_of(database))


async def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    database = tmp_path / "lake.duckdb"
    database.write_text("this is no database, whatever its name says")
    told = await notes(project_of(database))
    assert any("the target was not looked at" in note for note in told)
