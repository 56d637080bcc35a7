"""The project file: what it says becomes tasks, and what is wrong is named with its line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncline.control.project import JobSpec, Project, load_project
from syncline.control.references import substituted
from syncline.control.tasks import tasks_of, with_new_tables
from syncline.errors import ProjectError, QueryError
from syncline.model.job import (
    DeclaredColumn,
    Deletes,
    Disposition,
    ReplaceBy,
    SchemaPolicy,
    Task,
)

PROJECT = """\
connections:
  clio: {type: api, properties: {Profile: clio, OAuthClientSecret: "${CLIO_SECRET}"}}
  lake: {type: duckdb, properties: "Database=w.duckdb;Schema=clio"}
jobs:
  nightly:
    source: clio
    destination: lake
    tasks:
"""


def project(tmp_path: Path, tasks: str) -> Project:
    path = tmp_path / "p.yaml"
    path.write_text(PROJECT + "".join(f"      {line}\n" for line in tasks.splitlines()))
    return load_project(path)


def one(tmp_path: Path, task: str) -> Task:
    (made,) = tasks_of("nightly", project(tmp_path, task).jobs["nightly"])
    return made


def test_a_table(tmp_path: Path) -> None:
    task = one(tmp_path, "- table: Matters")
    assert task == Task(id="nightly/Matters", query='SELECT * FROM "Matters"', target="Matters")


def test_columns_and_filter(tmp_path: Path) -> None:
    task = one(
        tmp_path,
        """\
- table: Activities
  columns: [id, date, {total: amount}, {expression: "upper(note)", as: note}]
  where: "date >= '2025-01-01'"
  deletes: soft
  start: 2025-01-01""",
    )
    assert task.query == (
        'SELECT "id", "date", "total" AS "amount", upper(note) AS "note" FROM "Activities" '
        "WHERE date >= '2025-01-01'"
    )
    assert task.deletes is Deletes.SOFT
    assert task.start == datetime(2025, 1, 1, tzinfo=UTC)


def test_a_query_with_everything(tmp_path: Path) -> None:
    task = one(
        tmp_path,
        """\
