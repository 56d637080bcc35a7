"""Channels that people are told things by, which jobs use them, and what is still to be told."""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text

from syncline.control.store.metadata import Document, Instant, metadata

channels = Table(
    "channels",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(50), nullable=False),
    Column("folded", String(50), nullable=False, unique=True),
    Column("description", Text, nullable=False, default=""),
    #: The address, sealed, or a reference such as ``${OPS_URL}`` in its place.
    Column("url", Text, nullable=False),
    #: What it is, for people: ``Slack``, ``E-Mail``; '' for a reference.
    Column("service", String(60), nullable=False, default=""),
    Column("version", Integer, nullable=False, default=1),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("changed_by", String(100), nullable=False),
    #: How the last delivery went: None (there was none), ``ok`` or ``failed``.
    Column("status", String(10)),
    Column("told_at", Instant),
    Column("error", Text),
)

#: Which channels the alerts of a job name: none of them can be deleted.
job_channels = Table(
    "job_channels",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("channel_id", String(32), ForeignKey("channels.id"), primary_key=True),
    Index("ix_job_channels_channel_id", "channel_id"),
)

#: What is to be told to one channel, written in the transaction of what has happened.
notices = Table(
    "notices",
    metadata,
    #: Made of what has happened and the channel: the same is never told twice.
    Column("id", String(32), primary_key=True),
    Column(
        "channel_id",
        String(32),
        ForeignKey("channels.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("job", String(50), nullable=False),
    Column("run_id", String(32)),
    #: What the alert is for: failure, success, no_rows, row_drop, late.
    Column("kind", String(10), nullable=False),
    #: `Happening`: what is told, in facts.
    Column("facts", Document, nullable=False),
    #: waiting, sent, given_up.
    Column("state", String(10), nullable=False),
    Column("created_at", Instant, nullable=False),
    #: When it is tried next; also until when one node has it to itself. None: it is over.
    Column("next_at", Instant),
    Column("attempts", Integer, nullable=False, default=0),
    Column("sent_at", Instant),
    Column("error", Text),
    Index("ix_notices_channel_id", "channel_id"),
    Index("ix_notices_created_at", "created_at"),
)
Index(
    "ix_notices_waiting",
    notices.c.next_at,
    sqlite_where=notices.c.next_at.is_not(None),
    postgresql_where=notices.c.next_at.is_not(None),
)
