"""What goes over the wire where a use case's own records or a project file's models do not."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from syncline.control.paging import FURTHEST, LONGEST, Wanted
from syncline.control.project import ConnectionSpec, JobSpec, TaskSpec
from syncline.control.timetable import ScheduleSpec

Item = TypeVar("Item")
#: Models of project files are built when they are needed, which bodies of requests cannot be.
_BODY = ConfigDict(defer_build=False)


class Out(BaseModel):
    """An answer, made from a record of a use case."""

    model_config = ConfigDict(from_attributes=True)


class In(BaseModel):
    """A request; unknown members are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PageOf(Out, Generic[Item]):
    """Part of a list, and how long the whole list is."""

    items: list[Item]
    total: int
    offset: int
    limit: int


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:syncline:request.missing"])
    title: str
    status: int
    code: str = Field(description="Stable.", examples=["request.missing"])
    detail: str = Field(examples=["there is no job 'nightly'"])
    hint: str | None = Field(default=None, description="What to do.")
    differences: list[dict[str, Any]] | None = Field(
        default=None, description="Of a conflict: place, theirs, yours."
    )
    errors: list[dict[str, str]] | None = None


class ConnectionOut(Out):
    """A connection; secrets are named, never shown."""

    name: str
    type: str
    description: str
    labels: tuple[str, ...]
    properties: Mapping[str, Any]
    secrets: tuple[str, ...]
    signed_in: bool
    status: str | None
    tested_at: datetime | None
    test_error: str | None
    changed_at: datetime
    changed_by: str
    version: int
    jobs: int


class ConnectionIn(ConnectionSpec):
    """A new connection."""

    model_config = ConfigDict(
        defer_build=False,
        json_schema_extra={
            "examples": [
                {
                    "name": "clio",
                    "type": "api",
                    "properties": {"Profile": "clio", "OAuthClientId": "…",
                                   "OAuthClientSecret": "…"},
                    "labels": ["law"],
                }
            ]
        }
    )  # fmt: skip
    name: str = Field(description="Letters, digits, '_', '.' and '-', at most 50.")


class ConnectionChange(In):
    """What of a connection changes; what is absent stays."""

    properties: dict[str, Any] | str | None = Field(
        default=None, description="All that are no secrets; a secret that is absent stays."
    )
    remove: frozenset[str] = Field(default=frozenset(), description="Secrets to take away.")
    description: str | None = None
    labels: tuple[str, ...] | None = None


class ConnectionTry(In):
    """Properties to test before they are saved."""

    type: str
    properties: dict[str, Any]
    name: str = Field(
        default="", description="A stored connection whose secrets fill in absent ones."
    )


class AuthorizeIn(In):
    """Where the browser comes back to."""

    redirect_uri: str = Field(
        default="", max_length=2000, description="Registered with the API; default: CallbackURL."
    )


class AuthorizeOut(Out):
    """Where a person agrees, in a browser."""

    url: str
    state: str = Field(description="Comes back with the answer.")


class AuthorizedIn(In):
    """What the browser brought back."""

    answer: str = Field(
        max_length=10_000, description="The address that it came to, or with 'state' the code."
    )
    state: str = Field(default="", max_length=500)


class StepOut(Out):
    """One thing that a test looked at."""

    name: str
    ok: bool
    message: str
    hint: str
    code: str


class TestedOut(Out):
    """What a test found."""

    ok: bool
    steps: tuple[StepOut, ...]


class TableOut(Out):
    """A table that a source offers."""

    name: str
    description: str
    primary_key: tuple[str, ...]
    cursor_column: str | None
    tells_deletes: bool
    columns: int


class ColumnOut(Out):
    """A column of a table that a source offers."""

    name: str
    type: str
    nullable: bool
    key: bool
    description: str
    filters: tuple[str, ...]


class LastRunOut(Out):
    """How a job last ran."""

    id: str
    state: str
    created_at: datetime
    finished_at: datetime | None


class JobRowOut(Out):
    """A job in a list."""

    name: str
    description: str
    source: str
    destination: str
    labels: tuple[str, ...]
    paused: bool
    schedule: ScheduleSpec | None
    next_run_at: datetime | None
    tasks: int
    last_run: LastRunOut | None
    changed_at: datetime
    changed_by: str
    version: int


