"""Slots: the planned times of schedules that have come, and what became of each."""

from sqlalchemy import Column, Index, String, Table, Text

from syncline.control.store.metadata import Instant, metadata

slots = Table(
    "slots",
    metadata,
    # The key is what keeps a slot from being run twice, whoever notices that it is due.
    Column("job_id", String(32), primary_key=True),
    Column("planned_at", Instant, primary_key=True),
    #: run, skipped.
    Column("outcome", String(10), nullable=False),
    #: Why it was skipped; '' if it was not.
    Column("reason", Text, nullable=False, default=""),
    Column("run_id", String(32)),
    Column("decided_at", Instant, nullable=False),
    #: When it is to be looked at whether it is late; None: nobody wants to know (any more).
    Column("late_at", Instant),
    Index("ix_slots_decided_at", "decided_at"),
)
Index(
    "ix_slots_watched",
    slots.c.late_at,
    sqlite_where=slots.c.late_at.is_not(None),
    postgresql_where=slots.c.late_at.is_not(None),
)
