"""Tasks: one table or query of a job's source, kept in one table of its destination."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from syncline.control.store.metadata import Document, Instant, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    #: Tasks run in this order.
    Column("position", Integer, nullable=False),
    #: The engine's id of the task, ``job/target``: checkpoints are kept under it.
    Column("key", Text, nullable=False),
    Column("folded", Text, nullable=False),
    #: A `TaskSpec`.
    Column("spec", Document, nullable=False),
    Column("added_at", Instant, nullable=False),
    UniqueConstraint("job_id", "folded"),
)
