"""What the page of a task has, where an error leads to, how parameters of a query are written."""

from datetime import UTC, datetime

import pytest

from syncline.control.project import JobSpec, TaskSpec
from syncline.control.runs import Failure
from syncline.control.usecases.jobs import Job
from syncline.errors import Invalid
from syncline.web import task as task_page
from syncline.web import task_mapping
from syncline.web.run_failures import ways_of
from syncline.web.task_parameters import parameters_of

_SPEC = JobSpec(
    source="time",
    destination="lake",
    tasks=(
        TaskSpec(table="Users"),
        TaskSpec(query="SELECT 1 AS a", into="Hours", existing=True),
    ),
)


@pytest.mark.parametrize(
    ("code", "message", "task", "paths"),
    [
        ("config.credential", "nobody has signed in", "a", ["/connections/time"]),
        ("config.destination", "refused", "a", ["/connections/lake"]),
        ("transient.unavailable", "no answer", "a", ["/connections/time", "/connections/lake"]),
        (
            "config.property",
            "connection lake: unknown property 'Databse'",
            None,
            ["/connections/lake?field=Databse"],
        ),
        ("transient.out_of_time", "too long", "a", ["/jobs/my%20job?tab=options&field=timeout"]),
        ("config.query", "no column", "a", ["/jobs/my%20job/tasks/a"]),
        (
            "data.empty",
            "no rows",
            "a",
            ["/jobs/my%20job/tasks/a?tab=options&field=allow_empty", "/jobs/my%20job/tasks/a"],
        ),
        (
            "data.schema",
            "no column takes 'a'",
            "b",
            ["/jobs/my%20job/tasks/b?tab=mapping", "/jobs/my%20job/tasks/b"],
        ),
        ("defect", "broke", "a", ["/jobs/my%20job"]),
        ("config.query", "no column", None, ["/jobs/my%20job"]),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_where_an_error_leads_to(
    code: str, message: str, task: str | None, paths: list[str]
) -> None:
    job = Job(
        id="j",
        name="my job",
        spec=_SPEC,
        task_ids=("a", "b"),
        next_run_at=None,
        changed_at=datetime(2026, 1, 1, tzinfo=UTC),
        changed_by="",
        version=1,
    )
    ways = ways_of(Failure(code=code, message=message, hint=""), job, task)
    assert [way.path for way in ways] == paths


def test_parameters_are_lines_of_json_or_text() -> None:
    text = 'status = Open\n@limit=5\n\nactive = true\nname = "5"\nnote = a = b\nempty =\n'
    assert parameters_of(text) == {
        "status": "Open", "limit": 5, "active": True, "name": "5", "note": "a = b", "empty": "",
    }  # fmt: skip
    with pytest.raises(Invalid, match="'Open' is no parameter"):
        parameters_of("Open")


def test_every_setting_of_a_task_is_on_its_page() -> None:
    apart = {"table", "query", "columns", "where", "parameters", "existing", "mapping", "deletes",
             "before", "after"}  # fmt: skip
    shown = {*task_page.OPTIONS, *task_mapping.SETTINGS, *apart}
    assert shown == set(TaskSpec.model_fields)
