"""What goes over the wire about runs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from syncline.api.schemas import In, Out


class RunIn(In):
    """How a job is to run once."""

    tasks: list[str] = Field(
        default_factory=list, description="Target tables; none: all.", examples=[["Matters"]]
    )
    full: bool = Field(default=False, description="Read everything again.")
    sweep: bool = Field(default=False, description="Look for rows deleted at the source.")
    wait: float = Field(
        default=0, ge=0, le=300, description="Seconds to wait for the end before answering."
    )


class FailureOut(Out):
    """Why something did not work."""

    code: str
    message: str
    hint: str


class RunOptionsOut(Out):
    """What is special about one run."""

    tasks: tuple[str, ...]
    full: bool
    sweep: bool


class TaskRunOut(Out):
    """One task of a run."""

    number: int
    task: str
    target: str
    state: str
    attempt: int
    node: str | None
    started_at: datetime | None
    finished_at: datetime | None
    progress_at: datetime | None
    incremental: bool | None
    read: int
    inserted: int
    updated: int
    deleted: int
    rejected: int
    requests: int
    commits: int
    seconds: float
    waiting_for: str | None
    waiting_until: datetime | None
    failure: FailureOut | None


class RunRowOut(Out):
    """A run in a list."""

    id: str
    job: str
    state: str = Field(description="queued, running, succeeded, failed or cancelled.")
    reason: str
    requested_by: str
    planned_at: datetime | None
    options: RunOptionsOut
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_at: datetime | None
    cancelled_by: str | None
    failure: FailureOut | None


class RunOut(RunRowOut):
    """A run and its tasks."""

    tasks: tuple[TaskRunOut, ...]


class RunEventOut(Out):
    """One line of a run's log."""

    id: int
    number: int | None = Field(description="Of the task run; null: of the run as a whole.")
    at: datetime
    level: str
    kind: str
    message: str
    data: Mapping[str, Any] | None


class KeptRejectOut(Out):
    """A row that did not fit its target."""

    id: str | None = Field(description="Null: it is older than this interface.")
    rejected_at: datetime
    column: str | None = Field(description="Which column does not fit; null: the row as a whole.")
    reason: str = Field(examples=["longer than 20"])
    record: str = Field(description="The row as JSON.", examples=['{"EstHours": 7.5, "Job": null}'])


class RejectedRowsOut(Out):
    """The rows that a task run has rejected and that are still kept."""

    table: str = Field(
        description="That keeps them, beside the target.", examples=["Hours_rejects"]
    )
    total: int
    rows: tuple[KeptRejectOut, ...]


class MendedIn(In):
    """A rejected row, to be sent again."""

    id: str = Field(max_length=200)
    record: dict[str, Any] | None = Field(
        default=None,
        description="What it shall be; null: as it is.",
        examples=[{"EstHours": 7.5, "Job": "Garden"}],
    )


class MendedRowsIn(In):
    """Rejected rows, to be sent again."""

    rows: list[MendedIn] = Field(min_length=1, max_length=500)


class ResentOut(Out):
    """What became of rows that were sent again."""

    written: int
    rejected: int = Field(description="They did not fit again, and are kept as they are now.")
