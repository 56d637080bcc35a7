"""What goes over the wire about runs."""

from datetime import datetime
from typing import Any

from pydantic import Field

from syncline.api.schemas import In, Out
from syncline.control.runs import Failure, RunOptions, TaskRun


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


class RunRowOut(Out):
    """A run in a list."""

    id: str
    job: str
    state: str = Field(description="queued, running, succeeded, failed or cancelled.")
    reason: str
    requested_by: str
    planned_at: datetime | None
    options: RunOptions
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_at: datetime | None
    cancelled_by: str | None
    failure: Failure | None


class RunOut(RunRowOut):
    """A run and its tasks."""

    tasks: tuple[TaskRun, ...]


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

    id: str = Field(max_length=500)
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
