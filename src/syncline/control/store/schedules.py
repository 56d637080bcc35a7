"""Schedules: when a job starts by itself, and the next time it will."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table

from syncline.control.store.metadata import Document, Instant, metadata

schedules = Table(
    "schedules",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    #: A `ScheduleSpec`.
    Column("spec", Document, nullable=False),
    #: The spec says so, and the job is not paused.
    Column("enabled", Boolean, nullable=False),
    #: None: it does not start by the clock (after another job, or never again).
    Column("next_run_at", Instant),
    #: The last time that was due, whether it ran then or not.
    Column("last_slot_at", Instant),
    #: Runs when that job has ended.
    Column("after_job_id", String(32), ForeignKey("jobs.id", ondelete="SET NULL")),
    Index("ix_schedules_enabled_next_run_at", "enabled", "next_run_at"),
    Index("ix_schedules_after_job_id", "after_job_id"),
)