- query: SELECT id FROM Matters WHERE id > @from
  parameters: {from: 7}
  into: "[odd.schema].[odd table]"
  write: append
  key: [id]
  deletes: {mode: ignore, every: 3}
  schema_changes: freeze
  parallel: 8""",
    )
    assert (task.schema, task.target) == ("odd.schema", "odd table")
    assert task.id == "nightly/odd.schema.odd table"
    assert task.disposition is Disposition.APPEND
    assert task.schema_policy is SchemaPolicy.FREEZE
    assert (task.key, task.parameters, task.parallel) == (("id",), {"from": 7}, 8)
    assert (task.deletes, task.sweep_every) == (Deletes.IGNORE, 3)


def test_how_a_table_is_replaced_and_kept(tmp_path: Path) -> None:
    plain = one(tmp_path, "- table: Matters")
    assert (plain.replace_by, plain.columnstore) == (ReplaceBy.SWAP, False)
    task = one(tmp_path, "- {table: Matters, write: replace, replace_by: drop, columnstore: true}")
    assert (task.replace_by, task.columnstore) == (ReplaceBy.DROP, True)
    for wrong in ("write: merge, replace_by: truncate", "existing: true, replace_by: drop"):
        with pytest.raises(ProjectError, match="replace_by"):
            one(tmp_path, f"- {{table: Matters, {wrong}}}")


def test_replicate_statements(tmp_path: Path) -> None:
    task = one(
        tmp_path,
        "- query: REPLICATE Kept (id INT, PRIMARY KEY (id)) WITH TruncateTable = true, "
        "AlterSchema = 'false' SELECT id FROM Matters",
    )
    assert (task.target, task.key) == ("Kept", ("id",))
    assert (task.disposition, task.replace_by) == (Disposition.REPLACE, ReplaceBy.TRUNCATE)
    assert task.schema_policy is SchemaPolicy.FREEZE
    dropped = one(tmp_path, "- query: REPLICATE Kept WITH DropTable SELECT id FROM Matters")
    assert (dropped.disposition, dropped.replace_by) == (Disposition.REPLACE, ReplaceBy.SWAP)
    assert one(tmp_path, "- query: REPLICATE [Matters]").target == "Matters"
    assert task.columns == (DeclaredColumn(name="id", type="INT"),)


def test_options_of_replicate_are_settings(tmp_path: Path) -> None:
    statement = (
        "REPLICATE A WITH SkipDeleted, BatchSize = 500, ReplicateStartDate = '2024-02-29', "
        "ReplicateInterval = 2, ReplicateIntervalUnit = 'weeks' Activities"
    )
    task = one(tmp_path, f'- query: "{statement}"')
    assert task.deletes is Deletes.IGNORE
    assert (task.commit_rows, task.window_days) == (500, 14)
    assert task.start == datetime(2024, 2, 29, tzinfo=UTC)
    # What the task says itself goes first.
    task = one(tmp_path, f'- query: "{statement}"\n  deletes: hard\n  commit_rows: 7')
    assert (task.deletes, task.commit_rows) == (Deletes.HARD, 7)


@pytest.mark.parametrize(
    ("options", "complaint", "hint"),
    [
        ("Magic = 1", "the REPLICATE option 'Magic'", "DropTable"),
        ("AutoTruncateStrings", "'AutoTruncateStrings' has no equal", "on_truncation"),
        ("IncrementalCheckColumns = 'x'", "'IncrementalCheckColumns'", "the profile knows"),
        ("DropTable = maybe", "DropTable takes true or false, not 'maybe'", "WITH DropTable"),
        ("BatchSize", "BatchSize takes a whole number, not True", "WITH BatchSize"),
        ("ReplicateStartDate = 'soon'", "takes a day, such as '2025-01-31'", ""),
        ("ReplicateInterval = 3, ReplicateIntervalUnit = hours", "takes days or weeks", ""),
        ("ReplicateIntervalUnit = days", "takes effect with ReplicateInterval", ""),
    ],
)
def test_options_of_replicate_that_cannot_be_honoured(
    tmp_path: Path, options: str, complaint: str, hint: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        one(tmp_path, f'- query: "REPLICATE A WITH {options} Activities"')
    assert complaint in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("tasks", "complaint"),
    [
        ("- query: SELECT 1 AS x", "jobs.nightly.tasks.1: a query needs 'into'"),
        ("- table: A\n- table: B\n  into: a", "the tasks 1 and 2 both write to 'a'"),
        ("- table: A\n  columns: [{a: b, c: d}]", "is not a column"),
        ("- table: A\n  batch_size: 10", "are for a target with 'existing: true'"),
        ("- table: A\n  into: a.b.c", "'a.b.c' is not a table's name"),
        ("- query: REPLICATE A WITH Magic = 1 SELECT id FROM A", "the REPLICATE option 'Magic'"),
    ],
)
def test_tasks_that_cannot_be(tmp_path: Path, tasks: str, complaint: str) -> None:
    with pytest.raises((ProjectError, QueryError)) as caught:
        tasks_of("nightly", project(tmp_path, tasks).jobs["nightly"])
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("source: clio", "source: lake", "jobs.nightly.source: 'lake' is no source"),
        ("destination: lake", "destination: x", "there is no connection 'x'; known: clio, lake"),
        ("type: duckdb", "type: oracle", "p.yaml:3: connections.lake.type: "),
        ("- table: A", "- {}", "give either 'table' or 'query'"),
        ("- table: A", "- {tabel: A}", "p.yaml:9: jobs.nightly.tasks.0.tabel: unknown key"),
        ("- table: A", "- {table: A, parallel: lots}", "p.yaml:9: jobs.nightly.tasks.0.parallel: "),
        ("- table: A", "- table: [", "not YAML"),
    ],
)
def test_projects_that_cannot_be(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text((PROJECT + "      - table: A\n").replace(before, after))
    with pytest.raises(ProjectError) as caught:
        load_project(path)
    assert complaint in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no file"):
        load_project(tmp_path / "none.yaml")


def test_environment_variables(tmp_path: Path) -> None:
    properties = project(tmp_path, "- table: A").connections["clio"].properties
    assert isinstance(properties, dict)
    filled = substituted("clio", properties, {"CLIO_SECRET": "canary${X}"})
    assert filled["OAuthClientSecret"] == "canary${X}"  # values are not templates
    with pytest.raises(ProjectError) as caught:
        substituted("clio", properties, {})
    assert "OAuthClientSecret: the environment variable CLIO_SECRET is not set" in str(caught.value)


def job(tmp_path: Path, settings: str, tasks: str) -> JobSpec:
    text = PROJECT.replace("    tasks:\n", "".join(f"    {s}\n" for s in settings.splitlines()))
    path = tmp_path / "p.yaml"
    path.write_text(text + ("    tasks:\n" + tasks if tasks else ""))
    return load_project(path).jobs["nightly"]


def test_settings_of_a_job_hold_for_its_tasks(tmp_path: Path) -> None:
    spec = job(
        tmp_path,
        "schema: raw\ntable_prefix: clio.\nstart: 2025-01-01",
        "      - table: Matters\n"
        "      - {table: Activities, into: mine.Hours, start: 2026-01-01}\n"
        "      - {table: Contacts, enabled: false}\n",
    )
    matters, activities = tasks_of("nightly", spec)
    assert (matters.schema, matters.target) == ("raw", "clio.Matters")
    assert matters.start == datetime(2025, 1, 1, tzinfo=UTC)
    assert (activities.schema, activities.target) == ("mine", "Hours")
    assert activities.start == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_job_of_all_tables_adds_those_that_have_no_task(tmp_path: Path) -> None:
    spec = job(tmp_path, "all_tables: true", "      - {table: contacts, enabled: false}\n")
    added = with_new_tables(spec, ["Contacts", "Matters", "Users"])
    assert [task.target for task in tasks_of("nightly", added)] == ["Matters", "Users"]
    assert with_new_tables(added, ["Contacts", "Matters", "Users"]) == added
    plain = job(tmp_path, "paused: true", "")
    assert with_new_tables(plain, ["Contacts"]) == plain


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("{}", "give one of every_minutes"),
        ("{daily_at: '03:30', cron: '0 3 * * *'}", "give one of every_minutes"),
        ("{cron: '0 3 * *'}", "5 fields"),
        ("{cron: '0 3 30 2 *'}", "never|ever comes true"),
        ("{every_minutes: 7}", "every_minutes"),
        ("{daily_at: 24:00}", "daily_at"),
        ("{daily_at: 03:00, time_zone: Mars/Base}", "no time zone 'Mars/Base'"),
    ],
)
def test_schedules_that_cannot_be(tmp_path: Path, schedule: str, words: str) -> None:
    with pytest.raises(ProjectError, match=words):
        job(tmp_path, f"schedule: {schedule}", "")


def test_labels_are_kept_in_order_and_once(tmp_path: Path) -> None:
    assert job(tmp_path, "labels: [b, a, b]", "").labels == ("a", "b")
