"""Jobs: a set of tasks from one source to one destination, and what holds for all of them."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from syncline.control.store.metadata import Document, Instant, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    #: Never changes: checkpoints are kept under it.
    Column("name", String(50), nullable=False),
    Column("folded", String(50), nullable=False, unique=True),
    Column("description", Text, nullable=False, default=""),
    Column("source_id", String(32), ForeignKey("connections.id"), nullable=False),
    Column("destination_id", String(32), ForeignKey("connections.id"), nullable=False),
    #: A `JobSpec` without what has columns and tables of its own.
    Column("spec", Document, nullable=False),
    #: A paused job is not started by its schedule.
    Column("paused", Boolean, nullable=False, default=False),
    #: Grows with every change of the job, its tasks, schedule or labels.
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(100), nullable=False),
    Index("ix_jobs_source_id", "source_id"),
    Index("ix_jobs_destination_id", "destination_id"),
)