class JobOut(Out):
    """A job, whole."""

    name: str
    spec: JobSpec
    task_ids: tuple[str, ...]
    next_run_at: datetime | None
    changed_at: datetime
    changed_by: str
    version: int


class JobIn(JobSpec):
    """A new job."""

    model_config = ConfigDict(
        defer_build=False,
        json_schema_extra={
            "examples": [
                {
                    "name": "nightly",
                    "source": "clio",
                    "destination": "lake",
                    "schedule": {"daily_at": "03:30", "time_zone": "Europe/Berlin"},
                    "tasks": [{"table": "Matters"}, {"table": "Activities", "deletes": "soft"}],
                }
            ]
        },
    )
    name: str = Field(description="Letters, digits, '_', '.' and '-', at most 50.")


class JobPut(JobSpec):
    """What a job is to be, whole."""

    model_config = _BODY


class TaskIn(TaskSpec):
    """A task."""

    model_config = _BODY


class JobCopy(In):
    """A copy of a job, paused."""

    name: str
    changes: dict[str, Any] = Field(default_factory=dict, description="Other settings.")


class TaskOut(Out):
    """A task of a job."""

    id: str
    target: str
    spec: TaskSpec


class TablesIn(In):
    """Tables to add as tasks."""

    tables: list[str] = Field(min_length=1, max_length=5000, examples=[["Matters", "Contacts"]])
    like: dict[str, Any] = Field(
        default_factory=dict, description="Settings of the new tasks.",
        examples=[{"deletes": "soft"}],
    )  # fmt: skip


class TaskIds(In):
    """Tasks of a job."""

    ids: list[str] = Field(min_length=1)


class Place(In):
    """A place in the order of tasks."""

    position: int = Field(ge=0, description="Counted from 0.")


class OutlookOut(Out):
    """How a task would be read and written."""

    disposition: str
    key: tuple[str, ...]
    incremental: bool = Field(description="From the second run on, only what has changed is read.")
    columns: int
    notes: tuple[str, ...]


class ShownColumnOut(Out):
    """A column of a preview."""

    name: str
    type: str


class ShownRowsOut(Out):
    """The first rows of a task as its target would get them."""

    columns: tuple[ShownColumnOut, ...]
    rows: tuple[tuple[str | int | float | bool | None, ...], ...]
    before_columns: tuple[ShownColumnOut, ...]
    before: tuple[tuple[str | int | float | bool | None, ...], ...] = Field(
        description="The first rows that were read for them, as the source sent them."
    )
    misfits: tuple[str, ...] = Field(description="Values that an existing table would not take.")


class SchedulePreview(In):
    """A schedule to look at."""

    schedule: ScheduleSpec
    count: int = Field(default=5, ge=1, le=100)
    after: datetime | None = Field(default=None, description="Default: now.")


class ScheduleOut(Out):
    """What a schedule means."""

    words: str
    next_runs: tuple[datetime, ...]


class EntryOut(Out):
    """One change in the audit log."""

    id: int
    at: datetime
    actor: str
    via: str
    action: str
    kind: str
    name: str
    changes: Mapping[str, tuple[Any, Any]]


class ProjectIn(In):
    """A project file."""

    file: str = Field(description="Its text, in YAML.")
    prune: bool = Field(default=False, description="Delete what it does not name.")


class ChangeOut(Out):
    """What applying a file does to one connection or job."""

    action: str
    kind: str
    name: str
    differences: Mapping[str, tuple[Any, Any]]


def wanted(
    label: Annotated[
        list[str], Query(default_factory=list, description="A label; again for more.")
    ],
    search: Annotated[str, Query(max_length=200, description="Words that must be there.")] = "",
    order: Annotated[str, Query(description="A column; with - before it the other way.")] = "name",
    offset: Annotated[int, Query(ge=0, le=FURTHEST)] = 0,
    limit: Annotated[int, Query(ge=1, le=LONGEST)] = 50,
) -> Wanted:
    """Return what of a list is asked for."""
    return Wanted(search=search, labels=tuple(label), order=order, offset=offset, limit=limit)


TheWanted = Annotated[Wanted, Depends(wanted)]
