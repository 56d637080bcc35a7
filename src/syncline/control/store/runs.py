"""Runs of jobs, the task runs in them, and what happened in each, line by line."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from syncline.control.store.metadata import Counter, Document, Instant, metadata

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    #: No foreign key: the history of a job outlives it, until it is purged.
    Column("job_id", String(32), nullable=False),
    Column("job", String(50), nullable=False),
    #: queued, running, succeeded, failed, cancelled.
    Column("state", String(10), nullable=False),
    #: Why it began: manual, schedule, late, after, continuous, webhook, retry.
    Column("reason", String(12), nullable=False),
    Column("requested_by", String(100), nullable=False),
    #: The time of the schedule that it stands for.
    Column("planned_at", Instant),
    #: A `RunOptions`.
    Column("options", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    #: When the engine took it; None: it may have to be handed to it again.
    Column("dispatched_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("deadline_at", Instant),
    #: Somebody wants it to end: the run looks here, and ends at its next commit.
    Column("cancel_at", Instant),
    Column("cancelled_by", String(100)),
    #: What follows the end of a run has been seen to.
    Column("followed", Boolean, nullable=False, default=False),
    Column("error_code", String(50)),
    Column("error", Text),
    Column("hint", Text),
    Index("ix_runs_job_id_created_at", "job_id", "created_at"),
    Index("ix_runs_created_at", "created_at"),
    Index("ix_runs_state_created_at", "state", "created_at"),
)
# Few rows are in these, however long the history: a node looks here every second.
Index(
    "ix_runs_undispatched",
    runs.c.created_at,
    sqlite_where=runs.c.dispatched_at.is_(None),
    postgresql_where=runs.c.dispatched_at.is_(None),
)
Index(
    "ix_runs_unfollowed",
    runs.c.finished_at,
    sqlite_where=runs.c.followed.is_(False),
    postgresql_where=runs.c.followed.is_(False),
)
# One run of a job at a time: the database itself refuses a second.
Index(
    "uq_runs_active",
    runs.c.job_id,
    unique=True,
    sqlite_where=runs.c.finished_at.is_(None),
    postgresql_where=runs.c.finished_at.is_(None),
)

task_runs = Table(
    "task_runs",
    metadata,
    Column("run_id", String(32), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    #: The engine's id of the task: checkpoints are kept under it.
    Column("task", Text, nullable=False),
    Column("target", Text, nullable=False),
    #: queued, running, succeeded, failed, cancelled, skipped.
    Column("state", String(10), nullable=False),
    Column("attempt", Integer, nullable=False, default=1),
    Column("node", String(100)),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    #: The last sign of life.
    Column("progress_at", Instant),
    Column("incremental", Boolean),
    Column("read", BigInteger, nullable=False, default=0),
    Column("inserted", BigInteger, nullable=False, default=0),
    Column("updated", BigInteger, nullable=False, default=0),
    Column("deleted", BigInteger, nullable=False, default=0),
    Column("rejected", BigInteger, nullable=False, default=0),
    Column("requests", BigInteger, nullable=False, default=0),
    Column("commits", Integer, nullable=False, default=0),
    Column("seconds", Float, nullable=False, default=0.0),
    #: Seconds that the source has made it wait, all told.
    Column("waited", Float, nullable=False, default=0.0, server_default="0"),
    #: What the source makes it wait for, and until when.
    Column("waiting_for", Text),
    Column("waiting_until", Instant),
    Column("error_code", String(50)),
    Column("error", Text),
    Column("hint", Text),
    Index("ix_task_runs_task", "task"),
)

run_events = Table(
    "run_events",
    metadata,
    Column("id", Counter, primary_key=True, autoincrement=True),
    Column("run_id", String(32), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    #: Of the task run; None: of the run as a whole.
    Column("number", Integer),
    Column("at", Instant, nullable=False),
    #: debug, info, warning, error.
    Column("level", String(7), nullable=False),
    Column("kind", String(20), nullable=False),
    #: One line for people.
    Column("message", Text, nullable=False),
    #: The same for programs.
    Column("data", Document),
    Index("ix_run_events_run_id_id", "run_id", "id"),
)
